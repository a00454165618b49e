//! The demo: a small praxis-os with history and a customised install of it, built from the assets in this binary.
//!
//! `prepare` makes real things: a git repository with three tagged releases, a project with the oldest of them
//! installed and edited, a virtual environment filled by pip without a network, and a running MCP server.

mod assets;
mod command;
mod install;
mod source;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::core::visible::Shown as _;
pub use install::{add_user_edits, commit_project, create_venv, install_release, start_server};
pub use source::prepare_source;

/// What was built, with absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// The folder that holds everything.
    pub dir: PathBuf,
    /// The clone to upgrade from.
    pub source: PathBuf,
    /// The project that uses it; a git repository with one commit.
    pub project: PathBuf,
    /// The project's `.praxis-os`.
    pub install: PathBuf,
    /// The install's running server.
    pub server_pid: Option<u32>,
    /// The releases of the source, oldest first. The first one is installed.
    pub commits: Vec<String>,
}

/// Why the demo could not be built. Each message says what to do, or carries the last lines of the tool that failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A program that the demo needs is not there.
    #[error("the demo needs {tool}, which was not found; {how}")]
    MissingTool {
        /// What is missing.
        tool: &'static str,
        /// How to get it.
        how: &'static str,
    },
    /// The folder is in use; the demo never writes among other files.
    #[error("{} is not empty, and nothing was changed there; name a new or an empty folder", .0.shown())]
    DirNotEmpty(PathBuf),
    /// Git refused.
    #[error("git failed: {command}\n{output}")]
    Git {
        /// The command line.
        command: String,
        /// Its last lines.
        output: String,
    },
    /// Python failed while it built the wheels or the virtual environment.
    #[error("python failed: {command}\n{output}")]
    Python {
        /// The command line.
        command: String,
        /// Its last lines.
        output: String,
    },
    /// Pip did not install the server's requirements.
    #[error("pip failed: {command}\n{output}")]
    Pip {
        /// The command line.
        command: String,
        /// Its last lines.
        output: String,
    },
    /// The server ended early or was not reachable in time. It does not run any more.
    #[error("the demo's server {reason}; its log ends with:\n{output}")]
    Server {
        /// What went wrong.
        reason: String,
        /// The last lines of its log.
        output: String,
    },
    /// A file or a program could not be used.
    #[error("could not {action} {}: {error}", .path.shown())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The embedded files contradict each other; a bug of this program.
    #[error("the embedded demo is damaged: {0}")]
    Asset(String),
}

/// Builds `dir/source` and `dir/project` and starts the project's server. `progress` gets one line per step.
///
/// # Errors
/// [`DemoError`]; what was built until then is removed again.
pub fn prepare(dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Demo, DemoError> {
    command::check_tools()?;
    let dir = empty_folder(dir)?;
    let built = build(&dir, progress);
    if built.is_err() {
        // The folder was empty before, so all of this is ours.
        for part in ["source", "project"] {
            let _ = fs::remove_dir_all(dir.join(part));
        }
    }
    built
}

/// Tells the source of a demo from a real one.
const MARK: &str = ".git/pos-upgrade-tui-demo";

/// Whether a source was made by [`prepare`].
pub fn is_demo(source: &Path) -> bool {
    source.join(MARK).exists()
}

fn build(dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Demo, DemoError> {
    let (source, project) = (dir.join("source"), dir.join("project"));
    let install = project.join(".praxis-os");

    let commits = prepare_source(&source)?;
    let mark = source.join(MARK);
    fs::write(&mark, "Made by pos-upgrade-tui demo: no clone of praxis-os.\n").at("write", &mark)?;
    progress(&format!("built a source with {} releases in {}", commits.len(), source.shown()));
    let oldest = commits.first().ok_or_else(|| DemoError::Asset("there is no release".into()))?;
    install_release(&source, oldest, &install)?;
    progress(&format!("installed the oldest release, {}, in {}", short(oldest), install.shown()));
    create_venv(&install)?;
    progress("created the virtual environment and installed the server's packages");
    add_user_edits(&install)?;
    progress("edited, added and deleted files, as a user would");
    commit_project(&project)?;
    progress("committed the project");
    let pid = start_server(&project, &install)?;
    progress(&format!("started the MCP server, process {pid}"));
    Ok(Demo { dir: dir.into(), source, project, install, server_pid: Some(pid), commits })
}

/// Creates `dir` if need be and refuses one that holds anything.
fn empty_folder(dir: &Path) -> Result<PathBuf, DemoError> {
    fs::create_dir_all(dir).at("create", dir)?;
    if fs::read_dir(dir).at("read", dir)?.next().is_some() {
        return Err(DemoError::DirNotEmpty(dir.into()));
    }
    fs::canonicalize(dir).at("resolve", dir)
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// Adds to an I/O error what was tried, and where.
trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, DemoError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, DemoError> {
        self.map_err(|error| DemoError::Io { action, path: path.into(), error })
    }
}

#[cfg(test)]
mod tests;
