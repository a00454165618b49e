//! Phase 3: stops this install's server, puts the new code and dependencies in place, starts it and waits for health.

use crate::core::task::Task;
use std::time::Duration;

use crate::core::phase::{Fact, NotApplicable, Phase, ServerEvidence};
use crate::core::question::{Question, Way};
use crate::core::session::StateEvent;
use crate::core::visible::Shown as _;
use crate::engine::account::check;
use crate::engine::account::take::When;
use crate::engine::conflicts::apply;
use crate::engine::events::Level;
use crate::engine::phases::server::launch::{keep_settings, launch};
use crate::engine::phases::server::{dependencies, post_install};
use crate::engine::session::context::{Run, now};
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, not_applicable, warned};
use crate::engine::session::wait_until_idle;
use crate::host::files::journal::Journal;
use crate::host::process::proc::Stopped;
use crate::host::process::timing::{Who, waiting};
use crate::host::server::mcp::Client;
use crate::host::server::search_index;
use crate::host::server::{self, Case, Live, Owner, Running, Settings};

use crate::core::index::Trust;
use crate::core::layout::layouts;
use crate::core::plan::FileEntry;
use crate::engine::phases::server::launch::start_again;
use crate::engine::phases::server::{is_alone, not_started, target};
use crate::host::files::folder::Folder;
use crate::host::files::fs;

const PHASE: Phase = Phase::Server;
/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the phase. Every step can be repeated after an interruption.
///
/// # Errors
/// [`Stop`].
pub fn run(run: &mut Run) -> Result<ServerEvidence, Stop> {
    let install = run.session.install.clone();
    let journal = Journal::load(&install, &run.folder("server"))?
        .ok_or_else(|| Stop::failed("the journal of the server code is gone; roll back"))?;
    let has_code = target(run).package.under(&install).is_dir() || !journal.is_empty();
    let no_code = || Fact::NotApplicable(NotApplicable::NoServerCode);
    if !run.session.gone.contains_key(&PHASE.number()) {
        check::note_gone(run, PHASE)?;
    }
    // What runs is noted before anything can fail, so that a rollback knows what to start again.
    note_server(run)?;
    // As long as pip works, the old server answers.
    let dependencies_installed = run.task(PHASE, Task::Dependencies, |run| dependencies::run(run, &journal))?;
    let steps = run.task(PHASE, Task::PostInstallScan, |run| {
        post_install::scan(run, &dependencies::requirements(run, &journal))
    })?;
    let post_install_steps = run.task(PHASE, Task::PostInstall, |run| post_install::run(run, &steps))?;
    let server_found = run.task(PHASE, Task::StopServer, stop_server)?;
    let applied = run.task(PHASE, Task::CopyServer, |run| {
        run.advance(&StateEvent::Applied)?;
        run.save()?;
        dependencies::switch(run)?;
        let applied = apply::carry_out(run, &journal, PHASE, Task::CopyServer)?;
        done(format!("{} of {} paths", applied.changed, journal.len()), applied)
    })?;
    run.task(PHASE, Task::VerifyServer, |run| {
        let checked = apply::verify(run, &journal, &applied.since)?;
        let yours = check::nothing_lost(run, When::Applied)?;
        done(format!("{checked} of {checked} paths, {yours} files of yours"), ())
    })?;
    journal.drop_staging();
    drop_replaced(run);
    let started = run.task(PHASE, Task::StartServer, start_server)?;
    let (restarted, time, health) = run.task(PHASE, Task::Health, |run| health(run, started))?;
    check::still_there(run)?;
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
        server_found,
        server_version: run.session.source_commit().to_owned(),
    })
}

/// Notes what runs, durably: after that it may be stopped. A person is asked here, before anything takes its time. One
/// that was started since it was noted that none runs is noted, too: what is stopped is started again.
///
/// # Errors
/// [`Stop`] if that is what was asked, or the session can't be saved.
pub fn note_server(run: &mut Run) -> Result<(), Stop> {
    let install = run.session.install.clone();
    let found = server::find(&install);
    run.keep_state_before();
    if let Some(before) = &run.session.server {
        let own = run.server.as_ref().map(server::Started::pid);
        let is_new = |live: &Live| Some(live.process.pid) != before.pid && Some(live.process.pid) != own;
        if before.was_running || !matches!(&found, Running::Yes(live) if is_new(live)) {
            return Ok(());
        }
    }
    if let Running::Yes(live) = found {
        let tools = {
            let _server = waiting(Who::Server);
            run.runtime.block_on(Client::tools_at(&live.url))
        };
        keep_settings(run, &live)?;
        let mut before = live.before(tools.unwrap_or_default());
        before.was_running = !left_alone(run, &live)?;
        if !before.was_running {
            run.keep_server_state();
        }
        run.session.server = Some(before);
    } else {
        run.session.server = server::planned(&install, &run.session.project);
    }
    run.save()
}

