//! The conflict screen: moving, settling, and telling the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::layout::layouts;
use crate::core::merge::{Choice, Merge};
use crate::core::outcome::{damage, is_keyed};
use crate::core::path::RelPath;
use crate::core::session::{Answer, Refused};
use crate::engine::events::{Command, ConflictFile};

use super::{Effect, Owner, ask, moved_across, pause, scrolled, show};
use crate::tui::conflict::{Cursor, Decision, Settling, Shape};
use crate::tui::diff::{Diff, EVERYTHING};
use crate::tui::keymap::{Action, Mode};
use crate::tui::merge_rows::MergeRows;
use crate::tui::model::{Compare, ConflictTexts, Conflicts, Model, Overlay, Question, Screen};
use crate::tui::{text, view};

mod editing;
mod looking;
mod rule;

pub(super) use editing::done as edited;
pub(super) use looking::{found, search};
pub(super) use rule::add as add_rule;
pub(crate) use rule::covered;

/// From this width on, mine and theirs stand side by side unless the person says otherwise.
const WIDE: u16 = 100;
/// What `-` and `+` go through: unchanged lines around each change.
const CONTEXTS: [usize; 5] = [0, 3, 10, 30, EVERYTHING];

pub(super) fn open(model: &mut Model, files: Arc<Vec<ConflictFile>>) -> Vec<Effect> {
    if let Some(effects) = again(model, &files) {
        return effects;
    }
    // What was set up before, and what the engine said last, outlives a second round of questions.
    let old = std::mem::take(&mut model.conflicts);
    let align = |(file, texts): (usize, &ConflictFile)| Effect::BuildMerge {
        file,
        texts: Box::new(texts.clone()),
        layout: old.layout,
    };
    let effects = files.iter().enumerate().map(align).collect();
    let count = files.len();
    let mut settling = Settling::new(count);
    for (i, draft) in files.iter().enumerate().filter_map(|(i, f)| Some((i, f.draft.clone()?))) {
        settling.restore(i, draft);
    }
    for (i, _) in files.iter().enumerate().filter(|(_, f)| f.answered) {
        settling.known(i);
    }
    if let Some(first) = settling.files().iter().position(|f| !f.is_settled()) {
        settling.go_to(first);
    }
    let refused: BTreeMap<usize, Vec<Refused>> =
        files.iter().map(|f| f.refused.clone()).enumerate().filter(|(_, texts)| !texts.is_empty()).collect();
    let kept = refused.keys().next().and_then(|at| files.get(*at)).map(|file| {
        let name = String::from_utf8_lossy(file.path.name());
        format!("Your refused text for {name} is kept: e or E opens it again.")
    });
    model.conflicts = Conflicts {
        files,
        refused,
        texts: vec![ConflictTexts::default(); count],
        settling,
        beside: old.beside,
        wide: model.width >= WIDE,
        layout: old.layout,
        cut: old.cut,
        ..Conflicts::default()
    };
    show(model, Screen::Conflict);
    model.status = old.said.or(kept);
    effects
}

/// The same conflicts once more, since some have no answer that can be carried out: all that was decided stays.
fn again(model: &mut Model, files: &[ConflictFile]) -> Option<Vec<Effect>> {
    let c = &mut model.conflicts;
    if files.is_empty() || !c.files.iter().map(|f| &f.path).eq(files.iter().map(|f| &f.path)) {
        return None;
    }
    if let Some(at) = files.iter().position(|f| !f.answered) {
        c.settling.go_to(at);
    }
    let said = c.said.take();
    show(model, Screen::Conflict);
    let effects = look(model);
    model.status = said;
    Some(effects)
}

