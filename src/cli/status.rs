//! `status`: how the install stands.

use serde_json::json;

use super::args::Common;
use super::{Refusal, session, settings};
use crate::core::classify::short;
use crate::engine::planning;
use crate::host::lock;

/// Exit code while an upgrade is unfinished.
const UNFINISHED: u8 = 10;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub fn run(common: &Common) -> Result<u8, Refusal> {
    let project = settings::project(common)?;
    let install = project.join(".praxis-os");
    let sessions = session::all(&project)?;
    let unfinished = sessions.iter().rev().find(|s| s.status.is_unfinished());
    let last = unfinished.or(sessions.last());
    let release = planning::read_baseline(&install).ok().flatten().map(|b| b.release);
    let running = lock::held_by(&install);
    if common.json {
        let session = last.map(|s| {
            json!({"session_id": s.session_id, "status": s.status, "reason": s.reason, "current_phase": s.current_phase,
                   "applied": s.applied, "created_at": s.created_at, "source_commit": s.source_commit})
        });
        let state = if unfinished.is_some() { "unfinished" } else { "idle" };
        say!(
            "{}",
            json!({"schema": 1, "install": install, "state": state, "release": release,
                              "running": running, "session": session})
        );
    } else {
        say!("{}", install.display());
        match release {
            Some(release) => say!("  release: {}", short(&release)),
            None => say!("  release: not known yet (no upgrade by this program)"),
        }
        if let Some(holder) = running {
            say!("  running: {holder}");
        }
        if let Some(s) = last {
            say!("  last upgrade: {} to {}, {}", s.created_at, short(&s.source_commit), s.status.word());
            if let Some(reason) = &s.reason {
                say!("  reason: {reason}");
            }
        }
        if let Some(s) = unfinished {
            say!("  session {} stands in phase {}", s.session_id, s.current_phase.number());
            say!("  next: pos-upgrade-tui resume, or pos-upgrade-tui rollback");
        }
    }
    Ok(if unfinished.is_some() { UNFINISHED } else { 0 })
}
