//! What each message does to the model, and which effects it asks for. No I/O, no clock.

mod click;
mod conflict;
mod message;
mod preview;
mod progress;
mod screens;
mod setup;

pub(crate) use conflict::{awaits_texts, covered};
#[cfg(test)]
pub(crate) use conflict::{damage_of, result_of};
pub use message::{Effect, Look, Msg, Owner, Place};

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};

use crate::core::os_text::quoted;
use crate::core::session::Status;
use crate::engine::events::{Command, Event, FinishKind, Level};
use crate::engine::planning::inspect::{About, Problem, Unfinished};

use super::keymap::{self, Action, Mode};
use super::model::{LogView, Model, Overlay, Pane, Question, Screen};
use super::progress::Progress;
use super::setup::Spot;
use super::view;

/// Takes a message in.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Opened(found) => opened(model, found),
        Msg::Broken(what) => stopped(model, 1, what.to_owned()),
        // Made before anybody saw what stands there now.
        Msg::Key(_) | Msg::Wheel { .. } | Msg::Click { .. } | Msg::Paste(_) if model.unseen => vec![],
        Msg::Key(key) if key.kind != KeyEventKind::Release => on_key(model, &key),
        Msg::Key(_) => vec![],
        Msg::Wheel { up } => wheel(model, up),
        Msg::Click { x, y } => click::click(model, x, y),
        Msg::Paste(text) => paste(model, &text),
        Msg::Resize(width, height) => {
            (model.width, model.height) = (width, height);
            if model.screen == Screen::Conflict { conflict::resized(model) } else { vec![] }
        }
        Msg::Event(event) => on_event(model, event),
        Msg::EngineGone if model.running => {
            model.running = false;
            let what = "The upgrade stopped without a result; the session is saved.".to_owned();
            vec![Effect::Quit { exit_code: 1, lines: vec![what, "Next: pos-upgrade-tui".to_owned()] }]
        }
        Msg::EngineGone => vec![],
        Msg::Inspected(inspection) => preview::inspected(model, *inspection),
        Msg::Offered(candidates) => setup::offered(model, candidates),
        Msg::Looked(looked) => setup::looked(model, *looked),
        Msg::Stood(typed, standing) => setup::stood(model, typed, standing),
        Msg::Recalled(session) => {
            // A session that settles what was put off has no source of its own.
            let upgraded = session.as_ref().filter(|s| s.status() == Status::Completed && !s.resolving());
            let source = upgraded.map(|s| Effect::Remember(s.source().to_owned()));
            if model.screen == Screen::Report && !model.running {
                model.session = session.map(|s| *s);
            }
            source.into_iter().collect()
        }
        Msg::Saved(saved) => preview::saved(model, saved),
        Msg::NotDeepened(why) => preview::not_deepened(model, &why),
        Msg::TextsLoaded { entry, texts, result } => preview::texts_loaded(model, &entry, texts, result),
        Msg::DiffReady { owner: Owner::Preview(entry), compare, diff } => {
            preview::diff_ready(model, &entry, compare, diff)
        }
        Msg::DiffReady { owner: Owner::Conflict(file), compare, diff } => {
            conflict::diff_ready(model, file, compare, diff)
        }
        Msg::MergeReady { file, merge, rows } => conflict::merge_ready(model, file, merge, rows),
        Msg::Found { owner: Owner::Conflict(file), needle, hits } => conflict::found(model, file, &needle, hits),
        Msg::Found { owner: Owner::Preview(entry), needle, hits } => preview::found(model, &entry, &needle, hits),
        Msg::LeftOver(text) => conflict::left_over(model, text),
        Msg::Edited(text) => conflict::edited(model, text),
        Msg::Tick(now) => {
            model.now = now;
            vec![]
        }
        Msg::Covered => {
            unseen(model);
            vec![]
        }
        Msg::Drawn => {
            model.undrawn = false;
            vec![]
        }
        Msg::Seen => {
            model.unseen = model.undrawn;
            vec![]
        }
        Msg::Terminate => terminate(model),
    }
}

