//! The way back of rules files: the old bytes if nobody else changed the file, else by lines, else named.

use crate::core::blob::sha256;
use crate::core::merge::without_change;
use crate::core::rules_file::is_rules;
use crate::core::visible::Shown as _;
use crate::engine::phases::assistant_rules::{FOLDER, copy_name, kept, path_of};
use crate::engine::planning::editors::read;
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::fs;

/// Puts them back. What can't be put back is named: it is no reason to leave an install between two releases.
///
/// # Errors
/// [`Stop::Failed`] where the disk refuses.
pub fn put_back(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    if run.session.rebuilt() {
        differing(run, backup);
        return Ok(());
    }
    if !run.session.options().rules {
        return Ok(());
    }
    let (project, folder) = (run.session.project.clone(), run.folder(FOLDER));
    for (path, saved) in run.session.rules_files.clone() {
        let (shown, copy) = (path.under(&project), backup.folder.join(copy_name(&path)));
        let now = match read(&project, &path) {
            Some(Ok(bytes)) if sha256(&bytes) == saved.before => continue,
            Some(Ok(bytes)) => bytes,
            None => continue,
            Some(Err(why)) => {
                run.warn("rules", format!("{}: {why}; it stays as it is", shown.shown()));
                continue;
            }
        };
        let old = fs::read_own(&copy).ok().filter(|bytes| sha256(bytes) == saved.before);
        let ours = sha256(&now) == saved.after;
        let then = match (old, kept(&folder, &path, &saved)) {
            (Some(old), _) if ours => Ok(old),
            (Some(old), Some(new)) => without_change(&old, &new, &now),
            (Some(_), None) => Err("it was changed since"),
            (None, _) => Err("its copy is damaged or gone"),
        };
        let then = match then {
            Ok(then) => then,
            Err(why) => {
                let what = format!("{}: {why}, so it stays as it is; as it was: {}", shown.shown(), copy.shown());
                run.warn("rules", what);
                continue;
            }
        };
        if then == now {
            continue;
        }
        match fs::write_durable(&shown, &then, documents::mode_of(&shown)) {
            Err(e) if run.set_aside => run.warn("rules", format!("{e}; it still has the new release's text")),
            written => written?,
        }
    }
    Ok(())
}

/// Where nobody knows any more what was written: names the files that are not as the backup has them.
fn differing(run: &mut Run, backup: &Backup) {
    let project = run.session.project.clone();
    for (name, before) in &backup.manifest.beside {
        let Some(path) = path_of(name).filter(is_rules) else { continue };
        if let Some(Ok(bytes)) = read(&project, &path)
            && sha256(&bytes) != *before
        {
            let (shown, copy) = (path.under(&project), backup.folder.join(name));
            let what = format!("{}: changed since the upgrade began; as it was: {}", shown.shown(), copy.shown());
            run.warn("rules", what);
        }
    }
}
