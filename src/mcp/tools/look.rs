//! What only looks: `upgrade_status`, `upgrade_phase`, `upgrade_report`.

use crate::core::error_code::Code;
use crate::core::phase::Phase;
use crate::core::report_parts;
use crate::core::session::Session;
use crate::core::workflow;
use crate::engine::account::take::{self, When};
use crate::engine::report::final_report;
use crate::mcp::call::{Call, off, stands};
use crate::mcp::fault::Fault;
use crate::mcp::shapes::{PhaseArgs, PhaseShown, ReportShown, SessionArgs, Status};

/// Where a session stands; also from a connection that did not begin it.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn status(call: &Call, args: SessionArgs) -> Result<Status, Fault> {
    let project = call.project(args.project.as_deref())?;
    let saved = call.saved(&project, args.session_id.as_deref()).await?;
    let live = saved.as_ref().and_then(|s| call.here.find(&s.session_id));
    let id = saved.map(|s| s.session_id);
    call.status_of(&project, args.project.as_deref(), live.as_deref(), id.as_deref()).await
}

/// A phase: what it does, and how it went.
///
/// # Errors
/// [`Fault`] for a number that is none.
pub(crate) async fn phase(call: &Call, args: PhaseArgs) -> Result<PhaseShown, Fault> {
    let project = call.project(args.project.as_deref())?;
    let session = call.saved(&project, args.session_id.as_deref()).await?;
    let wanted = args.phase.or_else(|| session.as_ref().map(|s| s.current_phase().number())).unwrap_or_default();
    let Some(phase) = Phase::ALL.into_iter().find(|p| p.number() == wanted) else {
        return Err(
            Fault::usage(Code::NoSuchName, format!("there is no phase {wanted}"), "0 to 5").then("upgrade_phase")
        );
    };
    let record = session.as_ref().and_then(|s| s.phase_artifacts.get(&wanted));
    Ok(PhaseShown {
        schema: 1,
        phase: wanted,
        name: phase.name().to_owned(),
        page: workflow::of(phase).map(|page| page.text.to_owned()).unwrap_or_default(),
        tasks: phase.tasks().iter().map(|task| task.name().to_owned()).collect(),
        done: session.as_ref().is_some_and(|s| s.completed_phases().contains(&phase)),
        evidence: record.map(|r| r.evidence.clone()),
    })
}

/// The lines of a session's report as it stands. Blocking.
pub(crate) fn report_lines(session: &Session) -> Vec<String> {
    let account = take::of(session, When::Ended).ok();
    report_parts::lines(&final_report::report(session, &[], None, account.as_ref()))
}

/// The report on a session.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn report(call: &Call, args: SessionArgs) -> Result<ReportShown, Fault> {
    let session = call.session(args.project.as_deref(), args.session_id.as_deref()).await?;
    let seen = call.here.seen_of(&session);
    let stands = stands(Some(&session), seen.as_ref(), false);
    let told = seen
        .and_then(|seen| seen.finish)
        .map(|finish| report_parts::lines(&finish.report))
        .filter(|lines| !lines.is_empty());
    let session_id = session.session_id.clone();
    let lines = match told {
        Some(lines) => lines,
        None => off(move || report_lines(&session)).await?,
    };
    Ok(ReportShown { schema: 1, session_id, stands, lines })
}
