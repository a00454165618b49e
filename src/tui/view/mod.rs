//! Paints the model. One file per screen; this one has the title, the status line, the footer and what they share.

mod canvas;
mod conflict;
mod difftext;
mod footer;
mod frame;
mod help;
mod log;
mod overlay;
mod page;
mod preview;
mod progress;
mod report;
mod setup;
mod unfinished;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::canvas::Canvas;
pub(crate) use self::canvas::Places;
pub(crate) use self::frame::around;
pub(crate) use self::frame::first_of;
use super::model::{Model, Pane, Screen};
use super::text;
use super::theme::{Role, Theme};
use crate::tui::setup::Choice;

/// The smallest terminal that is drawn on, columns and rows.
pub(crate) const SMALLEST: (u16, u16) = (40, 10);

/// Paints everything into `buffer`, at the size that the model has.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    draw_on(model, area, &mut Canvas::new(buffer));
}

/// What clicks are about, and where: the screen is drawn once more, and says what stands where.
pub fn places(model: &Model) -> Places {
    let area = Rect { x: 0, y: 0, width: model.width, height: model.height };
    let mut buffer = Buffer::empty(area);
    let mut canvas = Canvas::new(&mut buffer);
    draw_on(model, area, &mut canvas);
    canvas.places()
}

fn draw_on(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    buffer.set_style(area, model.theme.ground());
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("terminal too small (needs {}x{})", SMALLEST.0, SMALLEST.1);
        for (y, line) in (area.y..area.bottom()).zip(text::wrap(&text, area.width.into())) {
            frame::put(buffer, area.x, y, area.width, &line, model.theme.style(Role::Text));
        }
        return;
    }
    title(model, Rect { height: 1, ..area }, buffer);
    let body = body(model);
    match model.screen {
        Screen::Checking => setup::checking(model, body, buffer),
        Screen::Setup => setup::draw(model, body, buffer),
        Screen::Preview => preview::draw(model, body, buffer),
        Screen::Progress => progress::draw(model, body, buffer),
        Screen::Conflict => conflict::draw(model, body, buffer),
        Screen::Report => report::draw(model, body, buffer),
        Screen::Unfinished => unfinished::draw(model, body, buffer),
    }
    status(model, Rect { y: area.bottom() - 2, height: 1, ..area }, buffer);
    footer::draw(model, Rect { y: area.bottom() - 1, height: 1, ..area }, buffer);
    overlay::draw(model, body, buffer);
    if model.theme.ascii {
        to_ascii(area, buffer);
    }
}

/// Between the title and the two lines at the bottom.
fn body(model: &Model) -> Rect {
    Rect { x: 0, y: 1, width: model.width, height: model.height.saturating_sub(3) }
}

/// How many rows there are to scroll through on this screen, and how many of them fit.
pub(crate) fn body_rows(model: &Model) -> (usize, usize) {
    let body = body(model);
    match model.screen {
        Screen::Checking => (0, 1),
        Screen::Setup => setup::rows(model, body),
        Screen::Preview => preview::rows(model, body),
        Screen::Progress => progress::rows(model, body),
        Screen::Conflict => conflict::rows(model, body),
        Screen::Report => report::rows(model, body),
        Screen::Unfinished => unfinished::rows(model, body),
    }
}

/// The rows of the conflict screen.
pub(crate) fn conflict_rows(model: &Model) -> conflict::rows::Rows<'_> {
    conflict::measured(model, body(model))
}

/// The options of the setup screen that mean something now.
pub fn choices(model: &Model) -> impl Iterator<Item = Choice> + use<> {
    setup::choices(model)
}

/// The rows that the cursor of the setup screen is at.
pub(crate) fn setup_rows(model: &Model) -> std::ops::Range<usize> {
    setup::cursor_rows(model, body(model))
}

/// The same for the help.
pub(crate) fn help_rows(model: &Model) -> (usize, usize) {
    help::size(model, body(model))
}

/// Which install, from which release to which, and which screen.
fn title(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let bar = theme.style(Role::Bar);
    buffer.set_style(area, bar);
    let right = match model.screen {
        Screen::Checking => "checking".to_owned(),
        Screen::Setup => "setup".to_owned(),
        Screen::Preview => match model.preview.as_ref().map(|p| &p.pane) {
            Some(Pane::Diff(_)) => "preview: diff".to_owned(),
            Some(Pane::News(_)) => "preview: what's new".to_owned(),
            _ => "preview".to_owned(),
        },
        Screen::Progress => progress::clock(model),
        Screen::Conflict => conflict::position(model),
        Screen::Report => "report".to_owned(),
        Screen::Unfinished => "unfinished".to_owned(),
    };
    let right_width = text::width(&right) as u16;
    frame::put(buffer, area.right().saturating_sub(right_width + 1), area.y, right_width, &right, bar);
    let releases = match (&model.from, &model.to) {
        (Some(from), Some(to)) if from == to => text::short(to),
        (from, Some(to)) => {
            format!("{} → {}", from.as_deref().map_or("unknown release".to_owned(), text::short), text::short(to))
        }
        _ => String::new(),
    };
    let room = usize::from(area.width.saturating_sub(right_width + 4));
    let gap = if releases.is_empty() { 0 } else { 3 };
    let releases_width = text::width(&releases);
    let install = text::fit_end(&model.install(), room.saturating_sub(releases_width + gap));
    let x = area.x + 1;
    let used = frame::put(buffer, x, area.y, room as u16, &install, bar.patch(theme.style(Role::Title)));
    let (x, room) = if used > 0 { (x + used + gap as u16, room - usize::from(used) - gap) } else { (x, room) };
    frame::put(buffer, x, area.y, room as u16, &text::fit(&releases, room), bar);
}

/// The one place for a question or a word about the last key.
fn status(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let (text, role) = match &model.status {
        Some(status) => (status.clone(), Role::Warn),
        None => match model.screen {
            _ if model.asked.is_some() => ("The upgrade waits for your answer.".to_owned(), Role::Warn),
            Screen::Conflict => match progress::asked_for(model) {
                Some(asked) => (asked.to_owned(), Role::Warn),
                None => conflict::question(model),
            },
            Screen::Progress => progress::note(model),
            Screen::Preview => preview::note(model),
            Screen::Setup => setup::note(model),
            _ => return,
        },
    };
    let room = usize::from(area.width.saturating_sub(2));
    let mut rows = match model.status {
        // A word about the last key, such as why something is refused, is said to its end, over what stands above.
        Some(_) => text::wrap(&text, room),
        None => Vec::new(),
    };
    let most = usize::from((area.y / 2).min(4)).max(1);
    if rows.len() > most || rows.is_empty() {
        let rest = rows.split_off(rows.len().min(most - 1)).join(" ");
        rows.push(text::fit(if rest.is_empty() { &text } else { &rest }, room));
    }
    for (y, row) in (0..=area.y).rev().zip(rows.iter().rev()) {
        frame::put(buffer, area.x, y, area.width, &" ".repeat(area.width.into()), theme.style(Role::Text));
        buffer.cover(Rect { y, ..area });
        frame::put(buffer, area.x + 1, y, room as u16, row, theme.style(role));
    }
}

/// The last step where the terminal has no UTF-8: every glyph becomes one ASCII character.
fn to_ascii(area: Rect, buffer: &mut Buffer) {
    for y in area.y..area.bottom() {
        for x in area.x..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y))
                && !cell.symbol().is_ascii()
            {
                let plain = Theme::stand_in(cell.symbol());
                cell.set_symbol(plain);
            }
        }
    }
}
