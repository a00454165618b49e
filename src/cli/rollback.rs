//! `rollback`: the install as it was before an upgrade.

use std::io::IsTerminal as _;

use crate::cli::args::Common;
use crate::cli::ask::confirmed;
use crate::cli::output;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::session;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::session::{Session, Status, moment};
use crate::core::visible::Shown as _;
use crate::engine::{admission, executor};
use crate::host::backup::copy;
use crate::host::install;

/// Runs the subcommand. Going back twice is going back once: a session that was rolled back is said to be, exit code 0.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) async fn run(common: &Common, named: Option<&str>, set_aside: bool) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let found = session::all(&project)?;
    let sessions = &found.sessions;
    let nothing = |message: String| {
        output::tidy(&project);
        Ok(output::nothing_to_do(&message, common.json))
    };
    let chosen = match named {
        Some(name) => sessions.iter().rev().find(|s| s.session_id == name || s.backup.as_deref() == Some(name)),
        None => {
            let unfinished = sessions.iter().rev().find(|s| s.is_unfinished());
            unfinished
                .or_else(|| sessions.iter().rev().find(|s| !matches!(s.status(), Status::Aborted | Status::Failed)))
        }
    };
    let Some(chosen) = chosen else {
        return match named {
            Some(name) => Err(unknown(&install::folder_of(&project), name)),
            None => nothing(format!(
                "nothing to roll back: no upgrade of {} is on record{}",
                project.shown(),
                newest_backup(&project).unwrap_or_default()
            )),
        };
    };
    if chosen.is_back() {
        let mut message = format!("nothing to roll back: session {} is ", chosen.session_id);
        message.push_str(&format!("{} already; nothing was changed", chosen.status().words()));
        if let Some(before) = found.earlier(&chosen.session_id) {
            let when = moment(&before.created_at, None);
            message.push_str(&match backup_of(before) {
                Ok(()) => format!(
                    "\nto go further back, behind the upgrade of {when}: {}",
                    Next::RollbackOf(&before.session_id).of(&project)
                ),
                Err(why) => format!("\nthere is no way further back, behind the upgrade of {when}: {why}"),
            });
        }
        return nothing(message);
    }
    if let Some(later) = found.later(&chosen.session_id) {
        let problem = admission::followed_by(chosen, later);
        return Err(problem.into());
    }
    admission::overtaken(chosen)?;
    usable_backup(chosen)?;
    if !common.yes {
        if !std::io::stdin().is_terminal() {
            return Err(Refusal::usage(
                Code::NeedsTerminal,
                "there is no terminal to ask at, and --yes is not given; nothing was changed",
                "pos-upgrade-tui rollback --yes",
            ));
        }
        let when = moment(&chosen.created_at, Some(jiff::Timestamp::now()));
        let question = format!("Put {} back as it was before {}?", chosen.install.shown(), when);
        if !confirmed(&question) {
            return Err(Refusal::refused(Code::SaidNo, "not rolled back; nothing was changed", ""));
        }
    }
    let handle = executor::roll_back(chosen.clone(), "asked for by a person", set_aside);
    Ok(output::follow(handle, common.json).await)
}

/// What can still be done where the sessions are gone, as `git clean` takes them, but a backup is there.
fn newest_backup(project: &std::path::Path) -> Option<String> {
    let whole = copy::list(&install::folder_of(project)).ok()?.into_iter().filter(|(_, whole)| *whole);
    let name = whole.map(|(name, _)| name).next_back()?;
    Some(format!("\nthere is a backup all the same; bring files back one by one: {}", Next::Restore(&name).of(project)))
}

fn unknown(install: &std::path::Path, name: &str) -> Refusal {
    let shown = crate::host::files::fs::visible(name);
    let known = match copy::list(install) {
        Ok(all) => all.iter().any(|(backup, _)| backup == name),
        Err(e) => {
            return Refusal::refused(Code::Files, format!("{e}; nothing was changed"), "mend that, then try again");
        }
    };
    if known {
        return Refusal::refused(
            Code::NoSuchSession,
            format!("the session that made the backup {shown} is not on record; nothing was changed"),
            format!("bring files back one by one: pos-upgrade-tui restore PATH --from {shown}"),
        );
    }
    Refusal::usage(
        Code::NoSuchSession,
        format!("there is no session or backup {shown}; nothing was changed"),
        "see which there are: pos-upgrade-tui history",
    )
}

/// Without its backup a session can't be rolled back; said before anything is asked.
fn usable_backup(session: &Session) -> Result<(), Refusal> {
    if !session.applied() {
        return Ok(());
    }
    backup_of(session).map_err(|why| {
        Refusal::refused(
            Code::BadBackup,
            format!("session {} can't be rolled back: {why}; nothing was changed", session.session_id),
            "see which backups there are: pos-upgrade-tui backups",
        )
    })
}

/// Whether a session has the backup that it would go back to; why not, in words.
fn backup_of(session: &Session) -> Result<(), String> {
    let name = session.backup.as_ref().ok_or("it has no backup")?;
    copy::Backup::open(&copy::folder_of(&session.install).join(name)).map(drop).map_err(|e| e.to_string())
}