/// Changes the screen. What has been typed so far was not meant for it.
fn show(model: &mut Model, screen: Screen) {
    if model.screen != screen {
        model.screen = screen;
        unseen(model);
        model.scroll = 0;
        model.across = 0;
        model.status = None;
        model.big_log = None;
        model.log_view = LogView::default();
        model.page = None;
    }
    if !matches!(model.overlay, Some(Overlay::Help(_))) {
        model.overlay = None;
    }
}

/// Something has come up that must be seen before it is answered.
fn unseen(model: &mut Model) {
    (model.undrawn, model.unseen) = (true, true);
}

fn ask(model: &mut Model, overlay: Overlay) -> Vec<Effect> {
    model.overlay = Some(overlay);
    unseen(model);
    vec![]
}

fn opened(model: &mut Model, found: Result<Option<Box<Unfinished>>, String>) -> Vec<Effect> {
    match found {
        Ok(Some(found)) => {
            let Unfinished { session, drafts } = *found;
            model.from = session.from_release().map(str::to_owned);
            model.to = Some(session.source_commit().to_owned());
            let resume = std::mem::take(&mut model.launch.resume) && !session.rebuilt();
            model.session = Some(session.clone());
            model.drafts = drafts;
            if resume {
                return begin(model, Effect::Resume(Box::new(session)));
            }
            show(model, Screen::Unfinished);
            vec![]
        }
        Ok(None) => match model.launch.resolve.clone() {
            Some(plan) => begin(model, Effect::Resolve(plan)),
            None => check(model),
        },
        Err(what) => stopped(model, 7, what),
    }
}

fn stopped(model: &mut Model, exit_code: u8, what: String) -> Vec<Effect> {
    let next = "pos-upgrade-tui status".to_owned();
    model.problems = vec![Problem { about: About::Install, exit_code, what, next }];
    setup::open(model, Spot::Install)
}

/// Inspects, or asks for the source first.
fn check(model: &mut Model) -> Vec<Effect> {
    match model.launch.request() {
        // It is shown before anything of it is looked at.
        Some(_) if model.launch.source.is_some() && model.launch.foreign_source == model.launch.source => {
            setup::open(model, Spot::Source)
        }
        Some(request) => {
            show(model, Screen::Checking);
            vec![Effect::Inspect(Box::new(request))]
        }
        None => setup::open(model, Spot::Source),
    }
}

