//! Owner and group of what an upgrade replaces or brings back: as the backup has them, as far as this user may say so.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};

use crate::core::path::RelPath;
use crate::host::backup::copy::{Backup, Entry};
use crate::host::files::fs::Folder;

/// Owner and group, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// Gives a new file, not yet in its place, the owner and group of the one that it will replace, as far as this user may:
/// before its mode is set, because the kernel takes the set-user-id bit away.
pub fn as_of(replaced: &Path, new: &File) {
    let Ok(old) = std::fs::symlink_metadata(replaced) else { return };
    let Ok(now) = new.metadata() else { return };
    if !old.is_file() || (old.uid(), old.gid()) == (now.uid(), now.gid()) {
        return;
    }
    let (uid, gid) = (Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())));
    if rustix::fs::fchown(new, uid, gid).is_err() {
        // A plain user may still give it to one of the own groups.
        let _ = rustix::fs::fchown(new, None, gid);
    }
}

/// Gives paths, and the folders above them, the owner and group that the backup noted for them. Each path comes with the
/// name that the backup knows it by. Returns those that have another owner or group still, sorted: this user may not
/// give them away.
pub fn give_back<'p>(
    install: &Path,
    backup: &Backup,
    paths: impl Iterator<Item = (&'p RelPath, &'p RelPath)>,
) -> BTreeSet<RelPath> {
    let mut wrong = BTreeSet::new();
    let Ok(root) = Folder::open(install) else { return wrong };
    let mut folders = BTreeSet::new();
    for (path, known) in paths {
        folders.extend(std::iter::successors(path.parent(), RelPath::parent));
        if !settled(&root, backup, path, known) {
            wrong.insert(path.clone());
        }
    }
    for folder in folders {
        if !settled(&root, backup, &folder, &folder) {
            wrong.insert(folder);
        }
    }
    wrong
}

/// A sentence about paths whose owner or group is not what it was; none if there are none.
pub fn not_kept(paths: &BTreeSet<RelPath>) -> Option<String> {
    const SHOWN: usize = 5;
    let shown: Vec<String> = paths.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if paths.len() > SHOWN { format!(" and {} more", paths.len() - SHOWN) } else { String::new() };
    (!paths.is_empty()).then(|| {
        format!("owner or group could not be kept, you may not give files to them: {}{more}", shown.join(", "))
    })
}

/// Whether a path has the owner and group that it should have, or none are known for it.
fn settled(root: &Folder, backup: &Backup, path: &RelPath, known: &RelPath) -> bool {
    let Some(entry) = backup.manifest.entries.get(known) else { return true };
    let Some(wanted) = entry.owner() else { return true };
    let Ok((folder, name)) = root.parent_of(path, false) else { return true };
    let now = || folder.owner(name).ok().flatten();
    match now() {
        Some((owner, kind)) if owner != wanted && kind == kind_of(entry) => {
            folder.give_to(name, wanted);
            if let Entry::File { mode, .. } | Entry::Folder { mode, .. } = entry
                && mode & 0o6000 != 0
            {
                // The kernel takes these bits away when the owner changes.
                folder.set_mode_of(name, *mode);
            }
            now().is_none_or(|(owner, _)| owner == wanted)
        }
        _ => true,
    }
}

fn kind_of(entry: &Entry) -> FileType {
    match entry {
        Entry::File { .. } => FileType::RegularFile,
        Entry::Folder { .. } => FileType::Directory,
        Entry::Link { .. } => FileType::Symlink,
    }
}

impl Folder {
    /// Owner, group and kind of what stands in it, itself and not where it leads; none if nothing does.
    ///
    /// # Errors
    /// [`std::io::Error`].
    pub fn owner(&self, name: &OsStr) -> std::io::Result<Option<(Owner, FileType)>> {
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
    fn give_to(&self, name: &OsStr, to: Owner) {
        let (uid, gid) = (Some(Uid::from_raw(to.uid)), Some(Gid::from_raw(to.gid)));
        let give = |uid| rustix::fs::chownat(self.fd(), name, uid, gid, AtFlags::SYMLINK_NOFOLLOW);
        if give(uid).is_err() {
            let _ = give(None);
        }
    }

    fn set_mode_of(&self, name: &OsStr, mode: u32) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::openat(self.fd(), name, flags, Mode::empty()) {
            let _ = rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o7777));
        }
    }
}
