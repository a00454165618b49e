//! Phase 4: proves over real MCP that the new release works, and writes the report.

mod probes;
mod seen;
pub(crate) mod table;

use crate::core::error_code::Code;
use crate::core::task::Task;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::core::json;
use crate::core::phase::{Fact, NotApplicable, ValidationEvidence};
use crate::core::visible::{self, Shown as _};
use crate::engine::account::check;
use crate::engine::events::Level;
use crate::engine::phases::server::is_alone;
use crate::engine::phases::server::launch::start_again;
use crate::engine::phases::server::stop::{note_server, stop_outdated};
use crate::engine::phases::validation::seen::{PHASE, Seen, Server, failure};
use crate::engine::session::context::{Run, now};
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, not_applicable};
use crate::host::files::error::Doing as _;
use crate::host::files::fs;
use crate::host::install;
use crate::host::process::children;
use crate::host::process::program;
use crate::host::process::program::{Limits, Listener, ProgramError};
use crate::host::process::timing::{Who, waiting};
use crate::host::server::mcp::Client;
use crate::host::server::{self, Owner, Running};
use crate::host::user::consent;
use crate::host::user::consent::Wish;

/// Runs the probes. A server that was only started for this is stopped at the end.
///
/// # Errors
/// [`Stop`].
pub(crate) fn run(run: &mut Run) -> Result<ValidationEvidence, Stop> {
    check::look(run)?;
    let server = server_to_ask(run)?;
    let client = match &server {
        Some(server) => {
            let connected = run.runtime.block_on(Client::connect(&server.url));
            Some(connected.map_err(|e| failure(server, &e))?)
        }
        None => None,
    };
    let groups = table::groups(&run.session.install);
    let mut seen = Seen::default();
    let facts = probes::all(run, server.as_ref().zip(client.as_ref()), &groups, &mut seen);
    if let Some(client) = client {
        run.runtime.block_on(client.close());
    }
    let tested = facts.and_then(|facts| {
        let passed = run.task(PHASE, Task::UnitTests, |run| unit_tests(run, &mut seen))?;
        if !run.session.server.as_ref().is_some_and(|server| server.was_running) {
            // What it does at its end it does before that, too.
            run.stop_proof_server();
        }
        check::still_there(run)?;
        Ok((facts, passed))
    });
    let url = server.map(|s| s.url).unwrap_or_default();
    let (facts, unit_tests_passed) = match tested {
        Ok(found) => found,
        Err(stop) => {
            if let Stop::Failed { what, .. } = &stop {
                // The rollback says why; what else was seen may help to mend it.
                let _ = write_report(run, &url, seen, Some(what.clone()));
            }
            return Err(stop);
        }
    };
    let validation_report = run.task(PHASE, Task::ValidationReport, |run| {
        let shown = write_report(run, &url, seen, None)?;
        done(shown.clone(), shown)
    })?;
    Ok(ValidationEvidence {
        server_version: run.session.source_commit().to_owned(),
        tools_registered: facts.registered,
        expected_tools: facts.expected,
        browser_tools_enabled: facts.browser_enabled,
        browser_smoke_test: facts.browser,
        rag_search_test: facts.search,
        workflow_engine_test: facts.workflows,
        file_watchers_active: facts.watcher,
        rag_index_current: facts.index,
        unit_tests_passed,
        validation_report,
    })
}

/// Asks the server that this process started all that phase 4 asks, and forgets what was seen: for a rehearsal.
///
/// # Errors
/// [`Stop`].
pub(crate) fn prove(run: &mut Run) -> Result<(), Stop> {
    let Some(server) = server_to_ask(run)? else { return Ok(()) };
    let client = run.runtime.block_on(Client::connect(&server.url)).map_err(|e| failure(&server, &e))?;
    let groups = table::groups(&run.session.install);
    let facts = probes::all(run, Some((&server, &client)), &groups, &mut Seen::default());
    run.runtime.block_on(client.close());
    facts.map(drop)
}

/// Writes `.cache/upgrade-validation-<date>.json`; its path for people.
fn write_report(run: &Run, url: &str, seen: Seen, failed: Option<String>) -> Result<String, Stop> {
    let cache = run.session.install.join(".cache");
    let path = cache.join(format!("upgrade-validation-{}.json", &run.session.stamp[..10]));
    let report = json!({
        "schema": 1, "session_id": run.session.session_id, "created_at": now(),
        "server_version": run.session.source_commit(), "url": url, "failed": failed, "probes": seen.0,
    });
    // People read it, too: nothing that a server or a test said may reach their terminal as it is.
    let text = visible::json(json::pretty(&report).doing("write", &path)?);
    run.lock.install().make_folder(&cache)?;
    fs::write_durable(&path, text.as_bytes(), 0o644)?;
    Ok(run.shown(&path))
}

