//! What a rollback has to put back: what the journals say was changed, or, where those are damaged, what differs from
//! the backup in the places that releases write to.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::baseline::{self, Baseline};
use crate::core::blob::{BlobId, ObjectFormat, sha256};
use crate::core::command_line::Next;
use crate::core::document;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::release_history::short;
use crate::core::session::{DOCUMENTS, Session};
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::{Advice, Stop};
use crate::host::backup::copy::{Backup, BackupError, Entry};
use crate::host::files::error::FsError;
use crate::host::files::folder::{Content, Folder, Found};
use crate::host::files::fs;
use crate::host::files::journal::{Journal, NewFile, State, Wanted};
use crate::host::files::parallel;
use crate::host::files::read;
use crate::host::files::scan;
use crate::host::files::stat_cache::StatCache;

/// What no file is: where this is expected, whatever stands there is the user's and is rescued.
const NOBODY_KNOWS: &str = "unknown";

/// Paths with what the session left there.
type Left = BTreeMap<RelPath, State>;

/// What stood at a path. Where names that differ in case are one file, the backup may have it under another one.
pub(crate) fn entry<'b>(backup: &'b Backup, path: &RelPath, folds: bool) -> Option<(&'b RelPath, &'b Entry)> {
    let entries = &backup.manifest.entries;
    let same = |other: &RelPath| other.as_bytes().eq_ignore_ascii_case(path.as_bytes());
    let found = entries.get_key_value(path);
    // Looking at all of them for each of many paths takes its time.
    if found.is_none() && folds { entries.iter().find(|(other, _)| same(other)) } else { found }
}

/// Everything that has to be put back or taken away, with its old bytes; and, where whatever stands in the way may be set
/// aside, what has to stay as it is because its copy in the backup is damaged.
///
/// # Errors
/// [`Stop::Failed`], for instance where the backup no longer holds what it should.
pub(crate) fn wanted(run: &Run, backup: &Backup) -> Result<(Vec<Wanted>, Vec<RelPath>), Stop> {
    let live = Folder::open(&run.session.install)?;
    let folds = fs::folds_case(&run.session.install);
    let changed: Vec<(RelPath, State)> = changed_paths(run, backup)?.into_iter().collect();
    let (session, set_aside) = (&run.session, run.set_aside);
    let looked_at = parallel::in_parallel(&changed, |(path, left)| match put_back(&live, backup, folds, path, left) {
        Err(Blocked::Backup(e)) if set_aside && e.is_damage() => Ok((None, Some(path.clone()))),
        Err(Blocked::Backup(e)) => Err(damaged(session, &e)),
        Err(Blocked::Fs(e)) => Err(e.into()),
        Ok(wanted) => Ok((wanted, None)),
    })?;
    let (all, left_out): (Vec<_>, Vec<_>) = looked_at.into_iter().unzip();
    let mut all: Vec<Wanted> = all.into_iter().flatten().collect();
    all.sort_by_key(|w| w.new.is_some());
    Ok((all, left_out.into_iter().flatten().collect()))
}

/// A backup that does not hold what it should, and what can be done with the rest of it.
pub(crate) fn damaged(session: &Session, error: &BackupError) -> Stop {
    let next = match (session.rolling_back(), &session.backup) {
        (false, Some(name)) if error.is_damage() => Some(Advice::from(format!(
            "{} names what is damaged; the rest can be brought back one by one: {}",
            Next::VerifyBackups.of(&session.project),
            Next::Restore(name).of(&session.project)
        ))),
        _ => None,
    };
    Stop::Failed { code: None, what: error.to_string(), next }
}

/// Why it can't be told what has to be done at a path.
#[derive(Debug, thiserror::Error)]
enum Blocked {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error(transparent)]
    Backup(#[from] BackupError),
}

