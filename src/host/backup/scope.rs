//! What of an install a backup holds: how much that is, and what of it can't be copied.

use std::fs as stdfs;
use std::path::Path;

use rustix::fs::FileType;

use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::host::files::error::{Doing, FsError};
use crate::host::files::walk;

/// How many files a backup would copy, and their bytes: the measure for the space that is needed.
///
/// # Errors
/// [`FsError`].
pub(crate) fn measure(install: &Path) -> Result<(u64, u64), FsError> {
    let mut sum = (0, 0);
    for (path, kind) in walk(install)? {
        if kind.is_file() {
            let meta = walk::metadata(install, &path).doing("look at", path.under(install))?;
            sum = (sum.0 + 1, sum.1 + meta.len());
        }
    }
    Ok(sum)
}

/// How many files, folders and links a backup would have.
///
/// # Errors
/// [`FsError`].
pub(crate) fn count(install: &Path) -> Result<u64, FsError> {
    Ok(walk(install)?.len() as u64)
}

pub(super) fn walk(install: &Path) -> Result<Vec<(RelPath, FileType)>, FsError> {
    walk::below(install, |path| !layouts().is_ephemeral(path) && !can_only_stay(install, path))
}

/// Whether a rollback set aside what nobody can copy: a pipe, or what this user may not read. It stays where it is, and
/// must not keep the next upgrade from beginning.
fn can_only_stay(install: &Path, path: &RelPath) -> bool {
    use rustix::fs::{Access, access};
    if !path.as_bytes().starts_with(b"rescued/") {
        return false;
    }
    let path = path.under(install);
    let Ok(kind) = stdfs::symlink_metadata(&path).map(|meta| meta.file_type()) else { return false };
    let need = match () {
        () if kind.is_symlink() => return false,
        () if kind.is_dir() => Access::READ_OK | Access::EXEC_OK,
        () if kind.is_file() => Access::READ_OK,
        () => return true,
    };
    access(&path, need).is_err()
}

/// What a backup could not copy, so that it is told before anything begins.
#[derive(Debug, Default)]
pub(crate) struct Obstacles {
    /// Sockets, pipes and devices.
    pub(crate) special: Vec<RelPath>,
    /// Files and folders that this user may not read.
    pub(crate) unreadable: Vec<RelPath>,
}

/// Looks for what a backup could not copy.
///
/// # Errors
/// [`FsError`] for a folder that can't be looked into.
pub(crate) fn obstacles(install: &Path) -> Result<Obstacles, FsError> {
    let mut found = Obstacles::default();
    for (path, kind) in walk(install)? {
        if kind.is_file() {
            if !walk::is_readable(install, &path) {
                found.unreadable.push(path);
            }
        } else if !kind.is_dir() && !kind.is_symlink() {
            found.special.push(path);
        }
    }
    Ok(found)
}
