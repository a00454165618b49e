//! Settings of editors, beside phase 2: copied with the backup, noted before the point of no return, written behind it.

use std::path::Path;

use crate::core::blob::sha256;
use crate::core::editor_entry::{Saved, take_back};
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::engine::planning::source::Source;
use crate::engine::planning::{editors, outside};
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;

/// The name of a settings file's copy beside a backup.
pub(crate) fn copy_name(path: &RelPath) -> String {
    format!("project{}", path.to_string().replace('/', "-"))
}

/// Keeps the settings files that start this install's server with its backup.
///
/// # Errors
/// [`FsError`] where the copy can't be written.
pub(crate) fn keep(project: &Path, install: &LockedInstall, backup: &mut Backup) -> Result<(), FsError> {
    let files = layouts().outside.editors.iter().map(|editor| &editor.path);
    for path in files.filter(|path| editors::concerns(project, install, path)) {
        // What can't be read is not written either.
        if let Some(Ok(bytes)) = editors::read(project, path) {
            backup.keep_of_project(install, &copy_name(path), &bytes, &path.under(project))?;
        }
    }
    Ok(())
}

/// Notes what has to change, while the source is at hand that says so. Saved with the session.
pub(crate) fn note(run: &mut Run, source: &Source) {
    let (project, install) = (run.session.project.clone(), run.session.install.clone());
    let moves = outside::moves(&project, &install, Some(source), None);
    run.session.editors.clear();
    for file in editors::find(&project, &install, source.generation(), &moves, run.session.plan().only) {
        editors::by_hand(&project, &file).into_iter().for_each(|line| run.warn("editors", line));
        if file.edits.is_empty() || (file.problem.is_some() && run.session.options().editor_config) {
            continue;
        }
        let edits = file.edits.into_iter().map(|edit| (edit.pointer, (edit.old, edit.new))).collect();
        let unknown = "0".repeat(64);
        run.session.editors.insert(file.path, Saved { before: unknown.clone(), after: unknown, edits });
    }
}

/// Writes them, if that is wanted: only the values that are still as they were noted. What can't be written is no reason to
/// go back, and named. Can be repeated after any interruption.
///
/// # Errors
/// [`Stop::Failed`] where the session can't be saved.
pub(crate) fn write(run: &mut Run) -> Result<(), Stop> {
    if !run.session.options().editor_config {
        return Ok(());
    }
    for (path, saved) in run.session.editors.clone() {
        let shown = path.under(&run.session.project);
        let bytes = match editors::read(&run.session.project, &path) {
            Some(Ok(bytes)) => bytes,
            unread => {
                let why = unread.and_then(Result::err).unwrap_or_else(|| "it is gone".to_owned());
                run.warn("editors", format!("{}: {why}; it was not changed", shown.shown()));
                continue;
            }
        };
        if sha256(&bytes) == saved.after {
            continue;
        }
        let (new, left) = match take_back(&bytes, &saved.reversed()) {
            Ok(found) => found,
            Err(e) => {
                run.warn("editors", format!("{}: {e}; it was not changed", shown.shown()));
                continue;
            }
        };
        let mut saved = saved;
        for value in left {
            let wanted = saved.edits.remove(&value.pointer).map(|(_, new)| new).unwrap_or_default();
            let what = format!(
                "{}: {} was changed meanwhile, so it stays; it should be {wanted}",
                shown.shown(),
                value.pointer
            );
            run.warn("editors", what);
        }
        if new == bytes {
            continue;
        }
        (saved.before, saved.after) = (sha256(&bytes), sha256(&new));
        // Saved first, so that a rollback knows what is ours even after a crash right here.
        run.session.editors.insert(path, saved);
        run.save()?;
        if let Err(e) = fs::write_durable(&shown, &new, documents::mode_of(&shown)) {
            run.warn("editors", format!("{e}; the editor's entry for the server was not changed"));
        }
    }
    Ok(())
}
