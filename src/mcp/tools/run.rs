//! What moves a session on: `upgrade_apply`, `upgrade_resume`, `upgrade_pause`, `upgrade_rollback`, `question_answer`.

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::question::Way;
use crate::core::session::Status as Saved;
use crate::core::visible::{self, Shown as _};
use crate::engine::events::Command;
use crate::engine::executor;
use crate::engine::planning::settings;
use crate::engine::session::word;
use crate::mcp::call::Call;
use crate::mcp::fault::Fault;
use crate::mcp::live::Waits;
use crate::mcp::shapes::{ApplyArgs, QuestionArgs, ResumeArgs, RollbackArgs, SessionArgs, Status};

/// The gate behind the answers: from here on things change.
///
/// # Errors
/// [`Fault`], also where another plan was shown, or something is open.
pub(crate) async fn apply(call: &Call, args: ApplyArgs) -> Result<Status, Fault> {
    let (session, live) = call.seen(args.project.as_deref(), args.session_id.as_deref()).await?;
    let id = session.plan().id();
    if id != args.plan_id {
        let what = format!(
            "session {} is for plan {id}, not for {}",
            session.session_id,
            visible::start_of(&args.plan_id, 40)
        );
        return Err(
            Fault::usage(Code::PlanOutdated, what, "show the person that plan; then name it").then("upgrade_status")
        );
    }
    let seen = live.now();
    match seen.waits {
        Waits::Conflicts if seen.open() > 0 => {
            let what = format!("{} conflicts have no answer", seen.open());
            let fault = Fault::new(Code::Conflicts, what, "ask the person, and answer each").then("conflict_list");
            return Err(Fault { exit_code: Exit::Conflicts.code(), ..fault });
        }
        Waits::Conflicts => live.say(Command::Finish(Vec::new())).await,
        // It goes on already, or asks: the status says which.
        Waits::No | Waits::Question(_) => {}
    }
    let not_asked = call.wait(&live, args.wait_seconds).await;
    let status = call.status_of(&session.project, args.project.as_deref(), Some(&live), None).await?;
    Ok(Status { not_asked, ..status })
}

/// Takes a session up that was left, by whomever.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn resume(call: &Call, args: ResumeArgs) -> Result<Status, Fault> {
    let session = call.session(args.project.as_deref(), args.session_id.as_deref()).await?;
    if !session.is_unfinished() {
        let what = format!("session {} is {}", session.session_id, session.status().words());
        return Err(Fault::new(Code::NothingToGoOnWith, what, "there is nothing to go on with").then("upgrade_status"));
    }
    if session.rebuilt() {
        let what = format!("the files of session {} were damaged", session.session_id);
        return Err(Fault::new(Code::SessionDamaged, what, "it can only be rolled back").then("upgrade_rollback"));
    }
    let live = match call.here.running(&session.session_id) {
        Some(live) => live,
        None => {
            let is_named = match args.source.as_deref() {
                None => false,
                Some(source) if settings::absolute(Some(source)) == settings::absolute(Some(session.source())) => true,
                Some(source) => {
                    let (own, id) = (session.source().shown(), &session.session_id);
                    let what = format!("session {id} upgrades from {own}, not from {}", source.shown());
                    return Err(Fault::usage(Code::OtherSource, what, "name its own source, or go back")
                        .then("upgrade_rollback"));
                }
            };
            if !is_named && word::is_missing(&session) {
                let fault = Fault::from(word::missing(&session));
                let fix = "ask the person whether they trust this source; if so, name it: source";
                return Err(Fault { fix: fix.to_owned(), ..fault }.then("upgrade_resume"));
            }
            call.begin(&session.project, || executor::resume_with(session.clone(), is_named, true))?
        }
    };
    let not_asked = call.wait(&live, args.wait_seconds).await;
    let status = call.status_of(&session.project, args.project.as_deref(), Some(&live), None).await?;
    Ok(Status { not_asked, ..status })
}

/// Stops a session after its current step, and keeps it.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn pause(call: &Call, args: SessionArgs) -> Result<Status, Fault> {
    let (session, live) = call.seen(args.project.as_deref(), args.session_id.as_deref()).await?;
    live.say(Command::Pause).await;
    call.wait(&live, None).await;
    call.status_of(&session.project, args.project.as_deref(), Some(&live), None).await
}

/// Puts the install back as it was before a session.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn rollback(call: &Call, args: RollbackArgs) -> Result<Status, Fault> {
    let session = call.session(args.project.as_deref(), args.session_id.as_deref()).await?;
    if session.is_back() || (matches!(session.status(), Saved::Failed | Saved::Aborted) && !session.applied()) {
        let what =
            format!("session {} is {}: there is nothing to put back", session.session_id, session.status().words());
        return Err(Fault {
            code: None,
            exit_code: Exit::Done.code(),
            ..Fault::new(Code::NotNow, what, "nothing").then("upgrade_status")
        });
    }
    let live = match call.here.running(&session.session_id) {
        Some(live) => {
            live.say(Command::RollBack).await;
            live
        }
        None => {
            call.begin(&session.project, || executor::roll_back(session.clone(), "asked for by a person", false))?
        }
    };
    call.wait(&live, args.wait_seconds).await;
    call.status_of(&session.project, args.project.as_deref(), Some(&live), None).await
}

/// Answers a question that a phase asked. What is to be allowed is the person's alone: a command line says it, no tool.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn answer(call: &Call, args: QuestionArgs) -> Result<Status, Fault> {
    let (session, live) = call.seen(args.project.as_deref(), args.session_id.as_deref()).await?;
    let seen = live.now();
    let Waits::Question(question) = &seen.waits else {
        return Err(Fault::new(Code::NotNow, "no question waits", "look how it stands").then("upgrade_status"));
    };
    if question.id != args.question_id || !question.offers(args.way) {
        let what = format!("the question that waits is {}, and it does not offer that", visible::line(&question.id));
        return Err(
            Fault::usage(Code::NotNow, what, "take its id and one of its ways from the status").then("upgrade_status")
        );
    }
    if args.way == Way::Allow {
        let what = "what is to be allowed here runs code, and only the person can allow it";
        let fix = "the person types: pos-upgrade-tui resume, or chooses another way; upgrade_pause leaves the session to them";
        return Err(Fault::new(Code::PersonOnly, what, fix).then("upgrade_pause"));
    }
    live.say(Command::Choose { id: args.question_id, way: args.way }).await;
    let not_asked = call.wait(&live, args.wait_seconds).await;
    let status = call.status_of(&session.project, args.project.as_deref(), Some(&live), None).await?;
    Ok(Status { not_asked, ..status })
}
