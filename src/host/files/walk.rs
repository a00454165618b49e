//! Everything below a folder, and what stands there, also where its whole path is longer than the system takes in one
//! piece: then it is reached folder by folder. Links are never followed.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::core::path::RelPath;
use crate::host::files::crash_points::{CREATE_FOLDER, around};
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::folder::Folder;
use crate::host::platform;

/// All paths below a folder that are `wanted`, each behind the folder that it is in; what is below one that is not wanted
/// is not looked at.
///
/// # Errors
/// [`FsError`] for a folder that can't be looked into.
pub fn below(top: &Path, mut wanted: impl FnMut(&RelPath) -> bool) -> Result<Vec<(RelPath, FileType)>, FsError> {
    let root = Folder::open(top).map_err(|e| FsError { doing: "look at", ..e })?;
    let mut found = Vec::new();
    let mut waiting: VecDeque<Option<RelPath>> = VecDeque::from([None]);
    while let Some(path) = waiting.pop_front() {
        let inner = path.as_ref().map(|path| root.below(path, false)).transpose();
        let inner = inner.map_err(|e| FsError { doing: "look at", ..e })?;
        let folder = inner.as_ref().unwrap_or(&root);
        for entry in Dir::read_from(folder.fd()).doing("look at", folder.path())? {
            let entry = entry.doing("look at", folder.path())?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let Ok(here) = path.as_ref().map_or_else(|| RelPath::new(name), |path| path.join(name)) else { continue };
            if !wanted(&here) {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match folder.kind(OsStr::from_bytes(name))? {
                    Some(kind) => kind,
                    None => continue,
                },
                kind => kind,
            };
            if kind.is_dir() {
                waiting.push_back(Some(here.clone()));
            }
            found.push((here, kind));
        }
    }
    Ok(found)
}

/// Opens what stands at a path below a folder, itself and not where it leads.
///
/// # Errors
/// [`io::Error`].
pub fn open(top: &Path, path: &RelPath, flags: OFlags, mode: Mode) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::open(path.under(top), flags, mode) {
        Err(Errno::NAMETOOLONG) => {
            let (folder, name) = parent(top, path)?;
            Ok(rustix::fs::openat(folder.fd(), name, flags, mode)?.into())
        }
        opened => Ok(opened?.into()),
    }
}

/// Opens a regular file below a folder for reading.
///
/// # Errors
/// [`io::Error`], also where something else stands there.
pub fn open_file(top: &Path, path: &RelPath) -> io::Result<File> {
    Ok(open_file_and_look(top, path)?.0)
}

