//! Whether the user's lines stand in a merged text. They are counted, each by its text: what the result must have of a line
//! is what base has, and what either side added or took away. That does not depend on how the merge put its result together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::core::histogram::hunks;
use crate::core::merge::{Choice, Combined, Merge, RegionKind, RegionSides};
use crate::core::visible;

/// The user's lines in a file that was merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Lines {
    /// How many lines the user added or changed against the release.
    pub(crate) yours: usize,
    /// How many of them stand in the result.
    pub(crate) found: usize,
    /// How many an answer of the user's gave up.
    pub(crate) given_up: usize,
    /// Those that should stand there and don't, as they can be shown.
    pub(crate) missing: Vec<String>,
}

impl Lines {
    /// A text of which each line stands where it stood.
    pub(super) fn all_of(text: &[u8]) -> Self {
        let yours = of_text(text).count();
        Self { yours, found: yours, ..Self::default() }
    }
}

/// How a merged text came about.
pub(super) struct Made<'a> {
    /// The merge of the three texts.
    pub(crate) merge: &'a Merge,
    /// What was chosen for its conflicts, in order.
    pub(crate) choices: &'a [Option<Choice>],
    /// It was not merged line by line: a key's line is the release's where the user did not change the key's value, however he
    /// had written it.
    pub(crate) by_key: bool,
    /// The release's text that the user started from.
    pub(crate) base: Option<&'a [u8]>,
    /// What is written for a name that lines have, and its new name.
    pub(crate) renamed: Option<(&'a [u8], &'a [u8])>,
}

/// How often each line stands in a text, without its line end.
type Counts<'t> = BTreeMap<Cow<'t, [u8]>, i64>;

/// A line without what ends it.
fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn of_text(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|b| *b == b'\n').map(bare)
}

fn add<'t>(counts: &mut Counts<'t>, text: &'t [u8], times: i64) {
    for line in of_text(text) {
        *counts.entry(Cow::Borrowed(line)).or_default() += times;
    }
}

