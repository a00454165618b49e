//! Brings one file or link of a backup back. What stands there now is set aside, never overwritten.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rustix::fs::{FileType, RenameFlags};
use rustix::io::Errno;

use super::backup::{Backup, BackupError, Entry};
use super::fs::{Content, Doing, Folder, FsError};
use crate::core::layout::layouts;
use crate::core::path::RelPath;

/// Why a path can't be brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
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
pub enum Restored {
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

impl New {
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
pub fn restore(install: &Path, backup: &Backup, path: &RelPath, rescue: &RelPath) -> Result<Restored, RestoreError> {
    // No manifest of ours names these.
    if layouts().is_ephemeral(path) {
        return Err(RestoreError::NotThere(path.clone()));
    }
    let new = content(backup, path)?;
    let root = Folder::open(install)?;
    let made = missing_folders(install, path);
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
    let staged = stage(&folder, &new)?;
    let rescued = swap(&root, &folder, &staged, path, rescue)?;
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
fn missing_folders(install: &Path, path: &RelPath) -> Vec<RelPath> {
    let above = std::iter::successors(path.parent(), RelPath::parent);
    let mut missing: Vec<RelPath> = above.filter(|p| p.under(install).symlink_metadata().is_err()).collect();
    missing.reverse();
    missing
}

/// Puts the new content beside its place, durable, under a name that nothing has.
fn stage(folder: &Folder, new: &New) -> Result<OsString, RestoreError> {
    // A name of its own, not one made of the file's: that may be as long as names can be.
    let staged = OsString::from(format!(".pos-upgrade-restore-{}", std::process::id()));
    match new {
        New::File { bytes, mode, .. } => folder.create_file(&staged, bytes, *mode)?,
        New::Link { target, .. } => folder.create_link(&staged, target)?,
    }
    if let Some(time) = new.mtime() {
        folder.set_mtime(&staged, time)?;
    }
    Ok(staged)
}

/// Exchanges what stands there with what is staged, and sets the old one aside. Where that fails, all is as it was.
fn swap(
    root: &Folder,
    folder: &Folder,
    staged: &OsStr,
    path: &RelPath,
    rescue: &RelPath,
) -> Result<Option<RelPath>, RestoreError> {
    let name = OsStr::from_bytes(path.name());
    let shown = path.under(root.path());
    // Only ever the new one: it is in the backup still.
    let unstage = |e: FsError| {
        let _ = folder.remove(staged);
        RestoreError::from(e)
    };
    if folder.kind(name).map_err(unstage)?.is_none() {
        folder.rename(staged, folder, name, RenameFlags::NOREPLACE).doing("restore", &shown).map_err(unstage)?;
        folder.sync()?;
        return Ok(None);
    }
    let to = rescue.join(path.as_bytes()).map_err(|_| RestoreError::Blocked(path.clone()))?;
    let (aside, aside_name) = root.parent_of(&to, true).map_err(unstage)?;
    match folder.rename(staged, folder, name, RenameFlags::EXCHANGE) {
        Ok(()) => {
            let set_aside = folder.rename(staged, &aside, aside_name, RenameFlags::NOREPLACE);
            if let Err(e) = set_aside.doing("set aside", &shown) {
                // What is under the staged name now is the user's: back with it, or it stays there.
                folder.rename(staged, folder, name, RenameFlags::EXCHANGE).doing("put back", &shown)?;
                return Err(unstage(e));
            }
        }
        // Without exchange there is a moment without either; the old one is set aside already.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let set_aside = folder.rename(name, &aside, aside_name, RenameFlags::empty());
            set_aside.doing("set aside", &shown).map_err(unstage)?;
            folder.rename(staged, folder, name, RenameFlags::empty()).doing("restore", &shown)?;
        }
        Err(e) => return Err(e).doing("restore", &shown).map_err(unstage),
    }
    aside.sync()?;
    folder.sync()?;
    Ok(Some(to))
}

/// A folder that had to be made gets its old mode.
fn folder_as_before(root: &Folder, backup: &Backup, path: &RelPath) -> Result<(), FsError> {
    let Some(Entry::Folder { mode, mtime }) = backup.manifest.entries.get(path) else { return Ok(()) };
    root.below(path, false)?.set_mode(*mode)?;
    let (parent, name) = root.parent_of(path, false)?;
    mtime.parse().map_or(Ok(()), |time| parent.set_mtime(name, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::backup;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::PathBuf;

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    fn backed_up() -> (tempfile::TempDir, PathBuf, Backup) {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path().join(".praxis-os");
        fs::create_dir_all(install.join("s/deep")).unwrap();
        fs::write(install.join("s/deep/x.md"), "old").unwrap();
        fs::set_permissions(install.join("s/deep/x.md"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::set_permissions(install.join("s/deep"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("deep/x.md", install.join("s/l")).unwrap();
        let made = backup::create(&install, dir.path(), &install.join(".backups/b"), "s", "now", &|_, _| {}).unwrap();
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
