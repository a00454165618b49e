//! What the engine says, and a signal to end.

use super::conflict::opening;
use super::navigation::{hold_input, show};
use super::running::{begin, last_words};
use super::setup;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::engine::events::{Command, Event, FinishKind};
use crate::engine::planning::inspect::Unfinished;
use crate::engine::refusal::About;
use crate::engine::refusal::Problem;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Overlay, Screen};
use crate::tui::setup::Spot;

pub(super) fn opened(model: &mut Model, found: Result<Option<Box<Unfinished>>, String>) -> Vec<Effect> {
    match found {
        Ok(Some(found)) => {
            let Unfinished { session, drafts, needs_a_word } = *found;
            model.from = session.from_release().map(str::to_owned);
            model.to = Some(session.source_commit().to_owned());
            let resume = std::mem::take(&mut model.launch.resume) && !session.rebuilt();
            model.session = Some(session.clone());
            model.drafts = drafts;
            // Named with the command, it needs no other yes.
            let named = resume && model.launch.foreign_source.is_none();
            model.needs_a_word = needs_a_word && !named;
            if resume && !model.needs_a_word {
                return begin(model, Effect::Resume(Box::new(session), named));
            }
            show(model, Screen::Unfinished);
            vec![]
        }
        Ok(None) => match model.launch.resolve.clone() {
            Some(plan) => begin(model, Effect::Resolve(plan)),
            None => setup::check(model),
        },
        Err(what) => stopped(model, Exit::Locked, what),
    }
}

pub(super) fn stopped(model: &mut Model, exit_code: Exit, what: String) -> Vec<Effect> {
    let next = "pos-upgrade-tui status".to_owned();
    model.problems = vec![Problem { code: Code::Bug, about: About::Install, exit_code, what, next }];
    setup::open(model, Spot::Install)
}

pub(super) fn on_event(model: &mut Model, event: Event) -> Vec<Effect> {
    model.progress.take_in(&event, model.now);
    match event {
        Event::SessionStarted { from_release, to_commit, .. } => {
            model.from = from_release.or(model.from.take());
            model.to = Some(to_commit);
            vec![]
        }
        Event::ConflictsOpen { files } => opening::open(model, files),
        Event::AnswerRefused { path, decision, problem } => opening::refused(model, &path, &decision, &problem),
        Event::QuestionAsked(question) => {
            model.asked = Some(question);
            hold_input(model);
            vec![]
        }
        Event::QuestionAnswered { .. } => {
            model.asked = None;
            vec![]
        }
        Event::RollbackStarted { .. } => {
            model.asked = None;
            show(model, Screen::Progress);
            vec![]
        }
        Event::Finished(finish) => {
            model.running = false;
            model.asked = None;
            let paused = model.leaving && finish.result == FinishKind::Interrupted;
            let quit = Effect::Quit { exit_code: finish.exit_code, lines: last_words(&finish) };
            let completed = finish.session_id.clone().filter(|_| finish.result == FinishKind::Completed);
            model.finish = Some(finish);
            if paused {
                return vec![quit];
            }
            // What it was taken up from says less than how it ended.
            model.session = None;
            let undecided = matches!(model.overlay, Some(Overlay::Leave)) && completed.is_some();
            show(model, Screen::Report);
            if undecided {
                model.status = Some("It was finished before you decided. R puts the install back.".to_owned());
            }
            completed.map(Effect::Recall).into_iter().collect()
        }
        // What the engine can't carry out must be seen where it was asked.
        Event::NotDone { problem } => {
            model.conflicts.said = Some(problem.clone());
            model.status = Some(problem);
            vec![]
        }
        _ => vec![],
    }
}

pub(super) fn terminate(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    let resume = format!("Next: {}", Next::Resume.of(&model.launch.project));
    let mut lines = vec!["Interrupted; nothing was changed.".to_owned()];
    if model.running {
        effects.push(Effect::Send(Command::Pause));
        lines = vec!["Interrupted; the session is saved.".to_owned(), resume];
    }
    effects.push(Effect::Quit { exit_code: Exit::Interrupted, lines });
    effects
}
