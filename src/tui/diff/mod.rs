//! The unified diff of two texts as rows: cheap to keep, styled only when a row is on the screen.

mod space;
mod words;

use std::ops::Range;
use std::sync::Arc;

use similar::{Algorithm, DiffTag, TextDiff};

pub use self::space::Space;
pub use self::words::{alike, words};

use crate::core::line_ends::LineEnds;
use crate::core::merge::is_binary;

use super::text;

/// Unchanged lines shown around a change.
pub(crate) const CONTEXT: usize = 3;

/// Stands for "all lines".
pub const EVERYTHING: usize = usize::MAX;

/// How two texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct How {
    /// Unchanged lines shown around a change.
    pub context: usize,
    /// Which white space counts.
    pub space: Space,
}

impl Default for How {
    fn default() -> Self {
        Self { context: CONTEXT, space: Space::Exact }
    }
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// In both.
    Same,
    /// Only in the new text.
    Added,
    /// Only in the old text.
    Removed,
    /// Lines left out.
    Fold,
    /// A word on the whole file, one of [`Diff::notes`].
    Note,
}

/// One row. `text` points into the old text for removed lines, into the new one for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub tag: Tag,
    /// Line number in the old text, from 1.
    pub old: Option<usize>,
    /// Line number in the new text, from 1.
    pub new: Option<usize>,
    /// The line without its `\n`; empty for folds.
    pub text: Range<usize>,
    /// The row this one replaces or is replaced by, for marking words.
    pub pair: Option<usize>,
    /// How many lines a fold hides; of a note, which one it is.
    pub hidden: usize,
}

/// A diff, ready to be drawn.
#[derive(Debug, Clone, Default)]
pub struct Diff {
    old: Arc<[u8]>,
    new: Arc<[u8]>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Rows at which a change begins.
    pub changes: Vec<usize>,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// What to say instead of rows, if there are none.
    pub note: Option<String>,
    /// How the two differ where that is not shown line by line: in all line ends, in the end of the last line.
    pub notes: Vec<String>,
    /// How they were compared.
    pub how: How,
}

/// Compares two texts; a missing one is empty. Takes a while for big texts: call it off the drawing thread.
pub fn build(old: Option<&Arc<[u8]>>, new: Option<&Arc<[u8]>>, how: How) -> Diff {
    let none = || Arc::from(&b""[..]);
    let mut diff = Diff {
        old: old.cloned().unwrap_or_else(none),
        new: new.cloned().unwrap_or_else(none),
        note: note(old, new),
        how,
        ..Diff::default()
    };
    if diff.note.is_some() {
        return diff;
    }
    if let (Some(old), Some(new)) = (old, new)
        && let (was, is) = (LineEnds::of(old), LineEnds::of(new))
        && is.only_these_differ(&[old])
    {
        let ends = format!("{} before, {} after", word(was), word(is));
        diff.old = Arc::from(&*is.write(old));
        if diff.old == diff.new {
            diff.note = Some(format!("Only the line ends differ: {ends}."));
            return diff;
        }
        push_note(&mut diff, format!("All line ends differ: {ends}. The lines are compared without them."));
    }
    fill(&mut diff);
    let without = |text: &Arc<[u8]>| !text.is_empty() && !text.ends_with(b"\n");
    if let (Some(old), Some(new)) = (old, new) {
        match (without(old), without(new)) {
            (true, false) => push_note(&mut diff, "Only the new text ends with a line break.".to_owned()),
            (false, true) => push_note(&mut diff, "The new text has no line break at its end.".to_owned()),
            _ => {}
        }
    }
    diff
}

fn push_note(diff: &mut Diff, note: String) {
    let hidden = diff.notes.len();
    diff.notes.push(note);
    diff.rows.push(Row { tag: Tag::Note, old: None, new: None, text: 0..0, pair: None, hidden });
}

/// Line ends in a word.
pub fn word(ends: LineEnds) -> &'static str {
    match ends {
        LineEnds::None => "none",
        LineEnds::Lf => "LF",
        LineEnds::Crlf => "CRLF",
        LineEnds::Mixed => "mixed",
    }
}

fn note(old: Option<&Arc<[u8]>>, new: Option<&Arc<[u8]>>) -> Option<String> {
    let side = |bytes: Option<&Arc<[u8]>>| bytes.map_or("no file".to_owned(), |b| text::size(b.len()));
    if [old, new].into_iter().flatten().any(|b| is_binary(b)) {
        return Some(format!("Not text: {} before, {} after.", side(old), side(new)));
    }
    match (old, new) {
        (Some(a), Some(b)) if a == b => Some("The two are the same.".to_owned()),
        (None, None) => Some("There is no text on either side.".to_owned()),
        (None, Some(b)) | (Some(b), None) if b.is_empty() => Some("The file is empty.".to_owned()),
        _ => None,
    }
}

