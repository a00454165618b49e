//! How a session's run ends: done, paused, refused, taken back, or not even that; each with what to say and to do next.

use std::path::Path;

use super::events::{Finish, FinishKind};
use super::phases;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::phase::Phase;
use crate::core::report_parts::Part;
use crate::core::session::{Rehearsal, Session, StateEvent};
use crate::core::visible::Shown as _;
use crate::engine::account::check;
use crate::engine::account::take::{self, When};
use crate::engine::phases::server::dependencies;
use crate::engine::refusal::Problem;
use crate::engine::report::{final_report, shared_phrases};
use crate::engine::rollback::put_back;
use crate::engine::session::context::Run;
use crate::engine::session::stop::{Advice, Stop};
use crate::host::backup::copy;
use crate::host::files::fs;
use crate::host::install;
use crate::host::session::store;

pub(crate) fn refused(problem: &Problem) -> Finish {
    Finish {
        result: FinishKind::Failed,
        exit_code: problem.exit_code,
        code: Some(problem.code),
        message: problem.what.clone(),
        next: Some(problem.next.clone()).filter(|next| !next.is_empty()),
        report: Vec::new(),
        session_id: None,
        backup: None,
        seconds: None,
        conflicts: Vec::new(),
    }
}

pub(crate) fn finish(run: &Run, result: FinishKind, exit_code: Exit, message: String, next: Option<String>) -> Finish {
    let session = &run.session;
    // A run that only took the last steps up has not looked yet.
    let untaken = run.account.is_none() && result == FinishKind::Completed;
    let taken = untaken.then(|| take::of(session, When::Ended).ok()).flatten();
    let account = run.account.as_ref().or(taken.as_ref());
    let folder = session.backup.as_ref().map(|name| copy::folder_of(&session.install).join(name));
    Finish {
        result,
        exit_code,
        code: Code::of_exit(exit_code),
        message,
        next,
        report: final_report::with_notes(
            final_report::report(session, &run.warnings, Some(run.seconds()), account),
            &run.notes,
        ),
        session_id: Some(session.session_id.clone()).filter(|_| !is_forgotten(run)),
        backup: folder.filter(|f: &std::path::PathBuf| Path::new(f).join(copy::MANIFEST).exists()),
        seconds: Some(run.seconds()),
        conflicts: Vec::new(),
    }
}

/// The command that shows what git knows of the install.
pub(crate) fn log_command(session: &Session) -> String {
    format!("git -C {} log -- {}", quoted(&session.project), install::name_of(&session.install))
}

/// The command that brings one file back from a session's backup.
fn restore_command(session: &Session) -> String {
    Next::Restore(session.backup.as_deref().unwrap_or("BACKUP")).of(&session.project)
}

/// The command that takes a session up again.
pub(crate) fn resume_command(session: &Session) -> String {
    Next::Resume.of(&session.project)
}

pub(crate) fn settled_words(settled: usize) -> String {
    if settled == 1 { "settled 1 conflict".to_owned() } else { format!("settled {settled} conflicts") }
}

/// After validation: a server that ran before runs on, one that was only started for the proof is stopped.
pub(crate) fn let_go(run: &mut Run) -> Result<(), Stop> {
    if run.session.server.as_ref().is_some_and(|s| s.was_running) {
        if let Some(started) = run.server.take() {
            started.leave();
        }
    } else {
        run.stop_proof_server();
    }
    Ok(())
}

/// What has to be begun again where a session came to nothing.
fn start_again(session: &Session) -> String {
    match session.uninstalling() {
        true => Next::Uninstall.of(&session.project),
        false => "start the upgrade again".to_owned(),
    }
}

/// An advice in a sentence, for what failed.
fn advised(session: &Session, advice: &Advice) -> String {
    match session.uninstalling() {
        true => advice.before(Some(&Next::Uninstall.of(&session.project))),
        false => advice.for_an_upgrade(),
    }
}

pub(crate) fn stopped(run: &mut Run, phase: Phase, stop: Stop) -> Finish {
    match stop {
        Stop::Pause => pause(run, phase),
        Stop::RollBack => go_back(run, "asked for by a person", Exit::Done),
        Stop::Tried => tried(run),
        // Phase 2 takes it up itself; from elsewhere it would be a pause.
        Stop::ChangeAnswers => pause(run, phase),
        Stop::Failed { code, what, next } if phase.rolls_back() && run.session.applied() => {
            let reason = format!("phase {} failed: {what}", phase.number());
            let mut finish = go_back(run, &reason, Exit::RolledBack);
            let again = || format!("see above what failed; when that is mended, {}", start_again(&run.session));
            if finish.exit_code == Exit::RolledBack {
                finish.code = code.or(Some(of_phase(phase)));
            }
            finish.next = finish.next.or(next.map(|n| advised(&run.session, &n))).or_else(|| Some(again()));
            finish
        }
        Stop::Failed { code, what, next } if run.session.applied() => {
            let _ = run.advance(&StateEvent::Failed(what.clone())).and_then(|()| run.save());
            let done =
                if run.session.uninstalling() { "what goes is taken out" } else { "the new release is in place" };
            let message = format!("{done}, but phase {} failed: {what}", phase.number());
            let next = next.map_or_else(|| resume_command(&run.session), |next| advised(&run.session, &next));
            let end = finish(run, FinishKind::Failed, Exit::Incomplete, message, Some(next));
            Finish { code: code.or(Some(of_phase(phase))), ..end }
        }
        Stop::Failed { code, what, next } => {
            let _ = over(run, &StateEvent::Failed(what.clone()));
            let message = format!("{what}\nnothing in the install was changed");
            let next = advised(&run.session, &next.unwrap_or_else(|| Advice::mend("mend that")));
            let end = finish(run, FinishKind::Failed, Exit::Refused, message, Some(next));
            Finish { code: code.or(Some(of_phase(phase))), ..end }
        }
    }
}

