//! A session as others read it: the state file of the workflow, and its copy for a server that keeps sessions elsewhere.

use std::path::Path;

use serde_json::Value;

use crate::core::json;
use crate::core::layout::{ServerLayout, layouts};
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::session::{Session, Status};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;
use crate::host::server::{self, view};
use crate::host::session::damaged::move_aside;

/// Where the state files of workflows are.
const STATES: &str = ".cache/state";

/// Writes the files that others read, always anew: a server writes such files with its own fields alone.
///
/// # Errors
/// [`FsError`].
pub(crate) fn write(install: &LockedInstall, session: &Session) -> Result<(), FsError> {
    let path = install.make_folder(STATES)?.join(name(session));
    if path.is_dir() {
        move_aside(install, &path)?;
    }
    put(&path, &session.state_file())?;
    // Before the backup is made nothing of ours may stand among the user's files. Those of a view are not theirs.
    let layout = server::layout_of(&session.install);
    if !session.completed_phases().contains(&Phase::Backup) && !view::is_inside() {
        return Ok(());
    }
    match session.status() {
        Status::RolledBack => Ok(()),
        // No server is left that would read it.
        _ if session.uninstalling() => Ok(()),
        // Nothing was changed, so nothing is left.
        Status::Failed | Status::Aborted if !session.applied() => take_back(install, session),
        _ => copy(session, layout),
    }
}

/// Removes what [`write()`] wrote of a session that is forgotten, with the folders that are empty then.
///
/// # Errors
/// [`FsError`].
pub(crate) fn forget(install: &LockedInstall, session: &Session) -> Result<(), FsError> {
    let root = Folder::open(install)?;
    for path in [format!("{STATES}/{}", name(session)), STATES.to_owned(), ".cache".to_owned()] {
        let Ok(path) = RelPath::new(path) else { continue };
        let Ok((folder, name)) = root.parent_of(&path, false) else { continue };
        match folder.kind(name)? {
            Some(rustix::fs::FileType::Directory) => drop(folder.remove_empty(name)?),
            Some(_) => folder.remove(name)?,
            None => {}
        }
    }
    Ok(())
}

fn name(session: &Session) -> String {
    format!("{}.json", session.session_id)
}

fn put(path: &Path, value: &Value) -> Result<(), FsError> {
    fs::write_durable(path, json::pretty(value).doing("write", path)?.as_bytes(), 0o644)
}

/// Writes the copy into the folder for how the session stands, and removes it from the others: by the folder such a server
/// tells.
fn copy(session: &Session, layout: &ServerLayout) -> Result<(), FsError> {
    let Some(folders) = &layout.session_folders else { return Ok(()) };
    let right = match session.status() {
        Status::Completed => &folders.completed,
        Status::Running | Status::AwaitingDecision | Status::Interrupted => &folders.active,
        Status::Failed | Status::RolledBack | Status::Aborted => &folders.failed,
    };
    let Ok(place) = layout.sessions.join(right.as_bytes()) else { return Ok(()) };
    // Never by path: a link may stand there, and what is behind it is not ours.
    let folder = Folder::open(&session.install)?.below(&place, true)?;
    let path = place.under(&session.install).join(name(session));
    let text = json::pretty(&session.workflow_file()).doing("write", &path)?;
    folder.put(name(session).as_ref(), text.as_bytes(), 0o644)?;
    remove(session, copies(session).iter().filter(|copy| copy.parent().as_ref() != Some(&place)))
}

/// Removes copies; what is not there is as good.
fn remove<'c>(session: &Session, copies: impl Iterator<Item = &'c RelPath>) -> Result<(), FsError> {
    let root = Folder::open(&session.install)?;
    for copy in copies {
        if let Ok((folder, name)) = root.parent_of(copy, false)
            && folder.kind(name)?.is_some()
        {
            folder.remove(name)?;
            folder.sync()?;
        }
    }
    Ok(())
}

/// Where a session's copy may stand in its course, in every server's folders.
pub(crate) fn copies(session: &Session) -> Vec<RelPath> {
    let places = layouts().servers().filter_map(|layout| Some((layout, layout.session_folders.as_ref()?)));
    let file = name(session);
    let path = |layout: &ServerLayout, folder: &RelPath| {
        layout.sessions.join(folder.as_bytes()).and_then(|place| place.join(file.as_bytes())).ok()
    };
    places.flat_map(|(layout, folders)| folders.all().map(|folder| path(layout, folder))).flatten().collect()
}

/// Removes the copies of a session that is rolled back, or that has changed nothing, whatever server stands there by now.
///
/// # Errors
/// [`FsError`].
pub(crate) fn take_back(_: &LockedInstall, session: &Session) -> Result<(), FsError> {
    remove(session, copies(session).iter())
}
