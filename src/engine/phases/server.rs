//! Phase 3: stops this install's server, puts the new code and dependencies in place, starts it and waits for health.

use std::time::Duration;

use super::{dependencies, post_install};
use crate::core::layout::layouts;
use crate::core::phase::{Fact, NotApplicable, Phase, ServerEvidence};
use crate::core::session::ServerBefore;
use crate::engine::apply;
use crate::engine::events::Level;
use crate::engine::run::{Run, Stop, done, not_applicable, now, warned};
use crate::host::journal::Journal;
use crate::host::mcp::Client;
use crate::host::process;
use crate::host::process::Stopped;
use crate::host::server::{self, Running, ServerError};
use crate::host::timing::{Who, waiting};

const PHASE: Phase = Phase::Server;
/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// A first start builds an index, 77 s on a small machine; as long as the process lives, this is how long we wait.
const LONGEST_START: Duration = Duration::from_secs(300);

/// Runs the phase. Every step can be repeated after an interruption.
///
/// # Errors
/// [`Stop`].
pub fn run(run: &mut Run) -> Result<ServerEvidence, Stop> {
    let install = run.session.install.clone();
    let journal = Journal::load(&install, &run.folder("server"))?
        .ok_or_else(|| Stop::failed("the journal of the server code is gone; roll back"))?;
    let has_code = layouts().server.package.under(&install).is_dir() || !journal.is_empty();
    let no_code = || Fact::NotApplicable(NotApplicable::NoServerCode);
    // What runs is noted before anything can fail, so that a rollback knows what to start again.
    note_server(run)?;
    // As long as pip works, the old server answers.
    let dependencies_installed = run.task(PHASE, "dependencies", |run| dependencies::run(run, &journal))?;
    let steps = run
        .task(PHASE, "post_install_scan", |run| post_install::scan(run, &dependencies::requirements(run, &journal)))?;
    let post_install_steps = run.task(PHASE, "post_install", |run| post_install::run(run, &steps))?;
    run.task(PHASE, "stop_server", stop_server)?;
    run.task(PHASE, "copy_server", |run| {
        run.session.applied = true;
        run.save()?;
        dependencies::switch(run)?;
        let applied = apply::carry_out(run, &journal, PHASE, "copy_server")?;
        done(format!("{} of {} paths", applied.changed, journal.len()), ())
    })?;
    run.task(PHASE, "verify_server", |run| {
        let checked = apply::verify(run, &journal)?;
        done(format!("{checked} of {checked} paths"), ())
    })?;
    journal.drop_staging();
    let started = run.task(PHASE, "start_server", start_server)?;
    let (restarted, time, health) = run.task(PHASE, "health", |run| health(run, started))?;
    dependencies::settle(run);
    Ok(ServerEvidence {
        mcp_server_copied: if has_code { Fact::Is(true) } else { no_code() },
        files_copied: journal.len() as u64,
        checksums_verified: if has_code { Fact::Is(true) } else { no_code() },
        dependencies_installed,
        post_install_steps,
        server_restarted: restarted,
        server_restart_time: time,
        server_health_check: health,
    })
}

/// What a task of this phase ends with.
pub(super) type Told<T> = Result<crate::engine::run::Told<T>, Stop>;

/// Whether a running server is left alone: its editor holds it, or the user said so.
fn left_alone(run: &Run, live: &server::Live) -> bool {
    live.owned_by_editor || !run.session.options.auto_restart
}

/// Notes what runs, durably: after that it may be stopped.
fn note_server(run: &mut Run) -> Result<(), Stop> {
    if run.session.server.is_some() {
        return Ok(());
    }
    let install = run.session.install.clone();
    if let Running::Yes(live) = server::find(&install) {
        let _server = waiting(Who::Server);
        let tools = run.runtime.block_on(async {
            let client = Client::connect(&live.url).await.ok()?;
            let tools = client.tools().await.ok();
            client.close().await;
            tools
        });
        let mut before = live.before(tools.unwrap_or_default());
        before.was_running = !left_alone(run, &live);
        run.session.server = Some(before);
    } else {
        run.session.server = server::default_launch(&install, &run.session.project);
    }
    run.save()
}

