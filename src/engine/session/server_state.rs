//! The state files of servers: kept while one of ours runs for the proof, put back when it is stopped.

use crate::engine::session::context::Run;
use crate::host::server;

/// Where the state file of a server that is left alone is kept meanwhile.
const KEPT_STATE: &str = "server-state.json";
/// Where the state files of before are kept.
pub(crate) const STATE_BEFORE: &str = "server-before";

impl Run {
    /// Keeps the state file of a server that is left alone: ours, started for the proof, overwrites it.
    pub(crate) fn keep_server_state(&mut self) {
        if let Err(e) = server::copy_state(
            self.lock.install(),
            &server::state_file(&self.session.install),
            &self.folder(KEPT_STATE),
        ) {
            self.warn("server", format!("the state file of the running server can't be kept: {e}"));
        }
    }

    /// Keeps the state files that servers have before this session starts one, or that there are none: a rollback puts them
    /// back. Only the first time.
    pub(crate) fn keep_state_before(&mut self) {
        if let Err(e) = server::kept::keep(self.lock.install(), &self.folder(STATE_BEFORE)) {
            self.warn("server", format!("what the state file of the server says can't be kept: {e}"));
        }
    }

    /// Stops a server that was only started for the proof, and puts back the state file of the one that was left alone.
    pub(crate) fn stop_proof_server(&mut self) {
        if let Some(started) = self.server.take() {
            started.stop();
        }
        let kept = self.folder(KEPT_STATE);
        if kept.exists() {
            // It may have been started anew meanwhile, and then has written a file of its own.
            if matches!(server::find(&self.session.install), server::Running::Yes(_)) {
                drop(std::fs::remove_file(kept));
                return;
            }
            match server::copy_state(self.lock.install(), &kept, &server::state_file(&self.session.install)) {
                Ok(()) => drop(std::fs::remove_file(kept)),
                Err(e) => {
                    self.warn("server", format!("the state file of the running server could not be put back: {e}"));
                }
            }
        }
    }
}
