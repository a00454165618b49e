//! `restore`: one file of a backup.

use std::path::Path;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::exit::Exit;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::restore;
use crate::engine::maintenance::restore::BroughtBack;
use crate::host::install;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) fn run(common: &Common, named: &Path, from: Option<&str>) -> Result<Exit, Refusal> {
    let install = request::install(common)?;
    let done = restore::bring_back(&install, named, from, &mut |line| complain!("{line}"))?;
    let BroughtBack { path, from, changed, rescued, warnings } = done;
    if !changed && !common.json {
        let message = format!("nothing to do: {} is as it was in {from}", diff::path(&path));
        return Ok(output::nothing_to_do(&message, false));
    }
    warnings.iter().for_each(|line| complain!("{line}"));
    if common.json {
        let line = json!({"schema": 1, "path": path, "from": from, "changed": changed, "rescued": rescued});
        print::json(&line);
        return Ok(Exit::Done);
    }
    say!("{} is back as it was in {from}", path.under(&install).shown());
    if let Some(to) = rescued {
        say!("  what stood there is now in {}/{to}", install::name_of(&install));
    }
    Ok(Exit::Done)
}
