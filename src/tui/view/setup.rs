//! Before there is a plan: checking, problems, the source's path.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::{self, line};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Role;

const SPINNER: [&str; 4] = ["·  ", " · ", "  ·", " · "];

/// While the inspection runs.
pub fn checking(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let beat = SPINNER[(model.now.as_millis() / 250) as usize % SPINNER.len()];
    let source = model.launch.source.as_ref().map(|s| model.tilde(&s.to_string_lossy())).unwrap_or_default();
    let rows = [
        Line::default(),
        line(theme, &[("  Looking at the install and the source ", Role::Text), (beat, Role::Accent)]),
        line(theme, &[("  source  ", Role::Dim), (&source, Role::Text)]),
        line(theme, &[("  Nothing is changed before you say so.", Role::Dim)]),
    ];
    frame::lines(area, &rows, 0, buffer);
}

fn content(model: &Model, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut rows = Vec::new();
    let wrapped = |rows: &mut Vec<Line<'static>>, text: &str, indent: &str, role: Role| {
        for part in text.lines().flat_map(|l| text::wrap(&text::visible_str(l, false), width.saturating_sub(4))) {
            rows.push(line(theme, &[(indent, role), (&part, role)]));
        }
    };
    if !model.problems.is_empty() {
        let n = model.problems.len() as u64;
        let what = if n == 1 {
            "One thing stops the upgrade. Nothing was changed.".to_owned()
        } else {
            format!("{n} things stop the upgrade. Nothing was changed.")
        };
        wrapped(&mut rows, &what, " ", Role::Title);
        for problem in &model.problems {
            rows.push(Line::default());
            let start = rows.len();
            wrapped(&mut rows, &problem.what, "   ", Role::Text);
            if let Some(first) = rows.get_mut(start)
                && let Some(mark) = first.spans.first_mut()
            {
                *mark = ratatui::text::Span::styled(" ! ", theme.style(Role::Bad));
            }
            wrapped(&mut rows, &format!("→ {}", problem.next), "   ", Role::Accent);
        }
    } else if model.launch.source.is_none() {
        wrapped(&mut rows, "Where is your clone of praxis-os?", " ", Role::Title);
        wrapped(&mut rows, "The upgrade takes the new files from its commits. The clone is only read.", " ", Role::Dim);
    }
    rows
}

fn split(model: &Model, area: Rect) -> (Rect, Rect) {
    let field = 2.min(area.height);
    let rows = content(model, area.width.into()).len() as u16;
    let list = Rect { height: rows.min(area.height - field), ..area };
    (list, Rect { y: list.bottom() + u16::from(list.bottom() + field < area.bottom()), height: field, ..area })
}

/// How much there is to scroll.
pub fn rows(model: &Model, area: Rect) -> (usize, usize) {
    (content(model, area.width.into()).len(), split(model, area).0.height.into())
}

/// Problems and the source's path.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let (list, field) = split(model, area);
    frame::lines(list, &content(model, area.width.into()), model.scroll, buffer);
    let label = "  source  ";
    let y = field.bottom().saturating_sub(1);
    let used = frame::put(buffer, field.x, y, field.width, label, theme.style(Role::Dim));
    let room = usize::from(field.width.saturating_sub(used + 2));
    let x = field.x + used;
    match &model.source_field {
        Some(typed) => {
            let shown = text::fit_end(&text::visible_str(typed, false), room.saturating_sub(1));
            let width = frame::put(buffer, x, y, room as u16, &shown, theme.style(Role::Text));
            frame::put(
                buffer,
                x + width,
                y,
                1,
                " ",
                theme.style(Role::Text).add_modifier(ratatui::style::Modifier::REVERSED),
            );
        }
        None => {
            let known = model.launch.source.as_ref().map(|s| model.tilde(&s.to_string_lossy()));
            let shown = text::fit_end(&known.unwrap_or("none yet".to_owned()), room);
            frame::put(buffer, x, y, room as u16, &shown, theme.style(Role::Text));
        }
    }
}
