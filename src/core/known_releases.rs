//! The embedded table of known releases: every version of every file that public praxis-os commits shipped. Tells a
//! pristine file where the source's history doesn't reach, and a newer release from an older one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::blob::BlobId;
use super::layout::layouts;
use super::path::RelPath;
use super::release_history::short;
use super::release_history::{Commit, History};

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownVersion {
    /// Its content (SHA-1).
    pub(crate) blob: BlobId,
    /// The first commit that shipped it, abbreviated.
    pub(crate) first: String,
    /// That commit's date, `YYYY-MM-DD`.
    pub(crate) first_date: String,
}

/// Versions by source path.
#[derive(Debug, Default)]
pub(crate) struct Known {
    versions: HashMap<RelPath, Vec<KnownVersion>>,
}

/// The embedded table.
pub(crate) fn known() -> &'static Known {
    static TABLE: LazyLock<Known> = LazyLock::new(|| Known::parse(include_str!("../../assets/praxis-os-releases.tsv")));
    &TABLE
}

impl Known {
    /// Reads the table: tab-separated path, blob id, first commit, its date, last commit, its date. Lines that are
    /// something else are passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut known = Self::default();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [path, blob, first, first_date, ..] = fields[..] else { continue };
            if let (Ok(path), Some(blob)) = (path.parse(), BlobId::from_hex(blob)) {
                let version = KnownVersion { blob, first: first.to_owned(), first_date: first_date.to_owned() };
                known.versions.entry(path).or_default().push(version);
            }
        }
        known
    }

    /// The version of a path with this content.
    pub(crate) fn version(&self, path: &RelPath, blob: &BlobId) -> Option<&KnownVersion> {
        self.versions.get(path)?.iter().find(|v| v.blob == *blob)
    }

    /// Every blob that is known to have been shipped for a place of an install, by that place.
    pub(crate) fn by_place(&self) -> BTreeMap<RelPath, Vec<&BlobId>> {
        let mut places: BTreeMap<RelPath, Vec<&BlobId>> = BTreeMap::new();
        for (source, versions) in &self.versions {
            let mapped = layouts().maps().filter_map(|map| map.place(source));
            let all: BTreeSet<RelPath> = mapped.chain(layouts().config_path(source)).collect();
            for place in all {
                places.entry(place).or_default().extend(versions.iter().map(|version| &version.blob));
            }
        }
        places
    }

    /// The date of the first known release, `YYYY-MM-DD`.
    pub(crate) fn begin(&self) -> Option<&str> {
        self.versions.values().flatten().map(|v| v.first_date.as_str()).min()
    }

    /// Every path that is known.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &RelPath> {
        self.versions.keys()
    }
}

