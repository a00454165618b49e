//! The conflict screen: moving, settling, and telling the engine.

use std::sync::Arc;

use crate::core::layout::layouts;
use crate::core::merge::{Choice, Merge};
use crate::core::outcome::is_keyed;
use crate::core::path::RelPath;
use crate::core::session::Answer;
use crate::engine::events::{Command, ConflictFile};

use super::preview::to_change;
use super::{Effect, Owner, ask, moved_across, pause, scrolled, show};
use crate::tui::conflict::{Decision, Settling, Shape};
use crate::tui::diff::Diff;
use crate::tui::keymap::Action;
use crate::tui::merge_rows::MergeRows;
use crate::tui::model::{Compare, ConflictTexts, Conflicts, Model, Overlay, Question, Screen};
use crate::tui::{text, view};

/// From this width on, mine and theirs stand side by side unless the person says otherwise.
const WIDE: u16 = 100;

pub(super) fn open(model: &mut Model, files: Arc<Vec<ConflictFile>>) -> Vec<Effect> {
    let effects = files
        .iter()
        .enumerate()
        .map(|(file, texts)| Effect::BuildMerge { file, texts: Box::new(texts.clone()) })
        .collect();
    let count = files.len();
    model.conflicts = Conflicts {
        files,
        texts: vec![ConflictTexts::default(); count],
        settling: Settling::new(count),
        beside: model.width >= WIDE,
        ..Conflicts::default()
    };
    show(model, Screen::Conflict);
    effects
}

/// What kind of conflict a file is, from what there is of it.
fn shape(file: &ConflictFile, merge: Option<&Merge>) -> Shape {
    match (merge, &file.mine, &file.theirs) {
        (Some(merge), ..) => Shape::Text(merge.conflicts()),
        (None, None, _) => Shape::Whole("There is nothing to merge: you deleted this file."),
        (None, _, None) => Shape::Whole("There is nothing to merge: the source removed this file."),
        _ if is_keyed(&file.path) => Shape::Whole("It can't be merged: one of the texts is not sound JSON."),
        _ => Shape::Whole("This is not text: it can only be kept or taken whole."),
    }
}

pub(super) fn merge_ready(
    model: &mut Model,
    file: usize,
    merge: Option<Arc<Merge>>,
    rows: Option<Arc<(MergeRows, MergeRows)>>,
) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let (Some(known), Some(texts)) = (c.files.get(file), c.texts.get_mut(file)) else { return vec![] };
    c.settling.set_shape(file, shape(known, merge.as_deref()));
    texts.merge = merge;
    texts.rows = rows;
    if c.settling.file() == file {
        c.settling.go_to(file);
        return look(model);
    }
    vec![]
}

pub(super) fn diff_ready(model: &mut Model, file: usize, compare: Compare, diff: Arc<Diff>) {
    if let Some(texts) = model.conflicts.texts.get_mut(file) {
        texts.diffs.retain(|d| d.0 != compare);
        texts.diffs.push((compare, diff));
    }
}

/// Asks for what the screen needs, and scrolls to the hunk under the cursor.
fn look(model: &mut Model) -> Vec<Effect> {
    let page = view::body_rows(model).1;
    let c = &mut model.conflicts;
    let shown = c.shown();
    if shown == Compare::Merge {
        let (hunk, rows) = (c.settling.hunk(), c.merge_rows());
        if let Some((head, all)) = rows.and_then(|r| r.heads.get(hunk).map(|h| (*h, r.rows.len()))) {
            c.scroll = head.saturating_sub(2.min(page / 4)).min(all.saturating_sub(page.max(1)));
        }
        return vec![];
    }
    let (Some(file), Some(texts)) = (c.file(), c.text()) else { return vec![] };
    if matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Waiting))
        || texts.diffs.iter().any(|d| d.0 == shown)
    {
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
        Compare::Result => (mine, result(c)),
        _ => (mine, theirs),
    };
    vec![Effect::BuildDiff { owner: Owner::Conflict(c.settling.file()), compare: shown, old, new }]
}