/// An answer that can't be carried out; what is decided stays on the screen, to be changed.
pub(super) fn refused(model: &mut Model, path: &RelPath, problem: &str) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let Some(at) = c.files.iter().position(|f| f.path == *path) else { return vec![] };
    c.settling.set_problem(at, Some(problem.to_owned()));
    c.said = Some(problem.to_owned());
    if model.screen != Screen::Conflict {
        return vec![];
    }
    let before = c.settling.file();
    c.settling.go_to(at);
    let effects = moved(model, before);
    model.status = Some(problem.to_owned());
    effects
}

/// The terminal has another width: what is wide enough for two columns may have changed.
pub(super) fn resized(model: &mut Model) -> Vec<Effect> {
    let wide = model.width >= WIDE;
    if std::mem::replace(&mut model.conflicts.wide, wide) != wide && model.conflicts.beside.is_none() {
        return look(model);
    }
    let (rows, page) = view::body_rows(model);
    let c = &mut model.conflicts;
    c.scroll = c.scroll.min(rows.saturating_sub(page.max(1)));
    vec![]
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
    let first = c.settling.files().get(file).is_some_and(|f| f.shape == Shape::Waiting);
    texts.rows = rows;
    if first {
        c.settling.set_shape(file, shape(known, merge.as_deref()));
        texts.merge = merge;
        // What was decided before an interruption.
        let problem = damage_of(c, file);
        c.settling.set_problem(file, problem);
    }
    if c.settling.file() != file {
        return vec![];
    }
    if first && c.settling.hunk() == 0 {
        c.settling.go_to(file);
    }
    look(model)
}

pub(super) fn diff_ready(model: &mut Model, file: usize, compare: Compare, diff: Arc<Diff>) -> Vec<Effect> {
    if let Some(texts) = model.conflicts.texts.get_mut(file) {
        texts.diffs.retain(|d| d.0 != compare);
        texts.diffs.push((compare, diff));
    }
    // A search goes on in what is shown now.
    looking::again(model)
}

/// Asks for what the screen needs, and scrolls to the hunk under the cursor.
fn look(model: &mut Model) -> Vec<Effect> {
    let c = &model.conflicts;
    let head = c.merge_rows().and_then(|r| r.heads.get(c.settling.hunk())).filter(|_| c.shown() == Compare::Merge);
    let head = head.copied();
    model.conflicts.within = (0, 0);
    if let Some(head) = head {
        model.conflicts.scroll = view::conflict_rows(model).top_for(head);
    }
    let mut effects = needed(model);
    effects.extend(looking::again(model));
    effects
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
        Compare::Result => (file.mine.clone(), result_of(c, c.settling.file())),
        _ => (mine, theirs),
    };
    vec![Effect::BuildDiff { owner: Owner::Conflict(c.settling.file()), compare: shown, old, new, how }]
}

/// What will be written for a file; none while something is open, and where no file is written.
pub(crate) fn result_of(c: &Conflicts, at: usize) -> Option<Arc<[u8]>> {
    let (file, settled) = (c.files.get(at)?, c.settling.files().get(at)?);
    match (&settled.decision, c.texts.get(at)?.merge.as_ref()) {
        (Decision::Keep | Decision::Park, _) => file.mine.clone(),
        (Decision::Take, _) => file.theirs.clone(),
        (Decision::Edited(text), _) => Some(Arc::from(&text[..])),
        (Decision::Merge(choices), Some(merge)) => merge.result(choices).map(Arc::from),
        _ => None,
    }
}

/// What is wrong with the result of a merge or an edit, if anything: the engine would refuse it.
pub(crate) fn damage_of(c: &Conflicts, at: usize) -> Option<String> {
    let (file, settled) = (c.files.get(at)?, c.settling.files().get(at)?);
    if !matches!(settled.decision, Decision::Merge(_) | Decision::Edited(_)) {
        return None;
    }
    let before = file.mine.as_deref().or(file.theirs.as_deref()).unwrap_or_default();
    let what = damage(&file.path, before, &result_of(c, at)?)?;
    Some(format!("{}: the result {what}. e or E mends it.", file.path))
}

