//! Decisions: about a hunk, a file, a folder.

use super::display::{ALIGNING, hunk_in_sight, led_to, other_file, refresh};
use super::send::decisions;
use crate::core::layout::layouts;
use crate::core::merge::Choice;
use crate::core::offer::Offer;
use crate::core::path::RelPath;
use crate::tui::conflict::{Decision, Shape};
use crate::tui::message::Effect;
use crate::tui::model::{Compare, Model, Overlay, Question};
use crate::tui::text;
use crate::tui::update::navigation::ask;

/// After a decision: the computed result is stale, and the next question may be another one.
pub(super) fn decided(model: &mut Model) -> Vec<Effect> {
    let c = &mut model.conflicts;
    for texts in &mut c.texts {
        texts.diffs.retain(|d| d.0 != Compare::Result);
    }
    for file in c.settling.changed() {
        let problem = c.damage_of(file);
        if file == c.settling.file() && problem.is_some() {
            model.status.clone_from(&problem);
        }
        c.settling.set_problem(file, problem);
    }
    let mut effects = decisions(c);
    effects.extend(refresh(model));
    effects
}

/// Why the file can't be settled hunk by hunk, if it can't.
pub(super) fn why_whole(model: &Model) -> Option<String> {
    match &model.conflicts.settling.current()?.shape {
        Shape::Whole(why) => Some(format!("{why} k keeps mine, t takes theirs.")),
        Shape::Waiting => Some(ALIGNING.to_owned()),
        Shape::Text(_) => None,
    }
}

pub(super) fn choose(model: &mut Model, choice: Choice) -> Vec<Effect> {
    if let Some(why) = why_whole(model) {
        model.status = Some(why);
        return vec![];
    }
    if !hunk_in_sight(model) {
        // Nobody settles a hunk that they don't see.
        model.conflicts.compare = Some(Compare::Merge);
        let hunk = model.conflicts.settling.hunk() + 1;
        model.status = Some(format!("Hunk {hunk} was out of sight; here it is. Press again to settle it."));
        return refresh(model);
    }
    if choice == Choice::Base && model.conflicts.file().is_some_and(|f| f.base.is_none()) {
        model.status = Some("There is no base: the version you started from is not known.".to_owned());
        return vec![];
    }
    model.conflicts.settling.choose(choice);
    decided(model)
}

/// Takes what is offered for the hunk.
pub(super) fn combine(model: &mut Model) -> Vec<Effect> {
    let c = &model.conflicts;
    match c.offer(c.settling.hunk()).map(Offer::choice) {
        Some(choice) => choose(model, choice),
        None => {
            let none = "Nothing is offered for this hunk: what both changed overlaps. e edits it.";
            model.status = Some(why_whole(model).unwrap_or_else(|| none.to_owned()));
            vec![]
        }
    }
}

pub(super) fn ask_folder(model: &mut Model, take: bool) -> Vec<Effect> {
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

pub(crate) fn decide_folder(model: &mut Model, files: &[usize], take: bool, folder: &str) -> Vec<Effect> {
    let c = &mut model.conflicts;
    let before = c.settling.file();
    c.settling.decide_all(files, if take { &Decision::Take } else { &Decision::Keep });
    let what = text::count(files.len() as u64, "file", "files");
    let side = if take { "theirs" } else { "mine" };
    model.status = Some(format!("{what} in {folder}: {side}. u undoes it.{}", led_to(c, before)));
    other_file(c, before);
    decided(model)
}
