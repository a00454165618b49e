//! Which git work tree a folder is in.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::host::git::command::{git, short_answer};
use crate::host::process::timing::{Who, waiting};

/// Whether some parent of `dir` (or itself) looks like a git work tree's top. Asks no git.
pub(crate) fn seems_in_work_tree(dir: &Path) -> bool {
    dir.ancestors().any(|folder| folder.join(".git").symlink_metadata().is_ok())
}

/// The nearest parent of `dir` (or itself) that is a git work tree's top; none outside of any.
pub(crate) fn work_tree_of(dir: &Path) -> Option<PathBuf> {
    let _git = waiting(Who::Git);
    let out = short_answer(dir, "rev-parse", git(dir).args(["rev-parse", "--show-toplevel"])).ok()?;
    let bytes = out.stdout.strip_suffix(b"\n").unwrap_or(&out.stdout);
    (out.status.success() && !bytes.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(bytes)))
}
