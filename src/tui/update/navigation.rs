//! What leads from one screen to another, and moves within one.

use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::model::{LogView, Model, Overlay, Screen};
use crate::tui::view;

/// Changes the screen. What has been typed so far was not meant for it.
pub(crate) fn show(model: &mut Model, screen: Screen) {
    if model.screen != screen {
        model.screen = screen;
        hold_input(model);
        model.scroll = 0;
        model.across = 0;
        model.status = None;
        model.big_log = None;
        model.log_view = LogView::default();
        model.page = None;
    }
    if !matches!(model.overlay, Some(Overlay::Help(_))) {
        model.overlay = None;
    }
}

/// Something has come up: what is typed until it stands on the terminal is not meant for it.
pub(crate) fn hold_input(model: &mut Model) {
    (model.undrawn, model.unseen) = (true, true);
}

/// Lays a question over the screen.
pub(crate) fn ask(model: &mut Model, overlay: Overlay) -> Vec<Effect> {
    model.overlay = Some(overlay);
    hold_input(model);
    vec![]
}

/// Takes away what lies over the screen. A question that stood behind it has to be seen before it is answered.
pub(crate) fn uncover(model: &mut Model) {
    model.overlay = None;
    if model.asked.is_some() {
        hold_input(model);
    }
}

/// Moves a scroll position; `rows` is how many there are.
pub(crate) fn scrolled(at: usize, action: Action, rows: usize, page: usize) -> usize {
    let end = rows.saturating_sub(page);
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(page.max(2) - 1),
        Action::PageDown => at + page.max(2) - 1,
        Action::Top => 0,
        Action::Bottom => end,
        _ => at,
    };
    to.min(end)
}

/// Moves a column.
pub(crate) fn moved_across(at: usize, action: Action) -> usize {
    match action {
        Action::Left => at.saturating_sub(8),
        Action::Right => (at + 8).min(2_000),
        _ => at,
    }
}

/// A list that a click has left where it was goes along with its cursor, no further than it has to.
pub(crate) fn follow(model: &mut Model, selected: usize, rows: usize, page: usize) {
    model.held = model.held.map(|first| view::first_of(Some(first), selected, rows, page));
}
