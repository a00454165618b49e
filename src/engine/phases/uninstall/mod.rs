//! Takes out what releases put into an install: the same phases, journals and backup as an upgrade, so that it can be gone on with
//! after a crash, and undone.

pub(crate) mod outside;

use std::collections::BTreeSet;

use crate::core::outcome::Outcome;
use crate::core::path::RelPath;
use crate::core::phase::{ActualUpgrade, CleanupEvidence, ContentEvidence, Phase, PreFlightEvidence};
use crate::core::plan::{FileEntry, Kind};
use crate::core::session::{End, StateEvent};
use crate::core::task::Task;
use crate::core::visible::Shown as _;
use crate::engine::account::check;
use crate::engine::account::take::When;
use crate::engine::conflicts::apply::{self, Decided};
use crate::engine::events::Level;
use crate::engine::phases::cleanup;
use crate::engine::phases::content::{covered, difference, preview, replaced, still_so};
use crate::engine::phases::server::stop::{note_server, stop_live};
use crate::engine::planning::uninstall::{self, Uninstall};
use crate::engine::refusal::code_of;
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, warned};
use crate::host::files::folder::{Content, Folder};
use crate::host::files::fs;
use crate::host::files::journal::{Journal, NewFile, State, Wanted};
use crate::host::install::locked::LockedInstall;
use crate::host::process::proc;
use crate::host::python::venv;
use crate::host::server::{self, Owner, Running};
use crate::host::session::ended;

/// What an uninstall leaves in the install so that git passes over what is kept for the undo.
const IGNORED: &str = ".gitignore";

/// Looks once more, now that the lock is held.
///
/// # Errors
/// [`Stop::Failed`] naming every problem.
pub(crate) fn checks(run: &mut Run) -> Result<PreFlightEvidence, Stop> {
    const PHASE: Phase = Phase::PreFlight;
    let (project, install) = (run.session.project.clone(), run.session.install.clone());
    run.task(PHASE, Task::TargetValid, |run| {
        let what = look(run)?;
        let problems = uninstall::problems(&project, &install, &what, &run.found, true);
        let Some(first) = problems.first() else { return done("as it should be", ()) };
        let all: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
        let next = Some(first.next.clone().into());
        Err(Stop::Failed { code: Some(code_of(&problems)), what: all.join("\n"), next })
    })?;
    let space = fs::free_space(&install)?;
    Ok(PreFlightEvidence {
        source_path: String::new(),
        source_version: run.session.source_version().to_owned(),
        source_commit: run.session.source_commit().to_owned(),
        source_git_clean: true,
        target_exists: true,
        target_structure_valid: true,
        disk_space_available: fs::human_size(space),
        disk_space_required: String::new(),
        disk_space_available_bytes: space,
        disk_space_required_bytes: 0,
        no_concurrent_workflows: true,
        server_found: String::new(),
        warnings: Vec::new(),
    })
}

fn look(run: &Run) -> Result<Uninstall, Stop> {
    // This session is none of those that tell what was there before.
    let found = uninstall::look(&run.session.project, &run.session.install, &run.found);
    found.map_err(|problem| Stop::Failed {
        code: Some(problem.code),
        what: problem.what,
        next: Some(problem.next.into()),
    })
}

/// Takes it out. After the journal's commit a relaunch only rolls forward.
///
/// # Errors
/// [`Stop`].
pub(crate) fn take_out(run: &mut Run) -> Result<ContentEvidence, Stop> {
    const PHASE: Phase = Phase::Content;
    let install = run.install();
    let folder = run.folder("content");
    let journal = match Journal::load(&install, &folder)? {
        Some(journal) => journal,
        None if run.session.applied() => {
            return Err(Stop::failed(format!("{}: the journal of this session is gone", folder.shown())));
        }
        None => prepare(run, &install)?,
    };
    run.advance(&StateEvent::Applied)?;
    run.save()?;
    run.task(PHASE, Task::StopServer, stop_server)?;
    let applied = run.task(PHASE, Task::Apply, |run| {
        let applied = apply::carry_out(run, &journal, PHASE, Task::Apply)?;
        drop_bytecode(run)?;
        set_environment_aside(run, &install)?;
        outside::write(run)?;
        done(format!("{} paths", journal.len()), applied)
    })?;
    run.task(PHASE, Task::Verify, |run| {
        let checked = apply::verify(run, &journal, &applied.since)?;
        let yours = check::nothing_lost(run, When::Applied)?;
        done(format!("{checked} of {checked} paths, {yours} files of yours"), ())
    })?;
    journal.drop_staging(&install);
    let (new_files, updated_files) = run.session.counted;
    Ok(ContentEvidence {
        safe_upgrade_executed: true,
        dry_run_preview: preview(run.session.plan()),
        actual_upgrade: ActualUpgrade { new_files, updated_files, conflicts_resolved: 0, user_prompts: 0 },
        checksums_verified: true,
        version_updated: run.session.source_version().to_owned(),
        update_log_appended: true,
        gitignore_entries_added: 0,
        rescued: applied.rescued.iter().map(|(_, to)| to.to_string()).collect(),
    })
}

