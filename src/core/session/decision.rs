//! What is decided about a conflict.

use serde::{Deserialize, Serialize};

use crate::core::merge::Choice;

/// How a conflict is settled. For a file the user deleted, `keep` leaves it deleted; for one the source removed,
/// `take` removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Mine stays (at the new path, if the source moved the file).
    Keep,
    /// Theirs replaces it.
    Take,
    /// Both are combined; one choice for each overlapping region, in order.
    Merge(Vec<Choice>),
    /// The whole file as the person wrote it; in JSON as base64.
    Edited(#[serde(with = "crate::core::merge::as_base64")] Vec<u8>),
    /// Put off: mine stays, and theirs is kept for another day.
    Park,
}

/// What is decided about a conflict so far. Saved with every keystroke that changes it, so that nothing has to be
/// decided twice after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing.
    Open,
    /// Mine, whole.
    Keep,
    /// Theirs, whole.
    Take,
    /// Both, with a choice for each overlapping hunk that has one.
    Merge(Vec<Option<Choice>>),
    /// The whole file as the person wrote it; in JSON as base64.
    Edited(#[serde(with = "crate::core::merge::as_base64")] Vec<u8>),
    /// Put off.
    Park,
}

impl Decision {
    /// The answer, if nothing is open.
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Decision::Open => None,
            Decision::Keep => Some(Answer::Keep),
            Decision::Take => Some(Answer::Take),
            Decision::Merge(choices) => choices.iter().cloned().collect::<Option<Vec<_>>>().map(Answer::Merge),
            Decision::Edited(text) => Some(Answer::Edited(text.clone())),
            Decision::Park => Some(Answer::Park),
        }
    }
}

/// What a person wrote and what can't stand in the file as it is. It is kept, and given again when they write on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// For which overlapping hunk; none for the whole file.
    pub hunk: Option<usize>,
    /// The text; in JSON as base64.
    #[serde(with = "crate::core::merge::as_base64")]
    pub text: Vec<u8>,
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Keep => Decision::Keep,
            Answer::Take => Decision::Take,
            Answer::Merge(choices) => Decision::Merge(choices.into_iter().map(Some).collect()),
            Answer::Edited(text) => Decision::Edited(text),
            Answer::Park => Decision::Park,
        }
    }
}
