//! How a file system keeps names: how long they may be, whether it tells cases apart, what it refuses. Measured, not
//! looked up, as far as that can be done by reading.

use std::collections::BTreeSet;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::core::path::RelPath;
use crate::host::files::{fs, walk};
use crate::host::install::locked::LockedInstall;

/// File systems that take any name and keep it as it is, by the numbers that the kernel has for them: ext, xfs, btrfs,
/// tmpfs, overlay, f2fs, zfs, bcachefs, squashfs.
const PLAIN: [i64; 9] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0xF2F5_2010, 0x2FC1_2FC1, 0xCA45_1A4E, 0x7371_7368];
/// Those that keep names as Windows does: vfat, exfat, ntfs, ntfs3, cifs, smb2.
const WINDOWS: [i64; 6] = [0x4D44, 0x2011_BAB0, 0x5346_544E, 0x7366_746E, 0xFF53_4D42, 0xFE53_4D42];
/// Where the system says nothing.
const USUAL: usize = 255;

/// How names are kept in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    /// Bytes that a name may have.
    pub(crate) longest: usize,
    /// Those that differ in case only are one.
    pub(crate) fold: bool,
    /// As Windows does it.
    pub(crate) windows: bool,
    /// Not as every Linux file system does it: what is refused there can only be tried.
    pub(crate) are_odd: bool,
}

impl Names {
    /// Those in a folder that is there.
    pub(crate) fn of(folder: &Path) -> Self {
        let longest = rustix::fs::statvfs(folder).ok().and_then(|stat| usize::try_from(stat.f_namemax).ok());
        let kind = rustix::fs::statfs(folder).map_or(0, |stat| kind_of(&stat));
        let fold = folds(folder);
        Self {
            longest: longest.filter(|n| *n > 0).unwrap_or(USUAL),
            fold,
            windows: WINDOWS.contains(&kind),
            are_odd: fold || !PLAIN.contains(&kind),
        }
    }
}

#[allow(clippy::unnecessary_cast, clippy::cast_lossless)] // as wide as the platform has it
fn kind_of(stat: &rustix::fs::StatFs) -> i64 {
    (stat.f_type as i64) & 0xFFFF_FFFF
}

/// Whether names that differ in case only are one in a folder: seen on what is in it, or is it, or is above it.
fn folds(folder: &Path) -> bool {
    let named = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).take(64);
    for path in named.chain(folder.ancestors().map(Path::to_owned)) {
        let Some(name) = path.file_name().map(|name| name.as_bytes().to_vec()) else { continue };
        let swapped: Vec<u8> = name
            .iter()
            .map(|b| if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() })
            .collect();
        if swapped == name {
            continue;
        }
        let other = path.with_file_name(std::ffi::OsString::from_vec(swapped));
        let identity = |path: &Path| path.symlink_metadata().map(|m| (m.dev(), m.ino())).ok();
        return identity(&path).is_some_and(|found| identity(&other) == Some(found));
    }
    false
}

/// Makes an empty file of each path below a folder of our own, which is made for that and goes again. Those that could not
/// be made as they are named, with what the system says.
pub(crate) fn tried(install: &LockedInstall, folder: &Path, paths: &[RelPath]) -> Vec<(RelPath, String)> {
    let mut failed = Vec::new();
    if fs::remove_tree(folder).and_then(|()| install.make_folder(folder)).is_err() {
        // Whatever that is, the next step meets it too.
        return failed;
    }
    for path in paths {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let made = path.parent().map_or(Ok(()), |above| walk::create_folder(folder, &above).map_err(|e| e.source));
        let made = made.and_then(|()| walk::open(folder, path, flags, Mode::from_raw_mode(0o600)).map(drop));
        let refused = made.err().filter(|e| is_about_names(e.raw_os_error()));
        failed.extend(refused.map(|e| match e.raw_os_error() == Some(Errno::EXIST.raw_os_error()) {
            true => (path.clone(), "it is one and the same as another one".to_owned()),
            false => (path.clone(), e.to_string()),
        }));
    }
    // Some show all names in small letters, which loses nothing.
    let small = |path: &RelPath| path.as_bytes().to_ascii_lowercase();
    let listed: BTreeSet<Vec<u8>> =
        walk::below(folder, |_| true).unwrap_or_default().iter().map(|(path, _)| small(path)).collect();
    let refused: BTreeSet<RelPath> = failed.iter().map(|(path, _)| path.clone()).collect();
    if !listed.is_empty() {
        let changed = paths.iter().filter(|path| !listed.contains(&small(path)) && !refused.contains(path));
        failed.extend(changed.map(|path| (path.clone(), "it is kept under another name".to_owned())));
    }
    // What stays goes with the session's other notes.
    let _ = fs::remove_tree(folder);
    failed
}

/// Whether an error says something of the name, and not of space or rights.
fn is_about_names(code: Option<i32>) -> bool {
    let names =
        [Errno::EXIST, Errno::INVAL, Errno::NAMETOOLONG, Errno::ILSEQ, Errno::NOTDIR, Errno::ISDIR, Errno::NOENT];
    names.iter().any(|errno| Some(errno.raw_os_error()) == code)
}

/// How many folders and links a clone of an environment has of its own; its files are shared with the old one.
pub(crate) fn entries_of_clone(environment: &Path) -> u64 {
    let there = std::fs::canonicalize(environment).unwrap_or_else(|_| environment.to_owned());
    walk::below(&there, |_| true).unwrap_or_default().iter().filter(|(_, kind)| !kind.is_file()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_file_system_keeps_every_name() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::of(dir.path());
        assert!(names.longest >= 143 && !names.fold && !names.windows, "{names:?}");
        let rel = |text: &str| RelPath::new(text).unwrap();
        let paths = [rel("a/b.md"), rel("a/B.md"), rel("x."), rel("a:b")];
        assert_eq!(tried(&LockedInstall::of_test(dir.path()), &dir.path().join("try"), &paths), []);
        assert!(!dir.path().join("try").exists());
    }

    #[test]
    fn what_can_not_be_made_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let rel = |text: &str| RelPath::new(text).unwrap();
        let long = "x".repeat(300);
        let failed = tried(
            &LockedInstall::of_test(dir.path()),
            &dir.path().join("try"),
            &[rel("a"), rel(&long), rel("a/b"), rel("a")],
        );
        let paths: Vec<_> = failed.iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(paths, [rel(&long), rel("a/b"), rel("a")], "{failed:?}");
    }
}