/// After a decision: the computed result is stale, and the next question may be another one.
fn decided(model: &mut Model) -> Vec<Effect> {
    let c = &mut model.conflicts;
    for texts in &mut c.texts {
        texts.diffs.retain(|d| d.0 != Compare::Result);
    }
    for file in c.settling.changed() {
        let problem = damage_of(c, file);
        if file == c.settling.file() && problem.is_some() {
            model.status.clone_from(&problem);
        }
        c.settling.set_problem(file, problem);
    }
    let mut effects: Vec<Effect> = drafts(c).into_iter().collect();
    effects.extend(look(model));
    effects
}

fn moved(model: &mut Model, file_before: usize) -> Vec<Effect> {
    other_file(&mut model.conflicts, file_before);
    look(model)
}

/// How one file is looked at isn't meant for another.
fn other_file(c: &mut Conflicts, before: usize) {
    if c.settling.file() != before {
        c.compare = None;
        c.scroll = 0;
        c.across = 0;
        c.search = None;
    }
}

/// The file that a decision about others led to, as a sentence behind another one; empty if it is the same.
fn led_to(c: &Conflicts, before: usize) -> String {
    let file = c.file().filter(|_| c.settling.file() != before);
    file.map_or_else(String::new, |f| format!(" This is {}.", String::from_utf8_lossy(f.path.name())))
}

/// Says that the cursor is in another file now, and what is left in the one before.
fn elsewhere(c: &Conflicts, before: Cursor) -> Option<String> {
    let (was, is) = (c.files.get(before.0)?, c.file()?);
    if c.settling.file() == before.0 {
        return None;
    }
    let name = |file: &ConflictFile| String::from_utf8_lossy(file.path.name()).into_owned();
    let (from, to) = match (name(was), name(is)) {
        (from, to) if from == to => (was.path.to_string(), is.path.to_string()),
        names => names,
    };
    let left = c.settling.open_besides(before);
    Some(match text::count(left as u64, "open hunk", "open hunks") {
        _ if left == 0 => format!("Nothing else is open in {from}; this is {to}."),
        more => format!("This is {to}; {from} has {more} more."),
    })
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
    let c = &mut model.conflicts;
    let before = c.settling.file();
    c.settling.decide_all(files, if take { &Decision::Take } else { &Decision::Keep });
    let what = text::count(files.len() as u64, "file", "files");
    let side = if take { "theirs" } else { "mine" };
    model.status = Some(format!("{what} in {folder}: {side}. u undoes it.{}", led_to(c, before)));
    other_file(c, before);
    decided(model)
}

fn send(c: &Conflicts, file: usize, answer: Answer) -> Option<Effect> {
    let path = c.files.get(file)?.path.clone();
    Some(Effect::Send(Command::Answer { path, answer }))
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let before = model.conflicts.settling.file();
    if let Some(what) = damage_of(&model.conflicts, before) {
        model.status = Some(what);
        return vec![];
    }
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
    if let Some(what) = open_list(c) {
        model.status = Some(what);
        return vec![];
    }
    if let Some((at, what)) = (0..c.files.len()).find_map(|i| Some((i, damage_of(c, i)?))) {
        let before = c.settling.file();
        c.settling.go_to(at);
        let effects = moved(model, before);
        model.status = Some(what);
        return effects;
    }
    let Some(unsent) = c.settling.finish() else { return vec![] };
    let mut effects: Vec<Effect> = unsent.into_iter().filter_map(|(i, a)| send(c, i, a)).collect();
    effects.push(Effect::Send(Command::AnswersDone));
    c.said = None;
    show(model, Screen::Progress);
    effects
}

