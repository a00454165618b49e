//! `backups`: which there are, whether they are sound, and removing old ones.

use std::path::Path;

use serde_json::json;

use crate::cli::args::{BackupsCommand, Common};
use crate::cli::ask::ask;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::restore;
use crate::cli::settings;
use crate::core::os_text::about;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::host::backup::retention;
use crate::host::backup::retention::{Examined, Kept};
use crate::host::files::fs::human_size;
use crate::host::session::catalog;

/// Exit code for a damaged backup.
const DAMAGED: u8 = 4;
/// How many paths of a damaged backup are shown of each kind; the JSON has all.
const SHOWN: usize = 20;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub fn run(common: &Common, command: Option<&BackupsCommand>) -> Result<u8, Refusal> {
    let install = settings::install(common)?;
    match command {
        None | Some(BackupsCommand::List) => list(common, &install),
        Some(BackupsCommand::Verify { backup }) => verify(common, &install, backup.as_deref()),
        Some(BackupsCommand::Prune { keep }) => prune(common, &install, *keep as usize),
    }
}

/// The backups, oldest first.
///
/// # Errors
/// [`Refusal`] naming what can't be read: no list may pass for an empty one.
pub fn all(install: &Path) -> Result<Vec<Kept>, Refusal> {
    retention::list(install).map_err(|what| {
        let next = format!("mend that (for permissions: chmod u+rwX {})", install.join(".backups").shown());
        Refusal::refused(format!("{}: {what}; nothing was changed", install.shown()), next)
    })
}

fn list(common: &Common, install: &Path) -> Result<u8, Refusal> {
    let all = all(install)?;
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
    Ok(if all.iter().any(|b| b.unreadable) { DAMAGED } else { 0 })
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

fn verify(common: &Common, install: &Path, named: Option<&str>) -> Result<u8, Refusal> {
    let all = all(install)?;
    let names: Vec<&str> = match named {
        Some(name) => vec![restore::backup_named(install, &all, name)?],
        // One that was never finished is none, so it can't be damaged.
        None => all.iter().filter(|b| b.complete || !b.unfinished).map(|b| b.name.as_str()).collect(),
    };
    let examined: Vec<Examined> = names.into_iter().map(|name| retention::examine(install, name)).collect();
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
    Ok(if damaged { DAMAGED } else { 0 })
}

fn prune(common: &Common, install: &Path, keep: usize) -> Result<u8, Refusal> {
    let _lock = restore::lock(install)?;
    // Without knowing what the last session needs, nothing can be said not to be needed.
    if let Some(damage) = catalog::survey(install).lost() {
        let exit_code = 7;
        let what = format!("{}; nothing was changed", damage.describe());
        return Err(Refusal { exit_code, what, next: damage.next() });
    }
    let all = all(install)?;
    // A whole manifest is not enough here: the one that stays for certain must be readable to its last byte.
    let complete = all.iter().rev().filter(|b| b.complete);
    let newest_sound = complete.map(|b| b.name.clone()).find(|name| retention::examine(install, name).sound);
    let protected: Vec<String> = newest_sound.into_iter().collect();
    let names = retention::prunable(install, keep, &protected)
        .map_err(|what| Refusal::refused(format!("{what}; nothing was changed"), "pos-upgrade-tui backups"))?;
    if names.is_empty() {
        let message = format!("nothing to prune: {} backups in {}", all.len(), install.join(".backups").shown());
        if common.json {
            print::json(&about(install, json!({"removed": [], "problems": []})));
            return Ok(0);
        }
        return Ok(output::nothing_to_do(&message, false));
    }
    if !common.json {
        say!("{}", install.join(".backups").shown());
        for backup in all.iter().filter(|b| names.contains(&b.name)) {
            say!("  goes: {}", line(backup));
        }
    }
    ask(common, "Remove these for good?", &format!("backups prune --keep {keep}"))?;
    let pruned = retention::prune(install, &names).map_err(|e| {
        let what = format!("{e}; what was removed before that is gone, the install itself is untouched");
        Refusal::refused(what, "see what is left: pos-upgrade-tui backups")
    })?;
    if common.json {
        let line = about(install, json!({"removed": pruned.removed, "problems": pruned.problems}));
        print::json(&line);
    } else {
        pruned.problems.iter().for_each(|p| complain!("warning: an old environment could not be removed: {p}"));
        say!("{} removed, {} left", pruned.removed.len(), all.len().saturating_sub(pruned.removed.len()));
    }
    Ok(0)
}

/// For messages: the backups that hold a path.
pub fn that_hold(install: &Path, path: &RelPath) -> Vec<String> {
    // Only a hint.
    let all = retention::list(install).unwrap_or_default().into_iter().rev().filter(|b| b.complete);
    let open = |name: &String| {
        crate::host::backup::copy::Backup::open(&crate::host::backup::copy::folder_of(install).join(name))
    };
    all.map(|b| b.name).filter(|name| open(name).is_ok_and(|b| b.manifest.entries.contains_key(path))).collect()
}