/// Looks again, notes what runs and what is outside, stages everything and commits. Nothing in the install changes here.
fn prepare(run: &mut Run, install: &LockedInstall) -> Result<Journal, Stop> {
    const PHASE: Phase = Phase::Content;
    let what = run.task(PHASE, Task::DryRun, |run| {
        let what = look(run)?;
        match difference(run.session.plan(), &what.plan) {
            Some(different) => {
                let next = Some("look at what goes now: pos-upgrade-tui uninstall --dry-run".into());
                Err(Stop::Failed { code: Some(crate::core::error_code::Code::PlanOutdated), what: different, next })
            }
            None => done(format!("{} paths, as approved", what.plan.files.len()), what),
        }
    })?;
    note_server(run)?;
    let entries = run.session.plan().files.iter().filter(|file| file.kind == Kind::Remove).cloned();
    let removed = |entry: FileEntry| Decided { outcome: Outcome::Remove { path: entry.path.clone() }, entry };
    let decided: Vec<Decided> = entries.map(removed).collect();
    run.session.counted = apply::counts(decided.iter());
    let live = Folder::open(install)?;
    let mut wanted = apply::wanted(&live, decided)?;
    wanted.push(replaced(&live, "UPDATE_LOG.txt", |old| documents::uninstall_log(&run.session, old))?);
    wanted.extend(ignored(&live)?);
    covered(run, wanted.iter())?;
    outside::note(run, &what.outside)?;
    let old: Vec<(RelPath, State)> = wanted.iter().map(|w| (w.path.clone(), w.old.clone())).collect();
    // No phase 3 follows; whoever reads the journals of a session finds both.
    Journal::commit(install, &run.folder("server"), Vec::new())?;
    let staged = Journal::stage(install, &run.folder("content"), wanted)?;
    check::note_gone(run, PHASE)?;
    run.check()?;
    still_so(install, &old)?;
    Ok(staged.commit()?)
}

/// A list for git, where the install has none: the project's lines for it go, and what the undo needs is no work of the project's.
fn ignored(live: &Folder) -> Result<Option<Wanted>, Stop> {
    let path = RelPath::new(IGNORED).map_err(Stop::failed)?;
    if !matches!(live.read(&path)?, Content::Absent) {
        return Ok(None);
    }
    let text = "# For the undo of the uninstall; it goes with this folder.\n/.gitignore\n/.upgrade/\n/.upgrade-lock\n\
                /.backups/\n/.cache/\n/venvs/\n/venv\n/.mcp_server_state.json\n";
    let new = Some(NewFile { bytes: text.into(), mode: proc::new_file_mode(), mtime: None });
    Ok(Some(Wanted { path, old: State::Absent, new }))
}

/// Ends the server for good. One that an editor or a supervisor holds is named: they would only start it again.
fn stop_server(run: &mut Run) -> TaskResult<()> {
    for other in server::others(&run.session.install) {
        let pid = other.pid;
        run.warn("server", format!("process {pid} is a server of this install that its editor talks to: end it there"));
    }
    let live = match server::find(&run.session.install) {
        Running::Yes(live) => live,
        Running::No(missing) => return done(missing.case.words(), ()),
    };
    let pid = live.process.pid;
    if matches!(live.owner, Owner::Editor | Owner::Supervised) {
        run.warn("server", format!("the server (pid {pid}) is {}: end it there", live.owner.words()));
        return warned(format!("pid {pid} left to whoever holds it"), ());
    }
    stop_live(run, &live).map_err(Stop::failed)?;
    done(format!("pid {pid} ended"), ())
}

/// Bytecode of what goes can be made again, and would keep its folders.
fn drop_bytecode(run: &mut Run) -> Result<(), Stop> {
    let install = run.install();
    let root = Folder::open(&install)?;
    let mut folders: BTreeSet<RelPath> = uninstall::folders_of(run.session.plan());
    let above: Vec<RelPath> = folders.iter().flat_map(|f| std::iter::successors(f.parent(), RelPath::parent)).collect();
    folders.extend(above);
    // What is deeper sorts behind what holds it.
    for folder in folders.iter().rev() {
        let Ok(open) = root.below(folder, false) else { continue };
        let cache = std::ffi::OsStr::new("__pycache__");
        let entries = fs::entries_in(&folder.under(&install))?;
        let is_code = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".py");
        if open.kind(cache)? == Some(rustix::fs::FileType::Directory)
            && !entries.iter().any(|entry| is_code(&entry.file_name()))
        {
            fs::remove_tree(&folder.under(&install).join(cache))?;
        }
        drop(open);
        let (parent, name) = root.parent_of(folder, false)?;
        if parent.remove_empty(name)? {
            parent.sync()?;
        }
    }
    Ok(())
}

/// The environment goes aside, from where a rollback has it back.
fn set_environment_aside(run: &mut Run, install: &LockedInstall) -> Result<(), Stop> {
    let name = match &run.session.venv_generation {
        Some(name) => name.clone(),
        None if venv::is_there(install) => {
            let name = run.session.stamp.clone();
            // Saved first, so that a rollback knows of it even after a crash right here.
            run.session.venv_generation = Some(name.clone());
            run.save()?;
            name
        }
        None => return Ok(()),
    };
    if let Err(e) = venv::put_aside(install, &name) {
        run.warn("venv", format!("{e}; the environment stays where it is"));
        return Ok(());
    }
    run.log(Level::Info, "venv", &format!("the environment is in venvs/ until the backup {name} is pruned"));
    Ok(())
}

/// Ends the session. What is kept is what its undo needs.
///
/// # Errors
/// [`Stop`] only if the disk refuses.
pub(crate) fn end(run: &mut Run) -> Result<CleanupEvidence, Stop> {
    const PHASE: Phase = Phase::Cleanup;
    run.task(PHASE, Task::UpdateLog, |run| {
        ended::note(run.lock.install(), &run.session.session_id, End::Completed)?;
        done("UPDATE_LOG.txt", ())
    })?;
    cleanup::release(run)?;
    Ok(CleanupEvidence {
        lock_released: true,
        old_backups_archived: 0,
        upgrade_summary: String::new(),
        installation_summary_updated: false,
        update_log_appended: true,
        git_changes_committed: false,
    })
}
