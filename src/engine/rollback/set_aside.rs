//! What stands in a rollback's way goes aside, to `rescued/`: what the user put where a folder was, and, if a person says
//! so, whatever can't be looked at. What the backup has of a folder that had to make room comes back as a whole.

use std::collections::BTreeSet;

use rustix::fs::FileType;

use crate::core::path::RelPath;
use crate::core::session::Session;
use crate::engine::rollback::changes;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::{Backup, Entry};
use crate::host::files::aside;
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::files::journal::{Journal, State};
use crate::host::files::own_places;
use crate::host::files::restore;
use crate::host::files::restore::{RestoreError, Restored};
use crate::host::install::locked::LockedInstall;

/// What went aside: where it was, and where it is now.
pub(crate) type Aside = Vec<(RelPath, RelPath)>;

/// Where a rollback puts what it sets aside.
///
/// # Errors
/// Never in practice: stamps are digits.
pub(crate) fn rescue_folder(session: &Session) -> Result<RelPath, Stop> {
    RelPath::new(format!("rescued/{}-rollback", session.stamp)).map_err(Stop::failed)
}

/// Sets aside what stands where a folder of our own must be that can be made again. Needs the lock, and comes before
/// anything is written: behind a link it would land outside of the install.
///
/// # Errors
/// [`Stop::Failed`] where it can't be moved.
pub(crate) fn made_again(install: &LockedInstall, session: &Session) -> Result<Aside, Stop> {
    let mut moved = Aside::new();
    for name in own_places::MADE_AGAIN {
        let path = RelPath::new(name).map_err(Stop::failed)?;
        let meta = std::fs::symlink_metadata(path.under(&session.install));
        if meta.is_ok_and(|meta| !meta.is_dir()) {
            let root = Folder::open(&session.install)?;
            let rescue = rescue_folder(session)?;
            moved.extend(aside::set_aside(install, &root, &path, &rescue)?.map(|to| (path, to)));
        }
    }
    Ok(moved)
}

/// The folders above a path.
fn above(path: &RelPath) -> impl Iterator<Item = RelPath> {
    std::iter::successors(path.parent(), RelPath::parent)
}

/// What the backup has of the folders that had to make room, and links that were lost: no journal has those.
fn left_out<'b>(run: &Run, backup: &'b Backup) -> Vec<(&'b RelPath, &'b Entry)> {
    let (tops, lost) = (&run.session.set_aside, &run.session.lost);
    let is_lost = |path: &RelPath, entry: &Entry| matches!(entry, Entry::Link { .. }) && lost.contains(path);
    let entries = backup.manifest.entries.iter();
    entries.filter(|(path, entry)| tops.iter().any(|top| path.is_within(top)) || is_lost(path, entry)).collect()
}

/// Sets aside what stands where a folder must be for the rollback. A link there is only touched if it was there before
/// this second: what somebody exchanges all the time is left to him, and the journal stops at it.
///
/// # Errors
/// [`Stop::Failed`].
pub(crate) fn clear(run: &mut Run, backup: &Backup, journal: &Journal, rescue: &RelPath) -> Result<Aside, Stop> {
    let root = Folder::open(&run.session.install)?;
    let mut all: BTreeSet<RelPath> = journal.results().flat_map(|(path, _)| above(path)).collect();
    let come = journal.results().filter(|(_, state)| **state != State::Absent).map(|(path, _)| path);
    let mut come_back: BTreeSet<RelPath> = come.flat_map(above).collect();
    come_back.extend(left_out(run, backup).into_iter().flat_map(|(path, _)| above(path)));
    all.extend(come_back.iter().cloned());
    let mut moved = Aside::new();
    // A folder sorts before what is in it.
    for path in all {
        let Ok((folder, name)) = root.parent_of(&path, false) else { continue };
        let goes = match folder.kind(name)? {
            None | Some(FileType::Directory) => false,
            Some(FileType::Symlink) => {
                let was_there = matches!(backup.manifest.entries.get(&path), Some(Entry::Link { .. }));
                !was_there && aside::has_settled(&folder, name)
            }
            Some(_) => come_back.contains(&path),
        };
        if goes {
            moved.extend(make_room(run, &root, &path, rescue)?);
        }
    }
    Ok(moved)
}

