//! `history`: past upgrades.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::diff;
use crate::cli::diff::Ink;
use crate::cli::refusal::Refusal;
use crate::cli::settings;
use crate::core::exit::Exit;
use crate::core::os_text::about;
use crate::core::release_history::short;
use crate::core::session::{Session, moment};
use crate::core::visible::Shown as _;
use crate::host::backup::copy;
use crate::host::files::fs;
use crate::host::session::catalog;
use crate::host::session::catalog::Used;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`] where there is no install, or the output can't be written.
pub(crate) fn run(common: &Common) -> Result<Exit, Refusal> {
    let install = settings::install(common)?;
    let found = catalog::survey(&install);
    let mut problems = found.damages.iter().any(|d| d.used == Used::Unreadable);
    let mut there = BTreeSet::new();
    for (session, name) in found.sessions.iter().filter_map(|s| Some((s, s.backup.as_ref()?))) {
        match fs::is_there(&copy::folder_of(&install).join(name).join(copy::MANIFEST)) {
            Ok(false) => {}
            Ok(true) => drop(there.insert(&session.session_id)),
            Err(e) => {
                // What can't be looked at is not gone.
                complain!("{e}");
                there.insert(&session.session_id);
                problems = true;
            }
        }
    }
    let has = |s: &Session| there.contains(&s.session_id);
    diff::to_stdout(|paper| {
        if common.json {
            let sessions: Vec<_> = found.sessions.iter().rev().map(|s| entry(s, has(s))).collect();
            let damaged: Vec<_> = found.damages.iter().map(catalog::Damage::describe).collect();
            let all = about(&install, json!({"sessions": sessions, "damaged": damaged}));
            return paper.json(&all);
        }
        paper.line(Ink::Plain, &install.shown().to_string())?;
        if found.sessions.is_empty() && found.damages.is_empty() {
            paper.line(Ink::Plain, "  no upgrade is on record")?;
        }
        for session in found.sessions.iter().rev() {
            for line in lines(session, has(session)) {
                paper.line(Ink::Plain, &diff::shown(line.as_bytes()))?;
            }
        }
        for damage in &found.damages {
            let word = if damage.used == Used::Unreadable { "unreadable" } else { "damaged" };
            paper.line(Ink::Plain, &format!("  {word}: {}", diff::shown(damage.describe().as_bytes())))?;
        }
        Ok(())
    })?;
    Ok(if problems { Exit::Refused } else { Exit::Done })
}

fn entry(session: &Session, has_backup: bool) -> serde_json::Value {
    json!({
        "session_id": session.session_id,
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "from_release": session.from_release(),
        "to_commit": session.source_commit(),
        "to_version": session.source_version(),
        "status": session.status(),
        "reason": session.reason(),
        "answers": session.answers().len(),
        "backup": session.backup,
        "backup_exists": has_backup,
    })
}

/// How many conflicts were answered, and how many put off.
fn answered(session: &Session) -> String {
    let parked = session.put_off();
    let count = |n: usize, what: &str| match n {
        0 => String::new(),
        1 => format!(", 1 conflict {what}"),
        n => format!(", {n} conflicts {what}"),
    };
    count(session.answers().len() - parked, "answered") + &count(parked, "put off")
}

fn lines(session: &Session, has_backup: bool) -> Vec<String> {
    let from = session.from_release().map_or("unknown", short);
    let to = match session.source_commit() {
        "" => "unknown".to_owned(),
        commit => format!("{} ({})", short(commit), session.source_version()),
    };
    let when = moment(&session.created_at, Some(jiff::Timestamp::now()));
    let mut lines = vec![
        format!("  {from} -> {to}  {}  ({when})", session.status().words()),
        format!("    session {}{}", session.session_id, answered(session)),
    ];
    lines.extend(
        session.reason().iter().map(|reason| format!("    reason: {}", reason.lines().next().unwrap_or_default())),
    );
    lines.extend(session.backup.iter().map(|name| match has_backup {
        true => format!("    backup {name}"),
        false => format!("    backup {name}, which is gone"),
    }));
    lines
}
