//! The background task that runs a session, and the handle that a face holds.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::admission::{Begin, still_the_same, take_place};
use super::events::{Command, Event, Finish, FinishKind, Level};
use super::exit_of_run::{
    drop_environment, finish, go_back, let_go, not_back, refused, resume_command, settled_words, stopped,
};
use super::phases;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::plan::{Only, Plan};
use crate::core::policy::OnConflict;
use crate::core::session::{Approval, Decision, Purpose, Session, StateEvent};
use crate::core::settings::Options;
use crate::core::visible::Shown as _;
use crate::engine::account::check;
use crate::engine::at_work::Work;
use crate::engine::conflicts::{deferred, given_answers};
use crate::engine::maintenance::locked;
use crate::engine::planning::folder;
use crate::engine::planning::request::Request;
use crate::engine::planning::source::Source;
use crate::engine::report::{past, shared_phrases};
use crate::engine::rollback::{put_back, set_aside};
use crate::engine::session::context::Run;
use crate::engine::session::estimates;
use crate::engine::session::stop::{Advice, Stop};
use crate::host::files::planted;
use crate::host::install;
use crate::host::session::catalog::{self, Damage};
use crate::host::session::lock::Lock;
use crate::host::session::store;

/// A running session. Dropping it pauses the session after the current step.
#[derive(Debug)]
pub(crate) struct Handle {
    /// What happens, in order; closed after [`Event::Finished`].
    pub(crate) events: mpsc::Receiver<Event>,
    /// What the face wants.
    pub(crate) commands: mpsc::Sender<Command>,
}

/// Begins a session for an approved plan, and goes on with the source that it was made from, where that is still open.
/// Needs a tokio runtime.
pub(crate) fn start(request: Request, plan: Plan, source: Option<Arc<Source>>, on_conflict: OnConflict) -> Handle {
    start_with(request, plan, source, How { on_conflict, ..How::default() })
}

/// What else a session begins with.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    /// Who settles a conflict without an answer.
    pub(crate) on_conflict: OnConflict,
    /// Answers that were given beforehand, each known to be possible: see [`crate::engine::conflicts::given_answers`].
    pub(crate) answers: BTreeMap<RelPath, Decision>,
    /// Nothing is applied before [`Command::Finish`], also where no conflict is open.
    pub(crate) gated: bool,
}

/// The same, with answers that were given beforehand.
pub(crate) fn start_with(request: Request, plan: Plan, source: Option<Arc<Source>>, how: How) -> Handle {
    let mut session = new_session(request, plan, how.on_conflict, Purpose::Upgrade);
    session.gated = how.gated;
    for (path, answer) in how.answers {
        session.answered_by.insert(path.clone(), given_answers::WHY.to_owned());
        session.decisions.answer(path, answer);
    }
    let source = source.filter(|source| source.is(session.source(), session.source_commit()));
    spawn(session, Begin::Anew, |run| {
        run.source = source;
        drive(run)
    })
}