/// What will be written for the file under the cursor.
fn result(c: &Conflicts) -> Option<Arc<[u8]>> {
    let file = c.file()?;
    match (c.settling.current()?.answer()?, c.text()?.merge.as_ref()) {
        (Answer::Keep, _) => file.mine.clone(),
        (Answer::Take, _) => file.theirs.clone(),
        (Answer::Merge(choices), Some(merge)) => {
            let choices: Vec<Option<Choice>> = choices.into_iter().map(Some).collect();
            merge.result(&choices).map(Arc::from)
        }
        _ => None,
    }
}

/// After a decision: the computed result is stale, and the next question may be another one.
fn decided(model: &mut Model) -> Vec<Effect> {
    let c = &mut model.conflicts;
    for texts in &mut c.texts {
        texts.diffs.retain(|d| d.0 != Compare::Result);
    }
    look(model)
}

fn moved(model: &mut Model, file_before: usize) -> Vec<Effect> {
    let c = &mut model.conflicts;
    if c.settling.file() != file_before {
        c.compare = None;
        c.scroll = 0;
        c.across = 0;
    }
    look(model)
}

/// Whether the heading of the current hunk is on the screen.
fn hunk_in_sight(model: &Model) -> bool {
    let c = &model.conflicts;
    let page = view::body_rows(model).1;
    let head = c.merge_rows().and_then(|r| r.heads.get(c.settling.hunk()));
    c.shown() == Compare::Merge && head.is_some_and(|h| (c.scroll..c.scroll + page.max(1)).contains(h))
}

fn choose(model: &mut Model, choice: Choice) -> Vec<Effect> {
    if let Some(why) = why_whole(model) {
        model.status = Some(why);
        return vec![];
    }
    if !hunk_in_sight(model) {
        // Nobody settles a hunk that they don't see.
        model.conflicts.compare = Some(Compare::Merge);
        let hunk = model.conflicts.settling.hunk() + 1;
        model.status = Some(format!("Hunk {hunk} was out of sight; here it is. Press again to settle it."));
        return look(model);
    }
    if choice == Choice::Base && model.conflicts.file().is_some_and(|f| f.base.is_none()) {
        model.status = Some("There is no base: the version you started from is not known.".to_owned());
        return vec![];
    }
    model.conflicts.settling.choose(choice);
    decided(model)
}

/// Why the file can't be settled hunk by hunk, if it can't.
fn why_whole(model: &Model) -> Option<String> {
    match &model.conflicts.settling.current()?.shape {
        Shape::Whole(why) => Some(format!("{why} k keeps mine, t takes theirs.")),
        Shape::Waiting => Some("The texts are still being aligned.".to_owned()),
        Shape::Text(_) => None,
    }
}

fn ask_folder(model: &mut Model, take: bool) -> Vec<Effect> {
    let c = &model.conflicts;
    let Some(folder) = c.file().map(|f| f.path.parent()) else { return vec![] };
    let within = |path: &RelPath| folder.as_ref().is_none_or(|f| path.is_within(f));
    let open = |i: usize| c.settling.files().get(i).is_some_and(|f| !f.is_settled());
    // Config is never taken along: only its own answer replaces it.
    let meant = |path: &RelPath| within(path) && !(take && layouts().is_config(path));
    let files: Vec<usize> = (0..c.files.len()).filter(|i| open(*i) && meant(&c.files[*i].path)).collect();
    if files.is_empty() {
        model.status = Some("Nothing is open in this folder.".to_owned());
        return vec![];
    }
    let folder = folder.map_or_else(|| "the install".to_owned(), |f| format!("{f}/"));
    ask(model, Overlay::Confirm(Question::Folder { files, take, folder }))
}

pub(super) fn decide_folder(model: &mut Model, files: &[usize], take: bool, folder: &str) -> Vec<Effect> {
    let decision = if take { Decision::Take } else { Decision::Keep };
    model.conflicts.settling.decide_all(files, &decision);
    let what = text::count(files.len() as u64, "file", "files");
    let side = if take { "theirs" } else { "mine" };
    model.status = Some(format!("{what} in {folder}: {side}. u undoes it."));
    decided(model)
}

fn send(c: &Conflicts, file: usize, answer: Answer) -> Option<Effect> {
    let path = c.files.get(file)?.path.clone();
    Some(Effect::Send(Command::Answer { path, answer }))
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let before = model.conflicts.settling.file();
    let told = model.conflicts.settling.accept();
    let mut effects: Vec<Effect> = told.and_then(|(i, a)| send(&model.conflicts, i, a)).into_iter().collect();
    if !model.conflicts.settling.current().is_some_and(|f| f.is_settled()) {
        model.conflicts.compare = None;
    }
    effects.extend(moved(model, before));
    effects
}

