//! The commit after an upgrade, in the user's own project: exactly some paths, and nothing of what he is at.
//!
//! It is made from an index of our own, which begins as the last commit, so that whatever fails leaves the user's index
//! as it was. When the commit is there, his index learns of exactly these paths. His hooks are not run and his key is not
//! asked for: a hook may change files, which would no longer be what was planned, and a key may wait for a password.
//! The filters of his attributes are run, as for every file that git takes in.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::core::visible::Shown as _;
use crate::host::files::scratch::Scratch;
use crate::host::git::command::{finish, finish_with, git_as_user};
use crate::host::git::error::GitError;
use crate::host::git::view::Parts;
use crate::host::git::work_tree::work_tree_of;
use crate::host::process::timing::{Who, waiting};

/// Paths named one by one in a refusal.
const SHOWN: usize = 10;

/// What git is in the middle of, by the files that it leaves meanwhile.
const AT_WORK: [(&str, &str); 7] = [
    ("MERGE_HEAD", "merge"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer", "cherry-pick or revert"),
    ("BISECT_LOG", "bisection"),
];

/// A commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its full id.
    pub id: String,
    /// Why the user's index could not learn of it.
    pub behind: Option<String>,
}

/// Mode and id of a file, by its path from the top of the work tree.
type Entries = BTreeMap<Vec<u8>, (String, String)>;

struct Project {
    dir: PathBuf,
    top: PathBuf,
    /// The folder's path from the top, with a slash behind it; empty at the top.
    prefix: Vec<u8>,
    own_index: PathBuf,
}

/// Commits exactly these paths (those that git knows or may know) in the work tree of `dir`, below which they all are.
/// `moved` is a folder with its new name: what the last commit has below it goes along.
/// Unless that succeeds, the user's index is as it was. A commit that a kill cut off is completed by the next call.
///
/// # Errors
/// [`GitError::NotCommitted`] in the middle of a merge and the like, where the user has staged one of these paths, and
/// where there is nothing to commit; [`GitError::Failed`] with git's words, for instance without a configured name.
pub fn commit_paths(
    dir: &Path,
    paths: &[PathBuf],
    moved: Option<(&Path, &Path)>,
    message: &str,
) -> Result<Committed, GitError> {
    let refused = |why: String| GitError::NotCommitted { path: dir.to_owned(), why };
    let _git = waiting(Who::Git);
    let top = work_tree_of(dir).ok_or_else(|| refused("it is in no git repository".to_owned()))?;
    let own = Scratch::new().map_err(|e| refused(format!("no temporary folder can be made: {e}")))?;
    let prefix = finish(dir, "rev-parse", git_as_user(dir).args(["rev-parse", "--show-prefix"]))?;
    let project = Project {
        dir: dir.to_owned(),
        top,
        prefix: prefix.strip_suffix(b"\n").unwrap_or(&prefix).to_owned(),
        own_index: own.path().join("index"),
    };
    project.must_be_at_rest()?;
    let head = project.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).ok();
    // The last commit is ours, perhaps of a run that was cut off before the user's index learned of it.
    let is_ours =
        |head: &String| project.ask(&["log", "-1", "--no-color", "--format=%B", head]).is_ok_and(|m| m == message);
    let ours = head.as_ref().filter(|head| is_ours(head));
    let mut behind = None;
    let parent = ours.and_then(|head| project.ask(&["rev-parse", "--verify", "--quiet", &format!("{head}^")]).ok());
    let before = if ours.is_some() { parent.as_deref() } else { head.as_deref() };
    let along = moved.map_or(Ok(Vec::new()), |(from, to)| project.moved_along(before, from, to))?;
    let paths: Vec<PathBuf> = paths.iter().cloned().chain(along).collect();
    let all = project.names(&paths);
    if let Some(head) = ours {
        // Also what it removed, which neither the commit nor the disk has any more.
        let told = project.tell_index(parent.as_deref(), head, &all.keys().cloned().collect());
        behind = told.err().map(|e| e.to_string());
    }
    project.ours(&["read-tree", head.as_deref().unwrap_or("--empty")])?;
    let chosen = project.known(&all)?;
    let mut take_in = project.with_own_index(&project.top);
    take_in.args(["update-index", "--add", "--remove", "-z", "--stdin"]);
    finish_with(dir, "update-index", &mut take_in, &listed(&chosen))?;
    let tree = project.ours(&["write-tree"])?;
    if let Some(head) = &head
        && project.ask(&["rev-parse", "--verify", &format!("{head}^{{tree}}")])? == tree
    {
        return match ours {
            Some(head) => Ok(Committed { id: head.clone(), behind }),
            None => {
                Err(refused("there is nothing to commit: git has these paths as they are, or ignores them".to_owned()))
            }
        };
    }
    project.nothing_may_be_staged(head.as_deref(), &chosen)?;
    let parent: Vec<&str> = head.iter().flat_map(|head| ["-p", head]).collect();
    let id = project.ask(&[&["commit-tree", &tree, "-m", message][..], &parent].concat())?;
    let log = format!("commit: {message}");
    let none = "0".repeat(id.len());
    project.ask(&["update-ref", "-m", &log, "HEAD", &id, head.as_deref().unwrap_or(&none)])?;
    let behind = project.tell_index(head.as_deref(), &id, &chosen).err().map(|e| e.to_string());
    Ok(Committed { id, behind })
}

