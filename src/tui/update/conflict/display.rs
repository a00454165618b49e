//! What the conflict screen shows: the rows and diffs that it needs, and the hunk that is in sight.

use std::sync::Arc;

use crate::tui::conflict::Shape;
use crate::tui::diff::Diff;
use crate::tui::message::{Effect, Owner, Place};
use crate::tui::model::{Compare, Conflicts, Model};
use crate::tui::view;

/// From this width on, mine and theirs stand side by side unless the person says otherwise.
pub(super) const WIDE: u16 = 100;

/// What is said to whoever decides about texts that are not shown yet.
pub(super) const ALIGNING: &str = "The texts are still being aligned.";

/// The terminal has another width: what is wide enough for two columns may have changed.
pub(crate) fn resized(model: &mut Model) -> Vec<Effect> {
    let wide = model.width >= WIDE;
    if std::mem::replace(&mut model.conflicts.wide, wide) != wide && model.conflicts.beside.is_none() {
        return refresh(model);
    }
    let (rows, page) = view::body_rows(model);
    let c = &mut model.conflicts;
    c.scroll = c.scroll.min(rows.saturating_sub(page.max(1)));
    vec![]
}

pub(crate) fn diff_ready(model: &mut Model, file: usize, compare: Compare, diff: Arc<Diff>) -> Vec<Effect> {
    if let Some(texts) = model.conflicts.texts.get_mut(file) {
        texts.diffs.retain(|d| d.0 != compare);
        texts.diffs.push((compare, diff));
    }
    // A search goes on in what is shown now.
    find_again(model)
}

/// Asks for what the screen needs, and scrolls to the hunk under the cursor.
pub(super) fn refresh(model: &mut Model) -> Vec<Effect> {
    let c = &model.conflicts;
    let head = c.merge_rows().and_then(|r| r.heads.get(c.settling.hunk())).filter(|_| c.shown() == Compare::Merge);
    let head = head.copied();
    model.conflicts.within = (0, 0);
    if let Some(head) = head {
        model.conflicts.scroll = view::conflict_rows(model).top_for(head);
    }
    let mut effects = needed(model);
    effects.extend(find_again(model));
    effects
}

pub(super) fn moved(model: &mut Model, file_before: usize) -> Vec<Effect> {
    other_file(&mut model.conflicts, file_before);
    refresh(model)
}

/// How one file is looked at isn't meant for another.
pub(super) fn other_file(c: &mut Conflicts, before: usize) {
    if c.settling.file() != before {
        c.compare = None;
        c.scroll = 0;
        c.across = 0;
        c.search = None;
    }
}

/// The file that a decision about others led to, as a sentence behind another one; empty if it is the same.
pub(super) fn led_to(c: &Conflicts, before: usize) -> String {
    let file = c.file().filter(|_| c.settling.file() != before);
    file.map_or_else(String::new, |f| format!(" This is {}.", String::from_utf8_lossy(f.path.name())))
}

/// Whether the heading of the current hunk is on the screen.
pub(super) fn hunk_in_sight(model: &Model) -> bool {
    let c = &model.conflicts;
    let page = view::body_rows(model).1;
    let head = c.merge_rows().and_then(|r| r.heads.get(c.settling.hunk()));
    c.shown() == Compare::Merge && head.is_some_and(|h| (c.scroll..c.scroll + page.max(1)).contains(h))
}

/// Asks for rows or a diff, where those that are there are not what is to be shown.
fn needed(model: &mut Model) -> Vec<Effect> {
    let c = &model.conflicts;
    let shown = c.shown();
    let (Some(file), Some(texts)) = (c.file(), c.text()) else { return vec![] };
    if matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Waiting)) {
        return vec![];
    }
    if shown == Compare::Merge {
        let layout = c.wanted();
        return match (&texts.merge, c.merge_rows()) {
            (Some(merge), Some(rows)) if rows.layout != layout => {
                vec![Effect::LayOut { file: c.settling.file(), merge: Arc::clone(merge), layout }]
            }
            _ => vec![],
        };
    }
    let how = c.layout.how;
    if texts.diffs.iter().any(|d| d.0 == shown && d.1.how == how) {
        return vec![];
    }
    // As the merge compares them: other line ends of the whole file are no change of each line.
    let as_merged = texts.merge.as_ref().map(|merge| merge.texts());
    let side = |n: usize, own: &Option<Arc<[u8]>>| match as_merged {
        Some(all) if own.is_some() => Some(Arc::clone(all[n])),
        _ => own.clone(),
    };
    let (base, mine, theirs) = (side(0, &file.base), side(1, &file.mine), side(2, &file.theirs));
    let (old, new) = match shown {
        Compare::BaseMine => (base, mine),
        Compare::BaseTheirs => (base, theirs),
        Compare::Result => (file.mine.clone(), c.result_of(c.settling.file())),
        _ => (mine, theirs),
    };
    vec![Effect::BuildDiff { owner: Owner::Conflict(c.settling.file()), compare: shown, old, new, how }]
}

/// Searches again where what is shown, or what is searched for, has changed.
pub(super) fn find_again(model: &mut Model) -> Vec<Effect> {
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
    vec![Effect::Find { owner: Owner::Conflict(c.settling.file()), needle: search.needle.clone(), place }]
}
