//! A source's history, as `git log` tells it.

use std::collections::BTreeMap;

use crate::core::blob::BlobId;
use crate::core::layout::{layouts, pages};
use crate::core::path::RelPath;
use crate::core::release_history::{Change, Commit};
use crate::host::git::error::GitError;
use crate::host::git::objects::{Blobs, Ends, is_file};
use crate::host::git::repo::Repo;

impl Repo {
    /// The last commit before this one (or this one) that wrote something into a folder; none if there is none.
    pub(crate) fn last_with(&self, commit: &str, folder: &str) -> Option<String> {
        let out =
            self.run(&["log", "-1", "--no-color", "--format=%H", "--diff-filter=AM", commit, "--", folder]).ok()?;
        Some(String::from_utf8_lossy(&out).trim().to_owned()).filter(|commit| !commit.is_empty())
    }

    /// The history up to a commit, parents before children, each against its first parent: one read. Its changes name
    /// pages, as [`pages`] has them.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn history(&self, blobs: &Blobs, commit: &str) -> Result<Vec<Commit>, GitError> {
        Ok(pages::history(self.log(blobs, &[commit], installable)?))
    }

    /// The same with every path below a folder that some release installed from: more than any install can hold. The
    /// manifest is left out, it is about the others.
    ///
    /// # Errors
    /// [`GitError`].
    pub(crate) fn history_of_all(&self, blobs: &Blobs, commit: &str) -> Result<Vec<Commit>, GitError> {
        let commits = self.log(blobs, &[commit], |bytes| {
            let path = RelPath::new(bytes).ok()?;
            let listed = layouts().source_tops().iter().any(|top| path.strip(top).is_some());
            (listed && path.name() != b".universal-manifest.json").then_some(path)
        })?;
        Ok(pages::loose(commits))
    }

    /// The commits of all branches and tags that `commit` doesn't contain, parents before children: later releases.
    ///
    /// # Errors
    /// [`GitError`].
    pub(crate) fn later(&self, blobs: &Blobs, commit: &str) -> Result<Vec<Commit>, GitError> {
        // Of other branches a clone without folders knows nothing.
        if self.lacks.folders > 0 {
            return Ok(Vec::new());
        }
        Ok(pages::loose(self.log(blobs, &["--branches", "--tags", "--remotes", "--not", commit], installable)?))
    }

    /// The contents that a file had in any commit before this one (or this one), or of any branch or tag.
    ///
    /// # Errors
    /// [`GitError`].
    pub(crate) fn versions_of(&self, commit: &str, path: &str) -> Result<Vec<BlobId>, GitError> {
        let how = ["log", "--raw", "-z", "-m", "--root", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-color"];
        let which = ["--format=", commit, "--branches", "--tags", "--remotes", "--", path];
        let out = self.run(&[&how[..], &which].concat())?;
        let mut found: Vec<BlobId> = Vec::new();
        for token in out.split(|b| *b == 0).filter_map(|token| token.strip_prefix(b":")) {
            let head = String::from_utf8_lossy(token).into_owned();
            let words: Vec<&str> = head.split(' ').collect();
            let [_, mode, _, new, _] = words[..] else { continue };
            found.extend(BlobId::from_hex(new).filter(|id| is_file(mode) && !id.is_null() && !found.contains(id)));
        }
        Ok(found)
    }

    /// Whether `old` is `new` or one of its ancestors; false if the repository lacks one of them.
    pub(crate) fn is_ancestor(&self, old: &str, new: &str) -> bool {
        self.run(&["merge-base", "--is-ancestor", old, new]).is_ok()
    }

    /// The date of a commit, `YYYY-MM-DD`; none if it can't be told.
    pub(crate) fn date_of(&self, commit: &str) -> Option<String> {
        let out = self.run(&["log", "-1", "--no-color", "--format=%cs", commit]).ok()?;
        Some(String::from_utf8_lossy(&out).trim().to_owned()).filter(|date| !date.is_empty())
    }

    /// `git log` hashes nothing that it reads: what it has read is hashed behind it, so that no other bytes under the name
    /// of a commit or folder choose what an edit is merged against, and none of a file what it was renamed from.
    fn log(
        &self,
        blobs: &Blobs,
        which: &[&str],
        wanted: impl Fn(&[u8]) -> Option<RelPath>,
    ) -> Result<Vec<Commit>, GitError> {
        let how = [
            "log",
            "--raw",
            "-z",
            // Which files are alike only their contents tell.
            if self.lacks.any() { "-M100%" } else { "-M" },
            "-l0",
            "--no-abbrev",
            "--no-ext-diff",
            "--no-color",
            "--diff-merges=first-parent",
            "--topo-order",
            "--reverse",
            "--root",
            "--format=%x01%H%x00%P%x00%cs%x00%s",
        ];
        let out = self.run(&[&how[..], which].concat())?;
        let Log { commits, compared } = parse_log(&out, wanted)?;
        // Its beginning, too: where folders lie and commits descend from themselves, git lists none of them.
        let begun = which.iter().filter(|word| BlobId::from_hex(word).is_some()).map(|id| (*id).to_owned());
        let ends = match (self.lacks.folders > 0, self.shallow) {
            (true, _) => Ends::WithoutFolders,
            (false, true) => Ends::Shallow,
            (false, false) => Ends::Whole,
        };
        blobs.check_history(begun.chain(commits.iter().map(|c| c.id.clone())).collect(), ends)?;
        blobs.check_blobs(&compared)?;
        Ok(commits)
    }
}

