//! What the conflict screen knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::glob::glob;
use crate::core::layout::layouts;
use crate::core::merge::Merge;
use crate::core::offer::{Offer, offers};
use crate::core::outcome::damage;
use crate::core::path::RelPath;
use crate::core::section::of_hunks;
use crate::core::session::Refused;
use crate::engine::events::ConflictFile;
use crate::tui::conflict::{Decision, Settling};
use crate::tui::diff::{Diff, EVERYTHING};
use crate::tui::merge_rows::{Layout, MergeRows};
use crate::tui::model::compare::Compare;
use crate::tui::search::Search;

/// What is known of a hunk besides its texts.
#[derive(Debug, Clone, Default)]
pub struct HunkFacts {
    /// What it can become besides either side.
    pub(crate) offer: Option<Offer>,
    /// The heading, function or key that it stands in.
    pub(crate) section: Option<String>,
}

impl HunkFacts {
    /// Of all hunks of a merge, in their order.
    pub(crate) fn all(path: &RelPath, merge: &Merge) -> Arc<[Self]> {
        offers(path, merge)
            .into_iter()
            .zip(of_hunks(path, merge))
            .map(|(offer, section)| Self { offer, section })
            .collect()
    }
}

/// What is known about one conflict's texts.
#[derive(Debug, Clone, Default)]
pub struct ConflictTexts {
    /// The three-way (or, without a base, two-way) alignment.
    pub(crate) merge: Option<Arc<Merge>>,
    /// What is known of its hunks, in their order.
    pub(crate) hunks: Arc<[HunkFacts]>,
    /// Its rows, one below the other and side by side.
    pub(crate) rows: Option<Arc<(MergeRows, MergeRows)>>,
    /// Diffs that were asked for, by what they compare.
    pub(crate) diffs: Vec<(Compare, Arc<Diff>)>,
}

/// A part of a conflict's result that a person writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One hunk.
    Hunk(usize),
    /// All of it.
    Whole,
}

impl Part {
    /// The hunk's position; none for all of it.
    pub(crate) fn hunk(self) -> Option<usize> {
        match self {
            Part::Hunk(hunk) => Some(hunk),
            Part::Whole => None,
        }
    }
}

/// A text that is edited in a program of the person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editing {
    /// Of which conflict, by position.
    pub(crate) file: usize,
    /// Which part of it.
    pub(crate) part: Part,
    /// What was given, or came back.
    pub(crate) text: Vec<u8>,
}

/// The conflict screen's state.
#[derive(Debug, Clone, Default)]
pub struct Conflicts {
    /// The files.
    pub(crate) files: Arc<Vec<ConflictFile>>,
    /// Their alignments, as they come in.
    pub(crate) texts: Vec<ConflictTexts>,
    /// What is decided.
    pub(crate) settling: Settling,
    /// Which versions are shown.
    pub(crate) compare: Option<Compare>,
    /// Side by side, rather than one below the other; by the width if nothing was said.
    pub(crate) beside: Option<bool>,
    /// The terminal is wide enough for two texts.
    pub(crate) wide: bool,
    /// What is shown of a merge.
    pub(crate) layout: Layout,
    /// Long lines are cut off, instead of going on in the next row.
    pub(crate) cut: bool,
    /// What is searched for.
    pub(crate) search: Option<Search>,
    /// What a program of the person's was given to edit.
    pub(crate) editing: Option<Editing>,
    /// What the engine said about an answer that it can't carry out.
    pub(crate) said: Option<String>,
    /// By position, what came back from it and could not be used; it is given again next time.
    pub(crate) refused: BTreeMap<usize, Vec<Refused>>,
    /// First row on the screen.
    pub(crate) scroll: usize,
    /// A row that is longer than the view, and how many of its lines are above that while it is the first.
    pub(crate) within: (usize, usize),
    /// First column on the screen.
    pub(crate) across: usize,
}

impl Conflicts {
    /// What was written for a part of a file and could not be used.
    pub(crate) fn refused(&self, file: usize, part: Part) -> Option<&[u8]> {
        let texts = self.refused.get(&file)?;
        texts.iter().find(|r| r.hunk == part.hunk()).map(|r| r.text.as_slice())
    }

    /// Keeps what can't be used, or forgets it. All that is kept of the file, if that is another now.
    pub(crate) fn refuse(&mut self, file: usize, part: Part, text: Option<Vec<u8>>) -> Option<Vec<Refused>> {
        let before = self.refused.get(&file).cloned().unwrap_or_default();
        let mut now = before.clone();
        now.retain(|r| r.hunk != part.hunk());
        now.extend(text.map(|text| Refused { hunk: part.hunk(), text }));
        self.refused.insert(file, now.clone());
        (now != before).then_some(now)
    }