/// The server to talk to: the one started in phase 3, or after an interruption the one that runs, or a new one.
fn server_to_ask(run: &mut Run) -> Result<Option<Server>, Stop> {
    let install = run.session.install.clone();
    let log = server::log_path(&install);
    if run.server.is_none() {
        // Somebody may have started one since the interruption.
        if run.session.server.is_some() {
            note_server(run)?;
        }
        // Beside one that is left alone and locks the project another would end at once.
        if is_alone(run) {
            return Ok(None);
        }
        let was_running = run.session.server.as_ref().is_some_and(|s| s.was_running);
        match server::find(&install) {
            Running::Yes(live) if was_running && live.owner == Owner::Nobody && !live.is_older_than_code(&install) => {
                let log_from = server::log::last_start(&log);
                return Ok(Some(Server { url: live.url, pid: live.process.pid, log, log_from }));
            }
            _ => {
                // A second one beside it does no harm.
                let _ = stop_outdated(run);
                start_again(run)?;
            }
        }
    }
    let started = run.server.as_ref();
    Ok(started.map(|s| Server { url: s.url.clone(), pid: s.pid(), log, log_from: s.log_from }))
}

/// The project's own test command, if it has one.
fn unit_tests(run: &mut Run, seen: &mut Seen) -> TaskResult<Fact<bool>> {
    let command = run.session.options().test_command.clone();
    let Some((program, arguments)) = command.split_first().filter(|_| !run.session.options().skip_tests) else {
        return not_applicable(NotApplicable::TestsSkipped, Fact::NotApplicable(NotApplicable::TestsSkipped));
    };
    let begun = Instant::now();
    let limit = Duration::from_secs(run.session.options().test_timeout);
    let shown = visible::line(&command.join(" "));
    // Asked again here: the session's file can be written by whoever can write the project.
    if !consent::allows(&run.session.project, &Wish::TestCommand(command.clone())) {
        let (project, name) = (run.session.project.shown(), install::name_of(&run.session.install));
        run.warn(
            "tests",
            format!(
                "the tests were not run: \"{shown}\" stands in the project's own {name}/upgrade.json, and you have \
                 not allowed it; to allow exactly this command for this project, start an upgrade with: \
                 pos-upgrade-tui upgrade --allow-test-command --project {project}"
            ),
        );
        let why = NotApplicable::TestsNotAllowed;
        return not_applicable(why, Fact::NotApplicable(why));
    }
    run.commands_run.push(command.join(" "));
    let mut tests = children::command(program);
    tests.args(arguments).current_dir(&run.session.project);
    let mut listener = TestListener { run, lines: 0, asked: None };
    let ended = {
        let _program = waiting(Who::Programs);
        program::run(&shown, &mut tests, Limits { silent: limit, total: limit }, &mut listener)
    };
    match (listener.asked, ended) {
        (Some(asked), Err(ProgramError::Cancelled { .. })) => Err(asked),
        (_, Ok(_)) => {
            seen.saw("tests", begun, "passed", shown.as_str());
            done(format!("{shown} passed"), Fact::Is(true))
        }
        (_, Err(e)) => {
            seen.saw("tests", begun, "failed", e.to_string());
            let next = format!("mend what {shown} names, or leave it out: upgrade --skip-tests");
            Err(Stop::Failed { code: Some(Code::TestFailed), what: e.to_string(), next: Some(next.into()) })
        }
    }
}

/// Shows the lines of the tests, notes their process, and stops them when a person asks.
struct TestListener<'a> {
    run: &'a mut Run,
    lines: u64,
    asked: Option<Stop>,
}

impl Listener for TestListener<'_> {
    fn started(&mut self, pid: u32) {
        self.run.note_child(pid);
    }

    fn line(&mut self, text: &str) {
        self.lines += 1;
        self.run.log(Level::Info, "tests", text);
        self.run.progress(PHASE, Task::UnitTests, self.lines, 0, text);
    }

    fn go_on(&mut self) -> bool {
        self.asked = self.run.check().err();
        self.asked.is_none()
    }
}
