//! The unified diff of two texts as rows: cheap to keep, styled only when a row is on the screen.

use std::ops::Range;
use std::sync::Arc;

use similar::{Algorithm, ChangeTag, DiffTag, TextDiff};

use crate::core::merge::is_binary;

use super::text;

/// Unchanged lines shown around a change.
pub const CONTEXT: usize = 3;

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
    /// How many lines a fold hides.
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
}

/// Compares two texts; a missing one is empty. Takes a while for big texts: call it off the drawing thread.
pub fn build(old: Option<&Arc<[u8]>>, new: Option<&Arc<[u8]>>) -> Diff {
    let none = || Arc::from(&b""[..]);
    let mut diff = Diff {
        old: old.cloned().unwrap_or_else(none),
        new: new.cloned().unwrap_or_else(none),
        note: note(old, new),
        ..Diff::default()
    };
    if diff.note.is_none() {
        fill(&mut diff);
    }
    diff
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
    let lines = TextDiff::configure().algorithm(Algorithm::Histogram).diff_lines(&old[..], &new[..]);
    let (old_at, new_at) = (
        starts((0..lines.old_len()).filter_map(|i| lines.old_slice(i))),
        starts((0..lines.new_len()).filter_map(|i| lines.new_slice(i))),
    );
    let groups = lines.grouped_ops(CONTEXT);
    let mut shown = 0;
    for group in &groups {
        let Some(first) = group.first() else { continue };
        push_fold(diff, first.new_range().start.saturating_sub(shown));
        for op in group {
            let (was, is) = (op.old_range(), op.new_range());
            shown = is.end;
            if op.tag() == DiffTag::Equal {
                for (i, j) in was.clone().zip(is.clone()) {
                    let text = line(&new, &new_at, j);
                    diff.rows.push(Row {
                        tag: Tag::Same,
                        old: Some(i + 1),
                        new: Some(j + 1),
                        text,
                        pair: None,
                        hidden: 0,
                    });
                }
                continue;
            }
            let first = diff.rows.len();
            diff.changes.push(first);
            diff.removed += was.len();
            diff.added += is.len();
            let paired = if was.len() == is.len() { was.len() } else { 0 };
            for (k, i) in was.clone().enumerate() {
                let text = line(&old, &old_at, i);
                let pair = (k < paired).then_some(first + was.len() + k);
                diff.rows.push(Row { tag: Tag::Removed, old: Some(i + 1), new: None, text, pair, hidden: 0 });
            }
            for (k, j) in is.clone().enumerate() {
                let text = line(&new, &new_at, j);
                let pair = (k < paired).then_some(first + k);
                diff.rows.push(Row { tag: Tag::Added, old: None, new: Some(j + 1), text, pair, hidden: 0 });
            }
        }
    }
    push_fold(diff, lines.new_len().saturating_sub(shown));
}

fn push_fold(diff: &mut Diff, hidden: usize) {
    if hidden > 0 {
        diff.rows.push(Row { tag: Tag::Fold, old: None, new: None, text: 0..0, pair: None, hidden });
    }
}

/// Byte offsets of line starts, with the end behind them.
pub(super) fn starts<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<usize> {
    let mut at = 0;
    std::iter::once(0)
        .chain(lines.map(|l| {
            at += l.len();
            at
        }))
        .collect()
}

fn line(text: &[u8], at: &[usize], i: usize) -> Range<usize> {
    let (start, mut end) = (at[i], at[i + 1]);
    if end > start && text[end - 1] == b'\n' {
        end -= 1;
    }
    start..end
}

impl Diff {
    /// A diff that only says something.
    pub fn with_note(note: &str) -> Self {
        Self { note: Some(note.to_owned()), ..Self::default() }
    }

    /// The bytes of a row.
    pub fn bytes(&self, row: &Row) -> &[u8] {
        let side = if row.tag == Tag::Removed { &self.old } else { &self.new };
        side.get(row.text.clone()).unwrap_or_default()
    }

    /// The pieces of a row, `true` for words that its pair hasn't. One plain piece if it has no pair.
    pub fn words(&self, row: &Row) -> Vec<(bool, String)> {
        let pair = row.pair.and_then(|p| self.rows.get(p));
        let own = self.bytes(row);
        match pair {
            Some(pair) => words(own, self.bytes(pair)),
            None => vec![(false, text::visible(own, false))],
        }
    }
}

/// The pieces of `own`, `true` for words that `other` hasn't. Lines that share little are left plain.
pub fn words(own: &[u8], other: &[u8]) -> Vec<(bool, String)> {
    let plain = || vec![(false, text::visible(own, false))];
    if own.len().max(other.len()) > 2_000 {
        return plain();
    }
    let (own_text, other_text) = (text::visible(own, false), text::visible(other, false));
    let diff = TextDiff::from_unicode_words(other_text.as_str(), own_text.as_str());
    if diff.ratio() < 0.5 {
        return plain();
    }
    let mut out: Vec<(bool, String)> = Vec::new();
    for change in diff.iter_all_changes().filter(|c| c.tag() != ChangeTag::Delete) {
        let marked = change.tag() == ChangeTag::Insert;
        match out.last_mut() {
            Some(last) if last.0 == marked => last.1.push_str(change.value()),
            _ => out.push((marked, change.value().to_owned())),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(old: &str, new: &str) -> Diff {
        build(Some(&Arc::from(old.as_bytes())), Some(&Arc::from(new.as_bytes())))
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
        assert!(build(None, Some(&Arc::from(&b"a\n"[..]))).note.is_none());
    }

    proptest! {
        #[test]
        fn rows_and_folds_cover_the_new_text(old in "[ab\n]{0,60}", new in "[ab\n]{0,60}") {
            let diff = of(&old, &new);
            if diff.note.is_none() {
                let shown: usize = diff.rows.iter().map(|r| match r.tag {
                    Tag::Fold => r.hidden,
                    Tag::Removed => 0,
                    _ => 1,
                }).sum();
                prop_assert_eq!(shown, new.split_inclusive('\n').count());
            }
        }
    }
}
