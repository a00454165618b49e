//! Temporary folders that are gone with their process, also with one that is killed: whoever makes the next one clears away
//! those that nobody holds any more.
//!
//! A folder is held by a lock on a file in it, which the system lets go of with the process. What has another owner, another
//! name, or no such file and something else in it, is somebody's, and stays.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Once;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// What the names of the folders begin with; nothing else of ours has such a name.
const PREFIX: &str = "pos-upgrade-git-";
/// The file whose lock says that a folder is in use.
const IN_USE: &str = "in-use";

/// A temporary folder that only this user can look into; gone with this.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _in_use: File,
}

impl Scratch {
    /// A new one in the system's folder for temporary files, which is cleared of those that dead processes left there.
    ///
    /// # Errors
    /// [`io::Error`].
    pub(crate) fn new() -> io::Result<Self> {
        static SWEPT: Once = Once::new();
        let folder = std::env::temp_dir();
        SWEPT.call_once(|| sweep(&folder));
        Self::within(&folder)
    }

    fn within(folder: &Path) -> io::Result<Self> {
        for _ in 0..100 {
            let path = folder.join(format!("{PREFIX}{}", uuid::Uuid::now_v7().simple()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // Somebody who clears away may have come in between: an empty folder is taken for one that was left.
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path.join(IN_USE)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => {
                    let _ = fs::remove_dir(&path);
                    return Err(e);
                }
                Ok(file) => {
                    // On a file system without locks nothing is ever cleared away.
                    let held = flock(&file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK);
                    if held && same_file(&file, &path.join(IN_USE)) {
                        return Ok(Self { path, _in_use: file });
                    }
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn same_file(file: &File, path: &Path) -> bool {
    let known = file.metadata().map(|m| (m.dev(), m.ino()));
    let there = fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()));
    matches!((known, there), (Ok(known), Ok(there)) if known == there)
}

/// Removes the folders that dead processes left. What can't be looked at or removed stays.
fn sweep(folder: &Path) {
    let us = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let path = entry.path();
        if !named || !fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir() && m.uid() == us) {
            continue;
        }
        let look = OpenOptions::new()
            .write(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path.join(IN_USE));
        match look {
            Ok(file) => {
                if file.metadata().is_ok_and(|m| m.is_file() && m.uid() == us)
                    && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
                {
                    let _ = fs::remove_dir_all(&path);
                }
            }
            // Its process died before it had the file; with anything in it, this fails.
            Err(e) if e.kind() == io::ErrorKind::NotFound => drop(fs::remove_dir(&path)),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_a_dead_process_of_ours_left_is_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let named = |name: &str| dir.path().join(format!("{PREFIX}{name}"));
        let living = Scratch::within(dir.path()).unwrap();
        fs::write(living.path().join("config"), "x").unwrap();
        let gone = Scratch::within(dir.path()).unwrap();
        let path = gone.path().to_owned();
        drop(gone);
        assert!(!path.exists(), "gone with it");
        for (name, files) in [("left", &[IN_USE, "config"][..]), ("begun", &[]), ("somebodys", &["config"])] {
            fs::create_dir(named(name)).unwrap();
            files.iter().for_each(|file| fs::write(named(name).join(file), "x").unwrap());
        }
        // Not a folder, a link to one, a link in the place of the file, a pipe there, and other names.
        fs::write(named("file"), "x").unwrap();
        let kept = dir.path().join("pos-upgrade-tui-kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join(IN_USE), "x").unwrap();
        symlink(&kept, named("link")).unwrap();
        fs::create_dir(named("inner-link")).unwrap();
        symlink(kept.join(IN_USE), named("inner-link").join(IN_USE)).unwrap();
        sweep(dir.path());
        for (path, stays) in [
            (living.path().join("config"), true),
            (named("left"), false),
            (named("begun"), false),
            (named("somebodys").join("config"), true),
            (named("file"), true),
            (named("link"), true),
            (named("inner-link").join(IN_USE), true),
            (kept.join(IN_USE), true),
        ] {
            assert_eq!(path.exists(), stays, "{}", path.display());
        }
    }
}
