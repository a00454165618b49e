//! Gives paths back to the owner and group that a backup noted for them, and files the attributes that they had.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::FileType;

use crate::core::path::RelPath;
use crate::host::backup::copy::{Backup, Entry};
use crate::host::files::attributes;
use crate::host::files::folder::Folder;
use crate::host::install::locked::LockedInstall;

/// Gives paths, and the folders above them, the owner and group that the backup noted for them. Each path comes with the
/// name that the backup knows it by. Returns those that have another owner or group still, sorted: this user may not
/// give them away; and the attributes that files lost.
pub(crate) fn give_back<'p>(
    install: &LockedInstall,
    backup: &Backup,
    paths: impl Iterator<Item = (&'p RelPath, &'p RelPath)>,
) -> NotKept {
    let mut wrong = NotKept::default();
    let Ok(root) = Folder::open(install) else { return wrong };
    let mut folders = BTreeSet::new();
    for (path, known) in paths {
        folders.extend(std::iter::successors(path.parent(), RelPath::parent));
        if !settled(&root, backup, path, known) {
            wrong.owners.insert(path.clone());
        }
        let lost = lost_attributes(install, backup, path, known);
        if !lost.is_empty() {
            wrong.attributes.insert(path.clone(), lost);
        }
    }
    for folder in folders {
        if !settled(&root, backup, &folder, &folder) {
            wrong.owners.insert(folder);
        }
    }
    wrong
}

/// What could not be kept.
#[derive(Debug, Default)]
pub(crate) struct NotKept {
    /// Paths with another owner or group.
    owners: BTreeSet<RelPath>,
    /// Files, and the names of what they lost.
    attributes: BTreeMap<RelPath, Vec<String>>,
}

/// A sentence about what is not as it was; none if all is.
pub(crate) fn not_kept(wrong: &NotKept) -> Option<String> {
    let owners = listed(
        "owner or group could not be kept, you may not give files to them",
        wrong.owners.iter().map(ToString::to_string),
    );
    let attributes = lost(&wrong.attributes, "extended attributes could not be kept");
    let all: Vec<String> = owners.into_iter().chain(attributes).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// A sentence about attributes; none if there are none.
pub(crate) fn lost(attributes: &BTreeMap<RelPath, Vec<String>>, what: &str) -> Option<String> {
    listed(what, attributes.iter().map(|(path, names)| format!("{path} ({})", names.join(", "))))
}

fn listed(what: &str, paths: impl ExactSizeIterator<Item = String>) -> Option<String> {
    const SHOWN: usize = 5;
    let count = paths.len();
    let shown: Vec<String> = paths.take(SHOWN).collect();
    let more = if count > SHOWN { format!(" and {} more", count - SHOWN) } else { String::new() };
    (count > 0).then(|| format!("{what}: {}{more}", shown.join(", ")))
}

/// Gives a file or folder the attributes that the backup has of it; the names of those that it could not be given.
fn lost_attributes(install: &LockedInstall, backup: &Backup, path: &RelPath, known: &RelPath) -> Vec<String> {
    let Some(entry) = backup.manifest.entries.get(known) else { return Vec::new() };
    let Ok(copy) = entry.opened(&backup.files(), known) else { return Vec::new() };
    let Ok(live) = entry.opened(install, path) else { return Vec::new() };
    let Ok(meta) = live.metadata() else { return Vec::new() };
    let wanted = attributes::of(&copy);
    // Backups of earlier builds kept none, and others can't where they stand: a copy without any asks for nothing.
    if wanted.is_empty() {
        return Vec::new();
    }
    let failed = attributes::put(&live, &wanted, std::os::unix::fs::MetadataExt::mode(&meta));
    failed.iter().map(|name| attributes::words(name)).collect()
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
