//! What becomes of conflicts where nobody is asked.

use serde::{Deserialize, Serialize};

/// How conflicts are settled when nobody has answered them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// A person is asked.
    #[default]
    Ask,
    /// Keep mine.
    Keep,
    /// Take theirs.
    Take,
    /// Merge; overlapping regions keep mine.
    MergeKeep,
    /// Merge; overlapping regions take theirs.
    MergeTake,
    /// Put off: mine stays, theirs is kept for a later day.
    Park,
}
