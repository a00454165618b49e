//! What stands for it where there is no Linux. macOS is the one that is meant; it was never run there.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, statat};
use rustix::io::Result;

use super::seal::Seal;

/// Opens what stands there; it has to be readable.
#[cfg(not(target_os = "linux"))]
pub(crate) const LOOK_ONLY: rustix::fs::OFlags = rustix::fs::OFlags::RDONLY;

/// What `chflags` says on macOS; elsewhere nothing is known, and the refusal comes from the first write.
pub(super) fn seal(path: &Path) -> Seal {
    #[cfg(target_os = "macos")]
    {
        use std::os::macos::fs::MetadataExt as _;
        // The user's and the system's flags of `chflags(2)`.
        const IMMUTABLE: u32 = 0x0002_0002;
        const APPEND_ONLY: u32 = 0x0004_0004;
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            let has = |flags: u32| meta.st_flags() & flags != 0;
            return Seal { immutable: has(IMMUTABLE), append_only: has(APPEND_ONLY) };
        }
    }
    let _ = path;
    Seal::default()
}

/// Only another file system is known, no folder of the same one.
pub(super) fn is_mounted_at(path: &Path) -> bool {
    let device = |path: &Path| std::fs::symlink_metadata(path).ok().map(|meta| meta.dev());
    path.parent().and_then(device).is_some_and(|above| device(path).is_some_and(|here| here != above))
}

/// The device alone.
pub(super) fn mount_of(path: &Path) -> Result<(u64, u64)> {
    let stat = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
    let device = u64::try_from(stat.st_dev).unwrap_or_default();
    Ok((device, 0))
}

/// Nothing: what is read back may come from memory.
pub(super) fn drop_cached(_: &File) {}

/// There is no call for two open files.
pub(super) fn share_blocks(_: &File, _: &File) -> bool {
    false
}

/// All file systems, since there is no call for one.
pub(super) fn sync_file_system(_: &File) -> Result<()> {
    rustix::fs::sync();
    Ok(())
}

/// Nothing is known of it.
pub(super) fn syncs_file_system(_: &File) -> bool {
    false
}

pub(super) fn keeps_times(_: &Path) -> bool {
    false
}

/// Since some moment that does not change.
pub(super) fn since_start() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