/// What has to be done at one path, with its old bytes; none if it is as it was.
fn put_back(
    live: &Folder,
    backup: &Backup,
    folds: bool,
    path: &RelPath,
    left: &State,
) -> Result<Option<Wanted>, Blocked> {
    let saved = match entry(backup, path, folds) {
        Some((saved, Entry::File { sha256, mode, mtime, .. })) => Some((saved, sha256, *mode, mtime)),
        _ => None,
    };
    let before = saved.map_or(State::Absent, |(_, sha256, mode, _)| State::File { sha256: sha256.clone(), mode });
    if before.matches(&live.look(path)?) {
        return Ok(None);
    }
    let new = match saved {
        Some((saved, _, mode, mtime)) => {
            let bytes = backup.bytes(saved)?;
            Some(NewFile { bytes, mode, mtime: mtime.parse().ok() })
        }
        None => None,
    };
    Ok(Some(Wanted { path: path.clone(), old: left.clone(), new }))
}

/// Every path whose folders the session may have made or touched, also where no file of it is left.
///
/// # Errors
/// [`Stop::Failed`] where that can't be told.
pub(crate) fn touched(run: &Run) -> Result<BTreeSet<RelPath>, Stop> {
    let traces = ["content", "server"].map(|name| Journal::traces(&run.folder(name)));
    let mut paths: BTreeSet<RelPath> = traces.iter().flatten().flatten().map(|(path, _)| path.clone()).collect();
    if traces.iter().any(Option::is_none) {
        paths.extend(Release::of(run)?.paths);
    }
    Ok(paths)
}

/// Every path that the session may have changed, with what it left there.
fn changed_paths(run: &Run, backup: &Backup) -> Result<Left, Stop> {
    let mut paths = Left::new();
    let mut known = true;
    for name in ["content", "server"] {
        match Journal::traces(&run.folder(name)) {
            Some(steps) => paths.extend(steps),
            None => known = false,
        }
    }
    let live = Folder::open(&run.session.install)?;
    if !known {
        paths.extend(differing(run, backup, &live)?);
    }
    if run.session.rebuilt() {
        paths.extend(appended(run, backup, &live)?);
    }
    for path in &run.session.lost {
        paths.entry(path.clone()).or_insert(State::Absent);
    }
    for (path, written) in &run.session.documents {
        // Our own text, whatever its mode is now: what the user wrote into it since has another sum. It is noted before
        // it is written, so after a crash what the journal wrote may still stand there.
        match live.look(path)? {
            Found::File { sha256, mode } if sha256 == *written => {
                paths.insert(path.clone(), State::File { sha256, mode });
            }
            Found::File { sha256, mode } if grew(&live, path, written)? => {
                paths.insert(path.clone(), State::File { sha256, mode });
            }
            _ => {
                let written = State::File { sha256: written.clone(), mode: 0o644 };
                paths.entry(path.clone()).or_insert(written);
            }
        }
    }
    Ok(paths)
}

/// Whether a document is what we wrote, and behind it only what rollbacks of later sessions said.
fn grew(live: &Folder, path: &RelPath, written: &str) -> Result<bool, Stop> {
    let Content::File { bytes, .. } = live.read(path)? else { return Ok(false) };
    let mut ours = document::cuts(&bytes).filter(|(_, rest)| documents::is_of_rollbacks(rest));
    Ok(ours.any(|(before, _)| sha256(before) == *written))
}

/// Documents that begin with what the backup holds: only an upgrade appends to them.
fn appended(run: &Run, backup: &Backup, live: &Folder) -> Result<Left, Stop> {
    let mut paths = Left::new();
    for name in DOCUMENTS {
        let path = RelPath::new(name).map_err(Stop::failed)?;
        let before = match backup.manifest.entries.get(&path) {
            Some(Entry::File { .. }) => match backup.bytes(&path) {
                // It can't come back, so it need not be told whether it grew.
                Err(e) if run.set_aside && e.is_damage() => continue,
                bytes => bytes.map_err(|e| damaged(&run.session, &e))?,
            },
            _ => Vec::new(),
        };
        if let Content::File { bytes, mode } = live.read(&path)?
            && bytes.starts_with(&before)
        {
            paths.insert(path, State::of(&bytes, mode));
        }
    }
    Ok(paths)
}

