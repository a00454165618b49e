//! The screens with few keys: progress, report, unfinished.

use super::{Effect, ask, begin, last_words, moved_across, scrolled};
use crate::tui::keymap::Action;
use crate::tui::model::{Model, Overlay, Question};
use crate::tui::{text, view};

pub(super) fn progress(model: &mut Model, action: Action) -> Vec<Effect> {
    match (action, model.big_log) {
        (Action::Log, None) => model.big_log = Some(0),
        (Action::Log | Action::Back, Some(_)) => model.big_log = None,
        (Action::Leave, _) => return ask(model, Overlay::Leave),
        (Action::Left | Action::Right, _) => model.across = moved_across(model.across, action),
        (other, Some(up)) => {
            // The log hangs from its end: scrolling up counts away from the newest line.
            let (rows, page) = view::body_rows(model);
            let end = rows.saturating_sub(page);
            let top = scrolled(end.saturating_sub(up), other, rows, page);
            model.big_log = Some(end.saturating_sub(top));
        }
        _ => {}
    }
    vec![]
}

pub(super) fn report(model: &mut Model, action: Action) -> Vec<Effect> {
    match (action, &model.finish) {
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
        Action::Again if !session.rebuilt => begin(model, Effect::Resume(Box::new(session))),
        Action::RollBack => ask(model, Overlay::Confirm(Question::RollBack)),
        Action::Discard if !session.applied && !session.rebuilt => ask(model, Overlay::Confirm(Question::Discard)),
        Action::Leave => {
            let what = match session.source_commit.as_str() {
                "" => "An upgrade is unfinished; its files were damaged.".to_owned(),
                commit => format!("The upgrade to {} is unfinished.", text::short(commit)),
            };
            let next = match session.rebuilt {
                true => "Next: pos-upgrade-tui rollback".to_owned(),
                false => "Next: pos-upgrade-tui resume, or pos-upgrade-tui rollback".to_owned(),
            };
            vec![Effect::Quit { exit_code: 10, lines: vec![what, next] }]
        }
        other => {
            let (rows, page) = view::body_rows(model);
            model.scroll = scrolled(model.scroll, other, rows, page);
            vec![]
        }
    }
}