/// Stops what was noted. What was found, in words.
fn stop_server(run: &mut Run) -> TaskResult<String> {
    name_others(run);
    let live = match server::find(&run.session.install) {
        Running::Yes(live) => live,
        Running::No(missing) => {
            let found = missing.case.words().to_owned();
            let told = format!("{found}: {}", missing.why);
            if missing.case == Case::NotListening {
                run.warn("server", format!("{}; it is left alone", missing.why));
                return warned(told, found);
            }
            return done(told, found);
        }
    };
    let (pid, found) = (live.process.pid, live.owner.words().to_owned());
    // One that was left alone at first still is; what an earlier run started for its proof ended with that run.
    let before = run.session.server.as_ref();
    if before.is_some_and(|b| !b.was_running && b.pid == Some(pid)) || live.owner == Owner::Editor {
        let why = match live.owner {
            Owner::Editor => "its editor holds it; reload it there",
            Owner::Terminal => "it was started by hand; start it again there",
            Owner::Nobody => "auto_restart is off; restart it yourself",
        };
        run.warn("server", format!("the server (pid {pid}) is left alone: {why} to get the new release"));
        return warned(format!("pid {pid} left alone: {found}"), found);
    }
    stop_live(run, &live).map_err(Stop::failed)?;
    done(format!("{found}; pid {pid} ended"), found)
}

/// Servers of this install that talk to an editor over pipes, which we can neither ask nor stop.
fn name_others(run: &mut Run) {
    for other in server::others(&run.session.install) {
        run.warn(
            "server",
            format!(
                "process {} is a server of this install that its editor talks to; reload it there to get the new release",
                other.pid
            ),
        );
    }
}

/// Stops a server of this install, each signal in the log; what went wrong, if it lives on.
pub fn stop_live(run: &mut Run, live: &Live) -> Result<(), String> {
    let mut said = Vec::new();
    let _server = waiting(Who::Server);
    // Whoever takes its place gets them: soon nobody knows them any more.
    run.server_settings = Some(Settings::of_process(&live.process));
    let stopped = live.stop(GRACE, &mut |line| said.push(line.to_owned()));
    said.iter().for_each(|line| run.log(Level::Info, "server", line));
    let pid = live.process.pid;
    match stopped {
        Stopped::Terminated | Stopped::AlreadyGone => {}
        Stopped::Killed => {
            run.warn("server", format!("the server (pid {pid}) did not end in {} s and was killed", GRACE.as_secs()));
        }
        Stopped::Survived => return Err(format!("the server (pid {pid}) could not be stopped")),
    }
    Ok(())
}

/// Whether a running server is left alone: its editor holds it, or somebody said so. A person is asked about one that he
/// started by hand; where nobody can be asked it is left to him.
fn left_alone(run: &mut Run, live: &Live) -> Result<bool, Stop> {
    let pid = live.process.pid;
    match live.owner {
        _ if !run.session.options().auto_restart => Ok(true),
        Owner::Editor => Ok(true),
        Owner::Nobody => Ok(false),
        Owner::Terminal if run.session.options().restart_by_hand => Ok(false),
        Owner::Terminal => {
            let question = Question::new("server_by_hand", "The server runs on a terminal", Way::Leave)
                .saying([format!("Process {pid} was started by hand, and shows there what it says.")])
                .offering(Way::Leave, "Leave it", "it runs the old release until you start it again")
                .offering(Way::Stop, "Restart it", "it ends there and runs on in the background")
                .offering(Way::RollBack, "Roll back", "the install goes back to what it was");
            match run.ask(question)? {
                Way::Stop => Ok(false),
                Way::RollBack => Err(Stop::RollBack),
                _ => Ok(true),
            }
        }
    }
}