fn finish(model: &mut Model) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let Some(unsent) = c.settling.finish() else {
        let open = text::count(c.settling.open_files() as u64, "file is", "files are");
        model.status = Some(format!("{open} still open; n goes to the next."));
        return vec![];
    };
    let mut effects: Vec<Effect> = unsent.into_iter().filter_map(|(i, a)| send(c, i, a)).collect();
    effects.push(Effect::Send(Command::AnswersDone));
    show(model, Screen::Progress);
    effects
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let (rows, page) = view::body_rows(model);
    let before = model.conflicts.settling.file();
    let c = &mut model.conflicts;
    match action {
        Action::Keep => c.settling.decide(Decision::Keep),
        Action::Take => c.settling.decide(Decision::Take),
        Action::Merge => match why_whole(model) {
            Some(why) => {
                model.status = Some(why);
                return vec![];
            }
            None => {
                model.conflicts.settling.merge();
                model.conflicts.compare = Some(Compare::Merge);
            }
        },
        Action::Mine => return choose(model, Choice::Mine),
        Action::Theirs => return choose(model, Choice::Theirs),
        Action::Both => return choose(model, Choice::Both),
        Action::Base => return choose(model, Choice::Base),
        Action::KeepFolder => return ask_folder(model, false),
        Action::TakeFolder => return ask_folder(model, true),
        Action::Undo | Action::Redo => {
            let done = if action == Action::Undo { c.settling.undo() } else { c.settling.redo() };
            if !done {
                let what = if action == Action::Undo { "undo" } else { "redo" };
                model.status = Some(format!("There is nothing to {what}."));
                return vec![];
            }
            if c.settling.file() != before {
                c.compare = None;
            }
        }
        Action::NextOpen | Action::PreviousOpen => {
            if !c.settling.step_open(action == Action::NextOpen) {
                return vec![];
            }
            if c.text().is_some_and(|t| t.merge.is_some()) {
                c.compare = Some(Compare::Merge);
            }
            return moved(model, before);
        }
        Action::NextTab | Action::PreviousTab => {
            c.settling.step_file(action == Action::NextTab);
            return moved(model, before);
        }
        Action::NextChange | Action::PreviousChange => {
            let merge = c.shown() == Compare::Merge;
            let changes =
                if merge { c.merge_rows().map(|r| r.changes.clone()) } else { c.diff().map(|d| d.changes.clone()) };
            c.scroll = to_change(&changes.unwrap_or_default(), c.scroll, action == Action::NextChange, rows, page);
            let here = |h: &usize| h.saturating_sub(2).min(rows.saturating_sub(page)) == c.scroll;
            let hunk = c.merge_rows().filter(|_| merge).and_then(|r| r.heads.iter().position(here));
            if let Some(hunk) = hunk {
                c.settling.go_to_hunk(hunk);
            }
            return vec![];
        }
        Action::Diff => {
            let all = c.compares();
            let at = all.iter().position(|x| *x == c.shown()).map_or(0, |i| i + 1);
            c.compare = all.get(at).or(all.first()).copied();
            c.scroll = 0;
            return look(model);
        }
        Action::SideBySide => {
            c.beside = !c.beside;
            return look(model);
        }
        Action::Accept => return accept(model),
        Action::Finish => return finish(model),
        Action::Leave => {
            // What is settled but not yet accepted is worth keeping too.
            let unsent: Vec<(usize, Answer)> = (0..c.files.len())
                .filter_map(|i| c.settling.files().get(i).and_then(|f| Some((i, f.answer()?))))
                .filter(|(i, a)| c.settling.files()[*i].sent.as_ref() != Some(a))
                .collect();
            let mut effects: Vec<Effect> = unsent.into_iter().filter_map(|(i, a)| send(c, i, a)).collect();
            effects.extend(pause(model));
            return effects;
        }
        Action::Left | Action::Right => {
            c.across = moved_across(c.across, action);
            return vec![];
        }
        other => {
            c.scroll = scrolled(c.scroll, other, rows, page);
            return vec![];
        }
    }
    decided(model)
}
