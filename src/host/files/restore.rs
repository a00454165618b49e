//! Brings one file or link of a backup back. What stands there now is set aside, never overwritten.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rustix::fs::{FileType, RenameFlags};
use rustix::io::Errno;

use crate::core::blob::sha256;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::host::backup::copy::{Backup, BackupError, Entry};
use crate::host::files::aside;
use crate::host::files::crash_points::{RESTORE, SET_ASIDE, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::folder::{Content, Folder};
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::files::rename;
use crate::host::files::walk;
use crate::host::install::locked::LockedInstall;

/// Why a path can't be brought back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The backup is damaged there.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The backup does not hold it.
    #[error("{0}: not in this backup")]
    NotThere(RelPath),
    /// Only files and links are brought back.
    #[error("{0}: a folder; name a file in it")]
    IsFolder(RelPath),
    /// A folder or a special file stands where the file was.
    #[error("{0}: something other than a file or link stands there now")]
    Blocked(RelPath),
    /// The manifest does not say where the link led, byte for byte.
    #[error("{0}: where this link led can't be told exactly")]
    UnknownTarget(RelPath),
}

/// What bringing back did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Restored {
    /// It is as it was in the backup already.
    Same,
    /// It is back; what stood there before is now at this path, relative to the install.
    Back(Option<RelPath>),
}

/// What is put in place.
enum New {
    File { bytes: Vec<u8>, mode: u32, mtime: Option<i128> },
    Link { target: OsString, mtime: Option<i128> },
}

/// Where what comes back waits for its moment, as `<sum>/<path>`, where the sum is that of what was put there. After a
/// crash it tells whose it is: what has that sum is in the backup still, all else came out of the live tree.
const STAGE: &str = ".upgrade/restore";
/// How often a path may change between a look and the rename.
const TRIES: usize = 8;

/// The sum of a file's bytes, or of where a link leads, told apart.
fn sum(file: Option<&[u8]>, link: Option<&[u8]>) -> String {
    match (file, link) {
        (Some(bytes), _) => sha256(bytes),
        (None, target) => format!("link-{}", sha256(target.unwrap_or_default())),
    }
}

impl New {
    fn sum(&self) -> String {
        match self {
            New::File { bytes, .. } => sum(Some(bytes), None),
            New::Link { target, .. } => sum(None, Some(target.as_bytes())),
        }
    }

    fn mtime(&self) -> Option<i128> {
        let (New::File { mtime, .. } | New::Link { mtime, .. }) = self;
        *mtime
    }
}

/// Brings `path` back as the backup has it: bytes (verified first), mode, time, or link target. What stands there now
/// goes to `rescue` under the same path. Links on the way are not followed.
///
/// # Errors
/// [`RestoreError`]; then what stood there stands there still.
pub(crate) fn restore(
    install: &LockedInstall,
    backup: &Backup,
    path: &RelPath,
    rescue: &RelPath,
) -> Result<Restored, RestoreError> {
    // No manifest of ours names these.
    if layouts().is_ephemeral(path) {
        return Err(RestoreError::NotThere(path.clone()));
    }
    let new = content(backup, path)?;
    let root = Folder::open(install)?;
    let made = missing_folders(install, path)?;
    if is_same(&root, path, &new)? {
        let (folder, name) = root.parent_of(path, false)?;
        return match new.mtime() {
            Some(time) if folder.mtime(name)? != Some(time) => {
                folder.set_mtime(name, time)?;
                Ok(Restored::Back(None))
            }
            _ => Ok(Restored::Same),
        };
    }
    let (folder, name) = root.parent_of(path, true)?;
    if !matches!(folder.kind(name)?, None | Some(FileType::RegularFile | FileType::Symlink)) {
        return Err(RestoreError::Blocked(path.clone()));
    }
    let stage = stage(&root, &new, path)?;
    let rescued = swap(&root, &folder, &stage, path, rescue)?;
    // Nothing is in it any more; what can't be removed now is the next one's to clear away.
    let _ = fs::remove_tree(&install.join(STAGE));
    for above in made.iter().rev() {
        folder_as_before(&root, backup, above)?;
    }
    Ok(Restored::Back(rescued))
}

