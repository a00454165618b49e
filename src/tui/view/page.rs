//! A page of the workflow beside the progress.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::canvas::Canvas;
use super::frame::{self, line};
use crate::core::workflow::{self, Block, Page};
use crate::tui::model::Model;
use crate::tui::progress::TaskStage;
use crate::tui::text;
use crate::tui::theme::Role;

/// The page that is open: the one chosen, else that of what runs.
fn open(model: &Model) -> Option<Page> {
    match model.page.and_then(|p| p.at) {
        Some(at) => workflow::pages().get(at).copied(),
        None if model.progress.rollback.is_some() => workflow::find("rollback-procedure"),
        None => workflow::of(model.progress.current),
    }
}

/// How many rows the page has, and how many fit.
pub(crate) fn rows(model: &Model, area: Rect) -> (usize, usize) {
    let inner = frame::inner(area);
    let rows = open(model).map_or(0, |page| lines(model, page, inner.width.into()).len());
    (rows, inner.height.into())
}

/// Draws it.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let Some(page) = open(model) else { return };
    let (scroll, right) = match model.page {
        Some(view) => (view.scroll, "Tab: the next"),
        None => (0, "P: read on"),
    };
    let theme = model.theme;
    let title = line(theme, &[(page.title(), Role::Title)]);
    let inner = frame::pane(theme, area, title, right, buffer);
    let rows = lines(model, page, inner.width.into());
    frame::lines(inner, &rows, scroll, buffer);
    frame::scroll_mark(theme, area, scroll, rows.len(), inner.height.into(), buffer);
    if model.page.is_none() {
        // It stands there to be seen, and is scrolled once it is opened.
        buffer.cover(area);
    }
}

fn lines(model: &Model, page: Page, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let room = width.saturating_sub(2);
    let mut rows: Vec<Line> = Vec::new();
    let mut after_item = false;
    for block in workflow::blocks(page.text) {
        let (first, words, role) = match block {
            // It is the pane's title.
            Block::Title(_) => continue,
            Block::Heading(words) => ("", words, Role::Accent),
            Block::Paragraph(words) => ("", words, Role::Text),
            Block::Item(words) => ("· ", words, Role::Text),
        };
        let item = matches!(block, Block::Item(_));
        let close = rows.is_empty() || item && after_item || rows.last().is_some_and(|_| after_heading(&rows, item));
        if !close {
            rows.push(Line::default());
        }
        after_item = item;
        // A task that runs now is marked in its page.
        let role = if item && runs_now(model, words) { Role::Title } else { role };
        let words = &words.replace('`', "");
        for (i, part) in text::wrap(words, room.saturating_sub(text::width(first))).into_iter().enumerate() {
            let indent = if i == 0 { first } else { &"  "[..first.chars().count()] };
            rows.push(line(theme, &[(" ", Role::Dim), (indent, Role::Dim), (&part, role)]));
        }
    }
    rows
}

/// A list stands right below its heading.
fn after_heading(rows: &[Line], item: bool) -> bool {
    item && rows.len() >= 2 && rows[rows.len() - 2].spans.is_empty()
}

fn runs_now(model: &Model, words: &str) -> bool {
    let Some(phase) = model.progress.line(model.progress.current) else { return false };
    let running = phase.tasks.iter().find(|t| matches!(t.stage, TaskStage::Running(..)));
    running.is_some_and(|t| words.strip_prefix('`').is_some_and(|w| w.starts_with(&format!("{}`", t.task.id()))))
}
