//! What the program sees of machine, project and install, row by row. Looks only; starts nothing but `git --version`.

use std::path::Path;

use serde::Serialize;

use crate::core::command_line::Next;
use crate::core::layout::layouts;
use crate::core::release_history::short;
use crate::core::settings::Options;
use crate::core::visible::Shown as _;
use crate::engine::planning::foreign_locks;
use crate::engine::planning::make_plan;
use crate::engine::planning::other_upgrades;
use crate::engine::planning::rehearsal::{self, Foreseen};
use crate::host::files::fs;
use crate::host::git;
use crate::host::install;
use crate::host::python::condition::{self, Condition};
use crate::host::python::{interpreters, venv};
use crate::host::server::{self, Case, Running, search_index};
use crate::host::session::{catalog, lock};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    /// As it should be.
    Ok,
    /// It works, with something to know.
    Warning,
    /// An upgrade would be refused, or go wrong.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) about: &'static str,
    /// How it is.
    pub(crate) mark: Mark,
    /// What was found.
    pub(crate) found: String,
    /// What to do.
    pub(crate) next: Option<String>,
}

fn ok(about: &'static str, found: impl Into<String>) -> Row {
    Row { about, mark: Mark::Ok, found: found.into(), next: None }
}

fn warning(about: &'static str, found: impl Into<String>, next: impl Into<String>) -> Row {
    let next = Some(next.into()).filter(|next| !next.is_empty());
    Row { about, mark: Mark::Warning, found: found.into(), next }
}

fn problem(about: &'static str, found: impl Into<String>, next: impl Into<String>) -> Row {
    Row { mark: Mark::Problem, ..warning(about, found, next) }
}

/// All rows. Blocking.
pub(crate) fn rows(project: &Path) -> Vec<Row> {
    let install = install::folder_of(project);
    let mut rows = vec![machine()];
    if !install.is_dir() {
        let name = install::name_of(&install);
        rows.push(problem("install", format!("no {name} folder"), "name the project that has one: --project DIR"));
        rows.push(git_row(project));
        return rows;
    }
    rows.push(generation(&install));
    rows.push(release(project, &install));
    rows.push(server_row(&install));
    rows.push(environment(project, &install));
    rows.push(pythons(project));
    rows.push(git_row(project));
    rows.extend(disk(&install));
    rows.push(trial(&install));
    rows.push(lock_row(&install));
    rows.extend(sessions(project, &install));
    rows.extend(left(&install));
    rows
}

fn trial(install: &Path) -> Row {
    let index_outside = search_index::places(install).index.is_none();
    let place = rehearsal::place(install, &Options::default(), index_outside);
    match rehearsal::foresee(install, place) {
        Foreseen::Here => ok("trial", "a release can be tried here, in a view of its own"),
        Foreseen::Copy(why) => warning(
            "trial",
            format!("a release can only be tried in a copy: {why}"),
            "nothing to do, it takes more space",
        ),
        Foreseen::Nowhere(why) => {
            warning("trial", format!("no release can be tried: {why}"), "an upgrade that fails is taken back")
        }
    }
}

