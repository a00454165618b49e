//! The way back of what an uninstall took out of the project's own files: the old bytes if nobody else changed the file, else
//! what went is put back among what was written since, else it is named.

use crate::core::blob::sha256;
use crate::core::merge::without_change;
use crate::core::path::RelPath;
use crate::core::session::TakenOut;
use crate::core::visible::Shown as _;
use crate::engine::phases::uninstall::outside::{copy_name, kept, path_of};
use crate::engine::planning::editors::read;
use crate::engine::rollback::project_file::{name_differing, stays};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::fs;
use crate::host::files::read as files;

const ORIGIN: &str = "outside";

/// Puts them back. What can't be put back is named: it is no reason to leave an install half taken out.
///
/// # Errors
/// [`Stop::Failed`] where the disk refuses.
pub(crate) fn put_back(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    if run.session.rebuilt() {
        name_differing(run, backup, path_of, ORIGIN);
        return Ok(());
    }
    for (path, saved) in run.session.taken_out.clone() {
        one(run, backup, &path, &saved)?;
    }
    Ok(())
}

fn one(run: &mut Run, backup: &Backup, path: &RelPath, saved: &TakenOut) -> Result<(), Stop> {
    let copy = backup.folder.join(copy_name(path));
    let now = match read(&run.session.project, path) {
        // Somebody took it away, or this session did.
        None if saved.after.is_some() => return Ok(()),
        None => None,
        Some(Ok(bytes)) if sha256(&bytes) == saved.before => return Ok(()),
        Some(Ok(bytes)) => Some(bytes),
        Some(Err(why)) => {
            stays(run, path, &why, &copy, ORIGIN);
            return Ok(());
        }
    };
    let old = files::read_own(&copy).ok().filter(|bytes| sha256(bytes) == saved.before);
    let then = match (old, &now) {
        (None, _) => Err("its copy is damaged or gone"),
        (Some(old), None) => Ok(old),
        (Some(old), Some(now)) if saved.after.as_ref() == Some(&sha256(now)) => Ok(old),
        (Some(old), Some(now)) => match kept(run, path, saved) {
            Some(left) => without_change(&old, &left, now),
            None => Err("it was made anew since"),
        },
    };
    match then {
        Ok(then) if now.as_ref() == Some(&then) => Ok(()),
        Ok(then) => {
            let (shown, time) = (path.under(&run.session.project), backup.time_of(&copy_name(path), &then));
            match fs::write_durable_as_of(&shown, &then, saved.mode, time) {
                Err(e) if run.set_aside => {
                    run.warn(ORIGIN, format!("{e}; {} is as the uninstall left it", shown.shown()));
                    Ok(())
                }
                written => Ok(written?),
            }
        }
        Err(why) => {
            stays(run, path, why, &copy, ORIGIN);
            Ok(())
        }
    }
}
