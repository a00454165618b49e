//! What differs between operating systems, in one place: the kernel's own words on files, processes and mounts. `linux` has
//! all of it; `others` has what stands for it elsewhere, and each of its functions says what is missing then.
//!
//! In builds with debug assertions `POS_WITHOUT=linux` makes Linux one of the others, so that what is missing there is run by
//! tests.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::RawMode;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), debug_assertions, test))]
mod others;

pub(crate) mod private_mounts;
pub(crate) mod process;
mod seal;
pub(crate) mod without;

#[cfg(target_os = "linux")]
pub(crate) use linux::LOOK_ONLY;
#[cfg(not(target_os = "linux"))]
pub(crate) use others::LOOK_ONLY;
pub(crate) use seal::Seal;

/// Calls a function of `linux`, or that of `others` where there is no Linux, or a test says so.
macro_rules! here {
    ($($call:tt)*) => {{
        #[cfg(all(target_os = "linux", debug_assertions))]
        let result = if without::is_without("linux") { others::$($call)* } else { linux::$($call)* };
        #[cfg(all(target_os = "linux", not(debug_assertions)))]
        let result = linux::$($call)*;
        #[cfg(not(target_os = "linux"))]
        let result = others::$($call)*;
        result
    }};
}

/// The seal on what stands at a path, itself and not where it leads; none where the file system tells of none.
pub(crate) fn seal(path: &Path) -> Seal {
    here!(seal(path))
}

/// Whether something is mounted at a path: another file system, a folder or a file from elsewhere.
pub(crate) fn is_mounted_at(path: &Path) -> bool {
    here!(is_mounted_at(path))
}

/// The mount that a path lies on: two paths with the same one can be renamed to each other.
///
/// # Errors
/// [`rustix::io::Errno`].
pub(crate) fn mount_of(path: &Path) -> rustix::io::Result<(u64, u64)> {
    here!(mount_of(path))
}

/// Begins to write a file to the disk, or forgets what is cached of a written one, so that it is read back from there. Best
/// effort.
pub(crate) fn drop_cached(file: &std::fs::File) {
    here!(drop_cached(file));
}

/// Lets an empty file have the content of another one without writing it again, where the file system can share blocks
/// (`FICLONE`: xfs and btrfs). Says whether it did; then a later change of one is none of the other.
pub(crate) fn share_blocks(from: &std::fs::File, to: &std::fs::File) -> bool {
    here!(share_blocks(from, to))
}

/// Makes all that was written to the file system of an open folder durable.
///
/// # Errors
/// [`rustix::io::Errno`].
pub(crate) fn sync_file_system(folder: &std::fs::File) -> rustix::io::Result<()> {
    here!(sync_file_system(folder))
}

/// Whether [`sync_file_system`] is known to make everything on the file system of an open folder durable, and to tell of what
/// could not be.
pub(crate) fn syncs_file_system(folder: &std::fs::File) -> bool {
    here!(syncs_file_system(folder))
}

/// Whether the file system of a folder is known to note the time of each change of a file, by the clock of this machine.
pub(crate) fn keeps_times(folder: &std::path::Path) -> bool {
    here!(keeps_times(folder))
}

/// The time since this machine started; by it the ages of processes are told.
pub(crate) fn since_start() -> Duration {
    here!(since_start())
}

/// Type and permission bits as they are in a `stat`.
pub(crate) fn bits(mode: RawMode) -> u32 {
    // 16 bits on some systems.
    #[allow(clippy::useless_conversion)]
    u32::from(mode)
}

/// Permission bits as the system takes them.
pub(crate) fn mode(bits: u32) -> rustix::fs::Mode {
    rustix::fs::Mode::from_bits_truncate(raw(bits & 0o7777))
}

/// The kind of a file by the bits of its `stat`.
pub(crate) fn file_type(bits: u32) -> rustix::fs::FileType {
    rustix::fs::FileType::from_raw_mode(raw(bits))
}

#[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
fn raw(bits: u32) -> RawMode {
    // All bits that there are fit into 16.
    RawMode::try_from(bits & 0xffff).unwrap_or_default()
}

/// The numbers of the device that a file lies on, as the kernel's tables have them.
pub(crate) fn device_of(meta: &Metadata) -> (u64, u64) {
    // The type of a device is another one on some systems.
    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
    let device = rustix::fs::Dev::try_from(meta.dev()).unwrap_or_default();
    let number = |part: i64| u64::try_from(part).unwrap_or_default();
    #[allow(clippy::useless_conversion)]
    let (major, minor) = (i64::from(rustix::fs::major(device)), i64::from(rustix::fs::minor(device)));
    (number(major), number(minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_devices_are_those_of_the_system() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let meta = file.path().metadata().unwrap();
        assert_eq!(file_type(meta.mode()), rustix::fs::FileType::RegularFile);
        assert_eq!(mode(meta.mode()).bits(), raw(meta.mode() & 0o7777));
        assert_eq!(bits(raw(meta.mode())), meta.mode());
        assert_eq!(mount_of(file.path()).unwrap(), mount_of(file.path().parent().unwrap()).unwrap());
        assert_eq!(seal(file.path()), Seal::default());
        assert!(!is_mounted_at(file.path()) && is_mounted_at(Path::new("/proc")));
        assert!(since_start() > Duration::ZERO);
        drop_cached(file.as_file());
        sync_file_system(&std::fs::File::open(file.path().parent().unwrap()).unwrap()).unwrap();
    }

    #[test]
    fn what_stands_for_it_elsewhere_says_the_same_of_what_it_can_tell() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = file.path().parent().unwrap();
        assert_eq!(others::mount_of(file.path()).unwrap(), others::mount_of(folder).unwrap());
        assert_eq!(others::seal(file.path()), Seal::default());
        assert!(!others::is_mounted_at(file.path()) && others::is_mounted_at(Path::new("/proc")));
        others::drop_cached(file.as_file());
        let opened = std::fs::File::open(folder).unwrap();
        others::sync_file_system(&opened).unwrap();
        assert!(!others::syncs_file_system(&opened));
        assert!(others::since_start() > Duration::ZERO);
    }
}
