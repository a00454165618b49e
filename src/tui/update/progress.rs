//! The progress screen: the log, large, by level and filtered, and the workflow's pages.

use super::navigation::{ask, moved_across, scrolled};
use crate::core::workflow;
use crate::engine::events::Level;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::Effect;
use crate::tui::model::{LogView, Model, Overlay, PageView};
use crate::tui::view;

pub(super) fn act(model: &mut Model, mode: Mode, action: Action) -> Vec<Effect> {
    match (mode, action) {
        (Mode::Filter, _) => filter_key(model, action),
        (_, Action::Leave) => return ask(model, Overlay::Leave),
        (_, Action::Page) => {
            model.page = if model.page.is_some() { None } else { Some(PageView::default()) };
            model.big_log = None;
        }
        (Mode::Page, Action::Log) => {
            model.page = None;
            model.big_log = Some(0);
        }
        (Mode::Page, _) => page(model, action),
        (_, Action::Log | Action::Back) if model.big_log.is_some() => {
            model.big_log = None;
            model.log_view = LogView::default();
            model.across = 0;
        }
        (_, Action::Log) => model.big_log = Some(0),
        (_, Action::LogLevel) => {
            // From the small log the first step is to what is worth reading.
            model.log_view.level = match model.log_view.level {
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Info,
            };
            model.big_log = Some(0);
        }
        (_, Action::Filter) => model.log_view.filtering = true,
        (_, Action::Left | Action::Right) => model.across = moved_across(model.across, action),
        (_, other) => {
            if let Some(up) = model.big_log {
                // The log hangs from its end: scrolling up counts away from the newest line.
                let (rows, page) = view::body_rows(model);
                let end = rows.saturating_sub(page);
                let top = scrolled(end.saturating_sub(up), other, rows, page);
                model.big_log = Some(end.saturating_sub(top));
            }
        }
    }
    vec![]
}

/// Scrolls the log or the page so that this row is in the middle.
pub(super) fn show_row(model: &mut Model, row: usize) {
    let (rows, fits) = view::body_rows(model);
    let first = view::around(row, rows, fits);
    let at = usize::from(model.progress.current.number());
    let going_back = model.progress.rollback.is_some();
    match (&mut model.page, &mut model.big_log) {
        (_, Some(up)) => *up = rows.saturating_sub(fits) - first,
        (Some(page), None) => read_on(page, first, at, going_back),
        (None, None) => {}
    }
}

/// Who reads on keeps the page, whatever runs meanwhile.
fn read_on(page: &mut PageView, scroll: usize, at: usize, going_back: bool) {
    page.scroll = scroll;
    page.at = page.at.or(Some(at).filter(|_| !going_back));
}

fn page(model: &mut Model, action: Action) {
    let all = workflow::pages().len();
    let (rows, fits) = view::body_rows(model);
    let current = usize::from(model.progress.current.number());
    let going_back = model.progress.rollback.is_some();
    let Some(page) = &mut model.page else { return };
    let at = page.at.unwrap_or(current);
    match action {
        Action::Back => model.page = None,
        Action::NextTab => *page = PageView { at: Some((at + 1) % all), scroll: 0 },
        Action::PreviousTab => *page = PageView { at: Some((at + all - 1) % all), scroll: 0 },
        other => read_on(page, scrolled(page.scroll, other, rows, fits), at, going_back),
    }
}

/// Changes the log's filter; its newest lines are shown.
pub(super) fn filter(model: &mut Model, change: impl FnOnce(&mut String)) {
    change(&mut model.log_view.filter);
    model.big_log = Some(0);
}

fn filter_key(model: &mut Model, action: Action) {
    match action {
        Action::Erase => filter(model, |f| {
            f.pop();
        }),
        Action::EraseAll => filter(model, String::clear),
        Action::Accept => model.log_view.filtering = false,
        Action::Back | Action::Leave => {
            filter(model, String::clear);
            model.log_view.filtering = false;
        }
        _ => {}
    }
}
