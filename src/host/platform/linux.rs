//! What Linux says and does.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Advice, AtFlags, CWD, OFlags, Statx, StatxAttributes, StatxFlags, fadvise, statx};
use rustix::io::Result;

use super::seal::Seal;

/// Opens what stands there, without a right to read it and without following it.
pub(crate) const LOOK_ONLY: OFlags = OFlags::PATH;

pub(super) fn seal(path: &Path) -> Seal {
    let attributes = look(path).map_or(StatxAttributes::empty(), |stat| stat.stx_attributes);
    Seal {
        immutable: attributes.contains(StatxAttributes::IMMUTABLE),
        append_only: attributes.contains(StatxAttributes::APPEND),
    }
}

pub(super) fn is_mounted_at(path: &Path) -> bool {
    let Some(here) = look(path) else { return false };
    if here.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT) {
        return here.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    }
    // Of older kernels only another file system is known.
    path.parent().and_then(look).is_some_and(|above| device(&above) != device(&here))
}

pub(super) fn mount_of(path: &Path) -> Result<(u64, u64)> {
    let stat = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)?;
    Ok((device(&stat), stat.stx_mnt_id))
}

fn look(path: &Path) -> Option<Statx> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    statx(CWD, path, flags, StatxFlags::TYPE | StatxFlags::MNT_ID).ok()
}

fn device(stat: &Statx) -> u64 {
    u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor)
}

pub(super) fn drop_cached(file: &File) {
    let _ = fadvise(file, 0, None, Advice::DontNeed);
}

pub(super) fn sync_file_system(folder: &File) -> Result<()> {
    rustix::fs::syncfs(folder)
}

pub(super) fn since_start() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
