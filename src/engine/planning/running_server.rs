//! The install's server as the checks find it: whether it may be left alone, and what becomes of it otherwise.

use std::path::Path;

use crate::core::plan::Only;
use crate::engine::planning::folder;
use crate::engine::planning::request::Request;
use crate::engine::planning::room;
use crate::engine::planning::source::Source;
use crate::host::process::proc;
use crate::host::server::{self, Case, Live, Owner, Running, Supervisor};

/// How the install's server is found, and what a person should know about it before he says yes.
/// `is_tried` says that a second one will be started beside it, for the trial.
pub(crate) fn found(
    request: &Request,
    install: &Path,
    source: Option<&Source>,
    is_tried: bool,
    warnings: &mut Vec<String>,
) -> String {
    if request.only == Some(Only::Content) || !install.is_dir() {
        return String::new();
    }
    if !proc::are_seen() {
        warnings.push(
            "this system does not show which processes run: end the install's server before you go on, and start it again \
             afterwards"
                .to_owned(),
        );
    }
    let reload = "it will run the old release until you";
    // None may be left alone whose folder or package goes: the upgrade asks for its end before it changes anything.
    let must_end = folder::leaves(install).is_some() || source.is_some_and(|source| replaces_server(install, source));
    let ends = "it has to end before anything can change; switch it off in the editor's MCP settings";
    let found = match server::find(install) {
        Running::Yes(live) => {
            let pid = live.process.pid;
            warnings.extend(Some(pid).filter(|_| is_tried).and_then(room::in_memory));
            let auto = request.options.auto_restart;
            match live.owner {
                Owner::Nobody if auto => {}
                Owner::Terminal if auto && request.options.restart_by_hand => {}
                Owner::Supervised => warnings.extend(supervised(&live, must_end, auto)),
                Owner::Editor if must_end => {
                    warnings.push(format!("the server (pid {pid}) belongs to an editor: {ends}"));
                }
                Owner::Terminal if must_end && auto => warnings.push(format!(
                    "the server (pid {pid}) was started by hand on a terminal: it has to end before anything can change; \
                     end it there, or let it be restarted in the background (--restart)"
                )),
                Owner::Nobody | Owner::Terminal if must_end => warnings.push(format!(
                    "the server (pid {pid}) has to end before anything can change: end it, or allow its restart (auto_restart)"
                )),
                Owner::Nobody => warnings.push(format!("the server (pid {pid}) is left alone: {reload} restart it")),
                Owner::Editor => warnings.push(format!(
                    "the server (pid {pid}) belongs to an editor and is left alone: {reload} reload it there"
                )),
                Owner::Terminal => warnings.push(format!(
                    "the server (pid {pid}) was started by hand on a terminal: {reload} restart it there, or let it be \
                     restarted in the background (--restart)"
                )),
            }
            live.owner.words()
        }
        Running::No(missing) => {
            if missing.case == Case::NotListening {
                warnings.push(format!("{}; it is left alone", missing.why));
            }
            missing.case.words()
        }
    };
    let others = server::others(install);
    warnings.extend(others.iter().map(|p| {
        let then = if must_end { ends.to_owned() } else { format!("{reload} reload it there") };
        format!("process {} is a server of this install that an editor talks to: {then}", p.pid)
    }));
    found.to_owned()
}

/// What a person should know of a server that a supervisor runs.
fn supervised(live: &Live, must_end: bool, auto: bool) -> Option<String> {
    let supervisor = Supervisor::of(&live.process)?;
    let (pid, words, command) = (live.process.pid, supervisor.words(), supervisor.command());
    Some(match (must_end, auto) {
        (true, _) => format!(
            "the server (pid {pid}) is run by {words}: it has to end before anything can change; stop it there, and start \
             it again when the upgrade is done: {command}"
        ),
        (false, true) if matches!(supervisor, Supervisor::Systemd(..)) => {
            format!("the server (pid {pid}) is run by {words}, which is asked to restart it: {command}")
        }
        _ => format!("the server (pid {pid}) is run by {words} and is left alone; to restart it: {command}"),
    })
}

/// Whether the install's server is of another package than the release's, so that its code goes.
fn replaces_server(install: &Path, source: &Source) -> bool {
    let now = &server::layout_of(install).package;
    *now != source.generation().server().package && now.under(install).is_dir()
}
