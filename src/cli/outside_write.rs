//! `outside --write` and `--undo`: what becomes of each file is shown, asked about, and done.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::args::Common;
use crate::cli::ask::{at_a_terminal, confirmed};
use crate::cli::diff;
use crate::cli::diff::Ink;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::visible;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::outside::{self, Change};

/// Writes what a person says yes to.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn write(
    common: &Common,
    project: &Path,
    install: &Path,
    changes: Vec<Change>,
    dry_run: bool,
) -> Result<Exit, Refusal> {
    show(common, &changes)?;
    if dry_run {
        return told(common, None, &changes, &[], true);
    }
    let changes = chosen(common, changes, "Change")?;
    if changes.is_empty() {
        return Ok(output::nothing_to_do("nothing was changed", common.json));
    }
    let stamp = outside::write(project, install, &changes, &mut |line| complain!("{line}"))?;
    if !common.json {
        for change in &changes {
            let names = if change.replaced == 1 { "1 name".to_owned() } else { format!("{} names", change.replaced) };
            say!("{}: {names} replaced", change.path.under(project).shown());
        }
        say!("to take it back: pos-upgrade-tui outside --undo {stamp}");
    }
    told(common, Some(&stamp), &changes, &[], false)
}

/// Puts back what was written.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn undo(
    common: &Common,
    project: &Path,
    install: &Path,
    stamp: Option<&str>,
    dry_run: bool,
) -> Result<Exit, Refusal> {
    let undo = outside::undo(project, install, stamp)?;
    show(common, &undo.back)?;
    for line in &undo.stays {
        complain!("stays as it is: {line}");
    }
    if dry_run {
        return told(common, Some(&undo.stamp), &undo.back, &undo.stays, true);
    }
    let wanted = undo.back.len();
    if chosen(common, undo.back.clone(), "Put back")?.len() < wanted {
        return Err(Refusal::refused(Code::SaidNo, "not done; nothing was changed", "pos-upgrade-tui outside --undo"));
    }
    outside::put_back(project, install, &undo, &mut |line| complain!("{line}"))?;
    if !common.json {
        undo.back.iter().for_each(|change| say!("{} is as it was", change.path.under(project).shown()));
        if undo.back.is_empty() && undo.stays.is_empty() {
            say!("all of it is as it was already");
        }
    }
    told(common, Some(&undo.stamp), &undo.back, &undo.stays, false)
}

/// Those that a person says yes to, one by one; without a terminal `--yes` says it for all that are named.
fn chosen(common: &Common, changes: Vec<Change>, verb: &str) -> Result<Vec<Change>, Refusal> {
    if common.yes || changes.is_empty() {
        return Ok(changes);
    }
    if !at_a_terminal() || common.json {
        return Err(Refusal::usage(
            Code::NeedsTerminal,
            "there is no terminal to ask at, and --yes is not given; nothing was changed",
            "look at it with --dry-run, then say --yes",
        ));
    }
    Ok(changes.into_iter().filter(|c| confirmed(&format!("{verb} {} as shown?", diff::path(&c.path)))).collect())
}

fn show(common: &Common, changes: &[Change]) -> Result<(), Refusal> {
    if common.json {
        return Ok(());
    }
    diff::to_stdout(|paper| {
        for change in changes {
            let name = diff::path(&change.path);
            diff::unified(paper, [&format!("a/{name}"), &format!("b/{name}")], &change.now, &change.then)?;
            for (line, name) in &change.left {
                let text = format!("  line {line}: {} stays: nothing is in its place", visible::line(name));
                paper.line(Ink::Plain, &text)?;
            }
        }
        Ok(())
    })
}

/// The JSON, and how it ends: not done where something stays that should be back.
fn told(
    common: &Common,
    stamp: Option<&str>,
    changes: &[Change],
    stays: &[String],
    dry_run: bool,
) -> Result<Exit, Refusal> {
    if common.json {
        let one = |change: &Change| -> Value {
            let left: Vec<Value> = change.left.iter().map(|(line, name)| json!({"line": line, "name": name})).collect();
            let path = String::from_utf8_lossy(change.path.as_bytes());
            json!({"path": path, "path_base64": change.path.base64(), "replaced": change.replaced, "left": left})
        };
        let files: Vec<Value> = changes.iter().map(one).collect();
        print::json(&json!({"schema": 1, "dry_run": dry_run, "stamp": stamp, "files": files, "stays": stays}));
    } else if dry_run {
        say!("nothing was changed");
    }
    Ok(if stays.is_empty() { Exit::Done } else { Exit::Incomplete })
}
