//! The server in a rollback: what the upgrade put there is stopped, what ran before runs again, and the sessions that the new
//! one kept go.

use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::engine::phases::server::launch::start_again;
use crate::engine::phases::server::stop::stop_live;
use crate::engine::rollback::folders::{folders, nothing_at};
use crate::engine::rollback::index::ask_for_rebuild;
use crate::engine::rollback::restored::{Restored, tell};
use crate::engine::session::context::Run;
use crate::engine::session::server_state::STATE_BEFORE;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;
use crate::host::files::aside;
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::process::proc;
use crate::host::server::kept::{self, Before};
use crate::host::server::mcp::Client;
use crate::host::server::search_index;
use crate::host::server::{self, Case, Live, Owner, Running, Supervisor};
use crate::host::session::shown;
use rustix::fs::FileType;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

/// What the new server keeps of workflows: our own session's copies go, with the folders that were made for them, and so does
/// what was made meanwhile in a folder that the install did not have.
pub(super) fn sessions(run: &mut Run, backup: &Backup, rescue: &RelPath, restored: &mut Restored) -> Result<(), Stop> {
    copies(run, backup)?;
    let root = Folder::open(&run.session.install)?;
    for layout in layouts().servers().filter(|layout| layout.session_folders.is_some()) {
        let Some(top) = layout.sessions.parts().next().and_then(|top| RelPath::new(top).ok()) else { continue };
        let had = backup.manifest.entries.keys().any(|path| path.is_within(&top));
        if had || nothing_at(&root, &top) || root.remove_hollow(OsStr::from_bytes(top.as_bytes())) {
            continue;
        }
        let to = aside::set_aside(run.lock.install(), &root, &top, rescue)?;
        let moved: Vec<_> = to.map(|to| (top, to)).into_iter().collect();
        tell(run, restored, &moved, "the new server made it");
    }
    Ok(())
}

/// Takes back the copies of our own session, with the folders that were made for them.
pub(super) fn copies(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    shown::take_back(run.lock.install(), &run.session)?;
    for refused in folders(run.lock.install(), backup, shown::copies(&run.session).iter(), true)? {
        run.warn("folders", refused.to_string());
    }
    Ok(())
}

/// Stops the server that runs what is about to go; whether one has to run again afterwards.
pub(super) fn stop_server(run: &mut Run) -> bool {
    if run.session.rebuilt() && run.session.server.is_none() {
        find_out_about_server(run);
    }
    let before = run.session.server.as_ref().is_some_and(|s| s.was_running);
    if let Some(started) = run.server.take_if(|_| before) {
        started.stop();
        return true;
    }
    // One that was only started for the proof.
    run.stop_proof_server();
    match server::find(&run.session.install) {
        Running::Yes(live) if !is_replaced(run, &live) => false,
        Running::Yes(live) if live.owner == Owner::Nobody => {
            if !before {
                // Somebody started it after the upgrade.
                run.session.server = Some(live.before(Vec::new()));
            }
            if let Err(problem) = stop_live(run, &live) {
                run.warn("server", problem);
            }
            true
        }
        // It is restarted when all is back.
        Running::Yes(live) if live.owner == Owner::Supervised => false,
        Running::Yes(live) => {
            let (pid, whose) = (live.process.pid, live.owner.words());
            run.warn("server", format!("the server (pid {pid}) is {whose}: start it again there"));
            false
        }
        Running::No(_) => before,
    }
}

/// The supervisor of a server that runs what is about to go.
pub(super) fn supervised(run: &Run) -> Option<Supervisor> {
    match server::find(&run.session.install) {
        // One that was left alone has the old release still.
        Running::Yes(live) if began_since(run, &live) => Supervisor::of(&live.process),
        _ => None,
    }
}

/// Whether a server was started since the upgrade began.
fn began_since(run: &Run, live: &Live) -> bool {
    let began = run.session.created_at.parse::<jiff::Timestamp>().ok();
    // The session's time is cut to the second.
    let times = began.zip(proc::started_at(live.process.pid));
    times.is_none_or(|(began, started)| started.as_second() >= began.as_second())
}

/// Lets a supervisor restart its server, now that the old release is back, where that is allowed; else names the
/// command.
pub(super) fn restart_supervised(run: &mut Run, supervisor: &Supervisor) {
    let (words, command) = (supervisor.words(), supervisor.command());
    if !run.session.options().auto_restart {
        let told = format!("the server is run by {words}, and has newer code in memory; to restart it: {command}");
        return run.warn("server", told);
    }
    match supervisor.restart() {
        Ok(()) => run.commands_run.push(command),
        Err(why) => {
            run.warn(
                "server",
                format!("the server is run by {words}, and was not restarted ({why}); to do it: {command}"),
            );
        }
    }
}

