//! Many new files and folders that become durable together: all are written first, then one `syncfs` waits for all of them,
//! where a call for each would wait as often as there are files. OSTree does the same.
//!
//! It waits for what others wrote there, too: a backup beside a copy of many gigabytes takes as long as that one. It tells of
//! what could not be written since Linux 5.8, and not every file system carries it out: a FUSE daemon is never told, a
//! network's is asked for this file alone. Where it isn't known to hold, each file is waited for by itself.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::host::files::crash_points::{SYNC_ALL, SYNC_FILE, around};
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::fs;
use crate::host::platform;

/// New files and folders below one folder, not durable until [`Self::finish`].
#[derive(Debug)]
pub(crate) struct Batch {
    top: PathBuf,
    /// Open since before the first write: what fails to be written out is told to who was there by then. None where each
    /// file is waited for.
    file_system: Option<File>,
}

impl Batch {
    /// Begins one, before anything is written below `top`.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn begin(top: &Path) -> Result<Self, FsError> {
        let folder = File::open(top).doing("open folder", top)?;
        let file_system = Some(folder).filter(platform::syncs_file_system);
        Ok(Self { top: top.to_owned(), file_system })
    }

    /// Takes a file in, written to its end.
    ///
    /// # Errors
    /// [`FsError`]; final: what the disk holds is then unknown.
    pub(crate) fn file(&self, file: &File, path: &Path) -> Result<(), FsError> {
        match self.file_system {
            Some(_) => Ok(()),
            None => around(SYNC_FILE, || file.sync_all()).doing("sync", path),
        }
    }

    /// Takes a folder in, with the entries that it has by now; `alone` makes it durable where each is waited for.
    ///
    /// # Errors
    /// Those of `alone`.
    pub(crate) fn folder(&self, alone: impl FnOnce() -> Result<(), FsError>) -> Result<(), FsError> {
        if self.file_system.is_some() { Ok(()) } else { alone() }
    }

    /// Makes all of it durable, the folder itself and its entries included.
    ///
    /// # Errors
    /// [`FsError`]; final, as that of a file's.
    pub(crate) fn finish(self) -> Result<(), FsError> {
        match &self.file_system {
            Some(folder) => around(SYNC_ALL, || platform::sync_file_system(folder)).doing("sync", &self.top),
            None => fs::sync_folder(&self.top),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_way_it_is_carried_out() {
        let dir = tempfile::tempdir().unwrap();
        for whole in [true, false] {
            let mut batch = Batch::begin(dir.path()).unwrap();
            batch.file_system = batch.file_system.filter(|_| whole);
            let path = dir.path().join(format!("{whole}"));
            batch.file(&File::create(&path).unwrap(), &path).unwrap();
            let mut alone = false;
            let said = batch.folder(|| {
                alone = true;
                Ok(())
            });
            said.unwrap();
            assert!(whole || alone, "there is nobody else who does it");
            batch.finish().unwrap();
        }
        assert!(Batch::begin(&dir.path().join("none")).is_err());
    }
}
