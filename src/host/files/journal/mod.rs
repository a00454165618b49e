//! Changes many files so that a crash at any moment leaves something that can be finished: stage, commit, exchange.
//!
//! New bytes are staged and made durable first. Writing `journal.json` (whole, with a checksum) is the commit: before
//! it a relaunch throws the staging away, after it every step can be repeated. A live file is exchanged with its
//! staged successor and looked at afterwards; if it wasn't the file that the plan knew, the user wrote it meanwhile,
//! and it goes to `rescued/`. The idea of numbered steps that can be repeated is dpkg's.

use std::fs as stdfs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::core::blob::sha256;
use crate::core::json;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::host::files::batch::Batch;
use crate::host::files::crash_points::{RELEASE, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::folder::{Folder, Found};
use crate::host::files::fs;
use crate::host::files::parallel;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;

/// What stands (or shall stand) at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Its content.
        sha256: String,
        /// Permission bits.
        mode: u32,
    },
}

impl State {
    /// Whether this is what was found.
    pub fn matches(&self, found: &Found) -> bool {
        match (self, found) {
            (State::Absent, Found::Absent) => true,
            (State::File { sha256, mode }, Found::File { sha256: other, mode: m }) => sha256 == other && mode == m,
            _ => false,
        }
    }

    /// The same, where a folder may stand in which a file went.
    pub(crate) fn is_met_by(&self, found: &Found) -> bool {
        self.matches(found) || (*self == State::Absent && *found == Found::Folder)
    }

    /// The state of a file with these bytes.
    pub fn of(bytes: &[u8], mode: u32) -> Self {
        State::File { sha256: sha256(bytes), mode }
    }
}

/// A change that is wanted.
#[derive(Debug)]
pub struct Wanted {
    /// Where.
    pub path: RelPath,
    /// What the plan knew there.
    pub old: State,
    /// What shall be there: bytes, permission bits, and the time to set (nanoseconds since 1970) if not now.
    pub new: Option<NewFile>,
}

/// Content for [`Wanted`].
#[derive(Debug)]
pub struct NewFile {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Modification time to set, nanoseconds since 1970.
    pub mtime: Option<i128>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Step {
    path: RelPath,
    old: State,
    new: State,
}

#[derive(Serialize, Deserialize)]
struct Committed {
    sha256: String,
    steps: Box<RawValue>,
}

/// A committed set of changes.
#[derive(Debug)]
pub struct Journal {
    install: PathBuf,
    folder: PathBuf,
    steps: Vec<Step>,
}

/// Why a journal could not be written or carried out.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The committed journal can't be trusted.
    #[error("{}: the journal is damaged", .0.shown())]
    Damaged(PathBuf),
    /// What stands where a file must go changes all the time.
    #[error("{0}: what stands there changes while it is looked at")]
    Blocked(RelPath),
    /// A link or file stands where a folder must be.
    #[error("{path}: {at} is no folder but a link or file; what is behind it is not touched", at = .at.shown())]
    NoFolder {
        /// The path that is below it.
        path: RelPath,
        /// What stands there.
        at: PathBuf,
    },
    /// Staged bytes are gone or changed.
    #[error("{path}: its staged content in {} is gone", .folder.shown())]
    StagingLost {
        /// Of which path.
        path: RelPath,
        /// Where it was.
        folder: PathBuf,
    },
}

/// What applying did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Paths that changed now (not those that a run before had changed).
    pub changed: u64,
    /// What the user had written meanwhile: where it was, and where it is now (both relative to the install).
    pub rescued: Vec<(RelPath, RelPath)>,
    /// Where somebody wrote after the step was done, in a run before: that stays as it is.
    pub since: Vec<RelPath>,
}

/// The journals of a session, by the names of their folders in the session's.
pub const FOLDERS: [&str; 3] = ["content", "server", "rollback"];
const JOURNAL: &str = "journal.json";
/// The same bytes, written just before: should `journal.json` be damaged later, the steps are still known.
const COPY: &str = "journal.copy.json";
const STAGE: &str = "stage";
/// Behind the number of a staged file: the live one, on its way out where two files can't be exchanged.
const ASIDE: &str = ".out";
/// How many files are written before the first of them is waited for.
const TOGETHER: usize = 256;

/// New bytes that wait for a decision.
#[derive(Debug)]
pub(crate) struct Staged {
    journal: Journal,
    text: String,
}

impl Staged {
    /// The decision: from here on this is carried out, whatever happens.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn commit(self) -> Result<Journal, JournalError> {
        fs::write_durable(&self.journal.folder.join(JOURNAL), self.text.as_bytes(), 0o600)?;
        Ok(self.journal)
    }
}