/// The same, with what is known of it.
///
/// # Errors
/// Those of [`open_file`].
pub(crate) fn open_file_and_look(top: &Path, path: &RelPath) -> io::Result<(File, Metadata)> {
    // Opening a pipe would wait for somebody who writes into it.
    regular(open(top, path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?)
}

fn regular(file: File) -> io::Result<(File, Metadata)> {
    match file.metadata()? {
        meta if meta.is_file() => Ok((file, meta)),
        _ => Err(io::Error::other("it is not a regular file")),
    }
}

/// Opens what stands at a path below a folder for its attributes: a file or a folder, and no link leads there.
///
/// # Errors
/// [`io::Error`], also where something else stands there.
pub(crate) fn open_unlinked(top: &Path, path: &RelPath, is_folder: bool) -> io::Result<File> {
    let (folder, name) = parent(top, path)?;
    let kind = if is_folder { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | kind;
    let file = File::from(rustix::fs::openat(folder.fd(), name, flags, Mode::empty())?);
    if is_folder { Ok(file) } else { Ok(regular(file)?.0) }
}

/// What is known of what stands at a path below a folder, itself and not where it leads.
///
/// # Errors
/// [`io::Error`].
pub fn metadata(top: &Path, path: &RelPath) -> io::Result<Metadata> {
    match std::fs::symlink_metadata(path.under(top)) {
        Err(e) if is_too_long(&e) => open(top, path, platform::LOOK_ONLY, Mode::empty())?.metadata(),
        found => found,
    }
}

/// Whether anything stands at a path below a folder, also a link that leads nowhere.
///
/// # Errors
/// [`FsError`] where that can't be told.
pub fn is_there(top: &Path, path: &RelPath) -> Result<bool, FsError> {
    match metadata(top, path) {
        Ok(_) => Ok(true),
        Err(e) if super::fs::is_absence(&e) => Ok(false),
        Err(e) => Err(e).doing("look at", path.under(top)),
    }
}

/// Where a link below a folder leads.
///
/// # Errors
/// [`io::Error`].
pub(crate) fn link_target(top: &Path, path: &RelPath) -> io::Result<Vec<u8>> {
    match std::fs::read_link(path.under(top)) {
        Err(e) if is_too_long(&e) => {
            let (folder, name) = parent(top, path)?;
            Ok(rustix::fs::readlinkat(folder.fd(), name, Vec::new())?.into_bytes())
        }
        target => Ok(target?.as_os_str().as_bytes().to_vec()),
    }
}

/// Whether this user may read a file below a folder.
pub(crate) fn is_readable(top: &Path, path: &RelPath) -> bool {
    use rustix::fs::{Access, access, accessat};
    match access(path.under(top), Access::READ_OK) {
        Err(Errno::NAMETOOLONG) => parent(top, path)
            .is_ok_and(|(folder, name)| accessat(folder.fd(), name, Access::READ_OK, AtFlags::empty()).is_ok()),
        allowed => allowed.is_ok(),
    }
}

/// Makes a folder below another, with those above it, each durable before the next.
///
/// # Errors
/// [`FsError`].
pub fn create_folder(top: &Path, path: &RelPath) -> Result<(), FsError> {
    match crate::host::files::fs::create_folders(&path.under(top)) {
        Err(e) if is_too_long(&e.source) => Folder::open(top)?.below(path, true).map(drop),
        made => made,
    }
}

/// Makes a folder below another, where the one that it goes into is there. Not durable.
///
/// # Errors
/// [`FsError`].
pub(crate) fn make_folder(top: &Path, path: &RelPath) -> Result<(), FsError> {
    let mode = platform::mode(0o777);
    let made = around(CREATE_FOLDER, || match rustix::fs::mkdir(path.under(top), mode) {
        Err(Errno::NAMETOOLONG) => {
            let (folder, name) = parent(top, path)?;
            Ok(rustix::fs::mkdirat(folder.fd(), name, mode)?)
        }
        made => Ok::<_, io::Error>(made?),
    });
    made.doing("create folder", path.under(top))
}

/// Makes a folder's entries durable.
///
/// # Errors
/// [`FsError`].
pub fn sync_folder(top: &Path, path: &RelPath) -> Result<(), FsError> {
    match crate::host::files::fs::sync_folder(&path.under(top)) {
        Err(e) if is_too_long(&e.source) => Folder::open(top)?.below(path, false)?.sync(),
        synced => synced,
    }
}

fn parent<'p>(top: &Path, path: &'p RelPath) -> io::Result<(Folder, &'p OsStr)> {
    Folder::open(top).and_then(|root| root.parent_of(path, false)).map_err(|e| e.source)
}

fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NAMETOOLONG.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    #[test]
    fn what_no_single_path_can_name_is_read_written_and_listed() {
        let dir = tempfile::tempdir().unwrap();
        let part = "x".repeat(200);
        let deep = RelPath::new(vec![part.as_str(); 30].join("/")).unwrap();
        assert!(deep.as_bytes().len() > 4096);
        create_folder(dir.path(), &deep.parent().unwrap()).unwrap();
        make_folder(dir.path(), &deep).unwrap();
        sync_folder(dir.path(), &deep).unwrap();
        let file = deep.join(b"f").unwrap();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        open(dir.path(), &file, flags, Mode::from_raw_mode(0o600)).unwrap().write_all(b"text").unwrap();
        let mut text = String::new();
        open_file(dir.path(), &file).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), metadata(dir.path(), &file).unwrap().len()), ("text", 4));
        assert!(is_readable(dir.path(), &file));
        let found = below(dir.path(), |_| true).unwrap();
        assert_eq!(found.len(), 31);
        assert_eq!(found.last().unwrap(), &(file.clone(), FileType::RegularFile));
        assert!(below(dir.path(), |path| path.as_bytes().len() < 4096).unwrap().len() < 30);
        // A temporary folder of the crate's own could not be emptied by its path.
        crate::host::files::fs::remove_tree(&dir.path().join(&part)).unwrap();
    }

    #[test]
    fn links_are_listed_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        std::os::unix::fs::symlink("d", dir.path().join("l")).unwrap();
        std::fs::write(dir.path().join("d/f"), "").unwrap();
        let mut found: Vec<String> = below(dir.path(), |_| true).unwrap().iter().map(|(p, _)| p.to_string()).collect();
        found.sort();
        assert_eq!(found, ["d", "d/f", "l"]);
        let link = RelPath::new("l").unwrap();
        assert_eq!(link_target(dir.path(), &link).unwrap(), b"d");
        assert!(open_file(dir.path(), &link).is_err());
    }
}
