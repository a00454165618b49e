//! `adopt`: a baseline for an install that no upgrade by this program ever touched.

use std::path::Path;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::ask::ask;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::command_line::Next;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::ReleaseEvidence;
use crate::core::release_history::short;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::adopt::{self, Adoption};

/// Runs the subcommand. Writes `.upgrade-baseline.json` and nothing else.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) fn run(common: &Common, source: Option<&Path>) -> Result<Exit, Refusal> {
    let (install, project) = (request::install(common)?, request::project(common)?);
    if let Some(release) = adopt::known(&install)? {
        let message = format!("{}: nothing to do, it is known to be of release {}", install.shown(), short(&release));
        return Ok(output::nothing_to_do(&message, common.json));
    }
    let missing = "no source: where is the clone of praxis-os that has this install's release?";
    let path = request::releases(&project, source, missing, Next::Adopt(None).of(&project))?;
    let adoption = Adoption::find(&path, &install, &mut |line| complain!("{line}"))?;
    if !common.json {
        show(&install, &adoption);
    }
    ask(common, "\nWrite its baseline?", &format!("adopt --source {}", quoted(&path)))?;
    adoption.write()?;
    if common.json {
        let found = &adoption.found;
        let others: Vec<_> = found.others.iter().map(|(path, of)| json!({"path": path, "release": of})).collect();
        let line = json!({"schema": 1, "install": install, "release": found.baseline.release,
                          "release_evidence": adoption.evidence, "as_shipped": adoption.as_shipped,
                          "edited": adoption.edited, "deleted": adoption.deleted, "own": adoption.own, "others": others});
        say!("{line}");
        return Ok(Exit::Done);
    }
    say!("{} is written", adoption.path.shown());
    say!("  next: commit it, then see what is to do: pos-upgrade-tui plan --source {}", quoted(&path));
    Ok(Exit::Done)
}

fn show(install: &Path, adoption: &Adoption) {
    let found = &adoption.found;
    let how = match adoption.evidence {
        ReleaseEvidence::History => "by the source's history: no other release is as like it",
        ReleaseEvidence::Known => "by the table of known releases",
        ReleaseEvidence::Manifest => "by the source's manifest",
        ReleaseEvidence::Baseline | ReleaseEvidence::None => "by its files",
    };
    say!("{}", install.shown());
    say!("  it is of release {}, told {how}", short(&found.baseline.release));
    say!("  as shipped: {} files", adoption.as_shipped);
    list("edited by you", &adoption.edited);
    list("deleted by you", &adoption.deleted);
    say!("  your own: {}", adoption.own);
}

fn list(head: &str, paths: &[RelPath]) {
    say!("  {head}: {}", paths.len());
    print::some("    ", &paths.iter().map(diff::path).collect::<Vec<_>>(), "");
}
