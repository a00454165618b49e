//! Which release a file came from: the source's history, read once, and what an install matches in it.
//!
//! Every commit's tree is rebuilt from first-parent differences, so one `git log` gives all blobs that a path ever
//! had, all renames, and the release whose files the install holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::blob::BlobId;
use super::path::RelPath;

/// The first seven digits of an id, as people write them.
pub fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}

/// What a commit changed at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path now.
    pub path: RelPath,
    /// The path before, for a rename.
    pub(crate) renamed_from: Option<RelPath>,
    /// The blob now; none if it was removed.
    pub blob: Option<BlobId>,
    /// Whether the file is executable now.
    pub executable: bool,
}

/// A commit with its changes against its first parent, only of paths that an install can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Full id.
    pub id: String,
    /// First parent, if it has one and the clone reaches that far.
    pub parent: Option<String>,
    /// The date of the commit, `YYYY-MM-DD`.
    pub date: String,
    /// First line of its message.
    pub subject: String,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// Its content's id.
    pub blob: BlobId,
    /// Whether it is executable.
    pub executable: bool,
}

/// The files of a release by source path.
pub type Tree = BTreeMap<RelPath, Shipped>;

/// The source's history up to the commit that will be installed, parents before children.
#[derive(Debug, Default)]
pub struct History {
    commits: Vec<Commit>,
    position: HashMap<String, usize>,
    /// By path: the changes there, as positions of a commit and of a change in it, oldest first.
    changes: HashMap<RelPath, Vec<(usize, usize)>>,
    /// By old path: where each commit moved it.
    renames: HashMap<RelPath, Vec<(usize, RelPath)>>,
    /// By path: what it was renamed from, each once.
    old_names: HashMap<RelPath, Vec<RelPath>>,
    /// What only commits after the target shipped.
    later: HashMap<RelPath, HashSet<BlobId>>,
}

/// The release that an install matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The newest of the commits that match best.
    pub commit: String,
    /// Its files.
    pub tree: Tree,
    /// Paths that every equally good release ships.
    pub(crate) in_every_tie: BTreeSet<RelPath>,
    /// What the other equally good releases ship where it differs: an edited file fits none of them exactly, so it
    /// can't tell which of them it was made from by itself.
    pub others: BTreeMap<RelPath, Vec<Shipped>>,
    /// Files of the install that are byte for byte the release's.
    pub(crate) matching: usize,
}

impl History {
    /// Indexes commits, parents before children.
    pub fn new(commits: Vec<Commit>) -> Self {
        let mut history = Self::default();
        for (at, commit) in commits.iter().enumerate() {
            history.position.insert(commit.id.clone(), at);
            for (nth, change) in commit.changes.iter().enumerate() {
                history.changes.entry(change.path.clone()).or_default().push((at, nth));
                if let Some(from) = &change.renamed_from {
                    history.renames.entry(from.clone()).or_default().push((at, change.path.clone()));
                    let known = history.old_names.entry(change.path.clone()).or_default();
                    if !known.contains(from) {
                        known.push(from.clone());
                    }
                }
            }
        }
        history.commits = commits;
        history
    }

    /// Adds what commits shipped that the one to be installed doesn't contain: later releases.
    pub(crate) fn with_later(mut self, commits: &[Commit]) -> Self {
        for change in commits.iter().flat_map(|c| &c.changes) {
            if let Some(blob) = change.blob.clone().filter(|blob| !self.shipped(&change.path, blob)) {
                self.later.entry(change.path.clone()).or_default().insert(blob);
            }
        }
        self
    }

    /// Whether only a later release shipped this blob there.
    pub(crate) fn shipped_later(&self, path: &RelPath, blob: &BlobId) -> bool {
        self.later.get(path).is_some_and(|ids| ids.contains(blob))
    }

    /// Paths that later releases shipped, or changed.
    pub(crate) fn later_paths(&self) -> impl Iterator<Item = &RelPath> {
        self.later.keys()
    }

    /// The commits, parents before children.
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// Whether the history has this commit.
    pub fn contains(&self, commit: &str) -> bool {
        self.position.contains_key(commit)
    }

    /// What the first of its commits shipped: the beginning of all history, or where it was cut off.
    pub(crate) fn first_files(&self) -> impl Iterator<Item = (&RelPath, &BlobId)> {
        let first = self.commits.first().filter(|c| c.parent.is_none());
        first.into_iter().flat_map(|c| &c.changes).filter_map(|c| Some((&c.path, c.blob.as_ref()?)))
    }

