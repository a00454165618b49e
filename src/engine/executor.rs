//! The background task that runs a session, and the handle that a face holds.

use tokio::sync::mpsc;

use super::events::{Command, Event};
use super::inspect::Request;
use crate::core::plan::Plan;
use crate::core::session::Session;

/// A running session. Dropping it pauses the session after the current step.
#[derive(Debug)]
pub struct Handle {
    /// What happens, in order; closed after [`Event::Finished`].
    pub events: mpsc::Receiver<Event>,
    /// What the face wants.
    pub commands: mpsc::Sender<Command>,
}

/// How conflicts are settled when nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Ask the face: [`Event::ConflictsOpen`].
    Ask,
    /// Keep mine.
    Keep,
    /// Take theirs.
    Take,
    /// Merge; overlapping regions keep mine.
    MergeKeep,
    /// Merge; overlapping regions take theirs.
    MergeTake,
}

/// Begins a session for an approved plan. Needs a tokio runtime.
pub fn start(_request: Request, _plan: Plan, _on_conflict: OnConflict) -> Handle {
    unimplemented!()
}

/// Takes an unfinished session up where it stands.
pub fn resume(_session: Session, _on_conflict: OnConflict) -> Handle {
    unimplemented!()
}

/// Puts the install back as it was before the session.
pub fn roll_back(_session: Session, _reason: &str) -> Handle {
    unimplemented!()
}

/// Forgets a session that has not applied anything.
pub fn discard(_session: Session) -> Handle {
    unimplemented!()
}
