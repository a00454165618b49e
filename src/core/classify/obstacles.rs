//! What stands where the tree needs something else: a file where a folder comes, or a folder where a file comes.
//!
//! What goes in the same plan is in nobody's way. Which entries go depends in turn on what is in their way, so the
//! entries that meet an obstacle are looked at until nothing changes any more.

use std::collections::BTreeSet;

use super::{InstalledTree, Lineage, Planner};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};

/// Where files of the install go from in the plan.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// All that could be in the way is taken to go.
    everything: bool,
    paths: BTreeSet<RelPath>,
}

impl Leaving {
    fn has(&self, path: &RelPath) -> bool {
        self.everything || self.paths.contains(path)
    }
}

impl InstalledTree {
    /// What keeps a file from being put at a path, as a sentence. Links are not looked at: they are a matter of their
    /// own.
    pub(super) fn obstacle(&self, path: &RelPath, leaving: &Leaving) -> Option<String> {
        let mut parent = path.parent();
        // Above a folder that is there is nothing but folders.
        while let Some(folder) = parent.filter(|folder| !self.folders.contains(folder)) {
            if self.special.contains(&folder) || (self.files.contains_key(&folder) && !leaving.has(&folder)) {
                return Some(format!("{folder} is a file of yours where the source has a folder"));
            }
            parent = folder.parent();
        }
        if self.special.contains(path) {
            return Some("a special file of yours stands where the source has a file".to_owned());
        }
        if !self.folders.contains(path) {
            return None;
        }
        let stays = |p: &RelPath| p.is_within(path);
        let file_stays = self.files.keys().any(|p| stays(p) && !leaving.has(p));
        let mut others = self.links.iter().chain(&self.special).chain(&self.skipped);
        (file_stays || others.any(stays)).then(|| "a folder of yours stands where the source has a file".to_owned())
    }
}

impl Planner<'_> {
    /// The entries of all lineages, as far as they are in the part that is upgraded.
    pub(super) fn entries(&self, lines: &[Lineage]) -> Vec<FileEntry> {
        let installed = self.inputs.installed;
        let optimist = Leaving { everything: true, ..Leaving::default() };
        let classified = |line: &Lineage, leaving: &Leaving| {
            let mut entries = self.classify(line, leaving);
            entries.retain(|f| self.wanted(&f.path) && f.from.as_ref().is_none_or(|from| self.wanted(from)));
            entries
        };
        let nothing = Leaving::default();
        let meets_something =
            |line: &Lineage| line.next.as_ref().is_some_and(|(path, ..)| installed.obstacle(path, &nothing).is_some());
        let doubtful: Vec<usize> = (0..lines.len()).filter(|i| meets_something(&lines[*i])).collect();
        if doubtful.is_empty() {
            // Nearly always.
            return lines.iter().flat_map(|line| classified(line, &optimist)).collect();
        }
        let mut all: Vec<Vec<FileEntry>> = lines.iter().map(|line| classified(line, &optimist)).collect();
        // What leaves only ever gets less, so this ends.
        for _ in 0..=doubtful.len() {
            let leaving = Leaving { everything: false, paths: all.iter().flatten().filter_map(goes_from).collect() };
            let again: Vec<(usize, Vec<FileEntry>)> =
                doubtful.iter().map(|i| (*i, classified(&lines[*i], &leaving))).collect();
            let mut changed = false;
            for (i, entries) in again {
                changed |= all[i] != entries;
                all[i] = entries;
            }
            if !changed {
                break;
            }
        }
        all.into_iter().flatten().collect()
    }
}

/// The path that an entry frees, if it does so without a question.
fn goes_from(entry: &FileEntry) -> Option<RelPath> {
    match entry.kind {
        Kind::Remove => Some(entry.path.clone()),
        Kind::Conflict => None,
        _ => entry.from.clone(),
    }
}
