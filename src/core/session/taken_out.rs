//! A file of the project that an uninstall changes or takes away: its `.gitignore`, an editor's settings, a rules file.

use serde::{Deserialize, Serialize};

use crate::core::path::RelPath;
use crate::core::{editor_entry, rules_file};

/// The project's list of what git ignores.
pub(crate) const GITIGNORE: &str = ".gitignore";

/// Such a file, as a session keeps it: noted before it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct TakenOut {
    /// The sha256 of what stood there.
    pub(crate) before: String,
    /// That of what is left of it; none where the file goes.
    pub(crate) after: Option<String>,
    /// Its permission bits.
    pub(crate) mode: u32,
}

impl TakenOut {
    /// Whether it is what this program writes for a file at a path.
    pub(crate) fn is_sound(&self, path: &RelPath) -> bool {
        let sum = |sum: &String| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
        is_possible(path) && sum(&self.before) && self.after.iter().all(sum) && self.mode <= 0o7777
    }
}

/// Whether a file at a path can have something of an install in it that is taken out: no session may name another one.
pub(crate) fn is_possible(path: &RelPath) -> bool {
    path.as_bytes() == GITIGNORE.as_bytes() || editor_entry::is_settings(path) || rules_file::is_rules(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_file_can_be_named() {
        let file = TakenOut { before: "0".repeat(64), after: None, mode: 0o644 };
        let sound = |path: &str, file: &TakenOut| file.is_sound(&path.parse().unwrap());
        assert!(sound(".gitignore", &file) && sound(".cursor/mcp.json", &file) && sound(".cursorrules", &file));
        assert!(!sound("src/main.rs", &file) && !sound("a/.gitignore", &file));
        assert!(!sound(".gitignore", &TakenOut { after: Some("x".into()), ..file.clone() }));
        assert!(!sound(".gitignore", &TakenOut { mode: 0o100_644, ..file }));
    }
}
