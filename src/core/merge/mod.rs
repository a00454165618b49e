//! Three-way merge by lines: regions, a choice for each that overlaps, and the merged bytes.
//!
//! The two differences are those that git makes (histogram, then sliding each change as far down as it goes; see
//! `histogram.rs`), and what counts as an overlap follows `git merge`: two different changes that touch, without
//! an unchanged line between them, are a conflict. So a result that is clean here is the one that git would give.
//!
//! Where mine differs from the other texts in the line ends of the whole file, these are read in mine's: an editor that
//! writes CRLF changes every line, and none that could be asked about. All that is shown, and the result, has mine's.

use std::ops::Range;
use std::sync::Arc;

mod choice;

pub(crate) use choice::as_base64;
pub use choice::{Choice, Combined, Elsewhere};

use super::histogram::{Hunk, hunks};
use super::line_ends::LineEnds;

/// Git's own rule for "binary": a NUL in the first 8,000 bytes.
const BINARY_PROBE: usize = 8_000;

/// What happened to a stretch of lines on the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionKind {
    /// Nobody changed it.
    Unchanged,
    /// Only mine changed it.
    Mine,
    /// Only theirs changed it.
    Theirs,
    /// Both made the same change.
    Both,
    /// Both changed it, differently: a person has to choose.
    Conflict,
}

/// A stretch of whole lines, as byte ranges into the three texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Who changed it.
    pub kind: RegionKind,
    /// Where it stands in base.
    pub base: Range<usize>,
    /// Where it stands in mine.
    pub mine: Range<usize>,
    /// Where it stands in theirs.
    pub theirs: Range<usize>,
}

/// Three texts aligned region by region. Cheap to clone the inputs: they are shared.
#[derive(Debug, Clone)]
pub struct Merge {
    base: Arc<[u8]>,
    mine: Arc<[u8]>,
    theirs: Arc<[u8]>,
    regions: Vec<Region>,
    /// Mine's line ends, theirs' where mine has none.
    ends: LineEnds,
    /// Mine's and theirs' as they came.
    came: (LineEnds, LineEnds),
}

/// Whether git would call these bytes binary (a NUL among the first 8,000).
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_PROBE).any(|b| *b == 0)
}

/// The lines that each side has in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionSides<'a> {
    /// What the user started from; empty where that is not known.
    pub base: &'a [u8],
    /// What is installed.
    pub mine: &'a [u8],
    /// What the source ships.
    pub theirs: &'a [u8],
}

/// A text without a change that it was given: `new` was made of `old`, and `now` of `new` since.
///
/// # Errors
/// Why that can't be told apart, in words.
pub(crate) fn without_change(old: &[u8], new: &[u8], now: &[u8]) -> Result<Vec<u8>, &'static str> {
    if now == new {
        return Ok(old.to_vec());
    }
    let merge = Merge::three_way(new.into(), now.into(), old.into()).ok_or("it is no text any more")?;
    merge.result(&[]).filter(|_| merge.conflicts() == 0).ok_or("the same lines were changed since")
}

impl Merge {
    /// Aligns the three texts. None if any of them is binary: such files are kept or taken whole.
    pub fn three_way(base: Arc<[u8]>, mine: Arc<[u8]>, theirs: Arc<[u8]>) -> Option<Self> {
        if [&base, &mine, &theirs].into_iter().any(|side| is_binary(side)) {
            return None;
        }
        let came = (LineEnds::of(&mine), LineEnds::of(&theirs));
        let (base, theirs) = in_line_ends_of(&mine, base, theirs);
        let (b, m, t) = (line_starts(&base), line_starts(&mine), line_starts(&theirs));
        let aligned = align(&hunks(&base, &mine), &hunks(&base, &theirs), [b.len() - 1, m.len() - 1, t.len() - 1]);
        let bytes = |starts: &[usize], lines: &Range<usize>| starts[lines.start]..starts[lines.end];
        let region = |(changed, [bl, ml, tl]): (Changed, [Range<usize>; 3])| {
            let (bl, ml, tl) = (bytes(&b, &bl), bytes(&m, &ml), bytes(&t, &tl));
            let kind = match changed {
                Changed::Neither => RegionKind::Unchanged,
                Changed::Mine => RegionKind::Mine,
                Changed::Theirs => RegionKind::Theirs,
                Changed::Both if mine[ml.clone()] == theirs[tl.clone()] => RegionKind::Both,
                Changed::Both => RegionKind::Conflict,
            };
            Region { kind, base: bl, mine: ml, theirs: tl }
        };
        let regions = aligned.into_iter().map(region).collect();
        let ends = ends_of(&mine, &theirs);
        Some(Self { base, mine, theirs, regions, ends, came })
    }

