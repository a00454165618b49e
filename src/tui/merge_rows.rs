//! A three-way merge as rows: context, what merges by itself, and each overlap with both sides labelled.

use std::ops::Range;

use crate::core::merge::{Merge, Region, RegionKind, RegionSides};

use super::diff::{self, EVERYTHING, How, Space};

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

/// How much of a side an overlap has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// How many lines.
    pub lines: usize,
    /// The last of them is the text's last and has no line break, which a line alone doesn't show.
    pub unended: bool,
}

impl Extent {
    fn of(text: &[u8], lines: &[Line]) -> Self {
        Self { lines: lines.len(), unended: !text.is_empty() && !text.ends_with(b"\n") }
    }
}

/// What is shown of a merge, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How much around a change, and which white space counts.
    pub how: How,
    /// Whether each overlap shows the version that both started from.
    pub base: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { how: How::default(), base: true }
    }
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
        /// Which text it is from.
        side: Side,
        /// The line.
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
        /// The two sides differ only in white space that doesn't count now.
        spaces: bool,
    },
    /// The label over one side of an overlap.
    Label {
        /// Which overlap.
        hunk: usize,
        /// Whose lines follow.
        side: Side,
        /// How many.
        extent: Extent,
    },
    /// The labels over both sides, where they stand next to each other.
    Labels {
        /// Which overlap.
        hunk: usize,
        /// Lines of mine.
        mine: Extent,
        /// Lines of theirs.
        theirs: Extent,
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

impl MergeRow {
    /// The overlap that it belongs to.
    pub fn hunk(&self) -> Option<usize> {
        match self {
            MergeRow::Head { hunk, .. }
            | MergeRow::Label { hunk, .. }
            | MergeRow::Labels { hunk, .. }
            | MergeRow::Part { hunk, .. }
            | MergeRow::Pair { hunk, .. }
            | MergeRow::Foot { hunk } => Some(*hunk),
            MergeRow::Fold(_) | MergeRow::Same { .. } | MergeRow::Auto { .. } => None,
        }
    }
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
    /// How they were laid out.
    pub layout: Layout,
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
pub fn build(merge: &Merge, beside: bool, layout: Layout) -> MergeRows {
    let mut out = MergeRows { layout, ..MergeRows::default() };
    let space = layout.how.space;
    let counted = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split_inclusive(|b| *b == b'\n').map(|l| space.of(l).into_owned()).collect()
    };
    let same = |a: &[u8], b: &[u8]| match space {
        Space::Exact => a == b,
        _ => counted(a) == counted(b),
    };
    let (mut base_no, mut mine_no, mut theirs_no) = (1, 1, 1);
    let last = merge.regions().len().saturating_sub(1);
    for (i, region) in merge.regions().iter().enumerate() {
        let texts = merge.sides(region);
        let (base, mine, theirs) =
            (lines(texts.base, base_no), lines(texts.mine, mine_no), lines(texts.theirs, theirs_no));
        base_no += base.len();
        mine_no += mine.len();
        theirs_no += theirs.len();
        match region.kind {
            RegionKind::Unchanged => out.context(i, mine, i == 0, i == last),
            // A change of white space that doesn't count is written all the same, but not shown as one.
            RegionKind::Mine | RegionKind::Both if same(texts.base, texts.mine) => out.same(i, Side::Mine, mine),
            RegionKind::Theirs if same(texts.base, texts.theirs) => out.same(i, Side::Theirs, theirs),
            RegionKind::Mine | RegionKind::Both => out.auto(i, base, Side::Mine, mine),
            RegionKind::Theirs => out.auto(i, base, Side::Theirs, theirs),
            RegionKind::Conflict => {
                // Where only theirs changed it, and it is asked all the same, mine says what was there.
                let base = if texts.base == texts.mine || !layout.base { Vec::new() } else { base };
                let pairs = paired(texts.mine, texts.theirs, &mine, &theirs);
                let spaces = space != Space::Exact && same(texts.mine, texts.theirs);
                let extents =
                    [Extent::of(texts.base, &base), Extent::of(texts.mine, &mine), Extent::of(texts.theirs, &theirs)];
                out.overlap(Overlap { region: i, spaces, base, mine, theirs, extents, pairs }, beside);
            }
        }
    }
    out
}

/// Which lines of the two sides stand for each other, by position.
fn paired(mine: &[u8], theirs: &[u8], my_lines: &[Line], their_lines: &[Line]) -> Vec<(usize, usize)> {
    diff::alike(&slices(mine, my_lines), &slices(theirs, their_lines))
}

fn slices<'t>(text: &'t [u8], lines: &[Line]) -> Vec<&'t [u8]> {
    lines.iter().map(|l| text.get(l.text.clone()).unwrap_or_default()).collect()
}

