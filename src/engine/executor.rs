//! The background task that runs a session, and the handle that a face holds.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use tokio::sync::mpsc;

use super::events::{Command, Event, Finish, FinishKind, Level};
use super::phases;
use crate::core::baseline;
use crate::core::command_line::Next;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::phase::Phase;
use crate::core::plan::{Only, Plan};
use crate::core::policy::OnConflict;
use crate::core::provenance::short;
use crate::core::session::{Approval, Session, StateEvent, Status};
use crate::core::settings::Options;
use crate::core::visible::Shown as _;
use crate::engine::account::check;
use crate::engine::account::take::{self, When};
use crate::engine::at_work::Work;
use crate::engine::conflicts::deferred;
use crate::engine::maintenance::locked;
use crate::engine::phases::server::dependencies;
use crate::engine::planning::checks;
use crate::engine::planning::folder;
use crate::engine::planning::make_plan;
use crate::engine::planning::make_plan::PlanningError;
use crate::engine::planning::request::Request;
use crate::engine::refusal::{About, Problem};
use crate::engine::report::{documents, final_report, words};
use crate::engine::rollback::{put_back, set_aside};
use crate::engine::session::context::Run;
use crate::engine::session::estimates::estimates;
use crate::engine::session::stop::{Advice, Stop};
use crate::engine::session::word;
use crate::host::backup::copy;
use crate::host::files::fs;
use crate::host::install;
use crate::host::session::catalog;
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

/// Begins a session for an approved plan. Needs a tokio runtime.
pub(crate) fn start(request: Request, plan: Plan, on_conflict: OnConflict) -> Handle {
    let session = new_session(request, plan, on_conflict, false);
    spawn(session, Begin::Anew, drive)
}

/// Begins to run a session under the lock: its first save, the lock's note, and what was found on the way.
fn begin(run: &mut Run, how: Begin) -> Result<(), Box<Finish>> {
    let rescued = catalog::sweep(&run.session.project, run.lock.install());
    let found = catalog::survey(&run.session.install);
    run.estimates = estimates(&found.sessions, &run.session);
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
    });
    for line in rescued {
        run.warn("rescued", line);
    }
    for line in run.lock.ended() {
        run.log(Level::Warn, "lock", line);
    }
    if let Some(damage) = found.damage(&run.session.session_id) {
        run.warn("session", damage.describe());
    }
    let own = run.session.session_id.clone();
    match catalog::settle(run.lock.install(), &found, &own) {
        Ok(lines) => lines.into_iter().for_each(|line| run.warn("session", line)),
        // They are history: what matters is this session.
        Err(e) => run.warn("session", e.to_string()),
    }
    let (id, since) = (run.session.session_id.clone(), run.session.created_at.clone());
    let vouched = match how {
        Begin::Anew | Begin::ResumeNamed => store::vouch(run.lock.install(), &run.session).map_err(Stop::from),
        _ => Ok(()),
    };
    vouched.and_then(|()| run.save()).and_then(|()| Ok(run.lock.explain(&id, &since)?)).map_err(|stop| {
        let (what, next) = match stop {
            Stop::Failed { what, next } => (what, next),
            _ => ("the session could not be saved".to_owned(), None),
        };
        let (message, exit_code, again) = match how {
            Begin::Anew => ("nothing was changed", Exit::Refused, None),
            Begin::Resume | Begin::ResumeNamed | Begin::Discard => {
                ("nothing was changed", Exit::Refused, Some(resume_command(&run.session)))
            }
            Begin::RollBack => {
                ("not rolled back; nothing was changed", Exit::Incomplete, Some(words::undo_command(&run.session)))
            }
        };
        run.lock.unexplain();
        if how == Begin::Anew {
            // If it was saved at all, it is over: nothing has to be gone on with.
            let _ = run.advance(&StateEvent::Failed(what.clone())).and_then(|()| run.save());
        }
        let next = next
            .map(|advice| advice.before(again.as_deref()))
            .unwrap_or_else(|| again.clone().unwrap_or_else(|| Advice::mend("mend that").for_an_upgrade()));
        Box::new(finish(run, FinishKind::Failed, exit_code, format!("{what}; {message}"), Some(next)))
    })
}

