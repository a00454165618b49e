//! The scrollbar on the right border: where the view stands, and where changes and open hunks are.

use ratatui::layout::Rect;

use super::rows::Rows;
use crate::tui::click::Target;
use crate::tui::model::{Compare, Model};
use crate::tui::theme::Role;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::frame::{self, put};

/// What the marks mean, for the help.
pub(crate) const LEGEND: &str = "● still open, ✔ settled, ┤ another change, ┃ in sight";

/// What is marked, the weightier last.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Mark {
    None,
    Change,
    Settled,
    Open,
}

/// Draws it for these rows.
pub(crate) fn draw(model: &Model, pane: Rect, rows: &Rows<'_>, buffer: &mut Canvas<'_>) {
    let track = usize::from(pane.height.saturating_sub(2));
    let (at, count, last) = (model.conflicts.scroll, rows.count(), rows.last_top());
    if track == 0 || count == 0 || !frame::has_borders(pane) {
        return;
    }
    let theme = model.theme;
    // The rows that the last page has, so that it doesn't change its size on the way.
    let size = ((count - last) * track / count).clamp(1, track);
    let top = (at * (track - size)).checked_div(last).unwrap_or(0).min(track - size);
    let marks = marks(model, rows, last, track);
    let border = Rect { x: pane.right() - 1, y: pane.y + 1, width: 1, height: track as u16 };
    if last > 0 {
        buffer.mark_bar(border, count);
    }
    for (i, (mark, row)) in marks.into_iter().enumerate() {
        let y = border.y + i as u16;
        if last > 0 && mark != Mark::None {
            // Whoever aims at a mark wants to see what it stands for.
            buffer.mark(Rect { y, height: 1, ..border }, Target::Bar(row));
        }
        let thumb = last > 0 && (top..top + size).contains(&i);
        let (glyph, role) = match mark {
            Mark::None if thumb => ("┃", Role::Border),
            Mark::None => continue,
            Mark::Change => ("┤", Role::Dim),
            Mark::Settled => ("✔", Role::Good),
            Mark::Open => ("●", Role::Warn),
        };
        let style = theme.style(role);
        let style = if thumb && mark != Mark::None { style.patch(theme.style(Role::Selected)) } else { style };
        put(buffer, border.x, y, 1, glyph, style);
    }
}

/// The weightiest mark of each place, and its row.
fn marks(model: &Model, rows: &Rows<'_>, last: usize, track: usize) -> Vec<(Mark, usize)> {
    let c = &model.conflicts;
    let mut marks = vec![(Mark::None, 0); track];
    // A file that fits is marked line by line.
    let fits = if last == 0 { rows.count() } else { 0 };
    let lines: Vec<usize> = (0..fits)
        .scan(0, |next, row| {
            *next += rows.height(row);
            Some(*next - rows.height(row))
        })
        .collect();
    let mut put = |row: usize, mark: Mark| {
        let at = if last == 0 { lines.get(row).copied() } else { Some(row * track / rows.count().max(1)) };
        let at = at.unwrap_or(track);
        if let Some(slot) = marks.get_mut(at)
            && slot.0 < mark
        {
            *slot = (mark, row);
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
