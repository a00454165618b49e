//! Texts that a person writes: a hunk or a whole file in the editor, a file in the merge tool.

use std::sync::Arc;

use crate::core::merge::Choice;
use crate::core::outcome::{damage, marker};
use crate::engine::events::Command;
use crate::engine::own_tools::Tool;

use super::decide::{decided, why_whole};
use super::display::{ALIGNING, hunk_in_sight, refresh};
use crate::tui::conflict::{Decision, Shape};
use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::model::{Compare, Conflicts, Editing, Model, Part};

/// Whoever lands in an editor that he never chose is told what is expected of him.
const HINT: &str = " (leave only the lines you want, without these marks; save and quit)";

fn say(model: &mut Model, what: impl Into<String>) -> Vec<Effect> {
    model.status = Some(what.into());
    vec![]
}

/// Gives a text to the program that the key stands for.
pub(super) fn begin(model: &mut Model, action: Action) -> Vec<Effect> {
    let c = &model.conflicts;
    let (Some(file), Some(settled)) = (c.file(), c.settling.current()) else { return vec![] };
    if settled.shape == Shape::Waiting {
        return say(model, ALIGNING);
    }
    let part = if action == Action::Edit { Part::Hunk(c.settling.hunk()) } else { Part::Whole };
    if let Part::Hunk(hunk) = part {
        if let Some(why) = why_whole(model) {
            return say(model, why);
        }
        if !hunk_in_sight(model) {
            model.conflicts.compare = Some(Compare::Merge);
            let effects = refresh(model);
            model.status = Some(format!("Hunk {} was out of sight; here it is. Press again to edit it.", hunk + 1));
            return effects;
        }
    }
    let is_text = |bytes: &Option<Arc<[u8]>>| bytes.as_ref().is_none_or(|b| !crate::core::merge::is_binary(b));
    if !is_text(&file.mine) || !is_text(&file.theirs) {
        return say(model, "This is not text: it can only be kept or taken whole.");
    }
    let name = String::from_utf8_lossy(file.path.name()).into_owned();
    let again = c.refused(c.settling.file(), part);
    // A merge tool reads the labels, and knows what it is for.
    let (hint, again) = match action {
        Action::MergeTool => ("", again.map(without_hint)),
        _ => (HINT, again.map(<[u8]>::to_vec)),
    };
    let Some(text) = again.or_else(|| given(c, part, hint)) else { return vec![] };
    let tool = match (action, c.text().and_then(|t| t.merge.as_ref())) {
        (Action::MergeTool, Some(merge)) => {
            let [base, mine, theirs] = merge.texts().map(Arc::clone);
            Tool::MergeTool { base, mine, theirs, merged: text.clone() }
        }
        (Action::MergeTool, None) => return say(model, "There is nothing to merge: one of the texts is missing."),
        _ => Tool::Editor(text.clone()),
    };
    model.conflicts.editing = Some(Editing { file: c.settling.file(), part, text });
    vec![Effect::Edit { tool, name }]
}

/// The text as it is decided so far; what is open stands in it between markers, with `hint` behind the first.
fn given(c: &Conflicts, part: Part, hint: &str) -> Option<Vec<u8>> {
    let (file, settled, merge) = (c.file()?, c.settling.current()?, c.text()?.merge.as_ref());
    let bytes = |side: &Option<Arc<[u8]>>| side.as_deref().map(<[u8]>::to_vec);
    match (part, merge) {
        (Part::Hunk(hunk), Some(merge)) => {
            let region = merge.overlaps().nth(hunk)?;
            Some(match settled.choice(hunk) {
                Some(choice) => merge.settled(region, &choice),
                None => merge.marked_region(region, hint),
            })
        }
        (Part::Hunk(_), None) => None,
        (Part::Whole, merge) => match (&settled.decision, merge) {
            (Decision::Edited(text), _) => Some(text.clone()),
            (Decision::Keep | Decision::Park, _) => bytes(&file.mine).or_else(|| Some(Vec::new())),
            (Decision::Take, _) => bytes(&file.theirs).or_else(|| Some(Vec::new())),
            (Decision::Merge(choices), Some(merge)) => Some(merge.marked(choices, hint)),
            (_, Some(merge)) => Some(merge.marked(&vec![None; merge.conflicts()], hint)),
            _ => bytes(&file.mine).or_else(|| bytes(&file.theirs)).or_else(|| Some(Vec::new())),
        },
    }
}