/// What failed where nothing more exact is known: the phase.
fn of_phase(phase: Phase) -> Code {
    match phase {
        Phase::PreFlight => Code::PreflightFailed,
        Phase::Backup => Code::BackupFailed,
        Phase::Content => Code::ContentFailed,
        Phase::Server => Code::ServerFailed,
        Phase::Validation => Code::ValidationFailed,
        Phase::Cleanup => Code::CleanupFailed,
    }
}

/// Ends a session that changed nothing: what was made ready goes.
fn over(run: &mut Run, event: &StateEvent) -> Result<(), Stop> {
    run.background = None;
    put_back::nothing_applied(run);
    drop_environment(run);
    run.lock.unexplain();
    let saved = run.advance(event).and_then(|()| run.save());
    if is_forgotten(run)
        && let Err(e) = store::forget(run.lock.install(), &run.session)
    {
        run.warn("session", e.to_string());
    }
    if let Some(time) = run.lock.found_at() {
        // Our own files came and went in it. Whose folder it is not can't set it, and nothing depends on it.
        let _ = fs::set_mtime(&run.install(), time);
    }
    saved
}

/// Whether nothing stays of a session: it was only to try something, and is over.
fn is_forgotten(run: &Run) -> bool {
    run.session.options().only_rehearsal && !run.session.is_unfinished()
}

/// Only the rehearsal was asked for: what came of it, and nothing stays of its session.
fn tried(run: &mut Run) -> Finish {
    let rehearsal = run.session.ready.as_ref().and_then(|ready| ready.rehearsal.clone());
    let _ = over(run, &StateEvent::Discarded);
    let unchanged = "nothing in the install was changed";
    let mut finish = match rehearsal {
        Some(Rehearsal::Passed) => {
            let message = format!("the new release was tried here, and works; {unchanged}");
            finish(run, FinishKind::Rehearsed, Exit::Done, message, None)
        }
        Some(Rehearsal::PassedInCopy(why)) => {
            let message = format!("the new release was tried in a copy of the install, and works; {unchanged} ({why})");
            finish(run, FinishKind::Rehearsed, Exit::Done, message, None)
        }
        other => {
            let why = match other {
                Some(Rehearsal::NotTried(why)) => why,
                _ => "it came to no end".to_owned(),
            };
            let message =
                format!("the new release can't be tried here, which says nothing about it: {why}; {unchanged}");
            let next = "an upgrade would go on, and go back by itself where the release fails".to_owned();
            let end = finish(run, FinishKind::NotRehearsed, Exit::Refused, message, Some(next));
            Finish { code: Some(Code::NotTried), ..end }
        }
    };
    finish.report = std::mem::take(&mut run.tried).into_iter().map(Part::Line).collect();
    finish
}

/// Nothing was applied, so nobody will switch to the environment that was built.
pub(crate) fn drop_environment(run: &mut Run) {
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

pub(crate) fn go_back(run: &mut Run, reason: &str, exit_code: Exit) -> Finish {
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
pub(crate) fn not_back(run: &mut Run, stop: Stop) -> Finish {
    let (what, next) = match stop {
        Stop::Failed { what, next, .. } => (what, next),
        _ => ("it was stopped".to_owned(), None),
    };
    let again = shared_phrases::undo_command(&run.session);
    let rescue = format!("{}/rescued/", install::name_of(&run.session.install));
    let next = Some(next.map_or_else(|| again.clone(), |next| next.before(Some(&again))));
    if run.session.is_unfinished() {
        let _ = run.advance(&StateEvent::Paused).and_then(|()| run.save());
        let message = format!(
            "the rollback is not complete: {what}\nit can be repeated, nothing is lost; if it stops there again, this moves \
             what stands in the way to {rescue}: {}",
            shared_phrases::set_aside_command(&run.session)
        );
        let finish = finish(run, FinishKind::Failed, Exit::Incomplete, message, next);
        return Finish { report: final_report::not_back(&run.session, &run.warnings), ..finish };
    }
    run.lock.unexplain();
    let message = format!(
        "not rolled back: {what}\nthe install is as it was, with the release that was installed; if something of it can't be \
         read, this moves it to {rescue}: {}",
        shared_phrases::set_aside_command(&run.session)
    );
    let finish = finish(run, FinishKind::Failed, Exit::Incomplete, message, next);
    Finish { report: final_report::not_back(&run.session, &run.warnings), ..finish }
}
