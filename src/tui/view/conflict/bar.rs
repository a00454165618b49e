//! The scrollbar on the right border: where the view stands, and where changes and open hunks are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::frame::{self, put};
use crate::tui::model::{Compare, Model};
use crate::tui::theme::Role;

/// What the marks mean, for the help.
pub const LEGEND: &str = "● still open, ✔ settled, ┤ another change, ┃ what is in sight";

/// What is marked, the weightier last.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Mark {
    None,
    Change,
    Settled,
    Open,
}

/// Draws it for a view that stands at row `.0` of `.1` and shows `.2`.
pub fn draw(model: &Model, pane: Rect, (at, rows, page): (usize, usize, usize), buffer: &mut Buffer) {
    let track = usize::from(pane.height.saturating_sub(2));
    if track == 0 || rows == 0 || !frame::has_borders(pane) {
        return;
    }
    let theme = model.theme;
    let size = if rows <= page { track } else { (page * track / rows).clamp(1, track) };
    let top = if rows <= page { 0 } else { (at * (track - size) / (rows - page)).min(track - size) };
    let marks = marks(model, rows, track);
    for (i, mark) in marks.into_iter().enumerate() {
        let thumb = rows > page && (top..top + size).contains(&i);
        let (glyph, role) = match mark {
            Mark::None if thumb => ("┃", Role::Border),
            Mark::None => continue,
            Mark::Change => ("┤", Role::Dim),
            Mark::Settled => ("✔", Role::Good),
            Mark::Open => ("●", Role::Warn),
        };
        let style = theme.style(role);
        let style = if thumb && mark != Mark::None { style.patch(theme.style(Role::Selected)) } else { style };
        put(buffer, pane.right() - 1, pane.y + 1 + i as u16, 1, glyph, style);
    }
}

fn marks(model: &Model, rows: usize, track: usize) -> Vec<Mark> {
    let c = &model.conflicts;
    let mut marks = vec![Mark::None; track];
    let mut put = |row: usize, mark: Mark| {
        // A file that fits is marked row by row.
        let at = if rows <= track { row } else { row * track / rows.max(1) };
        if let Some(slot) = marks.get_mut(at)
            && *slot < mark
        {
            *slot = mark;
        }
    };
    if c.shown() != Compare::Merge {
        c.diff().iter().flat_map(|d| &d.changes).for_each(|row| put(*row, Mark::Change));
        return marks;
    }
    let Some(all) = c.merge_rows() else { return marks };
    all.changes.iter().for_each(|row| put(*row, Mark::Change));
    let settled = c.settling.current();
    let whole = settled.is_some_and(|f| f.is_settled());
    for (hunk, row) in all.heads.iter().enumerate() {
        let done = whole || settled.is_some_and(|f| f.choice(hunk).is_some());
        put(*row, if done { Mark::Settled } else { Mark::Open });
    }
    marks
}
