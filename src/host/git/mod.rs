//! Asks git, and git alone: everything is read from objects, never from the work tree, and no lock is taken.
//!
//! A source is somebody else's: nothing that its settings, attributes, hooks or refs say makes git start a program or
//! take one object for another. It is read through a git folder of our own ([`view`]), and what is read is hashed
//! ([`objects`]). Fetching what a shallow clone lacks ([`deepen`]) is done with the user's own settings, the commit
//! after an upgrade ([`commit`]) with those of his project.

mod clean;
mod command;
mod commit;
mod deepen;
mod history;
mod objects;
mod settings;
pub mod snapshot;
mod view;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::Deserialize;

use crate::core::blob::ObjectFormat;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::visible::{self, Shown as _};
use crate::host::process::timing::{Who, waiting};
pub use clean::Uncommitted;
pub use command::{answer, git};
use command::{finish, last_lines, short_answer};
pub use commit::{Committed, commit_paths};
pub use objects::{Blobs, Listing};
use view::{Parts, View};

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
    /// Says which file a damaged object is the content of.
    #[must_use]
    pub fn of_file(self, name: &str) -> Self {
        match self {
            Self::Damaged { path, kind, id, .. } if !name.is_empty() => {
                Self::Damaged { path, kind, id, file: Some(name.to_owned()) }
            }
            other => other,
        }
    }
}

/// A git repository, opened for reading.
#[derive(Debug)]
pub struct Repo {
    path: PathBuf,
    /// How it names objects.
    pub format: ObjectFormat,
    /// Its history is cut off.
    pub shallow: bool,
    /// None for a folder without git.
    parts: Option<Parts>,
    /// The folder is its work tree, and not a bare repository or a part of one.
    is_work_tree: bool,
    view: Arc<View>,
}

impl Repo {
    /// Opens the repository whose top folder is `path`.
    ///
    /// # Errors
    /// [`GitError`] for a missing git, a missing folder, and a folder that is no repository.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        if !path.is_dir() {
            return Err(GitError::NoFolder(path.to_owned()));
        }
        let git_time = waiting(Who::Git);
        let mut asked = git(path);
        asked.args(["rev-parse", "--show-object-format", "--is-shallow-repository", "--is-inside-work-tree"]);
        asked.args(["--show-prefix", "--absolute-git-dir"]);
        let output = short_answer(path, "rev-parse", &mut asked)?;
        drop(git_time);
        let not_one = |said: String| GitError::NotARepository { path: path.to_owned(), said };
        if !output.status.success() {
            if snapshot::has_marks(path) && !path.join(".git").exists() {
                let view = Arc::new(View::of_snapshot(path)?);
                let (format, path) = (ObjectFormat::Sha1, path.to_owned());
                return Ok(Self { path, format, shallow: true, parts: None, is_work_tree: true, view });
            }
            return Err(not_one(last_lines(&output.stderr)));
        }
        let mut lines = output.stdout.splitn(5, |b| *b == b'\n');
        let mut next = || lines.next().unwrap_or_default();
        let format = if next() == b"sha256" { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let (shallow, is_work_tree, prefix) = (next() == b"true", next() == b"true", next());
        if !prefix.is_empty() {
            return Err(not_one(format!("it is the folder {} of one", String::from_utf8_lossy(prefix))));
        }
        let git_dir = next();
        let parts = Parts::of(PathBuf::from(OsStr::from_bytes(git_dir.strip_suffix(b"\n").unwrap_or(git_dir))));
        let view = Arc::new(View::of(path, &parts, format)?);
        Ok(Self { path: path.to_owned(), format, shallow, parts: Some(parts), is_work_tree, view })
    }

    /// Whether it is a folder without git: what it held before is not known, and can't be fetched.
    pub fn is_snapshot(&self) -> bool {
        self.parts.is_none()
    }

    fn git(&self) -> Command {
        self.view.git()
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn run(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        finish(&self.path, args.first().unwrap_or(&"git"), self.git().args(args))
    }

    /// The full id of a commit, tag or branch.
    ///
    /// # Errors
    /// [`GitError::NoSuchCommit`].
    pub fn resolve(&self, name: &str) -> Result<String, GitError> {
        let spec = format!("{name}^{{commit}}");
        match self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]) {
            Ok(out) => Ok(String::from_utf8_lossy(&out).trim().to_owned()),
            Err(GitError::Failed { .. }) => {
                Err(GitError::NoSuchCommit { path: self.path.clone(), name: name.to_owned() })
            }
            Err(other) => Err(other),
        }
    }

    /// The version label of a commit: `pyproject.toml`, else the manifest, else `unknown`.
    pub fn version(&self, blobs: &Blobs, listing: &Listing) -> String {
        #[derive(Deserialize)]
        struct Project {
            project: Option<Version>,
        }
        #[derive(Deserialize)]
        struct Version {
            version: Option<String>,
        }
        let text = |path: &str| {
            let bytes = blobs.read(listing.blob(path)?)?;
            String::from_utf8(bytes.to_vec()).ok()
        };
        let project = text("pyproject.toml").and_then(|t| toml::from_str::<Project>(&t).ok()?.project?.version);
        let manifest = || {
            let text = text("universal/.universal-manifest.json")?;
            serde_json::from_str::<Version>(&text).ok()?.version
        };
        // It stands on lines of documents, and behind `version=`.
        let clean = |v: String| v.chars().filter(|c| !visible::is_unsafe(*c)).take(40).collect::<String>();
        project.or_else(manifest).map(clean).filter(|v| !v.is_empty()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// Opens the contents for reading.
    ///
    /// # Errors
    /// [`GitError::NoGit`].
    pub fn blobs(&self) -> Result<Blobs, GitError> {
        Blobs::open(&self.path, self.format, Arc::clone(&self.view))
    }
}

/// Regular files, executable or not; not links (120000) and submodules (160000).
fn is_file(mode: &str) -> bool {
    matches!(mode, "100644" | "100755" | "100664")
}

fn installable(bytes: &[u8]) -> Option<RelPath> {
    let path = RelPath::new(bytes).ok()?;
    layouts().is_installable(&path).then_some(path)
}

/// Whether some parent of `dir` (or itself) looks like a git work tree's top. Asks no git.
pub fn seems_in_work_tree(dir: &Path) -> bool {
    dir.ancestors().any(|folder| folder.join(".git").symlink_metadata().is_ok())
}

/// The nearest parent of `dir` (or itself) that is a git work tree's top; none outside of any.
pub fn work_tree_of(dir: &Path) -> Option<PathBuf> {
    let _git = waiting(Who::Git);
    let out = short_answer(dir, "rev-parse", git(dir).args(["rev-parse", "--show-toplevel"])).ok()?;
    let bytes = out.stdout.strip_suffix(b"\n").unwrap_or(&out.stdout);
    (out.status.success() && !bytes.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(bytes)))
}