/// An overlap with its lines.
struct Overlap {
    region: usize,
    spaces: bool,
    base: Vec<Line>,
    mine: Vec<Line>,
    theirs: Vec<Line>,
    /// Of base, mine and theirs.
    extents: [Extent; 3],
    pairs: Vec<(usize, usize)>,
}

impl MergeRows {
    fn same(&mut self, region: usize, side: Side, lines: Vec<Line>) {
        self.rows.extend(lines.into_iter().map(|line| MergeRow::Same { region, side, line }));
    }

    fn context(&mut self, region: usize, lines: Vec<Line>, first: bool, last: bool) {
        let context = self.layout.how.context;
        let head = if first { 0 } else { context };
        let tail = if last { 0 } else { context };
        let count = lines.len();
        let all = context == EVERYTHING;
        for (k, line) in lines.into_iter().enumerate() {
            // A fold of a single line would hide as much as it takes.
            if all || count <= head + tail + 1 || k < head || k >= count - tail {
                self.rows.push(MergeRow::Same { region, side: Side::Mine, line });
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

    fn overlap(&mut self, overlap: Overlap, beside: bool) {
        let Overlap { region, spaces, base, mine, theirs, extents, pairs } = overlap;
        let hunk = self.heads.len();
        self.heads.push(self.rows.len());
        self.changes.push(self.rows.len());
        self.rows.push(MergeRow::Head { hunk, spaces });
        if beside {
            self.rows.push(MergeRow::Labels { hunk, mine: extents[1], theirs: extents[2] });
            // Lines that stand for each other stand on one row; those between them follow each other.
            let (mut i, mut j) = (0, 0);
            for (to_i, to_j) in pairs.into_iter().chain([(mine.len(), theirs.len())]) {
                for k in 0..(to_i - i).max(to_j - j) {
                    let one = |lines: &[Line], from: usize, to: usize| {
                        (from + k < to).then(|| lines.get(from + k).cloned()).flatten()
                    };
                    let (mine, theirs) = (one(&mine, i, to_i), one(&theirs, j, to_j));
                    self.rows.push(MergeRow::Pair { region, hunk, mine, theirs });
                }
                if let (Some(mine), Some(theirs)) = (mine.get(to_i), theirs.get(to_j)) {
                    let (mine, theirs) = (Some(mine.clone()), Some(theirs.clone()));
                    self.rows.push(MergeRow::Pair { region, hunk, mine, theirs });
                }
                (i, j) = (to_i + 1, to_j + 1);
            }
        } else {
            let sides = [(Side::Mine, extents[1], &mine, &theirs), (Side::Theirs, extents[2], &theirs, &mine)];
            for (side, extent, own, other) in sides {
                self.rows.push(MergeRow::Label { hunk, side, extent });
                for (k, line) in own.iter().enumerate() {
                    let pair = match side {
                        Side::Mine => pairs.iter().find(|p| p.0 == k).map(|p| p.1),
                        _ => pairs.iter().find(|p| p.1 == k).map(|p| p.0),
                    };
                    let other = pair.and_then(|p| other.get(p).cloned());
                    self.rows.push(MergeRow::Part { region, hunk, side, line: line.clone(), other });
                }
            }
        }
        if !base.is_empty() {
            self.rows.push(MergeRow::Label { hunk, side: Side::Base, extent: extents[0] });
            let part = |line| MergeRow::Part { region, hunk, side: Side::Base, line, other: None };
            self.rows.extend(base.into_iter().map(part));
        }
        self.rows.push(MergeRow::Foot { hunk });
    }

    /// The rows whose text contains `needle`, case ignored for ASCII letters. Takes a while for big files.
    pub fn find(&self, merge: &Merge, needle: &[u8]) -> Vec<usize> {
        let has = |region: usize, side: Side, line: &Line| contains(bytes(merge, region, side, line), needle);
        let hit = |row: &MergeRow| match row {
            MergeRow::Same { region, side, line }
            | MergeRow::Auto { region, side, line, .. }
            | MergeRow::Part { region, side, line, .. } => has(*region, *side, line),
            MergeRow::Pair { region, mine, theirs, .. } => {
                mine.as_ref().is_some_and(|l| has(*region, Side::Mine, l))
                    || theirs.as_ref().is_some_and(|l| has(*region, Side::Theirs, l))
            }
            _ => false,
        };
        self.rows.iter().enumerate().filter(|(_, row)| hit(row)).map(|(i, _)| i).collect()
    }
}

/// Whether a line contains a text, case ignored for ASCII letters. An empty one is nowhere.
pub fn contains(line: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && line.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle))
}

/// The bytes of a line.
pub fn bytes<'m>(merge: &'m Merge, region: usize, side: Side, line: &Line) -> &'m [u8] {
    side_of(merge, region, side).get(line.text.clone()).unwrap_or_default()
}

