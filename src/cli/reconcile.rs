//! `reconcile`: one baseline where a git merge left two.

use std::path::Path;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::ask::ask;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::exit::Exit;
use crate::core::release_history::short;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::reconcile::{Found, Reconciled};

/// Runs the subcommand. Writes `.upgrade-baseline.json` and nothing else; one that could not be read is kept among the
/// rescued files.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) fn run(common: &Common, source: Option<&Path>) -> Result<Exit, Refusal> {
    let install = request::install(common)?;
    let project = request::project(common)?;
    let missing = "no source: where is the clone of praxis-os that has these releases?";
    let path = request::releases(&project, source, missing, "pos-upgrade-tui reconcile --source DIR")?;
    let reconciled = Reconciled::find(&path, &install, &mut |line| complain!("{line}"))?;
    let (found, shown) = (&reconciled.found, &reconciled.path);
    if found.same {
        let message = format!("{}: nothing to do, it says what the install is", shown.shown());
        return Ok(output::nothing_to_do(&message, common.json));
    }
    if !common.json {
        show(shown, found);
    }
    ask(common, "Write it?", &format!("reconcile --source {}", path.shown()))?;
    let kept = reconciled.write()?;
    if common.json {
        let others: Vec<_> = found.others.iter().map(|(path, of)| json!({"path": path, "release": of})).collect();
        let line = json!({"schema": 1, "install": install, "release": found.baseline.release, "named": found.named,
                          "others": others, "edited": found.edited, "kept": kept});
        say!("{line}");
        return Ok(Exit::Done);
    }
    say!("{} is of release {}", shown.shown(), short(&found.baseline.release));
    if let Some(kept) = kept {
        say!("  what stood there is now in {kept}");
    }
    say!("  next: commit it, then see what is to do: pos-upgrade-tui plan --source {}", path.shown());
    Ok(Exit::Done)
}

fn show(shown: &Path, found: &Found) {
    say!("{}", shown.shown());
    let named: Vec<&str> = found.named.iter().map(|release| short(release)).collect();
    match named.as_slice() {
        [] => say!("  names no release that can be read"),
        [one] => say!("  names release {one}"),
        all => say!("  names the releases {}", all.join(" and ")),
    }
    say!("  the install is of release {}, with {} files", short(&found.baseline.release), found.baseline.files.len());
    let others: Vec<String> =
        found.others.iter().map(|(path, of)| format!("{} (of {})", diff::path(path), short(of))).collect();
    list("of other releases", &others);
    list("edited by you", &found.edited.iter().map(diff::path).collect::<Vec<_>>());
}

fn list(what: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    say!("  {what}: {}", lines.len());
    print::some("    ", lines, "");
}
