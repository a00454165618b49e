//! Paints the model. One file per screen; this one has the title, the status line, the footer and what they share.

mod canvas;
mod conflict;
mod difftext;
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
use super::click::Target;
use super::keymap::{self, Action, Binding, Mode};
use super::model::{Model, Pane, Preview, Screen};
use super::theme::{Role, Theme};
use super::{keymap::Chord, text};
use crate::engine::events::Level;
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
    footer(model, Rect { y: area.bottom() - 1, height: 1, ..area }, buffer);
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

/// Whether a key does something now; the footer shows only those that do, the help marks the others.
fn possible(model: &Model, mode: Mode, binding: &Binding) -> bool {
    match (mode, binding.action) {
        (Mode::Unfinished, Action::Discard) => model.session.as_ref().is_some_and(|s| !s.applied() && !s.rebuilt()),
        (Mode::Unfinished, Action::Again) => model.session.as_ref().is_some_and(|s| !s.rebuilt()),
        (Mode::Unfinished, Action::Accept) => model.session.as_ref().is_some_and(|s| !s.rebuilt() && !s.rolling_back()),
        (Mode::Conflict, action) => conflict::possible(model, action),
        (Mode::Preview, Action::Accept) => !model.launch.options.dry_run && !model.is_current(),
        (Mode::Report, Action::RollBack) => model.session.is_some(),
        (Mode::Preview, Action::Toggle) => preview::is_folder(model),
        (Mode::Preview, Action::AskAgain) => model.preview.as_ref().is_some_and(|p| p.inspection.answered_before() > 0),
        (Mode::Preview, Action::Deepen) => model.preview.as_ref().is_some_and(Preview::is_shallow),
        (Mode::Preview, Action::Diff) => model.preview.as_ref().is_some_and(|p| p.entry().is_some()),
        (Mode::Asked, action) => match (keymap::way(action), &model.asked) {
            (Some(way), Some(question)) => question.offers(way),
            _ => true,
        },
        (Mode::Source, Action::Back) => setup::can_go_back(model),
        _ => true,
    }
}

/// The words behind a key in the footer.
fn hint(model: &Model, mode: Mode, binding: &Binding) -> String {
    match (mode, binding.action) {
        (Mode::Preview, Action::Accept) => preview::start_hint(model),
        (Mode::Source, Action::Accept) if setup::is_at_offer(model) => "take this".to_owned(),
        // The same as Enter there.
        (Mode::Source, Action::NextTab) if setup::is_at_offer(model) => String::new(),
        (Mode::Preview, Action::AskAgain) if model.launch.options.ask_again => "answer as before".to_owned(),
        (Mode::Conflict, Action::SideBySide) if model.conflicts.is_beside() => "one column".to_owned(),
        (Mode::Conflict, Action::Accept) if model.conflicts.settling.current().is_some_and(|f| f.is_settled()) => {
            "accept".to_owned()
        }
        (Mode::Conflict, Action::Accept) => "next open".to_owned(),
        // The same as Enter, where Enter does it.
        (Mode::Unfinished, Action::Again) if model.session.as_ref().is_some_and(|s| !s.rolling_back()) => String::new(),
        (Mode::Unfinished, Action::Again) => "finish the rollback".to_owned(),
        (Mode::Log, Action::Log) => "small log".to_owned(),
        (Mode::Page, Action::Page) => "close".to_owned(),
        (Mode::Log, Action::LogLevel) => match model.log_view.level {
            Level::Info => "warnings".to_owned(),
            Level::Warn => "errors".to_owned(),
            Level::Error => "all lines".to_owned(),
        },
        _ => binding.hint.to_owned(),
    }
}

/// The key that is written like this, where it is listened to.
fn key_in(mode: Mode, label: &str) -> Option<Chord> {
    keymap::in_mode(mode).flat_map(|b| b.keys).find(|key| key.label() == label).copied()
}

fn key_label(chord: Option<&Chord>) -> String {
    chord.map(|c| c.label()).unwrap_or_default()
}

/// What is possible now, as much of it as fits; `?` always does.
fn footer(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let mode = model.mode();
    let theme = model.theme;
    let mut hints: Vec<&Binding> =
        keymap::in_mode(mode).filter(|b| !hint(model, mode, b).is_empty() && possible(model, mode, b)).collect();
    hints.sort_by_key(|b| b.priority);
    let width_of = |b: &Binding| text::width(&key_label(b.keys.first())) + 1 + text::width(&hint(model, mode, b)) + 2;
    let (help, hints): (Vec<&Binding>, Vec<&Binding>) = hints.into_iter().partition(|b| b.action == Action::Help);
    let mut room = usize::from(area.width.saturating_sub(2)).saturating_sub(help.iter().map(|b| width_of(b)).sum());
    let mut shown: Vec<&Binding> = Vec::new();
    for binding in hints {
        let needed = width_of(binding);
        if needed <= room {
            room -= needed;
            shown.push(binding);
        }
    }
    shown.extend(help);
    let mut x = area.x + 1;
    for binding in shown {
        let Some(key) = binding.keys.first() else { continue };
        let (label, words) = (key.label(), format!(" {}", hint(model, mode, binding)));
        let wide = (text::width(&label) + text::width(&words)) as u16;
        buffer.mark(Rect { x, width: wide, ..area }, Target::Key(*key));
        for (part, role) in [(label, Role::Key), (words + "  ", Role::Dim)] {
            x += frame::put(buffer, x, area.y, area.right().saturating_sub(x), &part, theme.style(role));
        }
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