fn content(backup: &Backup, path: &RelPath) -> Result<New, RestoreError> {
    match backup.manifest.entries.get(path) {
        None => Err(RestoreError::NotThere(path.clone())),
        Some(Entry::Folder { .. }) => Err(RestoreError::IsFolder(path.clone())),
        Some(entry @ Entry::Link { mtime, .. }) => {
            let target = entry.target().ok_or_else(|| RestoreError::UnknownTarget(path.clone()))?;
            let mtime = mtime.as_ref().and_then(|time| time.parse().ok());
            Ok(New::Link { target: OsString::from_vec(target), mtime })
        }
        Some(Entry::File { mode, mtime, .. }) => {
            let bytes = backup.bytes(path)?;
            Ok(New::File { bytes, mode: mode & 0o7777, mtime: mtime.parse().ok() })
        }
    }
}

fn is_same(root: &Folder, path: &RelPath, new: &New) -> Result<bool, RestoreError> {
    match new {
        New::File { bytes, mode, .. } => {
            Ok(matches!(root.read(path)?, Content::File { bytes: now, mode: m } if now == *bytes && m == *mode))
        }
        New::Link { target, .. } => match root.parent_of(path, false) {
            Ok((folder, name)) => Ok(folder.link_target(name).as_deref() == Some(target.as_bytes())),
            Err(_) => Ok(false),
        },
    }
}

/// Folders above a path that are not there, from the outside in.
fn missing_folders(install: &Path, path: &RelPath) -> Result<Vec<RelPath>, FsError> {
    let mut missing = Vec::new();
    for folder in std::iter::successors(path.parent(), RelPath::parent) {
        if !walk::is_there(install, &folder)? {
            missing.push(folder);
        }
    }
    missing.reverse();
    Ok(missing)
}

/// Puts the new content where it waits, durable; the folder that it has the path's last part in.
fn stage(root: &Folder, new: &New, path: &RelPath) -> Result<Folder, RestoreError> {
    let blocked = |_| RestoreError::Blocked(path.clone());
    let top = root.below(&RelPath::new(STAGE).map_err(blocked)?, true)?;
    // Half of it has a name that every sweep removes.
    let half = OsString::from(format!("{}restore", fs::TEMPORARY));
    match new {
        New::File { bytes, mode, mtime } => top.create_file(&half, bytes, *mode, *mtime)?,
        New::Link { target, mtime } => {
            top.create_link(&half, target)?;
            mtime.map_or(Ok(()), |time| top.set_mtime(&half, time))?;
        }
    }
    let place =
        RelPath::new(format!("{STAGE}/{}", new.sum())).and_then(|p| p.join(path.as_bytes())).map_err(blocked)?;
    let (folder, name) = root.parent_of(&place, true)?;
    around(RESTORE, || top.rename(&half, &folder, name, RenameFlags::empty()))
        .doing("stage", place.under(root.path()))?;
    folder.sync()?;
    Ok(folder)
}

