//! The install's folder gets the name that the new generation has, and its old one back in a rollback: one rename each,
//! between two states of which each is whole. Which of the two names stands tells where the move is, also after a crash.

use std::path::PathBuf;

use crate::core::error_code::Code;
use crate::core::layout::layouts;
use crate::core::plan::Only;
use crate::core::question::{Question, Way};
use crate::core::visible::Shown as _;
use crate::engine::events::Level;
use crate::engine::phases::server::stop::{note_server, stop_live};
use crate::engine::phases::server::target;
use crate::engine::session::context::Run;
use crate::engine::session::stop::{Advice, Stop};
use crate::host::files::fs;
use crate::host::install::{self, rename};
use crate::host::install::{Beside, Install};
use crate::host::process::inside;
use crate::host::process::proc;
use crate::host::server::{self, Running};

/// What stood at the new place and can be made again, in the session's folder.
const REMAINS: &str = "remains";

/// Whether no server may be left alone: its folder gets another name, or its package goes.
fn must_end(run: &Run) -> bool {
    let (now, next) = (server::layout_of(&run.session.install), target(run));
    let replaced = run.session.plan().only != Some(Only::Content) && now.package != next.package;
    run.session.is_to_move() || (replaced && now.package.under(&run.session.install).is_dir())
}

/// Before anything changes: nobody may run from a folder that is about to be renamed, and no server from a package that
/// is about to go. A person is asked to end what is not ours to end.
///
/// # Errors
/// [`Stop`], naming the processes.
pub(crate) fn make_sure(run: &mut Run) -> Result<(), Stop> {
    if !must_end(run) {
        return Ok(());
    }
    note_server(run)?;
    loop {
        let found = in_use(run);
        if found.is_empty() {
            return Ok(());
        }
        let name = install::name_of(&run.session.install);
        let why = match run.session.is_to_move() {
            true => format!("The folder becomes {}, so it has to end first.", layouts().newest().folder),
            false => format!("The release has another server, {}, so it has to end first.", target(run).package),
        };
        let question = Question::new("folder_in_use", format!("Something runs from {name}"), Way::RollBack)
            .saying(found.clone())
            .saying([why])
            .offering(Way::Retry, "Look again", "when you have ended it: a server in your editor's MCP settings")
            .offering(Way::RollBack, "Give up", "nothing was changed");
        if run.ask(question)? != Way::Retry {
            let found = found.join("; ");
            let what = match run.session.is_to_move() {
                true => format!("the folder {name} can't be renamed while something runs from it: {found}"),
                false => format!("the server of {name} can't be replaced while it runs: {found}"),
            };
            let next = Advice::mend("end it (a server of an editor: switch it off in the editor's MCP settings)");
            return Err(Stop::Failed { code: Some(Code::RunsFromFolder), what, next: Some(next) });
        }
    }
}

/// Who runs from the folder, but for the server that the upgrade will stop.
fn in_use(run: &Run) -> Vec<String> {
    let ours = run.session.server.as_ref().filter(|server| server.was_running).and_then(|server| server.pid);
    let found = match run.session.is_to_move() {
        true => inside::inside(&run.session.install),
        false => server::all(&run.session.install),
    };
    let workers = ours.map(proc::descendants).unwrap_or_default();
    let others = found.into_iter().filter(|p| Some(p.pid) != ours && !workers.contains(&p.pid));
    others.map(|process| format!("process {}: {}", process.pid, fs::visible(&process.command.join(" ")))).collect()
}

/// Renames the folder, if that is still to be done; whether it was. Only behind the commit.
///
/// # Errors
/// [`Stop`]; then the folder has its old name.
pub(crate) fn forward(run: &mut Run) -> Result<bool, Stop> {
    let Some((before, after)) = run.session.folders().filter(|_| run.session.is_to_move()) else { return Ok(false) };
    if let Running::Yes(live) = server::find(&before) {
        stop_live(run, &live).map_err(Stop::failed)?;
    }
    let (Beside::Remains(_) | Beside::Nothing) = Install::find(&run.session.project).beside else {
        return Err(Stop::failed(format!("{}: something stands where the install has to go", after.shown())));
    };
    rename::forward(run.lock.install(), &after, &run.folder(REMAINS))?;
    at(run, after)?;
    Ok(true)
}

/// Gives the folder its old name back; the last step of a rollback before the old server is started.
///
/// # Errors
/// [`Stop`].
pub(crate) fn back(run: &mut Run) -> Result<(), Stop> {
    let Some((before, after)) = run.session.folders() else { return Ok(()) };
    if after == run.session.install {
        let rescue = crate::engine::rollback::set_aside::rescue_folder(&run.session)?;
        if let Some(to) = rename::back(&before, run.lock.install(), &rescue)? {
            let (name, to) = (install::name_of(&before), to.under(&before));
            run.warn(
                "rescued",
                format!("{name}: it came while the install had another name; it is now in {}", to.shown()),
            );
        }
        at(run, before)?;
    }
    rename::remains_back(run.lock.install(), &run.folder(REMAINS), &after)?;
    Ok(())
}

/// From here on the install is there.
fn at(run: &mut Run, place: PathBuf) -> Result<(), Stop> {
    run.lock.moved_to(&place)?;
    run.log(Level::Info, "folder", &format!("the install is now {}", place.shown()));
    run.session.install = place;
    Ok(())
}