/// The table for a history, parents before children: how the asset is made anew from a clone (`known-releases`).
///
/// One line for each version of each file, sorted by path and blob id, with the first and the last commit that shipped
/// it: by date, on one day by the order of the history.
pub(crate) fn table(commits: &[Commit]) -> String {
    struct Row<'a> {
        first: (&'a str, usize),
        last: (&'a str, usize),
    }
    let mut trees: HashMap<&str, HashMap<&RelPath, &BlobId>> = HashMap::new();
    let mut rows: BTreeMap<(&RelPath, &BlobId), Row<'_>> = BTreeMap::new();
    for (position, commit) in commits.iter().enumerate() {
        let parent = commit.parent.as_deref().and_then(|p| trees.get(p));
        let mut tree = parent.cloned().unwrap_or_default();
        // All that goes first: what one rename leaves another may fill.
        for change in &commit.changes {
            tree.remove(change.renamed_from.as_ref().unwrap_or(&change.path));
        }
        tree.extend(commit.changes.iter().filter_map(|c| Some((&c.path, c.blob.as_ref()?))));
        let now = (commit.date.as_str(), position);
        for (path, blob) in &tree {
            let row = rows.entry((path, blob)).or_insert(Row { first: now, last: now });
            (row.first, row.last) = (row.first.min(now), row.last.max(now));
        }
        trees.insert(&commit.id, tree);
    }
    let dates = || commits.iter().map(|c| c.date.as_str());
    let (from, to) = (dates().min().unwrap_or("never"), dates().max().unwrap_or("never"));
    let folders: Vec<String> = layouts().source_tops().iter().map(|top| format!("{top}/")).collect();
    let mut text = format!(
        "# every version of every file that a public praxis-os commit ({from} to {to}) shipped under {}\n\
         # source path\tgit blob id (sha1)\tfirst commit\tdate\tlast commit\tdate\n",
        folders.join(", ")
    );
    let id = |position: usize| commits.get(position).map_or("", |c| short(&c.id));
    for ((path, blob), Row { first, last }) in rows {
        let fields = [&written(path), &blob.to_string(), id(first.1), first.0, id(last.1), last.0];
        text.push_str(&fields.join("\t"));
        text.push('\n');
    }
    text
}

/// A path as [`Known::parse`] reads it: one that would break the line, or isn't UTF-8, in base64.
fn written(path: &RelPath) -> String {
    let plain =
        path.to_str().filter(|p| !p.starts_with("base64:") && !p.starts_with('#') && !p.contains(char::is_control));
    plain.map_or_else(|| format!("base64:{}", STANDARD.encode(path.as_bytes())), str::to_owned)
}

/// Whether a release is known to have shipped this blob at this source path.
pub(crate) fn was_shipped(history: &History, source: &RelPath, blob: &BlobId) -> bool {
    history.shipped(source, blob) || history.shipped_later(source, blob) || known().version(source, blob).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::release_history::Change;

    #[test]
    fn the_embedded_table_is_whole() {
        let count: usize = known().versions.values().map(Vec::len).sum();
        assert_eq!(count, 862);
        let path: RelPath = "mcp_server/.cursor/mcp.json".parse().unwrap();
        let blob = BlobId::from_hex("cb177eb2e735df2d2fe96208ba1735d60026b973").unwrap();
        assert_eq!(known().version(&path, &blob).unwrap().first_date, "2025-10-27");
    }

    fn commit(id: &str, parent: Option<&str>, date: &str, changes: &[(&str, Option<&str>, Option<char>)]) -> Commit {
        let change = |(path, from, blob): &(&str, Option<&str>, Option<char>)| Change {
            path: RelPath::new(*path).unwrap(),
            renamed_from: from.map(|f| f.parse().unwrap()),
            blob: blob.map(|digit| BlobId::from_hex(&digit.to_string().repeat(40)).unwrap()),
            executable: false,
        };
        let (id, parent) = (id.repeat(8), parent.map(|p| p.repeat(8)));
        let changes = changes.iter().map(change).collect();
        Commit { id, parent, date: date.to_owned(), subject: String::new(), changes }
    }

    #[test]
    fn each_version_has_its_first_and_last_commit() {
        let table = table(&[
            commit("1", None, "2025-10-07", &[("scripts/a", None, Some('a')), ("scripts/b", None, Some('b'))]),
            // On a side branch, and dated before what stands before it here.
            commit("2", Some("1"), "2025-10-12", &[("scripts/a", None, Some('c'))]),
            commit("3", Some("1"), "2025-10-09", &[("scripts/n\nl", Some("scripts/b"), Some('b'))]),
            commit("4", Some("3"), "2025-10-13", &[("scripts/a", None, None)]),
        ]);
        let id = |digit: &str| digit.repeat(40);
        let (a, b, c) = (id("a"), id("b"), id("c"));
        let rows = format!(
            "base64:c2NyaXB0cy9uCmw=\t{b}\t3333333\t2025-10-09\t4444444\t2025-10-13\n\
             scripts/a\t{a}\t1111111\t2025-10-07\t3333333\t2025-10-09\n\
             scripts/a\t{c}\t2222222\t2025-10-12\t2222222\t2025-10-12\n\
             scripts/b\t{b}\t1111111\t2025-10-07\t2222222\t2025-10-12\n"
        );
        let mut lines: Vec<&str> = table.lines().skip(2).collect();
        lines.sort_unstable();
        assert_eq!(lines.join("\n") + "\n", rows);
        assert!(
            table
                .starts_with("# every version of every file that a public praxis-os commit (2025-10-07 to 2025-10-13)")
        );
        let read = Known::parse(&table);
        let path = RelPath::new("scripts/n\nl").unwrap();
        assert_eq!(read.version(&path, &BlobId::from_hex(&b).unwrap()).unwrap().first, "3333333");
    }
}
