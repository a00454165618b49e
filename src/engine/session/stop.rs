//! How a phase stops before its end.

use crate::core::error_code::Code;
use crate::core::session::Illegal;

/// Why a phase did not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Something failed.
    Failed {
        /// What it is; none where the phase says it.
        code: Option<Code>,
        /// What, and with which path.
        what: String,
        /// What to do about it.
        next: Option<Advice>,
    },
    /// A person or a signal asked to pause.
    Pause,
    /// A person asked to go back.
    RollBack,
    /// The release was tried, and no more was asked for.
    Tried,
    /// A person wants to answer the conflicts otherwise, while nothing is changed yet.
    ChangeAnswers,
}

impl Stop {
    /// A failure without advice.
    pub(crate) fn failed(what: impl ToString) -> Self {
        Stop::Failed { code: None, what: what.to_string(), next: None }
    }
}

impl From<Illegal> for Stop {
    fn from(illegal: Illegal) -> Self {
        Stop::failed(illegal)
    }
}

/// What a person can do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice {
    what: String,
    then: Then,
}

/// What comes behind that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Nothing: the advice says all.
    Nothing,
    /// What failed is done again: the upgrade, a resume, a rollback.
    Again,
}

impl Advice {
    /// Something to mend, before what failed is done again.
    pub(crate) fn mend(what: impl Into<String>) -> Self {
        Self { what: what.into(), then: Then::Again }
    }

    /// In a sentence, where an upgrade failed.
    pub(crate) fn for_an_upgrade(&self) -> String {
        match self.then {
            Then::Nothing => self.what.clone(),
            Then::Again => format!("{}, then start the upgrade again", self.what),
        }
    }

    /// The same where this command failed; none stands for an upgrade.
    pub(crate) fn before(&self, command: Option<&str>) -> String {
        match (self.then, command) {
            (Then::Again, Some(command)) => format!("{}, then: {command}", self.what),
            _ => self.for_an_upgrade(),
        }
    }
}

impl From<String> for Advice {
    fn from(what: String) -> Self {
        Self { what, then: Then::Nothing }
    }
}

impl From<&str> for Advice {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advice_ends_with_what_comes_next() {
        let mend = Advice::mend("free some disk space");
        assert_eq!(mend.for_an_upgrade(), "free some disk space, then start the upgrade again");
        assert_eq!(mend.before(Some("pos-upgrade-tui resume")), "free some disk space, then: pos-upgrade-tui resume");
        assert_eq!(mend.before(None), mend.for_an_upgrade());
        assert_eq!(Advice::from("see the log").before(Some("x")), "see the log");
    }
}
