//! Searching in what is shown.

use std::sync::Arc;

use super::super::{Effect, Place};
use super::look;
use crate::tui::keymap::Action;
use crate::tui::model::{Compare, Model, Search};
use crate::tui::view;

/// Changes what is searched for.
pub(in crate::tui::update) fn search(model: &mut Model, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    if let Some(search) = &mut model.conflicts.search {
        change(&mut search.needle);
        search.current = false;
    }
    again(model)
}

/// A key while it is typed.
pub(super) fn key(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Erase => search(model, |s| {
            s.pop();
        }),
        Action::EraseAll => search(model, String::clear),
        Action::Accept => {
            if let Some(search) = &mut model.conflicts.search {
                search.typing = false;
            }
            if model.conflicts.search.as_ref().is_some_and(|s| s.needle.is_empty()) {
                return end(model);
            }
            go(model, 0)
        }
        Action::Back | Action::Leave => end(model),
        _ => vec![],
    }
}

/// A key of the conflict screen that is about searching.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match (action, &mut model.conflicts.search) {
        (Action::Filter, search) => {
            let search = search.get_or_insert_with(Search::default);
            search.typing = true;
            look(model)
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
    look(model)
}

/// Goes to the hit that is `by` from here, around the ends.
fn go(model: &mut Model, by: isize) -> Vec<Effect> {
    let (rows, page) = view::body_rows(model);
    let c = &mut model.conflicts;
    let Some(search) = &mut c.search else { return vec![] };
    if search.hits.is_empty() {
        if search.current {
            model.status = Some(format!("\"{}\" is nowhere here.", search.needle));
        }
        return vec![];
    }
    let count = search.hits.len();
    search.at = (search.at + count).saturating_add_signed(by) % count;
    c.scroll = search.hits[search.at].saturating_sub(page / 3).min(rows.saturating_sub(page));
    vec![]
}

/// Searches again where what is shown, or what is searched for, has changed.
pub(super) fn again(model: &mut Model) -> Vec<Effect> {
    let c = &model.conflicts;
    let Some(search) = c.search.as_ref().filter(|s| !s.needle.is_empty()) else {
        if let Some(search) = &mut model.conflicts.search {
            search.hits.clear();
        }
        return vec![];
    };
    let place = match (c.shown(), c.text().and_then(|t| Some((t.merge.as_ref()?, t.rows.as_ref()?))), c.diff()) {
        (Compare::Merge, Some((merge, rows)), _) if rows.0.layout == c.wanted() => {
            Place::Merge(Arc::clone(merge), Arc::clone(rows), c.is_beside())
        }
        (Compare::Merge, ..) => return vec![],
        (_, _, Some(diff)) => Place::Diff(Arc::clone(diff)),
        _ => return vec![],
    };
    vec![Effect::Find { file: c.settling.file(), needle: search.needle.clone(), place }]
}

/// The rows with a hit have been found.
pub(in crate::tui::update) fn found(model: &mut Model, file: usize, needle: &str, hits: Vec<usize>) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let scroll = c.scroll;
    if c.settling.file() != file {
        return vec![];
    }
    let Some(search) = c.search.as_mut().filter(|s| s.needle == needle) else { return vec![] };
    let fresh = !search.current;
    search.hits = hits;
    search.current = true;
    search.at = search.at.min(search.hits.len().saturating_sub(1));
    if fresh {
        // From where the view stands on.
        search.at = search.hits.iter().position(|h| *h >= scroll).unwrap_or(0);
        return go(model, 0);
    }
    vec![]
}
