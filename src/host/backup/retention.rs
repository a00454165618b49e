//! All backups of an install: which there are, whether they are still what was copied, and which may go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::core::order::Place;
use crate::core::path::RelPath;
use crate::core::session::{Session, Status, is_stamp};
use crate::host::backup::copy;
use crate::host::backup::copy::{Backup, BackupError, Entry, MANIFEST};
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::parallel;
use crate::host::files::walk;
use crate::host::install::locked::LockedInstall;
use crate::host::python::venv;
use crate::host::session::catalog;

/// One backup, as a list shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// Its folder's name, a stamp.
    pub name: String,
    /// Whether it was made to its end and its manifest can be read.
    pub complete: bool,
    /// It has no manifest: it was not made to its end.
    pub unfinished: bool,
    /// Why it can't be used.
    pub problem: Option<String>,
    /// It may be whole, but can't be read now.
    #[serde(skip)]
    pub unreadable: bool,
    /// When it was made, UTC.
    pub created_at: Option<String>,
    /// Whose it is.
    pub session_id: Option<String>,
    /// Files and links in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The one that is never pruned.
    pub newest_good: bool,
    /// An unfinished session would be rolled back with it.
    pub needed: bool,
}

/// The backups of an install in the order they were made in, the oldest first: by the number of the session that each
/// belongs to, never by the clock. What has another name than ours is none.
///
/// # Errors
/// A sentence naming what can't be read: what can't be told is not taken for nothing.
pub fn list(install: &Path) -> Result<Vec<Kept>, String> {
    list_of(install, &catalog::survey(install))
}

/// The same for who has looked at the sessions already.
///
/// # Errors
/// Those of [`list`].
pub(crate) fn list_of(install: &Path, sessions: &catalog::Found) -> Result<Vec<Kept>, String> {
    if let Some(damage) = sessions.damages.iter().find(|d| d.used == catalog::Used::Unreadable) {
        return Err(damage.describe());
    }
    let needed = sessions.unfinished().and_then(|s| s.backup.clone());
    let theirs: BTreeMap<&str, &str> =
        sessions.sessions.iter().filter_map(|s| Some((s.backup.as_deref()?, s.session_id.as_str()))).collect();
    let mut all: Vec<(Place, Kept)> = Vec::new();
    for (name, _) in copy::list(install).map_err(|e| e.to_string())? {
        if !is_stamp(&name) {
            continue;
        }
        let opened = Backup::open(&copy::folder_of(install).join(&name));
        let number = opened.as_ref().map_or(0, |b| b.manifest.number);
        let whose =
            opened.as_ref().map_or_else(|_| theirs.get(name.as_str()).copied(), |b| Some(&b.manifest.session_id));
        let by_session = || whose.and_then(|id| sessions.places.get(id)).filter(|place| place.is_numbered());
        let place = match number {
            0 => by_session().cloned().unwrap_or_else(|| Place::unnumbered(&name)),
            number => Place::numbered(number, &name),
        };
        all.push((place, look(install, name, &opened, needed.as_deref())?));
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut all: Vec<Kept> = all.into_iter().map(|(_, kept)| kept).collect();
    if let Some(newest) = all.iter_mut().rev().find(|b| b.complete) {
        newest.newest_good = true;
    }
    Ok(all)
}

fn look(
    install: &Path,
    name: String,
    opened: &Result<Backup, BackupError>,
    needed: Option<&str>,
) -> Result<Kept, String> {
    let (files, bytes) = opened.as_ref().map_or((0, 0), Backup::size);
    let manifest = copy::folder_of(install).join(&name).join(MANIFEST);
    Ok(Kept {
        complete: opened.is_ok(),
        unfinished: !fs::is_there(&manifest).map_err(|e| e.to_string())?,
        problem: opened.as_ref().err().map(ToString::to_string),
        unreadable: matches!(opened, Err(BackupError::Fs(_))),
        created_at: opened.as_ref().ok().map(|b| b.manifest.created_at.clone()),
        session_id: opened.as_ref().ok().map(|b| b.manifest.session_id.clone()),
        files,
        bytes,
        newest_good: false,
        needed: needed == Some(name.as_str()),
        name,
    })
}

/// How a backup compares with its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// Its folder's name.
    pub name: String,
    /// Nothing is wrong.
    pub sound: bool,
    /// Files that were read.
    pub checked: u64,
    /// In the manifest, not in the backup.
    pub missing: Vec<RelPath>,
    /// Other bytes than were copied, or unreadable.
    pub changed: Vec<RelPath>,
    /// In the backup, not in the manifest.
    pub extra: Vec<RelPath>,
    /// Why nothing could be compared.
    pub problem: Option<String>,
}

