//! A click: what stands there is asked of the view, which alone knows.

use ratatui::crossterm::event::{KeyEvent, KeyModifiers};

use super::keys::on_key;
use super::preview;
use super::progress;
use super::setup;
use crate::tui::click::{Click, Target};
use crate::tui::keymap::Chord;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Overlay, Pane, Screen};
use crate::tui::view;

pub(super) fn click(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    let target = view::places(model).at(x, y);
    let mut now = Click { at: (x, y), target, when: model.now };
    if let Some(last) = model.clicked.filter(|last| last.goes_on(&now)) {
        now.target = last.target;
    }
    model.clicked = Some(now);
    // The second half of a double click is not for what the first half brought up there.
    let Some(target) = target.filter(|_| now.target == target) else { return vec![] };
    match target {
        Target::Key(chord) => return on_key(model, &pressed(chord)),
        // Not all of its rows can be gone to.
        Target::Spot(spot) if !setup::spots(model).contains(&spot) => return vec![],
        _ => model.status = None,
    }
    match target {
        Target::Key(_) => {}
        Target::Spot(spot) => return setup::clicked(model, spot),
        Target::Tab(tab) => preview::to_tab(model, tab),
        Target::Hunk(hunk) => model.conflicts.settling.go_to_hunk(hunk),
        Target::Row { row, first } => {
            select(model, row);
            model.held = Some(first);
        }
        Target::Bar(row) => show_row(model, row),
    }
    vec![]
}

fn pressed(chord: Chord) -> KeyEvent {
    KeyEvent::new(chord.code, if chord.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
}

/// Selects a row of the list that is shown.
fn select(model: &mut Model, row: usize) {
    match (&mut model.overlay, &mut model.preview) {
        (Some(Overlay::Files(at)), _) => *at = row,
        (None, Some(preview)) => preview.selected = row,
        _ => {}
    }
}

/// Scrolls what is shown so that this row is in sight; in a list it is selected, since a list follows its cursor.
fn show_row(model: &mut Model, row: usize) {
    let (rows, page) = view::body_rows(model);
    let first = view::around(row, rows, page);
    let (lines, fit) = view::help_rows(model);
    match (&mut model.overlay, model.screen, model.preview.as_mut().map(|p| &mut p.pane)) {
        (Some(Overlay::Help(at)), ..) => *at = view::around(row, lines, fit),
        (None, Screen::Preview, Some(Pane::Diff(pane))) => pane.scroll = first,
        (None, Screen::Preview, Some(Pane::News(at))) => *at = first,
        (None, Screen::Progress, _) => progress::show_row(model, row),
        (None, Screen::Conflict, _) => {
            let first = view::conflict_rows(model).top_for(row);
            (model.conflicts.scroll, model.conflicts.within) = (first, (0, 0));
        }
        _ => {
            select(model, row);
            model.held = None;
        }
    }
}
