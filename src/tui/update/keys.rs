//! A key: which screen or overlay it is for, and those that mean the same everywhere.

use ratatui::crossterm::event::KeyEvent;

use super::conflict;
use super::navigation::{ask, scrolled, show, uncover};
use super::preview;
use super::progress;
use super::running::{begin, pause};
use super::screens;
use super::setup;
use crate::engine::events::Command;
use crate::host::install;
use crate::tui::keymap::{self, Action, Mode};
use crate::tui::message::Effect;
use crate::tui::model::{Model, Overlay, Pane, Question, Screen};
use crate::tui::view;

/// Three lines at a time, where the arrows move something. It never answers anything.
pub(super) fn wheel(model: &mut Model, up: bool) -> Vec<Effect> {
    let mode = model.mode();
    let action = if up { Action::Up } else { Action::Down };
    if !keymap::in_mode(mode).any(|b| b.action == action) {
        return vec![];
    }
    (0..3).flat_map(|_| act(model, mode, action)).collect()
}

pub(super) fn paste(model: &mut Model, pasted: &str) -> Vec<Effect> {
    let line: String = pasted.chars().filter(|c| !c.is_control()).collect();
    match model.mode() {
        Mode::Source => return setup::typed(model, line.trim()),
        Mode::Filter => filter(model, |f| f.push_str(&line)),
        Mode::Search => return search(model, |s| s.push_str(&line)),
        // Pasted text is never taken for keys.
        _ => {}
    }
    vec![]
}

/// The path that the screen is about goes to the clipboard, whole.
fn copy(model: &mut Model) -> Vec<Effect> {
    let install = install::folder_of(&model.launch.project);
    let path = match model.screen {
        Screen::Preview => match model.preview.as_ref().map(|p| (&p.pane, p.entry())) {
            Some((Pane::Diff(pane), _)) => Some(pane.entry.path.under(&install)),
            Some((_, entry)) => entry.map(|e| e.path.under(&install)),
            None => None,
        },
        Screen::Conflict => model.conflicts.file().map(|f| f.path.under(&install)),
        Screen::Report => Some(model.finish.as_ref().and_then(|f| f.backup.clone()).unwrap_or(install)),
        _ => Some(install),
    };
    let Some(path) = path else { return vec![] };
    // A name that is no text can't be pasted as it is.
    let Some(path) = path.to_str() else {
        model.status = Some("This path is not UTF-8, so it can't be copied.".to_owned());
        return vec![];
    };
    model.status = Some(format!("Copied, if the terminal allows it: {}", model.tilde(path)));
    vec![Effect::Copy(path.to_owned())]
}

/// What is typed into the filter of the list, or of the log.
fn filter(model: &mut Model, change: impl FnOnce(&mut String)) {
    match model.screen {
        Screen::Progress => progress::filter(model, change),
        _ => preview::filter(model, change),
    }
}

/// What is searched for in a diff or a conflict is typed on.
fn search(model: &mut Model, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    match model.screen {
        Screen::Preview => preview::diff_pane::search(model, change),
        _ => conflict::search::search(model, change),
    }
}

pub(super) fn on_key(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let mode = model.mode();
    model.status = None;
    match keymap::lookup(mode, key) {
        Some(action) => act(model, mode, action),
        None => {
            match (mode, keymap::typed(key)) {
                (Mode::Source, Some(c)) => return setup::typed(model, c.encode_utf8(&mut [0; 4])),
                (Mode::Filter, Some(c)) => filter(model, |f| f.push(c)),
                (Mode::Search, Some(c)) => return search(model, |s| s.push(c)),
                _ => {}
            }
            vec![]
        }
    }
}

fn act(model: &mut Model, mode: Mode, action: Action) -> Vec<Effect> {
    match action {
        Action::Suspend => return vec![Effect::Suspend],
        Action::Copy => return copy(model),
        Action::Help => {
            model.overlay = Some(Overlay::Help(0));
            return vec![];
        }
        _ => {}
    }
    match mode {
        Mode::Help => help(model, action),
        Mode::Leave => leave(model, action),
        Mode::Confirm => confirm(model, action),
        Mode::Asked => asked(model, action),
        Mode::Checking | Mode::Setup | Mode::Source => setup::act(model, action),
        Mode::Filter if model.screen == Screen::Progress => progress::act(model, mode, action),
        Mode::Search if model.screen == Screen::Preview => preview::act(model, mode, action),
        Mode::Preview | Mode::Filter | Mode::Diff | Mode::News => preview::act(model, mode, action),
        Mode::Progress | Mode::Log | Mode::Page => progress::act(model, mode, action),
        Mode::Conflict | Mode::Files | Mode::Search => conflict::act::act(model, mode, action),
        Mode::Report => screens::report(model, action),
        Mode::Unfinished => screens::unfinished(model, action),
    }
}

fn help(model: &mut Model, action: Action) -> Vec<Effect> {
    let (rows, page) = view::help_rows(model);
    if let Some(Overlay::Help(at)) = &mut model.overlay {
        match action {
            Action::Back | Action::Leave => uncover(model),
            other => *at = scrolled(*at, other, rows, page),
        }
    }
    vec![]
}

fn leave(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Pause => {
            model.overlay = None;
            pause(model)
        }
        Action::RollBack => ask(model, Overlay::Confirm(Question::RollBack)),
        Action::Back => {
            uncover(model);
            vec![]
        }
        _ => vec![],
    }
}

/// A key that answers the question of a running phase, if the question offers that.
fn asked(model: &mut Model, action: Action) -> Vec<Effect> {
    if action == Action::Leave {
        return ask(model, Overlay::Leave);
    }
    let Some(question) = &model.asked else { return vec![] };
    match keymap::way(action).filter(|way| question.offers(*way)) {
        Some(way) => {
            let id = question.id.clone();
            model.asked = None;
            vec![Effect::Send(Command::Choose { id, way })]
        }
        None => vec![],
    }
}

fn confirm(model: &mut Model, action: Action) -> Vec<Effect> {
    if let (Action::NextTab, Some(Overlay::Confirm(Question::Rule { patterns, at, .. }))) = (action, &mut model.overlay)
    {
        *at = (*at + 1) % patterns.len().max(1);
        return vec![];
    }
    if action != Action::Yes {
        if matches!(action, Action::Back | Action::Leave) {
            uncover(model);
        }
        return vec![];
    }
    let Some(Overlay::Confirm(question)) = model.overlay.take() else { return vec![] };
    match (question, model.session.clone()) {
        (Question::Folder { files, take, folder }, _) => conflict::decide::decide_folder(model, &files, take, &folder),
        (Question::Rule { take, patterns, at }, _) => conflict::standing_rule::add(model, take, patterns.get(at)),
        (Question::Deepen, _) => preview::deepen(model),
        (Question::Removals(_), _) => preview::start(model),
        (Question::Save(path), _) => preview::save(model, &path),
        (Question::RollBack, _) if model.running => {
            model.going_back = true;
            show(model, Screen::Progress);
            vec![Effect::Send(Command::RollBack)]
        }
        (Question::Source, Some(session)) => begin(model, Effect::Resume(Box::new(session), true)),
        (Question::RollBack, Some(session)) => begin(model, Effect::RollBack(Box::new(session))),
        (Question::Discard, Some(session)) if !session.applied() => begin(model, Effect::Discard(Box::new(session))),
        _ => vec![],
    }
}
