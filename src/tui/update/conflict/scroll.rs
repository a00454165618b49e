//! Where a key leads that scrolls.

use crate::tui::keymap::Action;
use crate::tui::model::{Compare, Model};
use crate::tui::view;

/// Where a key leads that scrolls, where that depends on how long rows are: the first row, and its lines above the view.
pub(super) fn wrapped_to(model: &Model, action: Action) -> Option<(usize, usize)> {
    let c = &model.conflicts;
    let (rows, top, above) = (view::conflict_rows(model), c.scroll, c.above());
    let page = usize::from(rows.lines).saturating_sub(1).max(1);
    match action {
        Action::Down => rows.down_within(top, above, 1).map(|above| (top, above)),
        Action::PageDown => rows.down_within(top, above, page).map(|above| (top, above)),
        Action::Up if above > 0 => Some((top, above - 1)),
        Action::PageUp if above > 0 => Some((top, above.saturating_sub(page))),
        Action::Up | Action::PageUp if top > 0 && rows.above_end(top - 1) > 0 => {
            Some((top - 1, rows.above_end(top - 1)))
        }
        Action::PageUp => Some((rows.page_before(top), 0)),
        _ => None,
    }
}

/// Where the view stands at the next or previous change; where it stands now if there is none.
pub(super) fn to_change(model: &Model, forward: bool) -> usize {
    let c = &model.conflicts;
    let changes = match c.shown() {
        Compare::Merge => c.merge_rows().map(|r| &r.changes),
        _ => c.diff().map(|d| &d.changes),
    };
    let (changes, rows, scroll) = (changes.map_or(&[][..], Vec::as_slice), view::conflict_rows(model), c.scroll);
    let behind = changes.partition_point(|change| *change <= scroll);
    let found = if forward {
        changes[behind..].iter().map(|change| rows.top_for(*change)).find(|top| *top > scroll)
    } else {
        // One further down may be what the view stands at.
        let here = (changes.len() - behind).min(3);
        changes[..behind + here].iter().rev().map(|change| rows.top_for(*change)).find(|top| *top < scroll)
    };
    found.unwrap_or(scroll)
}