    /// Every source path that some release shipped.
    pub fn paths(&self) -> impl Iterator<Item = &RelPath> {
        self.changes.keys().filter(|path| self.changes_at(path).any(|(_, change)| change.blob.is_some()))
    }

    /// The changes at this very path, newest first, with the positions of their commits.
    fn changes_at(&self, path: &RelPath) -> impl Iterator<Item = (usize, &Change)> {
        let all = self.changes.get(path).into_iter().flatten().rev();
        all.map(|(at, nth)| (*at, &self.commits[*at].changes[*nth]))
    }

    /// Whether some release shipped this blob at this path, or at a path that it was renamed from.
    pub fn shipped(&self, path: &RelPath, blob: &BlobId) -> bool {
        let is_here = |name: &RelPath| self.changes_at(name).any(|(_, change)| change.blob.as_ref() == Some(blob));
        self.names_before(path).into_iter().any(is_here)
    }

    /// The path and all that it was renamed from.
    fn names_before<'a>(&'a self, path: &'a RelPath) -> Vec<&'a RelPath> {
        let mut names = vec![path];
        let mut at = 0;
        while at < names.len() {
            for old in self.old_names.get(names[at]).into_iter().flatten() {
                if !names.contains(&old) {
                    names.push(old);
                }
            }
            at += 1;
        }
        names
    }

    /// Where a path of `since` ended up in `target`, following the renames after that commit.
    ///
    /// A side branch may have renamed it to a name that no merge took: every way is tried, the earliest first.
    pub fn follow(&self, path: &RelPath, since: &str, target: &Tree) -> Option<RelPath> {
        let after = self.position.get(since).map_or(0, |at| at + 1);
        let mut open = vec![(after, path)];
        let mut seen = HashSet::new();
        while let Some((after, here)) = open.pop() {
            if target.contains_key(here) {
                return Some(here.clone());
            }
            if seen.insert((after, here)) {
                let moves = self.renames.get(here).into_iter().flatten().filter(|(at, _)| *at >= after);
                open.extend(moves.rev().map(|(at, next)| (at + 1, next)));
            }
        }
        None
    }

