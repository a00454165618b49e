//! A run of the engine: how it begins, pauses and ends.

use super::navigation::show;
use crate::engine::events::{Command, Finish};
use crate::tui::message::Effect;
use crate::tui::model::{Model, Screen};
use crate::tui::progress::Progress;

/// The engine begins with this: from here on the screen shows its progress.
pub(crate) fn begin(model: &mut Model, effect: Effect) -> Vec<Effect> {
    model.running = true;
    model.leaving = false;
    model.going_back = false;
    model.progress = Progress::new(model.now);
    if let Some(session) = &model.session {
        model.progress.take_up(session);
    }
    show(model, Screen::Progress);
    vec![effect]
}

/// Asks the engine to pause; the wizard ends with it.
pub(crate) fn pause(model: &mut Model) -> Vec<Effect> {
    model.leaving = true;
    vec![Effect::Send(Command::Pause)]
}

/// What stands on the normal screen after the end.
pub(crate) fn last_words(finish: &Finish) -> Vec<String> {
    let next = finish.next.iter().map(|next| format!("Next: {next}"));
    std::iter::once(finish.message.clone()).chain(next).collect()
}
