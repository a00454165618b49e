//! Trees that are made anew elsewhere: the file system may share what they hold.

use std::fs as stdfs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use walkdir::WalkDir;

use crate::host::files::error::{Doing, FsError};

/// Walks a tree and makes its folders and links anew elsewhere; `place` then sees every link that was made, and puts every
/// file there.
pub(crate) fn mirror(
    from: &Path,
    to: &Path,
    doing: &'static str,
    place: impl Fn(&walkdir::DirEntry, &Path) -> Result<(), FsError>,
) -> Result<(), FsError> {
    mirror_of(WalkDir::new(from).follow_links(false), from, to, doing, place)
}

/// The same for those entries of it that are told.
pub(crate) fn mirror_of(
    entries: impl IntoIterator<Item = walkdir::Result<walkdir::DirEntry>>,
    from: &Path,
    to: &Path,
    doing: &'static str,
    place: impl Fn(&walkdir::DirEntry, &Path) -> Result<(), FsError>,
) -> Result<(), FsError> {
    for entry in entries {
        let entry = entry.map_err(|e| FsError { doing, path: from.to_owned(), source: e.into() })?;
        let Ok(rest) = entry.path().strip_prefix(from) else { continue };
        let target = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
        if entry.file_type().is_dir() {
            stdfs::create_dir(&target).doing("create folder", &target)?;
            continue;
        }
        if entry.file_type().is_symlink() {
            let leads = stdfs::read_link(entry.path()).doing("read link", entry.path())?;
            symlink(leads, &target).doing("link", &target)?;
        }
        place(&entry, &target)?;
    }
    Ok(())
}

/// A copy that shares nothing with what it is made from, with its modes and times.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<(), FsError> {
    mirror(from, to, "copy", |entry, target| {
        if entry.file_type().is_symlink() {
            if let Ok(meta) = entry.metadata() {
                let time = Timespec { tv_sec: meta.mtime(), tv_nsec: meta.mtime_nsec() };
                let times = Timestamps { last_access: time, last_modification: time };
                utimensat(CWD, target, &times, AtFlags::SYMLINK_NOFOLLOW).doing("set the time of", target)?;
            }
            return Ok(());
        }
        stdfs::copy(entry.path(), target).doing("copy to", target)?;
        let time = entry.metadata().ok().and_then(|m| m.modified().ok());
        // One that can't be opened for writing keeps today's time, which nothing depends on.
        if let (Ok(file), Some(time)) = (stdfs::File::options().write(true).open(target), time) {
            file.set_modified(time).doing("set the time of", target)?;
            file.sync_all().doing("sync", target)?;
        }
        Ok(())
    })
}