/// What `git log` said.
struct Log {
    commits: Vec<Commit>,
    /// Files that git may have compared with each other to find renames, and their names.
    compared: BTreeMap<String, String>,
}

/// The files that came and went in one commit.
#[derive(Default)]
struct Moved {
    came: Vec<(String, String)>,
    went: Vec<(String, String)>,
    /// Renamed, with other bytes.
    changed: Vec<(String, String)>,
}

impl Moved {
    fn compared(&mut self) -> Vec<(String, String)> {
        let Moved { came, went, changed } = std::mem::take(self);
        match (came.is_empty() || went.is_empty()) && changed.is_empty() {
            true => Vec::new(),
            false => [came, went, changed].concat(),
        }
    }

    fn take_in(&mut self, status: &str, old: (&str, &str), new: (&str, &str), paths: (&[u8], &[u8])) {
        let file = |(mode, id): (&str, &str), path: &[u8]| {
            let installed = RelPath::new(path).ok().filter(|p| layouts().source_tops().iter().any(|t| p.is_within(t)));
            installed.filter(|_| is_file(mode)).map(|path| (id.to_owned(), path.to_string()))
        };
        match status {
            "A" => self.came.extend(file(new, paths.1)),
            "D" => self.went.extend(file(old, paths.0)),
            "R100" => {}
            _ if status.starts_with('R') => {
                self.changed.extend(file(old, paths.0).into_iter().chain(file(new, paths.1)));
            }
            _ => {}
        }
    }
}

fn parse_log(out: &[u8], wanted: impl Fn(&[u8]) -> Option<RelPath>) -> Result<Log, GitError> {
    let odd = |what: &str| GitError::Unexpected { command: "log", what: what.to_owned() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut commits: Vec<Commit> = Vec::new();
    let (mut moved, mut compared) = (Moved::default(), BTreeMap::new());
    let mut tokens = out.split(|b| *b == 0).map(|t| t.strip_prefix(b"\n").unwrap_or(t));
    while let Some(token) = tokens.next() {
        if token.is_empty() {
            continue;
        }
        if let Some(id) = token.strip_prefix(b"\x01") {
            compared.extend(moved.compared());
            let mut next = || tokens.next().ok_or_else(|| odd("a commit without its fields"));
            let (parents, date, subject) = (text(next()?), text(next()?), text(next()?));
            commits.push(Commit {
                id: text(id),
                parent: parents.split(' ').next().filter(|p| !p.is_empty()).map(str::to_owned),
                date,
                subject,
                changes: Vec::new(),
            });
            continue;
        }
        let head = text(token.strip_prefix(b":").ok_or_else(|| odd(&text(token)))?);
        let words: Vec<&str> = head.split(' ').collect();
        let [old_mode, mode, old, new, status] = words[..] else { return Err(odd(&head)) };
        let first = tokens.next().ok_or_else(|| odd("a change without its path"))?;
        let second = if status.starts_with(['R', 'C']) { tokens.next() } else { None };
        moved.take_in(status, (old_mode, old), (mode, new), (first, second.unwrap_or(first)));
        let Some(commit) = commits.last_mut() else { return Err(odd("a change before any commit")) };
        let blob = BlobId::from_hex(new).filter(|id| !id.is_null() && is_file(mode));
        let executable = mode == "100755";
        let (path, from) = (second.unwrap_or(first), second.and(wanted(first)).filter(|_| status.starts_with('R')));
        match (wanted(path), from) {
            (Some(path), renamed_from) => commit.changes.push(Change { path, renamed_from, blob, executable }),
            // Moved out of what is installed: gone, as far as an install can tell.
            (None, Some(path)) => {
                commit.changes.push(Change { path, renamed_from: None, blob: None, executable: false });
            }
            (None, None) => {}
        }
    }
    compared.extend(moved.compared());
    // Of the first commit there are as many as files, and twice the room.
    commits.iter_mut().for_each(|commit| commit.changes.shrink_to_fit());
    Ok(Log { commits, compared })
}

fn installable(bytes: &[u8]) -> Option<RelPath> {
    let path = RelPath::new(bytes).ok()?;
    layouts().is_installable(&path).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let zero = "0".repeat(40);
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let log = format!(
            "\x01c1\0\02025-10-07\0first\0\n:000000 100755 {zero} {a} A\0scripts/a b\n.py\0:000000 100644 {zero} {b} A\0docs/x\0\0\
             \x01c2\0c1 c9\02025-10-08\0second\0\n:100755 100644 {a} {b} R090\0scripts/a b\n.py\0scripts/b.py\0"
        );
        let Log { commits, compared } = parse_log(log.as_bytes(), installable).unwrap();
        let named = |id: &str, path: &str| (id.to_owned(), path.to_owned());
        assert_eq!(
            compared.into_iter().collect::<Vec<_>>(),
            [named(&a, "scripts/a b\\n.py"), named(&b, "scripts/b.py")]
        );
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[0].changes.len(), 1, "docs are not installed");
        assert!(commits[0].changes[0].executable);
        assert_eq!(commits[1].parent.as_deref(), Some("c1"));
        assert_eq!(commits[1].changes[0].renamed_from.as_ref().unwrap().as_bytes(), b"scripts/a b\n.py");
    }
}
