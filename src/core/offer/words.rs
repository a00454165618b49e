//! Both sides' changes of the same lines, word by word: taken together where they are apart from each other.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::core::merge::RegionSides;

/// So many words that both sides write anew, at different places, are the same thought: nobody wants it twice.
const SAME_THOUGHT: usize = 3;

/// A side that keeps fewer of base's words wrote the lines anew, and what it has in common with base is chance: one of so many.
const KEPT: usize = 2;

/// A change of one side's, in tokens of base and of that side.
#[derive(Clone, PartialEq, Eq)]
struct Edit<'t> {
    base: Range<usize>,
    new: Vec<&'t str>,
    /// By mine, by theirs.
    by: [bool; 2],
}

fn is_word(token: &str) -> bool {
    token.chars().any(char::is_alphanumeric)
}

fn is_break(token: &str) -> bool {
    token.contains('\n')
}

fn tokens(text: &str) -> Vec<&str> {
    text.split_word_bounds().collect()
}

impl<'t> Edit<'t> {
    /// Whether it removes or adds a line's end.
    fn breaks(&self, base: &[&str]) -> bool {
        base[self.base.clone()].iter().chain(&self.new).any(|t| is_break(t))
    }

    fn words(&self) -> Vec<&'t str> {
        self.new.iter().copied().filter(|t| is_word(t)).collect()
    }
}

/// One side's changes. Those between which no word stays are one, unless they stand in different lines.
fn edits<'t>(base: &[&'t str], side: &[&'t str], by: [bool; 2]) -> Vec<Edit<'t>> {
    let mut input = InternedInput::default();
    input.update_before(base.iter().copied());
    input.update_after(side.iter().copied());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_no_heuristic(&input);
    let mut all: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for hunk in diff.hunks() {
        let range = |r: Range<u32>| r.start as usize..r.end as usize;
        let (old, new) = (range(hunk.before), range(hunk.after));
        match all.last_mut() {
            Some(last) if !base[last.0.end..old.start].iter().any(|t| is_word(t) || is_break(t)) => {
                (last.0.end, last.1.end) = (old.end, new.end);
            }
            _ => all.push((old, new)),
        }
    }
    all.into_iter().map(|(old, new)| Edit { base: old, new: side[new].to_vec(), by }).collect()
}

/// Whether enough of base's words stay where they are.
fn keeps_enough(base: &[&str], edits: &[Edit<'_>]) -> bool {
    let words = |range: Range<usize>| base[range].iter().filter(|t| is_word(t)).count();
    let gone: usize = edits.iter().map(|edit| words(edit.base.clone())).sum();
    let all = words(0..base.len());
    all - gone >= all.div_ceil(KEPT)
}

/// Whether two changes of different sides, in this order, have nothing to do with each other: a word stays between them that
/// is not of one piece with both, as the parts of a path are, or the end of a line that neither of them touches.
fn apart(base: &[&str], before: &Edit<'_>, after: &Edit<'_>) -> bool {
    let Some(between) = base.get(before.base.end..after.base.start) else { return false };
    let line_ends = || between.iter().any(|t| is_break(t)) && !before.breaks(base) && !after.breaks(base);
    let word = || between.iter().any(|t| is_word(t)) && between.iter().any(|t| t.trim().is_empty());
    word() || line_ends()
}

/// Both sides' changes in the order of base, each that both made alike once; none if two of them are not apart.
fn together<'t>(base: &[&str], mine: Vec<Edit<'t>>, theirs: Vec<Edit<'t>>) -> Option<Vec<Edit<'t>>> {
    let mut all: Vec<Edit<'t>> = Vec::new();
    let mut theirs = theirs.into_iter().peekable();
    let mut push = |edit: Edit<'t>| {
        let fits = all.last().is_none_or(|last: &Edit<'_>| {
            let one_side = last.by == edit.by && last.by != [true, true];
            one_side || apart(base, last, &edit)
        });
        all.push(edit);
        fits
    };
    for edit in mine {
        while let Some(before) = theirs.next_if(|t| (t.base.start, t.base.end) < (edit.base.start, edit.base.end)) {
            if !push(before) {
                return None;
            }
        }
        let alike = theirs.next_if(|t| t.base == edit.base && t.new == edit.new).is_some();
        if !push(Edit { by: [true, alike], ..edit }) {
            return None;
        }
    }
    theirs.all(push).then_some(all)
}

/// The hunk with both sides' changes of words; none where they overlap or touch, or where a side is no text.
pub(super) fn combined(sides: RegionSides<'_>) -> Option<Vec<u8>> {
    let text = |side| std::str::from_utf8(side).ok();
    let (base, mine, theirs) = (text(sides.base)?, text(sides.mine)?, text(sides.theirs)?);
    if base.is_empty() || mine.is_empty() || theirs.is_empty() {
        return None;
    }
    let base = tokens(base);
    let (mine, theirs) = (tokens(mine), tokens(theirs));
    let (mine, theirs) = (edits(&base, &mine, [true, false]), edits(&base, &theirs, [false, true]));
    if !keeps_enough(&base, &mine) || !keeps_enough(&base, &theirs) {
        return None;
    }
    let all = together(&base, mine, theirs)?;
    let said = |by: [bool; 2]| all.iter().filter(|e| e.by == by).map(Edit::words).collect::<Vec<_>>();
    let (own, other) = (said([true, false]), said([false, true]));
    let repeats =
        |one: &[&str], others: &[Vec<&str>]| one.len() >= SAME_THOUGHT && others.iter().any(|words| holds(words, one));
    if own.iter().any(|words| repeats(words, &other)) || other.iter().any(|words| repeats(words, &own)) {
        return None;
    }
    let mut out = String::new();
    let mut at = 0;
    for edit in &all {
        out.extend(base.get(at..edit.base.start)?.iter().copied());
        out.extend(edit.new.iter().copied());
        at = edit.base.end;
    }
    out.extend(base.get(at..)?.iter().copied());
    Some(out.into_bytes())
}

/// Whether these words stand in others, one behind the other.
fn holds(all: &[&str], words: &[&str]) -> bool {
    all.windows(words.len()).any(|part| part == words)
}
