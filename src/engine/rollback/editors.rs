//! The way back of editors' settings: the old bytes if nobody else changed the file, else the values of ours that still
//! stand in it.

use crate::core::blob::sha256;
use crate::core::editor_entry::take_back;
use crate::core::layout::layouts;
use crate::core::visible::Shown as _;
use crate::engine::phases::editors::copy_name;
use crate::engine::rollback::project_file::{name_differing, now, stays, write};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;

const ORIGIN: &str = "editors";

/// Puts them back. What can't be put back is named: an editor's entry is no reason to leave an install between two releases.
///
/// # Errors
/// [`Stop::Failed`] where the disk refuses.
pub(crate) fn put_back(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    if run.session.rebuilt() {
        let files = layouts().outside.editors.iter().map(|editor| &editor.path);
        name_differing(run, backup, |name| files.clone().find(|path| copy_name(path) == name).cloned(), ORIGIN);
        return Ok(());
    }
    if !run.session.options().editor_config {
        return Ok(());
    }
    for (path, saved) in run.session.editors.clone() {
        let Some(bytes) = now(run, &path, ORIGIN).filter(|bytes| sha256(bytes) != saved.before) else { continue };
        let (old, left) = match take_back(&bytes, &saved) {
            Ok(found) => found,
            Err(e) => {
                stays(run, &path, &e.to_string(), &backup.folder.join(copy_name(&path)), ORIGIN);
                continue;
            }
        };
        for value in left {
            let shown = path.under(&run.session.project);
            let what =
                format!("{}: {} was changed since, so it stays; it was {}", shown.shown(), value.pointer, value.old);
            run.warn(ORIGIN, what);
        }
        if old != bytes {
            let time = backup.time_of(&copy_name(&path), &old);
            write(run, &path, &old, time, "it still starts the new server", ORIGIN)?;
        }
    }
    Ok(())
}