    /// The commits after `since` that changed one of `paths`, newest first.
    pub(crate) fn commits_touching<'a>(
        &'a self,
        since: &str,
        paths: &'a [&RelPath],
    ) -> impl Iterator<Item = &'a Commit> + 'a {
        let after = self.position.get(since).map_or(self.commits.len(), |at| at + 1);
        let touched: BTreeSet<usize> = paths.iter().flat_map(|path| self.touching(path)).collect();
        touched.into_iter().rev().take_while(move |at| *at >= after).map(|at| &self.commits[at])
    }

    /// The commits after `since` that changed a path, or what it was renamed from on the way: newest first.
    pub(crate) fn changes_of(&self, since: &str, path: &RelPath) -> Vec<&Commit> {
        let after = self.position.get(since).map_or(self.commits.len(), |at| at + 1);
        let (mut name, mut end, mut found) = (path, self.commits.len(), Vec::new());
        while let Some(at) = self.touching(name).filter(|at| (after..end).contains(at)).max() {
            let commit = &self.commits[at];
            found.push(commit);
            let change = commit.changes.iter().find(|ch| ch.path == *name || ch.renamed_from.as_ref() == Some(name));
            if let Some(from) = change.filter(|ch| ch.path == *name).and_then(|ch| ch.renamed_from.as_ref()) {
                name = from;
            }
            end = at;
        }
        found
    }

    /// The positions of the commits that changed something at this path, or moved it away.
    fn touching(&self, path: &RelPath) -> impl Iterator<Item = usize> {
        let here = self.changes.get(path).into_iter().flatten().map(|(at, _)| *at);
        here.chain(self.renames.get(path).into_iter().flatten().map(|(at, _)| *at))
    }

    /// Whether a commit up to `until` shipped something at this very path.
    pub(crate) fn existed(&self, path: &RelPath, until: &str) -> bool {
        let end = self.position.get(until).map_or(0, |at| at + 1);
        self.changes_at(path).any(|(at, change)| at < end && change.blob.is_some())
    }

    /// The versions that a path (or what it was renamed from) had up to the commit `until`, or ever; newest first.
    pub fn versions(&self, path: &RelPath, until: Option<&str>) -> Vec<(&Commit, Shipped)> {
        let end = until.and_then(|id| self.position.get(id)).map_or(self.commits.len(), |at| at + 1);
        let names = self.names_before(path).into_iter();
        let mut places: Vec<(usize, usize)> =
            names.flat_map(|name| self.changes.get(name)).flatten().copied().collect();
        // Newest first, and within a commit as it lists them.
        places.sort_unstable_by_key(|(at, nth)| (std::cmp::Reverse(*at), *nth));
        let mut found: Vec<(&Commit, Shipped)> = Vec::new();
        for (at, nth) in places.into_iter().filter(|(at, _)| *at < end) {
            let commit = &self.commits[at];
            let change = &commit.changes[nth];
            if let Some(blob) = change.blob.clone().filter(|b| found.iter().all(|(_, known)| known.blob != *b)) {
                found.push((commit, Shipped { blob, executable: change.executable }));
            }
        }
        found
    }

    /// The newest commit that shipped this blob at this path, for a word about where a file came from.
    pub fn origin(&self, path: &RelPath, blob: &BlobId) -> Option<&Commit> {
        let names = self.names_before(path).into_iter();
        let with = |name| self.changes_at(name).find(|(_, change)| change.blob.as_ref() == Some(blob));
        names.filter_map(with).map(|(at, _)| at).max().map(|at| &self.commits[at])
    }

    /// The files of a commit.
    pub fn tree(&self, commit: &str) -> Option<Tree> {
        let mut line = Vec::new();
        let mut at = self.position.get(commit).copied();
        at?;
        while let Some(here) = at {
            line.push(here);
            at = self.commits[here].parent.as_ref().and_then(|p| self.position.get(p)).copied();
        }
        let mut tree = Tree::new();
        for here in line.into_iter().rev() {
            apply(&mut tree, &self.commits[here]);
        }
        Some(tree)
    }

    /// The release that the installed blobs (by source path) match best: most equal files minus missing ones.
    /// None if no file matches any release.
    pub(crate) fn best_match(
        &self,
        installed: &HashMap<RelPath, BlobId>,
        managed: impl Fn(&RelPath) -> bool,
    ) -> Option<Match> {
        // Score by first parent, one step per changed path instead of one per file and commit.
        let mut scores: Vec<(i64, i64)> = Vec::with_capacity(self.commits.len());
        let mut trees: HashMap<usize, HashMap<&RelPath, &BlobId>> = HashMap::new();
        let mut last_child: HashMap<usize, usize> = HashMap::new();
        let parent_of = |c: &Commit| c.parent.as_ref().and_then(|p| self.position.get(p)).copied();
        for (at, commit) in self.commits.iter().enumerate() {
            if let Some(parent) = parent_of(commit) {
                last_child.insert(parent, at);
            }
        }
        for (at, commit) in self.commits.iter().enumerate() {
            let parent = parent_of(commit);
            let (mut matching, mut missing) = parent.map_or((0, 0), |p| scores[p]);
            let mut tree = match parent {
                // Moved, not copied, for the last child: a straight history never copies a tree.
                Some(p) if last_child.get(&p) == Some(&at) => trees.remove(&p).unwrap_or_default(),
                Some(p) => trees.get(&p).cloned().unwrap_or_default(),
                None => HashMap::new(),
            };
            let weigh = |path: &RelPath, blob: Option<&&BlobId>| -> (i64, i64) {
                match (blob, installed.get(path)) {
                    (Some(blob), Some(mine)) => (i64::from(*blob == mine), 0),
                    (Some(_), None) => (0, 1),
                    (None, _) => (0, 0),
                }
            };
            // Removals first, as in `apply`.
            let gone = commit.changes.iter().filter_map(|c| c.renamed_from.as_ref()).map(|from| (from, None));
            let here = commit.changes.iter().map(|c| (&c.path, c.blob.as_ref()));
            let touched = gone.chain(here.clone().filter(|h| h.1.is_none())).chain(here.filter(|h| h.1.is_some()));
            for (path, blob) in touched.filter(|(p, _)| managed(p)) {
                let (m0, x0) = weigh(path, tree.get(path));
                match blob {
                    Some(blob) => tree.insert(path, blob),
                    None => tree.remove(path),
                };
                let (m1, x1) = weigh(path, tree.get(path));
                matching += m1 - m0;
                missing += x1 - x0;
            }
            scores.push((matching, missing));
            trees.insert(at, tree);
        }
        let value = |(matching, missing): (i64, i64)| matching - missing;
        let best = scores.iter().filter(|s| s.0 > 0).map(|s| value(*s)).max()?;
        let ties: Vec<usize> = (0..scores.len()).filter(|at| scores[*at].0 > 0 && value(scores[*at]) == best).collect();
        let newest = *ties.last()?;
        let commit = self.commits[newest].id.clone();
        let tree = self.tree(&commit)?;
        let mut in_every_tie: BTreeSet<RelPath> = tree.keys().cloned().collect();
        let mut others: BTreeMap<RelPath, Vec<Shipped>> = BTreeMap::new();
        for at in &ties[..ties.len() - 1] {
            let tied = self.tree(&self.commits[*at].id)?;
            in_every_tie.retain(|path| tied.contains_key(path));
            for (path, shipped) in tied {
                let known = others.entry(path.clone()).or_default();
                if tree.get(&path) != Some(&shipped) && !known.contains(&shipped) {
                    known.push(shipped);
                }
            }
        }
        others.retain(|_, versions| !versions.is_empty());
        Some(Match { commit, tree, in_every_tie, others, matching: usize::try_from(scores[newest].0).unwrap_or(0) })
    }
}