fn fill(diff: &mut Diff) {
    let (old, new) = (Arc::clone(&diff.old), Arc::clone(&diff.new));
    let cut = |text: &[u8]| -> Vec<Range<usize>> {
        let mut at = 0;
        let line = |l: &[u8]| {
            at += l.len();
            at - l.len()..at
        };
        text.split_inclusive(|b| *b == b'\n').map(line).collect()
    };
    let (old_lines, new_lines) = (cut(&old), cut(&new));
    let space = diff.how.space;
    let counted = |text: &'_ [u8], lines: &[Range<usize>]| -> Vec<Vec<u8>> {
        lines.iter().map(|l| space.of(&text[l.clone()]).into_owned()).collect()
    };
    // Only where white space doesn't count do the lines have to be copied.
    let (old_counted, new_counted) = match space {
        Space::Exact => (Vec::new(), Vec::new()),
        _ => (counted(&old, &old_lines), counted(&new, &new_lines)),
    };
    let (old_slices, new_slices): (Vec<&[u8]>, Vec<&[u8]>) = match space {
        Space::Exact => (slices(&old, &old_lines), slices(&new, &new_lines)),
        _ => (old_counted.iter().map(Vec::as_slice).collect(), new_counted.iter().map(Vec::as_slice).collect()),
    };
    let lines = TextDiff::configure().algorithm(Algorithm::Histogram).diff_slices(&old_slices, &new_slices);
    let groups = match diff.how.context {
        EVERYTHING => vec![lines.ops().to_vec()],
        context => lines.grouped_ops(context),
    };
    let mut shown = 0;
    for group in &groups {
        let Some(first) = group.first() else { continue };
        let (was, is) = (first.old_range().start, first.new_range().start);
        push_fold(diff, is.saturating_sub(shown), (was, is), &new_lines);
        for op in group {
            let (was, is) = (op.old_range(), op.new_range());
            shown = is.end;
            if op.tag() == DiffTag::Equal {
                diff.rows.extend(was.zip(is).map(|(i, j)| same(i, j, line(&new, &new_lines[j]))));
                continue;
            }
            let first = diff.rows.len();
            diff.changes.push(first);
            diff.removed += was.len();
            diff.added += is.len();
            let own: Vec<&[u8]> = was.clone().map(|i| &old[line(&old, &old_lines[i])]).collect();
            let other: Vec<&[u8]> = is.clone().map(|j| &new[line(&new, &new_lines[j])]).collect();
            let alike = alike(&own, &other);
            for (k, i) in was.clone().enumerate() {
                let text = line(&old, &old_lines[i]);
                let pair = alike.iter().find(|a| a.0 == k).map(|a| first + was.len() + a.1);
                diff.rows.push(Row { tag: Tag::Removed, old: Some(i + 1), new: None, text, pair, hidden: 0 });
            }
            for (k, j) in is.clone().enumerate() {
                let text = line(&new, &new_lines[j]);
                let pair = alike.iter().find(|a| a.1 == k).map(|a| first + a.0);
                diff.rows.push(Row { tag: Tag::Added, old: None, new: Some(j + 1), text, pair, hidden: 0 });
            }
        }
    }
    let (was, is) = (lines.old_len(), lines.new_len());
    push_fold(diff, is.saturating_sub(shown), (was, is), &new_lines);
}

fn slices<'t>(text: &'t [u8], lines: &[Range<usize>]) -> Vec<&'t [u8]> {
    lines.iter().map(|l| &text[l.clone()]).collect()
}

fn same(old: usize, new: usize, text: Range<usize>) -> Row {
    Row { tag: Tag::Same, old: Some(old + 1), new: Some(new + 1), text, pair: None, hidden: 0 }
}

/// Folds the lines before these places in both texts. A single one is shown: its fold would take as much.
fn push_fold(diff: &mut Diff, hidden: usize, (old, new): (usize, usize), new_lines: &[Range<usize>]) {
    if hidden == 1 && old > 0 && new > 0 {
        let text = line(&diff.new, &new_lines[new - 1]);
        diff.rows.push(same(old - 1, new - 1, text));
    } else if hidden > 0 {
        diff.rows.push(Row { tag: Tag::Fold, old: None, new: None, text: 0..0, pair: None, hidden });
    }
}

fn line(text: &[u8], at: &Range<usize>) -> Range<usize> {
    let (start, mut end) = (at.start, at.end);
    if end > start && text[end - 1] == b'\n' {
        end -= 1;
    }
    start..end
}

impl Diff {
    /// A diff that only says something.
    pub(crate) fn with_note(note: &str) -> Self {
        Self { note: Some(note.to_owned()), ..Self::default() }
    }