fn on_event(model: &mut Model, event: Event) -> Vec<Effect> {
    model.progress.take_in(&event, model.now);
    match event {
        Event::SessionStarted { from_release, to_commit, .. } => {
            model.from = from_release.or(model.from.take());
            model.to = Some(to_commit);
            vec![]
        }
        Event::ConflictsOpen { files } => conflict::open(model, files),
        Event::AnswerRefused { path, decision, problem } => conflict::refused(model, &path, &decision, &problem),
        Event::QuestionAsked(question) => {
            model.asked = Some(question);
            unseen(model);
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
        Event::Log { level: Level::Error, origin: "conflicts", text } => {
            model.conflicts.said = Some(text.clone());
            model.status = Some(text);
            vec![]
        }
        _ => vec![],
    }
}

fn last_words(finish: &crate::engine::events::Finish) -> Vec<String> {
    let next = finish.next.iter().map(|next| format!("Next: {next}"));
    std::iter::once(finish.message.clone()).chain(next).collect()
}

fn terminate(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    let resume = format!("Next: pos-upgrade-tui resume --project {}", quoted(&model.launch.project));
    let mut lines = vec!["Interrupted; nothing was changed.".to_owned()];
    if model.running {
        effects.push(Effect::Send(Command::Pause));
        lines = vec!["Interrupted; the session is saved.".to_owned(), resume];
    }
    effects.push(Effect::Quit { exit_code: 130, lines });
    effects
}

fn begin(model: &mut Model, effect: Effect) -> Vec<Effect> {
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

/// Three lines at a time, where the arrows move something. It never answers anything.
fn wheel(model: &mut Model, up: bool) -> Vec<Effect> {
    let mode = model.mode();
    let action = if up { Action::Up } else { Action::Down };
    if !keymap::in_mode(mode).any(|b| b.action == action) {
        return vec![];
    }
    (0..3).flat_map(|_| act(model, mode, action)).collect()
}

fn paste(model: &mut Model, pasted: &str) -> Vec<Effect> {
    let line: String = pasted.chars().filter(|c| !c.is_control()).collect();
    match model.mode() {
        Mode::Source => return setup::typed(model, line.trim()),
        Mode::Filter => filter(model, |f| f.push_str(&line)),
        Mode::Search => return search(model, |s| s.push_str(&line)),
        // Pasted text is never taken for keys.
        _ => {}
    }
    vec![]
}

/// The path that the screen is about goes to the clipboard, whole.
fn copy(model: &mut Model) -> Vec<Effect> {
    let install = model.launch.project.join(".praxis-os");
    let path = match model.screen {
        Screen::Preview => match model.preview.as_ref().map(|p| (&p.pane, p.entry())) {
            Some((Pane::Diff(pane), _)) => Some(pane.entry.path.under(&install)),
            Some((_, entry)) => entry.map(|e| e.path.under(&install)),
            None => None,
        },
        Screen::Conflict => model.conflicts.file().map(|f| f.path.under(&install)),
        Screen::Report => Some(model.finish.as_ref().and_then(|f| f.backup.clone()).unwrap_or(install)),
        _ => Some(install),
    };
    let Some(path) = path else { return vec![] };
    // A name that is no text can't be pasted as it is.
    let Some(path) = path.to_str() else {
        model.status = Some("This path is not UTF-8, so it can't be copied.".to_owned());
        return vec![];
    };
    model.status = Some(format!("Copied, if the terminal allows it: {}", model.tilde(path)));
    vec![Effect::Copy(path.to_owned())]
}

/// What is typed into the filter of the list, or of the log.
fn filter(model: &mut Model, change: impl FnOnce(&mut String)) {
    match model.screen {
        Screen::Progress => progress::filter(model, change),
        _ => preview::filter(model, change),
    }
}

/// What is searched for in a diff or a conflict is typed on.
fn search(model: &mut Model, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    match model.screen {
        Screen::Preview => preview::search(model, change),
        _ => conflict::search(model, change),
    }
}

fn on_key(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let mode = model.mode();
    model.status = None;
    match keymap::lookup(mode, key) {
        Some(action) => act(model, mode, action),
        None => {
            match (mode, keymap::typed(key)) {
                (Mode::Source, Some(c)) => return setup::typed(model, c.encode_utf8(&mut [0; 4])),
                (Mode::Filter, Some(c)) => filter(model, |f| f.push(c)),
                (Mode::Search, Some(c)) => return search(model, |s| s.push(c)),
                _ => {}
            }
            vec![]
        }
    }
}

fn act(model: &mut Model, mode: Mode, action: Action) -> Vec<Effect> {
    match action {
        Action::Suspend => return vec![Effect::Suspend],
        Action::Copy => return copy(model),
        Action::Help => {
            model.overlay = Some(Overlay::Help(0));
            return vec![];
        }
        _ => {}
    }
    match mode {
        Mode::Help => help(model, action),
        Mode::Leave => leave(model, action),
        Mode::Confirm => confirm(model, action),
        Mode::Asked => asked(model, action),
        Mode::Checking | Mode::Setup | Mode::Source => setup::act(model, action),
        Mode::Filter if model.screen == Screen::Progress => progress::act(model, mode, action),
        Mode::Search if model.screen == Screen::Preview => preview::act(model, mode, action),
        Mode::Preview | Mode::Filter | Mode::Diff | Mode::News => preview::act(model, mode, action),
        Mode::Progress | Mode::Log | Mode::Page => progress::act(model, mode, action),
        Mode::Conflict | Mode::Files | Mode::Search => conflict::act(model, mode, action),
        Mode::Report => screens::report(model, action),
        Mode::Unfinished => screens::unfinished(model, action),
    }
}

/// Moves a scroll position; `rows` is how many there are.
fn scrolled(at: usize, action: Action, rows: usize, page: usize) -> usize {
    let end = rows.saturating_sub(page);
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(page.max(2) - 1),
        Action::PageDown => at + page.max(2) - 1,
        Action::Top => 0,
        Action::Bottom => end,
        _ => at,
    };
    to.min(end)
}

/// Moves a column.
fn moved_across(at: usize, action: Action) -> usize {
    match action {
        Action::Left => at.saturating_sub(8),
        Action::Right => (at + 8).min(2_000),
        _ => at,
    }
}

fn help(model: &mut Model, action: Action) -> Vec<Effect> {
    let (rows, page) = view::help_rows(model);
    if let Some(Overlay::Help(at)) = &mut model.overlay {
        match action {
            Action::Back | Action::Leave => uncover(model),
            other => *at = scrolled(*at, other, rows, page),
        }
    }
    vec![]
}

fn leave(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Pause => {
            model.overlay = None;
            pause(model)
        }
        Action::RollBack => ask(model, Overlay::Confirm(Question::RollBack)),
        Action::Back => {
            uncover(model);
            vec![]
        }
        _ => vec![],
    }
}