/// Whether a line has no line break: only a text's last one can.
pub fn unended(merge: &Merge, region: usize, side: Side, line: &Line) -> bool {
    line.text.end == side_of(merge, region, side).len()
}

fn side_of(merge: &Merge, region: usize, side: Side) -> &[u8] {
    let empty = Region { kind: RegionKind::Unchanged, base: 0..0, mine: 0..0, theirs: 0..0 };
    let RegionSides { base, mine, theirs } = merge.sides(merge.regions().get(region).unwrap_or(&empty));
    match side {
        Side::Base => base,
        Side::Mine => mine,
        Side::Theirs => theirs,
    }
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
        let rows = build(&merge, false, Layout::default());
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
        assert_eq!(build(&merge, true, Layout::default()).heads.len(), 1);
    }

    #[test]
    fn lines_side_by_side_stand_beside_what_they_replace() {
        let side = |text: &str| text.as_bytes().into();
        let merge = Merge::three_way(
            side("a\nuse git log here\nb\n"),
            side("a\nfirst of mine\nuse git log and show here\nb\n"),
            side("a\nuse git log and blame here\nlast of theirs\nb\n"),
        )
        .unwrap();
        let pairs: Vec<(bool, bool)> = build(&merge, true, Layout::default())
            .rows
            .iter()
            .filter_map(|r| match r {
                MergeRow::Pair { mine, theirs, .. } => Some((mine.is_some(), theirs.is_some())),
                _ => None,
            })
            .collect();
        assert_eq!(pairs, [(true, false), (true, true), (false, true)]);
    }

    #[test]
    fn everything_can_be_shown_and_searched() {
        let many = (0..100).map(|i| format!("line {i}\n")).collect::<String>();
        let side = |text: &str| text.as_bytes().into();
        let merge = Merge::three_way(side(&many), side(&format!("{many}mine\n")), side(&format!("{many}theirs\n")));
        let merge = merge.unwrap();
        let layout = |context| Layout { how: How { context, space: Space::Exact }, base: true };
        assert!(build(&merge, false, layout(3)).find(&merge, b"LINE 50").is_empty(), "it is folded");
        let all = build(&merge, false, layout(EVERYTHING));
        assert_eq!(all.find(&merge, b"LINE 50"), [50]);
        assert!(!all.rows.iter().any(|r| matches!(r, MergeRow::Fold(_))));
    }

    #[test]
    fn white_space_that_does_not_count_is_no_change() {
        let side = |text: &str| text.as_bytes().into();
        let merge = Merge::three_way(side("a\nb\nc\n"), side("a \nb\nx y\n"), side("a\nb\nxy\n")).unwrap();
        let layout = Layout { how: How { space: Space::Ignored, ..How::default() }, base: true };
        let rows = build(&merge, false, layout);
        assert_eq!(rows.changes.len(), 1);
        assert!(rows.rows.contains(&MergeRow::Head { hunk: 0, spaces: true }));
        assert_eq!(build(&merge, false, Layout::default()).changes.len(), 2);
    }
}
