//! The assistant's face: an MCP server on standard input and output, on the same engine, session files and lock as the
//! wizard and the commands. It decides nothing by itself, and outlives the restart of the install's own server.

mod call;
pub(crate) mod clients;
mod elicit;
pub(crate) mod fault;
mod live;
mod prompts;
mod resources;
pub(crate) mod shapes;
mod tool_list;
mod tools;

use std::path::PathBuf;

use rmcp::ServiceExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::core::exit::Exit;
use crate::core::visible;
use tool_list::Face;

/// Serves until the client goes away or a signal asks for an end. A session that runs then is paused after its current step.
///
/// # Errors
/// What was wrong with the first word of whoever began to speak.
pub(crate) async fn serve(project: Option<PathBuf>) -> Result<Exit, String> {
    let face = Face::new(project);
    let here = face.here();
    let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return Ok(Exit::Bug);
    };
    let service = tokio::select! {
        service = face.serve(rmcp::transport::stdio()) => service,
        _ = terminate.recv() => return Ok(Exit::Interrupted),
        _ = hang_up.recv() => return Ok(Exit::Interrupted),
        _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
    };
    let service = match service {
        Ok(service) => service,
        // Nobody has said a sensible first word.
        Err(e) => {
            return Err(visible::start_of(&e.to_string(), 300));
        }
    };
    let exit = tokio::select! {
        _ = service.waiting() => Exit::Done,
        _ = terminate.recv() => Exit::Interrupted,
        _ = hang_up.recv() => Exit::Interrupted,
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
    };
    here.let_go().await;
    Ok(exit)
}
