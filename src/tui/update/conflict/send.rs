//! What the engine is told: each change of a decision at once, and with the word that all is settled all of them again,
//! so that what the screen shows as settled is what the engine has.

use crate::core::path::RelPath;
use crate::engine::events::Command;

use super::display::moved;
use crate::tui::conflict::Decision;
use crate::tui::message::Effect;
use crate::tui::model::{Conflicts, Model, Screen};
use crate::tui::text;
use crate::tui::update::navigation::show;
use crate::tui::update::running::pause;

/// Decisions by path.
fn by_path(c: &Conflicts, decided: Vec<(usize, Decision)>) -> Vec<(RelPath, Decision)> {
    let path = |i: usize| c.files.get(i).map(|f| f.path.clone());
    decided.into_iter().filter_map(|(i, decision)| Some((path(i)?, decision))).collect()
}

pub(super) fn accept(model: &mut Model) -> Vec<Effect> {
    let before = model.conflicts.settling.file();
    if let Some(what) = model.conflicts.settling.current().and_then(|f| f.problem.clone()) {
        model.status = Some(what);
        return vec![];
    }
    model.conflicts.settling.accept();
    if !model.conflicts.settling.current().is_some_and(|f| f.is_settled()) {
        model.conflicts.compare = None;
    }
    moved(model, before)
}

pub(super) fn finish(model: &mut Model) -> Vec<Effect> {
    let c = &mut model.conflicts;
    if let Some(what) = open_list(c) {
        model.status = Some(what);
        return vec![];
    }
    let Some(all) = c.settling.finish() else { return vec![] };
    let all = by_path(c, all);
    c.said = None;
    show(model, Screen::Progress);
    vec![Effect::Send(Command::Finish(all))]
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
    let all = by_path(c, changed);
    if !all.is_empty() {
        commands.push(Command::Decide(all));
    }
    commands.into_iter().map(Effect::Send).collect()
}

/// Leaves, with all that is decided so far.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    let c = &model.conflicts;
    let mut effects = vec![Effect::Send(Command::Decide(by_path(c, c.settling.all())))];
    effects.extend(pause(model));
    effects
}
