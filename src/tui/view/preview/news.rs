//! What's new: warnings, what the upgrade does around the install, and the commits since the installed release.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::around;
use crate::tui::model::{Model, Preview};
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::frame::{self, line};

/// Its rows, for scrolling too.
pub(super) fn lines(model: &Model, preview: &Preview, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut rows = Vec::new();
    for warning in &preview.inspection.evidence.warnings {
        let parts = text::wrap(&text::visible_str(warning, false), width.saturating_sub(6));
        for (i, part) in parts.iter().enumerate() {
            rows.push(line(theme, &[(if i == 0 { " ! " } else { "   " }, Role::Warn), (part, Role::Warn)]));
        }
    }
    for said in around::lines(preview) {
        let parts = text::wrap(&text::visible_str(&said, false), width.saturating_sub(6));
        for (i, part) in parts.iter().enumerate() {
            rows.push(line(theme, &[(if i == 0 { " - " } else { "   " }, Role::Dim), (part, Role::Text)]));
        }
    }
    if !rows.is_empty() {
        rows.push(Line::default());
    }
    for (id, date, subject) in &preview.inspection.whats_new {
        let (id, date) = (text::visible_str(id, false), text::visible_str(date, false));
        let left = if width >= 60 { format!(" {id:<9} {date:<11}") } else { format!(" {id:<9}") };
        let subject = text::fit(&text::visible_str(subject, false), width.saturating_sub(text::width(&left) + 4));
        rows.push(line(theme, &[(&left, Role::Dim), (&subject, Role::Text)]));
    }
    if preview.inspection.whats_new.is_empty() {
        rows.push(line(theme, &[(" No commits are known since the installed release.", Role::Dim)]));
    }
    rows
}

/// The pane.
pub(super) fn draw(model: &Model, preview: &Preview, scroll: usize, area: Rect, buffer: &mut Canvas<'_>) {
    let rows = lines(model, preview, area.width.into());
    let count = text::count(preview.inspection.whats_new.len() as u64, "commit", "commits");
    let title = line(model.theme, &[("what's new", Role::Title)]);
    let inner = frame::pane(model.theme, area, title, &count, buffer);
    frame::lines(inner, &rows, scroll, buffer);
    frame::scroll_mark(model.theme, area, scroll, rows.len(), inner.height.into(), buffer);
}
