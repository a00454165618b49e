//! The one table of keys: it drives dispatch, the footer and the help.

mod action;
mod bindings;
mod chord;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

#[cfg(test)]
pub(crate) use self::action::ALL_MODES;
pub use self::action::{Action, Mode};
pub(crate) use self::bindings::BINDINGS;
pub use self::chord::{Binding, Chord};
use crate::core::question::Way;

/// What a key does in a mode.
pub(crate) fn lookup(mode: Mode, event: &KeyEvent) -> Option<Action> {
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let chord = Chord { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) };
    in_mode(mode).find(|b| b.keys.contains(&chord)).map(|b| b.action)
}

/// The answer to a phase's question that an action stands for.
pub fn way(action: Action) -> Option<Way> {
    WAYS.iter().find(|(_, a)| *a == action).map(|(way, _)| *way)
}

/// The key that answers so.
pub(crate) fn key_of(way: Way) -> Option<Chord> {
    let (_, action) = WAYS.iter().find(|(w, _)| *w == way)?;
    in_mode(Mode::Asked).find(|b| b.action == *action)?.keys.first().copied()
}

const WAYS: [(Way, Action); 7] = [
    (Way::Retry, Action::Again),
    (Way::GoOn, Action::GoOn),
    (Way::Leave, Action::LeaveAlone),
    (Way::Stop, Action::StopIt),
    (Way::RollBack, Action::RollBack),
    (Way::Allow, Action::Yes),
    (Way::ChangeAnswers, Action::AskAgain),
];

/// The rows of a mode, in the table's order.
pub fn in_mode(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |b| b.modes.contains(&mode))
}

/// The character a key types, if it types one.
pub fn typed(event: &KeyEvent) -> Option<char> {
    let held = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER;
    match event.code {
        KeyCode::Char(c) if !event.modifiers.intersects(held) && !c.is_control() => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn no_key_is_bound_twice_in_a_mode() {
        for mode in ALL_MODES {
            let mut seen = HashMap::new();
            for binding in in_mode(mode) {
                for chord in binding.keys {
                    assert_eq!(seen.insert(*chord, binding.action), None, "{} in {mode:?}", chord.label());
                }
            }
        }
    }

    #[test]
    fn one_key_has_one_meaning() {
        let mut meaning = HashMap::new();
        for binding in BINDINGS.iter().filter(|b| b.action != Action::Pause) {
            for chord in binding.keys {
                let action = *meaning.entry(*chord).or_insert(binding.action);
                assert_eq!(action, binding.action, "{}", chord.label());
            }
        }
    }

    #[test]
    fn every_key_is_explained_and_every_mode_can_be_left() {
        assert!(BINDINGS.iter().all(|b| !b.help.is_empty() && !b.keys.is_empty()));
        for mode in ALL_MODES {
            let out = [Action::Leave, Action::Back, Action::Pause];
            assert!(in_mode(mode).any(|b| out.contains(&b.action)), "{mode:?}");
        }
    }
}
