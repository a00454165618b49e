//! The project's `.gitignore` in a rollback.

use crate::core::document;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::renamed;
use crate::core::visible::Shown as _;
use crate::engine::events::Level;
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::fs;
use crate::host::files::read;

/// The project's `.gitignore`: the old bytes if nobody else changed it, else only our lines go. It is bytes throughout:
/// what the user wrote there need not be UTF-8.
pub(super) fn gitignore(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    if run.session.gitignore_added.is_empty() {
        return Ok(());
    }
    let path = run.session.project.join(".gitignore");
    if documents::is_something_else(&path) {
        run.warn("gitignore", format!("{}: no file any more, so it stays as it is", path.shown()));
        return Ok(());
    }
    let Some(bytes) = read::read_if_there(&path)? else { return Ok(()) };
    let (before, damage) = match backup.gitignore() {
        Err(e) if run.set_aside && e.is_damage() => (None, Some(e)),
        before => (before.map_err(Stop::failed)?, None),
    };
    let kept = without_ours(run, before.as_deref().unwrap_or_default(), &bytes);
    let before = match damage {
        Some(e) => {
            run.warn("gitignore", format!("{e}; only the lines of this upgrade were taken out"));
            Some(kept.clone())
        }
        None => before,
    };
    // As it was to the byte, it is as old as it was.
    let (mut time, known) = (None, backup.manifest.project_gitignore_mtime.as_ref());
    let new = match before {
        None if kept.trim_ascii().is_empty() => None,
        Some(before) if before.trim_ascii_end() == kept.trim_ascii_end() => {
            time = known.and_then(|time| time.parse().ok());
            Some(before)
        }
        // Nothing of ours is in it.
        _ if kept == bytes => return Ok(()),
        _ => {
            run.log(Level::Info, "gitignore", "it was changed since; only the lines of this upgrade were taken out");
            Some(kept)
        }
    };
    let written = match &new {
        Some(new) if *new == bytes => time.map_or(Ok(()), |time| fs::set_mtime(&path, time)),
        Some(new) => fs::write_durable_as_of(&path, new, documents::mode_of(&path), time),
        None => fs::remove_file(&path),
    };
    match written {
        Err(e) if run.set_aside => {
            run.warn("gitignore", format!("{e}; the lines of the upgrade are still in {}", path.shown()));
            Ok(())
        }
        written => Ok(written?),
    }
}

/// What stands there without the lines of this upgrade. Where the user's own lines got the folder's new name since, some of
/// them may be equal to ours; they are still the user's.
fn without_ours(run: &Run, before: &[u8], now: &[u8]) -> Vec<u8> {
    let target = &layouts().newest().folder;
    let from = run.session.folder_before.as_ref().map(RelPath::as_bytes).unwrap_or_default();
    let known = |line: &[u8]| renamed::renamed(line, from, target.as_bytes());
    document::without_added(before, now, &run.session.gitignore_added, known)
}
