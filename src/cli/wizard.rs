//! No subcommand: the wizard.

use std::path::PathBuf;

use super::args::{Common, From};
use super::{Refusal, at_a_terminal, settings};
use crate::engine::inspect::Request;

/// Opens the wizard.
///
/// # Errors
/// [`Refusal`] without a terminal, naming `upgrade`.
pub async fn run(common: &Common, from: &From) -> Result<u8, Refusal> {
    if !at_a_terminal() {
        return Err(Refusal::usage(
            "the wizard needs a terminal; nothing was changed",
            "without one: pos-upgrade-tui upgrade --source DIR --yes",
        ));
    }
    let (project, request) = settings::request(common, from)?;
    open(project, request).await
}

/// Opens the wizard on a project.
///
/// # Errors
/// [`Refusal`] where the terminal can't be used.
pub async fn open(_project: PathBuf, _request: Option<Request>) -> Result<u8, Refusal> {
    Err(Refusal::usage("not yet", ""))
}
