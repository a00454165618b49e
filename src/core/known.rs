//! The embedded table of known releases: every version of every file that public praxis-os commits shipped. Tells a
//! pristine file where the source's history doesn't reach, and a newer release from an older one.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::blob::BlobId;
use super::path::RelPath;
use super::provenance::Commit;

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownVersion {
    /// Its content (SHA-1).
    pub blob: BlobId,
    /// The first commit that shipped it, abbreviated.
    pub first: String,
    /// That commit's date, `YYYY-MM-DD`.
    pub first_date: String,
}

/// Versions by source path.
#[derive(Debug, Default)]
pub struct Known {
    versions: HashMap<RelPath, Vec<KnownVersion>>,
}

/// The embedded table.
pub fn known() -> &'static Known {
    static TABLE: LazyLock<Known> = LazyLock::new(|| Known::parse(include_str!("../../assets/praxis-os-releases.tsv")));
    &TABLE
}

impl Known {
    /// Reads the table: tab-separated path, blob id, first commit, its date, last commit, its date. Lines that are
    /// something else are passed over.
    pub fn parse(text: &str) -> Self {
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
    pub fn version(&self, path: &RelPath, blob: &BlobId) -> Option<&KnownVersion> {
        self.versions.get(path)?.iter().find(|v| v.blob == *blob)
    }

    /// The date of the first known release, `YYYY-MM-DD`.
    pub fn begin(&self) -> Option<&str> {
        self.versions.values().flatten().map(|v| v.first_date.as_str()).min()
    }

    /// Every path that is known.
    pub fn paths(&self) -> impl Iterator<Item = &RelPath> {
        self.versions.keys()
    }
}

/// The table for a history, parents before children: how the asset is made anew from a clone.
pub fn table(commits: &[Commit]) -> String {
    struct Row<'a> {
        path: &'a RelPath,
        blob: &'a BlobId,
        first: &'a Commit,
        last: &'a Commit,
    }
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut live: HashMap<&RelPath, usize> = HashMap::new();
    for commit in commits {
        let gone = commit.changes.iter().filter_map(|c| c.renamed_from.as_ref());
        let gone: HashSet<&RelPath> =
            gone.chain(commit.changes.iter().filter(|c| c.blob.is_none()).map(|c| &c.path)).collect();
        live.retain(|path, _| !gone.contains(path));
        for change in &commit.changes {
            let Some(blob) = &change.blob else { continue };
            let known = rows.iter().position(|r| r.path == &change.path && r.blob == blob);
            let at = known.unwrap_or_else(|| {
                rows.push(Row { path: &change.path, blob, first: commit, last: commit });
                rows.len() - 1
            });
            live.insert(&change.path, at);
        }
        for at in live.values() {
            rows[*at].last = commit;
        }
    }
    rows.sort_by(|a, b| (a.path, &a.first.date).cmp(&(b.path, &b.first.date)));
    let short = super::classify::short;
    let mut text = String::from("# source path\tgit blob id (sha1)\tfirst commit\tdate\tlast commit\tdate\n");
    for row in rows {
        let (first, last) = (row.first, row.last);
        let fields = [row.blob.as_str(), short(&first.id), &first.date, short(&last.id), &last.date];
        text.push_str(&format!("{}\t{}\n", row.path, fields.join("\t")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_is_whole() {
        let count: usize = known().versions.values().map(Vec::len).sum();
        assert_eq!(count, 862);
        let path: RelPath = "mcp_server/.cursor/mcp.json".parse().unwrap();
        let blob = BlobId::from_hex("cb177eb2e735df2d2fe96208ba1735d60026b973").unwrap();
        assert_eq!(known().version(&path, &blob).unwrap().first_date, "2025-10-27");
    }
}
