//! Conflicts come in: to be opened, opened again, refused; and their alignments, as they are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::config::keyed::Format;
use crate::core::merge::Merge;
use crate::core::outcome::keyed_format;
use crate::core::path::RelPath;
use crate::core::session::Refused;
use crate::engine::events::{Command, ConflictFile};

use super::display::{ALIGNING, WIDE, moved, refresh};
use super::send::decisions;
use crate::tui::conflict::{Decision, Settling, Shape};
use crate::tui::merge_rows::MergeRows;
use crate::tui::message::Effect;
use crate::tui::model::{ConflictTexts, Conflicts, HunkFacts, Model, Screen};
use crate::tui::update::navigation::show;

pub(crate) fn open(model: &mut Model, files: Arc<Vec<ConflictFile>>) -> Vec<Effect> {
    if files.is_empty() {
        // An assistant's session waits for the word to apply: whoever goes on with it here has said that.
        return vec![Effect::Send(Command::Finish(Vec::new()))];
    }
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
    let effects = refresh(model);
    model.status = said;
    Some(effects)
}

/// A decision that can't be carried out stays on the screen, to be changed. One that was changed meanwhile is no longer
/// meant.
pub(crate) fn refused(model: &mut Model, path: &RelPath, decision: &Decision, problem: &str) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let Some(at) = c.files.iter().position(|f| f.path == *path) else { return vec![] };
    // What the screen found itself is said already, with the keys that mend it.
    if c.settling.files().get(at).is_none_or(|f| f.decision != *decision || f.problem.is_some()) {
        return vec![];
    }
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

/// What kind of conflict a file is, from what there is of it.
fn shape(file: &ConflictFile, merge: Option<&Merge>) -> Shape {
    match (merge, &file.mine, &file.theirs) {
        (Some(merge), ..) => Shape::Text(merge.conflicts()),
        (None, None, _) => Shape::Whole("There is nothing to merge: you deleted this file."),
        (None, _, None) => Shape::Whole("There is nothing to merge: the source removed this file."),
        _ => match keyed_format(&file.path) {
            Some(Format::Json) => Shape::Whole("It can't be merged: one of the texts is not sound JSON."),
            Some(Format::Yaml) => Shape::Whole("It can't be merged key by key: the plan says which line prevents it."),
            None => Shape::Whole("This is not text: it can only be kept or taken whole."),
        },
    }
}

pub(crate) fn merge_ready(
    model: &mut Model,
    file: usize,
    merge: Option<Arc<Merge>>,
    hunks: Arc<[HunkFacts]>,
    rows: Option<Arc<(MergeRows, MergeRows)>>,
) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let (Some(known), Some(texts)) = (c.files.get(file), c.texts.get_mut(file)) else { return vec![] };
    let first = c.settling.files().get(file).is_some_and(|f| f.shape == Shape::Waiting);
    texts.rows = rows;
    if first {
        c.settling.set_shape(file, shape(known, merge.as_deref()));
        (texts.merge, texts.hunks) = (merge, hunks);
        // What was decided before an interruption.
        let problem = c.damage_of(file);
        c.settling.set_problem(file, problem);
    }
    // A choice for other hunks than there are was dropped.
    let mut effects = decisions(c);
    if c.settling.file() != file {
        return effects;
    }
    if first && model.status.as_deref() == Some(ALIGNING) {
        model.status = None;
    }
    let c = &mut model.conflicts;
    if first && c.settling.hunk() == 0 {
        c.settling.go_to(file);
    }
    effects.extend(refresh(model));
    effects
}
