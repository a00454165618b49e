//! The diff of a file of the plan.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::summary::kind_look;
use crate::core::plan::Kind;
use crate::tui::model::{Compare, DiffPane, Model};
use crate::tui::search::Search;
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::difftext::{self, Look};
use crate::tui::view::frame::{self, line};

/// What is compared. Where the user edited the file, the two as they are must not pass for what will happen.
fn compare_title(pane: &DiffPane) -> &'static str {
    let edited = matches!(&pane.texts, Some(Ok(texts)) if texts.is_edited());
    match pane.compare {
        Compare::MineTheirs if edited || pane.entry.kind == Kind::Conflict => {
            "your file and theirs, whole (mine → theirs)"
        }
        other => other.title(),
    }
}

/// The diff with its title, and what is compared below it.
pub(super) fn draw(model: &Model, pane: &DiffPane, area: Rect, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let (mark, word, role) = kind_look(pane.entry.kind);
    let room = usize::from(area.width.saturating_sub(40));
    let path = text::fit_end(&pane.entry.path.to_string(), room.max(20));
    let needle = pane.search.as_ref().map_or("", |s| s.needle.as_str());
    let chip = pane.search.as_ref().map(Search::chip);
    // Below the text there is no room for it on a small screen.
    let below = frame::has_borders(area) && area.width >= 60;
    let right = match (&pane.diff, &chip) {
        (_, Some(chip)) if !below => chip.clone(),
        (Some(diff), _) if diff.note.is_none() => format!("+{} -{}", diff.added, diff.removed),
        _ => String::new(),
    };
    let title = line(theme, &[(mark, role), (" ", role), (word, role), (" ", role), (&path, Role::Title)]);
    let inner = frame::pane(theme, area, title, &right, buffer);
    let text_at = |text: &str, role: Role, buffer: &mut Buffer| {
        for (y, part) in (inner.y..inner.bottom()).zip(text::wrap(text, usize::from(inner.width.saturating_sub(2)))) {
            frame::put(buffer, inner.x + 1, y, inner.width, &part, theme.style(role));
        }
    };
    match (&pane.texts, &pane.diff) {
        (Some(Err(why)), _) => text_at(&text::visible_str(why, false), Role::Bad, buffer),
        (_, Some(diff)) => {
            let look = Look { theme, across: pane.across, wrap: pane.wrap, needle, above: 0 };
            match &pane.texts {
                Some(Ok(texts)) if pane.compare == Compare::Result && texts.mine == pane.result => {
                    text_at("Your text stays as it is.", Role::Text, buffer);
                }
                _ => difftext::draw(look, inner, diff, pane.scroll, buffer),
            }
            frame::scroll_mark(theme, area, pane.scroll, diff.rows.len(), inner.height.into(), buffer);
            let mut label = format!(" {} ", compare_title(pane));
            if pane.wrap {
                label += "[wrapped] ";
            }
            if frame::has_borders(area) {
                let (y, room) = (area.bottom() - 1, area.width - 4);
                let used = frame::put(buffer, area.x + 2, y, room, &label, theme.style(Role::Dim));
                let chip = chip.filter(|_| below).map(|chip| format!("[{chip}] ")).unwrap_or_default();
                frame::put(buffer, area.x + 2 + used, y, room - used, &chip, theme.style(Role::Warn));
            }
        }
        _ => text_at("Reading…", Role::Dim, buffer),
    }
}