/// Begins to run a session under the lock: its first save, the lock's note, and what was found on the way.
fn begin(run: &mut Run, how: Begin) -> Result<(), Box<Finish>> {
    let rescued = catalog::sweep(&run.session.project, run.lock.install());
    run.estimates = estimates::estimates(&run.found.sessions, &run.session);
    let session = &run.session;
    let resumed = how != Begin::Anew;
    run.say(Event::SessionStarted {
        schema: 1,
        session_id: session.session_id.clone(),
        resumed,
        install: session.install.clone(),
        from_release: session.from_release().map(str::to_owned),
        to_commit: session.source_commit().to_owned(),
        to_version: session.source_version().to_owned(),
        estimate_seconds: run.estimates,
        rehearsal_seconds: estimates::of_the_rehearsal(&run.found.sessions),
    });
    for line in rescued {
        run.warn("rescued", line);
    }
    for line in run.lock.ended() {
        run.log(Level::Warn, "lock", line);
    }
    if let Some(damage) = run.found.damage(&run.session.session_id).map(Damage::describe) {
        run.warn("session", damage);
    }
    let own = run.session.session_id.clone();
    match catalog::settle(run.lock.install(), &run.found, &own) {
        Ok(lines) => {
            if !lines.is_empty() {
                run.found = catalog::survey(&run.session.install);
            }
            lines.into_iter().for_each(|line| run.warn("session", line));
        }
        // They are history: what matters is this session.
        Err(e) => run.warn("session", e.to_string()),
    }
    let (id, since) = (run.session.session_id.clone(), run.session.created_at.clone());
    let vouched = match how {
        Begin::Anew | Begin::ResumeNamed => store::vouch(run.lock.install(), &run.session).map_err(Stop::from),
        _ => Ok(()),
    };
    vouched.and_then(|()| run.save()).and_then(|()| Ok(run.lock.explain(&id, &since)?)).map_err(|stop| {
        let (code, what, next) = match stop {
            Stop::Failed { code, what, next } => (code, what, next),
            _ => (None, "the session could not be saved".to_owned(), None),
        };
        let (message, exit_code, again) = match how {
            Begin::Anew => ("nothing was changed", Exit::Refused, None),
            Begin::Resume | Begin::ResumeNamed | Begin::Discard => {
                ("nothing was changed", Exit::Refused, Some(resume_command(&run.session)))
            }
            Begin::RollBack => (
                "not rolled back; nothing was changed",
                Exit::Incomplete,
                Some(shared_phrases::undo_command(&run.session)),
            ),
        };
        run.lock.unexplain();
        if how == Begin::Anew {
            // If it was saved at all, it is over: nothing has to be gone on with.
            let _ = run.advance(&StateEvent::Failed(what.clone())).and_then(|()| run.save());
        }
        let next = next
            .map(|advice| advice.before(again.as_deref()))
            .unwrap_or_else(|| again.clone().unwrap_or_else(|| Advice::mend("mend that").for_an_upgrade()));
        let end = finish(run, FinishKind::Failed, exit_code, format!("{what}; {message}"), Some(next));
        Box::new(Finish { code: Some(code.unwrap_or(Code::Files)), ..end })
    })
}

/// Clears away what a run that was cut off before its session began or behind its end left: half-written files, the lock's
/// note. What people should know of that, in lines. Where somebody holds the lock, or nobody ever did, there is nothing
/// to clear away.
pub(crate) fn tidy(project: &Path) -> Vec<String> {
    let install = install::folder_of(project);
    if install.join(".upgrade/lock").exists()
        && let Ok(mut lock) = Lock::acquire(&install)
    {
        let lines = [lock.ended(), &catalog::sweep(project, lock.install())].concat();
        lock.unexplain();
        return lines;
    }
    Vec::new()
}

/// Begins a session that settles the conflicts which earlier ones put off: `plan` is [`deferred::plan`]'s. Needs a tokio
/// runtime.
pub(crate) fn resolve(project: &Path, plan: Plan, options: Options) -> Handle {
    let source = plan.source.folder();
    let request = Request { project: project.to_owned(), source, to: None, only: plan.only, options };
    let session = new_session(request, plan, OnConflict::Ask, Purpose::Resolve);
    spawn(session, Begin::Anew, drive)
}

/// Begins a session that takes out what releases shipped: `plan` is that of [`crate::engine::planning::uninstall`]. Needs a
/// tokio runtime.
pub(crate) fn uninstall(project: &Path, source: &Path, plan: Plan, options: Options) -> Handle {
    let request = Request { project: project.to_owned(), source: source.to_owned(), to: None, only: None, options };
    spawn(new_session(request, plan, OnConflict::Keep, Purpose::Uninstall), Begin::Anew, drive)
}

/// Takes an unfinished session up where it stands. What it goes on with is code that runs here: so the user must have started
/// it, or `named` says that they have seen its source and said yes to it now.
pub(crate) fn resume(session: Session, named: bool) -> Handle {
    resume_with(session, named, false)
}

