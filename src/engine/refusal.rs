//! What stops an upgrade before anything was changed.

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
    /// What it is about.
    pub(crate) about: About,
    /// The exit code it leads to.
    pub(crate) exit_code: Exit,
    /// What is wrong, and with which path. May have several lines.
    pub(crate) what: String,
    /// The next command to type or thing to do.
    pub(crate) next: String,
}

/// Arguments that can't be meant.
pub(crate) fn usage(what: impl ToString, next: impl Into<String>) -> Problem {
    Problem { exit_code: Exit::Usage, ..problem(what, next) }
}

/// A refusal.
pub(crate) fn problem(what: impl ToString, next: impl Into<String>) -> Problem {
    Problem { about: About::Install, exit_code: Exit::Refused, what: what.to_string(), next: next.into() }
}
