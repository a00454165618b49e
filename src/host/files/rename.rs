//! Renames that overwrite nothing, and what stands for them where a file system, or a kernel, has no such thing.
//!
//! In builds with debug assertions `POS_WITHOUT=exchange` makes every file system one that can neither exchange two files
//! nor refuse to overwrite one, and `POS_WITHOUT=exchange,links` one that has no hard links either.

use std::os::fd::AsFd;
use std::path::Path;

use crate::host::platform::without::is_without;
use rustix::fs::{AtFlags, CWD, RenameFlags, linkat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

/// Whether an error says that the file system can't do it in this way, rather than that it may not be done.
pub(crate) fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// A rename with flags.
///
/// # Errors
/// The bare error; see [`is_unsupported`].
pub(crate) fn with(
    from: impl AsFd,
    name: impl rustix::path::Arg,
    to: impl AsFd,
    to_name: impl rustix::path::Arg,
    how: RenameFlags,
) -> rustix::io::Result<()> {
    if !how.is_empty() && is_without("exchange") {
        return Err(Errno::INVAL);
    }
    renameat_with(from, name, to, to_name, how)
}

/// Moves what is ours alone to a place where nothing stands. Where the file system can't refuse to overwrite, the new
/// name is made as a link, which never overwrites, and the old one goes. Only where there are no links either, it is
/// looked first, with nothing between the look and the rename.
///
/// # Errors
/// The bare error; [`Errno::EXIST`] if something stands there.
pub(crate) fn over_nothing(
    from: impl AsFd,
    name: impl rustix::path::Arg + Copy,
    to: impl AsFd,
    to_name: impl rustix::path::Arg + Copy,
) -> rustix::io::Result<()> {
    match with(&from, name, &to, to_name, RenameFlags::NOREPLACE) {
        Err(errno) if is_unsupported(errno) => {}
        done => return done,
    }
    let linked =
        if is_without("links") { Err(Errno::PERM) } else { linkat(&from, name, &to, to_name, AtFlags::empty()) };
    match linked {
        Ok(()) => unlinkat(&from, name, AtFlags::empty()),
        // Folders have no second name anywhere. Over a file or a folder that holds something no folder is renamed.
        Err(Errno::PERM | Errno::ACCESS | Errno::MLINK | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match statat(&to, to_name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => renameat(&from, name, &to, to_name),
                Ok(_) => Err(Errno::EXIST),
                Err(errno) => Err(errno),
            }
        }
        Err(errno) => Err(errno),
    }
}

/// [`with`], for paths of our own.
///
/// # Errors
/// The bare error.
pub(crate) fn paths(from: &Path, to: &Path, how: RenameFlags) -> rustix::io::Result<()> {
    with(CWD, from, CWD, to, how)
}

/// [`over_nothing`], for paths of our own.
///
/// # Errors
/// The bare error.
pub(crate) fn path_over_nothing(from: &Path, to: &Path) -> rustix::io::Result<()> {
    over_nothing(CWD, from, CWD, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_stands_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("ours"), "ours").unwrap();
        fs::write(at("users"), "the user's").unwrap();
        assert_eq!(path_over_nothing(&at("ours"), &at("users")), Err(Errno::EXIST));
        assert_eq!(fs::read_to_string(at("users")).unwrap(), "the user's");
        assert_eq!(fs::read_to_string(at("ours")).unwrap(), "ours");
        path_over_nothing(&at("ours"), &at("free")).unwrap();
        assert!(at("free").exists() && !at("ours").exists());
    }
}
