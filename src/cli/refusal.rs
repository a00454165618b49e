//! What a command says that does not do what was asked.

use crate::core::exit::Exit;
use crate::engine::refusal::Problem;

/// A refusal with its exit code: printed as it is, and as a JSON object with `--json`.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// See the design's list.
    pub(super) exit_code: Exit,
    /// What happened, to which path, and how the install stands.
    pub(super) what: String,
    /// The next command to type.
    pub(super) next: String,
}

impl Refusal {
    pub(super) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit_code: Exit::Usage, what: what.into(), next: next.into() }
    }

    pub(super) fn refused(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit_code: Exit::Refused, what: what.into(), next: next.into() }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { exit_code: problem.exit_code, what: problem.what, next: problem.next }
    }
}
