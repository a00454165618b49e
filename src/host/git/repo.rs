//! A repository, opened for reading.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::Deserialize;

use crate::core::blob::ObjectFormat;
use crate::core::visible::{self, Shown as _};
use crate::host::git::command::{finish, git, last_lines, short_answer};
use crate::host::git::error::GitError;
use crate::host::git::objects::{Blobs, Listing};
use crate::host::git::snapshot;
use crate::host::git::view::{Parts, View};
use crate::host::process::timing::{Who, waiting};
use crate::host::user::identity;

/// What a partial clone left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lacks {
    /// Contents of files.
    pub(crate) contents: usize,
    /// Folders: of what is behind them nothing is known.
    pub(crate) folders: usize,
}

impl Lacks {
    /// Whether anything is missing.
    pub(crate) fn any(self) -> bool {
        self.contents + self.folders > 0
    }
}

/// A git repository, opened for reading.
#[derive(Debug)]
pub struct Repo {
    pub(super) path: PathBuf,
    /// How it names objects.
    pub format: ObjectFormat,
    /// Its history is cut off.
    pub(crate) shallow: bool,
    /// What a partial clone left out.
    pub(crate) lacks: Lacks,
    /// None for a folder without git.
    pub(super) parts: Option<Parts>,
    /// The folder is its work tree, and not a bare repository or a part of one.
    pub(super) is_work_tree: bool,
    /// It has no work tree at all.
    pub(super) is_bare: bool,
    pub(super) view: Arc<View>,
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
        asked.args(["--is-bare-repository", "--show-prefix", "--absolute-git-dir"]);
        let output = short_answer(path, "rev-parse", &mut asked)?;
        drop(git_time);
        let not_one = |said: String| GitError::NotARepository { path: path.to_owned(), said };
        if !output.status.success() {
            if snapshot::has_marks(path) && !path.join(".git").exists() {
                let view = Arc::new(View::of_snapshot(path)?);
                let (format, path, lacks) = (ObjectFormat::Sha1, path.to_owned(), Lacks::default());
                return Ok(Self {
                    path,
                    format,
                    shallow: true,
                    lacks,
                    parts: None,
                    is_work_tree: true,
                    is_bare: false,
                    view,
                });
            }
            if let Some(folder) = dubious(&output.stderr) {
                return Err(GitError::NotYours { owner: owner_of(&folder), path: path.to_owned(), folder });
            }
            return Err(not_one(last_lines(&output.stderr)));
        }
        let mut lines = output.stdout.splitn(6, |b| *b == b'\n');
        let mut next = || lines.next().unwrap_or_default();
        let format = if next() == b"sha256" { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let (shallow, is_work_tree, is_bare, prefix) =
            (next() == b"true", next() == b"true", next() == b"true", next());
        if !prefix.is_empty() {
            return Err(not_one(format!("it is the folder {} of one", String::from_utf8_lossy(prefix))));
        }
        let git_dir = next();
        if !git_dir.starts_with(b"/") {
            let what = visible::line(&String::from_utf8_lossy(&output.stdout));
            return Err(GitError::Unexpected { command: "rev-parse", what });
        }
        let parts = Parts::of(PathBuf::from(OsStr::from_bytes(git_dir.strip_suffix(b"\n").unwrap_or(git_dir))));
        if !is_work_tree {
            // A folder in such a one leads there, too.
            let same = parts.git_dir.canonicalize().ok() == path.canonicalize().ok();
            let above = parts.git_dir.parent().unwrap_or(&parts.git_dir).shown();
            match (is_bare, same) {
                (true, true) => {}
                (false, _) => return Err(not_one(format!("it is the git folder of a clone; name {above} itself"))),
                (true, false) => return Err(not_one(format!("it is a folder of {}", parts.git_dir.shown()))),
            }
        }
        let view = Arc::new(View::of(path, &parts, format)?);
        let (path, parts, lacks) = (path.to_owned(), Some(parts), Lacks::default());
        let mut repo = Self { path, format, shallow, lacks, parts, is_work_tree, is_bare, view };
        repo.look_for_missing()?;
        Ok(repo)
    }

    /// Whether it is a folder without git: what it held before is not known, and can't be fetched.
    pub(crate) fn is_snapshot(&self) -> bool {
        self.parts.is_none()
    }

    pub(super) fn git(&self) -> Command {
        self.view.git()
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn run(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        finish(&self.path, args.first().unwrap_or(&"git"), self.git().args(args))
    }

    /// The full id of a commit, tag or branch.
    ///
    /// # Errors
    /// [`GitError::NoSuchCommit`].
    pub(crate) fn resolve(&self, name: &str) -> Result<String, GitError> {
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
    pub(crate) fn version(&self, blobs: &Blobs, listing: &Listing) -> String {
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
            let text = listing.manifest().and_then(|id| String::from_utf8(blobs.read(id)?.to_vec()).ok())?;
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

/// The folder that git does not read because it belongs to somebody else, as it says so.
fn dubious(said: &[u8]) -> Option<PathBuf> {
    let said = String::from_utf8_lossy(said).into_owned();
    let at = said.split_once("dubious ownership in repository at '")?.1;
    Some(PathBuf::from(at.split_once("'\n").map_or(at.trim_end().trim_end_matches('\''), |(folder, _)| folder)))
}

/// Whose a folder is: the name, or the number where there is no name.
fn owner_of(folder: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(meta) = std::fs::metadata(folder) else { return "somebody else".to_owned() };
    identity::account(meta.uid()).map(|account| account.name).unwrap_or_else(|| format!("user {}", meta.uid()))
}
