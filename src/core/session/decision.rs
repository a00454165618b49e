//! What is decided about a conflict.

use serde::{Deserialize, Serialize};

use crate::core::merge::Choice;

/// What is decided about a conflict so far. Saved with every keystroke that changes it, so that nothing has to be
/// decided twice after a crash. For a file the user deleted, `keep` leaves it deleted; for one the source removed, `take`
/// removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing.
    Open,
    /// Mine stays, whole (at the new path, if the source moved the file).
    Keep,
    /// Theirs replaces it, whole.
    Take,
    /// Both are combined: a choice for each overlapping hunk that has one, in order.
    Merge(Vec<Option<Choice>>),
    /// The whole file as the person wrote it; in JSON as base64.
    Edited(
        #[serde(with = "crate::core::merge::as_base64")]
        #[schemars(with = "String")]
        Vec<u8>,
    ),
    /// Put off: mine stays, and theirs is kept for another day.
    Park,
}

impl Decision {
    /// Whether nothing of it is open: it can be an answer then.
    pub(crate) fn is_resolved(&self) -> bool {
        match self {
            Decision::Open => false,
            Decision::Merge(choices) => choices.iter().all(Option::is_some),
            Decision::Keep | Decision::Take | Decision::Edited(_) | Decision::Park => true,
        }
    }
}

/// What a person wrote and what can't stand in the file as it is. It is kept, and given again when they write on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Refused {
    /// For which overlapping hunk; none for the whole file.
    pub(crate) hunk: Option<usize>,
    /// The text; in JSON as base64.
    #[serde(with = "crate::core::merge::as_base64")]
    #[schemars(with = "String")]
    pub(crate) text: Vec<u8>,
}
