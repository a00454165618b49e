//! What the preview knows: the plan as a list, and the diff of one of its files.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::outcome::Sides;
use crate::core::plan::{FileEntry, Kind};
use crate::engine::planning::inspect::Inspection;
use crate::tui::diff::Diff;
use crate::tui::folding::{self, Moved, Row};
use crate::tui::model::compare::Compare;
use crate::tui::search::Search;

/// What the preview shows in place of the list.
#[derive(Debug, Clone)]
pub enum Pane {
    /// The list.
    List,
    /// The selected file's diff.
    Diff(Box<DiffPane>),
    /// The source's commits.
    News(usize),
}

/// The diff of a file of the plan.
#[derive(Debug, Clone)]
pub struct DiffPane {
    /// The file.
    pub(crate) entry: FileEntry,
    /// Its texts, once they are read; or why they can't be.
    pub(crate) texts: Option<Result<Sides, String>>,
    /// What will be written, where that is known and not simply theirs.
    pub(crate) result: Option<Arc<[u8]>>,
    /// Which two versions.
    pub(crate) compare: Compare,
    /// The rows, once computed.
    pub(crate) diff: Option<Arc<Diff>>,
    /// First row on the screen.
    pub(crate) scroll: usize,
    /// First column on the screen.
    pub(crate) across: usize,
    /// Lines that are too long go on in the next row.
    pub(crate) wrap: bool,
    /// What is searched for.
    pub(crate) search: Option<Search>,
}

/// The preview's state.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What was found.
    pub(crate) inspection: Inspection,
    /// Kinds that have files, with their counts; `Kind` none is everything that changes.
    pub(crate) tabs: Vec<(Tab, usize)>,
    /// Which of them.
    pub(crate) tab: usize,
    /// Only paths that contain this, case ignored.
    pub(crate) filter: String,
    /// The filter is being typed.
    pub(crate) filtering: bool,
    /// The rows of the list.
    pub(crate) rows: Vec<Row>,
    /// Folders that move whose files are listed.
    pub(crate) open: BTreeSet<Moved>,
    /// Which of `rows`.
    pub(crate) selected: usize,
    /// What is shown.
    pub(crate) pane: Pane,
}

/// A tab of the preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// All that changes the install.
    Changes,
    /// One kind.
    Kind(Kind),
    /// Every managed path.
    All,
}

impl Preview {
    /// Opens on everything that changes.
    pub(crate) fn new(inspection: Inspection) -> Self {
        let files = inspection.plan.as_ref().map_or(&[][..], |p| &p.files);
        let count = |wanted: &dyn Fn(Kind) -> bool| files.iter().filter(|f| wanted(f.kind)).count();
        let mut tabs = vec![(Tab::Changes, count(&Kind::changes_install))];
        for kind in Kind::ALL {
            match count(&|k| k == kind) {
                0 => {}
                n => tabs.push((Tab::Kind(kind), n)),
            }
        }
        tabs.push((Tab::All, files.len()));
        let mut preview = Self {
            inspection,
            tabs,
            tab: 0,
            filter: String::new(),
            filtering: false,
            rows: Vec::new(),
            open: BTreeSet::new(),
            selected: 0,
            pane: Pane::List,
        };
        preview.list();
        preview
    }

    /// Fills `rows` for the tab and the filter: by kind, those that need a person first, then by path.
    pub(crate) fn list(&mut self) {
        let tab = self.tabs.get(self.tab).map_or(Tab::All, |t| t.0);
        let needle = self.filter.to_lowercase();
        let fits = |f: &FileEntry| {
            let kind = match tab {
                Tab::Changes => f.kind.changes_install(),
                Tab::Kind(kind) => f.kind == kind,
                Tab::All => true,
            };
            kind && (needle.is_empty() || f.path.to_string().to_lowercase().contains(&needle))
        };
        let files = self.inspection.plan.as_ref().map_or(&[][..], |p| &p.files);
        let mut rows: Vec<usize> = (0..files.len()).filter(|i| fits(&files[*i])).collect();
        let rank = |kind: Kind| Kind::ALL.iter().position(|k| *k == kind);
        rows.sort_by_key(|i| (rank(files[*i].kind), *i));
        self.rows = match needle.is_empty() {
            true => folding::fold(files, &rows, &self.open),
            // What was looked for is not hidden in a folder.
            false => rows.into_iter().map(Row::File).collect(),
        };
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    /// Whether the source is a shallow or a partial clone, whose history would tell more.
    pub(crate) fn is_shallow(&self) -> bool {
        self.inspection.plan.as_ref().is_some_and(|p| p.source.shallow || p.source.partial)
    }

    /// The selected file.
    pub(crate) fn entry(&self) -> Option<&FileEntry> {
        let plan = self.inspection.plan.as_ref()?;
        plan.files.get(self.rows.get(self.selected)?.file()?)
    }

    /// How many files are listed, those in folded folders included.
    pub(crate) fn listed(&self) -> usize {
        let count = |row: &Row| match row {
            Row::File(_) => 1,
            Row::Folder { files, .. } => files.len(),
            Row::Within(_) => 0,
        };
        self.rows.iter().map(count).sum()
    }

    /// Opens or closes the selected folder, or that of the selected file.
    pub(crate) fn toggle(&mut self) {
        let folder = self.rows.get(..=self.selected).and_then(|rows| {
            let from = rows.iter().rposition(|row| !matches!(row, Row::Within(_)))?;
            Some((from, rows.get(from)?.clone()))
        });
        if let Some((at, Row::Folder { moved, .. })) = folder {
            if !self.open.remove(&moved) {
                self.open.insert(moved);
            }
            self.selected = at;
            self.list();
        }
    }
}
