//! `uninstall`: takes out what releases shipped, and leaves what is the user's.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::{Common, From};
use crate::cli::ask::ask;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::session;
use crate::core::exit::Exit;
use crate::core::os_text::about;
use crate::core::path::RelPath;
use crate::core::plan::ReleaseEvidence;
use crate::core::release_history::short;
use crate::core::settings::Options;
use crate::core::visible::{Shown as _, line};
use crate::engine::executor;
use crate::engine::planning::other_upgrades;
use crate::engine::planning::uninstall::{self, Uninstall};
use crate::engine::planning::uninstalled;
use crate::engine::refusal::Problem;
use crate::host::session::catalog::Found;

/// Runs the subcommand. With `dry_run` it only says what would go and what would stay.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) async fn run(common: &Common, dry_run: bool) -> Result<Exit, Refusal> {
    let (project, install) = (request::project(common)?, request::install(common)?);
    let found = session::all(&project)?;
    if let Some(problem) = other_upgrades::session_in_the_way(&install) {
        return Err(problem.unchanged().into());
    }
    if let Some(session) = uninstalled::done(&install, &found) {
        let problem = uninstalled::is_out(&install, session);
        return Ok(output::nothing_to_do(&format!("{}\n{}", problem.what, problem.next), common.json));
    }
    let what = uninstall::look(&project, &install, &found)?;
    refuse(uninstall::problems(&project, &install, &what, &found, false))?;
    if dry_run && common.json {
        print::json(&about(&install, as_json(&what)));
        return Ok(Exit::Done);
    }
    if !common.json {
        show(&what);
    }
    if dry_run {
        return Ok(Exit::Done);
    }
    ask(common, "\nTake it out?", "uninstall")?;
    // A server that stayed would run without its files, so all that can be ended is.
    let options = Options { auto_restart: true, restart_by_hand: true, ..options(&project)? };
    let source = source_of(&found);
    let handle = executor::uninstall(&project, &source, what.plan, options);
    Ok(output::follow(handle, common.json).await)
}

fn options(project: &Path) -> Result<Options, Refusal> {
    let settings = request::settings(project, &From::default())?;
    Ok(Options { git_commit_after: false, ..request::options(&settings, &From::default()) })
}

/// The clone of the last upgrade: nothing of it is read, it is only noted with the session.
fn source_of(found: &Found) -> PathBuf {
    found.sessions.last().map(|session| session.source().to_owned()).unwrap_or_default()
}

fn refuse(problems: Vec<Problem>) -> Result<(), Refusal> {
    let exit_code = problems.iter().map(|p| p.exit_code).max().unwrap_or_default();
    let all: Vec<String> = problems.iter().map(|p| p.what.clone()).collect();
    match problems.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(Problem { what: all.join("\n"), exit_code, ..first }.unchanged().into()),
    }
}

fn as_json(what: &Uninstall) -> serde_json::Value {
    let paths = |all: &mut dyn Iterator<Item = &RelPath>| all.map(|path| json!(path)).collect::<Vec<_>>();
    json!({
        "release": what.plan.install.release,
        "goes": paths(&mut what.goes()),
        "edited": paths(&mut what.edited()),
        "own": paths(&mut what.own.iter()),
        "outside": what.outside,
        "server": what.server.as_ref().map(|live| json!({"pid": live.process.pid, "owner": live.owner.words()})),
        "environment": what.environment,
    })
}

fn show(what: &Uninstall) {
    say!("{}", what.plan.install.folder().shown());
    match (&what.plan.install.release, what.plan.install.release_evidence) {
        (Some(release), ReleaseEvidence::Baseline) => say!("  release: {}", short(release)),
        _ => say!("  release: not on record; its files are told by the table of known releases"),
    }
    say!("goes: {} files with a release's very bytes", what.goes().count());
    if let Some(live) = &what.server {
        say!("  the server (pid {}, {}) ends", live.process.pid, live.owner.words());
    }
    if what.environment {
        say!("  the environment is set aside in venvs/, until the backup of this is pruned");
    }
    for part in &what.outside {
        match &part.problem {
            Some(problem) => say!("  {}: stays, {}", diff::path(&part.path), line(problem)),
            None if part.then.is_none() => say!("  {}: the file, nothing else is in it", diff::path(&part.path)),
            None => {
                say!("  {}:", diff::path(&part.path));
                part.goes.iter().for_each(|gone| say!("    {}", line(gone)));
            }
        }
    }
    list("stays, edited by you", &mut what.edited());
    list("stays, your own", &mut what.own.iter());
    say!("stays, for the undo: backups, sessions and reports of upgrades");
}

fn list(head: &str, paths: &mut dyn Iterator<Item = &RelPath>) {
    let all: Vec<String> = paths.map(diff::path).collect();
    say!("{head}: {}", all.len());
    print::some("  ", &all, "; --json has all");
}
