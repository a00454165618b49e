//! What recovery decides from what the disk proves. That outweighs what a session says, because its last save may be a step
//! behind.

use std::path::PathBuf;

use super::approval::Approval;
use super::state::{End, SoFar, State};
use super::{Session, time_of};
use crate::core::phase::Phase;

/// What the journals of a session prove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The rollback's journal was committed.
    pub rollback_committed: bool,
    /// The content's journal was committed.
    pub content_committed: bool,
}

/// The state that follows from the facts. After the commit of the content the install may be changed; after the commit of a
/// rollback there is no way but back. `backed_up`: the backup's phase is among those that are done.
pub fn reconcile(state: State, facts: Facts, backed_up: bool) -> State {
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
pub fn overtaken(state: State) -> State {
    match state {
        ended @ State::Ended { .. } => ended,
        open => {
            let reason = Some("its last state is damaged; a later upgrade was begun since".to_owned());
            State::Ended { end: End::Failed, so_far: SoFar { reason, ..open.so_far().clone() } }
        }
    }
}

/// The state of a session whose approval is lost: it can't go on, but it can go back.
pub fn without_approval(state: State, why: &str) -> State {
    match state {
        ended @ State::Ended { .. } => ended,
        back @ (State::RollingBack(_) | State::RollbackPaused(_)) => back,
        open => State::RollbackPaused(SoFar {
            reason: Some(format!("what was approved is damaged ({why}); it can only be rolled back")),
            ..open.so_far().clone()
        }),
    }
}

/// What is left of a session whose own files are damaged.
#[derive(Debug, Clone)]
pub struct Remains {
    /// Its id, which is its folder's name.
    pub session_id: String,
    /// The install it lies in.
    pub install: PathBuf,
    /// What is wrong with its files.
    pub why: String,
    /// When it began, as its id has it.
    pub began: jiff::Timestamp,
    /// Its stamp: its backup's, else that of its beginning.
    pub stamp: String,
    /// Its journals were begun, so the install may be changed.
    pub applied: bool,
    /// How it ended, by the lines that only its end writes.
    pub ended: Option<End>,
    /// The name of its backup.
    pub backup: Option<String>,
    /// Its number, 0 if it is not known.
    pub number: u64,
    /// The id of the session before it.
    pub parent: Option<String>,
    /// The environment that it built.
    pub venv_generation: Option<String>,
    /// Lines that were appended to the project's `.gitignore` since its backup.
    pub gitignore_added: Vec<String>,
}

/// A session made of what is left: good for a rollback, not for going on.
pub fn rebuilt(left: Remains) -> Session {
    let reason = Some(format!("its files were damaged ({}); rebuilt from journal and backup", left.why));
    let so_far = SoFar { applied: left.applied, reason };
    let project = left.install.parent().unwrap_or(&left.install).to_owned();
    let mut session = Session::blank(left.session_id, project, left.install, left.stamp, time_of(left.began));
    session.state = match left.ended {
        Some(end) => State::Ended { end, so_far },
        None => State::RollbackPaused(so_far),
    };
    session.current_phase = if left.applied { Phase::Content } else { Phase::PreFlight };
    session.number = left.number;
    session.after = left.parent.into_iter().collect();
    session.backup = left.backup;
    session.venv_generation = left.venv_generation;
    session.gitignore_added = left.gitignore_added;
    session.approved = Approval::default().into();
    session
}
