//! What stops an upgrade before anything was changed.

use crate::core::error_code::Code;
use crate::core::exit::Exit;

/// What a problem is about, so that it can be shown where it is mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum About {
    /// The clone of praxis-os: another one, or another commit, would do.
    Source,
    /// The install, the machine, or another upgrade.
    #[default]
    Install,
    /// A downgrade that was not allowed.
    Downgrade,
}

/// Something that stops an upgrade, found before anything was changed. All are reported at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is, for the manual and for programs.
    pub(crate) code: Code,
    /// What it is about.
    pub(crate) about: About,
    /// The exit code it leads to.
    pub(crate) exit_code: Exit,
    /// What is wrong, and with which path. May have several lines.
    pub(crate) what: String,
    /// The next command to type or thing to do.
    pub(crate) next: String,
}

impl Problem {
    /// The same, where it ends what was asked for: how the install stands is said, too.
    pub(crate) fn unchanged(self) -> Self {
        Self { what: format!("{}; nothing was changed", self.what), ..self }
    }
}

/// Arguments that can't be meant.
pub(crate) fn usage(code: Code, what: impl ToString, next: impl Into<String>) -> Problem {
    Problem { exit_code: Exit::Usage, ..problem(code, what, next) }
}

/// A refusal.
pub(crate) fn problem(code: Code, what: impl ToString, next: impl Into<String>) -> Problem {
    Problem { code, about: About::Install, exit_code: Exit::Refused, what: what.to_string(), next: next.into() }
}

/// The code of several problems: that of the first which leads to their exit code.
pub(crate) fn code_of(problems: &[Problem]) -> Code {
    let most = problems.iter().map(|problem| problem.exit_code).max();
    problems.iter().find(|problem| Some(problem.exit_code) == most).map_or(Code::Bug, |problem| problem.code)
}
