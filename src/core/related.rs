//! Whether a source has to do with an install at all: a plan made from another project's files would remove what it
//! knows to be pristine and does not ship. Pure.
//!
//! A source is related if it has the release that the install came from, or a fair share of the release files that are
//! installed. A shallow clone and a tarball know one commit only, which shares half of its files even with releases from
//! long before; a project that is not praxis-os shares next to none.

use std::collections::HashMap;

use super::baseline::Baseline;
use super::blob::BlobId;
use super::classify::InstalledTree;
use super::known_releases::known;
use super::layout::layouts;
use super::layout::roots::Roots;
use super::path::RelPath;
use super::release_history::{History, Tree};

/// An install with fewer files of releases than this is too new, or too small, to tell by.
const FEW: usize = 5;

/// One in so many of the installed release files must be the source's too.
const SHARE: usize = 10;

/// What is known of both.
pub(crate) struct Both<'a> {
    /// The source's history up to the commit that would be installed, and what came later.
    pub(crate) history: &'a History,
    /// That commit's files.
    pub(crate) target: &'a Tree,
    /// Where the source's folders stand in the install.
    pub(crate) roots: &'a Roots,
    /// What is installed.
    pub(crate) installed: &'a InstalledTree,
    /// What the last upgrade noted.
    pub(crate) baseline: Option<&'a Baseline>,
}

/// What the source knows of one installed file.
#[derive(Default, Clone, Copy)]
struct Seen {
    /// Some release shipped these very bytes there.
    released: bool,
    /// The source has these bytes there.
    has_it: bool,
    /// The source has some file there.
    has_path: bool,
}

/// Why the source is not related to the install; none if it is.
pub(crate) fn stranger(both: &Both<'_>) -> Option<String> {
    if both.baseline.is_some_and(|b| both.history.contains(&b.release)) {
        return None;
    }
    let seen = seen(both);
    let count = |wanted: fn(&Seen) -> bool| seen.values().filter(|seen| wanted(seen)).count();
    let (released, shared) = (count(|s| s.released), count(|s| s.has_it));
    if released >= FEW {
        return (shared * SHARE < released).then(|| {
            format!(
                "of the {released} files that this install has from a release of praxis-os, the source knows {shared}"
            )
        });
    }
    let (all, at_home) = (seen.len(), count(|s| s.has_path));
    (shared == 0 && all >= FEW && at_home * SHARE < all).then(|| {
        format!("of the {all} files in this install's managed folders, the source has {at_home} at their place")
    })
}

