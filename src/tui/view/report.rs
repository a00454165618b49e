//! How it ended: what changed, where the backup is, how to undo it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::{self, line};
use crate::engine::events::FinishKind;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Role;

fn head(kind: FinishKind) -> (&'static str, &'static str, Role) {
    match kind {
        FinishKind::Completed => ("✔", "Upgraded", Role::Good),
        FinishKind::NothingToDo => ("✔", "Nothing to do", Role::Good),
        FinishKind::RolledBack => ("!", "Rolled back", Role::Warn),
        FinishKind::Failed => ("x", "Failed", Role::Bad),
        FinishKind::Interrupted => ("!", "Paused", Role::Warn),
        FinishKind::Aborted => ("·", "Discarded", Role::Dim),
    }
}

fn content(model: &Model, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let Some(finish) = &model.finish else { return Vec::new() };
    let (mark, word, role) = head(finish.result);
    let mut rows = vec![line(theme, &[(" ", Role::Text), (mark, role), (" ", Role::Text), (word, role)])];
    let room = width.saturating_sub(4);
    for part in text::wrap(&text::visible_str(&finish.message, false), room) {
        rows.push(line(theme, &[("   ", Role::Text), (&part, Role::Text)]));
    }
    rows.push(Line::default());
    if let Some(next) = &finish.next {
        rows.push(line(theme, &[("   next    ", Role::Dim), (&text::visible_str(next, false), Role::Accent)]));
    }
    if let Some(backup) = &finish.backup {
        let shown = text::fit_end(&model.tilde(&backup.to_string_lossy()), room.saturating_sub(8));
        rows.push(line(theme, &[("   backup  ", Role::Dim), (&shown, Role::Text)]));
    }
    if finish.next.is_some() || finish.backup.is_some() {
        rows.push(Line::default());
    }
    for entry in &finish.report {
        let shown = text::visible_str(entry, false);
        let heading = entry.starts_with('#');
        let shown = shown.trim_start_matches('#').trim_start_matches(if heading { " " } else { "" });
        let role = if heading { Role::Title } else { Role::Text };
        let cut = text::clip(shown, model.across, 2_000);
        rows.push(line(theme, &[("   ", Role::Text), (&cut, role)]));
    }
    rows
}

/// How much there is to scroll.
pub fn rows(model: &Model, area: Rect) -> (usize, usize) {
    (content(model, area.width.into()).len(), area.height.saturating_sub(1).into())
}

/// The report.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    frame::lines(area, &content(model, area.width.into()), model.scroll, buffer);
}
