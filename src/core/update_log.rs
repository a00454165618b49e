//! What `UPDATE_LOG.txt` says of how a session ended. Its words are written and read here alone.

use std::fmt;

use super::session::End;

const ROLLED_BACK: &str = "rolled back, session ";
const VALIDATED: &str = "validated, session ";

/// The last column of a line that only the end of a session writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending<'a> {
    /// All phases are done.
    Validated {
        /// The session's id.
        session: &'a str,
    },
    /// The install is back as it was.
    RolledBack {
        /// The session's id.
        session: &'a str,
        /// The commit that it had installed, short.
        version: &'a str,
    },
}

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Validated { session } => write!(f, "{VALIDATED}{session}"),
            Ending::RolledBack { session, version } => write!(f, "{ROLLED_BACK}{session} ({version})"),
        }
    }
}

impl<'a> Ending<'a> {
    /// What a line says, if it is one of these: date, commit and the words, apart by `|`.
    pub(crate) fn of_line(line: &'a str) -> Option<Self> {
        let said = line.split(" | ").nth(2)?;
        if let Some(rest) = said.strip_prefix(ROLLED_BACK) {
            let (session, version) = rest.split_once(' ').unwrap_or((rest, ""));
            return Some(Ending::RolledBack { session, version: version.trim_matches(['(', ')']) });
        }
        said.strip_prefix(VALIDATED).map(|session| Ending::Validated { session })
    }

    /// How a session ended, if this is about it.
    pub(crate) fn of_session(self, id: &str) -> Option<End> {
        match self {
            Ending::Validated { session } if session == id => Some(End::Completed),
            Ending::RolledBack { session, .. } if session == id => Some(End::RolledBack),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = [Ending::Validated { session: "s" }, Ending::RolledBack { session: "s", version: "1234567" }];
        for (ending, end) in all.into_iter().zip([End::Completed, End::RolledBack]) {
            let line = format!("2026-11-22 | 1234567 | {ending}");
            assert_eq!(Ending::of_line(&line), Some(ending), "{line}");
            assert_eq!((ending.of_session("s"), ending.of_session("t")), (Some(end), None));
        }
        for other in ["", "a | b", "2026-11-22 | 1234567 | upgraded to 1.0 (new)", "rolled back, session s (1)"] {
            assert_eq!(Ending::of_line(other), None, "{other}");
        }
    }
}
