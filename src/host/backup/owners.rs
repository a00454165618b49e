//! Gives paths back to the owner and group that a backup noted for them.

use std::collections::BTreeSet;

use rustix::fs::FileType;

use crate::core::path::RelPath;
use crate::host::backup::copy::{Backup, Entry};
use crate::host::files::folder::Folder;
use crate::host::install::locked::LockedInstall;

/// Gives paths, and the folders above them, the owner and group that the backup noted for them. Each path comes with the
/// name that the backup knows it by. Returns those that have another owner or group still, sorted: this user may not
/// give them away.
pub(crate) fn give_back<'p>(
    install: &LockedInstall,
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
pub(crate) fn not_kept(paths: &BTreeSet<RelPath>) -> Option<String> {
    const SHOWN: usize = 5;
    let shown: Vec<String> = paths.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if paths.len() > SHOWN { format!(" and {} more", paths.len() - SHOWN) } else { String::new() };
    (!paths.is_empty()).then(|| {
        format!("owner or group could not be kept, you may not give files to them: {}{more}", shown.join(", "))
    })
}

/// Whether a path has the owner and group that it should have, or none are known for it.
pub(crate) fn settled(root: &Folder, backup: &Backup, path: &RelPath, known: &RelPath) -> bool {
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

pub(crate) fn kind_of(entry: &Entry) -> FileType {
    match entry {
        Entry::File { .. } => FileType::RegularFile,
        Entry::Folder { .. } => FileType::Directory,
        Entry::Link { .. } => FileType::Symlink,
    }
}
