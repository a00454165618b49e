//! Changes many files so that a crash at any moment leaves something that can be finished: stage, commit, exchange.
//!
//! New bytes are staged and made durable first. Writing `journal.json` (whole, with a checksum) is the commit: before
//! it a relaunch throws the staging away, after it every step can be repeated. A live file is exchanged with its
//! staged successor and looked at afterwards; if it wasn't the file that the plan knew, the user wrote it meanwhile,
//! and it goes to `rescued/`. The idea of numbered steps that can be repeated is dpkg's.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs as stdfs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::crash::{EXCHANGE, RELEASE, RESCUE, SYNC_FILE, around};
use super::fs::{self, Doing, Folder, Found, FsError};
use crate::core::blob::sha256;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;

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
    /// Something that is no file stands where one must go.
    #[error("{0}: something other than a file stands there now")]
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

impl Journal {
    /// Stages the changes in `folder` and commits to them. Staging of an earlier try that didn't get as far is thrown
    /// away.
    ///
    /// # Errors
    /// [`JournalError::Fs`]; then nothing is committed.
    pub fn commit(install: &Path, folder: &Path, wanted: Vec<Wanted>) -> Result<Self, JournalError> {
        fs::remove_tree(folder)?;
        let stage = folder.join(STAGE);
        fs::create_folders(&stage)?;
        let numbered: Vec<(usize, Wanted)> = wanted.into_iter().enumerate().collect();
        // As many at once as may be open: many small files, but few turns of the disk.
        for some in numbered.chunks(TOGETHER) {
            let files = fs::in_parallel(some, |(number, wanted)| {
                let path = stage.join(number.to_string());
                let new = wanted.new.as_ref();
                let made = new.map(|new| fs::create_early(&path, &new.bytes, new.mode, new.mtime)).transpose()?;
                Ok::<_, FsError>((path, made))
            })?;
            fs::in_parallel(&files, |(path, file)| match file {
                Some(file) => around(SYNC_FILE, || file.sync_all()).doing("sync", path),
                None => Ok(()),
            })?;
        }
        fs::sync_folder(&stage)?;
        let step = |(_, w): (usize, Wanted)| {
            let new = w.new.map_or(State::Absent, |n| State::of(&n.bytes, n.mode));
            Step { path: w.path, old: w.old, new }
        };
        let steps: Vec<Step> = numbered.into_iter().map(step).collect();
        let text = serde_json::to_string(&steps).unwrap_or_default();
        let sum = sha256(text.as_bytes());
        if let Ok(steps) = RawValue::from_string(text) {
            let bytes = serde_json::to_vec(&Committed { sha256: sum, steps }).unwrap_or_default();
            fs::write_durable(&folder.join(COPY), &bytes, 0o600)?;
            // The folder itself is new too: nothing may be committed that a power cut could take away.
            fs::sync_folder(folder.parent().unwrap_or(install))?;
            fs::write_durable(&folder.join(JOURNAL), &bytes, 0o600)?;
        }
        Ok(Self { install: install.to_owned(), folder: folder.to_owned(), steps })
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
    pub fn was_committed(folder: &Path) -> bool {
        stdfs::symlink_metadata(folder.join(JOURNAL)).is_ok()
    }

    /// Whether a folder shows that a journal was at least about to be committed there, sound or not.
    pub fn was_begun(folder: &Path) -> bool {
        [JOURNAL, COPY].iter().any(|name| stdfs::symlink_metadata(folder.join(name)).is_ok())
    }

    /// Whether everything was applied and verified, and the staging dropped.
    pub fn is_done(&self) -> bool {
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
    pub fn to_come(&self, path: &RelPath) -> Option<Option<Vec<u8>>> {
        let (number, step) = self.steps.iter().enumerate().find(|(_, s)| s.path == *path)?;
        let State::File { sha256: sum, .. } = &step.new else { return Some(None) };
        // After the exchange the old bytes stand in the staging.
        let bytes = fs::read_own(&self.folder.join(STAGE).join(number.to_string())).ok()?;
        (sha256(&bytes) == *sum).then_some(Some(bytes))
    }

    /// Carries the steps out, skipping those that are done, and tells how far it is.
    ///
    /// # Errors
    /// [`JournalError`]; what is done so far stays, and can be continued or rolled back.
    pub fn apply(&self, rescue: &RelPath, progress: &mut dyn FnMut(usize, &RelPath)) -> Result<Applied, JournalError> {
        if self.is_done() {
            // Staging goes only after everything was applied and verified.
            return Ok(Applied::default());
        }
        let root = Folder::open(&self.install)?;
        let stage = self.stage(&root)?;
        let mut applied = Applied::default();
        for (number, step) in self.steps.iter().enumerate() {
            progress(number, &step.path);
            let slot = number.to_string();
            if !step.new.matches(&root.look(&step.path)?) {
                self.step(&root, &stage, step, OsStr::new(&slot))?;
                applied.changed += 1;
            }
            applied.rescued.extend(self.rescue(&root, &stage, number, rescue)?);
        }
        let paths = || self.steps.iter().map(|step| &step.path);
        for folder in paths().filter_map(RelPath::parent).collect::<BTreeSet<_>>() {
            if let Ok(open) = root.below(&folder, false) {
                open.sync()?;
            }
        }
        if paths().any(|path| path.parent().is_none()) {
            root.sync()?;
        }
        stage.sync()?;
        for step in self.steps.iter().filter(|s| s.new == State::Absent) {
            remove_empty_folders(&root, &step.path)?;
        }
        Ok(applied)
    }

    /// The staging, reached without a link: what is exchanged with it must not land elsewhere.
    fn stage(&self, root: &Folder) -> Result<Folder, JournalError> {
        let damaged = || JournalError::Damaged(self.folder.clone());
        let below = self.folder.strip_prefix(&self.install).map_err(|_| damaged())?;
        let path = RelPath::new(below.join(STAGE).as_os_str().as_bytes()).map_err(|_| damaged())?;
        Ok(root.below(&path, false)?)
    }

    /// Moves what came out of the live tree in one step, now or before a crash, to the rescued files, if it is neither
    /// the plan's old file nor the new one: somebody wrote it since.
    fn rescue(
        &self,
        root: &Folder,
        stage: &Folder,
        number: usize,
        rescue: &RelPath,
    ) -> Result<Option<(RelPath, RelPath)>, JournalError> {
        let step = &self.steps[number];
        let mut users = None;
        for slot in [number.to_string(), format!("{number}{ASIDE}")] {
            let slot_path = RelPath::new(slot.clone()).map_err(|_| JournalError::Damaged(self.folder.clone()))?;
            let out = stage.look(&slot_path)?;
            if out != Found::Absent && !step.old.matches(&out) && !step.new.matches(&out) {
                users = Some(slot);
            }
        }
        let Some(slot) = users else { return Ok(None) };
        let to = free_place(root, rescue, &step.path)?;
        let (folder, name) = root.parent_of(&to, true)?;
        let aside = |how| stage.rename(OsStr::new(&slot), &folder, name, how);
        let moved = around(RESCUE, || match aside(RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => aside(RenameFlags::empty()),
            other => other,
        });
        moved.doing("rescue to", to.under(&self.install))?;
        folder.sync()?;
        Ok(Some((step.path.clone(), to)))
    }

    /// Rescues what a crash left in the staging of a journal that will not be carried out to its end.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn rescue_left(&self, rescue: &RelPath) -> Result<Vec<(RelPath, RelPath)>, JournalError> {
        let path = self.folder.join(STAGE);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let root = Folder::open(&self.install)?;
        let stage = self.stage(&root)?;
        let mut rescued = Vec::new();
        for number in 0..self.steps.len() {
            rescued.extend(self.rescue(&root, &stage, number, rescue)?);
        }
        Ok(rescued)
    }

    fn step(&self, root: &Folder, stage: &Folder, step: &Step, slot: &OsStr) -> Result<(), JournalError> {
        let shown = step.path.under(&self.install);
        let wants_file = step.new != State::Absent;
        let (folder, name) = match root.parent_of(&step.path, wants_file) {
            Ok(found) => found,
            Err(e) if !wants_file && e.source.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) if e.is_no_folder() => {
                return Err(JournalError::NoFolder { path: step.path.clone(), at: e.path });
            }
            Err(e) => return Err(e.into()),
        };
        let staged = |errno: Errno| match errno {
            Errno::NOENT => JournalError::StagingLost { path: step.path.clone(), folder: self.folder.clone() },
            other => FsError { doing: "replace", path: shown.clone(), source: other.into() }.into(),
        };
        // A file may appear or go between looking and renaming, and a hollow folder before that.
        for _ in 0..4 {
            let found = root.look(&step.path)?;
            // A link is somebody's work as a file is; itself, and never what is behind it.
            let link = found == Found::Other && folder.kind(name)? == Some(FileType::Symlink);
            let goes_out = link || matches!(found, Found::File { .. });
            let exchange = |done: &dyn Fn() -> rustix::io::Result<()>| around(EXCHANGE, done);
            let done = match (&found, wants_file) {
                // The file went, now or before a crash, and a folder came in its place.
                (Found::Folder, false) => return Ok(()),
                // A folder whose files went in earlier steps.
                (Found::Folder, true) if folder.remove_hollow(name) => continue,
                (Found::Absent, false) => return Ok(()),
                (Found::Absent, true) => exchange(&|| stage.rename(slot, &folder, name, RenameFlags::NOREPLACE)),
                (_, true) if goes_out => exchange(&|| stage.rename(slot, &folder, name, RenameFlags::EXCHANGE)),
                (_, false) if goes_out => exchange(&|| folder.rename(name, stage, slot, RenameFlags::NOREPLACE)),
                _ => return Err(JournalError::Blocked(step.path.clone())),
            };
            match done {
                Ok(()) => return Ok(()),
                Err(Errno::EXIST) if wants_file => {}
                Err(Errno::EXIST) => return Err(JournalError::Damaged(self.folder.clone())),
                Err(Errno::NOENT) if goes_out && root.look(&step.path)? == Found::Absent => {}
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    return self.step_without_exchange(root, stage, step, slot, &found);
                }
                Err(other) => return Err(staged(other)),
            }
        }
        Err(JournalError::Blocked(step.path.clone()))
    }

    /// For file systems without exchange: the old file is kept beside the staged one, the check stands just before.
    fn step_without_exchange(
        &self,
        root: &Folder,
        stage: &Folder,
        step: &Step,
        slot: &OsStr,
        found: &Found,
    ) -> Result<(), JournalError> {
        let shown = step.path.under(&self.install);
        let (folder, name) = root.parent_of(&step.path, true)?;
        let out = PathBuf::from(format!("{}{ASIDE}", slot.to_string_lossy()));
        let stands = *found != Found::Absent;
        if stands {
            around(EXCHANGE, || folder.rename(name, stage, out.as_os_str(), RenameFlags::empty()))
                .doing("move aside", &shown)?;
        }
        if step.new != State::Absent {
            around(EXCHANGE, || stage.rename(slot, &folder, name, RenameFlags::empty())).doing("replace", &shown)?;
        }
        if stands {
            around(EXCHANGE, || stage.rename(out.as_os_str(), stage, slot, RenameFlags::empty()))
                .doing("keep", &shown)?;
        }
        Ok(())
    }

    /// Forgets the staged bytes, when all is applied and verified; the journal itself stays as a record.
    pub fn drop_staging(&self) {
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
    let bytes = match fs::read_note(path) {
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

/// A place among the rescued files that nothing has: an earlier try may have rescued another text of the same path.
fn free_place(root: &Folder, rescue: &RelPath, path: &RelPath) -> Result<RelPath, JournalError> {
    let blocked = || JournalError::Blocked(path.clone());
    for number in 1..1000 {
        let mut name = path.as_bytes().to_vec();
        if number > 1 {
            name.extend_from_slice(format!(".{number}").as_bytes());
        }
        let place = rescue.join(&name).map_err(|_| blocked())?;
        if root.look(&place)? == Found::Absent {
            return Ok(place);
        }
    }
    Err(blocked())
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

#[cfg(test)]
mod tests;
