//! What the engine is told: answers that are accepted, drafts, the word that all is settled.

use crate::core::session::Answer;
use crate::engine::events::Command;

use super::super::{Effect, pause, show};
use super::moved;
use crate::tui::model::{Conflicts, Model, Screen};
use crate::tui::text;

pub(super) fn send(c: &Conflicts, file: usize, answer: Answer) -> Option<Effect> {
    let path = c.files.get(file)?.path.clone();
    Some(Effect::Send(Command::Answer { path, answer }))
}

pub(super) fn accept(model: &mut Model) -> Vec<Effect> {
    let before = model.conflicts.settling.file();
    if let Some(what) = model.conflicts.settling.current().and_then(|f| f.problem.clone()) {
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

pub(super) fn finish(model: &mut Model) -> Vec<Effect> {
    let c = &mut model.conflicts;
    if let Some(what) = open_list(c) {
        model.status = Some(what);
        return vec![];
    }
    let Some(unsent) = c.settling.finish() else { return vec![] };
    let mut effects: Vec<Effect> = unsent.into_iter().filter_map(|(i, a)| send(c, i, a)).collect();
    effects.push(Effect::Send(Command::AnswersDone));
    c.said = None;
    show(model, Screen::Progress);
    effects
}

/// What is still open, the first two files by name; none if nothing is.
pub(super) fn open_list(c: &Conflicts) -> Option<String> {
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

/// What the engine has to save of what was just decided.
pub(super) fn decisions(c: &mut Conflicts) -> Vec<Effect> {
    let rules = c.settling.untold_rules().into_iter();
    let mut commands: Vec<Command> =
        rules.map(|((take, pattern), made)| Command::Rule { take, pattern, made }).collect();
    let changed = c.settling.untold();
    let path = |i: usize| c.files.get(i).map(|f| f.path.clone());
    let all: Vec<_> = changed.into_iter().filter_map(|(i, decision)| Some((path(i)?, decision))).collect();
    if !all.is_empty() {
        commands.push(Command::Drafts(all));
    }
    commands.into_iter().map(Effect::Send).collect()
}

/// Saves what is settled but not yet accepted, too: it is worth keeping.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let unsent: Vec<(usize, Answer)> = (0..c.files.len())
        .filter_map(|i| c.settling.files().get(i).and_then(|f| Some((i, f.answer()?))))
        .filter(|(i, a)| c.settling.files()[*i].sent.as_ref() != Some(a))
        .collect();
    let mut effects: Vec<Effect> = unsent.into_iter().filter_map(|(i, a)| send(c, i, a)).collect();
    effects.extend(pause(model));
    effects
}
