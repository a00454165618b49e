//! The diff of a file of the plan: what is compared, searched for, and where the view stands.

use std::sync::Arc;

use crate::core::outcome::Sides;
use crate::core::plan::FileEntry;
use crate::core::policy::OnConflict;
use crate::tui::diff::{Diff, How};
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{Effect, Owner, Place};
use crate::tui::model::{Compare, DiffPane, Model, Pane, Preview};
use crate::tui::search::{Search, Typed};
use crate::tui::update::navigation::{moved_across, scrolled};
use crate::tui::view;

/// Shows the selected file's.
pub(super) fn open(preview: &mut Preview, policy: OnConflict) -> Vec<Effect> {
    let Some(entry) = preview.entry().cloned() else { return vec![] };
    let prior = preview.inspection.settled(&entry.path).map(|p| p.answer.clone());
    let source = preview.inspection.source.clone();
    let effect = Effect::LoadTexts { entry: Box::new(entry.clone()), prior, policy, source };
    preview.pane = Pane::Diff(Box::new(DiffPane {
        entry,
        texts: None,
        result: None,
        compare: Compare::MineTheirs,
        diff: None,
        scroll: 0,
        across: 0,
        wrap: false,
        search: None,
    }));
    vec![effect]
}

fn pane(model: &mut Model) -> Option<&mut DiffPane> {
    match &mut model.preview.as_mut()?.pane {
        Pane::Diff(pane) => Some(pane),
        _ => None,
    }
}

/// The pairs that can be compared, the most telling first. Beside an edit, mine and theirs say the least: all that the
/// user added looks as if it went.
fn compares(texts: &Sides, known: bool) -> Vec<Compare> {
    let (base, mine, theirs) = (texts.base.is_some(), texts.mine.is_some(), texts.theirs.is_some());
    let edited = texts.is_edited();
    let changed = texts.base != texts.theirs;
    let all = [
        (Compare::Result, known),
        (Compare::MineTheirs, !edited && (mine || !base)),
        (Compare::BaseTheirs, base && changed && (edited || !mine)),
        (Compare::BaseMine, edited),
        (Compare::MineTheirs, theirs && (edited && changed || base && !mine)),
    ];
    all.into_iter().filter(|c| c.1).map(|c| c.0).collect()
}

fn owner(pane: &DiffPane) -> Owner {
    Owner::Preview(Box::new(pane.entry.clone()))
}

fn ask_diff(pane: &mut DiffPane) -> Vec<Effect> {
    let Some(Ok(texts)) = &pane.texts else { return vec![] };
    let (old, new) = match pane.compare {
        Compare::BaseMine => (&texts.base, &texts.mine),
        Compare::BaseTheirs => (&texts.base, &texts.theirs),
        Compare::Result => (&texts.mine, &pane.result),
        _ => (&texts.mine, &texts.theirs),
    };
    pane.diff = None;
    pane.scroll = 0;
    let owner = owner(pane);
    vec![Effect::BuildDiff { owner, compare: pane.compare, old: old.clone(), new: new.clone(), how: How::default() }]
}

pub(crate) fn texts_loaded(
    model: &mut Model,
    entry: &FileEntry,
    texts: Result<Sides, String>,
    result: Option<Arc<[u8]>>,
) -> Vec<Effect> {
    match pane(model) {
        Some(pane) if pane.entry == *entry => {
            pane.compare = match &texts {
                Ok(texts) => compares(texts, result.is_some()).first().copied().unwrap_or(Compare::MineTheirs),
                Err(_) => Compare::MineTheirs,
            };
            pane.result = result;
            pane.texts = Some(texts);
            ask_diff(pane)
        }
        _ => vec![],
    }
}

pub(crate) fn diff_ready(model: &mut Model, entry: &FileEntry, compare: Compare, diff: Arc<Diff>) -> Vec<Effect> {
    match pane(model).filter(|p| p.entry == *entry && p.compare == compare) {
        Some(pane) => {
            pane.diff = Some(diff);
            // A search goes on in what is compared now.
            again(pane)
        }
        None => vec![],
    }
}

/// Changes what is searched for.
pub(crate) fn search(model: &mut Model, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    let Some(pane) = pane(model) else { return vec![] };
    if let Some(search) = &mut pane.search {
        search.change(change);
    }
    again(pane)
}

fn again(pane: &mut DiffPane) -> Vec<Effect> {
    let owner = owner(pane);
    match (&mut pane.search, &pane.diff) {
        (Some(search), Some(diff)) if !search.needle.is_empty() => {
            vec![Effect::Find { owner, needle: search.needle.clone(), place: Place::Diff(Arc::clone(diff)) }]
        }
        (Some(search), _) => {
            search.hits.clear();
            vec![]
        }
        _ => vec![],
    }
}

