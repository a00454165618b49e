//! `mcp`: the server for assistants, and what their clients are told to start it.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::mcp;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`] where the project that is named isn't there.
pub(crate) async fn run(common: &Common, print_config: bool) -> Result<Exit, Refusal> {
    if print_config {
        let project = request::project(common)?;
        config(&project, common.json);
        return Ok(Exit::Done);
    }
    if common.json {
        return Err(Refusal::usage(
            Code::Usage,
            "what mcp prints is the protocol, and nothing else; nothing was changed",
            "leave --json out, or: pos-upgrade-tui mcp --print-config --json",
        ));
    }
    // One that is not named may still be named with each call.
    let project = match &common.project {
        Some(_) => Some(request::project(common)?),
        None => request::project(common).ok(),
    };
    mcp::serve(project).await.map_err(|why| {
        let what = format!("no MCP client began to speak on standard input: {why}; nothing was changed");
        Refusal::usage(Code::Usage, what, "let a client start it: pos-upgrade-tui mcp --print-config")
    })
}

fn config(project: &Path, json: bool) {
    let command = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("pos-upgrade-tui"));
    let clients = mcp::clients::clients(&command, project);
    if json {
        print::json(&json!({"schema": 1, "clients": clients}));
        return;
    }
    for client in clients {
        say!("{}: {}", client.name, client.file);
        print::text(&serde_json::to_string_pretty(&client.entry).unwrap_or_default());
        if !client.or.is_empty() {
            let words: Vec<String> = client.or.iter().map(|w| quoted(w).to_string()).collect();
            say!("or: {}", words.join(" "));
        }
        say!("");
    }
}
