//! A git folder of our own through which a source is read: its objects and refs, with none of its settings.
//!
//! A repository's settings can name programs (filters, a file watcher, hooks, ssh commands and many more), and can say
//! that an object is another one. There is no list of all of them, so none is read: git is led to a temporary folder
//! that has a config of ours and leads to the source's objects and refs. What is merely looked at stays as it is.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::core::blob::ObjectFormat;
use crate::host::files::scratch::Scratch;
use crate::host::git::command::{finish, git};
use crate::host::git::error::GitError;
use crate::host::git::snapshot;

/// The folder; gone with this.
#[derive(Debug)]
pub(super) struct View {
    home: Scratch,
    /// Where the objects are; none if they are in the folder itself.
    objects: Option<PathBuf>,
    work_tree: PathBuf,
}

/// The parts of a repository.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    /// Its git folder: `.git`, or what the file `.git` of a linked work tree leads to.
    pub(crate) git_dir: PathBuf,
    /// The git folder that all of its work trees share.
    pub(crate) common: PathBuf,
}

impl Parts {
    /// Of the git folder that git found.
    pub(crate) fn of(git_dir: PathBuf) -> Self {
        let named = fs::read(git_dir.join("commondir")).ok();
        let common = named.map(|bytes| git_dir.join(OsStr::from_bytes(bytes.trim_ascii_end())));
        Self { common: common.unwrap_or_else(|| git_dir.clone()), git_dir }
    }
}

impl View {
    /// Of a folder that was read into a repository of our own.
    pub(crate) fn of_snapshot(folder: &Path) -> Result<Self, GitError> {
        Ok(Self { home: snapshot::take(folder)?, objects: None, work_tree: folder.to_owned() })
    }

    /// Of the repository in `path`. Writes nothing there.
    pub(crate) fn of(path: &Path, parts: &Parts, format: ObjectFormat) -> Result<Self, GitError> {
        let home = Scratch::new().map_err(|e| GitError::NoView { path: std::env::temp_dir(), why: e.to_string() })?;
        let view = Self { objects: Some(parts.common.join("objects")), work_tree: path.to_owned(), home };
        let unreadable = |e: io::Error| GitError::NoView { path: parts.git_dir.clone(), why: e.to_string() };
        view.fill(parts, format).map_err(unreadable)?;
        if parts.common.join("reftable").is_dir() {
            view.fill_from_reftable(path).map_err(|e| match e {
                Filling::Git(e) => e,
                Filling::Io(e) => unreadable(e),
            })?;
        }
        Ok(view)
    }

    fn fill(&self, parts: &Parts, format: ObjectFormat) -> io::Result<()> {
        let Parts { git_dir, common } = parts;
        let home = self.home.path();
        let extension = match format {
            ObjectFormat::Sha1 => "",
            ObjectFormat::Sha256 => "[extensions]\n\tobjectFormat = sha256\n",
        };
        let version = if extension.is_empty() { 0 } else { 1 };
        fs::write(home.join("config"), format!("[core]\n\trepositoryFormatVersion = {version}\n{extension}"))?;
        fs::create_dir(home.join("info"))?;
        copy_if_there(&git_dir.join("HEAD"), &home.join("HEAD"))?;
        copy_if_there(&common.join("shallow"), &home.join("shallow"))?;
        // What a file's line ends are, and which files are of no interest: no attribute starts a program by itself.
        for name in ["attributes", "exclude"] {
            copy_if_there(&common.join("info").join(name), &home.join("info").join(name))?;
        }
        copy_if_there(&git_dir.join("info/sparse-checkout"), &home.join("info/sparse-checkout"))?;
        symlink(common.join("refs"), home.join("refs"))?;
        for (name, at) in [("packed-refs", common), ("logs", git_dir)] {
            if at.join(name).exists() {
                symlink(at.join(name), home.join(name))?;
            }
        }
        // The other half of a split index.
        for entry in fs::read_dir(git_dir)?.flatten() {
            if entry.file_name().as_bytes().starts_with(b"sharedindex.") {
                symlink(entry.path(), home.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    /// Refs in a table that only git reads: written out once, as packed ones.
    fn fill_from_reftable(&self, path: &Path) -> Result<(), Filling> {
        let ask = |arguments: &[&str]| finish(path, arguments[0], git(path).args(arguments));
        let home = self.home.path();
        let refs = ask(&["for-each-ref", "--format=%(objectname) %(refname)"])?;
        fs::remove_file(home.join("refs"))?;
        fs::create_dir(home.join("refs"))?;
        fs::write(home.join("packed-refs"), [b"# pack-refs with: sorted \n", &refs[..]].concat())?;
        // No commit yet: a name that leads nowhere says so.
        let head = ask(&["rev-parse", "--verify", "--quiet", "HEAD"]).unwrap_or_default();
        fs::write(home.join("HEAD"), if head.is_empty() { b"ref: refs/heads/none\n".to_vec() } else { head })?;
        Ok(())
    }

    /// Its own folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command that reads through it.
    pub(crate) fn git(&self) -> Command {
        let mut command = git(&self.work_tree);
        self.lead(&mut command);
        command.envs(no_settings());
        // Versions of git that don't know the variable for the user's settings look for them in the home.
        command.env("HOME", self.home.path()).env("XDG_CONFIG_HOME", self.home.path());
        command
    }

    /// Leads a command here, with whatever settings of the user's it reads.
    pub(crate) fn lead(&self, command: &mut Command) {
        snapshot::at(command, self.home.path(), &self.work_tree);
        if let Some(objects) = &self.objects {
            command.env("GIT_OBJECT_DIRECTORY", objects);
        }
    }
}

/// Variables that keep the user's and the system's settings out.
pub(super) fn no_settings() -> [(OsString, OsString); 3] {
    [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")]
        .map(|(name, value)| (name.into(), value.into()))
}

enum Filling {
    Git(GitError),
    Io(io::Error),
}

impl From<GitError> for Filling {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

impl From<io::Error> for Filling {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Only regular files: a pipe would be waited for.
fn copy_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::metadata(from) {
        Ok(meta) if meta.is_file() => fs::write(to, fs::read(from)?),
        Ok(_) => Ok(()),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(e) => Err(e),
    }
}
