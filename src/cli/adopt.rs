//! `adopt`: a baseline for an install that no upgrade by this program ever touched.

use std::path::Path;

use serde_json::json;

use crate::cli::args::{Common, From};
use crate::cli::ask::ask;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::source;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::ReleaseEvidence;
use crate::core::release_history::short;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::adopt::{self, Adoption};

/// How many paths of each kind are shown; the JSON has all.
const SHOWN: usize = 20;

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
    let from = From { source: source.map(Path::to_owned), ..From::default() };
    let Some(path) = request::absolute(request::settings(&project, &from)?.source_path.as_deref()) else {
        return Err(Refusal::usage(
            Code::NoSource,
            "no source: where is the clone of praxis-os that has this install's release? nothing was changed",
            Next::Adopt(None).of(&project),
        ));
    };
    let path = source::seen(&path, source.is_some())?;
    let adoption = Adoption::find(&path, &install, &mut |line| complain!("{line}"))?;
    if !common.json {
        print(&install, &adoption);
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

fn print(install: &Path, adoption: &Adoption) {
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
    list("edited by you", adoption.edited.iter());
    list("deleted by you", adoption.deleted.iter());
    say!("  your own: {}", adoption.own);
}

fn list<'p>(head: &str, paths: impl ExactSizeIterator<Item = &'p RelPath>) {
    let count = paths.len();
    say!("  {head}: {count}");
    paths.take(SHOWN).for_each(|path| say!("    {}", diff::path(path)));
    if count > SHOWN {
        say!("    and {} more", count - SHOWN);
    }
}