/// Without journals: files in managed places that are not as the backup has them. What is a release's own bytes came
/// from the upgrade and can go; all else may be the user's.
fn differing(run: &Run, backup: &Backup, live: &Folder) -> Result<Left, Stop> {
    let install = &run.session.install;
    let release = Release::of(run)?;
    let format = release.blobs.iter().next().map_or(ObjectFormat::Sha1, BlobId::format);
    let installed = scan::scan(install, format, &StatCache::default())?;
    let mut paths = Left::new();
    for (path, entry) in &backup.manifest.entries {
        let Entry::File { sha256, mode, .. } = entry else { continue };
        if !release.may_write(path) {
            continue;
        }
        match live.look(path)? {
            found if (State::File { sha256: sha256.clone(), mode: *mode }).matches(&found) => {}
            Found::Absent => drop(paths.insert(path.clone(), State::Absent)),
            Found::File { sha256, mode } => {
                let ours = installed.files.get(path).is_some_and(|f| release.blobs.contains(&f.blob));
                let sha256 = if ours { sha256 } else { NOBODY_KNOWS.to_owned() };
                paths.insert(path.clone(), State::File { sha256, mode });
            }
            Found::Folder | Found::Other => {}
        }
    }
    let new = installed.files.iter().filter(|(path, _)| !backup.manifest.entries.contains_key(path));
    for (path, file) in new.filter(|(path, _)| release.may_write(path)) {
        let ours = release.blobs.contains(&file.blob) || release.wrote(path, install);
        if !ours && !release.paths.contains(path) {
            continue;
        }
        if let Found::File { sha256, mode } = live.look(path)? {
            let sha256 = if ours { sha256 } else { NOBODY_KNOWS.to_owned() };
            paths.insert(path.clone(), State::File { sha256, mode });
        }
    }
    Ok(paths)
}

/// What is known of the release that was being installed.
struct Release {
    /// The bytes it ships, by their names in `.upgrade/base`.
    blobs: BTreeSet<BlobId>,
    /// The paths it ships or takes away, as far as plan and baseline tell.
    paths: BTreeSet<RelPath>,
    commit: String,
}

impl Release {
    fn of(run: &Run) -> Result<Self, Stop> {
        let install = &run.session.install;
        let names = fs::entries_in(&install.join(".upgrade/base"))?.into_iter();
        let blobs = names.filter_map(|e| BlobId::from_hex(e.file_name().to_str()?)).collect();
        let planned = run.session.plan().files.iter().filter(|f| f.kind.changes_install());
        let mut paths: BTreeSet<RelPath> = planned.flat_map(|f| f.from.iter().chain([&f.path]).cloned()).collect();
        let mut commit = run.session.source_commit().to_owned();
        // The new baseline stands in the install if apply came that far, else it is still staged.
        let staged = fs::entries_in(&run.folder("content").join("stage"))?.into_iter();
        let candidates = staged.map(|e| e.path()).chain([install.join(baseline::FILE)]);
        for path in candidates {
            let Some(bytes) = read::read_own_note_if_there(&path)? else { continue };
            let Ok(found) = serde_json::from_slice::<Baseline>(&bytes) else { continue };
            if commit.is_empty() {
                commit = found.release;
            }
            paths.extend(found.files.into_keys());
        }
        Ok(Self { blobs, paths, commit })
    }

    /// Whether an upgrade may write there at all: where some layout puts files, and its own documents.
    fn may_write(&self, path: &RelPath) -> bool {
        let document = [baseline::FILE, "VERSION.txt"].iter().chain(&DOCUMENTS);
        let managed = layouts().managed_folders().any(|folder| path.is_within(folder)) && !layouts().is_own(path);
        self.paths.contains(path) || managed || document.into_iter().any(|d| d.as_bytes() == path.as_bytes())
    }

    /// Whether a document that was not there before is the upgrade's own.
    fn wrote(&self, path: &RelPath, install: &std::path::Path) -> bool {
        let is = |name: &str| name.as_bytes() == path.as_bytes();
        is(baseline::FILE)
            || is("VERSION.txt")
                && !self.commit.is_empty()
                && std::fs::read_to_string(path.under(install)).is_ok_and(|t| t.contains(short(&self.commit)))
    }
}