/// Reads a whole backup past the page cache and compares it with its manifest.
pub(crate) fn examine(install: &Path, name: &str) -> Examined {
    let mut result = Examined { name: name.to_owned(), ..Examined::default() };
    match Backup::open(&copy::folder_of(install).join(name)) {
        Ok(backup) => compare(&backup, &mut result),
        Err(e) => result.problem = Some(e.to_string()),
    }
    result.sound =
        result.problem.is_none() && result.missing.is_empty() && result.changed.is_empty() && result.extra.is_empty();
    result
}

/// How one path of a manifest was found.
enum Found {
    Same,
    Missing,
    Changed,
}

fn compare(backup: &Backup, result: &mut Examined) {
    let files = backup.files();
    let entries: Vec<(&RelPath, &Entry)> = backup.manifest.entries.iter().collect();
    let found = parallel::in_parallel(&entries, |(path, entry)| {
        Ok::<_, FsError>(match (entry, walk::metadata(&files, path)) {
            // A link is only in the manifest.
            (Entry::Link { .. }, _) => Found::Same,
            (Entry::Folder { .. }, Ok(meta)) if meta.is_dir() => Found::Same,
            (Entry::File { sha256, size, .. }, Ok(meta)) if meta.is_file() && meta.len() == *size => {
                match copy::sum_below(&files, path) {
                    Ok(sum) if sum == *sha256 => Found::Same,
                    _ => Found::Changed,
                }
            }
            (_, Err(e)) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                Found::Missing
            }
            _ => Found::Changed,
        })
    });
    for ((path, entry), found) in entries.iter().zip(found.unwrap_or_default()) {
        result.checked += u64::from(matches!(entry, Entry::File { .. }));
        match found {
            Found::Same => {}
            Found::Missing => result.missing.push((*path).clone()),
            Found::Changed => result.changed.push((*path).clone()),
        }
    }
    for (path, expected) in backup.beside() {
        let gone = matches!(fs::is_there(&path), Ok(false));
        let sound = copy::sum_from_disk(&path).is_ok_and(|sum| sum == *expected);
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if let Ok(name) = RelPath::new(name)
            && !sound
        {
            if gone { result.missing.push(name) } else { result.changed.push(name) }
        }
    }
    let held = walk::below(&files, |_| true).unwrap_or_else(|e| {
        // What can't be looked into may hold anything.
        result.problem.get_or_insert(e.to_string());
        Vec::new()
    });
    for (path, _) in held {
        let stored = |e: &Entry| !matches!(e, Entry::Link { .. });
        if !backup.manifest.entries.get(&path).is_some_and(stored) {
            result.extra.push(path);
        }
    }
}

/// What pruning did.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Removed backups, by name.
    pub removed: Vec<String>,
    /// Environments of theirs that could not be removed, and why.
    pub problems: Vec<String>,
}

/// The newest complete backup from before an upgrade that changed something, and is not taken back: no number of later
/// ones from before nothing is worth as much. One whose session is not on record may be one.
fn newest_of_change<'b>(all: &'b [Kept], sessions: &[Session]) -> Option<&'b str> {
    let changed = |backup: &&Kept| match sessions.iter().find(|s| s.backup.as_ref() == Some(&backup.name)) {
        Some(session) => {
            let is_back = matches!(session.status(), Status::RolledBack | Status::Failed | Status::Aborted);
            !is_back && session.changes_something()
        }
        None => true,
    };
    all.iter().rev().filter(|b| b.complete).find(changed).map(|b| b.name.as_str())
}

/// The names that [`prune`] would remove: all but the newest `keep` complete ones, at least one, the newest one of a real
/// change, and what is protected. Unfinished backups go with the old ones.
///
/// # Errors
/// Those of [`list`]. A backup that can't be read now stays: it may be whole.
pub(crate) fn prunable(
    install: &Path,
    found: &catalog::Found,
    keep: usize,
    protected: &[String],
) -> Result<Vec<String>, String> {
    let all = list_of(install, found)?;
    let of_change = newest_of_change(&all, &found.sessions).map(str::to_owned);
    let kept: BTreeSet<&str> =
        all.iter().rev().filter(|b| b.complete).take(keep.max(1)).map(|b| b.name.as_str()).collect();
    let may_go = |b: &&Kept| {
        let is_protected = protected.contains(&b.name) || of_change.as_ref() == Some(&b.name);
        !kept.contains(b.name.as_str()) && !b.needed && !b.unreadable && !is_protected
    };
    Ok(all.iter().filter(may_go).map(|b| b.name.clone()).collect())
}

