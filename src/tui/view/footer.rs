//! What the keys do now: the line at the bottom, and for the help which keys do nothing.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::{conflict, frame, preview, setup};
use crate::engine::events::Level;
use crate::tui::click::Target;
use crate::tui::keymap::{self, Action, Binding, Chord, Mode};
use crate::tui::model::{Model, Preview};
use crate::tui::text;
use crate::tui::theme::Role;

/// Whether a key does something now; the footer shows only those that do, the help marks the others.
pub(super) fn possible(model: &Model, mode: Mode, binding: &Binding) -> bool {
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
pub(super) fn key_in(mode: Mode, label: &str) -> Option<Chord> {
    keymap::in_mode(mode).flat_map(|b| b.keys).find(|key| key.label() == label).copied()
}

fn key_label(chord: Option<&Chord>) -> String {
    chord.map(|c| c.label()).unwrap_or_default()
}

/// What is possible now, as much of it as fits; `?` always does.
pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
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
