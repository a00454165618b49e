//! Key-wise three-way merge of a YAML config file, as an edit of the user's own text.
//!
//! A key that one side changed is taken from that side; one that both changed is asked about, and so is one that the
//! template dropped. Lists are values. Values are compared, not texts, comments or quotes. Lines in which nothing
//! changes stay byte for byte: no library writes YAML back without touching comments, so the lines are spliced, and
//! every result is read again and must say what was decided.

use std::collections::HashSet;
use std::ops::Range;

use super::{KeyChoice, Side};

mod braces;
mod doc;
mod lines;
mod problem;
mod render;
mod value;
mod work;

use doc::Doc;
pub use problem::{Problem, Why, YamlError};
use value::Values;
use work::{Edit, Pick, Work};

/// A key that a person has to settle, with its lines in the three texts: comments above it included, empty where the
/// side does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlConflict {
    /// Where: a JSON pointer (RFC 6901), empty for the whole file.
    pub pointer: String,
    /// Why.
    pub why: Why,
    /// What it was.
    pub base: String,
    /// What the user made of it.
    pub mine: String,
    /// What the source made of it.
    pub theirs: String,
}

/// A stretch of the merged file. Stretches that nobody changes are `settled` and equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// False if a person has to choose.
    pub settled: bool,
    /// In the user's file.
    pub current: String,
    /// With the base's values.
    pub base: String,
    /// With the user's values.
    pub mine: String,
    /// With the source's values.
    pub theirs: String,
}

/// Three YAML files, merged but for the conflicts.
#[derive(Debug, Clone)]
pub struct YamlMerge {
    base: Option<Doc>,
    mine: Doc,
    theirs: Doc,
    values: Values,
    /// The place of each conflict in the walk over the files.
    walked: Vec<usize>,
    /// The keys that a person has to settle, in the order of the file.
    pub conflicts: Vec<YamlConflict>,
    /// The keys that theirs brings or changes without anybody being asked: JSON pointers.
    pub changes: Vec<String>,
    /// The file in stretches of whole lines, one for each key that changes or is asked about. They can be settled
    /// independently of each other.
    pub(crate) stretches: Vec<Stretch>,
}

impl YamlMerge {
    /// Merges. Without a base nothing is known about who changed what: keys that only the user has stay, and every
    /// other difference is a conflict.
    ///
    /// # Errors
    /// [`YamlError`] naming the side and the line that stand against a merge, or if a result with all of one side would
    /// not say what was decided.
    pub fn new(base: Option<&[u8]>, mine: &[u8], theirs: &[u8]) -> Result<Self, YamlError> {
        let mut values = Values::default();
        let at = |side| move |problem| YamlError { side, problem };
        let base = base.map(|bytes| Doc::parse_source(bytes, &mut values)).transpose().map_err(at(Side::Base))?;
        let mine = Doc::parse(mine, &mut values).map_err(at(Side::Mine))?;
        let theirs = Doc::parse_source(theirs, &mut values).map_err(at(Side::Theirs))?;
        let (walked, conflicts, changes, stretches) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut merge = Self { base, mine, theirs, values, walked, conflicts, changes, stretches };
        let stretches = merge.split()?;
        let found = merge.run(&|_| Pick::Mine)?;
        let mut asked = stretches.iter().filter(|s| !s.settled);
        let mut conflicts: Vec<_> = found.conflicts.into_iter().map(Some).collect();
        // A map in braces is one stretch, however many of its keys are asked about.
        for edit in found.edits.iter().filter(|e| !e.conflicts.is_empty()) {
            let Some(Stretch { base, mine, theirs, .. }) = asked.next() else { break };
            for n in edit.conflicts.clone() {
                let Some((pointer, why)) = conflicts.get_mut(n).and_then(Option::take) else { continue };
                let (base, mine, theirs) = (base.clone(), mine.clone(), theirs.clone());
                merge.conflicts.push(YamlConflict { pointer, why, base, mine, theirs });
                merge.walked.push(n);
            }
        }
        (merge.changes, merge.stretches) = (found.changes, stretches);
        Ok(merge)
    }

    /// The merged file, one choice for each conflict in order. A conflict without a choice keeps mine.
    ///
    /// # Errors
    /// [`YamlError`] if the result would not say what was decided.
    pub fn result(&self, choices: &[KeyChoice]) -> Result<Vec<u8>, YamlError> {
        let taken = self.walked.iter().zip(choices).filter(|(_, choice)| **choice == KeyChoice::Theirs);
        let taken: HashSet<usize> = taken.map(|(n, _)| *n).collect();
        self.written(&|n| if taken.contains(&n) { Pick::Theirs } else { Pick::Mine })
    }

    fn split(&self) -> Result<Vec<Stretch>, YamlError> {
        for pick in [Pick::Mine, Pick::Theirs] {
            self.written(&|_| pick)?;
        }
        let [mine, theirs] = [Pick::Mine, Pick::Theirs].map(|pick| self.run(&|_| pick));
        let (mine, theirs) = (mine?.edits, theirs?.edits);
        let base = if self.base.is_some() { Some(self.run(&|_| Pick::Base)?.edits) } else { None };
        let text = &self.mine.text;
        let still = |range: Range<usize>| {
            let same = text[range].to_owned();
            Stretch { settled: true, current: same.clone(), base: same.clone(), mine: same.clone(), theirs: same }
        };
        let (mut out, mut at) = (Vec::new(), 0);
        for (n, (mine, theirs)) in mine.into_iter().zip(theirs).enumerate() {
            let Edit { range, text: kept, conflicts } = mine;
            if at < range.start {
                out.push(still(at..range.start));
            }
            at = range.end;
            let settled = conflicts.is_empty();
            let base = base.as_ref().and_then(|all| all.get(n)).map(|e| e.text.clone()).unwrap_or_default();
            let current = text[range].to_owned();
            out.push(Stretch { settled, current, base, mine: kept, theirs: theirs.text });
        }
        if at < text.len() {
            out.push(still(at..text.len()));
        }
        if self.mine.marked {
            let mark = "\u{feff}".to_owned();
            let (current, base) = (mark.clone(), mark.clone());
            out.insert(0, Stretch { settled: true, current, base, mine: mark.clone(), theirs: mark });
        }
        Ok(out)
    }

    fn run(&self, pick: &dyn Fn(usize) -> Pick) -> Result<work::Found, YamlError> {
        Work::new(self.base.as_ref(), &self.mine, &self.theirs, self.values.clone(), pick).file()
    }

    /// The file with these choices, read again.
    fn written(&self, pick: &dyn Fn(usize) -> Pick) -> Result<Vec<u8>, YamlError> {
        let mut found = self.run(pick)?;
        let (mut out, mut at) = (String::new(), 0);
        for Edit { range, text, .. } in found.edits {
            out.push_str(&self.mine.text[at..range.start]);
            out.push_str(&text);
            at = range.end;
        }
        out.push_str(&self.mine.text[at..]);
        let out = self.mine.bytes(out);
        let again = Doc::parse(&out, &mut found.values).map(|doc| doc.root.value);
        if again != Ok(found.value) {
            return Err(YamlError { side: Side::Mine, problem: Problem::Unwritable });
        }
        Ok(out)
    }
}

/// Whether a text is YAML that could be merged.
///
/// # Errors
/// The [`Problem`] that stands against it.
pub fn check(text: &[u8]) -> Result<(), Problem> {
    Doc::parse(text, &mut Values::default()).map(drop)
}

#[cfg(test)]
mod tests;
