//! What a command says that does not do what was asked.

use crate::core::conflict_list::Listed;
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
    /// The conflicts that wait for an answer, if that is it.
    pub(super) conflicts: Vec<Listed>,
}

impl Refusal {
    pub(super) fn of(exit_code: Exit, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit_code, what: what.into(), next: next.into(), conflicts: Vec::new() }
    }

    pub(super) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::of(Exit::Usage, what, next)
    }

    pub(super) fn refused(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::of(Exit::Refused, what, next)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::of(problem.exit_code, problem.what, problem.next)
    }
}
