//! Lines that one side moved and the other one changed: the change goes where the lines stand now.

use std::ops::Range;

use crate::core::merge::{Combined, Elsewhere, Merge, Region, RegionKind};

/// So many lines that are not blank a block has at least: fewer may stand in two places by chance.
const SMALLEST: usize = 3;

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

/// A merge's regions that only one side changed, by position.
fn only(merge: &Merge, kind: RegionKind) -> impl Iterator<Item = (usize, &Region)> {
    merge.regions().iter().enumerate().filter(move |(_, region)| region.kind == kind)
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|b| *b == b'\n').collect()
}

/// A text without the blank lines around it.
fn trimmed(text: &[u8]) -> &[u8] {
    let all = lines(text);
    let blank = |line: &&&[u8]| is_blank(line);
    let before: usize = all.iter().take_while(blank).map(|l| l.len()).sum();
    let behind: usize = all.iter().rev().take_while(blank).map(|l| l.len()).sum();
    text.get(before..text.len() - behind).unwrap_or_default()
}

/// Where whole lines stand in a text: the only place, none if there are more.
fn only_place(text: &[u8], block: &[u8]) -> Option<Range<usize>> {
    let starts = std::iter::once(0).chain(text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1));
    let mut found = starts.filter(|at| text[*at..].starts_with(block));
    let at = found.next()?;
    found.next().is_none().then_some(at..at + block.len())
}

/// The block under a region's base with the other side's change, at the place to which one side moved it, and why.
pub(super) fn at_new_place(merge: &Merge, region: &Region) -> Option<(Combined, String)> {
    let sides = merge.sides(region);
    let [base, mine, theirs] = merge.texts();
    let (moved, changed, whole, kind) = match (trimmed(sides.mine).is_empty(), trimmed(sides.theirs).is_empty()) {
        (true, false) => (sides.mine, trimmed(sides.theirs), mine, RegionKind::Mine),
        (false, true) => (sides.theirs, trimmed(sides.mine), theirs, RegionKind::Theirs),
        _ => return None,
    };
    let block = trimmed(sides.base);
    let full = lines(block).iter().filter(|line| !is_blank(line)).count();
    if full < SMALLEST || !block.ends_with(b"\n") || !changed.ends_with(b"\n") {
        return None;
    }
    only_place(base, block)?;
    let there = only_place(whole, block)?;
    let span = |region: &Region| if kind == RegionKind::Mine { region.mine.clone() } else { region.theirs.clone() };
    let (at, target) = only(merge, kind).find(|(_, r)| span(r).start <= there.start && there.end <= span(r).end)?;
    let span = span(target);
    let text = [&whole[span.start..there.start], changed, &whole[there.end..span.end]].concat();
    let line = whole[..there.start].iter().filter(|b| **b == b'\n').count() + 1;
    let reason = match kind {
        RegionKind::Mine => format!("you moved these lines to line {line}, they changed them"),
        _ => format!("they moved these lines to line {line}, you changed them"),
    };
    Some((Combined { text: moved.to_vec(), elsewhere: Some(Elsewhere { region: at, text }) }, reason))
}