/// Ends a server that is to be started again because it runs the old code. One that is left alone is not touched.
pub fn stop_outdated(run: &mut Run) {
    let before = run.session.server.as_ref();
    if before.is_some_and(|s| s.was_running)
        && let Running::Yes(live) = server::find(&run.session.install)
        && live.owner == Owner::Nobody
    {
        // A second one beside it does no harm.
        let _ = stop_live(run, &live);
    }
}

/// Starts the server, for good or only to prove that it works. None where there is nothing to start.
fn start_server(run: &mut Run) -> TaskResult<Option<NotApplicable>> {
    let install = run.session.install.clone();
    if is_alone(run) {
        let why = not_started(run);
        return not_applicable(why, Some(why));
    }
    // Without a server there would be nobody to take it.
    if launch(run).is_some() {
        wait_until_idle::after_changes(run, PHASE, Task::StartServer)?;
        search_index::ask_for_rebuild(&install)?;
        drop_index(run);
    }
    match start_again(run) {
        Ok(Some(url)) => {
            let release = crate::core::provenance::short(run.session.source_commit()).to_owned();
            done(format!("{url}, release {release}"), None)
        }
        Ok(None) => {
            let why = not_started(run);
            not_applicable(why, Some(why))
        }
        Err(e) => Err(e),
    }
}

/// Bytecode is all that is left of a package whose files all went: it goes, too, with the folders that are empty then.
fn drop_replaced(run: &mut Run) {
    let install = run.session.install.clone();
    for server in layouts().servers().filter(|server| server.package != target(run).package) {
        let Ok(root) = Folder::open(&install) else { return };
        if root.below(&server.package, false).is_err() {
            continue;
        }
        let folders = walkdir::WalkDir::new(server.package.under(&install)).into_iter().flatten();
        let bytecode = folders.filter(|e| e.file_type().is_dir() && e.file_name() == "__pycache__");
        let gone = bytecode.map(|e| e.into_path()).collect::<Vec<_>>();
        if let Some(e) = gone.iter().find_map(|folder| fs::remove_tree(folder).err()) {
            run.log(Level::Warn, "server", &e.to_string());
        }
        if let Ok((parent, name)) = root.parent_of(&server.package, false) {
            parent.remove_hollow(name);
        }
    }
}

/// A server that keeps no note by which its index could be marked builds it anew when it is gone: where pages changed, it
/// goes while no server runs.
fn drop_index(run: &mut Run) {
    let install = run.session.install.clone();
    let places = search_index::places(&install);
    let runs = matches!(server::find(&install), Running::Yes(_));
    let changed = |f: &FileEntry| {
        f.kind.changes_install() && [Some(&f.path), f.from.as_ref()].into_iter().flatten().any(|p| places.is_page(p))
    };
    if places.note_layout().is_some() || runs || !run.session.plan().files.iter().any(changed) {
        return;
    }
    if let Err(e) = search_index::outdate(&install, &places, Trust::Files) {
        run.warn("index", search_index::problem(&install, &places, &e));
    }
}

type Health = (Fact<bool>, Fact<String>, Fact<String>);

/// MCP `initialize` and `tools/list` against the process that was just started.
fn health(run: &mut Run, missing: Option<NotApplicable>) -> TaskResult<Health> {
    if let Some(why) = missing {
        return not_applicable(why, (Fact::NotApplicable(why), Fact::NotApplicable(why), Fact::NotApplicable(why)));
    }
    let url = run.server.as_ref().map(|s| s.url.clone()).unwrap_or_default();
    let tools = run.runtime.block_on(Client::tools_at(&url)).map_err(|e| Stop::Failed {
        what: e.to_string(),
        next: Some(format!("read the server's log: {}", server::log_path(&run.session.install).shown()).into()),
    })?;
    let restarted = match &run.session.server {
        Some(before) if before.was_running => Fact::Is(true),
        _ if !run.session.options().auto_restart => Fact::NotApplicable(NotApplicable::RestartDisabled),
        Some(before) if before.pid.is_some() => Fact::NotApplicable(NotApplicable::LeftToEditor),
        _ => Fact::NotApplicable(NotApplicable::ServerWasStopped),
    };
    done(format!("passed, {} tools", tools.len()), (restarted, Fact::Is(now()), Fact::Is("passed".to_owned())))
}