impl Made<'_> {
    /// How often each line must stand in the result.
    fn expected(&self) -> Counts<'_> {
        let mut counts = Counts::new();
        let mut choices = self.choices.iter().flatten();
        let [base, mine, theirs] = self.merge.texts();
        if !self.by_key {
            add(&mut counts, mine, 1);
            add(&mut counts, theirs, 1);
            add(&mut counts, base, -1);
        }
        for (at, region) in self.merge.regions().iter().enumerate() {
            let RegionSides { base, mine, theirs } = self.merge.sides(region);
            if region.kind != RegionKind::Conflict && !self.by_key {
                // An offer that was taken elsewhere may have changed it.
                let own = if region.kind == RegionKind::Theirs { theirs } else { mine };
                let now = self.merge.unasked(at, self.choices);
                if now != own {
                    add(&mut counts, own, -1);
                    add(&mut counts, now, 1);
                }
            }
            match (region.kind, self.by_key) {
                (RegionKind::Conflict, by_key) => {
                    let settled = choices.next().map(|choice| self.merge.settled(region, choice)).unwrap_or_default();
                    for line in of_text(&settled) {
                        *counts.entry(Cow::Owned(line.to_vec())).or_default() += 1;
                    }
                    if !by_key {
                        add(&mut counts, mine, -1);
                        add(&mut counts, theirs, -1);
                        add(&mut counts, base, 1);
                    }
                }
                (RegionKind::Theirs, true) => add(&mut counts, theirs, 1),
                (_, true) => add(&mut counts, mine, 1),
                // What both changed in the same way stands there once.
                (RegionKind::Both | RegionKind::Unchanged, false) => {
                    add(&mut counts, mine, -1);
                    add(&mut counts, base, 1);
                }
                (RegionKind::Mine | RegionKind::Theirs, false) => {}
            }
        }
        counts
    }

    /// The lines that the user added or changed: against base, or, without one, against theirs.
    fn yours(&self) -> Counts<'_> {
        let [base, mine, theirs] = self.merge.texts();
        let before: &[u8] = match self.base {
            // What a merge by key calls its base is no text that anybody had.
            Some(own) if self.by_key => own,
            Some(_) => base,
            None => theirs,
        };
        let lines: Vec<&[u8]> = of_text(mine).collect();
        let mut counts = Counts::new();
        for (_, new) in hunks(before, mine) {
            for line in lines.get(new).unwrap_or_default() {
                *counts.entry(Cow::Borrowed(*line)).or_default() += 1;
            }
        }
        counts
    }

    /// The lines of the user's that his answers gave up, or his keys' new values.
    fn given_up(&self) -> Counts<'_> {
        let mut counts = Counts::new();
        let mut choices = self.choices.iter().flatten();
        for (at, region) in self.merge.regions().iter().enumerate() {
            let RegionSides { mine, theirs, .. } = self.merge.sides(region);
            let stays: Cow<'_, [u8]> = match region.kind {
                RegionKind::Conflict => match choices.next() {
                    Some(choice) => self.merge.settled(region, choice).into(),
                    None => continue,
                },
                RegionKind::Theirs if self.by_key => theirs.into(),
                RegionKind::Mine => self.merge.unasked(at, self.choices).into(),
                _ => continue,
            };
            let mut gone = Counts::new();
            add(&mut gone, mine, 1);
            for line in of_text(&stays) {
                if let Some(n) = gone.get_mut(line) {
                    *n -= 1;
                }
            }
            for (line, n) in gone.into_iter().filter(|(_, n)| *n > 0) {
                *counts.entry(line).or_default() += n;
            }
        }
        // What an offer put where theirs moved it is not given up.
        let there = |choice| {
            if let &Choice::Combined(Combined { elsewhere: Some(ref there), .. }) = choice { Some(there) } else { None }
        };
        for there in self.choices.iter().flatten().filter_map(there) {
            let Some(region) = self.merge.regions().get(there.region) else { continue };
            let mut put = Counts::new();
            add(&mut put, &there.text, 1);
            add(&mut put, self.merge.sides(region).theirs, -1);
            for (line, n) in put.into_iter().filter(|(_, n)| *n > 0) {
                if let Some(up) = counts.get_mut(&line) {
                    *up = (*up - n).max(0);
                }
            }
        }
        counts
    }

    /// Looks for the user's lines in the result.
    pub(super) fn find(&self, result: &[u8]) -> Lines {
        let written = |line: &[u8]| match self.renamed {
            Some((from, to)) => crate::core::renamed::renamed(line, from, to),
            None => line.to_vec(),
        };
        let mut stands = Counts::new();
        add(&mut stands, result, 1);
        // Two lines can become the same one by the new name.
        let mut expected: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        for (line, n) in self.expected() {
            *expected.entry(written(&line)).or_default() += n;
        }
        let given = self.given_up();
        let mut lines = Lines::default();
        for (line, n) in self.yours() {
            let up = given.get(&line).map_or(0, |up| (*up).min(n));
            let now = written(&line);
            let must = expected.get(&now).copied().unwrap_or_default();
            let short = must - stands.get(now.as_slice()).copied().unwrap_or_default();
            let missing = short.clamp(0, n - up);
            lines.yours += usize::try_from(n).unwrap_or_default();
            lines.given_up += usize::try_from(up).unwrap_or_default();
            lines.found += usize::try_from(n - up - missing).unwrap_or_default();
            lines.missing.extend((0..missing).map(|_| visible::line_of(&line)));
        }
        lines
    }
}

/// The lines of a text that another one does not have as often.
pub(super) fn absent(before: &[u8], now: &[u8]) -> Lines {
    let (mut wanted, mut stands) = (Counts::new(), Counts::new());
    add(&mut wanted, before, 1);
    add(&mut stands, now, 1);
    let mut lines = Lines::default();
    for (line, n) in wanted {
        let missing = (n - stands.get(&line).copied().unwrap_or_default()).clamp(0, n);
        lines.yours += usize::try_from(n).unwrap_or_default();
        lines.found += usize::try_from(n - missing).unwrap_or_default();
        lines.missing.extend((0..missing).map(|_| visible::line_of(&line)));
    }
    lines
}
