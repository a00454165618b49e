//! Rules files, beside phase 2: copied with the backup, noted before the point of no return, written behind it.

use std::path::Path;

use crate::core::blob::sha256;
use crate::core::path::RelPath;
use crate::core::rules_file::Saved;
use crate::core::visible::Shown as _;
use crate::engine::planning::assistant_rules;
use crate::engine::planning::editors::read;
use crate::engine::planning::source::Source;
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read;

/// The folder of a session with the texts that it writes.
pub(crate) const FOLDER: &str = "rules";
/// What the names of copies beside a backup begin with.
const COPY: &str = "rules-";

/// The name of a file's copy beside a backup, and of what it becomes in the session's folder: one for each path.
pub(crate) fn copy_name(path: &RelPath) -> String {
    named(COPY, path)
}

/// The same with other words in front, for who keeps files beside these.
pub(super) fn named(front: &str, path: &RelPath) -> String {
    format!("{front}{}", path.to_string().replace('%', "%25").replace('/', "%2F"))
}

/// The path that a copy's name stands for.
pub(crate) fn path_of(name: &str) -> Option<RelPath> {
    path_named(COPY, name)
}

/// The path that such a name stands for.
pub(super) fn path_named(front: &str, name: &str) -> Option<RelPath> {
    RelPath::new(name.strip_prefix(front)?.replace("%2F", "/").replace("%25", "%")).ok()
}

/// Keeps the rules files with a backup, where they may be written.
///
/// # Errors
/// [`FsError`] where the copy can't be written.
pub(crate) fn keep(run: &Run, backup: &mut Backup) -> Result<(), FsError> {
    if !run.session.options().rules {
        return Ok(());
    }
    for path in assistant_rules::files(&run.session.project) {
        // What can't be read is not written either.
        if let Some(Ok(bytes)) = read(&run.session.project, &path) {
            backup.keep_of_project(run.lock.install(), &copy_name(&path), &bytes, &path.under(&run.session.project))?;
        }
    }
    Ok(())
}

/// Notes what they become, while the source is at hand that says so. Saved with the session.
///
/// # Errors
/// [`FsError`] where it can't be kept.
pub(crate) fn note(run: &mut Run, source: &Source) -> Result<(), FsError> {
    run.session.rules_files.clear();
    let wanted = run.session.options().rules;
    let found = assistant_rules::find(&run.session.project, source, run.session.plan().only);
    let folder = run.folder(FOLDER);
    for file in found {
        if file.problem.is_some() {
            run.warn("rules", file.describe());
            continue;
        }
        if wanted {
            run.lock.install().make_folder(&folder)?;
            fs::write_durable(&folder.join(copy_name(&file.path)), &file.then, 0o600)?;
        }
        run.session.rules_files.insert(file.path, Saved { before: sha256(&file.now), after: sha256(&file.then) });
    }
    Ok(())
}

/// The text that a session writes to a rules file; none where it is gone, or not what it was.
pub(crate) fn kept(folder: &Path, path: &RelPath, saved: &Saved) -> Option<Vec<u8>> {
    read::read_own(&folder.join(copy_name(path))).ok().filter(|bytes| sha256(bytes) == saved.after)
}

/// Writes them, if that is wanted: only those that are still as they were noted. What can't be written is no reason to go
/// back, and named. Can be repeated after any interruption.
///
/// # Errors
/// [`Stop::Failed`] where that can't be told.
pub(crate) fn write(run: &mut Run) -> Result<(), Stop> {
    if !run.session.options().rules {
        return Ok(());
    }
    let (project, folder) = (run.session.project.clone(), run.folder(FOLDER));
    for (path, saved) in run.session.rules_files.clone() {
        let shown = path.under(&project);
        let stays = |why: &str| format!("{}: {why}; it was not changed", shown.shown());
        let said = match read(&project, &path) {
            Some(Ok(bytes)) if sha256(&bytes) == saved.after => continue,
            Some(Ok(bytes)) if sha256(&bytes) == saved.before => match kept(&folder, &path, &saved) {
                Some(new) => match fs::write_durable(&shown, &new, documents::mode_of(&shown)) {
                    Ok(()) => continue,
                    Err(e) => format!("{e}; it was not changed"),
                },
                None => stays("what it should become is damaged or gone"),
            },
            Some(Ok(_)) => stays("it was changed meanwhile"),
            Some(Err(why)) => stays(&why),
            None => stays("it is gone"),
        };
        run.warn("rules", said);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_a_name_of_its_own() {
        for path in [".cursorrules", ".cursor/rules/a-b.mdc", ".cursor/rules/a/b.mdc", "50%/a%2Fb.md", "%25.md"] {
            let path: RelPath = path.parse().unwrap();
            assert!(!copy_name(&path).contains('/'));
            assert_eq!(path_of(&copy_name(&path)), Some(path));
        }
        assert_eq!(path_of("project.cursor-mcp.json"), None);
        assert_eq!(path_of("rules-..%2Fx"), None);
    }
}