/// The state files as they were before the upgrade, where no server runs; and what servers that have ended left of half-written
/// ones. One that named a server which is started again goes: that one writes its own.
pub(super) fn state_files(
    run: &mut Run,
    backup: &Backup,
    rescue: &RelPath,
    started_again: bool,
    restored: &mut Restored,
) -> Result<(), Stop> {
    let install = run.install();
    let root = Folder::open(&install)?;
    let is_users = |path: &RelPath| backup.manifest.entries.contains_key(path);
    for path in kept::left_by_the_dead(&install).iter().filter(|path| !is_users(path)) {
        fs::remove_file(&path.under(&install))?;
    }
    let lives = match server::find(&install) {
        Running::Yes(_) => true,
        // It may be about to listen.
        Running::No(missing) => missing.case == Case::NotListening,
    };
    let folder = run.folder(STATE_BEFORE);
    if lives || !fs::is_there(&folder)? {
        return Ok(());
    }
    for path in kept::state_files().filter(|path| !is_users(path)) {
        let before = kept::before(&folder, &path)?;
        if before == Before::Other {
            continue;
        }
        let (parent, name) = match root.parent_of(&path, false) {
            Ok(found) => found,
            Err(e) if e.is_no_folder() => continue,
            Err(e) => return Err(e.into()),
        };
        match parent.kind(name)? {
            None => {}
            Some(FileType::Directory) => {
                let hollow = parent.remove_hollow(name);
                let to = if hollow { None } else { aside::set_aside(&install, &root, &path, rescue)? };
                let moved: Vec<_> = to.map(|to| (path.clone(), to)).into_iter().collect();
                tell(run, restored, &moved, "it stood where the server's state file was");
            }
            // It names a process that is gone, and is never read: it may be a pipe, or have no end.
            Some(_) => parent.remove(name)?,
        }
        parent.sync()?;
        if let (Before::File(copy), false) = (before, started_again) {
            server::copy_state(&install, &copy, &path.under(&install))?;
        }
    }
    Ok(())
}

/// Whether a server runs code that this session put in place. One that ran before, and one of an upgrade that never came
/// to the server, runs what was there and what stays there.
pub(super) fn is_replaced(run: &Run, live: &Live) -> bool {
    if run.session.rebuilt() {
        return true;
    }
    // What runs is noted before anything changes.
    let Some(before) = &run.session.server else { return false };
    let began = run.session.created_at.parse::<jiff::Timestamp>().ok();
    let ran_before = match (began, proc::started_at(live.process.pid)) {
        // The session's time is cut to the second.
        (Some(began), Some(started)) => started.as_second() < began.as_second(),
        _ => false,
    };
    before.pid != Some(live.process.pid) && !ran_before
}

/// Nobody knows any more whether a server ran before the upgrade: one that runs now is started again afterwards.
pub(super) fn find_out_about_server(run: &mut Run) {
    match server::find(&run.session.install) {
        Running::Yes(live) if live.owner == Owner::Nobody => run.session.server = Some(live.before(Vec::new())),
        Running::Yes(_) => {}
        Running::No(_) => {
            run.warn("server", "no server runs; if one did before the upgrade, start it as you always do".into());
        }
    }
}

/// How long a small index may take; a large one goes on being rebuilt after the rollback has ended.
pub(super) const INDEX_WAIT: Duration = Duration::from_secs(5);

/// Starts the old server, with an order to rebuild its index where that does not fit, and proves that it answers; what is wrong, if anything.
pub(super) fn start_old_server(run: &mut Run, index_fits: bool) -> Option<String> {
    let install = run.session.install.clone();
    let flag = search_index::places(&install).flag().filter(|_| !index_fits).map(|flag| flag.under(&install));
    if !index_fits {
        ask_for_rebuild(run);
    }
    let url = match start_again(run) {
        Ok(Some(url)) => url,
        Ok(None) => return None,
        Err(Stop::Failed { what, .. }) => return Some(what),
        Err(_) => return Some("it was not started".into()),
    };
    let answer = run.runtime.block_on(Client::tools_at(&url));
    if let Some(started) = run.server.take() {
        started.leave();
    }
    let begun = Instant::now();
    while answer.is_ok() && flag.as_ref().is_some_and(|f| f.exists()) && begun.elapsed() < INDEX_WAIT {
        std::thread::sleep(Duration::from_millis(20));
    }
    answer.err().map(|e| e.to_string())
}