/// Why a session is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Anew,
    Resume,
    /// The same, after the user said yes to its source.
    ResumeNamed,
    Discard,
    RollBack,
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
    let session = new_session(request, plan, OnConflict::Ask, true);
    spawn(session, Begin::Anew, drive)
}

/// Takes an unfinished session up where it stands. What it goes on with is code that runs here: so the user must have started
/// it, or `named` says that they have seen its source and said yes to it now.
pub(crate) fn resume(session: Session, named: bool) -> Handle {
    let how = if named { Begin::ResumeNamed } else { Begin::Resume };
    spawn(session, how, |run| {
        if run.session.rolling_back() {
            let reason = run.session.reason().unwrap_or("a rollback was interrupted").to_owned();
            return go_back(run, &reason, Exit::Done);
        }
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
            return finish(run, FinishKind::Failed, Exit::Refused, message, Some(words::undo_command(&run.session)));
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

fn new_session(request: Request, plan: Plan, on_conflict: OnConflict, resolving: bool) -> Session {
    let install = request.install();
    let id = uuid::Uuid::now_v7().to_string();
    let Request { project, source, options, .. } = request;
    let approval = Approval { source, on_conflict, resolving, options, plan };
    let folder_before = (!resolving).then(|| folder::leaves(&install)).flatten();
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
        // What was so before the lock was held may no longer be.
        if let Err(problem) = still_the_same(&session, how).and_then(|()| take_place(&mut session, how)) {
            let _ = events.blocking_send(Event::Finished(refused(&problem)));
            return;
        }
        let aside = match how {
            Begin::RollBack => set_aside::made_again(lock.install(), &session),
            _ => Ok(set_aside::Aside::new()),
        };
        let mut run = Run::new(session, lock, runtime, events, heard);
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
            run.say(Event::Finished(*finish));
            return;
        }
        let finish = std::panic::catch_unwind(AssertUnwindSafe(|| work(&mut run))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
            let message = format!("a bug in this program stopped the upgrade: {said}; the session is saved");
            finish(&run, FinishKind::Failed, Exit::Bug, message, Some(resume_command(&run.session)))
        });
        // This process may live on, and must not look like one that works on the install.
        run.lock.unexplain();
        run.say(Event::Finished(finish));
    });
    Handle { events: receiver, commands }
}

/// A new session begins only where none is unfinished; an old one is only taken up as it was when it was read.
fn still_the_same(session: &Session, how: Begin) -> Result<(), Problem> {
    if how == Begin::Anew {
        let in_the_way = checks::session_in_the_way(&session.install);
        return in_the_way.map_or(Ok(()), |p| Err(Problem { what: format!("{}; nothing was changed", p.what), ..p }));
    }
    let found = catalog::survey(&session.install);
    if let Some(damage) = found.lost() {
        let what = format!("{}; nothing was changed", damage.describe());
        return Err(Problem { about: About::Install, exit_code: Exit::Refused, what, next: damage.next() });
    }
    if let Some(later) = found.later(&session.session_id).filter(|_| how == Begin::RollBack) {
        return Err(followed_by(session, later));
    }
    if how == Begin::RollBack {
        overtaken(session)?;
    }
    if found.sessions.iter().any(|now| now == session) {
        return match how == Begin::Resume && word::is_missing(session) {
            true => Err(word::missing(session)),
            false => Ok(()),
        };
    }
    Err(Problem {
        about: About::Install,
        exit_code: Exit::Locked,
        what: format!("session {} was changed by another process meanwhile; nothing was changed", session.session_id),
        next: Next::Status.of(&session.project),
    })
}

/// Going back over a later upgrade would mix the files of two releases, whatever the clock says about the two.
pub(crate) fn followed_by(session: &Session, later: &Session) -> Problem {
    Problem {
        about: About::Install,
        exit_code: Exit::Refused,
        what: format!(
            "session {} was followed by session {} ({}), which must be rolled back first; nothing was changed",
            session.session_id,
            later.session_id,
            later.status().words()
        ),
        next: Next::RollbackOf(&later.session_id).of(&session.project),
    }
}

