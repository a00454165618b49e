//! What other ways of upgrading leave in an install and beside it. Data: `leftovers` in `assets/generations.json`.

use serde::Deserialize;

use crate::core::path::RelPath;

/// Names of what is left behind.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Leftovers {
    /// Ends of names: what a release ships for a file, laid beside it.
    templates: Vec<String>,
    /// What follows a file's name in that of a copy of it; more may follow.
    copies: Vec<String>,
    /// Notes that something is still to be done.
    notes: Vec<String>,
    /// What follows an install's name in that of a copy beside it.
    backups: String,
    /// Locks of other programs that upgrade.
    pub(crate) locks: Vec<RelPath>,
    /// Locks of a server.
    pub(crate) server_locks: Vec<RelPath>,
    /// The folder of the workflows.
    pub(crate) workflows: RelPath,
}

/// What a file in an install may have been left as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    /// A release's version of a file.
    Template(RelPath),
    /// A copy of a file.
    Copy(RelPath),
    /// A note beside a config.
    Note,
}

impl Leftovers {
    /// What a file may be, by its name; whether the file that it belongs to exists is not asked.
    pub(crate) fn of(&self, path: &RelPath) -> Option<Left> {
        let name = path.name();
        if self.notes.iter().any(|note| note.as_bytes() == name) {
            return Some(Left::Note);
        }
        let beside = |name: &[u8]| match path.parent() {
            _ if name.is_empty() => None,
            Some(folder) => folder.join(name).ok(),
            None => RelPath::new(name).ok(),
        };
        let template = self.templates.iter().find_map(|end| beside(name.strip_suffix(end.as_bytes())?));
        let copy = || {
            let at = |mark: &String| name.windows(mark.len()).position(|part| part == mark.as_bytes());
            self.copies.iter().find_map(|mark| beside(&name[..at(mark)?]))
        };
        template.map(Left::Template).or_else(|| copy().map(Left::Copy))
    }

    /// Whether something beside an install is a copy of it; `folder` is the install's name.
    pub(crate) fn is_backup(&self, folder: &RelPath, name: &[u8]) -> bool {
        name.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.starts_with(self.backups.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::layouts;
    use super::*;

    #[test]
    fn names_say_what_was_left() {
        let of = |path: &str| layouts().leftovers.of(&path.parse().unwrap());
        let config: RelPath = "config/mcp.yaml".parse().unwrap();
        assert_eq!(of("config/mcp.yaml.new"), Some(Left::Template(config.clone())));
        for copy in ["config/mcp.yaml.backup2", "config/mcp.yaml.backup-of-it", "config/mcp.yaml.bak"] {
            assert_eq!(of(copy), Some(Left::Copy(config.clone())), "{copy}");
        }
        assert_eq!(of("config/CONFIG_RECONCILIATION_NEEDED.md"), Some(Left::Note));
        for other in ["config/mcp.yaml", "new", ".new", ".backup", "specs/renewal.md", "a.newer"] {
            assert_eq!(of(other), None, "{other}");
        }
        let folder = &layouts().newest().folder;
        let backup = |name: &str| layouts().leftovers.is_backup(folder, format!("{folder}{name}").as_bytes());
        assert!(backup(".backup.20251114_101112") && !backup("") && !backup(".backups") && !backup("-x.backup.1"));
    }
}
