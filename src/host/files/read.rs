//! Files that are read back, by us or after others wrote them: no pipe that keeps the reader waiting, and not more than there
//! can be.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs::{human_size, is_absence};

/// Larger than any file that we write and read back: a manifest of a million files.
pub(crate) const NOTE: u64 = 256 << 20;
/// Larger than any settings.
pub(crate) const SETTINGS: u64 = 1 << 20;

/// Opens a file of our own for reading: no link, and nothing that could keep the reader waiting or never end.
///
/// # Errors
/// [`io::Error`], also where something other than a regular file stands there.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::NOFOLLOW)
}

/// The bytes of a file of our own; see [`open_own`].
///
/// # Errors
/// [`io::Error`].
pub(crate) fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    read_all(open_own(path)?)
}

/// [`read_own`], for notes of ours that are read back: what is larger than any is none.
///
/// # Errors
/// [`io::Error`].
pub(crate) fn read_note(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(open_own(path)?, NOTE)
}

/// [`read_own`], for small files that others write: the server's state, editors' settings.
///
/// # Errors
/// [`io::Error`].
pub(crate) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(open_own(path)?, SETTINGS)
}

/// The bytes of a file, also where a link leads to it, if there are not more of them than so many.
///
/// # Errors
/// [`io::Error`], also for what is no regular file.
pub(crate) fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_up_to(open_regular(path, OFlags::empty())?, most)
}

/// The text of settings that people write; none if it isn't there.
///
/// # Errors
/// A sentence about the file: it can't be read, is far too large for settings, or is no UTF-8 text.
pub(crate) fn read_settings(path: &Path) -> Result<Option<String>, String> {
    let bytes = if_there(read_at_most(path, SETTINGS), path).map_err(|e| e.to_string())?;
    bytes.map(String::from_utf8).transpose().map_err(|_| "not UTF-8 text".to_owned())
}

/// [`read_if_there`], for notes that are read back: what is larger than any is an error.
///
/// # Errors
/// [`FsError`].
pub(crate) fn read_note_if_there(path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    if_there(read_at_most(path, NOTE), path)
}

fn if_there(read: io::Result<Vec<u8>>, path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e).doing("read", path),
    }
}

fn open_regular(path: &Path, more: OFlags) -> io::Result<File> {
    // Opening a pipe would wait for somebody who writes into it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | more;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok(file),
        false if meta.is_dir() => Err(rustix::io::Errno::ISDIR.into()),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

fn read_up_to(file: File, most: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata().map_or(0, |m| m.len());
    let too_large = || io::Error::other(format!("it is larger than {}", human_size(most)));
    if length > most {
        return Err(too_large());
    }
    // It may grow meanwhile.
    let bytes = read_of_length(file.take(most + 1), length)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

pub(crate) fn read_all(file: File) -> io::Result<Vec<u8>> {
    let length = file.metadata().map_or(0, |m| m.len());
    read_of_length(file, length)
}

/// The same where the length is known by now; it may be another one meanwhile.
///
/// # Errors
/// [`io::Error`].
pub(crate) fn read_of_length(file: impl io::Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // Of a bare file the library would ask the system for length and position once more.
    file.take(u64::MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a text or byte file, also where a link leads to it; none if it isn't there.
///
/// # Errors
/// [`FsError`], also for what is no regular file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    if_there(open_regular(path, OFlags::empty()).and_then(read_all), path)
}

/// The bytes of a file of our own; none where nothing stands there, or something that is no file and so none of ours.
///
/// # Errors
/// [`FsError`] where it is there and can't be read: that must not be taken for nothing.
pub(crate) fn read_own_if_there(path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    own_if_there(read_own(path), path)
}

/// The same for notes of ours that are read back: what is larger than any is none.
///
/// # Errors
/// Those of [`read_own_if_there`].
pub(crate) fn read_own_note_if_there(path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    own_if_there(read_note(path), path)
}

/// The same for small files, see [`read_small`].
///
/// # Errors
/// Those of [`read_own_if_there`].
pub(crate) fn read_own_small_if_there(path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    own_if_there(read_small(path), path)
}

fn own_if_there(read: io::Result<Vec<u8>>, path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        // The system has no such error: it is no regular file, or too large to be ours.
        Err(e) if is_absence(&e) || e.raw_os_error().is_none() => Ok(None),
        Err(e) => match fs::symlink_metadata(path) {
            Ok(meta) if !meta.is_file() => Ok(None),
            _ => Err(e).doing("read", path),
        },
    }
}
