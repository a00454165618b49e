//! What lies over the conflict screen: the list of files, and what a standing rule would cover.

use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use crate::core::glob::glob;
use crate::tui::click::Target;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::frame::{self, line};

/// What a standing rule says and covers.
pub(crate) fn rule(model: &Model, take: bool, pattern: Option<&String>) -> Vec<String> {
    const SHOWN: usize = 4;
    let Some(pattern) = pattern else { return Vec::new() };
    let c = &model.conflicts;
    let covered = c.covered(take, pattern);
    let verb = if take { "take theirs" } else { "keep mine" };
    let planned = model.preview.as_ref().and_then(|p| p.inspection.plan.as_ref());
    let managed = glob(pattern).ok().zip(planned).map(|(glob, plan)| {
        let count = plan.files.iter().filter(|f| glob.is_match(f.path.as_path())).count();
        format!(", of {}", text::count(count as u64, "managed file that matches", "managed files that match"))
    });
    let mut rows = vec![
        format!("Always {verb} where both changed a file of"),
        format!("  {}", text::visible_str(pattern, false)),
        format!(
            "It covers {} here{}, and goes into upgrade.json:",
            text::count(covered.len() as u64, "conflict", "conflicts"),
            managed.unwrap_or_default()
        ),
    ];
    let names = covered.iter().take(SHOWN).filter_map(|i| c.files.get(*i));
    rows.extend(names.map(|f| format!("  {}", text::fit_end(&f.path.to_string(), 54))));
    if covered.len() > SHOWN {
        rows.push(format!("  and {} more", covered.len() - SHOWN));
    }
    rows
}

/// The list of conflicts with what is decided about each.
pub(crate) fn files(model: &Model, selected: usize, area: Rect, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let c = &model.conflicts;
    let area = frame::middle(area, 76, area.height.min((c.files.len() as u16).saturating_add(2).max(6)));
    Clear.render(area, buffer);
    buffer.set_style(area, theme.ground());
    let open = c.settling.open_files();
    let right = if open == 0 { "nothing is open".to_owned() } else { format!("{open} open") };
    let inner = frame::pane(theme, area, line(theme, &[("files", Role::Title)]), &right, buffer);
    let page = usize::from(inner.height);
    let first = frame::first_of(model.held, selected, c.files.len(), page);
    let wide = usize::from(inner.width);
    for (place, i) in frame::in_sight(inner, c.files.len(), first) {
        let (Some(file), Some(settled)) = (c.files.get(i), c.settling.files().get(i)) else { continue };
        let (sign, word, role) = super::state_of(settled);
        let room = wide.saturating_sub(text::width(&word) + 7);
        let path = text::fit_end(&file.path.to_string(), room);
        let gap = " ".repeat(room.saturating_sub(text::width(&path)));
        let pieces = [
            (if i == selected { "▸ " } else { "  " }, Role::Accent),
            (sign, role),
            (" ", Role::Text),
            (&path, Role::Text),
            (&gap, Role::Text),
            ("  ", Role::Text),
            (&word, role),
        ];
        buffer.mark(place, Target::Row { row: i, first });
        buffer.set_line(place.x, place.y, &line(theme, &pieces), place.width);
        if i == selected {
            buffer.set_style(place, theme.style(Role::Selected));
        }
    }
    frame::scroll_mark(theme, area, first, c.files.len(), page, buffer);
}