/// Stops what was noted.
fn stop_server(run: &mut Run) -> Told<()> {
    let live = match server::find(&run.session.install) {
        Running::Yes(live) => live,
        Running::No { why } => return done(format!("not running: {why}"), ()),
    };
    let pid = live.process.pid;
    if left_alone(run, &live) {
        run.keep_server_state();
        let why = if live.owned_by_editor { "its editor holds it" } else { "auto_restart is off" };
        run.warn(
            "server",
            format!("the running server (pid {pid}) is left alone: {why}; reload it there to get the new release"),
        );
        return warned(format!("pid {pid} left alone: {why}"), ());
    }
    run.log(Level::Info, "server", &format!("stopping pid {pid}"));
    match process::stop(&live.process, GRACE) {
        Stopped::Terminated | Stopped::AlreadyGone => done(format!("pid {pid} ended"), ()),
        Stopped::Killed => warned(format!("pid {pid} did not end in {} s and was killed", GRACE.as_secs()), ()),
        Stopped::Survived => Err(Stop::failed(format!("the server (pid {pid}) could not be stopped"))),
    }
}

/// Ends a server that an interrupted run started only for the proof: nobody else would. The one that was left alone is
/// known by its number.
pub fn stop_orphan(run: &Run) {
    let left_alone = run.session.server.as_ref().and_then(|s| s.pid);
    let own = run.server.as_ref().map(server::Started::pid);
    if let Running::Yes(live) = server::find(&run.session.install) {
        let pid = Some(live.process.pid);
        if !live.owned_by_editor && pid != left_alone && pid != own {
            process::stop(&live.process, GRACE);
        }
    }
}

/// Starts the server, for good or only to prove that it works. None where there is nothing to start.
fn start_server(run: &mut Run) -> Told<Option<NotApplicable>> {
    let install = run.session.install.clone();
    // Without a server there would be nobody to take it.
    if launch(run).is_some() {
        server::ask_for_rebuild(&install)?;
    }
    match start_again(run) {
        Ok(Some(url)) => done(url, None),
        Ok(None) => {
            let has_code = layouts().server.package.under(&install).is_dir();
            let why = if has_code { NotApplicable::NoVenv } else { NotApplicable::NoServerCode };
            not_applicable(why, Some(why))
        }
        Err(e) => Err(e),
    }
}

/// How the server is started: as it was, or as the layout says.
fn launch(run: &Run) -> Option<ServerBefore> {
    match &run.session.server {
        Some(launch) if launch.was_running => Some(launch.clone()),
        // The environment may be there only now.
        _ => server::default_launch(&run.session.install, &run.session.project),
    }
}

/// Starts the server that the session knows; its address, or none where the install can't run one.
///
/// # Errors
/// [`Stop`].
pub fn start_again(run: &mut Run) -> Result<Option<String>, Stop> {
    let install = run.session.install.clone();
    let launch = launch(run);
    let Some(launch) = launch else { return Ok(None) };
    run.commands_run.push(launch.command.join(" "));
    let mut asked = None;
    let started = server::start(&install, &launch, LONGEST_START, &mut |waited, last| {
        run.progress(PHASE, "start_server", waited.as_secs(), 0, last);
        asked = run.check().err();
        asked.is_none()
    });
    match started {
        Ok(started) => {
            let url = started.url.clone();
            run.log(Level::Info, "server", &format!("pid {} answers at {url}", started.pid()));
            run.server = Some(started);
            Ok(Some(url))
        }
        Err(ServerError::Cancelled) => Err(asked.unwrap_or(Stop::Pause)),
        Err(e) => {
            let next = Some(format!("read the server's log: {}", server::log_path(&install).display()));
            Err(Stop::Failed { what: e.to_string(), next })
        }
    }
}

type Health = (Fact<bool>, Fact<String>, Fact<String>);

/// MCP `initialize` and `tools/list` against the process that was just started.
fn health(run: &mut Run, missing: Option<NotApplicable>) -> Told<Health> {
    if let Some(why) = missing {
        return not_applicable(why, (Fact::NotApplicable(why), Fact::NotApplicable(why), Fact::NotApplicable(why)));
    }
    let url = run.server.as_ref().map(|s| s.url.clone()).unwrap_or_default();
    let tools = run.runtime.block_on(async {
        let client = Client::connect(&url).await?;
        let tools = client.tools().await;
        client.close().await;
        tools
    });
    let tools = tools.map_err(|e| Stop::Failed {
        what: e.to_string(),
        next: Some(format!("read the server's log: {}", server::log_path(&run.session.install).display())),
    })?;
    let restarted = match &run.session.server {
        Some(before) if before.was_running => Fact::Is(true),
        _ if !run.session.options.auto_restart => Fact::NotApplicable(NotApplicable::RestartDisabled),
        Some(before) if before.pid.is_some() => Fact::NotApplicable(NotApplicable::LeftToEditor),
        _ => Fact::NotApplicable(NotApplicable::ServerWasStopped),
    };
    done(format!("passed, {} tools", tools.len()), (restarted, Fact::Is(now()), Fact::Is("passed".to_owned())))
}