/// Whether another release came into the install since this session ended, by git or by hand. Its files are not in the
/// session's backup, so going back would mix the two.
///
/// # Errors
/// [`Problem`] if so, or where it can't be told.
pub(crate) fn overtaken(session: &Session) -> Result<(), Problem> {
    let ended = session.status() == Status::Completed && !session.rolling_back();
    if !ended || session.resolving() || session.rebuilt() || !session.applied() {
        return Ok(());
    }
    // What is no file tells nothing of a release: the rollback sets it aside like all else that stands in its way.
    if documents::is_something_else(&session.install.join(baseline::FILE)) {
        return Ok(());
    }
    let problem = |what: String, next: String| {
        Err(Problem {
            about: About::Install,
            exit_code: Exit::Refused,
            what: format!("{what}; nothing was changed"),
            next,
        })
    };
    match make_plan::read_baseline(&session.install) {
        Ok(Some(baseline)) if baseline.release != session.source_commit() => problem(
            format!(
                "session {} installed release {}, but the install is of release {} since, which came by git or by \
                 hand: going back would mix two releases",
                session.session_id,
                short(session.source_commit()),
                short(&baseline.release)
            ),
            format!("go back with git: {}", log_command(session)),
        ),
        Err(e @ PlanningError::Merged { .. }) => {
            problem(format!("{e}: going back would mix two releases"), Next::Reconcile(None).of(&session.project))
        }
        Err(PlanningError::Fs(e)) => problem(e.to_string(), "mend that, then try again".into()),
        _ => Ok(()),
    }
}

/// Gives a new session its place behind all others, and a stamp that no other has.
fn take_place(session: &mut Session, how: Begin) -> Result<(), Problem> {
    if how != Begin::Anew {
        return Ok(());
    }
    let place = catalog::next_place(&session.install);
    let taken = place.and_then(|(number, after)| {
        let stamp = catalog::free_stamp(&session.install, jiff::Timestamp::now())?;
        Ok((number, after, stamp))
    });
    match taken {
        Ok((number, after, stamp)) => (session.number, session.after, session.stamp) = (number, after, stamp),
        Err(e) => {
            let what = format!("{e}, so it can't be told what was done here before; nothing was changed");
            let next = format!("mend that, then: {}", Next::Status.of(&session.project));
            return Err(Problem { about: About::Install, exit_code: Exit::Refused, what, next });
        }
    }
    Ok(())
}

fn refused(problem: &Problem) -> Finish {
    Finish {
        result: FinishKind::Failed,
        exit_code: problem.exit_code,
        message: problem.what.clone(),
        next: Some(problem.next.clone()).filter(|next| !next.is_empty()),
        report: Vec::new(),
        session_id: None,
        backup: None,
        seconds: None,
    }
}

fn finish(run: &Run, result: FinishKind, exit_code: Exit, message: String, next: Option<String>) -> Finish {
    let session = &run.session;
    // A run that only took the last steps up has not looked yet.
    let untaken = run.account.is_none() && result == FinishKind::Completed;
    let taken = untaken.then(|| take::of(session, When::Ended).ok()).flatten();
    let account = run.account.as_ref().or(taken.as_ref());
    let folder = session.backup.as_ref().map(|name| copy::folder_of(&session.install).join(name));
    Finish {
        result,
        exit_code,
        message,
        next,
        report: final_report::report(session, &run.warnings, run.seconds(), account),
        session_id: Some(session.session_id.clone()),
        backup: folder.filter(|f: &std::path::PathBuf| Path::new(f).join(copy::MANIFEST).exists()),
        seconds: Some(run.seconds()),
    }
}

/// The command that shows what git knows of the install.
fn log_command(session: &Session) -> String {
    format!("git -C {} log -- {}", quoted(&session.project), install::name_of(&session.install))
}