/// Removes these backups, and with each the environment that is only kept for going back to it.
///
/// # Errors
/// [`FsError`].
pub(crate) fn prune(install: &LockedInstall, found: &catalog::Found, names: &[String]) -> Result<Pruned, FsError> {
    let mut pruned = Pruned::default();
    for name in names {
        remove(install, name)?;
        pruned.removed.push(name.clone());
        let theirs = found.sessions.iter().filter(|s| s.backup.as_ref() == Some(name));
        for generation in theirs.filter_map(|s| s.venv_generation.as_ref()) {
            if let Err(e) = venv::forget_original(install, generation) {
                pruned.problems.push(e.to_string());
            }
        }
    }
    Ok(pruned)
}

/// Removes one backup. Its manifest goes first: half a backup must not look like a whole one.
fn remove(install: &LockedInstall, name: &str) -> Result<(), FsError> {
    let folder: PathBuf = copy::folder_of(install).join(name);
    fs::remove_file(&folder.join(MANIFEST))?;
    fs::sync_folder(&folder)?;
    fs::remove_tree(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs as stdfs;

    /// An install with backups of these names; those that end in `!` were not finished.
    fn install(names: &[&str]) -> (tempfile::TempDir, LockedInstall) {
        let dir = tempfile::tempdir().unwrap();
        let install = LockedInstall::of_test(&dir.path().join(".praxis-os"));
        stdfs::create_dir_all(install.join("standards")).unwrap();
        stdfs::write(install.join("standards/x.md"), "text").unwrap();
        std::os::unix::fs::symlink("x.md", install.join("standards/l")).unwrap();
        stdfs::write(dir.path().join(".gitignore"), "/target\n").unwrap();
        for name in names {
            let folder = copy::folder_of(&install).join(name.trim_end_matches('!'));
            let made = copy::create(&install, dir.path(), &folder, "s", "now", &|_, _| {}).unwrap();
            if !name.ends_with('!') {
                made.write_manifest(&install).unwrap();
            }
        }
        (dir, install)
    }

    #[test]
    fn damage_is_named() {
        let (_dir, install) = install(&["2026-01-01-000000"]);
        let look = || examine(&install, "2026-01-01-000000");
        assert!(look().sound && look().checked == 1, "{:?}", look());
        let files = copy::folder_of(&install).join("2026-01-01-000000/files");
        let names = |paths: &[RelPath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
        stdfs::write(files.join("more"), "").unwrap();
        assert_eq!(names(&look().extra), ["more"]);
        // The same length: only its bytes tell.
        stdfs::write(files.join("standards/x.md"), "texT").unwrap();
        assert_eq!(names(&look().changed), ["standards/x.md"]);
        stdfs::remove_dir_all(files.join("standards")).unwrap();
        assert_eq!(names(&look().missing), ["standards", "standards/x.md"]);
        stdfs::write(files.parent().unwrap().join("project.gitignore"), "x").unwrap();
        assert!(names(&look().changed).contains(&"project.gitignore".to_owned()));
        assert!(!look().sound);
        let manifest = files.parent().unwrap().join(MANIFEST);
        let text = stdfs::read_to_string(&manifest).unwrap().replace("x.md", "y.md");
        stdfs::write(manifest, text).unwrap();
        assert!(look().problem.is_some_and(|p| p.contains("checksum")), "a manifest that was changed");
    }

    #[test]
    fn pruning_keeps_the_newest_good_ones_and_what_is_not_ours() {
        let names = ["2026-01-01-000000", "2026-01-02-000000", "2026-01-03-000000!"];
        let (_dir, install) = install(&names);
        stdfs::create_dir_all(copy::folder_of(&install).join("mine")).unwrap();
        let found = catalog::survey(&install);
        assert_eq!(prunable(&install, &found, 1, &[]).unwrap(), ["2026-01-01-000000", "2026-01-03-000000"]);
        assert_eq!(
            prunable(&install, &found, 0, &[]).unwrap(),
            ["2026-01-01-000000", "2026-01-03-000000"],
            "one always stays"
        );
        assert_eq!(prunable(&install, &found, 1, &["2026-01-03-000000".into()]).unwrap(), ["2026-01-01-000000"]);
        let pruned = prune(&install, &found, &prunable(&install, &found, 1, &[]).unwrap()).unwrap();
        assert_eq!(pruned.removed.len(), 2);
        assert_eq!(list(&install).unwrap().iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["2026-01-02-000000"]);
        assert!(list(&install).unwrap()[0].newest_good && copy::folder_of(&install).join("mine").exists());
        // A damaged manifest makes it no good one, however new it is.
        let (_dir, install) = self::install(&["2026-01-01-000000", "2026-01-02-000000"]);
        stdfs::write(copy::folder_of(&install).join("2026-01-02-000000").join(MANIFEST), "{}").unwrap();
        assert_eq!(prunable(&install, &catalog::survey(&install), 1, &[]).unwrap(), ["2026-01-02-000000"]);
    }
}