impl Journal {
    /// Stages the changes in `folder` and commits to them. Staging of an earlier try that didn't get as far is thrown
    /// away.
    ///
    /// # Errors
    /// [`JournalError::Fs`]; then nothing is committed.
    pub fn commit(install: &LockedInstall, folder: &Path, wanted: Vec<Wanted>) -> Result<Self, JournalError> {
        Self::stage(install, folder, wanted)?.commit()
    }

    /// Makes all new bytes durable, and nothing that counts as a decision: until [`Staged::commit`] this is forgotten by
    /// whoever finds it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn stage(install: &LockedInstall, folder: &Path, wanted: Vec<Wanted>) -> Result<Staged, JournalError> {
        fs::remove_tree(folder)?;
        let stage = install.make_folder(folder.join(STAGE))?;
        let batch = Batch::begin(&stage)?;
        let numbered: Vec<(usize, Wanted)> = wanted.into_iter().enumerate().collect();
        // As many at once as may be open: many small files, but few turns of the disk.
        for some in numbered.chunks(TOGETHER) {
            let files = parallel::in_parallel(some, |(number, wanted)| {
                let path = stage.join(number.to_string());
                let new = wanted.new.as_ref();
                let made = new.map(|new| fs::create_early(&path, &new.bytes, new.mode, new.mtime)).transpose()?;
                Ok::<_, FsError>((path, made))
            })?;
            parallel::in_parallel(&files, |(path, file)| match file {
                Some(file) => batch.file(file, path),
                None => Ok(()),
            })?;
        }
        batch.finish()?;
        let step = |(_, w): (usize, Wanted)| {
            let new = w.new.map_or(State::Absent, |n| State::of(&n.bytes, n.mode));
            Step { path: w.path, old: w.old, new }
        };
        let steps: Vec<Step> = numbered.into_iter().map(step).collect();
        let path = folder.join(JOURNAL);
        let text = json::compact(&steps).doing("write", &path)?;
        let sum = sha256(text.as_bytes());
        let raw = RawValue::from_string(text).doing("write", &path)?;
        let text = json::compact(&Committed { sha256: sum, steps: raw }).doing("write", &path)?;
        fs::write_durable(&folder.join(COPY), text.as_bytes(), 0o600)?;
        // The folder itself is new too: nothing may be committed that a power cut could take away.
        fs::sync_folder(folder.parent().unwrap_or(install))?;
        Ok(Staged { journal: Self { install: install.to_path_buf(), folder: folder.to_owned(), steps }, text })
    }

    /// What is staged in a folder, committed or not, for looking at it; none where nothing is.
    pub(crate) fn staged_in(install: &Path, folder: &Path) -> Option<Self> {
        let steps = [JOURNAL, COPY].iter().find_map(|name| read_steps(&folder.join(name)).ok().flatten())?;
        Some(Self { install: install.to_owned(), folder: folder.to_owned(), steps })
    }

    /// The first path whose staged bytes are not what they were when they were staged.
    pub(crate) fn first_unsound(&self) -> Option<&RelPath> {
        self.waiting().find(|(_, waits)| waits.is_none()).map(|(path, _)| path)
    }

    /// Every path with what waits for it: a new file, or nothing where one goes. None where the staged bytes are not what
    /// they were when they were staged.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&RelPath, Option<Option<NewFile>>)> {
        self.steps.iter().enumerate().map(|(number, step)| {
            let waits = match step.new {
                State::Absent => Some(None),
                State::File { mode, .. } => self.bytes_of(number, step).map(|bytes| {
                    let meta = stdfs::symlink_metadata(self.folder.join(STAGE).join(number.to_string()));
                    Some(NewFile { bytes, mode, mtime: meta.ok().as_ref().map(fs::mtime_of) })
                }),
            };
            (&step.path, waits)
        })
    }

    /// The staged bytes of a step that puts a file in place.
    fn bytes_of(&self, number: usize, step: &Step) -> Option<Vec<u8>> {
        let State::File { sha256: sum, .. } = &step.new else { return None };
        // After the exchange the old bytes stand in the staging.
        let bytes = read::read_own(&self.folder.join(STAGE).join(number.to_string())).ok()?;
        (sha256(&bytes) == *sum).then_some(bytes)
    }

    /// The committed journal of a folder; none if that was never reached.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if neither it nor its copy can be trusted.
    pub fn load(install: &Path, folder: &Path) -> Result<Option<Self>, JournalError> {
        let path = folder.join(JOURNAL);
        if stdfs::symlink_metadata(&path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let mut problem = JournalError::Damaged(path);
        for path in [JOURNAL, COPY].map(|name| folder.join(name)) {
            match read_steps(&path) {
                Ok(Some(steps)) => {
                    return Ok(Some(Self { install: install.to_owned(), folder: folder.to_owned(), steps }));
                }
                Ok(None) => {}
                // It may be whole, and the reason may pass.
                Err(e) => problem = e.into(),
            }
        }
        Err(problem)
    }

    /// Every path that a journal of this folder may have changed, with what it puts there, whether or not it was
    /// committed; none if nothing can be told, damaged or gone. For putting back, never for going on.
    pub fn traces(folder: &Path) -> Option<Vec<(RelPath, State)>> {
        let steps = [JOURNAL, COPY].iter().find_map(|name| read_steps(&folder.join(name)).ok().flatten())?;
        Some(steps.into_iter().map(|s| (s.path, s.new)).collect())
    }

    /// Whether a journal was committed in a folder, sound or not.
    ///
    /// # Errors
    /// [`FsError`] where that can't be told.
    pub(crate) fn was_committed(folder: &Path) -> Result<bool, FsError> {
        fs::is_there(&folder.join(JOURNAL))
    }

    /// Whether a folder shows that a journal was at least about to be committed there, sound or not.
    ///
    /// # Errors
    /// [`FsError`] where that can't be told.
    pub(crate) fn was_begun(folder: &Path) -> Result<bool, FsError> {
        Ok(fs::is_there(&folder.join(JOURNAL))? || fs::is_there(&folder.join(COPY))?)
    }

    /// Whether everything was applied and verified, and the staging dropped.
    pub(crate) fn is_done(&self) -> bool {
        // A folder that can't be looked at is not gone.
        matches!(self.folder.join(STAGE).try_exists(), Ok(false))
    }

    /// How many paths it is about.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it is about nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Every path with what this journal puts there.
    pub fn results(&self) -> impl Iterator<Item = (&RelPath, &State)> {
        self.steps.iter().map(|s| (&s.path, &s.new))
    }

    /// What this journal will have put at a path: its bytes, or nothing where it removes the file. None if it is not
    /// about that path, or has put it there already.
    pub(crate) fn to_come(&self, path: &RelPath) -> Option<Option<Vec<u8>>> {
        let (number, step) = self.steps.iter().enumerate().find(|(_, s)| s.path == *path)?;
        match step.new {
            State::Absent => Some(None),
            State::File { .. } => self.bytes_of(number, step).map(Some),
        }
    }

    /// Takes a commit back, for what is planned anew. What is the user's must have been rescued from its staging.
    ///
    /// # Errors
    /// [`FsError`]; it is a journal still, or nothing that counts for one.
    pub(crate) fn give_up(self, _: &LockedInstall) -> Result<(), FsError> {
        // A journal whose staging is gone would look like one that was carried out.
        fs::remove_file(&self.folder.join(JOURNAL))?;
        fs::sync_folder(&self.folder)?;
        fs::remove_tree(&self.folder)
    }

    /// Forgets the staged bytes, when all is applied and verified; the journal itself stays as a record.
    pub(crate) fn drop_staging(&self, _: &LockedInstall) {
        // Renamed first: half a staging folder must never look like a whole one.
        let old = self.folder.join("stage.done");
        if around(RELEASE, || stdfs::rename(self.folder.join(STAGE), &old)).is_ok() {
            // Durable before anything in it goes, for the same reason. Where it can't be, it just stays.
            if fs::sync_folder(&self.folder).is_ok() {
                let _ = fs::remove_tree(&old);
            }
        }
    }
}

