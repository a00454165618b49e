//! Phase 3: puts the new code and the environment that was built for it in place, starts the server and waits for health.

use crate::core::error_code::Code;
use crate::core::task::Task;

use crate::core::phase::{Fact, NotApplicable, Phase, ServerEvidence};
use crate::core::session::{Ready, StateEvent};
use crate::core::visible::Shown as _;
use crate::engine::account::check;
use crate::engine::account::take::When;
use crate::engine::conflicts::apply;
use crate::engine::events::Level;
use crate::engine::phases::server::launch::launch;
use crate::engine::phases::server::stop::{note_server, stop_noted, stop_outdated};
use crate::engine::phases::server::{dependencies, index, ready, restart_by_supervisor};
use crate::engine::session::context::{Run, now};
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, not_applicable};
use crate::engine::session::wait_until_idle;
use crate::host::files::journal::Journal;
use crate::host::server::mcp::Client;
use crate::host::server::search_index;
use crate::host::server::{self, Running};

use crate::core::index::Trust;
use crate::core::layout::layouts;
use crate::engine::phases::server::launch::start_again;
use crate::engine::phases::server::{is_alone, not_started, target};
use crate::host::files::folder::Folder;
use crate::host::files::fs;

const PHASE: Phase = Phase::Server;

/// Runs the phase. Every step can be repeated after an interruption.
///
/// # Errors
/// [`Stop`].
pub(crate) fn run(run: &mut Run) -> Result<ServerEvidence, Stop> {
    let install = run.install();
    let journal = Journal::load(&install, &run.folder("server"))?
        .ok_or_else(|| Stop::failed("the journal of the server code is gone; roll back"))?;
    let has_code = target(run).package.under(&install).is_dir() || !journal.is_empty();
    let no_code = || Fact::NotApplicable(NotApplicable::NoServerCode);
    if !run.session.gone.contains_key(&PHASE.number()) {
        check::note_gone(run, PHASE)?;
    }
    if run.session.ready.is_none() {
        // An earlier build of this program did phase 2, and left this to phase 3.
        ready::make(run, &journal)?;
    }
    let ready =
        run.session.ready.clone().ok_or_else(|| Stop::failed("nothing is ready for the new server; roll back"))?;
    let Ready { dependencies_installed, post_install_steps, server_found, .. } = ready;
    // Somebody may have started one since.
    note_server(run)?;
    let server_found = match server_found {
        Some(found) => {
            stop_outdated(run).map_err(Stop::failed)?;
            found
        }
        None => stop_noted(run)?.value,
    };
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
    journal.drop_staging(&install);
    drop_replaced(run);
    let started = run.task(PHASE, Task::StartServer, start_server)?;
    let (mut restarted, mut time, health) = run.task(PHASE, Task::Health, |run| health(run, started))?;
    if run.session.server.as_ref().is_some_and(|before| !before.was_running) {
        // One for the proof may stand beside it: what its supervisor runs is found by its own note.
        if restart_by_supervisor::restart(run) == Some(true) {
            (restarted, time) = (Fact::Is(true), Fact::Is(now()));
        }
    }
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

/// Starts the server, for good or only to prove that it works. None where there is nothing to start.
fn start_server(run: &mut Run) -> TaskResult<Option<NotApplicable>> {
    let install = run.install();
    if is_alone(run) {
        let why = not_started(run);
        return not_applicable(why, Some(why));
    }
    // Without a server there would be nobody to take it.
    if launch(run).is_some() {
        wait_until_idle::after_changes(run, PHASE, Task::StartServer)?;
        if !run.session.ready.as_ref().is_some_and(|ready| ready.index_is_current) {
            search_index::ask_for_rebuild(&install)?;
            drop_index(run);
        }
    }
    match start_again(run) {
        Ok(Some(url)) => {
            let release = crate::core::release_history::short(run.session.source_commit()).to_owned();
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
    let install = run.install();
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
    let install = run.install();
    let places = search_index::places(&install);
    let runs = matches!(server::find(&install), Running::Yes(_));
    if places.note_layout().is_some() || runs || !index::changes_pages(run, &places) {
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
        let restarted = match why {
            // Why it was not restarted is another thing than what has proven the release.
            NotApplicable::Rehearsed if !run.session.options().auto_restart => NotApplicable::RestartDisabled,
            NotApplicable::Rehearsed => NotApplicable::LeftToEditor,
            why => why,
        };
        return not_applicable(
            why,
            (Fact::NotApplicable(restarted), Fact::NotApplicable(why), Fact::NotApplicable(why)),
        );
    }
    let url = run.server.as_ref().map(|s| s.url.clone()).unwrap_or_default();
    let tools = run.runtime.block_on(Client::tools_at(&url)).map_err(|e| Stop::Failed {
        code: Some(Code::ServerNotStarted),
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
