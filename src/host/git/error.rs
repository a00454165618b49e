//! What can go wrong when asking git.

use std::path::PathBuf;

use crate::core::os_text::quoted;
use crate::core::visible::{self, Shown as _};

/// What can go wrong when asking git.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git` to ask.
    #[error("git is not installed or not on PATH ({0})")]
    NoGit(std::io::Error),
    /// The folder isn't there.
    #[error("{}: no such folder", .0.shown())]
    NoFolder(PathBuf),
    /// A folder, but not a repository; with git's words.
    #[error("{}: not a git repository ({})", .path.shown(), visible::line(.said))]
    NotARepository {
        /// The folder.
        path: PathBuf,
        /// git's last line.
        said: String,
    },
    /// A repository of somebody else's, which git does not read.
    #[error("{}: belongs to {}, and git reads no repository of somebody else's", .path.shown(), visible::line(.owner))]
    NotYours {
        /// The folder that was named.
        path: PathBuf,
        /// The one that git speaks of.
        folder: PathBuf,
        /// Whose it is.
        owner: String,
    },
    /// A name that leads to no commit.
    #[error("{}: there is no commit called \"{}\"", .path.shown(), visible::line(.name))]
    NoSuchCommit {
        /// The repository.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// git ended with an error.
    #[error("git {command} failed in {}: {}", .path.shown(), visible::line(.said))]
    Failed {
        /// The repository.
        path: PathBuf,
        /// The subcommand.
        command: String,
        /// git's last lines.
        said: String,
    },
    /// git said something we can't read.
    #[error("git {command} answered something unexpected: {}", visible::start_of(.what, 200))]
    Unexpected {
        /// The subcommand.
        command: &'static str,
        /// What.
        what: String,
    },
    /// An object that can't be read, or whose bytes are not those that its name stands for.
    #[error("{}: {}the {kind} {id} is missing or damaged: what is there is not what this id stands for", .path.shown(),
            .file.as_ref().map(|f| format!("{}: ", visible::line(f))).unwrap_or_default())]
    Damaged {
        /// The repository.
        path: PathBuf,
        /// `blob`, `tree` or `commit`.
        kind: &'static str,
        /// Its id.
        id: String,
        /// What it is the content of, where that is known.
        file: Option<String>,
    },
    /// The folder through which a source is read can't be made.
    #[error("{}: the source can't be looked at from there ({})", .path.shown(), visible::line(.why))]
    NoView {
        /// What could not be read or written.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// A commit after an upgrade that was not made.
    #[error("{}: {}", .path.shown(), visible::line(.why))]
    NotCommitted {
        /// The project.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// An address that history is not fetched from.
    #[error("{}: {}", .path.shown(), visible::line(.why))]
    NoFetch {
        /// The repository.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

impl GitError {
    /// The two ways on from a repository of somebody else's, as commands for a person; none for other errors.
    pub(crate) fn ways_on(&self) -> Option<String> {
        let Self::NotYours { folder, .. } = self else { return None };
        let folder = quoted(folder);
        Some(format!(
            "make it yours: sudo chown -R \"$(id -un)\" {folder}, or, if you trust who can write there: \
             git config --global --add safe.directory {folder}"
        ))
    }

    /// Says which file a damaged object is the content of.
    #[must_use]
    pub(crate) fn of_file(self, name: &str) -> Self {
        match self {
            Self::Damaged { path, kind, id, .. } if !name.is_empty() => {
                Self::Damaged { path, kind, id, file: Some(name.to_owned()) }
            }
            other => other,
        }
    }
}
