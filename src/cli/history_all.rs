//! `history --all`: past upgrades of all projects of this user on this machine.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::args::Common;
use crate::cli::diff;
use crate::cli::diff::Ink;
use crate::cli::history;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::past_upgrade::{Kind, PastUpgrade};
use crate::core::release_history::short;
use crate::core::session::moment;
use crate::core::session_stats::Stats;
use crate::core::visible::Shown as _;
use crate::engine::report::past;
use crate::host::install;
use crate::host::session::catalog;
use crate::host::user::history_store;

/// What `history --all --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Listed {
    schema: u32,
    /// The newest first.
    upgrades: Vec<PastUpgrade>,
}

/// What `history --all --stats --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Figures {
    schema: u32,
    stats: Stats,
}

/// Runs the subcommand. Inside of a project its own sessions are noted first.
///
/// # Errors
/// [`Refusal`] where a project is named that has no install, where the history can't be read, or the output not be written.
pub(crate) fn run(common: &Common, stats: bool) -> Result<Exit, Refusal> {
    match request::project(common) {
        Ok(project) => {
            // What can't be noted is still in the project's own history.
            if let Err(e) = past::note_found(&catalog::survey(&install::folder_of(&project))) {
                complain!("this project's upgrades are not noted: {e}");
            }
        }
        Err(refusal) if common.project.is_some() => return Err(refusal),
        Err(_) => {}
    }
    let noted = past::planted(|id| say!("noted {id}"));
    let rows = noted.and_then(|()| history_store::all()).map_err(|e| {
        let next = "mend that, then try again; a project's own: pos-upgrade-tui history --project DIR";
        Refusal::refused(
            Code::Files,
            format!("the history of this machine can't be read: {e}; nothing was changed"),
            next,
        )
    })?;
    diff::to_stdout(|paper| {
        if stats {
            let stats = Stats::of_rows(&rows);
            return match common.json {
                true => paper.json(&Figures { schema: 1, stats }),
                false => history::figures(&stats).iter().try_for_each(|line| paper.line(Ink::Plain, line)),
            };
        }
        if common.json {
            return paper.json(&Listed { schema: 1, upgrades: rows });
        }
        if rows.is_empty() {
            paper.line(Ink::Plain, "no upgrade is on record on this machine")?;
        }
        for line in rows.iter().flat_map(lines) {
            paper.line(Ink::Plain, &diff::shown(line.as_bytes()))?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn lines(row: &PastUpgrade) -> [String; 2] {
    let from = row.from_release.as_deref().map_or("unknown", short);
    let to = match row.to_commit.as_str() {
        "" => "unknown".to_owned(),
        commit => format!("{} ({})", short(commit), row.to_version),
    };
    let when = moment(row.started_at.as_ref().unwrap_or(&row.ended_at), Some(jiff::Timestamp::now()));
    let what = match row.kind {
        Kind::Upgrade => format!("{from} -> {to}  {}", row.status.words()),
        Kind::Uninstall => format!("taken out, {}", row.status.words()),
        Kind::Resolve => format!("{to}  conflicts settled, {}", row.status.words()),
        Kind::Rollback => format!("{to} -> {from}  rollback, {}", row.status.words()),
    };
    let id = row.rollback_of.as_ref().unwrap_or(&row.id);
    [format!("{}", row.project.shown()), format!("  {what}  ({when})  session {id}")]
}
