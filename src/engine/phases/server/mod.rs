//! What becomes of the server: what is made ready for it before anything changes, its code and its start.

use crate::core::layout::{Generation, ServerLayout, layouts};
use crate::core::phase::NotApplicable;
use crate::core::session::Rehearsal;
use crate::engine::session::context::Run;
use crate::host::server;

pub(crate) mod dependencies;
pub(crate) mod draft;
pub(crate) mod fetch;
pub(crate) mod index;
pub(crate) mod index_building;
pub(crate) mod launch;
pub(crate) mod post_install;
pub(crate) mod ready;
pub(crate) mod rehearsal_inside;
pub(crate) mod rehearse;
pub(crate) mod replace;
pub(crate) mod restart_by_supervisor;
pub(crate) mod stop;

/// How the server is laid out that this upgrade installs.
pub(crate) fn target(run: &Run) -> &'static ServerLayout {
    let generation = layouts().generation(&run.session.plan().source.generation);
    generation.map_or_else(|| server::layout_of(&run.session.install), Generation::server)
}

/// Whether a server runs that is left alone, and none of ours is started beside it: the rehearsal has proven the release
/// already, or it is of a kind of which only one can run in a project.
pub(crate) fn is_alone(run: &Run) -> bool {
    let left = run.session.server.as_ref().is_some_and(|before| !before.was_running && before.pid.is_some());
    left && (is_rehearsed(run) || target(run).single)
        && matches!(server::find(&run.session.install), server::Running::Yes(_))
}

fn is_rehearsed(run: &Run) -> bool {
    let rehearsal = run.session.ready.as_ref().and_then(|ready| ready.rehearsal.as_ref());
    matches!(rehearsal, Some(Rehearsal::Passed | Rehearsal::PassedInCopy(_)))
}

/// Why no server was started.
pub(crate) fn not_started(run: &Run) -> NotApplicable {
    match target(run).package.under(&run.session.install).is_dir() {
        true if is_alone(run) && is_rehearsed(run) => NotApplicable::Rehearsed,
        true if is_alone(run) => NotApplicable::LeftToEditor,
        true => NotApplicable::NoVenv,
        false => NotApplicable::NoServerCode,
    }
}
