//! What lies over a screen.

use std::path::PathBuf;

use crate::core::plan::Removals;

/// A yes-or-no question over a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Put the install back.
    RollBack,
    /// Forget the session.
    Discard,
    /// Go on with a session whose source only its own files name.
    Source,
    /// Write the plan down, about here.
    Save(PathBuf),
    /// Fetch what a shallow source lacks.
    Deepen,
    /// Start a plan that removes unusually many files.
    Removals(Removals),
    /// Keep (or take) these conflicts of a folder, by position.
    Folder {
        /// Which.
        files: Vec<usize>,
        /// Theirs rather than mine.
        take: bool,
        /// The folder.
        folder: String,
    },
    /// Make the answer for the file under the cursor a standing rule.
    Rule {
        /// Theirs rather than mine.
        take: bool,
        /// The globs to choose from, the narrowest first.
        patterns: Vec<String>,
        /// Which of them.
        at: usize,
    },
}

/// What lies over a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys; scrolled so far.
    Help(usize),
    /// How to leave a running upgrade.
    Leave,
    /// Yes or no.
    Confirm(Question),
    /// The list of conflicts, this one selected.
    Files(usize),
}
