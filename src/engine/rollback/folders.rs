//! Folders in a rollback: their modes, times and owners, and those that the upgrade made.

use crate::core::path::RelPath;
use crate::engine::rollback::changes;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::{Backup, Entry};
use crate::host::backup::owners;
use crate::host::files::error::FsError;
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;
use std::collections::BTreeSet;

/// Folders: those that were there come back with their modes and times, those that the upgrade made go if empty. Gives the
/// errors for times that only the folder's owner may set, who is somebody else. Once all was `verified`, a link in a folder's
/// place is the user's, put there since.
pub(super) fn folders<'p>(
    install: &LockedInstall,
    backup: &Backup,
    paths: impl Iterator<Item = &'p RelPath>,
    verified: bool,
) -> Result<Vec<FsError>, Stop> {
    let root = Folder::open(install)?;
    let entries = &backup.manifest.entries;
    let mut refused = Vec::new();
    let mut touched: Vec<RelPath> = Vec::new();
    for (path, entry) in entries {
        // Never by path: a link may stand there by now.
        if let Entry::Folder { mode, .. } = entry
            && nothing_at(&root, path)
        {
            root.below(path, true)?.set_mode(*mode)?;
            touched.push(path.clone());
        }
    }
    for path in paths {
        let mut folder = path.parent();
        while let Some(here) = folder {
            folder = here.parent();
            touched.push(here);
        }
    }
    touched.sort();
    touched.dedup();
    let folds = fs::folds_case(install);
    // From the inside out: a removed or restored entry changes its parent's time.
    for path in touched.iter().rev() {
        let (parent, name) = match root.parent_of(path, false) {
            Ok(found) => found,
            // What is behind a link is not done, so neither is the rollback.
            Err(e) if e.is_link() && !verified => return Err(e.into()),
            Err(_) => continue,
        };
        match changes::entry(backup, path, folds) {
            Some((_, Entry::Folder { mode, mtime, .. })) => {
                // One that had gone came back with the mode of any new folder.
                let folder = match root.below(path, false) {
                    Err(e) if e.is_no_folder() && (verified || !e.is_link()) => continue,
                    folder => folder?,
                };
                folder.set_mode(*mode)?;
                if let Ok(time) = mtime.parse()
                    && parent.mtime(name)? != Some(time)
                {
                    match parent.set_mtime(name, time) {
                        Err(e) if e.source.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()) => {
                            refused.push(e)
                        }
                        set => set?,
                    }
                }
                folder.sync()?;
            }
            _ => {
                if parent.remove_empty(name)? {
                    parent.sync()?;
                } else if !verified && parent.link_target(name).is_some() {
                    root.below(path, false)?;
                }
            }
        }
    }
    Ok(refused)
}

/// Folders that the backup has and that are not there.
pub(super) fn missing_folders(install: &std::path::Path, backup: &Backup) -> Result<BTreeSet<RelPath>, Stop> {
    let root = Folder::open(install)?;
    let folders = backup.manifest.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Folder { .. }));
    Ok(folders.map(|(path, _)| path).filter(|path| nothing_at(&root, path)).cloned().collect())
}

/// What came back belongs to whom it did; what this user may not give away is named.
pub(super) fn owners(run: &mut Run, backup: &Backup, touched: &BTreeSet<RelPath>, gone: &BTreeSet<RelPath>) {
    let install = run.install();
    let wrong = owners::give_back(&install, backup, touched.iter().chain(gone).map(|path| (path, path)));
    if let Some(what) = owners::not_kept(&wrong) {
        run.warn("owner", what);
    }
}

/// Whether nothing stands there: what the user put in a folder's place, nothing of ours being in it, is his.
pub(super) fn nothing_at(root: &Folder, path: &RelPath) -> bool {
    match root.parent_of(path, false).and_then(|(folder, name)| folder.kind(name)) {
        Ok(kind) => kind.is_none(),
        Err(e) => e.source.kind() == std::io::ErrorKind::NotFound,
    }
}
