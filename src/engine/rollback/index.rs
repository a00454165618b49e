//! The search index in a rollback: the old pages come back with their old times, by which a server would not see them.

use crate::core::index::Trust;
use crate::core::path::RelPath;
use crate::engine::events::Level;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::wait_until_idle;
use crate::host::backup::copy::Backup;
use crate::host::server;
use crate::host::server::kept_index::{self, Back};
use crate::host::server::search_index;
use std::collections::BTreeSet;

/// Where the flag may stand that phase 3 left, if no server has taken it: also by the config that came back.
pub(super) fn index_flags(run: &Run, backup: &Backup, before: Option<RelPath>) -> BTreeSet<RelPath> {
    let now = search_index::places(&run.session.install).flag();
    before.into_iter().chain(now).filter(|flag| !backup.manifest.entries.contains_key(flag)).collect()
}

/// Makes the server read all standards again, if any of them came back: they have their old times, by which it would take
/// an index of the new release for a current one. Whether a server has built such an index.
pub(super) fn outdate_index(run: &mut Run, touched: &BTreeSet<RelPath>) -> bool {
    let install = run.install();
    let places = search_index::places(&install);
    let pages: Vec<&RelPath> = touched.iter().filter(|path| places.is_page(path)).collect();
    if pages.is_empty() {
        return false;
    }
    let has_index = places.note().is_some_and(|note| note.under(&install).is_file());
    let left_alone = if has_index { wait_until_idle::left_alone(run) } else { Vec::new() };
    // Nobody is listened to any more, so nothing stops this.
    let _ = wait_until_idle::before_outdating(run, &left_alone);
    let built = search_index::is_built(&install, &places);
    if let Err(e) = search_index::outdate(&install, &places, Trust::Nothing) {
        run.warn("index", search_index::problem(&install, &places, &e));
    }
    if let Some(page) = pages.iter().find(|page| page.under(&install).is_file())
        && !left_alone.is_empty()
    {
        // One that was at its index while the pages came back did not see them.
        search_index::nudge(&install, page);
    }
    built
}

/// The index of before comes back, beside the pages that it was built from; whether it fits them, so that no server has to
/// build anything.
pub(super) fn bring_back(run: &mut Run) -> Result<bool, Stop> {
    let install = run.install();
    if !server::all(&install).is_empty() {
        return Ok(false);
    }
    let back = kept_index::back(&install, &run.folder(kept_index::FOLDER))?;
    if back != Back::NotAside {
        run.log(Level::Info, "index", "the search index of before is back");
    }
    Ok(back == Back::Fits)
}

/// Leaves the flag for a server; without it the server goes on with the index that it has.
pub(super) fn ask_for_rebuild(run: &mut Run) {
    let install = run.install();
    if let Err(e) = search_index::ask_for_rebuild(&install) {
        run.warn("index", search_index::problem(&install, &search_index::places(&install), &e));
    }
}
