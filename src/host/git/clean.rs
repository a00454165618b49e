//! Whether a source's work tree is what is committed.
//!
//! `git status` starts the filters that the settings name for a file whose times have changed. Seen through a git
//! folder of our own there are none: such a file may then look changed although it isn't, and is told so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::core::visible;
use crate::host::git::command::{finish, finish_with};
use crate::host::git::error::GitError;
use crate::host::git::repo::Repo;
use crate::host::git::settings::Settings;

/// Settings that say how files are checked out, or how to tell that they changed. None of them names a program.
const KEPT: [&str; 11] = [
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.trustctime",
    "core.checkstat",
    "core.sparsecheckout",
    "core.sparsecheckoutcone",
    "core.longpaths",
];

/// A change that is not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uncommitted {
    /// As `git status --short` shows it, with control characters escaped.
    pub(crate) line: String,
    /// The filter of the file that alone could tell whether it is changed at all: it is not run.
    pub(crate) filter: Option<String>,
}

impl Repo {
    /// Uncommitted changes, one each; empty when clean. Starts nothing but git, and writes nothing.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub(crate) fn dirty(&self) -> Result<Vec<Uncommitted>, GitError> {
        let Some(parts) = &self.parts else { return Ok(Vec::new()) };
        // Nothing can be changed where nothing is checked out.
        if self.is_bare {
            return Ok(Vec::new());
        }
        if !self.is_work_tree {
            let said = "fatal: this operation must be run in a work tree".to_owned();
            return Err(GitError::Failed { path: self.path.clone(), command: "status".to_owned(), said });
        }
        let settings = Settings::of_repository(&self.path)?;
        let mut flags: Vec<String> = Vec::new();
        for key in KEPT {
            flags.extend(settings.get(key).map(|value| format!("{key}={value}")));
        }
        for (key, name) in [("core.excludesfile", "ignore"), ("core.attributesfile", "attributes")] {
            let file = settings.path(key).or_else(|| user_file(name));
            flags.extend(file.as_deref().and_then(|f| f.to_str()).map(|file| format!("{key}={file}")));
        }
        let command = || {
            let mut command = self.git();
            command.args(flags.iter().flat_map(|flag| ["-c", flag]));
            command.env("GIT_INDEX_FILE", parts.git_dir.join("index"));
            command
        };
        let mut status = command();
        // Into submodules a git of its own would look, with their settings: whether they are at the right commit is
        // seen without.
        status.args(["status", "--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=dirty"]);
        let out = finish(&self.path, "status", &mut status)?;
        let mut found: Vec<(&[u8], &[u8])> = Vec::new();
        let mut entries = out.split(|b| *b == 0).filter(|p| !p.is_empty());
        while let Some(entry) = entries.next() {
            if entry.starts_with(b"R") || entry.starts_with(b"C") {
                entries.next();
            }
            found.push((entry, entry.get(3..).unwrap_or_default()));
        }
        let filters = match found.iter().any(|(entry, _)| entry.get(1) == Some(&b'M')) {
            true => self.filters(command(), &found.iter().map(|(_, path)| *path).collect::<Vec<_>>(), &settings)?,
            false => BTreeMap::new(),
        };
        let one = |(entry, path): (&[u8], &[u8])| Uncommitted {
            line: visible::line(&String::from_utf8_lossy(entry)),
            filter: filters.get(path).filter(|_| entry.starts_with(b" M")).cloned(),
        };
        Ok(found.into_iter().map(one).collect())
    }

    /// The filters that the settings have for these paths.
    fn filters(
        &self,
        mut command: std::process::Command,
        paths: &[&[u8]],
        settings: &Settings,
    ) -> Result<BTreeMap<Vec<u8>, String>, GitError> {
        let mut asked = paths.join(&0);
        asked.push(0);
        command.args(["check-attr", "-z", "--stdin", "filter"]);
        let out = finish_with(&self.path, "check-attr", &mut command, &asked)?;
        let fields: Vec<&[u8]> = out.split(|b| *b == 0).collect();
        let configured = |name: &str| {
            let key = |what: &str| settings.get(&format!("filter.{name}.{what}")).is_some();
            key("clean") || key("process")
        };
        let named = fields.chunks_exact(3).map(|f| (f[0].to_vec(), String::from_utf8_lossy(f[2]).into_owned()));
        Ok(named.filter(|(_, name)| configured(name)).collect())
    }
}

/// A file of the user's that git reads when no setting names one.
fn user_file(name: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("git").join(name)).filter(|file| file.is_file())
}
