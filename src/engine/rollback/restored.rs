//! What a rollback put back, and what it found in its way.

use crate::core::path::RelPath;
use crate::engine::rollback::set_aside;
use crate::engine::session::context::Run;
use std::collections::BTreeSet;

/// What a rollback did.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    /// Paths that were put back or taken away.
    pub(crate) paths: u64,
    /// What the user wrote since, and where it is now.
    pub(crate) rescued: Vec<String>,
    /// What could not be put back, because its copy in the backup is damaged.
    pub(crate) left_out: BTreeSet<RelPath>,
    /// What the upgrade had changed, and what is neither back nor set aside.
    pub(crate) missing: BTreeSet<RelPath>,
    /// The old server should run again, but doesn't.
    pub(crate) server_problem: Option<String>,
}

/// Tells what was set aside, and why.
pub(super) fn tell(run: &mut Run, restored: &mut Restored, moved: &set_aside::Aside, why: &str) {
    for (path, to) in moved {
        run.warn("rescued", format!("{path}: {why}; what you wrote is now in {to}"));
        restored.rescued.push(to.to_string());
    }
}