/// The same. With `gated` nothing is applied before [`Command::Finish`], unless that was said already.
pub(crate) fn resume_with(session: Session, named: bool, gated: bool) -> Handle {
    let how = if named { Begin::ResumeNamed } else { Begin::Resume };
    spawn(session, how, move |run| {
        run.session.gated |= gated && !run.session.applied() && !run.session.answers_done;
        if run.session.rolling_back() {
            let reason = run.session.reason().unwrap_or("a rollback was interrupted").to_owned();
            return go_back(run, &reason, Exit::Done);
        }
        check::note_gone_meanwhile(run);
        drive(run)
    })
}

/// Puts the install back as it was before the session. With `set_aside` also what can't be looked at is moved to
/// `rescued/`, unread.
pub(crate) fn roll_back(session: Session, reason: &str, set_aside: bool) -> Handle {
    let reason = reason.to_owned();
    spawn(session, Begin::RollBack, move |run| {
        run.set_aside = set_aside;
        go_back(run, &reason, Exit::Done)
    })
}

/// Forgets a session that has not applied anything.
pub(crate) fn discard(session: Session) -> Handle {
    spawn(session, Begin::Discard, |run| {
        if run.session.applied() {
            let message = "this session has changed the install already, so it can't be discarded".to_owned();
            return finish(
                run,
                FinishKind::Failed,
                Exit::Refused,
                message,
                Some(shared_phrases::undo_command(&run.session)),
            );
        }
        put_back::nothing_applied(run);
        drop_environment(run);
        run.lock.unexplain();
        match run.commit(&StateEvent::Discarded) {
            Ok(()) => finish(run, FinishKind::Aborted, Exit::Done, "discarded; the install is as it was".into(), None),
            Err(_) => finish(run, FinishKind::Failed, Exit::Refused, "the session could not be saved".into(), None),
        }
    })
}

fn new_session(request: Request, plan: Plan, on_conflict: OnConflict, purpose: Purpose) -> Session {
    let install = request.install();
    let id = uuid::Uuid::now_v7().to_string();
    let Request { project, source, options, .. } = request;
    let (resolving, uninstalling) = (purpose == Purpose::Resolve, purpose == Purpose::Uninstall);
    let approval = Approval { source, on_conflict, resolving, uninstalling, options, plan };
    let folder_before = (purpose == Purpose::Upgrade).then(|| folder::leaves(&install)).flatten();
    let mut session = Session::begin(approval, id, project, install, jiff::Timestamp::now());
    session.folder_before = folder_before;
    session
}

/// Runs `work` on a thread that may block, under the install's lock. A panic in it becomes a failed session.
fn spawn(session: Session, how: Begin, work: impl FnOnce(&mut Run) -> Finish + Send + 'static) -> Handle {
    let (events, receiver) = mpsc::channel(1024);
    let (commands, heard) = mpsc::channel(64);
    let runtime = tokio::runtime::Handle::current();
    let at_work = Work::begin();
    tokio::task::spawn_blocking(move || {
        let _at_work = at_work;
        let mut session = session;
        let lock = match how {
            Begin::RollBack => Lock::acquire_to_go_back(&session.install),
            _ => Lock::acquire(&session.install),
        };
        let lock = match lock {
            Ok(lock) => lock,
            Err(e) => {
                let _ = events.blocking_send(Event::Finished(refused(&locked::refusal(&session.install, &e))));
                return;
            }
        };
        // What was so before the lock was held may no longer be; from here on nobody else writes there.
        let found = catalog::survey(&session.install);
        let admitted = still_the_same(&session, how, &found).and_then(|()| take_place(&mut session, how, &found));
        if let Err(problem) = admitted {
            let _ = events.blocking_send(Event::Finished(refused(&problem)));
            return;
        }
        let aside = match how {
            Begin::RollBack => set_aside::made_again(lock.install(), &session),
            _ => Ok(set_aside::Aside::new()),
        };
        let mut run = Run::new(session, lock, runtime, events, heard);
        run.found = found;
        let aside = match aside {
            Ok(aside) => aside,
            Err(stop) => {
                let finish = not_back(&mut run, stop);
                run.say(Event::Finished(finish));
                return;
            }
        };
        for (path, to) in aside {
            run.warn("rescued", format!("{path}: it stood where a folder of this program was; it is now in {to}"));
        }
        if let Err(finish) = begin(&mut run, how) {
            return ended(&mut run, *finish);
        }
        let finish = std::panic::catch_unwind(AssertUnwindSafe(|| work(&mut run))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
            let message = format!("a bug in this program stopped the upgrade: {said}; the session is saved");
            finish(&run, FinishKind::Failed, Exit::Bug, message, Some(resume_command(&run.session)))
        });
        // This process may live on, and must not look like one that works on the install.
        run.lock.unexplain();
        ended(&mut run, finish);
    });
    Handle { events: receiver, commands }
}