/// Takes away what lies over the screen. A question that stood behind it has to be seen before it is answered.
fn uncover(model: &mut Model) {
    model.overlay = None;
    if model.asked.is_some() {
        unseen(model);
    }
}

/// A key that answers the question of a running phase, if the question offers that.
fn asked(model: &mut Model, action: Action) -> Vec<Effect> {
    if action == Action::Leave {
        return ask(model, Overlay::Leave);
    }
    let Some(question) = &model.asked else { return vec![] };
    match keymap::way(action).filter(|way| question.offers(*way)) {
        Some(way) => {
            let id = question.id.clone();
            model.asked = None;
            vec![Effect::Send(Command::Choose { id, way })]
        }
        None => vec![],
    }
}

fn pause(model: &mut Model) -> Vec<Effect> {
    model.leaving = true;
    vec![Effect::Send(Command::Pause)]
}

fn confirm(model: &mut Model, action: Action) -> Vec<Effect> {
    if let (Action::NextTab, Some(Overlay::Confirm(Question::Rule { patterns, at, .. }))) = (action, &mut model.overlay)
    {
        *at = (*at + 1) % patterns.len().max(1);
        return vec![];
    }
    if action != Action::Yes {
        if matches!(action, Action::Back | Action::Leave) {
            uncover(model);
        }
        return vec![];
    }
    let Some(Overlay::Confirm(question)) = model.overlay.take() else { return vec![] };
    match (question, model.session.clone()) {
        (Question::Folder { files, take, folder }, _) => conflict::decide_folder(model, &files, take, &folder),
        (Question::Rule { take, patterns, at }, _) => conflict::add_rule(model, take, patterns.get(at)),
        (Question::Deepen, _) => preview::deepen(model),
        (Question::Removals(_), _) => preview::start(model),
        (Question::Save(path), _) => preview::save(model, &path),
        (Question::RollBack, _) if model.running => {
            model.going_back = true;
            show(model, Screen::Progress);
            vec![Effect::Send(Command::RollBack)]
        }
        (Question::RollBack, Some(session)) => begin(model, Effect::RollBack(Box::new(session))),
        (Question::Discard, Some(session)) if !session.applied() => begin(model, Effect::Discard(Box::new(session))),
        _ => vec![],
    }
}
