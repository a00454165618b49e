//! A three-way merge as rows: context, what merges by itself, and each overlap with both sides labelled.

use std::ops::Range;

use crate::core::merge::{Merge, Region, RegionKind};

use super::diff::CONTEXT;

/// One of the three texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The version both started from.
    Base,
    /// The user's.
    Mine,
    /// The source's.
    Theirs,
}

/// A line of a side: its number from 1, and its bytes relative to the region, without `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Number within its text, from 1.
    pub number: usize,
    /// Where it stands within the region's side.
    pub text: Range<usize>,
}

/// One row of the merge view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeRow {
    /// Unchanged lines that are left out.
    Fold(usize),
    /// An unchanged line.
    Same {
        /// By position.
        region: usize,
        /// Mine's line.
        line: Line,
    },
    /// A line that one side (or both alike) added or removed; it merges by itself.
    Auto {
        /// By position.
        region: usize,
        /// Which text it is from.
        side: Side,
        /// Added or removed.
        added: bool,
        /// The line.
        line: Line,
    },
    /// The heading of an overlap.
    Head {
        /// Which overlap, from 0.
        hunk: usize,
    },
    /// The label over one side of an overlap.
    Label {
        /// Which overlap.
        hunk: usize,
        /// Whose lines follow.
        side: Side,
        /// How many.
        lines: usize,
    },
    /// The labels over both sides, where they stand next to each other.
    Labels {
        /// Which overlap.
        hunk: usize,
        /// Lines of mine.
        mine: usize,
        /// Lines of theirs.
        theirs: usize,
    },
    /// A line of an overlap.
    Part {
        /// By position.
        region: usize,
        /// Which overlap.
        hunk: usize,
        /// Whose line.
        side: Side,
        /// The line.
        line: Line,
        /// The line of the other side it is compared with.
        other: Option<Line>,
    },
    /// A line of mine beside one of theirs.
    Pair {
        /// By position.
        region: usize,
        /// Which overlap.
        hunk: usize,
        /// Mine, if there is one left.
        mine: Option<Line>,
        /// Theirs, if there is one left.
        theirs: Option<Line>,
    },
    /// The end of an overlap.
    Foot {
        /// Which overlap.
        hunk: usize,
    },
}

/// The rows of a merge and where things begin.
#[derive(Debug, Clone, Default)]
pub struct MergeRows {
    /// The rows.
    pub rows: Vec<MergeRow>,
    /// The row of each overlap's heading.
    pub heads: Vec<usize>,
    /// Rows at which any change begins, overlaps included.
    pub changes: Vec<usize>,
}

fn lines(bytes: &[u8], first: usize) -> Vec<Line> {
    let mut at = 0;
    bytes
        .split_inclusive(|b| *b == b'\n')
        .enumerate()
        .map(|(i, l)| {
            let end = at + l.len() - usize::from(l.ends_with(b"\n"));
            let line = Line { number: first + i, text: at..end };
            at += l.len();
            line
        })
        .collect()
}

/// Lays the rows out. `beside` puts mine and theirs of an overlap next to each other.
pub fn build(merge: &Merge, beside: bool) -> MergeRows {
    let mut out = MergeRows::default();
    let (mut base_no, mut mine_no, mut theirs_no) = (1, 1, 1);
    let last = merge.regions().len().saturating_sub(1);
    for (i, region) in merge.regions().iter().enumerate() {
        let (base, mine, theirs) = merge.sides(region);
        let (base, mine, theirs) = (lines(base, base_no), lines(mine, mine_no), lines(theirs, theirs_no));
        base_no += base.len();
        mine_no += mine.len();
        theirs_no += theirs.len();
        match region.kind {
            RegionKind::Unchanged => out.context(i, mine, i == 0, i == last),
            RegionKind::Mine | RegionKind::Both => out.auto(i, base, Side::Mine, mine),
            RegionKind::Theirs => out.auto(i, base, Side::Theirs, theirs),
            RegionKind::Conflict => {
                let (before, current, _) = merge.sides(region);
                // Where only theirs changed it, and it is asked all the same, mine says what was there.
                let base = if before == current { Vec::new() } else { base };
                out.overlap(i, beside, base, mine, theirs);
            }
        }
    }
    out
}

