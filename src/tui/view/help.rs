//! The help: every key of the screen, from the one table, and those of what lies over it and has no help of its own.

use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::canvas::Canvas;
use super::conflict::bar;
use super::footer::possible;
use super::frame::{self, line};
use crate::tui::keymap::{self, Action, Mode};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of the keys.
const KEYS: usize = 15;
/// What a mouse is good for.
const MOUSE: &str = "with --mouse the wheel scrolls, and a click selects a row or presses a key in the footer; text is \
                     then selected with Shift held";

fn place(area: Rect) -> Rect {
    frame::middle(area, 76, area.height)
}

/// Where its keys are shown and `?` is not listened to, since one types there or answers.
fn without_help(mode: Mode) -> &'static [Mode] {
    match mode {
        Mode::Setup | Mode::Checking => &[],
        Mode::Preview | Mode::News => &[Mode::Filter, Mode::Confirm],
        Mode::Diff => &[Mode::Search],
        Mode::Progress | Mode::Log | Mode::Page => &[Mode::Filter, Mode::Leave, Mode::Confirm],
        Mode::Asked => &[Mode::Leave, Mode::Confirm],
        Mode::Conflict => &[Mode::Files, Mode::Search, Mode::Confirm],
        Mode::Report => &[],
        _ => &[Mode::Confirm],
    }
}

/// What a section is headed with.
fn heading(mode: Mode) -> &'static str {
    match mode {
        Mode::Filter => "while the filter is typed",
        Mode::Files => "in the list of conflicts",
        Mode::Search => "while a search is typed",
        Mode::Leave => "when leaving a running upgrade",
        Mode::Confirm => "before what can't be undone",
        Mode::Help => "in this list",
        _ => "",
    }
}

fn rows(model: &Model, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mode = if model.asked.is_some() { Mode::Asked } else { model.screen_mode() };
    let mut rows = Vec::new();
    // What can't be pressed, and can't be guessed either.
    let told = |name: &str, words: &str| -> Vec<Line<'static>> {
        let parts = text::wrap(words, width.saturating_sub(KEYS + 1)).into_iter().enumerate();
        let left = |i: usize| format!(" {:<width$} ", if i == 0 { name } else { "" }, width = KEYS - 2);
        parts.map(|(i, part)| line(theme, &[(&left(i), Role::Dim), (&part, Role::Text)])).collect()
    };
    if mode == Mode::Conflict {
        rows.extend(told("right edge", bar::LEGEND));
    }
    for section in std::iter::once(&mode).chain(without_help(mode)).chain(&[Mode::Help]) {
        if *section != mode {
            rows.push(Line::default());
            rows.push(line(theme, &[(&format!(" {}", heading(*section)), Role::Title)]));
        }
        for binding in keymap::in_mode(*section) {
            // They are the same everywhere.
            let known = matches!(binding.action, Action::Suspend) && *section != mode;
            if known || *section == Mode::Help && !matches!(binding.action, Action::Back | Action::Leave) {
                continue;
            }
            let now = *section != mode || possible(model, mode, binding);
            let help = if now { binding.help.to_owned() } else { format!("{} (not now)", binding.help) };
            let role = if now { Role::Text } else { Role::Dim };
            for (i, part) in text::wrap(&help, width.saturating_sub(KEYS + 1)).into_iter().enumerate() {
                let left = if i == 0 { binding.labels() } else { String::new() };
                let left = format!(" {left:<width$} ", width = KEYS - 2);
                rows.push(line(theme, &[(&left, if now { Role::Key } else { Role::Dim }), (&part, role)]));
            }
        }
    }
    rows.push(Line::default());
    rows.extend(told("mouse", MOUSE));
    rows
}

/// How many lines it has, and how many fit.
pub(crate) fn size(model: &Model, area: Rect) -> (usize, usize) {
    let inner = frame::inner(place(area));
    (rows(model, inner.width.into()).len(), inner.height.into())
}

/// Draws it.
pub(crate) fn draw(model: &Model, area: Rect, scroll: usize, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let area = place(area);
    Clear.render(area, buffer);
    buffer.set_style(area, theme.ground());
    let (all, fits) = size(model, area);
    let right = if scroll + fits < all { "↓ more, Esc closes" } else { "Esc closes" };
    let inner = frame::pane(theme, area, line(theme, &[("keys", Role::Title)]), right, buffer);
    frame::lines(inner, &rows(model, inner.width.into()), scroll, buffer);
    frame::scroll_mark(theme, area, scroll, all, fits, buffer);
}
