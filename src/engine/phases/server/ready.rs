//! What is made ready before anything changes, while the old release still answers: the server is noted, the environment
//! built. Then the server is down no longer than the switch takes.

use crate::core::blob::sha256;
use crate::core::phase::{NotApplicable, Phase};
use crate::core::plan::Only;
use crate::core::session::{Ready, Rehearsal};
use crate::core::task::Task;
use crate::engine::phases::server::stop::{note_server, stop_noted};
use crate::engine::phases::server::{dependencies, index, index_building, post_install, rehearse};
use crate::engine::session::context::{Clock, Run};
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{Told, done, not_applicable};
use crate::host::files::journal::Journal;
use crate::host::files::read;
use crate::host::python::venv;

const PHASE: Phase = Phase::Content;
/// The tasks of [`make`].
const MADE: &[Task] = &[Task::Dependencies, Task::PostInstallScan, Task::PostInstall];
/// Those that come before anything is changed.
pub(crate) const BEFORE: &[Task] = &[Task::Dependencies, Task::PostInstallScan, Task::PostInstall, Task::Rehearsal];

/// Whether the server has no part in this upgrade.
fn is_left_out(run: &Run) -> bool {
    run.session.plan().only == Some(Only::Content)
}

fn left_out(run: &mut Run, tasks: &[Task]) -> Result<(), Stop> {
    for task in tasks {
        run.task(PHASE, *task, |_| not_applicable(NotApplicable::OnlyContent, ()))?;
    }
    Ok(())
}

/// Makes all ready for the server whose code the journal has. Can be repeated: what an interrupted run made ready for the
/// same requirements is used.
///
/// # Errors
/// [`Stop`]; the install is as it was, but for an environment beside the live one.
pub(crate) fn make(run: &mut Run, journal: &Journal) -> Result<(), Stop> {
    if is_left_out(run) {
        return left_out(run, MADE);
    }
    // What runs is noted before anything can fail, so that a rollback knows what to start again.
    note_server(run)?;
    if is_ready(run, journal)? {
        for task in MADE {
            run.task(PHASE, *task, |_| done("as before the interruption", ()))?;
        }
        // A server may have been at work on it since.
        index::note(run);
        return Ok(());
    }
    run.session.ready = None;
    let dependencies_installed = run.task(PHASE, Task::Dependencies, |run| dependencies::run(run, journal))?;
    let requirements = dependencies::requirements(run, journal);
    let steps = run.task(PHASE, Task::PostInstallScan, |run| post_install::scan(run, &requirements))?;
    let post_install_steps = run.task(PHASE, Task::PostInstall, |run| post_install::run(run, &steps))?;
    let requirements = read::read_if_there(&requirements)?.map(|bytes| sha256(&bytes));
    if !run.session.applied() {
        index::note(run);
    }
    run.session.ready = Some(Ready {
        requirements,
        dependencies_installed,
        post_install_steps,
        rehearsal: None,
        rehearsal_seconds: None,
        index_is_current: false,
        server_found: None,
    });
    run.save()
}

/// Tries the whole new install, now that all of it is there.
///
/// # Errors
/// [`Stop`]; nothing was changed. [`Stop::Tried`] where no more was asked for.
pub(crate) fn rehearse(run: &mut Run) -> Result<(), Stop> {
    if is_left_out(run) {
        return left_out(run, &[Task::Rehearsal]);
    }
    let clock = Clock::start();
    let (rehearsal, seconds) = run.task(PHASE, Task::Rehearsal, |run| {
        let told = rehearse::run(run)?;
        let seconds = clock.seconds();
        if !run.session.options().only_rehearsal {
            // The last moment at which nothing has changed.
            index_building::settle(run)?;
        }
        Ok(Told { outcome: told.outcome, detail: told.detail, value: (told.value, seconds) })
    })?;
    if let Some(ready) = &mut run.session.ready {
        ready.rehearsal_seconds = Some(seconds).filter(|_| !matches!(rehearsal, Rehearsal::NotTried(_)));
        ready.rehearsal = Some(rehearsal);
    }
    run.save()?;
    if run.session.options().only_rehearsal { Err(Stop::Tried) } else { Ok(()) }
}

/// Whether an interrupted run made all ready for what the journal brings.
fn is_ready(run: &Run, journal: &Journal) -> Result<bool, Stop> {
    let Some(ready) = &run.session.ready else { return Ok(false) };
    let built = run.session.venv_generation.as_ref();
    if built.is_some_and(|name| !venv::generation(&run.session.install, name).is_dir()) {
        return Ok(false);
    }
    let requirements = read::read_if_there(&dependencies::draft(run, journal)?)?;
    Ok(requirements.map(|bytes| sha256(&bytes)) == ready.requirements)
}

/// Stops the server that was noted: from here on the install changes.
///
/// # Errors
/// [`Stop`].
pub(crate) fn stop_server(run: &mut Run) -> Result<(), Stop> {
    if is_left_out(run) {
        return left_out(run, &[Task::StopServer]);
    }
    let found = run.task(PHASE, Task::StopServer, stop_noted)?;
    if let Some(ready) = &mut run.session.ready {
        // One that a run before stopped is not found any more.
        ready.server_found.get_or_insert(found);
    }
    run.save()
}
