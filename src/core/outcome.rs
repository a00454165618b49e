//! What a plan entry and its answer do to the install.

use std::sync::Arc;

use super::config::keyed::{Format, Keyed};
use super::layout::layouts;
use super::merge::Merge;
use super::path::RelPath;
use super::plan::{FileEntry, Kind};
use super::session::Decision;

/// The effect on the install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It stays as it is.
    Nothing,
    /// Bytes are written, and the old path goes if the file moves.
    Write {
        /// Where to.
        path: RelPath,
        /// The old path.
        from: Option<RelPath>,
        /// The content.
        bytes: Arc<[u8]>,
        /// Whether it can be executed.
        executable: bool,
    },
    /// The file goes.
    Remove {
        /// Which.
        path: RelPath,
    },
}

/// The texts of an entry, as far as they exist.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// The release's bytes that the user started from.
    pub base: Option<Arc<[u8]>>,
    /// What is installed.
    pub mine: Option<Arc<[u8]>>,
    /// What the source ships.
    pub theirs: Option<Arc<[u8]>>,
}

impl Sides {
    /// Whether mine is known to differ from what the user started from.
    pub(crate) fn is_edited(&self) -> bool {
        self.base.is_some() && self.mine.is_some() && self.base != self.mine
    }
}

/// An entry that can't be carried out as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutcomeError {
    /// A conflict without an answer, or with open hunks.
    #[error("{0}: this conflict has no answer yet")]
    Unanswered(RelPath),
    /// A text that the plan counted on is gone.
    #[error("{0}: its new content could not be read")]
    MissingText(RelPath),
    /// The result would not be a usable file.
    #[error("{path}: the merged file {damage}")]
    Damaged {
        /// Which.
        path: RelPath,
        /// What is wrong with it.
        damage: String,
    },
    /// Something of the user's stands in the way, so theirs can't be put there.
    #[error("{0}: something of yours stands in the way; move it aside first, or keep it")]
    InTheWay(RelPath),
}

/// The merge of the texts for a path: three-way where there is a base, two-way without. The user's JSON or YAML
/// config is merged key by key, in his file's own order and form. None if a text is missing, binary, or config that
/// can't be merged so.
pub fn merge_of(path: &RelPath, sides: &Sides) -> Option<Merge> {
    let (mine, theirs) = (sides.mine.clone()?, sides.theirs.clone()?);
    if let Some(format) = keyed_format(path) {
        return Keyed::new(format, sides.base.as_deref(), &mine, &theirs).ok().map(|keyed| keyed.merge);
    }
    match &sides.base {
        Some(base) => Merge::three_way(base.clone(), mine, theirs),
        None => Merge::two_way(mine, theirs),
    }
}

/// Whether a path holds config that is merged key by key.
pub(crate) fn is_keyed(path: &RelPath) -> bool {
    keyed_format(path).is_some()
}

/// The format of a config file that is merged key by key.
pub(crate) fn keyed_format(path: &RelPath) -> Option<Format> {
    Format::of(path.name()).filter(|_| layouts().is_config(path))
}

