//! The conflict screen: moving, settling, and telling the engine.

use std::sync::Arc;

use crate::core::layout::layouts;
use crate::core::merge::Choice;
use crate::core::outcome::damage;
use crate::core::path::RelPath;
use crate::engine::events::ConflictFile;

use super::click::follow;
use super::{Effect, Owner, ask, moved_across, scrolled};
use crate::tui::conflict::{Cursor, Decision, Shape};
use crate::tui::diff::{Diff, EVERYTHING};
use crate::tui::keymap::{Action, Mode};
use crate::tui::model::{Compare, Conflicts, Model, Overlay, Question, Screen};
use crate::tui::{text, view};

mod editing;
mod looking;
mod opening;
mod rule;
mod telling;

pub(super) use editing::{done as edited, left_over};
pub(super) use looking::{found, search};
pub(super) use opening::{merge_ready, open, refused};
pub(super) use rule::add as add_rule;
pub(crate) use rule::covered;
use telling::{accept, decisions, finish, leave};

/// From this width on, mine and theirs stand side by side unless the person says otherwise.
const WIDE: u16 = 100;
/// What `-` and `+` go through: unchanged lines around each change.
const CONTEXTS: [usize; 5] = [0, 3, 10, 30, EVERYTHING];
/// Texts up to this size, in bytes, are aligned before anybody could notice.
const ALIGNED_AT_ONCE: usize = 1 << 20;
/// What is said to whoever decides about texts that are not shown yet.
const ALIGNING: &str = "The texts are still being aligned.";

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

/// Whether the hunks of the file under the cursor are not known yet, but will be in no time.
pub(crate) fn awaits_texts(model: &Model) -> bool {
    let c = &model.conflicts;
    let size = |f: &ConflictFile| [&f.mine, &f.theirs].into_iter().flatten().map(|bytes| bytes.len()).sum::<usize>();
    model.screen == Screen::Conflict
        && c.settling.current().is_some_and(|f| f.shape == Shape::Waiting)
        && c.file().is_some_and(|f| size(f) <= ALIGNED_AT_ONCE)
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
    let mut effects = decisions(c);
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
        Shape::Waiting => Some(ALIGNING.to_owned()),
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
            let rule = match c.settling.rule_changed() {
                Some((_, true)) => " The rule is made again.",
                Some((_, false)) => " The rule is not made.",
                None => "",
            };
            if c.settling.file() != before || !rule.is_empty() {
                let what = if action == Action::Undo { "Undone" } else { "Done again" };
                model.status = Some(format!("{what}.{rule}{}", led_to(c, before)));
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
        Action::Leave => return leave(model),
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
        let selected = *at;
        follow(model, selected, count, page);
    }
    vec![]
}
