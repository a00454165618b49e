//! Which files a project has, as its git index says.

use std::path::Path;

use crate::core::path::RelPath;
use crate::host::git::command::{finish, git};
use crate::host::git::error::GitError;
use crate::host::process::timing::{Who, waiting};

/// What git tracks at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// Within the folder that was asked about.
    pub(crate) path: RelPath,
    /// A link, whose target is all that it has.
    pub(crate) is_link: bool,
}

/// The files and links below a folder that git tracks, in the index's order; other repositories in it are none. Reads the
/// index alone.
///
/// # Errors
/// [`GitError`], also where the folder is in no work tree.
pub(crate) fn tracked(folder: &Path) -> Result<Vec<Tracked>, GitError> {
    let _git = waiting(Who::Git);
    let out = finish(folder, "ls-files", git(folder).args(["ls-files", "-z", "--cached", "--stage"]))?;
    let mut all: Vec<Tracked> = out.split(|b| *b == 0).filter_map(entry).collect();
    // A file that is not merged stands there once for each side.
    all.dedup();
    Ok(all)
}

/// `<mode> <id> <stage>\t<path>`.
fn entry(line: &[u8]) -> Option<Tracked> {
    let tab = line.iter().position(|b| *b == b'\t')?;
    let is_link = match line.get(..3)? {
        b"100" => false,
        b"120" => true,
        _ => return None,
    };
    Some(Tracked { path: RelPath::new(&line[tab + 1..]).ok()?, is_link })
}
