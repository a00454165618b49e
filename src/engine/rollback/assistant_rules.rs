//! The way back of rules files: the old bytes if nobody else changed the file, else by lines, else named.

use crate::core::blob::sha256;
use crate::core::merge::without_change;
use crate::core::rules_file::is_rules;
use crate::engine::phases::assistant_rules::{FOLDER, copy_name, kept, path_of};
use crate::engine::rollback::project_file::{name_differing, now, stays, write};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::read;

const ORIGIN: &str = "rules";

/// Puts them back. What can't be put back is named: it is no reason to leave an install between two releases.
///
/// # Errors
/// [`Stop::Failed`] where the disk refuses.
pub(crate) fn put_back(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    if run.session.rebuilt() {
        name_differing(run, backup, |name| path_of(name).filter(is_rules), ORIGIN);
        return Ok(());
    }
    if !run.session.options().rules {
        return Ok(());
    }
    let folder = run.folder(FOLDER);
    for (path, saved) in run.session.rules_files.clone() {
        let Some(bytes) = now(run, &path, ORIGIN).filter(|bytes| sha256(bytes) != saved.before) else { continue };
        let copy = backup.folder.join(copy_name(&path));
        let old = read::read_own(&copy).ok().filter(|bytes| sha256(bytes) == saved.before);
        let then = match (old, kept(&folder, &path, &saved)) {
            (Some(old), _) if sha256(&bytes) == saved.after => Ok(old),
            (Some(old), Some(new)) => without_change(&old, &new, &bytes),
            (Some(_), None) => Err("it was changed since"),
            (None, _) => Err("its copy is damaged or gone"),
        };
        match then {
            Ok(then) if then == bytes => {}
            Ok(then) => {
                let time = backup.time_of(&copy_name(&path), &then);
                write(run, &path, &then, time, "it still has the new release's text", ORIGIN)?;
            }
            Err(why) => stays(run, &path, why, &copy, ORIGIN),
        }
    }
    Ok(())
}
