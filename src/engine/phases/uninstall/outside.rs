//! The project's own files in an uninstall: copied with the backup, noted before the point of no return, written behind it.

use std::path::Path;

use crate::core::blob::sha256;
use crate::core::path::RelPath;
use crate::core::session::TakenOut;
use crate::core::visible::Shown as _;
use crate::engine::phases::assistant_rules;
use crate::engine::planning::editors::read;
use crate::engine::planning::uninstall_outside::{self, Part};
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read as files;

/// The folder of a session with what is left of the files.
const FOLDER: &str = "taken-out";
/// What the names of copies beside a backup begin with.
const COPY: &str = "taken-out-";

/// The name of a file's copy beside a backup, and of what is left of it in the session's folder.
pub(crate) fn copy_name(path: &RelPath) -> String {
    assistant_rules::named(COPY, path)
}

/// The path that a copy's name stands for.
pub(crate) fn path_of(name: &str) -> Option<RelPath> {
    assistant_rules::path_named(COPY, name)
}

/// Keeps them with a backup.
///
/// # Errors
/// [`FsError`] where the copy can't be written.
pub(crate) fn keep(run: &Run, backup: &mut Backup) -> Result<(), FsError> {
    let project = &run.session.project;
    for part in uninstall_outside::find(project, &run.session.install, &run.found.sessions) {
        if part.problem.is_none() {
            let path = part.path.under(project);
            backup.keep_of_project(run.lock.install(), &copy_name(&part.path), &part.now, &path)?;
        }
    }
    Ok(())
}

/// Notes what is left of them, with the text that is written. Saved with the session.
///
/// # Errors
/// [`FsError`] where it can't be kept.
pub(crate) fn note(run: &mut Run, parts: &[Part]) -> Result<(), FsError> {
    run.session.taken_out.clear();
    let folder = run.folder(FOLDER);
    for part in parts {
        let shown = part.path.under(&run.session.project);
        if let Some(problem) = &part.problem {
            run.warn("outside", format!("{}: {problem}; it stays as it is", shown.shown()));
            continue;
        }
        if let Some(then) = &part.then {
            run.lock.install().make_folder(&folder)?;
            fs::write_durable(&folder.join(copy_name(&part.path)), then, 0o600)?;
        }
        let (before, after) = (sha256(&part.now), part.then.as_deref().map(sha256));
        let saved = TakenOut { before, after, mode: documents::mode_of(&shown) };
        run.session.taken_out.insert(part.path.clone(), saved);
    }
    Ok(())
}

/// What a session leaves of a file; none where that is gone, or not what it was.
pub(crate) fn kept(run: &Run, path: &RelPath, saved: &TakenOut) -> Option<Vec<u8>> {
    kept_in(&run.folder(FOLDER), path, saved)
}

fn kept_in(folder: &Path, path: &RelPath, saved: &TakenOut) -> Option<Vec<u8>> {
    let after = saved.after.as_ref()?;
    files::read_own(&folder.join(copy_name(path))).ok().filter(|bytes| sha256(bytes) == *after)
}

/// Writes them: only those that are still as they were noted. What can't be written is no reason to go back, and named. Can be
/// repeated after any interruption.
///
/// # Errors
/// None by itself: what the disk refuses is named.
pub(crate) fn write(run: &mut Run) -> Result<(), Stop> {
    let project = run.session.project.clone();
    for (path, saved) in run.session.taken_out.clone() {
        let shown = path.under(&project);
        let stays = |why: &str| format!("{}: {why}; it stays as it is", shown.shown());
        let said = match read(&project, &path) {
            None if saved.after.is_none() => continue,
            None => stays("it is gone"),
            Some(Ok(bytes)) if saved.after.as_ref() == Some(&sha256(&bytes)) => continue,
            Some(Ok(bytes)) if sha256(&bytes) == saved.before => {
                let written = match (&saved.after, kept(run, &path, &saved)) {
                    (None, _) => fs::remove_file(&shown),
                    (Some(_), Some(then)) => fs::write_durable(&shown, &then, saved.mode),
                    (Some(_), None) => {
                        run.warn("outside", stays("what is left of it is damaged or gone"));
                        continue;
                    }
                };
                match written {
                    Ok(()) => continue,
                    Err(e) => stays(&e.to_string()),
                }
            }
            Some(Ok(_)) => stays("it was changed meanwhile"),
            Some(Err(why)) => stays(&why),
        };
        run.warn("outside", said);
    }
    Ok(())
}
