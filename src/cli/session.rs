//! `resume`, and how sessions are named on the command line.

use std::path::Path;

use super::args::Common;
use super::{Refusal, output, settings};
use crate::core::session::Session;
use crate::engine::executor;
use crate::host::store;

/// All sessions of a project, oldest first.
///
/// # Errors
/// [`Refusal`] if one is damaged.
pub fn all(project: &Path) -> Result<Vec<Session>, Refusal> {
    let (sessions, damaged) = store::all(&project.join(".praxis-os"));
    match damaged.first() {
        None => Ok(sessions),
        Some(folder) => Err(Refusal::refused(
            format!("{}: the files of this session are damaged; nothing was changed", folder.display()),
            format!("move them aside and look at the backups: mv {0} {0}.damaged", folder.display()),
        )),
    }
}

/// Goes on with an unfinished session.
///
/// # Errors
/// [`Refusal`].
pub async fn resume(common: &Common, named: Option<&str>) -> Result<u8, Refusal> {
    let project = settings::project(common)?;
    let sessions = all(&project)?;
    let wanted = |s: &&Session| named.map_or(s.status.is_unfinished(), |id| s.session_id == id);
    let Some(session) = sessions.into_iter().rev().find(|s| wanted(&s)) else {
        return match named {
            Some(id) => {
                Err(Refusal::usage(format!("there is no session {id}"), "see which there are: pos-upgrade-tui status"))
            }
            None => {
                let message = format!("nothing to resume: no upgrade of {} is unfinished", project.display());
                Ok(output::nothing_to_do(&message, common.json))
            }
        };
    };
    if !session.status.is_unfinished() {
        let message = format!("nothing to resume: session {} is {}", session.session_id, session.status.word());
        return Ok(output::nothing_to_do(&message, common.json));
    }
    Ok(output::follow(executor::resume(session), common.json).await)
}
