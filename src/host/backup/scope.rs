//! What of an install a backup holds: how much that is, and what of it can't be copied.

use std::fs as stdfs;
use std::path::Path;

use rustix::fs::FileType;

use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::host::files::error::{Doing, FsError};
use crate::host::files::parallel::in_parallel;
use crate::host::files::walk;

/// How many files a backup would copy.
///
/// # Errors
/// [`FsError`].
pub(crate) fn files(install: &Path) -> Result<u64, FsError> {
    Ok(walk(install)?.iter().filter(|(_, kind)| kind.is_file()).count() as u64)
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

/// What a backup would have to do, told before anything begins.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Bytes of the files that it would copy: the measure for the space that is needed.
    pub(crate) bytes: u64,
    /// What it could not copy: sockets, pipes and devices.
    pub(crate) special: Vec<RelPath>,
    /// The same: files that this user may not read.
    pub(crate) unreadable: Vec<RelPath>,
}

/// Looks at all that a backup would copy.
///
/// # Errors
/// [`FsError`] for what can't be looked at.
pub(crate) fn look(install: &Path) -> Result<Scope, FsError> {
    let mut scope = Scope::default();
    let (files, others): (Vec<_>, Vec<_>) = walk(install)?.into_iter().partition(|(_, kind)| kind.is_file());
    let seen = in_parallel(&files, |(path, _)| {
        let size = walk::metadata(install, path).doing("look at", path.under(install))?.len();
        Ok::<_, FsError>((size, walk::is_readable(install, path)))
    })?;
    for ((path, _), (size, readable)) in files.into_iter().zip(seen) {
        scope.bytes += size;
        if !readable {
            scope.unreadable.push(path);
        }
    }
    let special = others.into_iter().filter(|(_, kind)| !kind.is_dir() && !kind.is_symlink());
    scope.special = special.map(|(path, _)| path).collect();
    Ok(scope)
}