/// The command that brings one file back from a session's backup.
fn restore_command(session: &Session) -> String {
    Next::Restore(session.backup.as_deref().unwrap_or("BACKUP")).of(&session.project)
}

/// The command that takes a session up again.
fn resume_command(session: &Session) -> String {
    Next::Resume.of(&session.project)
}

fn drive(run: &mut Run) -> Finish {
    for phase in Phase::ALL {
        let left_out =
            run.session.plan().only == Some(Only::Content) && matches!(phase, Phase::Server | Phase::Validation);
        // What waits was checked when it was first planned, and needs no source.
        let left_out = left_out || run.session.resolving() && phase == Phase::PreFlight;
        if run.session.completed_phases().contains(&phase) || left_out {
            continue;
        }
        let result = match phase {
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
    let mut message = match run.session.resolving() {
        true => format!("{install}: {} that had been put off", settled_words(settled)),
        false => format!("upgraded {install} ({})", words::from_to(&run.session)),
    };
    if parked > 0 {
        message.push_str(&format!("; {parked} put off, where yours stays until you settle it"));
    }
    let next = (parked > 0).then(|| Next::Resolve.of(&run.session.project));
    let found = catalog::survey(&run.session.install);
    // What a damaged session put off is needed still, and can't be told.
    if found.damages.is_empty() {
        deferred::sweep(run.lock.install(), &found.sessions);
    }
    finish(run, FinishKind::Completed, Exit::Done, message, next)
}

fn settled_words(settled: usize) -> String {
    if settled == 1 { "settled 1 conflict".to_owned() } else { format!("settled {settled} conflicts") }
}

/// After validation: a server that ran before runs on, one that was only started for the proof is stopped.
fn let_go(run: &mut Run) -> Result<(), Stop> {
    if run.session.server.as_ref().is_some_and(|s| s.was_running) {
        if let Some(started) = run.server.take() {
            started.leave();
        }
    } else {
        run.stop_proof_server();
    }
    Ok(())
}

fn stopped(run: &mut Run, phase: Phase, stop: Stop) -> Finish {
    match stop {
        Stop::Pause => pause(run, phase),
        Stop::RollBack => go_back(run, "asked for by a person", Exit::Done),
        Stop::Failed { what, next } if phase.rolls_back() && run.session.applied() => {
            let reason = format!("phase {} failed: {what}", phase.number());
            let mut finish = go_back(run, &reason, Exit::RolledBack);
            let again = || "see above what failed; when that is mended, start the upgrade again".to_owned();
            finish.next = finish.next.or(next.map(|n| n.for_an_upgrade())).or_else(|| Some(again()));
            finish
        }
        Stop::Failed { what, next } if run.session.applied() => {
            let _ = run.advance(&StateEvent::Failed(what.clone())).and_then(|()| run.save());
            let message = format!("the new release is in place, but phase {} failed: {what}", phase.number());
            let next = next.map_or_else(|| resume_command(&run.session), |next| next.for_an_upgrade());
            finish(run, FinishKind::Failed, Exit::Incomplete, message, Some(next))
        }
        Stop::Failed { what, next } => {
            run.background = None;
            put_back::nothing_applied(run);
            drop_environment(run);
            run.lock.unexplain();
            let _ = run.advance(&StateEvent::Failed(what.clone())).and_then(|()| run.save());
            if let Some(time) = run.lock.found_at() {
                // Our own files came and went in it. Whose folder it is not can't set it, and nothing depends on it.
                let _ = fs::set_mtime(&run.install(), time);
            }
            let message = format!("{what}\nnothing in the install was changed");
            let next = next.unwrap_or_else(|| Advice::mend("mend that")).for_an_upgrade();
            finish(run, FinishKind::Failed, Exit::Refused, message, Some(next))
        }
    }
}

/// Nothing was applied, so nobody will switch to the environment that was built.
fn drop_environment(run: &mut Run) {
    phases::server::fetch::clear(run);
    if let Err(Stop::Failed { what, .. }) = dependencies::abandon(run) {
        run.warn("venv", what);
    }
}

fn pause(run: &mut Run, phase: Phase) -> Finish {
    run.background = None;
    let _ = let_go(run);
    let saved = run.advance(&StateEvent::Paused).and_then(|()| run.save());
    run.lock.unexplain();
    let message = match saved {
        Ok(()) => format!("paused in phase {}; the session is saved and can be resumed or rolled back", phase.number()),
        Err(_) => format!("stopped in phase {}; the session could not be saved again", phase.number()),
    };
    finish(run, FinishKind::Interrupted, Exit::Interrupted, message, Some(resume_command(&run.session)))
}

fn go_back(run: &mut Run, reason: &str, exit_code: Exit) -> Finish {
    phases::server::fetch::clear(run);
    check::note_lost(run);
    match put_back::roll_back(run, reason) {
        Ok(restored) => {
            let install = run.session.install.shown().to_string();
            let rescue = format!("{}/rescued/", install::name_of(&run.session.install));
            if let Some(problem) = restored.server_problem {
                let message = format!("{install} is back as it was, but its server does not answer: {problem}");
                return finish(run, FinishKind::RolledBack, Exit::Incomplete, message, None);
            }
            let rescued = match restored.rescued.len() {
                0 => String::new(),
                1 => format!("; 1 file that you edited since is in {rescue}"),
                n => format!("; {n} files that you edited since are in {rescue}"),
            };
            let back = match run.session.resolving() {
                true => "is back as it was before the conflicts were settled; the upgrade stays",
                false => "is back as it was",
            };
            if !restored.left_out.is_empty() {
                let names: Vec<String> = restored.left_out.iter().map(ToString::to_string).collect();
                let message = format!(
                    "{install} {back}{rescued}, but for what the backup's copies of are damaged, which stays as it is: {}\n\
                     reason: {reason}",
                    names.join(", ")
                );
                let next = format!("take them from your repository: {}", log_command(&run.session));
                return finish(run, FinishKind::RolledBack, Exit::Incomplete, message, Some(next));
            }
            if !restored.missing.is_empty() {
                let names: Vec<String> = restored.missing.iter().map(ToString::to_string).collect();
                let message = format!(
                    "{install} {back}{rescued}, but for what did not come back though the backup has it: {}\n\
                     reason: {reason}",
                    names.join(", ")
                );
                let next = format!("bring them back one by one: {}", restore_command(&run.session));
                return finish(run, FinishKind::RolledBack, Exit::Incomplete, message, Some(next));
            }
            let message = format!("{install} {back}{rescued}\nreason: {reason}");
            finish(run, FinishKind::RolledBack, exit_code, message, None)
        }
        Err(stop) => not_back(run, stop),
    }
}

/// A rollback that could not be done: it can be repeated, and nothing else goes on before it was.
fn not_back(run: &mut Run, stop: Stop) -> Finish {
    let (what, next) = match stop {
        Stop::Failed { what, next } => (what, next),
        _ => ("it was stopped".to_owned(), None),
    };
    let again = words::undo_command(&run.session);
    let rescue = format!("{}/rescued/", install::name_of(&run.session.install));
    let next = Some(next.map_or_else(|| again.clone(), |next| next.before(Some(&again))));
    if run.session.is_unfinished() {
        let _ = run.advance(&StateEvent::Paused).and_then(|()| run.save());
        let message = format!(
            "the rollback is not complete: {what}\nit can be repeated, nothing is lost; if it stops there again, this moves \
             what stands in the way to {rescue}: {}",
            words::set_aside_command(&run.session)
        );
        let finish = finish(run, FinishKind::Failed, Exit::Incomplete, message, next);
        return Finish { report: final_report::not_back(&run.session, &run.warnings), ..finish };
    }
    run.lock.unexplain();
    let message = format!(
        "not rolled back: {what}\nthe install is as it was, with the release that was installed; if something of it can't be \
         read, this moves it to {rescue}: {}",
        words::set_aside_command(&run.session)
    );
    let finish = finish(run, FinishKind::Failed, Exit::Incomplete, message, next);
    Finish { report: final_report::not_back(&run.session, &run.warnings), ..finish }
}
