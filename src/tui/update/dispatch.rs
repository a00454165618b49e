//! One message: who takes it in.

use ratatui::crossterm::event::KeyEventKind;

use super::click;
use super::conflict::{display, editing, opening, search};
use super::events;
use super::keys;
use super::navigation::hold_input;
use super::preview;
use super::preview::diff_pane;
use super::setup;
use crate::core::exit::Exit;
use crate::tui::message::{Effect, Msg, Owner};
use crate::tui::model::{Model, Screen};

/// Takes a message in.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Opened(found) => events::opened(model, found),
        Msg::Broken(what) => events::stopped(model, Exit::Bug, what.to_owned()),
        // Made before anybody saw what stands there now.
        Msg::Key(_) | Msg::Wheel { .. } | Msg::Click { .. } | Msg::Paste(_) if model.unseen => vec![],
        Msg::Key(key) if key.kind != KeyEventKind::Release => keys::on_key(model, &key),
        Msg::Key(_) => vec![],
        Msg::Wheel { up } => keys::wheel(model, up),
        Msg::Click { x, y } => click::click(model, x, y),
        Msg::Paste(text) => keys::paste(model, &text),
        Msg::Resize(width, height) => {
            (model.width, model.height) = (width, height);
            if model.screen == Screen::Conflict { display::resized(model) } else { vec![] }
        }
        Msg::Event(event) => events::on_event(model, event),
        Msg::EngineGone if model.running => {
            model.running = false;
            let what = "The upgrade stopped without a result; the session is saved.".to_owned();
            vec![Effect::Quit { exit_code: Exit::Bug, lines: vec![what, "Next: pos-upgrade-tui".to_owned()] }]
        }
        Msg::EngineGone => vec![],
        Msg::Inspected(inspection) => preview::inspected(model, *inspection),
        Msg::Offered(candidates) => setup::offered(model, candidates),
        Msg::Looked(looked) => setup::looked(model, *looked),
        Msg::Stood(typed, standing) => setup::stood(model, typed, standing),
        Msg::Fetching(line) => setup::fetching(model, line),
        Msg::Fetched(typed, result) => setup::fetched(model, &typed, result),
        Msg::Recalled(session) => {
            if model.screen == Screen::Report && !model.running {
                model.session = session.map(|s| *s);
            }
            vec![]
        }
        Msg::Saved(saved) => preview::saved(model, saved),
        Msg::OptionSaved(saved) => setup::option_saved(model, saved),
        Msg::NotDeepened(why) => preview::not_deepened(model, &why),
        Msg::TextsLoaded { entry, texts, result } => diff_pane::texts_loaded(model, &entry, texts, result),
        Msg::DiffReady { owner: Owner::Preview(entry), compare, diff } => {
            diff_pane::diff_ready(model, &entry, compare, diff)
        }
        Msg::DiffReady { owner: Owner::Conflict(file), compare, diff } => {
            display::diff_ready(model, file, compare, diff)
        }
        Msg::MergeReady { file, merge, hunks, rows } => opening::merge_ready(model, file, merge, hunks, rows),
        Msg::Found { owner: Owner::Conflict(file), needle, hits } => search::found(model, file, &needle, hits),
        Msg::Found { owner: Owner::Preview(entry), needle, hits } => diff_pane::found(model, &entry, &needle, hits),
        Msg::LeftOver(text) => editing::left_over(model, text),
        Msg::Edited(text) => editing::done(model, text),
        Msg::Tick(now) => {
            model.now = now;
            vec![]
        }
        Msg::Covered => {
            hold_input(model);
            vec![]
        }
        Msg::Drawn => {
            model.undrawn = false;
            vec![]
        }
        Msg::Seen => {
            model.unseen = model.undrawn;
            vec![]
        }
        Msg::Terminate => events::terminate(model),
    }
}
