//! What recovery decides from what the disk proves. That outweighs what a session says, because its last save may be a step
//! behind.

use super::state::{End, SoFar, State};

/// What the journals of a session prove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The rollback's journal was committed.
    pub(crate) rollback_committed: bool,
    /// The content's journal was committed.
    pub(crate) content_committed: bool,
}

/// The state that follows from the facts. After the commit of the content the install may be changed; after the commit of a
/// rollback there is no way but back. `backed_up`: the backup's phase is among those that are done.
pub(crate) fn reconcile(state: State, facts: Facts, backed_up: bool) -> State {
    let so_far = SoFar { applied: true, ..state.so_far().clone() };
    match state {
        State::Ended { end: End::Completed, .. } if facts.rollback_committed => State::RollingBack(so_far),
        ended @ State::Ended { .. } => ended,
        _ if facts.rollback_committed => State::RollingBack(so_far),
        open if !facts.content_committed => open,
        State::RollbackPaused(_) => State::RollbackPaused(so_far),
        State::RollingBack(_) => State::RollingBack(so_far),
        // Another backup would be one of the half-changed install.
        State::Paused { .. } if !backed_up => State::RollbackPaused(so_far),
        _ if !backed_up => State::RollingBack(so_far),
        State::Paused { asked, .. } => State::Paused { so_far, asked },
        State::Waiting { on, .. } => State::Waiting { so_far, on },
        State::Running(_) => State::Running(so_far),
    }
}

/// The state of a session whose last save is damaged and behind which another one was begun: that is only possible if it
/// had ended.
pub(crate) fn overtaken(state: State) -> State {
    match state {
        ended @ State::Ended { .. } => ended,
        open => {
            let reason = Some("its last state is damaged; a later upgrade was begun since".to_owned());
            State::Ended { end: End::Failed, so_far: SoFar { reason, ..open.so_far().clone() } }
        }
    }
}

/// The state of a session whose approval is lost: it can't go on, but it can go back.
pub(crate) fn without_approval(state: State, why: &str) -> State {
    match state {
        ended @ State::Ended { .. } => ended,
        back @ (State::RollingBack(_) | State::RollbackPaused(_)) => back,
        open => State::RollbackPaused(SoFar {
            reason: Some(format!("what was approved is damaged ({why}); it can only be rolled back")),
            ..open.so_far().clone()
        }),
    }
}
