//! `status`: how the install stands.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::cli::args::Common;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::session;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text;
use crate::core::phase::Phase;
use crate::core::release_history::short;
use crate::core::session::{Session, Status, moment};
use crate::core::visible::Shown as _;
use crate::engine::conflicts::deferred;
use crate::engine::planning::make_plan;
use crate::engine::planning::make_plan::PlanningError;
use crate::engine::planning::uninstalled;
use crate::host::install;
use crate::host::session::lock;

/// What `status --json` prints, behind the keys of the install.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Standing {
    /// `idle`, `unfinished`, `parked` or `uninstalled`.
    state: &'static str,
    /// The release that is installed, if it is known.
    release: Option<String>,
    /// Who has the lock.
    running: Option<String>,
    /// The unfinished or the last one.
    session: Option<LastSession>,
    /// Conflicts that are put off: the path, since when, the commit that theirs is from, and where theirs is kept.
    parked: Vec<serde_json::Value>,
    /// Why the release can't be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    release_problem: Option<String>,
    /// Sessions whose files are damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<Damaged>,
}

/// A session, as the status has it.
#[derive(Debug, Serialize, JsonSchema)]
struct LastSession {
    session_id: String,
    status: Status,
    /// Why it ended, or is going back.
    reason: Option<String>,
    current_phase: Phase,
    /// Something in the install may have changed.
    applied: bool,
    /// UTC.
    created_at: String,
    source_commit: String,
}

/// A session whose files are damaged.
#[derive(Debug, Serialize, JsonSchema)]
struct Damaged {
    session_id: String,
    problem: String,
}

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn run(common: &Common) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let install = install::folder_of(&project);
    let found = session::all(&project)?;
    let unfinished = found.unfinished();
    let last = unfinished.or(found.sessions.last());
    let (release, trouble) = match make_plan::read_baseline(&install) {
        Ok(baseline) => (baseline.map(|b| b.release), None),
        // That it can't be told is not that it isn't known.
        Err(e) => (None, Some(e)),
    };
    let running = lock::held_by(&install);
    let uninstalled = uninstalled::done(&install, &found).is_some();
    let parked = deferred::waiting(&install, &found.sessions).map_err(|e| {
        let next = "mend that, then look again: pos-upgrade-tui status";
        Refusal::refused(
            Code::Files,
            format!("which conflicts are put off can't be told: {e}; nothing was changed"),
            next,
        )
    })?;
    let elsewhere = release.as_ref().zip(last).filter(|(release, last)| came_otherwise(last, release));
    if common.json {
        let session = last.map(|s| LastSession {
            session_id: s.session_id.clone(),
            status: s.status(),
            reason: s.reason().map(str::to_owned),
            current_phase: s.current_phase(),
            applied: s.applied(),
            created_at: s.created_at.clone(),
            source_commit: s.source_commit().to_owned(),
        });
        let state = match (unfinished.is_some(), parked.is_empty()) {
            (true, _) => "unfinished",
            (false, false) => "parked",
            (false, true) if uninstalled => "uninstalled",
            (false, true) => "idle",
        };
        let waiting = parked.iter().map(|p| {
            let mut shown = serde_json::Map::new();
            shown.insert("path".into(), json!(p.path));
            shown.insert("since".into(), json!(p.since));
            shown.insert("commit".into(), json!(p.commit));
            match deferred::theirs_path(&install, p) {
                Some(theirs) => os_text::put(&mut shown, "theirs", &theirs),
                None => drop(shown.insert("theirs".into(), serde_json::Value::Null)),
            }
            serde_json::Value::Object(shown)
        });
        let damaged = found.damages.iter();
        let more = Standing {
            state,
            release: release.clone(),
            running: running.as_ref().map(|r| r.who.clone()),
            session,
            parked: waiting.collect(),
            release_problem: trouble.as_ref().map(ToString::to_string),
            damaged: damaged.map(|d| Damaged { session_id: d.session_id.clone(), problem: d.describe() }).collect(),
        };
        print::json(&os_text::about(&install, serde_json::to_value(more).unwrap_or_default()));
    } else {
        say!("{}", install.shown());
        match (&release, &trouble) {
            (_, Some(trouble)) => {
                say!("  release: can't be told: {trouble}");
                say!("  next: {}", mending(trouble));
            }
            (Some(release), None) => say!("  release: {}", short(release)),
            (None, None) if uninstalled => say!("  release: none; what releases put here is taken out"),
            (None, None) => say!("  release: not known yet (no upgrade by this program)"),
        }
        if let Some(holder) = &running {
            let word = if holder.untold { "running: can't be told" } else { "running" };
            say!("  {word}: {holder}");
            if let Some(session) = &holder.unlock {
                say!("  next: if you know that it is over: pos-upgrade-tui unlock {session}");
            }
        }
        for damage in &found.damages {
            say!("  damaged: {}", damage.describe());
        }
        if let Some(s) = last {
            let when = moment(&s.created_at, Some(jiff::Timestamp::now()));
            match s.uninstalling() {
                true => say!("  taken out: {} ({when})", s.status().words()),
                false => say!("  last upgrade: to {}, {} ({when})", short(s.source_commit()), s.status().words()),
            }
            if uninstalled {
                say!("  next: to have it back: {}", Next::RollbackOf(&s.session_id).of(&s.project));
            }
            if let Some((release, _)) = elsewhere {
                say!("  {} did not come by an upgrade in this folder, but by git, or by a copy", short(release));
            }
            if let Some(reason) = &s.reason() {
                print::text(&format!("  reason: {reason}"));
            }
        }
        if !parked.is_empty() {
            let word = if parked.len() == 1 { "conflict" } else { "conflicts" };
            say!("  put off: {} {word}; yours stays until you settle it", parked.len());
            for one in &parked {
                let theirs = deferred::theirs_path(&install, one);
                let theirs = theirs.map_or("removed by the source".to_owned(), |p| format!("theirs: {}", p.shown()));
                say!("    {} (since {}; {theirs})", one.path, moment(&one.since, None));
            }
            if unfinished.is_none() {
                say!("  next: pos-upgrade-tui resolve");
            }
        }
        if let Some(s) = unfinished {
            say!("  session {} stands in phase {}", s.session_id, s.current_phase().number());
            if s.rebuilt() {
                say!("  next: pos-upgrade-tui rollback");
            } else {
                say!("  next: pos-upgrade-tui resume, or pos-upgrade-tui rollback");
            }
        }
    }
    let pending = unfinished.is_some() || !parked.is_empty();
    let untold = trouble.is_some() || running.is_some_and(|r| r.untold);
    Ok(match (pending, untold) {
        (true, _) => Exit::Pending,
        (false, true) => Exit::Refused,
        (false, false) => Exit::Done,
    })
}

/// Whether the release stands there though no upgrade of this folder brought it: a teammate's, by git.
fn came_otherwise(last: &Session, release: &str) -> bool {
    last.status() == Status::Completed && !last.source_commit().is_empty() && last.source_commit() != release
}

/// What to do about a baseline that does not tell the release.
pub(crate) fn mending(trouble: &PlanningError) -> String {
    match trouble {
        PlanningError::Merged { .. } => "make one of them: pos-upgrade-tui reconcile --source DIR".to_owned(),
        PlanningError::Baseline { path, .. } => format!(
            "take it back from your repository, or make it anew: pos-upgrade-tui reconcile --source DIR (the old one: {})",
            path.shown()
        ),
        _ => "mend that, then look again: pos-upgrade-tui status".to_owned(),
    }
}
