//! `doctor`: what the program sees, for a bug report. Nothing secret, and no path of the user's.

use std::path::Path;

use serde::Serialize;

use crate::cli::args::Common;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::exit::Exit;
use crate::core::redacted::Redact;
use crate::engine::maintenance::doctor::{self, Mark, Row};

/// All that was looked at, as `--json` prints it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Shown {
    schema: u32,
    program: &'static str,
    rows: Vec<Row>,
}

/// Runs the subcommand: exit code 4 where something is a problem.
///
/// # Errors
/// [`Refusal`] where there is no project.
pub(crate) fn run(common: &Common) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let home = std::env::var_os("HOME").unwrap_or_default();
    let home = Path::new(&home);
    // What is behind links is told by both names.
    let real = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let redact = Redact::new(&project, &[home, &real]);
    let mut rows = doctor::rows(&project);
    for row in &mut rows {
        row.found = redact.text(&row.found);
        row.next = row.next.as_deref().map(|next| redact.text(next));
    }
    let bad = rows.iter().any(|row| row.mark == Mark::Problem);
    if common.json {
        print::json(&Shown { schema: 1, program: env!("CARGO_PKG_VERSION"), rows });
    } else {
        say!("pos-upgrade-tui {}", env!("CARGO_PKG_VERSION"));
        for row in rows {
            let mark = match row.mark {
                Mark::Ok => "ok     ",
                Mark::Warning => "warning",
                Mark::Problem => "PROBLEM",
            };
            say!("  {mark}  {:<16} {}", row.about, row.found);
            if let Some(next) = row.next {
                say!("           {:<16} next: {next}", "");
            }
        }
    }
    Ok(if bad { Exit::Refused } else { Exit::Done })
}