/// Sets aside one thing. Saved first, so that whoever goes on after a crash brings all of that folder back.
fn make_room(
    run: &mut Run,
    root: &Folder,
    path: &RelPath,
    rescue: &RelPath,
) -> Result<Option<(RelPath, RelPath)>, Stop> {
    if !run.session.set_aside.contains(path) {
        run.session.set_aside.push(path.clone());
        run.save()?;
    }
    Ok(aside::set_aside(run.lock.install(), root, path, rescue)?.map(|to| (path.clone(), to)))
}

/// Sets aside, unread, whatever can't be looked at where the session may have changed something. For a person who says so:
/// an error may pass, and then nothing had to be moved.
///
/// # Errors
/// [`Stop::Failed`] where even that can't be moved.
pub(crate) fn force(run: &mut Run, rescue: &RelPath) -> Result<Aside, Stop> {
    let root = Folder::open(&run.session.install)?;
    let mut moved = Aside::new();
    let documents = run.session.documents.keys().cloned();
    let paths: BTreeSet<RelPath> = changes::touched(run)?.into_iter().chain(documents).collect();
    for path in paths {
        let mut folders: Vec<RelPath> = above(&path).collect();
        folders.reverse();
        let shut = folders.iter().find_map(|folder| match root.below(folder, false) {
            Ok(_) => fs::check_writable(&folder.under(&run.session.install)).err().map(|_| folder.clone()),
            Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => None,
            // It may be one of those above.
            Err(e) => aside::relative(&run.session.install, &e.path),
        });
        let in_the_way = shut.or_else(|| root.look(&path).is_err().then(|| path.clone()));
        if let Some(in_the_way) = in_the_way {
            moved.extend(make_room(run, &root, &in_the_way, rescue)?);
        }
    }
    Ok(moved)
}

/// Brings back what the backup has of the folders that had to make room, one by one; what the journal has brought back
/// stays as it is. With `--set-aside` a copy that is damaged is left out, and added to `damaged`.
///
/// # Errors
/// [`Stop::Failed`].
pub(crate) fn bring_back(
    run: &mut Run,
    backup: &Backup,
    journal: &Journal,
    rescue: &RelPath,
    damaged: &mut BTreeSet<RelPath>,
) -> Result<Aside, Stop> {
    if run.session.set_aside.is_empty() && run.session.lost.is_empty() {
        return Ok(Aside::new());
    }
    let install = run.install();
    let root = Folder::open(&install)?;
    let done: BTreeSet<&RelPath> = journal.results().map(|(path, _)| path).collect();
    let mut moved = Aside::new();
    for (path, entry) in left_out(run, backup) {
        if done.contains(path) || matches!(entry, Entry::Folder { .. }) {
            continue;
        }
        let back = match restore::restore(&install, backup, path, rescue) {
            // A folder of the user's stands there.
            Err(RestoreError::Blocked(_)) => {
                moved.extend(aside::set_aside(&install, &root, path, rescue)?.map(|to| (path.clone(), to)));
                restore::restore(&install, backup, path, rescue)
            }
            back => back,
        };
        match back {
            Ok(Restored::Back(Some(to))) => moved.push((path.clone(), to)),
            Ok(_) => {}
            Err(RestoreError::Backup(e)) if run.set_aside && e.is_damage() => drop(damaged.insert(path.clone())),
            Err(RestoreError::Fs(e)) => return Err(e.into()),
            Err(e) => return Err(Stop::failed(e)),
        }
    }
    Ok(moved)
}
