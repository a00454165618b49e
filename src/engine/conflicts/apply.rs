//! Turns plan entries and answers into a journal and carries it out; used for content (phase 2) and server code (3).

use std::collections::{BTreeMap, BTreeSet};

use crate::core::blob::BlobId;
use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::outcome::Outcome;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::plan::FileEntry;
use crate::core::task::Task;
use crate::engine::session::context::Run;
use crate::engine::session::stop::{Advice, Stop};
use crate::host::backup::copy;
use crate::host::backup::copy::Backup;
use crate::host::backup::owners;
use crate::host::files::folder::{Content, Folder};
use crate::host::files::journal::{Applied, Journal, JournalError, NewFile, State, Wanted};
use crate::host::files::parallel;
use crate::host::files::planted;
use crate::host::process::proc;

/// An entry with what it does.
pub(crate) struct Decided {
    /// The plan's entry.
    pub(crate) entry: FileEntry,
    /// Its effect.
    pub(crate) outcome: Outcome,
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Fs(e) => e.into(),
            JournalError::NoFolder { ref at, .. } => {
                let next = Advice::mend(format!("move it aside: mv {0} {0}.old", quoted(at)));
                Stop::Failed { code: Some(Code::OddPlace), what: error.to_string(), next: Some(next) }
            }
            other => Stop::failed(other),
        }
    }
}

/// What is wanted at each path, with what stands there now as the plan knew it.
///
/// # Errors
/// [`Stop::Failed`] naming a file that changed since it was planned.
pub(crate) fn wanted(folder: &Folder, decided: Vec<Decided>) -> Result<Vec<Wanted>, Stop> {
    let new_mode = proc::new_file_mode();
    let mut all = Vec::new();
    for Decided { entry, outcome } in decided {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Remove { path } => {
                let (old, _) = standing(folder, &path, entry.mine.as_ref())?;
                all.push(Wanted { path, old, new: None });
            }
            Outcome::Write { path, from, bytes, executable } => {
                let spot = from.as_ref().unwrap_or(&path);
                let (old, mode) = standing(folder, spot, entry.mine.as_ref())?;
                let mode = with_execute(mode.unwrap_or(new_mode), executable);
                let new = Some(NewFile { bytes: planted::without_lines(bytes.to_vec()), mode, mtime: None });
                // Where nothing stood, nothing goes: another file may come there.
                match from.filter(|_| entry.mine.is_some()) {
                    Some(from) => {
                        all.push(Wanted { path, old: State::Absent, new });
                        all.push(Wanted { path: from, old, new: None });
                    }
                    None => all.push(Wanted { path, old, new }),
                }
            }
        }
    }
    // Removals first: a file may go where a folder of its name comes.
    all.sort_by_key(|w| w.new.is_some());
    Ok(all)
}

/// Permission bits with or without execution, for whom the file can be read.
fn with_execute(mode: u32, executable: bool) -> u32 {
    if executable { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 }
}

fn standing(folder: &Folder, path: &RelPath, planned: Option<&BlobId>) -> Result<(State, Option<u32>), Stop> {
    let changed = || Stop::Failed {
        code: Some(Code::PlanOutdated),
        what: format!("{path}: changed since the plan was made, so nothing was applied"),
        next: Some("look at the new plan: start the upgrade again".into()),
    };
    match (folder.read(path)?, planned) {
        // A folder that the plan's removals empty: the journal takes it away then, or stops.
        (Content::Absent | Content::Folder, None) => Ok((State::Absent, None)),
        (Content::File { bytes, mode }, Some(id)) => {
            if BlobId::of(&bytes, id.format()) == *id {
                Ok((State::of(&bytes, mode), Some(mode)))
            } else {
                Err(changed())
            }
        }
        _ => Err(changed()),
    }
}

/// Applies a committed journal, tells progress, and reports what had to be rescued.
///
/// # Errors
/// [`Stop::Failed`].
pub(crate) fn carry_out(run: &mut Run, journal: &Journal, phase: Phase, task: Task) -> Result<Applied, Stop> {
    let rescue = run.rescue_folder()?;
    let total = journal.len() as u64;
    let applied =
        journal.apply(&run.install(), &rescue, &mut |n, path| run.progress(phase, task, n as u64 + 1, total, path))?;
    planted::lose(&run.session.install);
    keep_owners(run, journal);
    for (path, to) in &applied.rescued {
        run.warn("rescued", format!("{path} was written while the upgrade ran; what you wrote is now in {to}"));
    }
    for path in &applied.since {
        run.warn("kept", format!("{path} was changed since the upgrade put it there, and stays as you left it"));
    }
    Ok(applied)
}

/// What replaced a file, or stands where an edit followed a move to, belongs to whom the old one did.
fn keep_owners(run: &mut Run, journal: &Journal) {
    let install = run.install();
    let Some(name) = run.session.backup.clone() else { return };
    let Ok(backup) = Backup::open(&copy::folder_of(&install).join(name)) else { return };
    let moved: BTreeMap<RelPath, RelPath> =
        run.session.plan().files.iter().filter_map(|f| Some((f.path.clone(), f.from.clone()?))).collect();
    let written = journal.results().filter(|(_, state)| **state != State::Absent).map(|(path, _)| path);
    let wrong = owners::give_back(&install, &backup, written.map(|path| (path, moved.get(path).unwrap_or(path))));
    if let Some(what) = owners::not_kept(&wrong) {
        run.warn("owner", what);
    }
}

/// Hashes everything a journal wrote once more, but for what somebody has changed `since` a run before wrote it.
///
/// # Errors
/// [`Stop::Failed`] naming the first path that isn't what it should be.
pub(crate) fn verify(run: &Run, journal: &Journal, since: &[RelPath]) -> Result<u64, Stop> {
    if journal.is_done() {
        // Verified before an interruption; what stands there since is the user's.
        return Ok(journal.len() as u64);
    }
    let folder = Folder::open(&run.session.install)?;
    let results: Vec<_> = journal.results().filter(|(path, _)| !since.contains(path)).collect();
    parallel::in_parallel(&results, |(path, state)| {
        let found = folder.look(path)?;
        if state.is_met_by(&found) {
            Ok(())
        } else {
            Err(Stop::failed(format!("{path}: read back, it is not what was written")))
        }
    })?;
    Ok(results.len() as u64)
}

/// Counts for the evidence: files that are new, and files changed, moved or removed.
pub(crate) fn counts<'a>(decided: impl Iterator<Item = &'a Decided>) -> (u64, u64) {
    let mut touched = BTreeSet::new();
    let (mut new, mut updated) = (0, 0);
    for one in decided {
        match &one.outcome {
            Outcome::Nothing => {}
            Outcome::Write { path, .. } if one.entry.mine.is_none() => new += u64::from(touched.insert(path.clone())),
            Outcome::Write { path, .. } | Outcome::Remove { path } => {
                updated += u64::from(touched.insert(path.clone()));
            }
        }
    }
    (new, updated)
}
