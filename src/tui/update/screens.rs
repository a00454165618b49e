//! The screens with few keys: setup, progress, report, unfinished.

use super::{Effect, ask, begin, check, last_words, moved_across, scrolled};
use crate::tui::keymap::Action;
use crate::tui::model::{Model, Overlay, Question};
use crate::tui::{text, view};

pub(super) fn setup(model: &mut Model, action: Action) -> Vec<Effect> {
    match (action, &mut model.source_field) {
        (Action::Accept, Some(field)) if !field.trim().is_empty() => {
            let path = field.trim().to_owned();
            let home = model.home.clone();
            let expanded = match (path.strip_prefix("~/"), home) {
                (Some(rest), Some(home)) => format!("{home}/{rest}"),
                _ => path,
            };
            model.launch.source = Some(expanded.into());
            model.source_field = None;
            check(model)
        }
        (Action::Accept, Some(_)) => {
            model.status = Some("Type the folder of a praxis-os clone first.".to_owned());
            vec![]
        }
        (Action::Accept, None) => {
            let source = model.launch.source.as_ref();
            model.source_field = Some(source.map(|s| s.to_string_lossy().into_owned()).unwrap_or_default());
            vec![]
        }
        (Action::Erase, Some(field)) => {
            field.pop();
            vec![]
        }
        (Action::EraseAll, Some(field)) => {
            field.clear();
            vec![]
        }
        // Without a source there is nothing behind the field to go back to.
        (Action::Back, Some(_)) if model.launch.source.is_some() => {
            model.source_field = None;
            vec![]
        }
        (Action::Back | Action::Leave, _) => {
            let exit_code = model.problems.iter().map(|p| p.exit_code).max();
            let mut lines: Vec<String> = Vec::new();
            for problem in &model.problems {
                lines.push(problem.what.clone());
                lines.push(format!("Next: {}", problem.next));
            }
            if lines.is_empty() {
                lines.push("Nothing was changed.".to_owned());
            }
            vec![Effect::Quit {
                exit_code: exit_code.unwrap_or(if model.launch.source.is_none() { 2 } else { 0 }),
                lines,
            }]
        }
        (Action::Again, None) => check(model),
        (other, None) => {
            let (rows, page) = view::body_rows(model);
            model.scroll = scrolled(model.scroll, other, rows, page);
            vec![]
        }
        _ => vec![],
    }
}

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