fn apply(tree: &mut Tree, commit: &Commit) {
    // Removals first: a rename's old path may be another change's new one.
    for change in &commit.changes {
        if let Some(from) = &change.renamed_from {
            tree.remove(from);
        }
        if change.blob.is_none() {
            tree.remove(&change.path);
        }
    }
    for change in &commit.changes {
        if let Some(blob) = &change.blob {
            tree.insert(change.path.clone(), Shipped { blob: blob.clone(), executable: change.executable });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::blob::ObjectFormat;

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    fn blob(text: &str) -> BlobId {
        BlobId::of(text.as_bytes(), ObjectFormat::Sha1)
    }

    fn commit(id: &str, parent: Option<&str>, changes: &[(&str, Option<&str>, Option<&str>)]) -> Commit {
        let change = |(path, from, text): &(&str, Option<&str>, Option<&str>)| Change {
            path: rel(path),
            renamed_from: from.map(rel),
            blob: text.map(blob),
            executable: false,
        };
        Commit {
            id: id.into(),
            parent: parent.map(Into::into),
            date: "2025-10-07".into(),
            subject: id.into(),
            changes: changes.iter().map(change).collect(),
        }
    }

    fn history() -> History {
        History::new(vec![
            commit("c1", None, &[("a", None, Some("a1")), ("b", None, Some("b1")), ("old", None, Some("o1"))]),
            commit("c2", Some("c1"), &[("a", None, Some("a2")), ("new", Some("old"), Some("o1"))]),
            commit("c3", Some("c2"), &[("b", None, None), ("newer", Some("new"), Some("o2"))]),
        ])
    }

    fn installed(files: &[(&str, &str)]) -> HashMap<RelPath, BlobId> {
        files.iter().map(|(p, t)| (rel(p), blob(t))).collect()
    }

    #[test]
    fn trees_are_rebuilt() {
        let h = history();
        assert_eq!(h.tree("c2").unwrap().keys().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "new"]);
        assert_eq!(h.tree("c3").unwrap().keys().map(ToString::to_string).collect::<Vec<_>>(), ["a", "newer"]);
    }

    #[test]
    fn an_install_finds_its_release() {
        let h = history();
        let m = h.best_match(&installed(&[("a", "a1"), ("b", "b1"), ("old", "o1")]), |_| true).unwrap();
        assert_eq!((m.commit.as_str(), m.matching), ("c1", 3));
        let m = h.best_match(&installed(&[("a", "mine"), ("b", "b1"), ("new", "o1")]), |_| true).unwrap();
        assert_eq!(m.commit, "c2");
        assert!(h.best_match(&installed(&[("a", "mine")]), |_| true).is_none());
    }

    #[test]
    fn ties_keep_only_what_all_ship() {
        let h = History::new(vec![
            commit("c1", None, &[("a", None, Some("a1"))]),
            commit("c2", Some("c1"), &[("a", None, Some("a1")), ("b", None, Some("b1")), ("c", None, Some("c1"))]),
            commit("c3", Some("c2"), &[("c", None, None), ("d", None, Some("d1"))]),
        ]);
        let m = h.best_match(&installed(&[("a", "a1"), ("b", "b1")]), |_| true).unwrap();
        assert_eq!(m.commit, "c3");
        assert_eq!(m.in_every_tie, [rel("a")].into(), "c1, c2 and c3 are equally near");
    }

    #[test]
    fn renames_are_followed_forwards_and_backwards() {
        let h = history();
        let target = h.tree("c3").unwrap();
        assert_eq!(h.follow(&rel("old"), "c1", &target), Some(rel("newer")));
        assert_eq!(h.follow(&rel("b"), "c1", &target), None);
        assert!(h.shipped(&rel("newer"), &blob("o1")));
        assert!(!h.shipped(&rel("newer"), &blob("a1")));
    }
}
