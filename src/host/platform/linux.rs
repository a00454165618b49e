//! What Linux says and does.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Advice, AtFlags, CWD, OFlags, Statx, StatxAttributes, StatxFlags, fadvise, statx};
use rustix::io::Result;

use super::seal::Seal;
use super::without;

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

pub(super) fn share_blocks(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

pub(super) fn sync_file_system(folder: &File) -> Result<()> {
    rustix::fs::syncfs(folder)
}

/// File systems of this machine alone, by the numbers of statfs(2): ext2 to ext4, xfs, btrfs, f2fs, and tmpfs. Their code
/// carries `syncfs` out and passes errors on, and each change of a file gives it the time of this machine's clock.
const OF_THIS_MACHINE: [u64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];

/// Since this release of Linux `syncfs` tells of what could not be written.
const TELLS_OF_ERRORS: (u32, u32) = (5, 8);

pub(super) fn syncs_file_system(folder: &File) -> bool {
    let system = rustix::system::uname();
    !without::is_without("syncfs")
        && release(&system.release().to_string_lossy()) >= TELLS_OF_ERRORS
        && rustix::fs::fstatfs(folder).is_ok_and(|stat| is_of_this_machine(&stat))
}

pub(super) fn keeps_times(folder: &Path) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|stat| is_of_this_machine(&stat))
}

fn is_of_this_machine(stat: &rustix::fs::StatFs) -> bool {
    u64::try_from(stat.f_type).is_ok_and(|kind| OF_THIS_MACHINE.contains(&kind))
}

/// The first two numbers of a kernel's release, as `6.1.0-rc3` has them.
fn release(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

pub(super) fn since_start() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