    /// Aligns two texts that have no common ancestor: what is equal is settled, every difference is a conflict.
    /// None if either is binary.
    pub(crate) fn two_way(mine: Arc<[u8]>, theirs: Arc<[u8]>) -> Option<Self> {
        if is_binary(&mine) || is_binary(&theirs) {
            return None;
        }
        let came = (LineEnds::of(&mine), LineEnds::of(&theirs));
        let (base, theirs) = in_line_ends_of(&mine, Arc::from(&b""[..]), theirs);
        let (m, t) = (line_starts(&mine), line_starts(&theirs));
        let mut regions = Vec::new();
        let (mut at_mine, mut at_theirs) = (0, 0);
        let mut push = |kind, old: Range<usize>, new: Range<usize>| {
            if !(old.is_empty() && new.is_empty()) {
                let (mine, theirs) = (m[old.start]..m[old.end], t[new.start]..t[new.end]);
                regions.push(Region { kind, base: 0..0, mine, theirs });
            }
        };
        for (old, new) in hunks(&mine, &theirs) {
            push(RegionKind::Unchanged, at_mine..old.start, at_theirs..new.start);
            (at_mine, at_theirs) = (old.end, new.end);
            push(RegionKind::Conflict, old, new);
        }
        push(RegionKind::Unchanged, at_mine..m.len() - 1, at_theirs..t.len() - 1);
        let ends = ends_of(&mine, &theirs);
        Some(Self { base, mine, theirs, regions, ends, came })
    }

    /// A merge that was found otherwise than line by line (key by key): `merged` has what happens by itself, with mine
    /// where both sides changed something, `taken` the same with theirs there. The regions in which those two differ
    /// are the conflicts; all else that `merged` changes in `current`, the user's text, counts as theirs. None if a
    /// text is binary.
    pub fn found(current: Arc<[u8]>, merged: Arc<[u8]>, taken: Arc<[u8]>) -> Option<Self> {
        let mut merge = Self::three_way(current, merged, taken)?;
        for region in &mut merge.regions {
            region.kind = match region.kind {
                RegionKind::Unchanged => RegionKind::Unchanged,
                RegionKind::Both => RegionKind::Theirs,
                RegionKind::Mine | RegionKind::Theirs | RegionKind::Conflict => RegionKind::Conflict,
            };
        }
        Some(merge)
    }

