//! A server that a supervisor runs: it is never ended beside it. Its supervisor restarts it once all is in place, where that
//! is allowed; else the command is named.

use std::time::{Duration, Instant};

use crate::engine::events::Level;
use crate::engine::session::context::Run;
use crate::host::process::children::MARK;
use crate::host::process::proc::Process;
use crate::host::process::timing::{Who, waiting};
use crate::host::server::mcp::Client;
use crate::host::server::{self, Running, Supervisor};

/// How long a server may take to answer once its unit was restarted.
const LONGEST: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);

/// Lets the supervisor restart the server that runs older code than what is installed now. True where it did and the server
/// answers; none where no supervisor runs it.
pub(crate) fn restart(run: &mut Run) -> Option<bool> {
    let install = run.session.install.clone();
    let (pid, supervisor) = found(run)?;
    let (words, command) = (supervisor.words(), supervisor.command());
    if !run.session.options().auto_restart {
        run.warn(
            "server",
            format!("the server (pid {pid}) is run by {words} and was left alone; to restart it: {command}"),
        );
        return Some(false);
    }
    let _server = waiting(Who::Server);
    if let Err(why) = supervisor.restart() {
        let told =
            format!("the server (pid {pid}) is run by {words}, and was not restarted ({why}); to do it: {command}");
        run.warn("server", told);
        return Some(false);
    }
    run.commands_run.push(command.clone());
    let begun = Instant::now();
    while begun.elapsed() < LONGEST {
        if let Running::Yes(now) = server::find(&install)
            && now.process.pid != pid
            // One of ours, for the proof, is not the supervisor's.
            && !now.process.env.contains_key(MARK)
            && run.runtime.block_on(Client::tools_at(&now.url)).is_ok()
        {
            run.log(Level::Info, "server", &format!("{words} runs it as pid {} now", now.process.pid));
            return Some(true);
        }
        std::thread::sleep(LOOK);
    }
    run.warn("server", format!("{words} was restarted, and its server does not answer yet: see its log"));
    Some(false)
}

/// The server that a supervisor runs, by its process: the one that the state file tells of, or the one that the session noted
/// when one for the proof has written that file since.
fn found(run: &Run) -> Option<(u32, Supervisor)> {
    let install = &run.session.install;
    let supervised = |process: &Process| Some((process.pid, Supervisor::of(process)?));
    let known = match server::find(install) {
        Running::Yes(live) => supervised(&live.process),
        Running::No(_) => None,
    };
    let noted = || {
        let pid = run.session.server.as_ref()?.pid?;
        server::others(install).iter().find(|process| process.pid == pid).and_then(supervised)
    };
    known.or_else(noted)
}
