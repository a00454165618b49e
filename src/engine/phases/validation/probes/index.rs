//! Whether the server takes the index flag, builds its index, and logs no errors while it does.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::probing::{Probing, index_flag, shortened};
use crate::core::phase::{Fact, NotApplicable};
use crate::core::task::Task;
use crate::core::visible::{self, Shown as _};
use crate::engine::phases::server::target;
use crate::engine::phases::validation::seen::PHASE;
use crate::engine::phases::validation::table::table;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, not_applicable, warned};
use crate::host::process::proc;
use crate::host::server;

/// How long a server that does nothing may take to notice the index flag; one that computes may go on.
const INDEX_IDLE: Duration = Duration::from_secs(60);
/// However busy it is.
const INDEX_LONGEST: Duration = Duration::from_secs(30 * 60);
/// Errors of a log, and warnings, that are kept.
const ERRORS: usize = 200;
/// Files that are named one by one in warnings.
const SHOWN: usize = 5;

impl Probing<'_> {
    /// While the flag stands an error in the log is why: releases look at it once, before they answer at all, and say
    /// what went wrong.
    pub(super) fn flag_is_taken(&mut self, flag: &Path, begun: Instant) -> Result<(), Stop> {
        let (errors, ..) = self.said();
        let Some(first) = errors.first().filter(|_| flag.exists()) else { return Ok(()) };
        let what = format!("{}: the server did not take this flag; it logged: {}", flag.shown(), shortened(first));
        self.failed("index flag", begun, what, json!({"errors": errors}))
    }

    /// The flag that phase 3 left must go: only a live watcher takes it away, after rebuilding the index.
    pub(super) fn watcher(&mut self, run: &mut Run) -> TaskResult<Fact<bool>> {
        let begun = Instant::now();
        let Some(flag) = index_flag(run) else {
            let why = match target(run).rebuild_flag {
                Some(_) => NotApplicable::StandardsElsewhere,
                None => NotApplicable::NoIndexFlag,
            };
            self.absent("index flag", why);
            return not_applicable(why, Fact::NotApplicable(why));
        };
        let (mut used, mut busy) = (0.0, Instant::now());
        while flag.exists() {
            run.check()?;
            self.flag_is_taken(&flag, begun)?;
            let Some(now) = proc::seconds_used(self.server.pid) else {
                let last = server::last_lines(&self.server.log, self.server.log_from, 8);
                let what = format!("the server ended before it took the index flag; its log ends with:\n{last}");
                return self.failed("index flag", begun, what, "the server has ended");
            };
            self.no_flood(begun)?;
            // A large index takes minutes, of which none is idle.
            if now - used > 1.0 {
                (used, busy) = (now, Instant::now());
            }
            if busy.elapsed() > INDEX_IDLE || begun.elapsed() > INDEX_LONGEST {
                let seconds = begun.elapsed().as_secs();
                let what = format!("{}: the server did not take this flag within {seconds} s", flag.shown());
                return self.failed("index flag", begun, what, "still there");
            }
            let last = server::last_lines(&self.server.log, self.server.log_from, 1);
            let waiting = if last.is_empty() { "waiting for the server to rebuild its index" } else { &last };
            run.progress(PHASE, Task::Watcher, begun.elapsed().as_secs(), 0, waiting);
            std::thread::sleep(Duration::from_millis(50));
        }
        self.seen.saw("index flag", begun, "passed", "taken by the server");
        done("index flag taken", Fact::Is(true))
    }

    /// A log that grows without end would fill the disk.
    pub(super) fn no_flood(&mut self, begun: Instant) -> Result<(), Stop> {
        match server::log::floods(&self.server.log, self.server.log_from) {
            Some(flood) => self.failed("server log", begun, format!("the server {flood}"), "without end"),
            None => Ok(()),
        }
    }

    /// What the log says since the start, but for what our own questions caused: errors, warnings about single files,
    /// and how many lines that were.
    pub(super) fn said(&self) -> (Vec<String>, Vec<String>, usize) {
        let (mut errors, mut warnings, mut lines) = (Vec::new(), Vec::new(), 0);
        let mut from = self.server.log_from;
        for (to, next) in self.excused.iter().copied().chain([(u64::MAX, u64::MAX)]) {
            let text = server::log::between(&self.server.log, from, to);
            lines += text.lines().count();
            let room = ERRORS.saturating_sub(errors.len());
            errors.extend(table().log.errors(&text).into_iter().take(room).map(|line| visible::start_of(line, 2_000)));
            let room = ERRORS.saturating_sub(warnings.len());
            warnings.extend(table().log.warnings(&text).into_iter().take(room));
            from = next;
        }
        // An index that is built twice complains twice.
        warnings.sort();
        warnings.dedup();
        (errors, warnings, lines)
    }

    /// No errors in the log since the start, and the server still lives.
    pub(super) fn log(&mut self, run: &mut Run) -> TaskResult<Fact<bool>> {
        let begun = Instant::now();
        self.no_flood(begun)?;
        let (errors, warnings, lines) = self.said();
        if let Some(first) = errors.first() {
            let what = format!("the server logged an error since its start: {}", shortened(first));
            return self.failed("server log", begun, what, json!({"errors": errors}));
        }
        if proc::is_gone(self.server.pid) {
            let last = server::last_lines(&self.server.log, self.server.log_from, 8);
            let what = format!("the server ended while it was tried; its log ends with:\n{last}");
            return self.failed("server log", begun, what, "the server has ended");
        }
        for warning in warnings.iter().take(SHOWN) {
            run.warn("index", shortened(warning));
        }
        if warnings.len() > SHOWN {
            run.warn("index", format!("and {} more, which {} names", warnings.len() - SHOWN, self.server.log.shown()));
        }
        if warnings.is_empty() {
            self.seen.saw("server log", begun, "passed", format!("{lines} lines, no error"));
            return done("current, no errors in the server's log", Fact::Is(true));
        }
        let told = format!("current but for {} files or indexes that the server can't use", warnings.len());
        self.seen.saw("server log", begun, "passed", json!({"lines": lines, "warnings": warnings}));
        warned(told, Fact::Is(true))
    }
}
