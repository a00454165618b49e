//! A source without git, for instance an unpacked tarball: read into a repository of our own, in a temporary folder.
//!
//! The same files always give the same commit, so a session can be resumed from the folder that it was begun with, and
//! not from one that has changed since.

use std::path::Path;
use std::process::Command;

use crate::core::layout::layouts;
use crate::host::files::scratch::Scratch;
use crate::host::git::command::{answer, git};
use crate::host::git::error::GitError;

/// Whether a folder looks like praxis-os.
pub(crate) fn has_marks(folder: &Path) -> bool {
    layouts().generation_of_source(|mark| mark.under(folder).is_dir()).is_some()
}

/// Makes the repository, with one commit of all files. Nothing is written into the folder itself.
///
/// # Errors
/// [`GitError::Failed`] with git's words.
pub(crate) fn take(folder: &Path) -> Result<Scratch, GitError> {
    let unwritten = |e: std::io::Error| GitError::NoView { path: std::env::temp_dir(), why: e.to_string() };
    let home = Scratch::new().map_err(unwritten)?;
    let run = |arguments: &[&str]| {
        let mut command = git(folder);
        let command = at(&mut command, home.path(), folder)
            // Nobody's filters: they would run programs, and change bytes.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=pos-upgrade-tui", "-c", "user.email=nobody@localhost"])
            .env("GIT_AUTHOR_DATE", "1970-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "1970-01-01T00:00:00Z");
        let output = answer(folder, arguments[0], command.args(arguments))?;
        if !output.status.success() {
            let said = crate::core::visible::start_of(String::from_utf8_lossy(&output.stderr).trim(), 1_000);
            return Err(GitError::Failed { path: folder.to_owned(), command: arguments[0].to_owned(), said });
        }
        Ok(())
    };
    run(&["init", "--quiet", "--template=", "--object-format=sha1", "-b", "files"])?;
    let attributes = home.path().join("info/attributes");
    let written = std::fs::create_dir_all(home.path().join("info"))
        .and_then(|()| std::fs::write(attributes, "* -text -filter -ident !working-tree-encoding\n"));
    written.map_err(unwritten)?;
    run(&["add", "--all", "--force"])?;
    run(&["commit", "--quiet", "--no-verify", "--allow-empty", "-m", "The files of a folder without history"])?;
    Ok(home)
}

/// Points git at the repository, with the folder as its work tree.
pub(crate) fn at<'c>(command: &'c mut Command, home: &Path, folder: &Path) -> &'c mut Command {
    command.env("GIT_DIR", home).env("GIT_WORK_TREE", folder)
}