fn machine() -> Row {
    let uname = rustix::system::uname();
    let (name, release) = (uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
    ok("machine", format!("{name} {release} {}", uname.machine().to_string_lossy()))
}

fn generation(install: &Path) -> Row {
    let server = server::layout_of(install);
    let all = || layouts().generations.iter().enumerate();
    match all().find(|(_, generation)| {
        generation.server().package == server.package && install.ends_with(generation.folder.as_path())
    }) {
        Some((at, generation)) => {
            ok("install", format!("{}, generation {} ({})", install::name_of(install), at + 1, generation.name))
        }
        None => ok("install", format!("{}, with the server {}", install::name_of(install), server.package)),
    }
}

fn release(project: &Path, install: &Path) -> Row {
    match make_plan::read_baseline(install) {
        Ok(Some(baseline)) => ok("release", short(&baseline.release)),
        Ok(None) => ok("release", "not on record: no upgrade by this program"),
        Err(e) => problem("release", e.to_string(), Next::Reconcile(None).of(project)),
    }
}

fn server_row(install: &Path) -> Row {
    match server::find(install) {
        Running::Yes(live) => {
            let (pid, whose) = (live.process.pid, live.owner.words());
            match live.is_older_than_code(install) {
                true => warning(
                    "server",
                    format!("pid {pid}, {whose}; it runs older code than stands there"),
                    "restart it where it was started",
                ),
                false => ok("server", format!("pid {pid}, {whose}")),
            }
        }
        Running::No(missing) if missing.case == Case::NotListening => warning(
            "server",
            format!("{}: {}", missing.case.words(), missing.why),
            "an upgrade leaves it alone; end it and start it anew where it was started",
        ),
        Running::No(missing) => ok("server", missing.case.words()),
    }
}

fn environment(project: &Path, install: &Path) -> Row {
    let version = || {
        interpreters::version_of(&venv::live(install))
            .map_or("an unknown Python".to_owned(), |(major, minor)| format!("Python {major}.{minor}"))
    };
    match condition::of(install, project) {
        Condition::Missing => ok("environment", "none"),
        Condition::Sound(installer) => ok("environment", format!("{}; packages by {}", version(), installer.words())),
        Condition::NoPython(why) => warning(
            "environment",
            format!("its Python is gone: {why}"),
            "an upgrade makes it anew, and keeps this one for a rollback",
        ),
        Condition::NoInstaller(why) => {
            problem("environment", format!("{}: {why}", version()), "make it anew: upgrade with --python PROGRAM")
        }
        Condition::Elsewhere(folder, _) => warning(
            "environment",
            format!("a link to {}, which is not the install's", folder.shown()),
            "an upgrade never writes there: it says what it does instead",
        ),
    }
}

fn pythons(project: &Path) -> Row {
    let all: Vec<String> =
        interpreters::found((3, 8), project).iter().map(|one| format!("{}.{}", one.version.0, one.version.1)).collect();
    match all.is_empty() {
        true => problem(
            "python",
            "no python3 on PATH that is not the project's own",
            "install Python 3.12 or newer, with venv",
        ),
        false => ok("python", all.join(", ")),
    }
}

fn git_row(project: &Path) -> Row {
    match git::version() {
        Err(e) => problem("git", e, "install git"),
        Ok(version) => match git::work_tree_of(project) {
            Some(_) => ok("git", format!("{version}; the project is in a repository")),
            None => ok("git", format!("{version}; the project is in no repository")),
        },
    }
}

fn disk(install: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.push(match fs::free_space(install) {
        Ok(bytes) if bytes < 200_000_000 => {
            problem("disk", format!("{} free", fs::human_size(bytes)), "free some space")
        }
        Ok(bytes) => {
            let case = if fs::folds_case(install) { "; names that differ only in case are the same" } else { "" };
            ok("disk", format!("{} free{case}", fs::human_size(bytes)))
        }
        Err(e) => problem("disk", e.to_string(), "mend that"),
    });
    if let Err(e) = fs::check_writable(install) {
        rows.push(problem("permissions", e.to_string(), "run it as who owns the install"));
    }
    rows
}

fn lock_row(install: &Path) -> Row {
    match lock::held_by(install) {
        None => ok("lock", "free"),
        Some(holder) => warning("lock", holder.to_string(), other_upgrades::wait_or_unlock(&holder)),
    }
}

fn sessions(project: &Path, install: &Path) -> Vec<Row> {
    let found = catalog::survey(install);
    let mut rows: Vec<Row> =
        found.damages.iter().map(|damage| warning("session", damage.describe(), damage.next())).collect();
    match found.unfinished() {
        Some(session) => {
            let what = format!("session {} stands in phase {}", session.session_id, session.current_phase().number());
            let next = format!("{}, or {}", Next::Resume.of(project), Next::Rollback.of(project));
            rows.push(warning("session", what, next));
        }
        None => rows.push(ok("session", format!("{} on record, none unfinished", found.sessions.len()))),
    }
    rows
}

fn left(install: &Path) -> Vec<Row> {
    let (problems, leftovers) = foreign_locks::find(install);
    let locks = problems.into_iter().map(|p| problem("other lock", p.what, p.next));
    let left = leftovers.into_iter().map(|one| warning("left behind", one.describe(), one.next.unwrap_or_default()));
    locks.chain(left).collect()
}