/// Exchanges what stands there with what is staged, and sets the old one aside. Where that fails, all is as it was.
fn swap(
    root: &Folder,
    folder: &Folder,
    stage: &Folder,
    path: &RelPath,
    rescue: &RelPath,
) -> Result<Option<RelPath>, RestoreError> {
    let name = OsStr::from_bytes(path.name());
    let shown = path.under(root.path());
    // Only ever the new one: it is in the backup still.
    let unstage = |e: FsError| {
        let _ = stage.remove(name);
        RestoreError::from(e)
    };
    let mut rescued = None;
    for _ in 0..TRIES {
        if folder.kind(name).map_err(unstage)?.is_none() {
            match around(RESTORE, || stage.place(name, folder, name)) {
                Ok(()) => {
                    folder.sync()?;
                    return Ok(rescued);
                }
                // Somebody wrote there since it was looked at.
                Err(Errno::EXIST) => continue,
                Err(e) => return Err(e).doing("restore", &shown).map_err(unstage),
            }
        }
        let (aside, aside_name, to) = aside::free_place(root, rescue, path).map_err(unstage)?;
        match around(RESTORE, || stage.rename(name, folder, name, RenameFlags::EXCHANGE)) {
            Ok(()) => {
                let set_aside = around(SET_ASIDE, || stage.place(name, &aside, &aside_name));
                if let Err(e) = set_aside.doing("set aside", &shown) {
                    // What is staged now is the user's: back with it, or it stays there until the next sweep sets it
                    // aside.
                    stage.rename(name, folder, name, RenameFlags::EXCHANGE).doing("put back", &shown)?;
                    return Err(unstage(e));
                }
                aside.sync()?;
                folder.sync()?;
                stage.sync()?;
                return Ok(Some(to));
            }
            // It went since it was looked at.
            Err(Errno::NOENT) if folder.kind(name).map_err(unstage)?.is_none() => {}
            // Without exchange there is a moment without either; then the next turn finds nothing there, or what somebody
            // wrote in that moment.
            Err(errno) if rename::is_unsupported(errno) => {
                let out = around(SET_ASIDE, || folder.rename(name, &aside, &aside_name, RenameFlags::empty()));
                out.doing("set aside", &shown).map_err(unstage)?;
                aside.sync()?;
                rescued = Some(to);
            }
            Err(e) => return Err(e).doing("restore", &shown).map_err(unstage),
        }
    }
    let _ = stage.remove(name);
    Err(RestoreError::Blocked(path.clone()))
}

/// Clears away what a restore that was cut off left: what is the user's goes to `rescue`, with where it was and is now.
/// Only under the lock.
///
/// # Errors
/// [`RestoreError`]; what is left is tried again next time.
pub(crate) fn settle(install: &LockedInstall, rescue: &RelPath) -> Result<Vec<(RelPath, RelPath)>, RestoreError> {
    let top = install.join(STAGE);
    match std::fs::symlink_metadata(&top) {
        Ok(meta) if meta.is_dir() => {}
        Err(e) if !fs::is_absence(&e) => return Err(e).doing("look at", &top)?,
        _ => return Ok(Vec::new()),
    }
    fs::sweep(&top);
    let root = Folder::open(install)?;
    let mut rescued = Vec::new();
    for (staged, kind) in walk::below(&top, |_| true)? {
        let Some((named, path)) = parts(staged.as_path()).filter(|_| !kind.is_dir()) else { continue };
        let found = if kind.is_symlink() {
            let target = walk::link_target(&top, &staged).doing("read link", staged.under(&top))?;
            sum(None, Some(&target))
        } else {
            let bytes = walk::open_file(&top, &staged).and_then(read::read_all);
            sum(Some(&bytes.doing("read", staged.under(&top))?), None)
        };
        if found == named {
            continue;
        }
        let shown = staged.under(&top);
        let staged = RelPath::new(format!("{STAGE}/{named}")).and_then(|p| p.join(path.as_bytes()));
        let Ok(staged) = staged else { continue };
        let (from, name) = root.parent_of(&staged, false)?;
        let (aside, aside_name, to) = aside::free_place(&root, rescue, &path)?;
        around(SET_ASIDE, || from.place(name, &aside, &aside_name)).doing("set aside", shown)?;
        aside.sync()?;
        rescued.push((path, to));
    }
    fs::remove_tree(&top)?;
    Ok(rescued)
}

/// The sum and the path of something that is staged.
fn parts(staged: &Path) -> Option<(String, RelPath)> {
    let mut parts = staged.components();
    let named = parts.next()?.as_os_str().to_str()?.to_owned();
    Some((named, RelPath::new(parts.as_path().as_os_str().as_bytes()).ok()?))
}