/// The rows with a hit have been found.
pub(crate) fn found(model: &mut Model, entry: &FileEntry, needle: &str, hits: Vec<usize>) -> Vec<Effect> {
    let Some(pane) = pane(model).filter(|p| p.entry == *entry) else { return vec![] };
    let scroll = pane.scroll;
    if pane.search.as_mut().is_some_and(|s| s.found(needle, hits, scroll)) {
        return go(model, 0);
    }
    vec![]
}

/// Goes to the hit that is `by` from here.
fn go(model: &mut Model, by: isize) -> Vec<Effect> {
    let (rows, page) = view::body_rows(model);
    let Some(pane) = pane(model) else { return vec![] };
    match pane.search.as_mut().map(|s| s.go(by, rows, page)) {
        Some(Ok(scroll)) => pane.scroll = scroll,
        Some(Err(why)) if !why.is_empty() => model.status = Some(why),
        Some(Err(_)) => {}
        None => model.status = Some("Nothing is searched for; / begins.".to_owned()),
    }
    vec![]
}

pub(super) fn act(model: &mut Model, mode: Mode, action: Action) -> Vec<Effect> {
    let (rows, page) = view::body_rows(model);
    let Some(pane) = pane(model) else { return vec![] };
    if mode == Mode::Search {
        match pane.search.as_mut().map(|s| s.key(action)) {
            Some(Typed::Changed) => return again(pane),
            Some(Typed::Done) => return go(model, 0),
            Some(Typed::Ended) => pane.search = None,
            Some(Typed::Nothing) | None => {}
        }
        return vec![];
    }
    match action {
        Action::Filter => Search::begin(&mut pane.search),
        Action::NextHit => return go(model, 1),
        Action::PreviousHit => return go(model, -1),
        Action::Back if pane.search.is_some() => pane.search = None,
        Action::Wrap => {
            pane.wrap = !pane.wrap;
            pane.across = 0;
        }
        Action::Back | Action::Leave => {
            if let Some(preview) = &mut model.preview {
                preview.pane = Pane::List;
            }
        }
        Action::Diff => {
            let Some(Ok(texts)) = &pane.texts else { return vec![] };
            let all = compares(texts, pane.result.is_some());
            let at = all.iter().position(|c| *c == pane.compare).map_or(0, |i| i + 1);
            if let Some(next) = all.get(at).or(all.first()).filter(|c| **c != pane.compare) {
                pane.compare = *next;
                return ask_diff(pane);
            }
        }
        Action::NextChange | Action::PreviousChange => {
            let changes = pane.diff.as_ref().map_or(&[][..], |d| &d.changes);
            pane.scroll = to_change(changes, pane.scroll, action == Action::NextChange, rows, page);
        }
        Action::Left | Action::Right => pane.across = moved_across(pane.across, action),
        other => pane.scroll = scrolled(pane.scroll, other, rows, page),
    }
    vec![]
}

/// The scroll position that shows the next or previous change, with two rows above it.
fn to_change(changes: &[usize], scroll: usize, forward: bool, rows: usize, page: usize) -> usize {
    let top = |row: usize| row.saturating_sub(2).min(rows.saturating_sub(page));
    let found = if forward {
        changes.iter().find(|c| top(**c) > scroll)
    } else {
        changes.iter().rev().find(|c| top(**c) < scroll)
    };
    found.map_or(scroll, |row| top(*row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(base: Option<&str>, mine: Option<&str>, theirs: Option<&str>) -> Sides {
        let side = |text: Option<&str>| text.map(|t| Arc::<[u8]>::from(t.as_bytes()));
        Sides { base: side(base), mine: side(mine), theirs: side(theirs) }
    }

    #[test]
    fn an_edit_is_never_shown_first_as_if_it_went() {
        use Compare::{BaseMine, BaseTheirs, MineTheirs, Result};
        let (base, mine, theirs) = (Some("base"), Some("mine"), Some("theirs"));
        assert_eq!(compares(&sides(base, mine, theirs), false), [BaseTheirs, BaseMine, MineTheirs]);
        assert_eq!(compares(&sides(base, mine, theirs), true), [Result, BaseTheirs, BaseMine, MineTheirs]);
        assert_eq!(compares(&sides(base, mine, base), false), [BaseMine], "the source left it alone");
        assert_eq!(compares(&sides(base, mine, None), false), [BaseTheirs, BaseMine]);
        assert_eq!(compares(&sides(base, None, theirs), false), [BaseTheirs, MineTheirs]);
        assert_eq!(compares(&sides(base, base, theirs), false), [MineTheirs]);
        assert_eq!(compares(&sides(None, None, theirs), false), [MineTheirs]);
        assert_eq!(compares(&sides(None, mine, theirs), false), [MineTheirs]);
    }
}
