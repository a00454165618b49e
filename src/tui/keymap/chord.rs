//! A key as it is pressed and written, and a row of the table of keys.

use ratatui::crossterm::event::KeyCode;

use super::action::{Action, Mode};

/// A key with or without Ctrl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Ctrl is held.
    pub ctrl: bool,
}

pub(super) const fn key(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), ctrl: false }
}

pub(super) const fn ctrl(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), ctrl: true }
}

pub(super) const fn named(code: KeyCode) -> Chord {
    Chord { code, ctrl: false }
}

impl Chord {
    /// How it is written in the footer and the help.
    pub fn label(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Enter => "Enter".to_owned(),
            KeyCode::Esc => "Esc".to_owned(),
            KeyCode::Tab => "Tab".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::Backspace => "Backspace".to_owned(),
            KeyCode::Delete => "Delete".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Home => "Home".to_owned(),
            KeyCode::End => "End".to_owned(),
            other => format!("{other:?}"),
        };
        if self.ctrl { format!("Ctrl-{name}") } else { name }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Any of these does it.
    pub keys: &'static [Chord],
    /// Where.
    pub modes: &'static [Mode],
    /// What.
    pub action: Action,
    /// A word or two for the footer; empty if it isn't shown there.
    pub(crate) hint: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// Its place in the footer: the lowest comes first and is the last to be dropped.
    pub(crate) priority: u8,
}

impl Binding {
    /// All of its keys, as they are written.
    pub fn labels(&self) -> String {
        self.keys.iter().map(|k| k.label()).collect::<Vec<_>>().join(" ")
    }
}

pub(super) const fn bind(
    keys: &'static [Chord],
    modes: &'static [Mode],
    action: Action,
    hint: &'static str,
    help: &'static str,
    priority: u8,
) -> Binding {
    Binding { keys, modes, action, hint, help, priority }
}