    /// How many lines of the first row are above the view.
    pub(crate) fn above(&self) -> usize {
        if self.within.0 == self.scroll && !self.cut { self.within.1 } else { 0 }
    }

    /// The file under the cursor.
    pub(crate) fn file(&self) -> Option<&ConflictFile> {
        self.files.get(self.settling.file())
    }

    /// Its texts.
    pub(crate) fn text(&self) -> Option<&ConflictTexts> {
        self.texts.get(self.settling.file())
    }

    /// What is offered for a hunk of the file under the cursor.
    pub(crate) fn offer(&self, hunk: usize) -> Option<&Offer> {
        self.text()?.hunks.get(hunk)?.offer.as_ref()
    }

    /// The heading, function or key that a hunk of the file under the cursor stands in.
    pub(crate) fn section(&self, hunk: usize) -> Option<&str> {
        self.text()?.hunks.get(hunk)?.section.as_deref()
    }

    /// The comparisons that make sense for the file under the cursor, the first being where it opens.
    pub(crate) fn compares(&self) -> Vec<Compare> {
        let Some(file) = self.file() else { return Vec::new() };
        let merge = self.text().is_some_and(|t| t.merge.is_some());
        let (base, mine, theirs) = (file.base.is_some(), file.mine.is_some(), file.theirs.is_some());
        let settled = merge && self.settling.current().is_some_and(|f| f.is_settled());
        let all = [
            (Compare::Merge, merge),
            (Compare::BaseTheirs, base && theirs && (merge || !mine)),
            (Compare::BaseMine, base && mine && (merge || !theirs)),
            (Compare::MineTheirs, (mine && theirs) || !base),
            (Compare::Result, settled),
        ];
        all.into_iter().filter(|c| c.1).map(|c| c.0).collect()
    }

    /// What is shown now.
    pub(crate) fn shown(&self) -> Compare {
        let all = self.compares();
        self.compare.filter(|c| all.contains(c)).or(all.first().copied()).unwrap_or(Compare::MineTheirs)
    }

    /// Whether both sides stand next to each other.
    pub(crate) fn is_beside(&self) -> bool {
        self.beside.unwrap_or(self.wide)
    }

    /// What is to be shown of a merge now: while something is searched for, all of it.
    pub(crate) fn wanted(&self) -> Layout {
        let mut layout = self.layout;
        if self.search.is_some() {
            layout.how.context = EVERYTHING;
        }
        layout
    }

    /// The rows of the merge view in the layout that is chosen. Those laid out last, while new ones are on their way.
    pub(crate) fn merge_rows(&self) -> Option<&MergeRows> {
        let rows = self.text()?.rows.as_ref()?;
        Some(if self.is_beside() { &rows.1 } else { &rows.0 })
    }

    /// The diff of the comparison that is shown, if it has been computed.
    pub(crate) fn diff(&self) -> Option<&Arc<Diff>> {
        let shown = self.shown();
        self.text()?.diffs.iter().find(|d| d.0 == shown && d.1.how == self.layout.how).map(|d| &d.1)
    }

    /// The conflicts, by position, that a standing rule would answer.
    pub(crate) fn covered(&self, take: bool, pattern: &str) -> Vec<usize> {
        let Ok(glob) = glob(pattern) else { return Vec::new() };
        let meant = |path: &RelPath| {
            glob.is_match(path.as_path()) && !(take && layouts().is_config(path) && path.to_str() != Some(pattern))
        };
        (0..self.files.len()).filter(|i| meant(&self.files[*i].path)).collect()
    }

    /// What will be written for a file; none while something is open, and where no file is written.
    pub(crate) fn result_of(&self, at: usize) -> Option<Arc<[u8]>> {
        let (file, settled) = (self.files.get(at)?, self.settling.files().get(at)?);
        match (&settled.decision, self.texts.get(at)?.merge.as_ref()) {
            (Decision::Keep | Decision::Park, _) => file.mine.clone(),
            (Decision::Take, _) => file.theirs.clone(),
            (Decision::Edited(text), _) => Some(Arc::from(&text[..])),
            (Decision::Merge(choices), Some(merge)) => merge.result(choices).map(Arc::from),
            _ => None,
        }
    }

    /// What is wrong with the result of a merge or an edit, if anything: the engine would refuse it.
    pub(crate) fn damage_of(&self, at: usize) -> Option<String> {
        let (file, settled) = (self.files.get(at)?, self.settling.files().get(at)?);
        if !matches!(settled.decision, Decision::Merge(_) | Decision::Edited(_)) {
            return None;
        }
        let before = file.mine.as_deref().or(file.theirs.as_deref()).unwrap_or_default();
        let what = damage(&file.path, before, &self.result_of(at)?)?;
        Some(format!("{}: the result {what}. e or E mends it.", file.path))
    }
}