impl MergeRows {
    fn context(&mut self, region: usize, lines: Vec<Line>, first: bool, last: bool) {
        let head = if first { 0 } else { CONTEXT };
        let tail = if last { 0 } else { CONTEXT };
        let count = lines.len();
        for (k, line) in lines.into_iter().enumerate() {
            // A fold of a single line would hide as much as it takes.
            if count <= head + tail + 1 || k < head || k >= count - tail {
                self.rows.push(MergeRow::Same { region, line });
            } else if k == head {
                self.rows.push(MergeRow::Fold(count - head - tail));
            }
        }
    }

    fn auto(&mut self, region: usize, base: Vec<Line>, side: Side, new: Vec<Line>) {
        self.changes.push(self.rows.len());
        let row = |side, added| move |line| MergeRow::Auto { region, side, added, line };
        self.rows.extend(base.into_iter().map(row(Side::Base, false)));
        self.rows.extend(new.into_iter().map(row(side, true)));
    }

    fn overlap(&mut self, region: usize, beside: bool, base: Vec<Line>, mine: Vec<Line>, theirs: Vec<Line>) {
        let hunk = self.heads.len();
        self.heads.push(self.rows.len());
        self.changes.push(self.rows.len());
        self.rows.push(MergeRow::Head { hunk });
        if beside {
            self.rows.push(MergeRow::Labels { hunk, mine: mine.len(), theirs: theirs.len() });
            for k in 0..mine.len().max(theirs.len()) {
                let (mine, theirs) = (mine.get(k).cloned(), theirs.get(k).cloned());
                self.rows.push(MergeRow::Pair { region, hunk, mine, theirs });
            }
        } else {
            let paired = mine.len() == theirs.len();
            for (side, own, other) in [(Side::Mine, &mine, &theirs), (Side::Theirs, &theirs, &mine)] {
                self.rows.push(MergeRow::Label { hunk, side, lines: own.len() });
                for (k, line) in own.iter().enumerate() {
                    let other = paired.then(|| other.get(k).cloned()).flatten();
                    self.rows.push(MergeRow::Part { region, hunk, side, line: line.clone(), other });
                }
            }
        }
        if !base.is_empty() {
            self.rows.push(MergeRow::Label { hunk, side: Side::Base, lines: base.len() });
            let part = |line| MergeRow::Part { region, hunk, side: Side::Base, line, other: None };
            self.rows.extend(base.into_iter().map(part));
        }
        self.rows.push(MergeRow::Foot { hunk });
    }
}

/// The bytes of a line.
pub fn bytes<'m>(merge: &'m Merge, region: usize, side: Side, line: &Line) -> &'m [u8] {
    let empty = Region { kind: RegionKind::Unchanged, base: 0..0, mine: 0..0, theirs: 0..0 };
    let (base, mine, theirs) = merge.sides(merge.regions().get(region).unwrap_or(&empty));
    let text = match side {
        Side::Base => base,
        Side::Mine => mine,
        Side::Theirs => theirs,
    };
    text.get(line.text.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_show_all_three_sides() {
        let side = |text: &str| text.as_bytes().into();
        let merge = Merge::three_way(
            side("1\n2\n3\n4\n5\n6\n7\n8\n9\nx\n"),
            side("1\n2\n3\n4\n5\n6\n7\n8\n9\nmine\n"),
            side("one\n2\n3\n4\n5\n6\n7\n8\n9\ntheirs\n"),
        )
        .unwrap();
        let rows = build(&merge, false);
        assert_eq!((rows.heads.len(), rows.changes.len()), (1, 2));
        assert!(rows.rows.contains(&MergeRow::Fold(2)), "{:?}", rows.rows);
        let text = |wanted: Side| {
            let found = rows.rows.iter().find_map(|r| match r {
                MergeRow::Part { region, side, line, .. } if *side == wanted => {
                    Some(bytes(&merge, *region, *side, line))
                }
                _ => None,
            });
            found.unwrap().to_vec()
        };
        assert_eq!(text(Side::Mine), b"mine");
        assert_eq!(text(Side::Theirs), b"theirs");
        assert_eq!(text(Side::Base), b"x");
        assert_eq!(build(&merge, true).heads.len(), 1);
    }
}