/// What to do for one entry.
///
/// # Errors
/// [`OutcomeError`] where an answer or a text is missing, or the result would be damaged.
pub fn outcome(entry: &FileEntry, answer: Option<&Decision>, sides: &Sides) -> Result<Outcome, OutcomeError> {
    let write = |bytes: Option<Arc<[u8]>>| {
        let bytes = bytes.ok_or_else(|| OutcomeError::MissingText(entry.path.clone()))?;
        Ok(Outcome::Write { path: entry.path.clone(), from: entry.from.clone(), bytes, executable: entry.executable })
    };
    let merged = |text: Option<Vec<u8>>| {
        let text = text.ok_or_else(|| OutcomeError::Unanswered(entry.path.clone()))?;
        match damage(&entry.path, sides.mine.as_deref().unwrap_or_default(), &text) {
            Some(damage) => Err(OutcomeError::Damaged { path: entry.path.clone(), damage }),
            None => write(Some(text.into())),
        }
    };
    match entry.kind {
        Kind::Unchanged | Kind::LocalOnly | Kind::StaysDeleted | Kind::Linked => Ok(Outcome::Nothing),
        Kind::Remove => Ok(Outcome::Remove { path: entry.path.clone() }),
        Kind::New | Kind::Update => write(sides.theirs.clone()),
        Kind::Move if entry.base == entry.theirs && entry.mine != entry.base => write(sides.mine.clone()),
        Kind::Move => write(sides.theirs.clone()),
        Kind::AutoMerge => merged(merge_of(&entry.path, sides).and_then(|m| m.result(&[]))),
        Kind::Conflict => {
            let answer =
                answer.filter(|a| a.is_resolved()).ok_or_else(|| OutcomeError::Unanswered(entry.path.clone()))?;
            match (answer, &sides.mine, &sides.theirs) {
                (Decision::Open, ..) => Err(OutcomeError::Unanswered(entry.path.clone())),
                (Decision::Keep | Decision::Park, Some(_), _) if entry.from.is_some() => write(sides.mine.clone()),
                (Decision::Keep | Decision::Park, ..) => Ok(Outcome::Nothing),
                (Decision::Edited(_), None, _) if entry.mine.is_none() && entry.base.is_none() => {
                    Err(OutcomeError::InTheWay(entry.path.clone()))
                }
                (Decision::Edited(text), Some(_), _) => merged(Some(text.clone())),
                (Decision::Edited(text), None, _) => match merged(Some(text.clone()))? {
                    // There is no old one to remove.
                    Outcome::Write { path, bytes, executable, .. } => {
                        Ok(Outcome::Write { path, from: None, bytes, executable })
                    }
                    other => Ok(other),
                },
                (Decision::Take, _, None) => Ok(Outcome::Remove { path: entry.path.clone() }),
                (Decision::Take, None, Some(_)) if entry.mine.is_none() && entry.base.is_none() => {
                    Err(OutcomeError::InTheWay(entry.path.clone()))
                }
                // A file that the user deleted comes to its new place; there is no old one to remove.
                (Decision::Take, None, Some(theirs)) => Ok(Outcome::Write {
                    path: entry.path.clone(),
                    from: None,
                    bytes: theirs.clone(),
                    executable: entry.executable,
                }),
                (Decision::Take, Some(_), Some(theirs)) => write(Some(theirs.clone())),
                // Nothing to combine: the side that a merge keeps is mine.
                (Decision::Merge(_), None, _) | (Decision::Merge(_), _, None) => Ok(Outcome::Nothing),
                (Decision::Merge(choices), Some(_), Some(_)) => {
                    merged(merge_of(&entry.path, sides).and_then(|m| m.result(choices)))
                }
            }
        }
    }
}

/// What is wrong with a merged file, if anything: conflict markers that mine did not have, JSON or YAML that no
/// longer parses.
pub fn damage(path: &RelPath, mine: &[u8], merged: &[u8]) -> Option<String> {
    if let (None, Some(line)) = (marker(mine), marker(merged)) {
        return Some(format!("has a conflict marker in line {line}"));
    }
    // JSON wherever it stands; YAML only as config, because no merge of other pages looks at its keys.
    let format = Format::of(path.name()).filter(|format| *format == Format::Json || is_keyed(path));
    format.filter(|format| format.check(mine).is_ok()).and_then(|format| format.check(merged).err())
}

/// The first line that is a conflict marker, from 1. The line between the two sides isn't looked for: headings look so.
pub fn marker(text: &[u8]) -> Option<usize> {
    let is_mark = |line: &[u8]| [&b"<<<<<<< "[..], b"||||||| ", b">>>>>>> "].iter().any(|mark| line.starts_with(mark));
    text.split(|b| *b == b'\n').position(is_mark).map(|line| line + 1)
}
