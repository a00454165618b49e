//! Which rows are in sight: wrapped, a row takes as many lines as its text needs.

use super::merge::View;
use crate::tui::diff::Diff;
use crate::tui::merge_rows::MergeRow;
use crate::tui::view::difftext;

/// What is scrolled through.
pub(crate) enum Kind<'m> {
    /// Rows of one line each.
    Lines(usize),
    /// A merge, wrapped.
    Merge(View<'m>, &'m [MergeRow]),
    /// A diff, wrapped.
    Diff(&'m Diff),
}

/// The rows of a view, measured as they are drawn. Asks only for those near the one it is about.
pub(crate) struct Rows<'m> {
    /// What they are.
    pub(crate) kind: Kind<'m>,
    /// How wide the view is.
    pub(crate) width: u16,
    /// How many lines it has.
    pub(crate) lines: u16,
}

impl Rows<'_> {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        match &self.kind {
            Kind::Lines(count) => *count,
            Kind::Merge(_, rows) => rows.len(),
            Kind::Diff(diff) => diff.rows.len(),
        }
    }

    /// How many lines a row takes, at most so many.
    fn height_to(&self, row: usize, most: usize) -> usize {
        match &self.kind {
            Kind::Lines(_) => 1,
            Kind::Merge(view, rows) => rows.get(row).map_or(1, |r| view.height(r, self.width, most)),
            Kind::Diff(diff) => diff.rows.get(row).map_or(1, |r| difftext::row_height(diff, r, self.width, most)),
        }
    }

    /// How many lines a row takes, no more than there are in the view.
    pub(crate) fn height(&self, row: usize) -> usize {
        self.height_to(row, usize::from(self.lines).max(1))
    }

    /// Where the view stands after so many lines down, within a row that is longer than the view: none where it goes on
    /// with the next row.
    pub(crate) fn down_within(&self, top: usize, above: usize, by: usize) -> Option<usize> {
        let lines = usize::from(self.lines).max(1);
        let most = self.height_to(top, above + by + lines).saturating_sub(lines);
        (most > above).then(|| most.min(above + by))
    }

    /// How many lines of a row are above the view that shows its end.
    pub(crate) fn above_end(&self, row: usize) -> usize {
        let lines = usize::from(self.lines).max(1);
        if self.height_to(row, lines + 1) > lines { self.height_to(row, usize::MAX) - lines } else { 0 }
    }

    /// How many of the rows before this one fit into so many lines.
    fn fitting_before(&self, row: usize, lines: usize) -> usize {
        let mut left = lines;
        (0..row.min(self.count())).rev().map_while(|r| left.checked_sub(self.height(r)).map(|rest| left = rest)).count()
    }

    /// The row that stands at the top when the last one stands at the bottom.
    pub(crate) fn last_top(&self) -> usize {
        let count = self.count();
        // Of one that is longer than the view, at least the beginning is shown.
        count - self.fitting_before(count, self.lines.into()).max(1).min(count)
    }

    /// How many rows are whole in sight from this one on; one if none is.
    pub(crate) fn seen_from(&self, top: usize) -> usize {
        let mut left = usize::from(self.lines);
        let whole = (top..self.count()).map_while(|r| left.checked_sub(self.height(r)).map(|rest| left = rest)).count();
        whole.max(1)
    }

    /// The row to begin with so that this one is in sight, with a bit of what stands before it.
    pub(crate) fn top_for(&self, row: usize) -> usize {
        let lines = usize::from(self.lines / 4).min(2);
        row.saturating_sub(self.fitting_before(row, lines)).min(self.last_top())
    }

    /// The row to begin with so that this one, at the top now, is the last that is whole in sight.
    pub(crate) fn page_before(&self, top: usize) -> usize {
        let rest = usize::from(self.lines).saturating_sub(self.height(top));
        top.saturating_sub(self.fitting_before(top, rest).max(1))
    }
}
