//! What the screens are built from: text at a place, panes, scroll marks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Widget};

use super::canvas::Canvas;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// A box in the middle of `area`.
pub(crate) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Writes `text` and returns how many cells it took.
pub(crate) fn put(buffer: &mut Buffer, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
    if !buffer.area.contains((x, y).into()) {
        return 0;
    }
    buffer.set_stringn(x, y, text, usize::from(room), style).0 - x
}

/// Writes a line over what is there, without taking its bold or dim over.
pub(crate) fn over(buffer: &mut Buffer, x: u16, y: u16, line: &Line<'_>, room: u16) {
    let wide = (line.width() as u16).min(room);
    for x in x..x.saturating_add(wide) {
        if let Some(cell) = buffer.cell_mut((x, y)) {
            cell.modifier = ratatui::style::Modifier::empty();
        }
    }
    buffer.set_line(x, y, line, room);
}

/// Pieces of a line with a role each.
pub(crate) fn line(theme: Theme, pieces: &[(&str, Role)]) -> Line<'static> {
    let span = |(text, role): &(&str, Role)| Span::styled((*text).to_owned(), theme.style(*role));
    Line::from(pieces.iter().map(span).collect::<Vec<_>>())
}

/// Whether there is room to waste on borders.
pub(crate) fn has_borders(area: Rect) -> bool {
    area.height >= 6 && area.width >= 30
}

/// What is inside the borders, or under the heading where there is no room for borders.
pub(crate) fn inner(area: Rect) -> Rect {
    if has_borders(area) {
        Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(2),
        }
    } else {
        Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area }
    }
}

/// Draws a pane's borders and headings; returns what is inside.
pub(crate) fn pane(theme: Theme, area: Rect, title: Line<'static>, right: &str, buffer: &mut Buffer) -> Rect {
    let border = theme.style(Role::Border);
    if has_borders(area) {
        Block::new().borders(Borders::ALL).border_style(border).render(area, buffer);
    } else if area.height > 0 {
        put(buffer, area.x, area.y, area.width, &"─".repeat(area.width.into()), border);
    }
    let room = area.width.saturating_sub(6);
    let right_width = (text::width(right) as u16).min(room);
    let title_room = room.saturating_sub(if right_width > 0 { right_width + 2 } else { 0 });
    let mut all = vec![Span::raw(" ")];
    all.extend(title.spans);
    all.push(Span::raw(" "));
    if area.height > 0 {
        over(buffer, area.x + 2, area.y, &Line::from(all), title_room + 2);
        if right_width > 0 {
            let x = area.right().saturating_sub(right_width + 4);
            put(buffer, x, area.y, right_width + 2, &format!(" {right} "), theme.style(Role::Dim));
        }
    }
    inner(area)
}

/// A thumb on the right border that says where in `rows` the view stands.
pub(crate) fn scroll_mark(theme: Theme, area: Rect, at: usize, rows: usize, page: usize, buffer: &mut Canvas<'_>) {
    if rows <= page || !has_borders(area) {
        return;
    }
    let track = usize::from(area.height.saturating_sub(2));
    if track == 0 {
        return;
    }
    buffer.mark_bar(Rect { x: area.right() - 1, y: area.y + 1, width: 1, height: track as u16 }, rows);
    let size = (page * track / rows).clamp(1, track);
    let top = at * (track - size) / (rows - page).max(1);
    for i in 0..size {
        let y = area.y + 1 + (top.min(track - size) + i) as u16;
        put(buffer, area.right() - 1, y, 1, "┃", theme.style(Role::Border));
    }
}

/// The first row to show so that `selected` is in the middle, as far as the ends allow.
pub(crate) fn around(selected: usize, rows: usize, page: usize) -> usize {
    selected.saturating_sub(page / 2).min(rows.saturating_sub(page))
}

/// The first row of a list to show. Where a row was clicked the list stays as it is, `held` by its first row, as long as
/// what is selected is in sight; else that is in the middle.
pub(crate) fn first_of(held: Option<usize>, selected: usize, rows: usize, page: usize) -> usize {
    match held {
        Some(first) => first.clamp((selected + 1).saturating_sub(page.max(1)), selected).min(rows.saturating_sub(page)),
        None => around(selected, rows, page),
    }
}

/// Which rows are in sight from `scroll` on, and where.
pub(crate) fn in_sight(area: Rect, rows: usize, scroll: usize) -> impl Iterator<Item = (Rect, usize)> {
    let first = scroll.min(rows.saturating_sub(area.height.into()));
    (area.y..area.bottom()).zip(first..rows).map(move |(y, row)| (Rect { y, height: 1, ..area }, row))
}

/// Says at the bottom right that there is more below.
pub(crate) fn more_below(theme: Theme, area: Rect, scroll: usize, rows: usize, buffer: &mut Buffer) {
    if rows > scroll + usize::from(area.height) && area.height > 0 {
        let more = " ↓ more ";
        let x = area.right().saturating_sub(text::width(more) as u16);
        put(buffer, x, area.bottom() - 1, 8, more, theme.style(Role::Dim));
    }
}

/// Lines of text from `scroll` on, clipped to the area.
pub(crate) fn lines(area: Rect, rows: &[Line<'static>], scroll: usize, buffer: &mut Buffer) {
    for (place, row) in in_sight(area, rows.len(), scroll) {
        buffer.set_line(place.x, place.y, &rows[row], place.width);
    }
}
