//! Searching in what is shown.

use super::display::{find_again, refresh};
use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::model::Model;
use crate::tui::search::{Search, Typed};
use crate::tui::view;

/// Changes what is searched for.
pub(crate) fn search(model: &mut Model, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    if let Some(search) = &mut model.conflicts.search {
        search.change(change);
    }
    find_again(model)
}

/// A key while it is typed.
pub(super) fn key(model: &mut Model, action: Action) -> Vec<Effect> {
    match model.conflicts.search.as_mut().map(|s| s.key(action)) {
        Some(Typed::Changed) => find_again(model),
        Some(Typed::Done) => go(model, 0),
        Some(Typed::Ended) => end(model),
        Some(Typed::Nothing) | None => vec![],
    }
}

/// A key of the conflict screen that is about searching.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match (action, &mut model.conflicts.search) {
        (Action::Filter, search) => {
            Search::begin(search);
            refresh(model)
        }
        (Action::Back, Some(_)) => end(model),
        (Action::NextHit, Some(_)) => go(model, 1),
        (Action::PreviousHit, Some(_)) => go(model, -1),
        (Action::NextHit | Action::PreviousHit, None) => {
            model.status = Some("Nothing is searched for; / begins.".to_owned());
            vec![]
        }
        _ => vec![],
    }
}

fn end(model: &mut Model) -> Vec<Effect> {
    model.conflicts.search = None;
    refresh(model)
}

/// Goes to the hit that is `by` from here.
fn go(model: &mut Model, by: isize) -> Vec<Effect> {
    let (rows, page) = view::body_rows(model);
    let c = &mut model.conflicts;
    match c.search.as_mut().map(|s| s.go(by, rows, page)) {
        // Wrapped, more rows may stand before it than would leave it in sight.
        Some(Ok(_)) if !c.cut => {
            let hit = c.search.as_ref().and_then(|s| s.hits.get(s.at)).copied().unwrap_or(0);
            model.conflicts.scroll = view::conflict_rows(model).top_for(hit);
        }
        Some(Ok(scroll)) => c.scroll = scroll,
        Some(Err(why)) if !why.is_empty() => model.status = Some(why),
        _ => {}
    }
    vec![]
}

/// The rows with a hit have been found.
pub(crate) fn found(model: &mut Model, file: usize, needle: &str, hits: Vec<usize>) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let (here, scroll) = (c.settling.file() == file, c.scroll);
    if here && c.search.as_mut().is_some_and(|s| s.found(needle, hits, scroll)) {
        return go(model, 0);
    }
    vec![]
}
