//! What can't be changed or replaced although its mode allows it: files and folders with an attribute that forbids it
//! (`chattr +i`, `chattr +a`), and places where something is mounted.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Statx, StatxAttributes, StatxFlags, statx};

/// An attribute that forbids changes, by its letter in `lsattr` and `chattr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attribute {
    /// Nothing of it can be changed.
    Immutable,
    /// It can only grow: it can't be replaced or removed, and nothing in it can be.
    AppendOnly,
}

impl Attribute {
    /// Its letter.
    pub(crate) fn letter(self) -> char {
        match self {
            Attribute::Immutable => 'i',
            Attribute::AppendOnly => 'a',
        }
    }
}

/// The attribute that forbids changing what stands at a path, which is not followed if it is a link; none where there is
/// none, or the file system tells of none.
pub(crate) fn attribute(path: &Path) -> Option<Attribute> {
    let has = |attributes: StatxAttributes, one| attributes.contains(one);
    let attributes = look(path)?.stx_attributes;
    match () {
        () if has(attributes, StatxAttributes::IMMUTABLE) => Some(Attribute::Immutable),
        () if has(attributes, StatxAttributes::APPEND) => Some(Attribute::AppendOnly),
        () => None,
    }
}

/// Whether something is mounted at a path: another file system, a folder or a file from elsewhere. Of systems that don't
/// say so, only another file system is known.
pub(crate) fn is_mounted_at(path: &Path) -> bool {
    let Some(here) = look(path) else { return false };
    if here.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT) {
        return here.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    }
    let device = |stat: &Statx| (stat.stx_dev_major, stat.stx_dev_minor);
    path.parent().and_then(look).is_some_and(|above| device(&above) != device(&here))
}

/// Whether a file is somebody else's and lies in a somebody else's folder with the sticky bit: then only its owner, the
/// folder's, and root may replace or remove it.
pub(crate) fn is_kept_by_others(path: &Path) -> bool {
    let me = rustix::process::geteuid();
    if me.is_root() {
        return false;
    }
    let Some(folder) = path.parent().and_then(|folder| std::fs::metadata(folder).ok()) else { return false };
    let Ok(file) = std::fs::symlink_metadata(path) else { return false };
    folder.mode() & 0o1000 != 0 && file.uid() != me.as_raw() && folder.uid() != me.as_raw()
}

fn look(path: &Path) -> Option<Statx> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    statx(CWD, path, flags, StatxFlags::TYPE | StatxFlags::MNT_ID).ok()
}
