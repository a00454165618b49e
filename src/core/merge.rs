//! Three-way merge by lines: regions, a choice for each that overlaps, and the merged bytes.
//!
//! The alignment is `similar`'s histogram `TextMerge`; what counts as an overlap follows `git merge-file`: two
//! different changes that touch, without an unchanged line between them, are a conflict.

use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, MergeResolution, TextDiff, TextMerge};

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

/// How one conflicting region is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// My lines.
    Mine,
    /// Their lines.
    Theirs,
    /// Mine, then theirs.
    Both,
    /// The lines as they were before either changed them.
    Base,
    /// Text that the person wrote instead, in JSON as base64 since it need not be UTF-8.
    Edited(#[serde(with = "as_base64")] Vec<u8>),
}

/// Three texts aligned region by region. Cheap to clone the inputs: they are shared.
#[derive(Debug, Clone)]
pub struct Merge {
    base: Arc<[u8]>,
    mine: Arc<[u8]>,
    theirs: Arc<[u8]>,
    regions: Vec<Region>,
}

/// Whether git would call these bytes binary (a NUL among the first 8,000).
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_PROBE).any(|b| *b == 0)
}

impl Merge {
    /// Aligns the three texts. None if any of them is binary: such files are kept or taken whole.
    pub fn three_way(base: Arc<[u8]>, mine: Arc<[u8]>, theirs: Arc<[u8]>) -> Option<Self> {
        if [&base, &mine, &theirs].into_iter().any(|side| is_binary(side)) {
            return None;
        }
        let regions = {
            let merge =
                TextMerge::configure().algorithm(Algorithm::Histogram).merge_lines(&base[..], &mine[..], &theirs[..]);
            let (b, m, t) = (
                offsets((0..merge.base_len()).filter_map(|i| merge.base_line(i))),
                offsets((0..merge.ours_len()).filter_map(|i| merge.ours_line(i))),
                offsets((0..merge.theirs_len()).filter_map(|i| merge.theirs_line(i))),
            );
            let raw = merge.regions().iter().map(|r| Region {
                kind: match r.resolution() {
                    MergeResolution::Unchanged => RegionKind::Unchanged,
                    MergeResolution::Ours => RegionKind::Mine,
                    MergeResolution::Theirs => RegionKind::Theirs,
                    MergeResolution::Both => RegionKind::Both,
                    _ => RegionKind::Conflict,
                },
                base: b[r.base_range().start]..b[r.base_range().end],
                mine: m[r.ours_range().start]..m[r.ours_range().end],
                theirs: t[r.theirs_range().start]..t[r.theirs_range().end],
            });
            join_touching(raw, &base, &mine, &theirs)
        };
        Some(Self { base, mine, theirs, regions })
    }

    /// Aligns two texts that have no common ancestor: what is equal is settled, every difference is a conflict.
    /// None if either is binary.
    pub fn two_way(mine: Arc<[u8]>, theirs: Arc<[u8]>) -> Option<Self> {
        if is_binary(&mine) || is_binary(&theirs) {
            return None;
        }
        let regions = {
            let diff = TextDiff::configure().algorithm(Algorithm::Histogram).diff_lines(&mine[..], &theirs[..]);
            let (m, t) = (
                offsets((0..diff.old_len()).filter_map(|i| diff.old_slice(i))),
                offsets((0..diff.new_len()).filter_map(|i| diff.new_slice(i))),
            );
            let region = |op: &DiffOp| {
                let (old, new) = (op.old_range(), op.new_range());
                let kind =
                    if matches!(op, DiffOp::Equal { .. }) { RegionKind::Unchanged } else { RegionKind::Conflict };
                Region { kind, base: 0..0, mine: m[old.start]..m[old.end], theirs: t[new.start]..t[new.end] }
            };
            diff.ops().iter().map(region).collect()
        };
        Some(Self { base: Arc::from(&b""[..]), mine, theirs, regions })
    }

    /// The regions in the order of the text.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// How many regions a person has to settle.
    pub fn conflicts(&self) -> usize {
        self.regions.iter().filter(|r| r.kind == RegionKind::Conflict).count()
    }

    /// How many regions mine changed, conflicts included.
    pub fn changed_by_mine(&self) -> usize {
        self.count(|k| matches!(k, RegionKind::Mine | RegionKind::Both | RegionKind::Conflict))
    }

    /// How many regions theirs changed, conflicts included.
    pub fn changed_by_theirs(&self) -> usize {
        self.count(|k| matches!(k, RegionKind::Theirs | RegionKind::Both | RegionKind::Conflict))
    }

    fn count(&self, wanted: impl Fn(RegionKind) -> bool) -> usize {
        self.regions.iter().filter(|r| wanted(r.kind)).count()
    }

    /// The three sides of a region: base, mine, theirs.
    pub fn sides(&self, region: &Region) -> (&[u8], &[u8], &[u8]) {
        (&self.base[region.base.clone()], &self.mine[region.mine.clone()], &self.theirs[region.theirs.clone()])
    }

    /// The merged bytes, one choice for each conflicting region in order; none while a choice is missing.
    pub fn result(&self, choices: &[Option<Choice>]) -> Option<Vec<u8>> {
        let mut choices = choices.iter();
        let mut out = Vec::with_capacity(self.mine.len().max(self.theirs.len()));
        for region in &self.regions {
            match region.kind {
                RegionKind::Conflict => out.extend(self.settled(region, choices.next()?.as_ref()?)),
                RegionKind::Theirs => out.extend_from_slice(self.sides(region).2),
                _ => out.extend_from_slice(self.sides(region).1),
            }
        }
        Some(out)
    }