/// Notes the end in the history of this machine, and tells it.
fn ended(run: &mut Run, finish: Finish) {
    past::note(run, &finish);
    run.say(Event::Finished(finish));
}

fn drive(run: &mut Run) -> Finish {
    for phase in Phase::ALL {
        let left_out =
            run.session.plan().only == Some(Only::Content) && matches!(phase, Phase::Server | Phase::Validation);
        // What waits was checked when it was first planned, and needs no source.
        let left_out = left_out || run.session.resolving() && phase == Phase::PreFlight;
        // Nothing will change that could be brought back.
        let left_out = left_out || run.session.options().only_rehearsal && phase == Phase::Backup;
        // Nothing comes whose server could be started and asked.
        let left_out = left_out || run.session.uninstalling() && matches!(phase, Phase::Server | Phase::Validation);
        if run.session.completed_phases().contains(&phase) || left_out {
            continue;
        }
        planted::bug(phase.number());
        let result = match phase {
            Phase::PreFlight if run.session.uninstalling() => run.phase(phase, phases::uninstall::checks),
            Phase::Content if run.session.uninstalling() => run.phase(phase, phases::uninstall::take_out),
            Phase::Cleanup if run.session.uninstalling() => run.phase(phase, phases::uninstall::end),
            Phase::PreFlight => run.phase(phase, phases::preflight::run),
            Phase::Backup => run.phase(phase, phases::backup::run),
            Phase::Content => run.phase(phase, phases::content::run),
            Phase::Server => run.phase(phase, phases::server::replace::run),
            Phase::Validation => run.phase(phase, phases::validation::run).and_then(|()| let_go(run)),
            // Whoever goes on after a crash behind phase 4 has still to put back what the proof left.
            Phase::Cleanup => let_go(run).and_then(|()| run.phase(phase, phases::cleanup::run)),
        };
        if let Err(stop) = result {
            return stopped(run, phase, stop);
        }
    }
    if let Err(stop) = run.commit(&StateEvent::Completed) {
        return stopped(run, Phase::Cleanup, stop);
    }
    run.lock.unexplain();
    let parked = run.session.put_off();
    let settled = run.session.answers().len() - parked;
    let install = run.session.install.shown();
    if run.session.uninstalling() {
        let message = format!("{install}: what releases put here is taken out; what is yours stays where it was");
        let next = format!("to have it back: {}", shared_phrases::undo_command(&run.session));
        return finish(run, FinishKind::Completed, Exit::Done, message, Some(next));
    }
    let mut message = match run.session.resolving() {
        true => format!("{install}: {} that had been put off", settled_words(settled)),
        false => format!("upgraded {install} ({})", shared_phrases::from_to(&run.session)),
    };
    if parked > 0 {
        message.push_str(&format!("; {parked} put off, where yours stays until you settle it"));
    }
    let next = (parked > 0).then(|| Next::Resolve.of(&run.session.project));
    // This session is one of those that have ended by now.
    let found = run.found_now();
    // What a damaged session put off is needed still, and can't be told.
    if found.damages.is_empty() {
        deferred::sweep(run.lock.install(), &found.sessions);
    }
    finish(run, FinishKind::Completed, Exit::Done, message, next)
}
