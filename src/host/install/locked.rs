//! An install whose lock is held: whoever writes into an install has to show it, so the compiler refuses to write without.

use std::fs::File;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

use crate::core::path::RelPath;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::folder::Folder;

/// The folder of an install that nobody else writes to: the lock is held for as long as this or a clone of it lives.
#[derive(Debug, Clone)]
pub struct LockedInstall {
    path: PathBuf,
    _lock: Arc<File>,
}

impl LockedInstall {
    /// Locks an install with its opened lock file, without waiting; the file comes back where somebody else has the lock.
    /// None where it is not the install's any more: the folder may have got another name, and another one its name,
    /// before the lock was free.
    pub(crate) fn take(install: &Path, lock: File) -> Result<Option<Self>, File> {
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(lock);
        }
        let named = std::fs::symlink_metadata(install.join(".upgrade/lock"));
        let is_still = match (lock.metadata(), named) {
            (Ok(locked), Ok(named)) => (locked.dev(), locked.ino()) == (named.dev(), named.ino()),
            _ => false,
        };
        Ok(is_still.then(|| Self { path: install.to_owned(), _lock: Arc::new(lock) }))
    }

    /// A folder in the install, made where it is missing, each part durable before the next; its path, which may then be
    /// given to a program that writes there (pip, a server). `path` is the folder's, or leads to it from the install. The
    /// install's own folder is never made: where it has got another name since, that would bring the old one back.
    ///
    /// # Errors
    /// [`FsError`], also where the folder is not in the install, or a link stands in the way.
    pub(crate) fn make_folder(&self, path: impl AsRef<Path>) -> Result<PathBuf, FsError> {
        let path = self.path.join(path);
        let below =
            path.strip_prefix(&self.path).ok().and_then(|below| RelPath::new(below.as_os_str().as_bytes()).ok());
        let below =
            below.ok_or_else(|| std::io::Error::other("it is not in the install")).doing("create folder", &path)?;
        Folder::open(&self.path)?.below(&below, true)?;
        Ok(path)
    }

    /// The install has another name from here on; the file that is locked went along.
    pub(crate) fn moved_to(&mut self, install: &Path) {
        self.path = install.to_owned();
    }

    /// A folder that a test has for itself: nothing is made in it.
    #[cfg(test)]
    pub(crate) fn of_test(folder: &Path) -> Self {
        Self { path: folder.to_owned(), _lock: Arc::new(File::open("/dev/null").unwrap()) }
    }
}

impl Deref for LockedInstall {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for LockedInstall {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_in_the_install_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("install");
        let install = LockedInstall::of_test(&path);
        assert!(install.make_folder(".upgrade/a").is_err(), "the install itself is not made");
        assert!(!path.exists());
        std::fs::create_dir(&path).unwrap();
        assert_eq!(install.make_folder(".upgrade/a").unwrap(), path.join(".upgrade/a"));
        assert_eq!(install.make_folder(path.join(".upgrade/a/b")).unwrap(), path.join(".upgrade/a/b"));
        assert!(path.join(".upgrade/a/b").is_dir());
        std::os::unix::fs::symlink("..", path.join("out")).unwrap();
        let beside = dir.path().join("beside");
        for wrong in [Path::new("out/beside"), Path::new("../beside"), &beside, &path] {
            assert!(install.make_folder(wrong).is_err(), "{}", wrong.to_string_lossy());
        }
        assert!(!beside.exists());
    }
}