/// A folder that had to be made gets its old mode.
fn folder_as_before(root: &Folder, backup: &Backup, path: &RelPath) -> Result<(), FsError> {
    let Some(Entry::Folder { mode, mtime, .. }) = backup.manifest.entries.get(path) else { return Ok(()) };
    root.below(path, false)?.set_mode(*mode)?;
    let (parent, name) = root.parent_of(path, false)?;
    mtime.parse().map_or(Ok(()), |time| parent.set_mtime(name, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::backup::copy;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    fn backed_up() -> (tempfile::TempDir, LockedInstall, Backup) {
        let dir = tempfile::tempdir().unwrap();
        let install = LockedInstall::of_test(&dir.path().join(".praxis-os"));
        fs::create_dir_all(install.join("s/deep")).unwrap();
        fs::write(install.join("s/deep/x.md"), "old").unwrap();
        fs::set_permissions(install.join("s/deep/x.md"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::set_permissions(install.join("s/deep"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("deep/x.md", install.join("s/l")).unwrap();
        let made = copy::create(&install, dir.path(), &install.join(".backups/b"), "s", "now", &|_, _| {}).unwrap();
        (dir, install, made)
    }

    #[test]
    fn a_file_comes_back_with_mode_and_time_and_nothing_is_lost() {
        let (_dir, install, backup) = backed_up();
        let path = install.join("s/deep/x.md");
        let time = fs::metadata(&path).unwrap().mtime_nsec();
        let again = |rescue: &str| restore(&install, &backup, &rel("s/deep/x.md"), &rel(rescue)).unwrap();
        assert_eq!(again("rescued/1"), Restored::Same);
        fs::write(&path, "mine").unwrap();
        assert_eq!(again("rescued/1"), Restored::Back(Some(rel("rescued/1/s/deep/x.md"))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_to_string(install.join("rescued/1/s/deep/x.md")).unwrap(), "mine");
        let meta = fs::metadata(&path).unwrap();
        assert_eq!((meta.permissions().mode() & 0o7777, meta.mtime_nsec()), (0o640, time));
        fs::remove_dir_all(install.join("s")).unwrap();
        assert_eq!(again("rescued/2"), Restored::Back(None));
        assert_eq!(fs::metadata(install.join("s/deep")).unwrap().permissions().mode() & 0o7777, 0o750);
        let left: Vec<_> = fs::read_dir(install.join("s/deep")).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["x.md"]);
    }

    #[test]
    fn links_come_back_as_links_and_none_is_followed() {
        let (dir, install, backup) = backed_up();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(install.join("s/new"), "mine").unwrap();
        fs::remove_file(install.join("s/l")).unwrap();
        fs::rename(install.join("s/new"), install.join("s/l")).unwrap();
        let back = restore(&install, &backup, &rel("s/l"), &rel("rescued/1")).unwrap();
        assert_eq!(back, Restored::Back(Some(rel("rescued/1/s/l"))));
        assert_eq!(fs::read_link(install.join("s/l")).unwrap(), Path::new("deep/x.md"));
        // A link in the file's place is set aside itself; one among its folders stops it.
        fs::write(outside.join("x.md"), "not ours").unwrap();
        fs::remove_file(install.join("s/deep/x.md")).unwrap();
        symlink(outside.join("x.md"), install.join("s/deep/x.md")).unwrap();
        restore(&install, &backup, &rel("s/deep/x.md"), &rel("rescued/2")).unwrap();
        assert!(fs::symlink_metadata(install.join("rescued/2/s/deep/x.md")).unwrap().file_type().is_symlink());
        fs::remove_dir_all(install.join("s/deep")).unwrap();
        symlink(&outside, install.join("s/deep")).unwrap();
        assert!(restore(&install, &backup, &rel("s/deep/x.md"), &rel("rescued/3")).is_err());
        assert_eq!(fs::read_to_string(outside.join("x.md")).unwrap(), "not ours");
    }

    #[test]
    fn what_is_damaged_or_not_there_is_not_written() {
        let (_dir, install, backup) = backed_up();
        fs::write(install.join("s/deep/x.md"), "mine").unwrap();
        fs::write(backup.files().join("s/deep/x.md"), "olD").unwrap();
        let tried = |path: &str| restore(&install, &backup, &rel(path), &rel("rescued/1"));
        assert!(matches!(tried("s/deep/x.md"), Err(RestoreError::Backup(_))));
        assert!(matches!(tried("s/deep"), Err(RestoreError::IsFolder(_))));
        assert!(matches!(tried("s/none"), Err(RestoreError::NotThere(_))));
        assert_eq!(fs::read_to_string(install.join("s/deep/x.md")).unwrap(), "mine");
        assert!(!install.join("rescued").exists());
    }
}
