//! `rollback`: the install as it was before an upgrade.

use std::io::IsTerminal as _;

use super::args::Common;
use super::{Refusal, confirmed, output, session, settings};
use crate::core::session::{Session, Status};
use crate::engine::executor;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub async fn run(common: &Common, named: Option<&str>) -> Result<u8, Refusal> {
    let project = settings::project(common)?;
    let sessions = session::all(&project)?;
    let chosen = match named {
        Some(name) => sessions.into_iter().rev().find(|s| s.session_id == name || s.backup.as_deref() == Some(name)),
        None => sessions.into_iter().rev().find(|s| s.status != Status::Aborted && s.status != Status::Failed),
    };
    let Some(chosen) = chosen else {
        return match named {
            Some(name) => Err(Refusal::usage(
                format!("there is no session or backup {name}"),
                "see which there are: pos-upgrade-tui status",
            )),
            None => {
                let message = format!("nothing to roll back: no upgrade of {} is on record", project.display());
                Ok(output::nothing_to_do(&message, common.json))
            }
        };
    };
    if let Some(word) = already_back(&chosen) {
        let message = format!("nothing to roll back: session {} is {word}; nothing was changed", chosen.session_id);
        return Ok(output::nothing_to_do(&message, common.json));
    }
    if !common.yes {
        if !std::io::stdin().is_terminal() {
            return Err(Refusal::usage(
                "there is no terminal to ask at, and --yes is not given; nothing was changed",
                "pos-upgrade-tui rollback --yes",
            ));
        }
        let question = format!("Put {} back as it was before {}?", chosen.install.display(), chosen.created_at);
        if !confirmed(&question) {
            return Err(Refusal::refused("not rolled back; nothing was changed", ""));
        }
    }
    let handle = executor::roll_back(chosen, "asked for by a person");
    Ok(output::follow(handle, common.json).await)
}

fn already_back(session: &Session) -> Option<&'static str> {
    matches!(session.status, Status::RolledBack | Status::Aborted | Status::Failed).then(|| session.status.word())
}