    /// A merge that was found otherwise than line by line, in its own regions: `parts` are whole lines in the order of
    /// the text, each with its three sides. Only unchanged ones, theirs and conflicts occur. None if a text is binary.
    pub(crate) fn of_parts<'p>(parts: impl IntoIterator<Item = (RegionKind, [&'p [u8]; 3])>) -> Option<Self> {
        let (mut texts, mut regions) = ([const { Vec::new() }; 3], Vec::new());
        for (kind, sides) in parts {
            let mut place = |n: usize| {
                let text: &mut Vec<u8> = &mut texts[n];
                let start = text.len();
                text.extend_from_slice(sides[n]);
                start..text.len()
            };
            let (base, mine, theirs) = (place(0), place(1), place(2));
            regions.push(Region { kind, base, mine, theirs });
        }
        if texts.iter().any(|text| is_binary(text)) {
            return None;
        }
        let [base, mine, theirs] = texts.map(Arc::<[u8]>::from);
        let came = (LineEnds::of(&mine), LineEnds::of(&theirs));
        let ends = ends_of(&mine, &theirs);
        Some(Self { base, mine, theirs, regions, ends, came })
    }

    /// The regions in the order of the text.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The whole texts as they are compared, in mine's line ends: base, mine, theirs.
    pub fn texts(&self) -> [&Arc<[u8]>; 3] {
        [&self.base, &self.mine, &self.theirs]
    }

    /// How many regions a person has to settle.
    pub fn conflicts(&self) -> usize {
        self.regions.iter().filter(|r| r.kind == RegionKind::Conflict).count()
    }

    /// How many regions mine changed, conflicts included.
    pub(crate) fn changed_by_mine(&self) -> usize {
        self.count(|k| matches!(k, RegionKind::Mine | RegionKind::Both | RegionKind::Conflict))
    }

    /// How many regions theirs changed, conflicts included.
    pub(crate) fn changed_by_theirs(&self) -> usize {
        self.count(|k| matches!(k, RegionKind::Theirs | RegionKind::Both | RegionKind::Conflict))
    }

    fn count(&self, wanted: impl Fn(RegionKind) -> bool) -> usize {
        self.regions.iter().filter(|r| wanted(r.kind)).count()
    }

    /// The three sides of a region.
    pub fn sides(&self, region: &Region) -> RegionSides<'_> {
        RegionSides {
            base: &self.base[region.base.clone()],
            mine: &self.mine[region.mine.clone()],
            theirs: &self.theirs[region.theirs.clone()],
        }
    }

    /// The merged bytes, one choice for each conflicting region in order; none while a choice is missing.
    pub fn result(&self, choices: &[Option<Choice>]) -> Option<Vec<u8>> {
        let mut given = choices.iter();
        let mut out = Vec::with_capacity(self.mine.len().max(self.theirs.len()));
        for (at, region) in self.regions.iter().enumerate() {
            match region.kind {
                RegionKind::Conflict => out.extend(self.settled(region, given.next()?.as_ref()?)),
                _ => out.extend_from_slice(self.unasked(at, choices)),
            }
        }
        Some(out)
    }

    /// The lines of a region that merges by itself: an offer that was taken for another one may change them.
    pub(crate) fn unasked<'a>(&'a self, at: usize, choices: &'a [Option<Choice>]) -> &'a [u8] {
        let from_here = |choice: &'a Choice| match choice {
            Choice::Combined(Combined { elsewhere: Some(there), .. }) if there.region == at => Some(&there.text[..]),
            _ => None,
        };
        let Some(region) = self.regions.get(at) else { return &[] };
        let own = match region.kind {
            RegionKind::Theirs => self.sides(region).theirs,
            _ => self.sides(region).mine,
        };
        choices.iter().flatten().find_map(from_here).unwrap_or(own)
    }

    /// The lines that a choice gives for a region.
    pub fn settled(&self, region: &Region, choice: &Choice) -> Vec<u8> {
        let RegionSides { base, mine, theirs } = self.sides(region);
        match choice {
            Choice::Mine => mine.to_vec(),
            Choice::Theirs => theirs.to_vec(),
            Choice::Base => base.to_vec(),
            Choice::Edited(text) | Choice::Combined(Combined { text, .. }) => text.clone(),
            Choice::Both => {
                let mut both = mine.to_vec();
                // A last line without its newline would run into the first of theirs.
                if !both.is_empty() && !both.ends_with(b"\n") && !theirs.is_empty() {
                    both.extend_from_slice(self.ends.bytes());
                }
                both.extend_from_slice(theirs);
                both
            }
        }
    }

    /// The merged bytes with a marked block for each conflicting region that has no choice: mine, base and theirs between
    /// the lines that git puts there. For editing by hand; `hint` stands behind the first mark.
    pub fn marked(&self, choices: &[Option<Choice>], hint: &str) -> Vec<u8> {
        let (mut given, mut hint) = (choices.iter(), hint);
        let mut out = Vec::with_capacity(self.mine.len().max(self.theirs.len()));
        for (at, region) in self.regions.iter().enumerate() {
            match region.kind {
                RegionKind::Conflict => match given.next().and_then(Option::as_ref) {
                    Some(choice) => out.extend(self.settled(region, choice)),
                    None => out.extend(self.marked_region(region, std::mem::take(&mut hint))),
                },
                _ => out.extend_from_slice(self.unasked(at, choices)),
            }
        }
        out
    }

    /// One region between markers, with `hint` behind the first. Base is left out where it says the same as mine.
    pub(crate) fn marked_region(&self, region: &Region, hint: &str) -> Vec<u8> {
        let RegionSides { base, mine, theirs } = self.sides(region);
        let mut out = Vec::new();
        let mut part = |head: &str, lines: &[u8]| {
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(self.ends.bytes());
            out.extend_from_slice(lines);
            if !lines.is_empty() && !lines.ends_with(b"\n") {
                out.extend_from_slice(self.ends.bytes());
            }
        };
        part(&format!("<<<<<<< mine{hint}"), mine);
        if base != mine && !base.is_empty() {
            part("||||||| base", base);
        }
        part("=======", theirs);
        part(">>>>>>> theirs", b"");
        out
    }

    /// What a person wrote for a region, as it can stand in the file: in the file's line ends, and with one at its end
    /// unless it is the last.
    pub(crate) fn fitted(&self, region: &Region, text: Vec<u8>) -> Vec<u8> {
        let mut text = match self.ends {
            LineEnds::Mixed | LineEnds::None => text,
            ends => ends.write(&text).into_owned(),
        };
        let is_last = region.mine.end == self.mine.len() && region.theirs.end == self.theirs.len();
        if !text.is_empty() && !text.ends_with(b"\n") && !is_last {
            text.extend_from_slice(self.ends.bytes());
        }
        text
    }

    /// The conflicting regions in order.
    pub fn overlaps(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(|r| r.kind == RegionKind::Conflict)
    }

    /// How the lines of mine and of theirs end, as they came.
    pub fn line_ends(&self) -> (LineEnds, LineEnds) {
        self.came
    }

    /// The merged bytes with every conflict settled the same way.
    pub fn result_all(&self, choice: &Choice) -> Vec<u8> {
        let all = vec![Some(choice.clone()); self.conflicts()];
        self.result(&all).unwrap_or_else(|| self.mine.to_vec())
    }
}