/// What is still open, the first two files by name; none if nothing is.
fn open_list(c: &Conflicts) -> Option<String> {
    let open: Vec<usize> = (0..c.files.len()).filter(|i| !c.settling.files()[*i].is_settled()).collect();
    if open.is_empty() {
        return None;
    }
    let name = |i: &usize| {
        let file = &c.settling.files()[*i];
        let hunks = text::count(file.open_hunks() as u64, "hunk", "hunks");
        let why = if file.problem.is_some() { "can't be written as it is".to_owned() } else { hunks };
        format!("{} ({why})", String::from_utf8_lossy(c.files[*i].path.name()))
    };
    let mut named: Vec<String> = open.iter().take(2).map(name).collect();
    if open.len() > 2 {
        named.push("…".to_owned());
    }
    let files = text::count(open.len() as u64, "file is", "files are");
    Some(format!("{files} still open: {}. n goes there.", named.join(", ")))
}

/// What has to be saved of what was just decided.
fn drafts(c: &mut Conflicts) -> Option<Effect> {
    let changed = c.settling.untold();
    let path = |i: usize| c.files.get(i).map(|f| f.path.clone());
    let all: Vec<_> = changed.into_iter().filter_map(|(i, decision)| Some((path(i)?, decision))).collect();
    (!all.is_empty()).then_some(Effect::Send(Command::Drafts(all)))
}

pub(super) fn act(model: &mut Model, mode: Mode, action: Action) -> Vec<Effect> {
    match mode {
        Mode::Files => return files_key(model, action),
        Mode::Search => return looking::key(model, action),
        _ => {}
    }
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
        Action::Park => c.settling.decide(Decision::Park),
        Action::Edit | Action::EditFile | Action::MergeTool => return editing::begin(model, action),
        Action::Rule => return rule::ask_for(model),
        Action::Files => {
            model.overlay = Some(Overlay::Files(before));
            return vec![];
        }
        Action::Filter | Action::NextHit | Action::PreviousHit | Action::Back => return looking::act(model, action),
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
                let what = if action == Action::Undo { "Undone" } else { "Done again" };
                model.status = Some(format!("{what}.{}", led_to(c, before)));
                other_file(c, before);
            }
        }
        Action::NextOpen | Action::PreviousOpen => {
            let from = (before, c.settling.hunk());
            if !c.settling.step_open(action == Action::NextOpen) {
                model.status = Some("Nothing is open.".to_owned());
                return vec![];
            }
            if c.text().is_some_and(|t| t.merge.is_some()) {
                c.compare = Some(Compare::Merge);
            }
            model.status = elsewhere(&model.conflicts, from);
            return moved(model, before);
        }
        Action::NextTab | Action::PreviousTab => {
            c.settling.step_file(action == Action::NextTab);
            return moved(model, before);
        }
        Action::NextChange | Action::PreviousChange => {
            let to = to_change(model, action == Action::NextChange);
            let c = &mut model.conflicts;
            c.scroll = to;
            let rows = view::conflict_rows(model);
            let heads = model.conflicts.merge_rows().map_or(&[][..], |r| &r.heads);
            let merge = model.conflicts.shown() == Compare::Merge;
            let near = heads.partition_point(|h| *h < to);
            let hunk = (near..heads.len())
                .take_while(|h| merge && heads[*h] <= to + usize::from(rows.lines))
                .find(|h| rows.top_for(heads[*h]) == to);
            let c = &mut model.conflicts;
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
            c.beside = Some(!c.is_beside());
            return look(model);
        }
        Action::BasePane => {
            c.layout.base = !c.layout.base;
            model.status = Some(format!("The base is {}.", if c.layout.base { "shown" } else { "hidden" }));
            return look(model);
        }
        Action::Whitespace => {
            c.layout.how.space = c.layout.how.space.next();
            let what = match c.layout.how.space.chip() {
                Some(chip) => format!("{chip} in what is shown; what is written has all of it."),
                None => "All white space is shown.".to_owned(),
            };
            model.status = Some(what);
            return look(model);
        }
        Action::Wrap => {
            c.cut = !c.cut;
            c.across = 0;
            model.status = Some(format!("Long lines are {}.", if c.cut { "cut off" } else { "wrapped" }));
            return look(model);
        }
        Action::Less | Action::More => {
            let at = CONTEXTS.iter().position(|n| *n >= c.layout.how.context).unwrap_or(0);
            let to = if action == Action::More { (at + 1).min(CONTEXTS.len() - 1) } else { at.saturating_sub(1) };
            c.layout.how.context = CONTEXTS[to];
            model.status = Some(match CONTEXTS[to] {
                EVERYTHING => "The whole file is shown.".to_owned(),
                n => format!("{n} unchanged lines are shown around each change."),
            });
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
            if let Some((top, above)) = wrapped_to(model, other) {
                (model.conflicts.scroll, model.conflicts.within) = (top, (top, above));
            } else {
                let c = &mut model.conflicts;
                (c.scroll, c.within) = (scrolled(c.scroll, other, rows, page), (0, 0));
            }
            return vec![];
        }
    }
    decided(model)
}

