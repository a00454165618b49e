//! Copies of files as they will be, for pip to read.

use std::path::{Path, PathBuf};

use crate::core::path::RelPath;
use crate::engine::session::stop::Stop;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;

/// A folder of the install with such copies, and with what pip says and fetches for them.
#[derive(Debug)]
pub(crate) struct Draft {
    folder: PathBuf,
}

impl Draft {
    /// An empty one in place of an earlier one.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn begin(install: &LockedInstall, folder: &Path) -> Result<Self, FsError> {
        fs::remove_tree(folder)?;
        Ok(Self { folder: install.make_folder(folder)? })
    }

    /// Writes a file. A draft is made anew whenever it is needed, so nobody waits for the disk.
    ///
    /// # Errors
    /// [`Stop`].
    pub(crate) fn put(&self, path: &RelPath, bytes: &[u8]) -> Result<(), Stop> {
        let to = self.path(path);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).doing("create folder", parent)?;
        }
        Ok(std::fs::write(&to, bytes).doing("write", &to)?)
    }

    /// Where a file of it stands.
    pub(crate) fn path(&self, path: &RelPath) -> PathBuf {
        path.under(&self.folder)
    }

    /// A file or folder of it that is written by pip.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
