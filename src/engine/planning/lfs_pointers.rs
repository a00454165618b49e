//! git-lfs pointers in the source. git has only the pointer, so writing it would replace a file by a note about it:
//! an upgrade that would do that is refused.

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Plan};
use crate::core::visible::Shown as _;
use crate::engine::planning::source::Source;
use crate::engine::refusal::{About, Problem};

/// Paths named one by one in a refusal.
const SHOWN: usize = 10;

/// The paths that would get, or be merged with, a pointer instead of a file. Reads only small blobs of what changes.
pub(crate) fn found(source: &Source, files: &[FileEntry]) -> Vec<RelPath> {
    let pointer = |f: &&FileEntry| f.uses_theirs() && f.theirs.as_ref().is_some_and(|id| source.is_lfs_pointer(id));
    files.iter().filter(pointer).map(|f| f.path.clone()).collect()
}

/// Finds them, and says so in the reasons of the plan's entries.
pub(crate) fn name(source: &Source, plan: &mut Plan) -> Vec<RelPath> {
    let found = found(source, &plan.files);
    // Both are in the plan's order.
    let mut next = found.iter().peekable();
    for file in &mut plan.files {
        if next.next_if(|path| **path == file.path).is_some() {
            file.reason.push_str("; the source has only a git-lfs pointer of it, so the upgrade is refused");
        }
    }
    found
}

/// What stops the upgrade, if there are any.
pub(crate) fn problem(source: &Source, paths: &[RelPath]) -> Option<Problem> {
    if paths.is_empty() {
        return None;
    }
    let clone = source.repo.path().shown();
    let commit = crate::core::release_history::short(&source.commit);
    let files = if paths.len() == 1 { "file" } else { "files" };
    let mut what = format!(
        "{clone}: commit {commit} ships git-lfs pointers instead of {} {files}, and an upgrade installs what is committed:",
        paths.len()
    );
    for path in paths.iter().take(SHOWN) {
        what.push_str(&format!("\n  {path}"));
    }
    if paths.len() > SHOWN {
        what.push_str(&format!("\n  and {} more", paths.len() - SHOWN));
    }
    let next = format!(
        "name a commit that ships the files themselves, --to REF (see: git -C {} log --oneline), or ask the source's \
         maintainer to commit them without git-lfs; git lfs pull does not help",
        quoted(source.repo.path())
    );
    Some(Problem { code: Code::LfsPointers, about: About::Source, exit_code: Exit::Refused, what, next })
}
