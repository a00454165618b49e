//! The keys of the conflict screen and of its list of files.

use super::decide::{ask_folder, choose, combine, decided, why_whole};
use super::display::{led_to, moved, other_file, refresh};
use super::scroll::{to_change, wrapped_to};
use super::send::{accept, finish, leave};
use super::{editing, search, standing_rule};
use crate::core::merge::Choice;
use crate::engine::events::ConflictFile;
use crate::tui::conflict::{Cursor, Decision};
use crate::tui::diff::EVERYTHING;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::Effect;
use crate::tui::model::{Compare, Conflicts, Model, Overlay};
use crate::tui::update::navigation::{follow, moved_across, scrolled};
use crate::tui::{text, view};

/// What `-` and `+` go through: unchanged lines around each change.
const CONTEXTS: [usize; 5] = [0, 3, 10, 30, EVERYTHING];

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

pub(crate) fn act(model: &mut Model, mode: Mode, action: Action) -> Vec<Effect> {
    match mode {
        Mode::Files => return files_key(model, action),
        Mode::Search => return search::key(model, action),
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
        Action::Combined => return combine(model),
        Action::Base => return choose(model, Choice::Base),
        Action::Park => c.settling.decide(Decision::Park),
        Action::Edit | Action::EditFile | Action::MergeTool => return editing::begin(model, action),
        Action::Rule => return standing_rule::ask_for(model),
        Action::Files => {
            model.overlay = Some(Overlay::Files(before));
            return vec![];
        }
        Action::Filter | Action::NextHit | Action::PreviousHit | Action::Back => return search::act(model, action),
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
            return refresh(model);
        }
        Action::SideBySide => {
            c.beside = Some(!c.is_beside());
            return refresh(model);
        }
        Action::BasePane => {
            c.layout.base = !c.layout.base;
            model.status = Some(format!("The base is {}.", if c.layout.base { "shown" } else { "hidden" }));
            return refresh(model);
        }
        Action::Whitespace => {
            c.layout.how.space = c.layout.how.space.next();
            let what = match c.layout.how.space.chip() {
                Some(chip) => format!("{chip} in what is shown; what is written has all of it."),
                None => "All white space is shown.".to_owned(),
            };
            model.status = Some(what);
            return refresh(model);
        }
        Action::Wrap => {
            c.cut = !c.cut;
            c.across = 0;
            model.status = Some(format!("Long lines are {}.", if c.cut { "cut off" } else { "wrapped" }));
            return refresh(model);
        }
        Action::Less | Action::More => {
            let at = CONTEXTS.iter().position(|n| *n >= c.layout.how.context).unwrap_or(0);
            let to = if action == Action::More { (at + 1).min(CONTEXTS.len() - 1) } else { at.saturating_sub(1) };
            c.layout.how.context = CONTEXTS[to];
            model.status = Some(match CONTEXTS[to] {
                EVERYTHING => "The whole file is shown.".to_owned(),
                n => format!("{n} unchanged lines are shown around each change."),
            });
            return refresh(model);
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
