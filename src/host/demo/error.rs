//! Why the demo could not be built.

use std::io;
use std::path::{Path, PathBuf};

use crate::core::visible::Shown as _;

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

/// Adds to an I/O error what was tried, and where.
pub(super) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, DemoError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, DemoError> {
        self.map_err(|error| DemoError::Io { action, path: path.into(), error })
    }
}
