//! The server under test, and what was seen of it.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use crate::core::error_code::Code;
use crate::core::phase::Phase;
use crate::core::visible::Shown as _;
use crate::engine::session::stop::Stop;
use crate::host::server;
use crate::host::server::mcp::McpError;

pub(super) const PHASE: Phase = Phase::Validation;

/// The server under test.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) pid: u32,
    pub(super) log: PathBuf,
    /// Where its part of the log begins.
    pub(super) log_from: u64,
}

/// What was tried and what was seen: for the report.
#[derive(Default)]
pub(super) struct Seen(pub(super) Vec<Value>);

impl Seen {
    pub(super) fn saw(&mut self, probe: &str, begun: Instant, outcome: &str, saw: impl Into<Value>) {
        let seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        self.0.push(json!({"probe": probe, "outcome": outcome, "seconds": seconds, "saw": saw.into()}));
    }
}

/// A request that failed, with the server's last words if it has ended.
pub(super) fn failure(server: &Server, error: &McpError) -> Stop {
    let mut what = error.to_string();
    if crate::host::process::proc::is_gone(server.pid) {
        let last = server::last_lines(&server.log, server.log_from, 8);
        what.push_str(&format!("\nthe server (pid {}) has ended; its log ends with:\n{last}", server.pid));
    }
    Stop::Failed { code: Some(Code::ServerNotStarted), what, next: Some(read_log(server).into()) }
}

pub(super) fn read_log(server: &Server) -> String {
    format!("read the server's log: {}", server.log.shown())
}
