//! What all probes share: the server that is asked, how a tool is called, and how a probe ends.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::core::error_code::Code;
use crate::core::phase::{Fact, NotApplicable};
use crate::core::visible;
use crate::engine::phases::validation::seen::{Seen, Server, failure, read_log};
use crate::engine::phases::validation::table::{Groups, Way, table};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::server::mcp::{Client, McpError};
use crate::host::server::search_index;

/// The new server, and what was learnt of it so far.
pub(super) struct Probing<'a> {
    pub(super) client: &'a Client,
    pub(super) server: &'a Server,
    pub(super) groups: &'a Groups,
    pub(super) tools: Vec<String>,
    /// What the last call answered, complaint or not.
    pub(super) last: Value,
    pub(super) seen: &'a mut Seen,
    /// Parts of the log that our own questions caused, which the release could not answer.
    pub(super) excused: Vec<(u64, u64)>,
}

/// What a tool answered: what was asked for, or its complaint.
pub(super) type Answer = Result<Value, String>;

impl Probing<'_> {
    pub(super) fn passed(&mut self, probe: &str, begun: Instant, saw: impl Into<Value>) -> Fact<String> {
        self.seen.saw(probe, begun, "passed", saw);
        Fact::Is("passed".to_owned())
    }

    pub(super) fn absent(&mut self, probe: &str, why: NotApplicable) -> Fact<String> {
        self.seen.saw(probe, Instant::now(), "not_applicable", why.reason());
        Fact::NotApplicable(why)
    }

    pub(super) fn failed<T>(
        &mut self,
        probe: &str,
        begun: Instant,
        what: String,
        saw: impl Into<Value>,
    ) -> Result<T, Stop> {
        self.seen.saw(probe, begun, "failed", saw);
        Err(Stop::Failed { code: Some(Code::ValidationFailed), what, next: Some(read_log(self.server).into()) })
    }

    /// A tool's answer; what the connection itself does wrong is a failure.
    pub(super) fn call(
        &mut self,
        run: &Run,
        probe: &str,
        tool: &str,
        arguments: Value,
        seconds: u64,
    ) -> Result<Answer, Stop> {
        let begun = Instant::now();
        let before = self.log_length();
        let answer = run.runtime.block_on(self.client.call(tool, arguments, Duration::from_secs(seconds)));
        let answer = match answer {
            Ok(value) => {
                self.last = value.clone();
                match table().complaints.of(&value) {
                    Some(complaint) => Err(complaint),
                    None => Ok(value),
                }
            }
            Err(McpError::Tool { text, .. }) => Err(text),
            Err(e) => {
                self.seen.saw(probe, begun, "failed", e.to_string());
                return Err(failure(self.server, &e));
            }
        };
        if answer.is_err() {
            // It may log its refusal a moment later.
            std::thread::sleep(Duration::from_millis(50));
            self.excused.push((before, self.log_length()));
        }
        Ok(answer)
    }

    pub(super) fn log_length(&self) -> u64 {
        std::fs::metadata(&self.server.log).map_or(0, |m| m.len())
    }

    pub(super) fn way<'w>(&self, ways: &'w [Way]) -> Option<(&'w str, &'w Value)> {
        ways.iter().find_map(|w| Some((self.registered(&w.tools)?, &w.arguments)))
    }

    pub(super) fn registered<'n>(&self, names: &'n [String]) -> Option<&'n str> {
        names.iter().find(|n| self.tools.contains(n)).map(String::as_str)
    }
}

/// Where the flag stands that the server has to take; none where it has its standards elsewhere.
pub(super) fn index_flag(run: &Run) -> Option<PathBuf> {
    let install = &run.session.install;
    search_index::places(install).flag().map(|flag| flag.under(install))
}

pub(super) fn shortened(text: &str) -> String {
    visible::start_of(text, 300)
}
