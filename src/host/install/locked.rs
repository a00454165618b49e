//! An install whose lock is held: whoever writes into an install has to show it, so the compiler refuses to write without.

use std::fs::File;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

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
