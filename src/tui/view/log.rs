//! The session's log: its end below the progress, or all of it, by level and filtered.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::canvas::Canvas;
use super::frame::{self, line};
use crate::engine::events::Level;
use crate::tui::model::Model;
use crate::tui::progress::LogLine;
use crate::tui::text;
use crate::tui::theme::Role;

/// The lines that level and filter let through.
pub(crate) fn shown(model: &Model) -> Vec<&LogLine> {
    let view = &model.log_view;
    let needle = view.filter.to_lowercase();
    let fits = |l: &&LogLine| {
        l.level >= view.level
            && (needle.is_empty() || l.origin.contains(&needle) || l.text.to_lowercase().contains(&needle))
    };
    model.progress.log.iter().filter(fits).collect()
}

/// Its end. It can't be scrolled.
pub(crate) fn small(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let all: Vec<&LogLine> = model.progress.log.iter().collect();
    draw(model, area, &all, 0, "log", buffer);
    buffer.cover(area);
}

/// All of it, scrolled up so many lines from its end.
pub(crate) fn large(model: &Model, area: Rect, up: usize, buffer: &mut Canvas<'_>) {
    let view = &model.log_view;
    let mut title = match view.level {
        Level::Info => "log".to_owned(),
        Level::Warn => "log: warnings and errors".to_owned(),
        Level::Error => "log: errors".to_owned(),
    };
    if !view.filter.is_empty() {
        title += &format!(" with \"{}\"", text::visible_str(&view.filter, false));
    }
    draw(model, area, &shown(model), up, &title, buffer);
}

fn draw(model: &Model, area: Rect, lines: &[&LogLine], up: usize, title: &str, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let all = model.progress.log.len();
    let right = if lines.len() < all { format!("{} of {all}", lines.len()) } else { String::new() };
    let inner = frame::pane(theme, area, line(theme, &[(title, Role::Title)]), &right, buffer);
    let page = usize::from(inner.height);
    let first = lines.len().saturating_sub(page).saturating_sub(up);
    let mut rows: Vec<Line> = lines[first..(first + page).min(lines.len())]
        .iter()
        .map(|entry| row(model, entry, inner.width.into(), model.across))
        .collect();
    if rows.is_empty() && all > 0 {
        rows.push(line(theme, &[(" No line of the log is like that.", Role::Dim)]));
    }
    frame::lines(inner, &rows, 0, buffer);
    frame::scroll_mark(theme, area, first, lines.len(), page, buffer);
}

fn row(model: &Model, entry: &LogLine, width: usize, across: usize) -> Line<'static> {
    let (word, role) = match entry.level {
        Level::Info => ("     ", Role::Text),
        Level::Warn => ("warn ", Role::Warn),
        Level::Error => ("error", Role::Bad),
    };
    let at = text::clock(entry.at);
    let shown = text::visible_str(&entry.text, false);
    if width < 60 {
        let mark = if entry.level == Level::Info { " " } else { "!" };
        return line(model.theme, &[(mark, role), (&text::clip(&shown, across, width), role)]);
    }
    let left = format!(" {at:>5}  {:<9}", text::fit(entry.origin, 9));
    let cut = text::clip(&shown, across, width.saturating_sub(24));
    line(model.theme, &[(&left, Role::Dim), (word, role), ("  ", role), (&cut, role)])
}
