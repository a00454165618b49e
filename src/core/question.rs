//! A question that a phase asks in its middle, when going on needs somebody's word: a step failed, a process is in use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be answered. Which of these a question offers, it says itself; each has one key in the wizard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Try again what failed.
    Retry,
    /// Go on without it.
    GoOn,
    /// Leave alone what is in use.
    Leave,
    /// End what is in use, and go on.
    Stop,
    /// Put the install back as it was.
    RollBack,
    /// Allow what is shown.
    Allow,
    /// Go back to the conflicts, and answer them otherwise.
    ChangeAnswers,
}

impl Way {
    /// Whether the answer holds for the rest of the session. Who tries again wants to be asked again. What is allowed is
    /// noted elsewhere, because whoever can write the session's file must not be able to allow anything.
    pub(crate) fn lasts(self) -> bool {
        !matches!(self, Way::Retry | Way::Allow | Way::ChangeAnswers)
    }
}

/// One answer that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Choice {
    /// Which.
    pub(crate) way: Way,
    /// A word or two.
    pub(crate) label: String,
    /// What will happen then, in half a sentence.
    pub(crate) effect: String,
}

/// A question with two to five answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// Names it within the session, so that an answer that lasts is found again.
    pub(crate) id: String,
    /// What it is about, in a few words.
    pub(crate) title: String,
    /// What happened and what depends on the answer. One line each, without control characters.
    pub(crate) lines: Vec<String>,
    /// What can be answered.
    pub(crate) choices: Vec<Choice>,
    /// What is answered where nobody is there to ask.
    pub(crate) unattended: Way,
}

impl Question {
    /// A question whose answers are still to be added.
    pub(crate) fn new(id: impl Into<String>, title: impl Into<String>, unattended: Way) -> Self {
        Self { id: id.into(), title: title.into(), lines: Vec::new(), choices: Vec::new(), unattended }
    }

    /// Adds lines of explanation.
    #[must_use]
    pub(crate) fn saying<T: Into<String>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        self.lines.extend(lines.into_iter().map(Into::into));
        self
    }

    /// Adds an answer.
    #[must_use]
    pub(crate) fn offering(mut self, way: Way, label: &str, effect: impl Into<String>) -> Self {
        self.choices.push(Choice { way, label: label.to_owned(), effect: effect.into() });
        self
    }

    /// Whether it can be answered so.
    pub(crate) fn offers(&self, way: Way) -> bool {
        self.choices.iter().any(|c| c.way == way)
    }
}
