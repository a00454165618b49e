//! What went wrong with a file, with what was being done and to which path.

use std::io;
use std::path::PathBuf;

use crate::core::visible::Shown as _;

/// An I/O error with what was being done, and to which path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", .path.shown())]
pub struct FsError {
    /// `read`, `write`, …
    pub(crate) doing: &'static str,
    /// Where.
    pub(crate) path: PathBuf,
    /// Why not.
    pub(crate) source: io::Error,
}

impl FsError {
    /// Whether a link or a file stands where a folder was expected.
    pub(crate) fn is_no_folder(&self) -> bool {
        self.is_link() || self.source.raw_os_error() == Some(libc_errno::ENOTDIR)
    }

    /// Whether a link stands where a folder was expected.
    pub(crate) fn is_link(&self) -> bool {
        self.source.raw_os_error() == Some(libc_errno::ELOOP)
    }
}

/// Says what was being done when an I/O call failed.
pub(crate) trait Doing<T> {
    /// Adds it.
    ///
    /// # Errors
    /// The same error, explained.
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, FsError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, FsError> {
        self.map_err(|e| FsError { doing, path: path.into(), source: e.into() })
    }
}

/// The few error numbers that are told apart by value.
pub(crate) mod libc_errno {
    pub(crate) const ENOENT: i32 = rustix::io::Errno::NOENT.raw_os_error();
    pub(crate) const ENOTDIR: i32 = rustix::io::Errno::NOTDIR.raw_os_error();
    pub(crate) const ELOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();
}