/// All files of the install in managed folders, but empty ones, which are alike everywhere.
fn seen<'a>(both: &Both<'a>) -> HashMap<&'a RelPath, Seen> {
    let Both { history, target, roots, installed, baseline } = both;
    let managed = |path: &RelPath| {
        let own = layouts().is_own(path) || layouts().is_ephemeral(path) || layouts().never_installed(path);
        !own && roots.folders().any(|folder| path.is_within(folder))
    };
    let empty = |id: &BlobId| *id == BlobId::of(b"", id.format());
    let files = installed.files.iter().filter(|(path, mine)| managed(path) && !empty(&mine.blob));
    let mut all: HashMap<&RelPath, Seen> = files.map(|(path, _)| (path, Seen::default())).collect();
    for (path, seen) in &mut all {
        let noted = baseline.and_then(|b| b.files.get(*path));
        seen.released = noted.is_some_and(|noted| noted.blob == installed.files[*path].blob);
    }
    let sources = history.paths().chain(history.later_paths()).chain(target.keys());
    let look = |source: &RelPath, is_its: bool, all: &mut HashMap<&RelPath, Seen>| {
        for path in roots.places(source) {
            let (Some(seen), Some(mine)) = (all.get_mut(&path), installed.files.get(&path)) else { continue };
            seen.has_path |= is_its;
            for blob in std::iter::once(&mine.blob).chain(&mine.blob_with_lf) {
                let ships = || target.get(source).is_some_and(|shipped| shipped.blob == *blob);
                let its = || ships() || history.shipped(source, blob) || history.shipped_later(source, blob);
                seen.has_it |= is_its && its();
                seen.released |= seen.has_it || known().version(source, blob).is_some();
            }
        }
    };
    sources.for_each(|source| look(source, true, &mut all));
    known().paths().for_each(|source| look(source, false, &mut all));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::blob::ObjectFormat;
    use crate::core::classify::Installed;
    use crate::core::release_history::{Change, Commit};

    fn blob(text: &str) -> BlobId {
        BlobId::of(text.as_bytes(), ObjectFormat::Sha1)
    }

    /// Files of a release, by number; their texts are `<prefix><number>`.
    fn commit(id: &str, numbers: std::ops::Range<usize>, prefix: &str) -> Commit {
        let change = |n| Change {
            path: format!("universal/standards/{n}.md").parse().unwrap(),
            renamed_from: None,
            blob: Some(blob(&format!("{prefix}{n}"))),
            executable: false,
        };
        let (date, subject) = ("2025-10-07".to_owned(), String::new());
        Commit { id: id.into(), parent: None, date, subject, changes: numbers.map(change).collect() }
    }

    fn installed(numbers: std::ops::Range<usize>, prefix: &str) -> InstalledTree {
        let mut tree = InstalledTree::default();
        for n in numbers {
            let file = Installed { blob: blob(&format!("{prefix}{n}")), blob_with_lf: None, executable: false };
            tree.files.insert(format!("standards/universal/{n}.md").parse().unwrap(), file);
        }
        tree
    }

    fn is_stranger(commits: Vec<Commit>, installed: &InstalledTree, baseline: Option<&Baseline>) -> bool {
        let history = History::new(commits);
        let target: Tree = history.tree("c1").unwrap();
        let (generation, layout) = (layouts().first_target(), layouts().first_target().newest());
        let roots = &crate::core::classify::roots(&history, installed, baseline, (generation, layout), generation);
        stranger(&Both { history: &history, target: &target, roots, installed, baseline }).is_some()
    }

    #[test]
    fn a_share_of_the_files_tells() {
        let baseline = |release: &str, prefix: &str| {
            let file = |n: usize| {
                let source_path: RelPath = format!("universal/standards/{n}.md").parse().unwrap();
                let path: RelPath = format!("standards/universal/{n}.md").parse().unwrap();
                let blob = blob(&format!("{prefix}{n}"));
                (path, crate::core::baseline::BaselineFile { source_path, blob, release: None, executable: false })
            };
            Baseline {
                schema: 1,
                release: release.into(),
                layout: "current".into(),
                files: (0..50).map(file).collect(),
            }
        };
        let mine = installed(0..50, "a");
        assert!(!is_stranger(vec![commit("c1", 0..50, "a")], &mine, None));
        // The release is known by name, although every file was changed since.
        let edited = installed(0..50, "edited");
        assert!(!is_stranger(vec![commit("c1", 0..50, "a")], &edited, Some(&baseline("c1", "a"))));
        // A shallow clone of a later release: a tenth is the same.
        assert!(!is_stranger(vec![commit("c1", 0..5, "a")], &mine, Some(&baseline("c0", "a"))));
        assert!(is_stranger(vec![commit("c1", 0..4, "a")], &mine, Some(&baseline("c0", "a"))));
        assert!(is_stranger(vec![commit("c1", 0..50, "b")], &mine, Some(&baseline("c0", "a"))));
        // Nothing is known of either: where files stand has to do.
        assert!(!is_stranger(vec![commit("c1", 0..50, "b")], &mine, None));
        assert!(is_stranger(vec![commit("c1", 100..150, "b")], &mine, None));
        assert!(!is_stranger(vec![commit("c1", 100..150, "b")], &installed(0..4, "a"), None), "too few to tell");
        // Empty files are alike everywhere.
        let mut empty = installed(0..50, "a");
        empty.files.values_mut().take(40).for_each(|file| file.blob = blob(""));
        let mut other = commit("c1", 0..50, "b");
        other.changes.iter_mut().for_each(|change| change.blob = Some(blob("")));
        assert!(is_stranger(vec![other], &empty, Some(&baseline("c0", "a"))));
    }
}
