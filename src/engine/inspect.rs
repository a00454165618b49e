//! What a person sees before saying yes: the checks of phase 0 and the plan. Reads, never writes.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::phase::PreFlightEvidence;
use crate::core::plan::{FileEntry, Plan};
use crate::core::session::Session;
use crate::core::settings::Options;

/// What to upgrade, and from where.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The project's folder, the one that holds `.praxis-os`.
    pub project: PathBuf,
    /// The clone of praxis-os.
    pub source: PathBuf,
    /// Commit, tag or branch; HEAD if none.
    pub to: Option<String>,
    /// The options.
    pub options: Options,
}

/// Something that stops an upgrade, found before anything was changed. All are reported at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The exit code it leads to.
    pub exit_code: u8,
    /// What is wrong, and with which path. May have several lines.
    pub what: String,
    /// The next command to type or thing to do.
    pub next: String,
}

/// The result of looking.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The checks' evidence; fields that couldn't be found are empty when there are problems.
    pub evidence: PreFlightEvidence,
    /// What stops the upgrade; empty if nothing does.
    pub problems: Vec<Problem>,
    /// The plan; none when a problem made planning impossible.
    pub plan: Option<Plan>,
    /// Subjects of the source's commits since the installed release: `(short id, date, subject)`, newest first.
    pub whats_new: Vec<(String, String, String)>,
}

/// The three texts of a plan entry.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// The release's bytes the user started from.
    pub base: Option<Arc<[u8]>>,
    /// What is installed.
    pub mine: Option<Arc<[u8]>>,
    /// What the source ships.
    pub theirs: Option<Arc<[u8]>>,
}

/// Checks and plans. Blocking: call it off the drawing thread.
pub fn inspect(_request: &Request) -> Inspection {
    unimplemented!()
}

/// Reads the texts of one entry, for its diff. Blocking.
///
/// # Errors
/// A sentence naming the path that can't be read.
pub fn texts(_request: &Request, _entry: &FileEntry) -> Result<Texts, String> {
    unimplemented!()
}

/// The unfinished session of an install, if it has one. Blocking.
///
/// # Errors
/// A sentence saying what is damaged and what to do.
pub fn unfinished(_project: &std::path::Path) -> Result<Option<Session>, String> {
    unimplemented!()
}
