//! How the process ends, told to whoever called it.

use serde::{Serialize, Serializer};

/// The exit codes, in the order in which one of several problems outweighs the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    #[default]
    Done = 0,
    /// A bug.
    Bug = 1,
    /// Arguments that can't be meant, or broken settings.
    Usage = 2,
    /// Conflicts need a person; nothing was changed.
    Conflicts = 3,
    /// Refused, or failed before anything was changed.
    Refused = 4,
    /// Failed and rolled back.
    RolledBack = 5,
    /// Not whole: a rollback that can be repeated, or a release that is in place without being proven.
    Incomplete = 6,
    /// Another upgrade holds the lock, or an unfinished session is in the way.
    Locked = 7,
    /// An upgrade is unfinished, or something is pending and the command asks for that.
    Pending = 10,
    /// Interrupted; the session is saved.
    Interrupted = 130,
}

/// Every exit code with what it means, for people.
pub(crate) const MEANINGS: [(Exit, &str); 10] = [
    (Exit::Done, "done, or nothing to do"),
    (Exit::Bug, "a bug"),
    (Exit::Usage, "usage, or broken settings"),
    (Exit::Conflicts, "conflicts need a person; nothing was changed"),
    (Exit::Refused, "refused, or failed before anything changed"),
    (Exit::RolledBack, "failed and rolled back"),
    (Exit::Incomplete, "rollback incomplete, a person is needed"),
    (Exit::Locked, "another upgrade holds the lock, or an unfinished session is in the way"),
    (Exit::Pending, "pending"),
    (Exit::Interrupted, "interrupted, the session is saved"),
];

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether all is well.
    pub(crate) fn is_done(self) -> bool {
        self == Exit::Done
    }
}

/// A number.
impl schemars::JsonSchema for Exit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Exit".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        u8::json_schema(generator)
    }
}

/// As its number.
impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_numbers_to_others() {
        assert_eq!(serde_json::to_string(&[Exit::Done, Exit::Locked, Exit::Interrupted]).unwrap(), "[0,7,130]");
        assert!(Exit::Locked > Exit::Refused && Exit::default().is_done());
    }
}
