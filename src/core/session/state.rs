//! Where a session stands.

use serde::{Deserialize, Serialize};

use crate::core::question::Question;

/// What other programs and people are told of a state: `status` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Phases are running (or were, when the process died).
    Running,
    /// Waiting for answers to conflicts, or to a question.
    AwaitingDecision,
    /// Left by a person or a signal; can be resumed.
    Interrupted,
    /// All six phases done.
    Completed,
    /// Failed, and nothing of it is left in the install (phases 0 and 1), or rollback could not finish.
    Failed,
    /// The install is back as it was.
    RolledBack,
    /// Discarded before anything was applied.
    Aborted,
}

impl Status {
    /// The word in JSON and on screens.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::AwaitingDecision => "awaiting_decision",
            Status::Interrupted => "interrupted",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::RolledBack => "rolled_back",
            Status::Aborted => "aborted",
        }
    }

    /// The same for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Status::AwaitingDecision => "waiting for a decision",
            Status::RolledBack => "rolled back",
            Status::Aborted => "discarded",
            other => other.word(),
        }
    }
}

/// What every state carries along.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SoFar {
    /// Something in the install may have changed: from here on, Discard is not offered.
    pub(crate) applied: bool,
    /// Why it ended, is going back, or stopped the last time.
    pub(crate) reason: Option<String>,
}

/// What a session waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Answers to conflicts.
    Conflicts,
    /// The answer to a question that a phase asked in its middle.
    Question(Question),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// All phases are done.
    Completed,
    /// It failed before anything was applied.
    Failed,
    /// The install is back as it was.
    RolledBack,
    /// Discarded before anything was applied.
    Aborted,
}

/// Where a session stands. The words in its file are those of [`Status`], where one fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "is")]
pub enum State {
    /// Phases are running, or were when the process died.
    #[serde(rename = "running")]
    Running(SoFar),
    /// A person has to decide.
    #[serde(rename = "awaiting_decision")]
    Waiting {
        /// What every state carries along.
        #[serde(flatten)]
        so_far: SoFar,
        /// What.
        on: Wait,
    },
    /// Left by a person, a signal or a failure behind the point of no return; can be resumed or rolled back.
    #[serde(rename = "interrupted")]
    Paused {
        /// What every state carries along.
        #[serde(flatten)]
        so_far: SoFar,
        /// The question that it was left with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<Question>,
    },
    /// A rollback runs, or did when the process died. There is no way but back.
    #[serde(rename = "rolling_back")]
    RollingBack(SoFar),
    /// A rollback that stopped and can be repeated. There is no way but back.
    #[serde(rename = "rollback_interrupted")]
    RollbackPaused(SoFar),
    /// It is over.
    #[serde(rename = "ended")]
    Ended {
        /// How.
        end: End,
        /// What every state carries along.
        #[serde(flatten)]
        so_far: SoFar,
    },
}

impl State {
    /// What every state carries along.
    pub(crate) fn so_far(&self) -> &SoFar {
        match self {
            State::Running(so_far) | State::RollingBack(so_far) | State::RollbackPaused(so_far) => so_far,
            State::Waiting { so_far, .. } | State::Paused { so_far, .. } | State::Ended { so_far, .. } => so_far,
        }
    }

    /// What others are told.
    pub(crate) fn status(&self) -> Status {
        match self {
            State::Running(_) | State::RollingBack(_) => Status::Running,
            State::Waiting { .. } => Status::AwaitingDecision,
            State::Paused { .. } | State::RollbackPaused(_) => Status::Interrupted,
            State::Ended { end: End::Completed, .. } => Status::Completed,
            State::Ended { end: End::Failed, .. } => Status::Failed,
            State::Ended { end: End::RolledBack, .. } => Status::RolledBack,
            State::Ended { end: End::Aborted, .. } => Status::Aborted,
        }
    }

    /// Whether a rollback was begun: from here on there is no way but back.
    pub(crate) fn is_rolling_back(&self) -> bool {
        matches!(self, State::RollingBack(_) | State::RollbackPaused(_))
    }

    /// Whether a relaunch has something to offer: Resume, Roll back, Discard.
    pub(crate) fn is_unfinished(&self) -> bool {
        !matches!(self, State::Ended { .. })
    }

    /// The question that waits for an answer, or was left without one.
    pub(crate) fn asked(&self) -> Option<&Question> {
        match self {
            State::Waiting { on: Wait::Question(question), .. } => Some(question),
            State::Paused { asked, .. } => asked.as_ref(),
            _ => None,
        }
    }
}
