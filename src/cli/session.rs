//! `resume`, and how sessions are named on the command line.

use std::path::Path;

use crate::cli::args::Common;
use crate::cli::ask::at_a_terminal;
use crate::cli::output;
use crate::cli::refusal::Refusal;
use crate::cli::settings;
use crate::cli::wizard;
use crate::core::os_text::quoted;
use crate::core::visible::Shown as _;
use crate::core::visible::line as visible;
use crate::engine::executor;
use crate::host::install;
use crate::host::session::catalog;
use crate::host::session::catalog::Found;

/// All sessions of a project, as far as anything can be told of them.
///
/// # Errors
/// [`Refusal`] if nothing can be told of the last one.
pub fn all(project: &Path) -> Result<Found, Refusal> {
    let found = catalog::survey(&install::folder_of(project));
    match found.lost() {
        None => Ok(found),
        Some(damage) => Err(Refusal::refused(format!("{}; nothing was changed", damage.describe()), damage.next())),
    }
}

/// Goes on with an unfinished session.
///
/// # Errors
/// [`Refusal`].
pub async fn resume(common: &Common, named: Option<&str>) -> Result<u8, Refusal> {
    let project = settings::project(common)?;
    let found = all(&project)?;
    let session = match named {
        Some(id) => found.sessions.iter().find(|s| s.session_id == id),
        None => found.unfinished(),
    };
    let Some(session) = session else {
        return match named {
            Some(id) => Err(Refusal::usage(
                format!("there is no session {}", visible(id)),
                "see which there are: pos-upgrade-tui history",
            )),
            None => {
                output::tidy(&project);
                let message = format!("nothing to resume: no upgrade of {} is unfinished", project.shown());
                Ok(output::nothing_to_do(&message, common.json))
            }
        };
    };
    if !session.is_unfinished() {
        output::tidy(&project);
        let message = format!("nothing to resume: session {} is {}", session.session_id, session.status().words());
        return Ok(output::nothing_to_do(&message, common.json));
    }
    if session.rebuilt() {
        let damage = found.damage(&session.session_id);
        let why = damage.map_or_else(|| session.reason().unwrap_or_default().to_owned(), catalog::Damage::describe);
        let next = format!("pos-upgrade-tui rollback --project {}", quoted(&project));
        return Err(Refusal::refused(format!("{why}; nothing was changed"), next));
    }
    // Conflicts are for a person, if one is there.
    if session.asks_about_conflicts() && at_a_terminal() && !common.json && !common.yes {
        return wizard::resume(session).await;
    }
    Ok(output::follow(executor::resume(session.clone()), common.json).await)
}