    /// The text after.
    #[cfg(test)]
    pub(crate) fn new_text(&self) -> &Arc<[u8]> {
        &self.new
    }

    /// The bytes of a row.
    pub fn bytes(&self, row: &Row) -> &[u8] {
        let side = if row.tag == Tag::Removed { &self.old } else { &self.new };
        side.get(row.text.clone()).unwrap_or_default()
    }

    /// The bytes of the row that stands for this one on the other side.
    pub fn pair(&self, row: &Row) -> Option<&[u8]> {
        row.pair.and_then(|p| self.rows.get(p)).map(|pair| self.bytes(pair))
    }

    /// The pieces of a row, `true` for words that its pair hasn't. One plain piece if it has no pair.
    pub fn words(&self, row: &Row) -> Vec<(bool, String)> {
        let own = self.bytes(row);
        match self.pair(row) {
            Some(pair) => words(own, pair),
            None => vec![(false, text::visible(own, false))],
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(old: &str, new: &str) -> Diff {
        build(Some(&Arc::from(old.as_bytes())), Some(&Arc::from(new.as_bytes())), How::default())
    }

    #[test]
    fn far_lines_are_folded_and_words_marked() {
        let same = (0..20).map(|i| format!("line {i}\n")).collect::<String>();
        let diff = of(&format!("{same}use git log here\n"), &format!("{same}use git show here\n"));
        assert_eq!(diff.rows[0].tag, Tag::Fold);
        assert_eq!(diff.rows[0].hidden, 17);
        let added = diff.rows.iter().find(|r| r.tag == Tag::Added).unwrap();
        assert_eq!(diff.words(added), [(false, "use git ".into()), (true, "show".into()), (false, " here".into())]);
        assert_eq!((diff.added, diff.removed, diff.changes.len()), (1, 1, 1));
    }

    #[test]
    fn what_is_not_text_is_said() {
        assert!(of("a\0", "b").note.unwrap().starts_with("Not text"));
        assert!(of("a", "a").note.is_some());
        assert!(build(None, Some(&Arc::from(&b"a\n"[..])), How::default()).note.is_none());
    }

    #[test]
    fn other_line_ends_are_one_line_not_every_line() {
        let diff = of("a\r\nb\r\nc\r\n", "a\nB\nc\n");
        assert_eq!(diff.rows[0].tag, Tag::Note);
        assert!(diff.notes[0].contains("CRLF before, LF after"));
        assert_eq!((diff.added, diff.removed), (1, 1));
        assert!(of("a\r\n", "a\n").note.unwrap().starts_with("Only the line ends differ"));
    }

    #[test]
    fn a_missing_last_line_break_is_said() {
        let note = |old: &str, new: &str| {
            let diff = of(old, new);
            let shown = diff.rows.last().is_some_and(|r| r.tag == Tag::Note);
            diff.notes.first().cloned().filter(|_| shown)
        };
        assert_eq!(note("a\nb\n", "a\nb").as_deref(), Some("The new text has no line break at its end."));
        assert_eq!(note("a\nb", "a\nb\n").as_deref(), Some("Only the new text ends with a line break."));
        assert_eq!(note("a", "b"), None, "neither has one");
        assert_eq!(note("a\n", "").or(note("", "a\n")), None, "there is no last line");
    }

    #[test]
    fn a_single_unchanged_line_is_not_folded() {
        let (old, new) = ("0\n1\n2\n3\nold\n5\n6\n7\n8\n", "0\n1\n2\n3\nnew\n5\n6\n7\n8\n");
        let diff = of(old, new);
        assert!(diff.rows.iter().all(|r| r.tag != Tag::Fold));
        assert_eq!(diff.rows.len(), 10);
        let row = diff.rows.last().unwrap();
        assert_eq!((row.old, row.new, diff.bytes(row)), (Some(9), Some(9), &b"8"[..]));
    }

    #[test]
    fn white_space_counts_as_asked() {
        let changes = |space| {
            let how = How { space, ..How::default() };
            let text = |t: &str| Arc::from(t.as_bytes());
            let (old, new) = (text("a  b\nc\nde\n"), text("a b \nC\nd e\n"));
            build(Some(&old), Some(&new), how).added
        };
        assert_eq!([Space::Exact, Space::Amount, Space::Ignored].map(changes), [3, 2, 1]);
    }

    proptest! {
        #[test]
        fn rows_and_folds_cover_the_new_text(old in "[ab\n]{0,60}", new in "[ab\n]{0,60}") {
            let diff = of(&old, &new);
            if diff.note.is_none() {
                let shown: usize = diff.rows.iter().map(|r| match r.tag {
                    Tag::Fold => r.hidden,
                    Tag::Removed | Tag::Note => 0,
                    _ => 1,
                }).sum();
                prop_assert_eq!(shown, new.split_inclusive('\n').count());
            }
        }
    }
}
