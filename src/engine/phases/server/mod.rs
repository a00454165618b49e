//! Phase 3: packages, steps after installation, the server's code and its start.

use crate::core::layout::{Generation, ServerLayout, layouts};
use crate::engine::session::context::Run;
use crate::host::server;

pub mod dependencies;
pub mod draft;
pub mod fetch;
pub mod launch;
pub mod post_install;
pub mod replace;

/// How the server is laid out that this upgrade installs.
pub fn target(run: &Run) -> &'static ServerLayout {
    let generation = layouts().generation(&run.session.plan().source.generation);
    generation.map_or_else(|| server::layout_of(&run.session.install), Generation::server)
}
