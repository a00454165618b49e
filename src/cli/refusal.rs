//! What a command says that does not do what was asked.

use crate::core::conflict_list::Listed;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::engine::refusal::Problem;

/// A refusal with its exit code: printed as it is, and as a JSON object with `--json`.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What it is, for the manual and for programs.
    pub(super) code: Code,
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
    pub(super) fn of(code: Code, exit_code: Exit, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code, exit_code, what: what.into(), next: next.into(), conflicts: Vec::new() }
    }

    pub(super) fn usage(code: Code, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::of(code, Exit::Usage, what, next)
    }

    pub(super) fn refused(code: Code, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::of(code, Exit::Refused, what, next)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::of(problem.code, problem.exit_code, problem.what, problem.next)
    }
}