/// Where a key leads that scrolls, where that depends on how long rows are: the first row, and its lines above the view.
fn wrapped_to(model: &Model, action: Action) -> Option<(usize, usize)> {
    let c = &model.conflicts;
    let (rows, top, above) = (view::conflict_rows(model), c.scroll, c.above());
    let page = usize::from(rows.lines).saturating_sub(1).max(1);
    match action {
        Action::Down => rows.down_within(top, above, 1).map(|above| (top, above)),
        Action::PageDown => rows.down_within(top, above, page).map(|above| (top, above)),
        Action::Up if above > 0 => Some((top, above - 1)),
        Action::PageUp if above > 0 => Some((top, above.saturating_sub(page))),
        Action::Up | Action::PageUp if top > 0 && rows.above_end(top - 1) > 0 => {
            Some((top - 1, rows.above_end(top - 1)))
        }
        Action::PageUp => Some((rows.page_before(top), 0)),
        _ => None,
    }
}

/// Where the view stands at the next or previous change; where it stands now if there is none.
fn to_change(model: &Model, forward: bool) -> usize {
    let c = &model.conflicts;
    let changes = match c.shown() {
        Compare::Merge => c.merge_rows().map(|r| &r.changes),
        _ => c.diff().map(|d| &d.changes),
    };
    let (changes, rows, scroll) = (changes.map_or(&[][..], Vec::as_slice), view::conflict_rows(model), c.scroll);
    let behind = changes.partition_point(|change| *change <= scroll);
    let found = if forward {
        changes[behind..].iter().map(|change| rows.top_for(*change)).find(|top| *top > scroll)
    } else {
        // One further down may be what the view stands at.
        let here = (changes.len() - behind).min(3);
        changes[..behind + here].iter().rev().map(|change| rows.top_for(*change)).find(|top| *top < scroll)
    };
    found.unwrap_or(scroll)
}

fn files_key(model: &mut Model, action: Action) -> Vec<Effect> {
    let count = model.conflicts.files.len();
    let page = usize::from(model.height.saturating_sub(6)).max(1);
    let Some(Overlay::Files(at)) = &mut model.overlay else { return vec![] };
    match action {
        Action::Accept => {
            let to = *at;
            model.overlay = None;
            let before = model.conflicts.settling.file();
            model.conflicts.settling.go_to(to);
            return moved(model, before);
        }
        Action::Back | Action::Leave | Action::Files => model.overlay = None,
        Action::Up => *at = at.saturating_sub(1),
        Action::Down => *at += 1,
        Action::PageUp => *at = at.saturating_sub(page),
        Action::PageDown => *at += page,
        Action::Top => *at = 0,
        Action::Bottom => *at = count,
        _ => {}
    }
    if let Some(Overlay::Files(at)) = &mut model.overlay {
        *at = (*at).min(count.saturating_sub(1));
    }
    vec![]
}
