//! `backups`: which there are, whether they are sound, and removing old ones.

use std::path::Path;

use serde_json::json;

use crate::cli::args::{BackupsCommand, Common};
use crate::cli::ask::ask;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::exit::Exit;
use crate::core::os_text::about;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::backups;
use crate::engine::maintenance::backups::Prunable;
use crate::host::backup::retention::Kept;
use crate::host::files::fs::human_size;

/// How many paths of a damaged backup are shown of each kind; the JSON has all.
const SHOWN: usize = 20;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn run(common: &Common, command: Option<&BackupsCommand>) -> Result<Exit, Refusal> {
    let install = request::install(common)?;
    match command {
        None | Some(BackupsCommand::List) => list(common, &install),
        Some(BackupsCommand::Verify { backup }) => verify(common, &install, backup.as_deref()),
        Some(BackupsCommand::Prune { keep }) => prune(common, &install, *keep as usize),
    }
}

fn list(common: &Common, install: &Path) -> Result<Exit, Refusal> {
    let all = backups::all(install)?;
    diff::to_stdout(|paper| {
        if common.json {
            return paper.json(&about(install, json!({"backups": all})));
        }
        paper.line(diff::Ink::Plain, &install.join(".backups").shown().to_string())?;
        if all.is_empty() {
            paper.line(diff::Ink::Plain, "  no backup yet; every upgrade makes one first")?;
        }
        all.iter().rev().try_for_each(|backup| paper.line(diff::Ink::Plain, &format!("  {}", line(backup))))
    })?;
    Ok(if all.iter().any(|b| b.unreadable) { Exit::Refused } else { Exit::Done })
}

fn line(backup: &Kept) -> String {
    let marks = [(backup.newest_good, "newest good"), (backup.needed, "needed by the unfinished upgrade")];
    let marks: Vec<&str> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    let what = match &backup.problem {
        Some(problem) => format!("not usable: {problem}"),
        None => format!(
            "{:>9}, {} files, session {}",
            human_size(backup.bytes),
            backup.files,
            backup.session_id.as_deref().unwrap_or("unknown")
        ),
    };
    let what = diff::shown(what.as_bytes());
    let marks = if marks.is_empty() { String::new() } else { format!("  ({})", marks.join(", ")) };
    format!("{}  {what}{marks}", backup.name)
}

fn verify(common: &Common, install: &Path, named: Option<&str>) -> Result<Exit, Refusal> {
    let examined = backups::examine(install, named)?;
    let damaged = examined.iter().any(|e| !e.sound);
    diff::to_stdout(|paper| {
        if common.json {
            return paper.json(&about(install, json!({"sound": !damaged, "backups": examined})));
        }
        let mut say = |text: String| paper.line(diff::Ink::Plain, &text);
        say(install.join(".backups").shown().to_string())?;
        if examined.is_empty() {
            say("  no backup yet".to_owned())?;
        }
        for one in &examined {
            let word = if one.sound { "sound" } else { "DAMAGED" };
            say(format!("  {}  {word}, {} files read back", one.name, one.checked))?;
            if let Some(problem) = &one.problem {
                say(format!("    {}", diff::shown(problem.as_bytes())))?;
            }
            for (kind, paths) in [("missing", &one.missing), ("changed", &one.changed), ("extra", &one.extra)] {
                for path in paths.iter().take(SHOWN) {
                    say(format!("    {kind}: {}", diff::path(path)))?;
                }
                if paths.len() > SHOWN {
                    say(format!("    and {} more {kind}", paths.len() - SHOWN))?;
                }
            }
        }
        if damaged {
            say(
                "  next: what is not named here can still be brought back: pos-upgrade-tui restore PATH --from BACKUP"
                    .into(),
            )?;
        }
        Ok(())
    })?;
    Ok(if damaged { Exit::Refused } else { Exit::Done })
}

fn prune(common: &Common, install: &Path, keep: usize) -> Result<Exit, Refusal> {
    let found = Prunable::find(install, keep, &mut |line| complain!("{line}"))?;
    if found.names.is_empty() {
        let message = format!("nothing to prune: {} backups in {}", found.all.len(), install.join(".backups").shown());
        if common.json {
            print::json(&about(install, json!({"removed": [], "problems": []})));
            return Ok(Exit::Done);
        }
        return Ok(output::nothing_to_do(&message, false));
    }
    if !common.json {
        say!("{}", install.join(".backups").shown());
        for backup in found.going() {
            say!("  goes: {}", line(backup));
        }
    }
    ask(common, "Remove these for good?", &format!("backups prune --keep {keep}"))?;
    let pruned = found.remove()?;
    if common.json {
        let line = about(install, json!({"removed": pruned.removed, "problems": pruned.problems}));
        print::json(&line);
    } else {
        pruned.problems.iter().for_each(|p| complain!("warning: an old environment could not be removed: {p}"));
        say!("{} removed, {} left", pruned.removed.len(), found.all.len().saturating_sub(pruned.removed.len()));
    }
    Ok(Exit::Done)
}