impl Project {
    /// Runs git at the top; its answer without the last line break.
    fn ask(&self, arguments: &[&str]) -> Result<String, GitError> {
        let out = finish(&self.dir, arguments[0], git_as_user(&self.top).args(arguments))?;
        Ok(String::from_utf8_lossy(&out).trim_end().to_owned())
    }

    fn with_own_index(&self, dir: &Path) -> Command {
        let mut command = git_as_user(dir);
        command.env("GIT_INDEX_FILE", &self.own_index);
        command
    }

    fn ours(&self, arguments: &[&str]) -> Result<String, GitError> {
        let out = finish(&self.dir, arguments[0], self.with_own_index(&self.top).args(arguments))?;
        Ok(String::from_utf8_lossy(&out).trim_end().to_owned())
    }

    fn refused(&self, why: String) -> GitError {
        GitError::NotCommitted { path: self.dir.clone(), why }
    }

    /// A commit in the middle of something would become a part of it, or end it.
    fn must_be_at_rest(&self) -> Result<(), GitError> {
        let git_dir = finish(&self.dir, "rev-parse", git_as_user(&self.top).args(["rev-parse", "--absolute-git-dir"]))?;
        let git_dir = PathBuf::from(OsStr::from_bytes(git_dir.strip_suffix(b"\n").unwrap_or(&git_dir)));
        let parts = Parts::of(git_dir);
        if let Some((_, what)) = AT_WORK.iter().find(|(name, _)| parts.git_dir.join(name).exists()) {
            return Err(self.refused(format!("a {what} is going on there; end it first")));
        }
        let lock = parts.git_dir.join("index.lock");
        if lock.exists() {
            return Err(self.refused(format!("another git is at work there, or was killed: {}", lock.shown())));
        }
        if !finish(&self.dir, "ls-files", git_as_user(&self.top).args(["ls-files", "--unmerged", "-z"]))?.is_empty() {
            return Err(self.refused("there are unmerged paths in its index; settle them first".to_owned()));
        }
        Ok(())
    }

    /// The files of a commit below a folder that has another name since, by both names.
    fn moved_along(&self, commit: Option<&str>, from: &Path, to: &Path) -> Result<Vec<PathBuf>, GitError> {
        let files = self.files_of(commit)?;
        let inside = files.keys().filter_map(|name| {
            let path = self.dir.join(OsStr::from_bytes(name.strip_prefix(&self.prefix[..])?));
            path.strip_prefix(from).ok().map(Path::to_owned)
        });
        Ok(inside.flat_map(|path| [from.join(&path), to.join(&path)]).collect())
    }

