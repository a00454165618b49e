//! Which state follows which: the only place where a session's state changes.

use super::state::{End, SoFar, State, Wait};
use crate::core::question::Question;

/// What happens to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateEvent {
    /// A phase begins, or is begun again by a session that was taken up.
    PhaseBegan,
    /// Conflicts wait for a person.
    ConflictsOpened,
    /// A phase asked a question in its middle.
    Asked(Question),
    /// What it waited for was decided.
    Decided,
    /// Something in the install is about to change.
    Applied,
    /// A person, a signal, or a rollback that can't go on stops it for now.
    Paused,
    /// It can't go on, and why. It is over if nothing was applied; else it can be resumed or rolled back.
    Failed(String),
    /// All phases are done.
    Completed,
    /// A person gives it up before anything was applied.
    Discarded,
    /// A rollback begins, and why. The reason that it failed with stays.
    RollbackBegan(String),
    /// The install is back as it was.
    RollbackDone,
}

/// An event that can't happen in a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a bug in this program: \"{event}\" can't happen to a session that is {state}")]
pub struct Illegal {
    /// The state, in words.
    pub(crate) state: &'static str,
    /// The event, in words.
    pub(crate) event: &'static str,
}

/// The state behind an event.
///
/// # Errors
/// [`Illegal`] for an event that can't happen there.
pub(crate) fn on(state: &State, event: &StateEvent) -> Result<State, Illegal> {
    use State::{Ended, Paused, RollbackPaused, RollingBack, Running, Waiting};
    use StateEvent as E;
    let so_far = state.so_far().clone();
    let because = |reason: &str| SoFar { reason: Some(reason.to_owned()), ..so_far.clone() };
    let next = match (state, event) {
        (Running(_) | Waiting { .. } | Paused { .. }, E::PhaseBegan) => Running(so_far),
        (Running(_), E::ConflictsOpened) => Waiting { so_far, on: Wait::Conflicts },
        (Running(_), E::Asked(question)) => Waiting { so_far, on: Wait::Question(question.clone()) },
        (Waiting { .. }, E::Decided) => Running(so_far),
        (Running(_), E::Applied) => Running(SoFar { applied: true, ..so_far }),
        (Running(_) | Waiting { .. } | Paused { .. }, E::Paused) => Paused { so_far, asked: state.asked().cloned() },
        (RollingBack(_) | RollbackPaused(_), E::Paused) => RollbackPaused(so_far),
        (Running(_) | Waiting { .. } | Paused { .. }, E::Failed(why)) => match so_far.applied {
            true => Paused { so_far: because(why), asked: None },
            false => Ended { end: End::Failed, so_far: because(why) },
        },
        // One that was taken up when no phase was left is still paused.
        (Running(_) | Paused { asked: None, .. }, E::Completed) => Ended { end: End::Completed, so_far },
        (Ended { .. }, E::Discarded) => return Err(illegal(state, event)),
        (_, E::Discarded) if !so_far.applied => Ended { end: End::Aborted, so_far: because("discarded") },
        (
            Running(_)
            | Waiting { .. }
            | Paused { .. }
            | RollingBack(_)
            | RollbackPaused(_)
            | Ended { end: End::Completed, .. },
            E::RollbackBegan(why),
        ) => RollingBack(SoFar { reason: so_far.reason.clone().or_else(|| Some(why.clone())), ..so_far }),
        (RollingBack(_), E::RollbackDone) => Ended { end: End::RolledBack, so_far },
        _ => return Err(illegal(state, event)),
    };
    Ok(next)
}

fn illegal(state: &State, event: &StateEvent) -> Illegal {
    let state = match state {
        State::Running(_) => "running",
        State::Waiting { .. } => "waiting for a decision",
        State::Paused { .. } => "paused",
        State::RollingBack(_) => "rolling back",
        State::RollbackPaused(_) => "paused while rolling back",
        State::Ended { .. } => state.status().words(),
    };
    let event = match event {
        StateEvent::PhaseBegan => "a phase began",
        StateEvent::ConflictsOpened => "conflicts opened",
        StateEvent::Asked(_) => "a question was asked",
        StateEvent::Decided => "it was decided",
        StateEvent::Applied => "something was applied",
        StateEvent::Paused => "it was paused",
        StateEvent::Failed(_) => "it failed",
        StateEvent::Completed => "all phases are done",
        StateEvent::Discarded => "it was discarded",
        StateEvent::RollbackBegan(_) => "a rollback began",
        StateEvent::RollbackDone => "the rollback is done",
    };
    Illegal { state, event }
}

#[cfg(test)]
mod tests;
