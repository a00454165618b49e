//! Owner and group of what stands in a folder, as far as this user may say so.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};

use crate::host::files::attributes;
use crate::host::files::folder::Folder;
use crate::host::platform;

/// Owner and group, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The user.
    pub(crate) uid: u32,
    /// The group.
    pub(crate) gid: u32,
}

/// Gives a new file, not yet in its place, the attributes, owner and group of the one that it will replace, as far as this user may:
/// before its mode is set, because the kernel takes the set-user-id bit away.
pub(crate) fn as_of(replaced: &Path, new: &File) {
    let Ok(old) = std::fs::symlink_metadata(replaced) else { return };
    let Ok(now) = new.metadata() else { return };
    if !old.is_file() {
        return;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if let Ok(replaced) = rustix::fs::open(replaced, flags, Mode::empty()) {
        attributes::put(new, &attributes::of(&File::from(replaced)), now.mode());
    }
    if (old.uid(), old.gid()) == (now.uid(), now.gid()) {
        return;
    }
    let (uid, gid) = (Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())));
    if rustix::fs::fchown(new, uid, gid).is_err() {
        // A plain user may still give it to one of the own groups.
        let _ = rustix::fs::fchown(new, None, gid);
    }
}

impl Folder {
    /// Owner, group and kind of what stands in it, itself and not where it leads; none if nothing does.
    ///
    /// # Errors
    /// [`std::io::Error`].
    pub(crate) fn owner(&self, name: &OsStr) -> std::io::Result<Option<(Owner, FileType)>> {
        match rustix::fs::statat(self.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let owner = Owner { uid: stat.st_uid, gid: stat.st_gid };
                Ok(Some((owner, FileType::from_raw_mode(stat.st_mode))))
            }
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives what stands in it to an owner and a group, as far as this user may.
    pub(crate) fn give_to(&self, name: &OsStr, to: Owner) {
        let (uid, gid) = (Some(Uid::from_raw(to.uid)), Some(Gid::from_raw(to.gid)));
        let give = |uid| rustix::fs::chownat(self.fd(), name, uid, gid, AtFlags::SYMLINK_NOFOLLOW);
        if give(uid).is_err() {
            let _ = give(None);
        }
    }

    pub(crate) fn set_mode_of(&self, name: &OsStr, mode: u32) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::openat(self.fd(), name, flags, Mode::empty()) {
            let _ = rustix::fs::fchmod(&file, platform::mode(mode));
        }
    }
}
