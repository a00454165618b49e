//! The screens with few keys: report, unfinished.

use super::navigation::{ask, moved_across, scrolled};
use super::running::{begin, last_words};
use crate::core::exit::Exit;
use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Overlay, Question};
use crate::tui::{text, view};

pub(super) fn report(model: &mut Model, action: Action) -> Vec<Effect> {
    match (action, &model.finish) {
        (Action::RollBack, Some(_)) if model.session.is_some() => ask(model, Overlay::Confirm(Question::RollBack)),
        (Action::Accept | Action::Leave, Some(finish)) => {
            vec![Effect::Quit { exit_code: finish.exit_code, lines: last_words(finish) }]
        }
        _ => {
            let (rows, page) = view::body_rows(model);
            model.scroll = scrolled(model.scroll, action, rows, page);
            model.across = moved_across(model.across, action);
            vec![]
        }
    }
}

pub(super) fn unfinished(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(session) = model.session.clone() else { return vec![] };
    match action {
        // Enter is pressed without a thought: it never leads back.
        Action::Accept if session.rolling_back() && !session.rebuilt() => {
            model.status = Some("Enter does nothing here: r finishes the rollback.".to_owned());
            vec![]
        }
        Action::Again | Action::Accept if !session.rebuilt() && model.needs_a_word => {
            ask(model, Overlay::Confirm(Question::Source))
        }
        Action::Again | Action::Accept if !session.rebuilt() => begin(model, Effect::Resume(Box::new(session), false)),
        Action::RollBack => ask(model, Overlay::Confirm(Question::RollBack)),
        Action::Discard if !session.applied() && !session.rebuilt() => ask(model, Overlay::Confirm(Question::Discard)),
        Action::Leave => {
            let what = match session.source_commit() {
                "" => "An upgrade is unfinished; its files were damaged.".to_owned(),
                commit => format!("The upgrade to {} is unfinished.", text::short(commit)),
            };
            let next = match session.rebuilt() {
                true => "Next: pos-upgrade-tui rollback".to_owned(),
                false => "Next: pos-upgrade-tui resume, or pos-upgrade-tui rollback".to_owned(),
            };
            vec![Effect::Quit { exit_code: Exit::Pending, lines: vec![what, next] }]
        }
        other => {
            let (rows, page) = view::body_rows(model);
            model.scroll = scrolled(model.scroll, other, rows, page);
            vec![]
        }
    }
}
