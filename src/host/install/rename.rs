//! The rename of an install's folder, there and back. Each step overwrites nothing and can be repeated.

use std::fs as stdfs;
use std::path::Path;

use rustix::io::Errno;

use crate::core::path::RelPath;
use crate::host::files::crash_points::{FOLDER, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::{aside, fs, rename};
use crate::host::install::locked::LockedInstall;

fn is_there(path: &Path) -> bool {
    stdfs::symlink_metadata(path).is_ok()
}

/// Renames a folder beside itself and makes that durable.
fn durable(from: &Path, to: &Path) -> Result<(), FsError> {
    around(FOLDER, || rename::path_over_nothing(from, to)).doing("rename", from)?;
    to.parent().map_or(Ok(()), fs::sync_folder)?;
    from.parent().filter(|parent| Some(*parent) != to.parent()).map_or(Ok(()), fs::sync_folder)
}

/// Renames an install. What stands at the new place, which can be made again, waits at `remains`, a place within the
/// install.
///
/// # Errors
/// [`FsError`]; then the install has its old name.
pub(crate) fn forward(before: &LockedInstall, after: &Path, remains: &Path) -> Result<(), FsError> {
    if is_there(after) {
        durable(after, remains)?;
    }
    durable(before, after)
}

/// Renames it back. What came to the old place meanwhile goes to `rescue` in the install; where to, if something did.
///
/// # Errors
/// [`FsError`]; then the install has its new name.
pub(crate) fn back(before: &Path, after: &LockedInstall, rescue: &RelPath) -> Result<Option<RelPath>, FsError> {
    let mut moved = None;
    // Whoever made it may make it again at once.
    for _ in 0..3 {
        if is_there(before) {
            moved = Some(set_aside(before, after, rescue)?);
        }
        match around(FOLDER, || rename::path_over_nothing(after, before)) {
            Err(Errno::EXIST | Errno::NOTEMPTY) => {}
            done => {
                done.doing("rename", &**after)?;
                before.parent().map_or(Ok(()), fs::sync_folder)?;
                return Ok(moved);
            }
        }
    }
    Err(Errno::EXIST).doing("rename", &**after)
}

fn set_aside(found: &Path, install: &Path, rescue: &RelPath) -> Result<RelPath, FsError> {
    let root = crate::host::files::folder::Folder::open(install)?;
    let name = found.file_name().unwrap_or_default();
    let wanted = RelPath::new(std::os::unix::ffi::OsStrExt::as_bytes(name));
    let wanted = wanted.map_err(std::io::Error::other).doing("name", found)?;
    let (folder, name, to) = aside::free_place(&root, rescue, &wanted)?;
    drop((folder, name));
    durable(found, &to.under(install))?;
    Ok(to)
}

/// Puts back what stood at the new place.
///
/// # Errors
/// [`FsError`].
pub(crate) fn remains_back(_: &LockedInstall, remains: &Path, after: &Path) -> Result<(), FsError> {
    if is_there(remains) && !is_there(after) {
        durable(remains, after)?;
    }
    Ok(())
}
