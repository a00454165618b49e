//! `history`: past upgrades.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::cli::args::Common;
use crate::cli::diff;
use crate::cli::diff::Ink;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::exit::Exit;
use crate::core::os_text::about;
use crate::core::release_history::short;
use crate::core::session::{Session, Status, moment};
use crate::core::session_stats::Stats;
use crate::core::visible::Shown as _;
use crate::host::backup::copy;
use crate::host::files::fs;
use crate::host::session::catalog;
use crate::host::session::catalog::Used;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`] where there is no install, or the output can't be written.
pub(crate) fn run(common: &Common, stats: bool) -> Result<Exit, Refusal> {
    let install = request::install(common)?;
    let found = catalog::survey(&install);
    if stats {
        let stats = Stats::of(&found.sessions);
        diff::to_stdout(|paper| match common.json {
            true => paper.json(&about(&install, json!(Figures { stats }))),
            false => figures(&stats).iter().try_for_each(|line| paper.line(Ink::Plain, line)),
        })?;
        return Ok(Exit::Done);
    }
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
            let sessions = found.sessions.iter().rev().map(|s| Entry::of(s, has(s))).collect();
            let damaged = found.damages.iter().map(catalog::Damage::describe).collect();
            let listed = serde_json::to_value(Listed { sessions, damaged }).unwrap_or_default();
            return paper.json(&about(&install, listed));
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

/// What `history --stats --json` prints, behind the keys of the install.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Figures {
    stats: Stats,
}

/// What `history --json` prints, behind the keys of the install.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// The newest first.
    sessions: Vec<Entry>,
    /// Sessions whose files are damaged, each in a sentence.
    damaged: Vec<String>,
}

/// One upgrade.
#[derive(Debug, Serialize, JsonSchema)]
struct Entry {
    session_id: String,
    /// UTC.
    created_at: String,
    /// UTC.
    updated_at: String,
    /// The release that was installed, if it is known.
    from_release: Option<String>,
    to_commit: String,
    to_version: String,
    status: Status,
    /// Why it ended, or is going back.
    reason: Option<String>,
    /// How many conflicts were answered.
    answers: usize,
    /// The backup's name.
    backup: Option<String>,
    backup_exists: bool,
}

impl Entry {
    fn of(session: &Session, has_backup: bool) -> Self {
        Self {
            session_id: session.session_id.clone(),
            created_at: session.created_at.clone(),
            updated_at: session.updated_at.clone(),
            from_release: session.from_release().map(str::to_owned),
            to_commit: session.source_commit().to_owned(),
            to_version: session.source_version().to_owned(),
            status: session.status(),
            reason: session.reason().map(str::to_owned),
            answers: session.answers().len(),
            backup: session.backup.clone(),
            backup_exists: has_backup,
        }
    }
}

/// The figures, line by line.
pub(crate) fn figures(stats: &Stats) -> Vec<String> {
    let percent = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
    let seconds = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.1} s"));
    let prompts = stats.prompts_per_upgrade.map_or("-".to_owned(), |n| format!("{n:.1}"));
    vec![
        format!("upgrades        {}", stats.upgrades),
        format!("  completed     {} ({} of those that ended)", stats.completed, percent(stats.success_rate)),
        format!("  rolled back   {} ({})", stats.rolled_back, percent(stats.rollback_rate)),
        format!("  failed        {}, nothing changed", stats.failed),
        format!("  given up      {}, unfinished {}", stats.aborted, stats.unfinished),
        format!("rollbacks done  {} of those begun", percent(stats.rollback_success)),
        format!(
            "time            {} in the middle, {} for all but one of twenty",
            seconds(stats.median_seconds),
            seconds(stats.p95_seconds)
        ),
        format!("answers         {prompts} an upgrade"),
    ]
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
        _ if session.uninstalling() => "taken out".to_owned(),
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
