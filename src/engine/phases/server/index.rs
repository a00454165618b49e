//! The search index around the switch: noted and copied while the old server answers, moved while none runs.

use crate::core::index::Places;
use crate::core::plan::FileEntry;
use crate::engine::phases::server::target;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::server;
use crate::host::server::kept_index;
use crate::host::server::search_index;

/// Notes the index before anything changes, and copies it for the new server. Whatever goes wrong costs only time later.
pub(crate) fn note(run: &mut Run) {
    let install = run.install();
    let folder = run.folder(kept_index::FOLDER);
    let next = next(run);
    if let Err(e) = kept_index::note(&install, &folder, &next, is_copied(run)) {
        run.warn("index", format!("a rollback will build the search index anew, because it could not be kept: {e}"));
        kept_index::forget(&folder);
    }
}

/// Where the new server will have its index: by the user's config where it is the same server, else where releases have it.
fn next(run: &Run) -> Places {
    let install = &run.session.install;
    match server::layout_of(install).package == target(run).package {
        true => search_index::places(install),
        false => Places::of(target(run), None, install),
    }
}

/// Takes the copies of the old index away from the new server, which then builds its own; whether there were any.
///
/// # Errors
/// [`Stop`].
pub(crate) fn begin_empty(run: &mut Run) -> Result<bool, Stop> {
    let folder = run.folder(kept_index::FOLDER);
    Ok(match kept_index::noted(&folder) {
        Some(record) => kept_index::drop_copies(&folder, record)?,
        None => false,
    })
}

/// Whether the new server's index lies outside of the install: nothing that tries it may write there.
pub(crate) fn is_elsewhere(run: &Run) -> bool {
    next(run).index.is_none()
}

/// Whether the new server begins with a copy: one that keeps no note of its pages would not see that they changed.
fn is_copied(run: &Run) -> bool {
    let places = search_index::places(&run.session.install);
    places.note_layout().is_some() || !changes_pages(run, &places)
}

/// Whether the plan changes what is in the index.
pub(crate) fn changes_pages(run: &Run, places: &Places) -> bool {
    let changed = |f: &FileEntry| {
        f.kind.changes_install() && [Some(&f.path), f.from.as_ref()].into_iter().flatten().any(|p| places.is_page(p))
    };
    run.session.plan().files.iter().any(changed)
}

/// The old index goes aside, now that no server runs; where one is left alone, it stays.
///
/// # Errors
/// [`Stop`].
pub(crate) fn aside(run: &mut Run) -> Result<(), Stop> {
    let (install, folder) = (run.install(), run.folder(kept_index::FOLDER));
    match kept_index::noted(&folder) {
        Some(record) if server::all(&install).is_empty() => {
            // What the user wrote meanwhile is not in it.
            let is_current = record.rehearsed && record.is_of_pages(&install);
            if let Some(ready) = &mut run.session.ready
                && is_current != ready.index_is_current
            {
                ready.index_is_current = is_current;
                run.save()?;
            }
            Ok(kept_index::aside(&install, &folder, &record, is_copied(run))?)
        }
        _ => Ok(()),
    }
}