fn without_hint(text: &[u8]) -> Vec<u8> {
    let hint = HINT.as_bytes();
    match text.windows(hint.len()).position(|part| part == hint) {
        Some(at) => [&text[..at], &text[at + hint.len()..]].concat(),
        None => text.to_vec(),
    }
}

/// The program ended badly, or with the terminal: what it had saved until then is kept, and given again next time.
pub(crate) fn left_over(model: &mut Model, text: Vec<u8>) -> Vec<Effect> {
    match model.conflicts.editing.clone() {
        Some(editing) if editing.text != text => keep(model, &editing, Some(text)).into_iter().collect(),
        _ => vec![],
    }
}

/// Takes in what came back. What can't be used is refused with the place, kept, and given again next time.
pub(crate) fn done(model: &mut Model, text: Result<Vec<u8>, String>) -> Vec<Effect> {
    let Some(editing) = model.conflicts.editing.take() else { return vec![] };
    let text = match text {
        Ok(text) => text,
        Err(why) => return say(model, format!("{why} What was there stays.")),
    };
    if model.conflicts.settling.file() != editing.file {
        model.conflicts.settling.go_to(editing.file);
    }
    if let Some(problem) = problem(model, &editing, &text) {
        let key = if editing.part == Part::Whole { "E" } else { "e" };
        model.status = Some(format!("Refused: {problem}. {key} opens your text again."));
        return keep(model, &editing, Some(text)).into_iter().collect();
    }
    // What was refused may fit by now, as it is.
    let refused = model.conflicts.refused(editing.file, editing.part).is_some();
    if text == editing.text && !refused {
        return say(model, "Nothing was changed in it.");
    }
    let forgotten = keep(model, &editing, None);
    let effects = take(model, editing, text);
    forgotten.into_iter().chain(effects).collect()
}

/// Keeps what can't be used for the next time, or forgets it; a session that is taken up knows it too.
fn keep(model: &mut Model, editing: &Editing, text: Option<Vec<u8>>) -> Option<Effect> {
    let c = &mut model.conflicts;
    let texts = c.refuse(editing.file, editing.part, text)?;
    let path = c.files.get(editing.file)?.path.clone();
    Some(Effect::Send(Command::Refused(path, texts)))
}

fn take(model: &mut Model, editing: Editing, text: Vec<u8>) -> Vec<Effect> {
    let c = &mut model.conflicts;
    match editing.part {
        Part::Whole => {
            c.settling.decide(Decision::Edited(text));
            c.compare = Some(Compare::Result);
            c.scroll = 0;
        }
        Part::Hunk(hunk) => {
            let merge = c.text().and_then(|t| t.merge.clone());
            let Some(region) = merge.as_ref().and_then(|m| m.overlaps().nth(hunk)) else { return vec![] };
            let fitted = merge.as_ref().map_or(Vec::new(), |m| m.fitted(region, text));
            c.settling.go_to_hunk(hunk);
            c.settling.choose(Choice::Edited(fitted));
        }
    }
    decided(model)
}

/// Why a text can't stand in the file.
fn problem(model: &Model, editing: &Editing, text: &[u8]) -> Option<String> {
    let c = &model.conflicts;
    let file = c.file()?;
    let sides = [&file.base, &file.mine, &file.theirs];
    let in_sides = |has: &dyn Fn(&[u8]) -> bool| sides.iter().any(|side| side.as_deref().is_some_and(has));
    if let Some(line) = marker(text).filter(|_| !in_sides(&|side| marker(side).is_some())) {
        return Some(format!("line {line} is still a conflict marker"));
    }
    let middle = |text: &[u8]| text.split(|b| *b == b'\n').position(|l| l.trim_ascii_end() == b"=======");
    if marker(&editing.text).is_some()
        && let Some(line) = middle(text).filter(|_| !in_sides(&|side| middle(side).is_some()))
    {
        return Some(format!("line {} is still the mark between two sides", line + 1));
    }
    let whole = match editing.part {
        Part::Whole => text.to_vec(),
        Part::Hunk(hunk) => {
            let merge = c.text()?.merge.as_ref()?;
            let mut choices: Vec<Option<Choice>> =
                (0..merge.conflicts()).map(|h| c.settling.current().and_then(|f| f.choice(h))).collect();
            *choices.get_mut(hunk)? = Some(Choice::Edited(merge.fitted(merge.overlaps().nth(hunk)?, text.to_vec())));
            merge.result(&choices)?
        }
    };
    let before = file.mine.as_deref().or(file.theirs.as_deref()).unwrap_or_default();
    damage(&file.path, before, &whole).map(|what| format!("the file {what}"))
}