    /// The paths by their names from the top.
    fn names<'a>(&self, paths: &'a [PathBuf]) -> BTreeMap<Vec<u8>, &'a PathBuf> {
        let from_top = |path: &PathBuf| {
            let below = path.strip_prefix(&self.dir).ok()?;
            Some([&self.prefix, below.as_os_str().as_bytes()].concat())
        };
        paths.iter().filter_map(|path| Some((from_top(path)?, path))).collect()
    }

    /// Those that the last commit has, or that exist and are not ignored.
    fn known(&self, all: &BTreeMap<Vec<u8>, &PathBuf>) -> Result<BTreeSet<Vec<u8>>, GitError> {
        let tracked = finish(&self.dir, "ls-files", self.with_own_index(&self.top).args(["ls-files", "-z"]))?;
        let tracked: BTreeSet<&[u8]> = tracked.split(|b| *b == 0).collect();
        let mut ignored = self.with_own_index(&self.top);
        ignored.args(["check-ignore", "-z", "--stdin"]);
        // It ends with 1 if it finds none.
        let ignored = match finish_with(&self.dir, "check-ignore", &mut ignored, &listed(all.keys())) {
            Ok(out) => out,
            Err(GitError::Failed { said, .. }) if said.is_empty() => Vec::new(),
            Err(other) => return Err(other),
        };
        let ignored: BTreeSet<&[u8]> = ignored.split(|b| *b == 0).collect();
        let wanted = |(name, path): &(&Vec<u8>, &&PathBuf)| {
            tracked.contains(name.as_slice()) || (path.symlink_metadata().is_ok() && !ignored.contains(name.as_slice()))
        };
        Ok(all.iter().filter(wanted).map(|(name, _)| name.clone()).collect())
    }

    /// What the user has staged of these paths would be in the commit's way, or lost.
    fn nothing_may_be_staged(&self, head: Option<&str>, chosen: &BTreeSet<Vec<u8>>) -> Result<(), GitError> {
        let (old, index) = (self.files_of(head)?, self.index()?);
        let staged: Vec<&Vec<u8>> = chosen.iter().filter(|name| index.get(*name) != old.get(*name)).collect();
        if staged.is_empty() {
            return Ok(());
        }
        let names = staged.iter().take(SHOWN).map(|name| String::from_utf8_lossy(name).into_owned());
        let names = names.collect::<Vec<_>>().join(", ");
        let more = if staged.len() > SHOWN { format!(" and {} more", staged.len() - SHOWN) } else { String::new() };
        Err(self
            .refused(format!("you have staged changes of your own there: {names}{more}; commit or unstage them first")))
    }

    fn files_of(&self, commit: Option<&str>) -> Result<Entries, GitError> {
        let Some(commit) = commit else { return Ok(Entries::new()) };
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", commit];
        let out = finish(&self.dir, "ls-tree", git_as_user(&self.top).args(arguments))?;
        Ok(entries(&out, [0, 2]))
    }

    fn index(&self) -> Result<Entries, GitError> {
        let out = finish(&self.dir, "ls-files", git_as_user(&self.top).args(["ls-files", "--stage", "-z"]))?;
        Ok(entries(&out, [0, 1]))
    }

    /// Lets the user's index know of the paths that a commit changed; what he staged himself stays.
    fn tell_index(&self, old: Option<&str>, new: &str, chosen: &BTreeSet<Vec<u8>>) -> Result<(), GitError> {
        let (old, now, index) = (self.files_of(old)?, self.files_of(Some(new))?, self.index()?);
        let mut lines = Vec::new();
        for name in chosen.iter().filter(|n| index.get(*n) == old.get(*n) && index.get(*n) != now.get(*n)) {
            let head = match now.get(name) {
                Some((mode, id)) => format!("{mode} {id}\t"),
                None => format!("0 {}\t", "0".repeat(new.len())),
            };
            lines.extend_from_slice(head.as_bytes());
            lines.extend_from_slice(name);
            lines.push(0);
        }
        let mut update = git_as_user(&self.top);
        update.args(["update-index", "-z", "--index-info"]);
        finish_with(&self.dir, "update-index", &mut update, &lines).map(drop)
    }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    names.into_iter().flat_map(|name| [&name[..], b"\0"].concat()).collect()
}

/// Lines of words, a tab and a path; `which` words are the mode and the id.
fn entries(out: &[u8], which: [usize; 2]) -> Entries {
    let entry = |line: &[u8]| {
        let tab = line.iter().position(|b| *b == b'\t')?;
        let head = String::from_utf8_lossy(&line[..tab]).into_owned();
        let words: Vec<&str> = head.split_ascii_whitespace().collect();
        let [mode, id] = which.map(|at| words.get(at).map(|w| (*w).to_owned()));
        Some((line[tab + 1..].to_vec(), (mode?, id?)))
    };
    out.split(|b| *b == 0).filter_map(entry).collect()
}