/// Base and theirs, in mine's line ends if these are all that differs throughout.
fn in_line_ends_of(mine: &[u8], base: Arc<[u8]>, theirs: Arc<[u8]>) -> (Arc<[u8]>, Arc<[u8]>) {
    let ends = LineEnds::of(mine);
    if !ends.only_these_differ(&[&base, &theirs]) {
        return (base, theirs);
    }
    (ends.write(&base).into(), ends.write(&theirs).into())
}

fn ends_of(mine: &[u8], theirs: &[u8]) -> LineEnds {
    match LineEnds::of(mine) {
        LineEnds::None => LineEnds::of(theirs),
        ends => ends,
    }
}

/// Byte offsets of the lines (ended by `\n`, as git has it), with the end of the text behind them.
fn line_starts(text: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    starts.extend(text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1));
    if starts.last() != Some(&text.len()) {
        starts.push(text.len());
    }
    starts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Neither,
    Mine,
    Theirs,
    Both,
}

/// Lays the changes of both sides against base side by side, as ranges of lines in base, mine and theirs. Changes
/// that touch become one.
fn align(mine: &[Hunk], theirs: &[Hunk], lengths: [usize; 3]) -> Vec<(Changed, [Range<usize>; 3])> {
    let mut out = Vec::new();
    let (mut mine, mut theirs) = (mine.iter().peekable(), theirs.iter().peekable());
    // Where each text stands. Between changes all three advance together.
    let mut at = [0, 0, 0];
    loop {
        let first = match (mine.peek(), theirs.peek()) {
            (Some(m), Some(t)) => m.0.start.min(t.0.start),
            (Some(one), None) | (None, Some(one)) => one.0.start,
            (None, None) => break,
        };
        let same = first - at[0];
        if same > 0 {
            out.push((Changed::Neither, [at[0]..first, at[1]..at[1] + same, at[2]..at[2] + same]));
            at = at.map(|n| n + same);
        }
        let (mut end, mut changed) = (first, Changed::Neither);
        let mut grown = [0_isize, 0];
        loop {
            let (n, (base, new)) = if let Some(hunk) = mine.next_if(|m| m.0.start <= end) {
                (0, hunk)
            } else if let Some(hunk) = theirs.next_if(|t| t.0.start <= end) {
                (1, hunk)
            } else {
                break;
            };
            let side = [Changed::Mine, Changed::Theirs][n];
            grown[n] += new.len().cast_signed() - base.len().cast_signed();
            end = end.max(base.end);
            changed = if changed == Changed::Neither || changed == side { side } else { Changed::Both };
        }
        let to = |n: usize| (at[n] + end - first).saturating_add_signed(grown[n - 1]);
        let to = [end, to(1), to(2)];
        out.push((changed, [at[0]..to[0], at[1]..to[1], at[2]..to[2]]));
        at = to;
    }
    if at[0] < lengths[0] {
        out.push((Changed::Neither, [at[0]..lengths[0], at[1]..lengths[1], at[2]..lengths[2]]));
    }
    out
}

#[cfg(test)]
mod tests;
