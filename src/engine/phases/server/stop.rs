//! The server of before: noted while nothing has changed yet, and stopped when something is about to.

use std::time::Duration;

use crate::core::question::{Question, Way};
use crate::engine::events::Level;
use crate::engine::phases::server::launch::keep_settings;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, warned};
use crate::host::process::proc::Stopped;
use crate::host::process::timing::{Who, waiting};
use crate::host::server::mcp::Client;
use crate::host::server::{self, Case, Live, Owner, Running, Settings};

/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Notes what runs, durably: after that it may be stopped. A person is asked here, before anything takes its time. One
/// that was started since it was noted that none runs is noted, too: what is stopped is started again.
///
/// # Errors
/// [`Stop`] if that is what was asked, or the session can't be saved.
pub(crate) fn note_server(run: &mut Run) -> Result<(), Stop> {
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
///
/// # Errors
/// [`Stop`] where it lives on.
pub(crate) fn stop_noted(run: &mut Run) -> TaskResult<String> {
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
    if before.is_some_and(|b| !b.was_running && b.pid == Some(pid))
        || matches!(live.owner, Owner::Editor | Owner::Supervised)
    {
        if live.owner == Owner::Supervised {
            // What becomes of it is told when all is in place.
            return done(format!("pid {pid} left to its supervisor"), found);
        }
        let why = match live.owner {
            Owner::Editor => "its editor holds it; reload it there",
            Owner::Terminal => "it was started by hand; start it again there",
            Owner::Nobody | Owner::Supervised => "auto_restart is off; restart it yourself",
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
pub(crate) fn stop_live(run: &mut Run, live: &Live) -> Result<(), String> {
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
        Owner::Editor | Owner::Supervised => Ok(true),
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

/// Ends a server that is to be started again because it runs the old code; what went wrong, if it lives on. One that is left
/// alone is not touched.
pub(crate) fn stop_outdated(run: &mut Run) -> Result<(), String> {
    let before = run.session.server.as_ref();
    if before.is_some_and(|s| s.was_running)
        && let Running::Yes(live) = server::find(&run.session.install)
        && live.owner == Owner::Nobody
    {
        return stop_live(run, &live);
    }
    Ok(())
}
