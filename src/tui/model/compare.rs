//! Which versions of a file are compared.

/// Which versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// All three, as a merge.
    Merge,
    /// What the user changed.
    BaseMine,
    /// What the source changed.
    BaseTheirs,
    /// The two as they are now.
    MineTheirs,
    /// What will be written, against what is installed.
    Result,
}

impl Compare {
    /// What the pane is headed with.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Compare::Merge => "merge",
            Compare::BaseMine => "what you changed (base → mine)",
            Compare::BaseTheirs => "what the source changed (base → theirs)",
            Compare::MineTheirs => "installed and new (mine → theirs)",
            Compare::Result => "what will be written (mine → result)",
        }
    }
}
