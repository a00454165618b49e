//! What the ways back of the project's own files have in common: those of editors' settings and of rules files.

use std::path::Path;

use crate::core::blob::sha256;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::engine::planning::editors;
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::fs;

/// The bytes of a file that is to be put back; none where it is gone, or can't be read, which is told.
pub(super) fn now(run: &mut Run, path: &RelPath, origin: &'static str) -> Option<Vec<u8>> {
    match editors::read(&run.session.project, path)? {
        Ok(bytes) => Some(bytes),
        Err(why) => {
            let shown = path.under(&run.session.project);
            run.warn(origin, format!("{}: {why}; it stays as it is", shown.shown()));
            None
        }
    }
}

/// Says that a file stays, and where it is as it was.
pub(super) fn stays(run: &mut Run, path: &RelPath, why: &str, copy: &Path, origin: &'static str) {
    let shown = path.under(&run.session.project);
    run.warn(origin, format!("{}: {why}, so it stays as it is; as it was: {}", shown.shown(), copy.shown()));
}

/// Writes it, as old as it was where it is as it was: `time` says so. Where all is set aside that stands in the way, a disk that refuses is no reason to stop: `still` says what the
/// file has then.
///
/// # Errors
/// [`Stop::Failed`] where the disk refuses.
pub(super) fn write(
    run: &mut Run,
    path: &RelPath,
    bytes: &[u8],
    time: Option<i128>,
    still: &str,
    origin: &'static str,
) -> Result<(), Stop> {
    let shown = path.under(&run.session.project);
    match fs::write_durable_as_of(&shown, bytes, documents::mode_of(&shown), time) {
        Err(e) if run.set_aside => run.warn(origin, format!("{e}; {still}")),
        written => written?,
    }
    Ok(())
}

/// Where nobody knows any more what was written: names the files that are not as the backup has them. `path_of` tells which
/// path a copy beside the backup is of.
pub(super) fn name_differing(
    run: &mut Run,
    backup: &Backup,
    path_of: impl Fn(&str) -> Option<RelPath>,
    origin: &'static str,
) {
    for (name, before) in &backup.manifest.beside {
        let Some(path) = path_of(name) else { continue };
        if let Some(Ok(bytes)) = editors::read(&run.session.project, &path)
            && sha256(&bytes) != *before
        {
            let (shown, copy) = (path.under(&run.session.project), backup.folder.join(name));
            let what = format!("{}: changed since the upgrade began; as it was: {}", shown.shown(), copy.shown());
            run.warn(origin, what);
        }
    }
}
