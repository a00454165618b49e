//! Phase 0: checks everything, changes nothing.

use crate::core::phase::{Phase, PreFlightEvidence};
use crate::engine::checks;
use crate::engine::events::{Event, Level};
use crate::engine::inspect::Request;
use crate::engine::pointers;
use crate::engine::run::{Run, Stop};
use crate::engine::writable;

/// Runs the checks again, now that the lock is held: what was found before the approval may have changed.
///
/// # Errors
/// [`Stop::Failed`] naming every problem.
pub fn run(run: &mut Run) -> Result<PreFlightEvidence, Stop> {
    const PHASE: Phase = Phase::PreFlight;
    let request = request_of(run);
    let mut checked = checks::pre_flight(&request, true, &mut |task, outcome, detail, seconds| {
        run.say(Event::TaskStarted { phase: PHASE, task });
        run.say(Event::TaskFinished { phase: PHASE, task, outcome, detail: detail.to_owned(), seconds });
    });
    // Seen before the approval too, but a session says nothing of it.
    if let Some(source) = &checked.source {
        checked.problems.extend(pointers::problem(source, &pointers::found(source, &run.session.plan.files)));
    }
    checked.problems.extend(writable::unwritable(&run.session.install, &run.session.plan));
    for warning in &checked.evidence.warnings {
        run.warn("checks", warning.clone());
    }
    if checked.problems.is_empty() {
        return Ok(checked.evidence);
    }
    let what: Vec<String> = checked.problems.iter().map(|p| p.what.clone()).collect();
    for line in what.iter().flat_map(|w| w.lines()) {
        run.log(Level::Error, "checks", line);
    }
    let next = checked.problems.into_iter().next().map(|p| p.next);
    Err(Stop::Failed { what: what.join("\n"), next })
}

/// The request that a session was made for.
pub fn request_of(run: &Run) -> Request {
    let session = &run.session;
    Request {
        project: session.project.clone(),
        source: session.source.clone(),
        to: Some(session.source_commit.clone()),
        only: session.plan.only,
        options: session.options.clone(),
    }
}