    /// The lines that a choice gives for a region.
    pub fn settled(&self, region: &Region, choice: &Choice) -> Vec<u8> {
        let (base, mine, theirs) = self.sides(region);
        match choice {
            Choice::Mine => mine.to_vec(),
            Choice::Theirs => theirs.to_vec(),
            Choice::Base => base.to_vec(),
            Choice::Edited(text) => text.clone(),
            Choice::Both => {
                let mut both = mine.to_vec();
                // A last line without its newline would run into the first of theirs.
                if !both.is_empty() && !both.ends_with(b"\n") && !theirs.is_empty() {
                    both.push(b'\n');
                }
                both.extend_from_slice(theirs);
                both
            }
        }
    }

    /// The merged bytes with every conflict settled the same way.
    pub fn result_all(&self, choice: &Choice) -> Vec<u8> {
        let all = vec![Some(choice.clone()); self.conflicts()];
        self.result(&all).unwrap_or_else(|| self.mine.to_vec())
    }
}

/// Byte offsets of line starts, with the end of the text behind them.
fn offsets<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<usize> {
    let mut all = vec![0];
    let mut at = 0;
    for line in lines {
        at += line.len();
        all.push(at);
    }
    all
}

/// Joins changes of the two sides that touch into one conflict, as git does, or into `Both` where they agree.
fn join_touching(raw: impl Iterator<Item = Region>, base: &[u8], mine: &[u8], theirs: &[u8]) -> Vec<Region> {
    let mut out: Vec<Region> = Vec::new();
    for next in raw {
        if next.base.is_empty() && next.mine.is_empty() && next.theirs.is_empty() {
            continue;
        }
        match out.last_mut() {
            Some(last) if last.kind != RegionKind::Unchanged && next.kind != RegionKind::Unchanged => {
                last.base.end = next.base.end;
                last.mine.end = next.mine.end;
                last.theirs.end = next.theirs.end;
                if last.kind != next.kind {
                    last.kind = RegionKind::Conflict;
                }
            }
            Some(last) if last.kind == RegionKind::Unchanged && next.kind == RegionKind::Unchanged => {
                last.base.end = next.base.end;
                last.mine.end = next.mine.end;
                last.theirs.end = next.theirs.end;
            }
            _ => out.push(next),
        }
    }
    for region in out.iter_mut().filter(|r| r.kind == RegionKind::Conflict) {
        let (b, m, t) = (&base[region.base.clone()], &mine[region.mine.clone()], &theirs[region.theirs.clone()]);
        if m == t {
            region.kind = RegionKind::Both;
        } else if b == m {
            region.kind = RegionKind::Theirs;
        } else if b == t {
            region.kind = RegionKind::Mine;
        }
    }
    out
}

mod as_base64 {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merge(base: &str, mine: &str, theirs: &str) -> Merge {
        Merge::three_way(base.as_bytes().into(), mine.as_bytes().into(), theirs.as_bytes().into()).unwrap()
    }

    #[test]
    fn far_apart_changes_merge() {
        let m = merge("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n");
        assert_eq!(m.conflicts(), 0);
        assert_eq!(m.result(&[]).unwrap(), b"A\nb\nc\nd\nE\n");
    }

    #[test]
    fn touching_changes_conflict_as_in_git() {
        let m = merge("a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n");
        assert_eq!(m.conflicts(), 1);
        assert_eq!(m.result(&[Some(Choice::Both)]).unwrap(), b"A\nb\na\nB\nc\n");
        assert!(m.result(&[None]).is_none());
    }

    #[test]
    fn the_same_change_is_no_question() {
        assert_eq!(merge("a\nb\n", "a\nB\n", "a\nB\n").conflicts(), 0);
    }

    #[test]
    fn without_a_base_every_difference_is_asked() {
        let m = Merge::two_way(b"a\nmine\nz\n"[..].into(), b"a\ntheirs\nz\n"[..].into()).unwrap();
        assert_eq!(m.conflicts(), 1);
        assert_eq!(m.result_all(&Choice::Theirs), b"a\ntheirs\nz\n");
    }

    #[test]
    fn binary_is_not_merged() {
        assert!(Merge::three_way(b"a"[..].into(), b"\0"[..].into(), b"b"[..].into()).is_none());
    }

    fn text() -> impl Strategy<Value = String> {
        let line = prop_oneof![Just("a\n"), Just("b\n"), Just("c\r\n"), Just("\n"), Just("d e\n")];
        (prop::collection::vec(line, 0..12), prop_oneof![Just(""), Just("tail")]).prop_map(|(l, t)| l.concat() + t)
    }

    proptest! {
        #[test]
        fn all_of_one_side_gives_that_side(base in text(), mine in text(), theirs in text()) {
            let m = merge(&base, &mine, &theirs);
            // Regions cover each side without a gap, so choosing one side everywhere rebuilds it.
            let (mut b, mut o, mut t) = (Vec::new(), Vec::new(), Vec::new());
            for (base, mine, theirs) in m.regions().iter().map(|r| m.sides(r)) {
                b.extend_from_slice(base);
                o.extend_from_slice(mine);
                t.extend_from_slice(theirs);
            }
            prop_assert_eq!((&b[..], &o[..], &t[..]), (base.as_bytes(), mine.as_bytes(), theirs.as_bytes()));
        }

        #[test]
        fn an_untouched_side_never_conflicts(base in text(), other in text()) {
            prop_assert_eq!(merge(&base, &other, &base).result(&[]).unwrap(), other.as_bytes());
            prop_assert_eq!(merge(&base, &base, &other).result(&[]).unwrap(), other.as_bytes());
        }
    }
}
