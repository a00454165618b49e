//! How a phase stops before its end.

use crate::core::session::Illegal;

/// Why a phase did not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Something failed.
    Failed {
        /// What, and with which path.
        what: String,
        /// What to do about it.
        next: Option<String>,
    },
    /// A person or a signal asked to pause.
    Pause,
    /// A person asked to go back.
    RollBack,
}

impl Stop {
    /// A failure without advice.
    pub fn failed(what: impl ToString) -> Self {
        Stop::Failed { what: what.to_string(), next: None }
    }
}

impl From<Illegal> for Stop {
    fn from(illegal: Illegal) -> Self {
        Stop::failed(illegal)
    }
}

/// What an advice ends with that comes from a failed file operation during an upgrade; a rollback says something else.
pub const START_AGAIN: &str = ", then start the upgrade again";
