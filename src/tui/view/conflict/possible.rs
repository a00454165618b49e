//! Which keys do something for the file under the cursor.

use crate::core::merge::is_binary;
use crate::tui::conflict::{Decision, Shape};
use crate::tui::keymap::Action;
use crate::tui::model::{Compare, Conflicts, Model};

/// Whether a key does something for the file under the cursor.
pub(crate) fn possible(model: &Model, action: Action) -> bool {
    let c = &model.conflicts;
    let hunks = matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Text(n)) if *n > 0);
    let decision = c.settling.current().map(|f| &f.decision);
    match action {
        Action::Keep => decision != Some(&Decision::Keep),
        Action::Take => decision != Some(&Decision::Take),
        Action::Finish => c.settling.open_files() == 0,
        Action::Mine | Action::Theirs | Action::Both | Action::Edit => hunks,
        Action::Combined => hunks && c.offer(c.settling.hunk()).is_some(),
        Action::EditFile | Action::MergeTool => {
            !matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Waiting)) && is_text(c)
        }
        Action::Rule => matches!(decision, Some(Decision::Keep | Decision::Take)),
        Action::NextHit | Action::PreviousHit | Action::Back => c.search.is_some(),
        Action::BasePane => hunks && c.file().is_some_and(|f| f.base.is_some()),
        Action::Base => hunks && c.file().is_some_and(|f| f.base.is_some()),
        Action::Merge if matches!(decision, Some(Decision::Merge(_))) => false,
        Action::Merge => matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Text(_))),
        Action::NextOpen => c.settling.open_files() > 0,
        Action::NextTab => c.files.len() > 1,
        Action::SideBySide => c.shown() == Compare::Merge,
        _ => true,
    }
}

fn is_text(c: &Conflicts) -> bool {
    let side = |bytes: &Option<std::sync::Arc<[u8]>>| bytes.as_deref().is_none_or(|b| !is_binary(b));
    c.file().is_some_and(|f| side(&f.mine) && side(&f.theirs))
}
