//! Folders that move as a whole, as one row of the preview.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::plan::{FileEntry, Kind};

/// A folder before and after, without a slash at the end; empty for the install itself.
pub(crate) type Moved = (String, String);

/// A row of the preview's list; numbers are positions in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// A file.
    File(usize),
    /// A folder that moves, and the files that move with it.
    Folder {
        /// From where to where.
        moved: Moved,
        /// Which files.
        files: Vec<usize>,
        /// Its files are listed below it.
        open: bool,
    },
    /// A file that is listed below its folder.
    Within(usize),
}

impl Row {
    /// The file, unless it is a folder.
    pub(crate) fn file(&self) -> Option<usize> {
        match self {
            Row::File(i) | Row::Within(i) => Some(*i),
            Row::Folder { .. } => None,
        }
    }
}

/// The highest folder that moved, where all below it kept its place; none for a file that got a new name.
fn moved(entry: &FileEntry) -> Option<Moved> {
    let (from, to) = (entry.from.as_ref()?.to_str()?, entry.path.to_str()?);
    let shared = from.rsplit('/').zip(to.rsplit('/')).take_while(|(a, b)| a == b).count();
    let folder = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        parts.get(..parts.len().saturating_sub(shared)).unwrap_or_default().join("/")
    };
    (shared > 0).then(|| (folder(from), folder(to)))
}

/// Puts files that move together into one row, at the place of the first; `open` says which folders list them still.
pub(crate) fn fold(files: &[FileEntry], rows: &[usize], open: &BTreeSet<Moved>) -> Vec<Row> {
    let moves = |i: usize| files.get(i).filter(|f| f.kind == Kind::Move).and_then(moved);
    let mut groups: BTreeMap<Moved, Vec<usize>> = BTreeMap::new();
    for i in rows {
        if let Some(key) = moves(*i) {
            groups.entry(key).or_default().push(*i);
        }
    }
    groups.retain(|_, files| files.len() > 1);
    let mut out = Vec::new();
    for i in rows {
        let Some(key) = moves(*i).filter(|key| groups.contains_key(key)) else {
            out.push(Row::File(*i));
            continue;
        };
        let group = groups.get(&key).cloned().unwrap_or_default();
        if group.first() == Some(i) {
            let is_open = open.contains(&key);
            out.push(Row::Folder { moved: key, files: group.clone(), open: is_open });
            if is_open {
                out.extend(group.into_iter().map(Row::Within));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::samples;

    fn files() -> Vec<FileEntry> {
        let mut files = samples::plan().files;
        files.retain(|f| f.kind == Kind::Move || f.kind == Kind::New);
        files
    }

    #[test]
    fn a_folder_that_moves_is_one_row_until_it_is_opened() {
        let files = files();
        let all: Vec<usize> = (0..files.len()).collect();
        let rows = fold(&files, &all, &BTreeSet::new());
        let folders: Vec<&Row> = rows.iter().filter(|r| r.file().is_none()).collect();
        let [Row::Folder { moved, files: within, open: false }] = folders[..] else { panic!("{rows:?}") };
        assert_eq!(
            (moved.0.as_str(), moved.1.as_str()),
            ("workflows/agent_os_upgrade_v1", "workflows/praxis_os_upgrade_v1")
        );
        assert_eq!((within.len(), rows.len()), (2, files.len() - 1));
        let opened = fold(&files, &all, &BTreeSet::from([moved.clone()]));
        assert_eq!(opened.len(), files.len() + 1);
        let listed: BTreeSet<usize> = opened.iter().filter_map(Row::file).collect();
        assert_eq!(listed.len(), files.len(), "every file once");
    }

    #[test]
    fn a_single_file_and_a_new_name_stay_rows_of_their_own() {
        let mut files = files();
        files.retain(|f| f.kind == Kind::Move);
        assert_eq!(fold(&files, &[0], &BTreeSet::new()), [Row::File(0)]);
        files[0].path = crate::core::path::RelPath::new("workflows/praxis_os_upgrade_v1/other.json").unwrap();
        assert_eq!(fold(&files, &[0, 1], &BTreeSet::new()), [Row::File(0), Row::File(1)]);
    }
}