/// The steps of a journal's file, if they are what was written. Such a file is as untrusted as any: no step may reach
/// what no plan is about.
fn read_steps(path: &Path) -> Result<Option<Vec<Step>>, FsError> {
    let bytes = match read::read_note(path) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => return Ok(None),
        // A link, a pipe, something endless: no journal of ours, rather than one that can't be read now.
        Err(e) if e.raw_os_error().is_none() || e.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Ok(None);
        }
        read => read.doing("read", path)?,
    };
    Ok(steps_of(&bytes))
}

fn steps_of(bytes: &[u8]) -> Option<Vec<Step>> {
    let committed: Committed = serde_json::from_slice(bytes).ok()?;
    if sha256(committed.steps.get().as_bytes()) != committed.sha256 {
        return None;
    }
    let steps: Vec<Step> = serde_json::from_str(committed.steps.get()).ok()?;
    steps.iter().all(|step| !layouts().is_ephemeral(&step.path)).then_some(steps)
}

/// Removes the folders that held a removed file, from the inside out, as long as they are empty.
fn remove_empty_folders(root: &Folder, path: &RelPath) -> Result<(), FsError> {
    let mut folder = path.parent();
    while let Some(path) = folder {
        let Ok((parent, name)) = root.parent_of(&path, false) else { return Ok(()) };
        // Top folders are part of the layout even when empty.
        if path.parent().is_none() || !parent.remove_empty(name)? {
            return Ok(());
        }
        // Best effort: an empty folder that comes back is all that can be lost.
        let _ = parent.sync();
        folder = path.parent();
    }
    Ok(())
}

mod steps;
#[cfg(test)]
mod tests;
