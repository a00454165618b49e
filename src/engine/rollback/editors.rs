//! The way back of editors' settings: the old bytes if nobody else changed the file, else the values of ours that still
//! stand in it.

use crate::core::blob::sha256;
use crate::core::editor_entry::take_back;
use crate::core::layout::layouts;
use crate::core::visible::Shown as _;
use crate::engine::phases::editors::copy_name;
use crate::engine::planning::editors;
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::fs;

/// Puts them back. What can't be put back is named: an editor's entry is no reason to leave an install between two releases.
///
/// # Errors
/// [`Stop::Failed`] where the disk refuses.
pub fn put_back(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    if run.session.rebuilt() {
        differing(run, backup);
        return Ok(());
    }
    if !run.session.options().editor_config {
        return Ok(());
    }
    for (path, saved) in run.session.editors.clone() {
        let shown = path.under(&run.session.project);
        let bytes = match editors::read(&run.session.project, &path) {
            Some(Ok(bytes)) => bytes,
            None => continue,
            Some(Err(why)) => {
                run.warn("editors", format!("{}: {why}; it stays as it is", shown.shown()));
                continue;
            }
        };
        if sha256(&bytes) == saved.before {
            continue;
        }
        let (old, left) = match take_back(&bytes, &saved) {
            Ok(found) => found,
            Err(e) => {
                let copy = backup.folder.join(copy_name(&path));
                let what = format!("{}: {e}, so it stays as it is; as it was: {}", shown.shown(), copy.shown());
                run.warn("editors", what);
                continue;
            }
        };
        for value in left {
            let what =
                format!("{}: {} was changed since, so it stays; it was {}", shown.shown(), value.pointer, value.old);
            run.warn("editors", what);
        }
        if old == bytes {
            continue;
        }
        match fs::write_durable(&shown, &old, documents::mode_of(&shown)) {
            Err(e) if run.set_aside => run.warn("editors", format!("{e}; it still starts the new server")),
            written => written?,
        }
    }
    Ok(())
}

/// Where nobody knows any more what was written: names the files that are not as the backup has them.
fn differing(run: &mut Run, backup: &Backup) {
    let project = run.session.project.clone();
    for path in layouts().outside.editors.iter().map(|editor| &editor.path) {
        let name = copy_name(path);
        let Some(before) = backup.manifest.beside.get(&name) else { continue };
        if let Some(Ok(bytes)) = editors::read(&project, path)
            && sha256(&bytes) != *before
        {
            let (shown, copy) = (path.under(&project), backup.folder.join(&name));
            let what = format!("{}: changed since the upgrade began; as it was: {}", shown.shown(), copy.shown());
            run.warn("editors", what);
        }
    }
}
