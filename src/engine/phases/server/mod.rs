//! What becomes of the server: what is made ready for it before anything changes, its code and its start.

use crate::core::layout::{Generation, ServerLayout, layouts};
use crate::core::phase::NotApplicable;
use crate::engine::session::context::Run;
use crate::host::server;

pub(crate) mod dependencies;
pub(crate) mod draft;
pub(crate) mod fetch;
pub(crate) mod index;
pub(crate) mod launch;
pub(crate) mod post_install;
pub(crate) mod ready;
pub(crate) mod rehearse;
pub(crate) mod rehearsed;
pub(crate) mod replace;
pub(crate) mod stop;

/// How the server is laid out that this upgrade installs.
pub(crate) fn target(run: &Run) -> &'static ServerLayout {
    let generation = layouts().generation(&run.session.plan().source.generation);
    generation.map_or_else(|| server::layout_of(&run.session.install), Generation::server)
}

/// Whether a server runs that is left alone, and of whose kind only one can run in a project: none of ours can prove anything
/// beside it.
pub(crate) fn is_alone(run: &Run) -> bool {
    let left = run.session.server.as_ref().is_some_and(|before| !before.was_running && before.pid.is_some());
    left && target(run).single && matches!(server::find(&run.session.install), server::Running::Yes(_))
}

/// Why no server was started.
pub(crate) fn not_started(run: &Run) -> NotApplicable {
    match target(run).package.under(&run.session.install).is_dir() {
        true if is_alone(run) => NotApplicable::LeftToEditor,
        true => NotApplicable::NoVenv,
        false => NotApplicable::NoServerCode,
    }
}
