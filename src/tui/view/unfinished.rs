//! A session that was left: what happened, how the install stands, what each choice does.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::canvas::Canvas;
use super::footer::key_in;
use super::frame::{self, line};
use crate::core::path::RelPath;
use crate::core::plan::Kind;
use crate::core::session::{Decision, Session, Status, moment};
use crate::engine::planning::inspect::Draft;
use crate::tui::click::Target;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Role;

fn happened(session: &Session) -> &'static str {
    match session.status() {
        _ if session.rebuilt() => {
            "The files of an upgrade were damaged. What could be told was rebuilt from its backup."
        }
        _ if session.rolling_back() => "A rollback was cut off before it was done.",
        Status::AwaitingDecision => "An upgrade waits for an answer.",
        Status::Interrupted => "An upgrade was paused.",
        _ => "An upgrade was cut off: its process ended without finishing.",
    }
}

/// A moment for people, and how long ago that was.
fn when(model: &Model, time: &str) -> String {
    text::visible_str(&moment(time, model.started), false)
}

/// Conflicts have been settled by files; what is settled without being an answer yet is named.
fn answers(model: &Model, session: &Session) -> String {
    // Answers can be given to conflicts only: what rules said counts as well.
    let conflicts = session.plan().files.iter().filter(|f| f.kind == Kind::Conflict).count();
    if session.answers().is_empty() && conflicts == 0 {
        return "none needed".to_owned();
    }
    let given = format!("{} of {} settled", session.answers().len(), text::count(conflicts as u64, "file", "files"));
    match settled_in(&model.drafts) {
        (_, what) if what.is_empty() => format!("{given}, all saved"),
        (1, what) => format!("{given}; {what} is settled and saved"),
        (_, what) => format!("{given}; {what} are settled and saved"),
    }
}

/// What is settled without being an answer yet, and how many things that are.
fn settled_in(drafts: &[Draft]) -> (usize, String) {
    let drafts: Vec<&Draft> = drafts.iter().filter(|d| d.hunks != Some(0)).collect();
    let name = |draft: &Draft| text::visible_str(draft.path.to_string().rsplit('/').next().unwrap_or_default(), false);
    let one = |draft: &Draft| match draft.hunks {
        Some(n) => (n, format!("{} of {}", text::count(n as u64, "hunk", "hunks"), name(draft))),
        None => (1, format!("all of {}", name(draft))),
    };
    match &drafts[..] {
        [] => (0, String::new()),
        [draft] => one(draft),
        [first, second] => (2, format!("{} and {}", one(first).1, one(second).1)),
        [first, rest @ ..] => (2, format!("{} and parts of {} more files", one(first).1, rest.len())),
    }
}

/// What is lost when the session ends without being applied, and what is not.
pub(crate) fn losses(model: &Model, session: &Session) -> Vec<String> {
    let by_person = |(path, answer): &(&RelPath, &Decision)| **answer != Decision::Park && session.asks_about(path);
    let answered = session.answers().iter().filter(by_person).count() as u64;
    let written: usize = model.drafts.iter().map(|d| d.written).sum();
    let counted = |n: u64, one: &str, many: &str| if n == 0 { String::new() } else { text::count(n, one, many) };
    let mut lost = vec![
        // They are kept for other upgrades once the person said that all are given.
        counted(if session.answers_done { 0 } else { answered }, "answer", "answers"),
        settled_in(&model.drafts).1,
    ];
    lost.push(match counted(written as u64, "text", "texts") {
        texts if texts.is_empty() => texts,
        texts => texts + " that you wrote",
    });
    lost.retain(|what| !what.is_empty());
    let mut all = Vec::new();
    if !lost.is_empty() {
        all.push(format!("Lost with it: {}.", lost.join(", ")));
    }
    if session.answers_done && answered > 0 {
        let answers = text::count(answered, "answer is", "answers are");
        all.push(format!("{answers} remembered: the next upgrade uses them, or asks again."));
    }
    all
}

fn facts(model: &Model, session: &Session) -> Vec<(&'static str, String)> {
    let phase = session.current_phase();
    let source = match session.source_commit() {
        _ if session.uninstalling() => "none: what releases put here is taken out".to_owned(),
        "" => "not known any more".to_owned(),
        commit => format!("{} at {}", text::visible_str(session.source_version(), false), text::short(commit)),
    };
    let mut facts = vec![
        ("install", session.install_stands().to_owned()),
        ("phase", format!("{} of 0-5, {}", phase.number(), phase.name())),
        ("source", source),
        ("answers", answers(model, session)),
        ("begun", when(model, &session.created_at)),
        ("last step", when(model, &session.updated_at)),
        ("backup", session.backup.as_deref().map_or("none yet".to_owned(), |b| text::visible_str(b, false))),
    ];
    if let Some(question) = session.asked() {
        facts.insert(0, ("asked", text::visible_str(&question.title, false)));
    }
    if let Some(reason) = session.reason().filter(|r| !r.trim().is_empty()) {
        let first = reason.lines().next().unwrap_or_default();
        facts.insert(0, ("why", text::visible_str(first, false)));
    }
    facts
}

/// Each key with its word and what it will do.
fn choices(model: &Model, session: &Session) -> Vec<(&'static str, &'static str, String)> {
    let mut choices = Vec::new();
    let phase = format!("phase {} ({})", session.current_phase().number(), session.current_phase().name());
    if !session.rebuilt() {
        let open = session.plan().files.iter().filter(|f| f.kind == Kind::Conflict).count();
        let open = open.saturating_sub(session.answers().len()) as u64;
        choices.push((
            "r",
            "resume",
            match (session.rolling_back(), session.applied(), open) {
                (true, ..) => "finish the rollback: the install ends up as it was before the upgrade".to_owned(),
                (_, true, _) => format!("go on with {phase}; what is done is not done again"),
                _ if !session.asks_about_conflicts() => format!("go on with {phase}; no question is open"),
                (_, _, 0) => "back to the conflicts: all are settled. F there applies the plan".to_owned(),
                (_, _, n) => {
                    format!("back to the conflicts: {} open. F there applies the plan", text::count(n, "is", "are"))
                }
            },
        ));
    }
    let back = match (session.rolling_back(), session.applied() || session.rebuilt()) {
        (true, _) if !session.rebuilt() => "the same: there is no way but back",
        (_, true) => "put every changed file back from the backup; what you wrote since is set aside, not lost",
        _ => "end the session; the install stays as it is, since nothing was applied",
    };
    choices.push(("R", "roll back", back.to_owned()));
    if !session.applied() && !session.rebuilt() {
        let mut what = vec!["forget the session; nothing was applied.".to_owned()];
        what.extend(losses(model, session));
        choices.push(("D", "discard", what.join(" ")));
    }
    choices.push(("q", "leave", "decide later; nothing changes until then".to_owned()));
    choices
}

/// The lines, and the key that each is about, if it is about one.
fn content(model: &Model, width: usize) -> Vec<(Line<'static>, &'static str)> {
    let theme = model.theme;
    let Some(session) = &model.session else { return Vec::new() };
    let mut rows = Vec::new();
    let room = width.saturating_sub(3);
    for part in text::wrap(happened(session), room) {
        rows.push((line(theme, &[(" ", Role::Text), (&part, Role::Title)]), ""));
    }
    rows.push((Line::default(), ""));
    for (name, fact) in facts(model, session) {
        let parts = text::wrap(&fact, room.saturating_sub(13));
        for (i, part) in parts.iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            rows.push((line(theme, &[(&format!("   {name:<11}"), Role::Dim), (part, Role::Text)]), ""));
        }
    }
    rows.push((Line::default(), ""));
    for (key, word, what) in choices(model, session) {
        for (i, part) in text::wrap(&what, room.saturating_sub(18)).iter().enumerate() {
            let (shown, word) = if i == 0 { (key, word) } else { (" ", "") };
            let pieces =
                [("   ", Role::Text), (shown, Role::Key), (&format!("  {word:<11}"), Role::Text), (part, Role::Dim)];
            rows.push((line(theme, &pieces), key));
        }
    }
    rows
}

/// How much there is to scroll.
pub(crate) fn rows(model: &Model, area: Rect) -> (usize, usize) {
    (content(model, area.width.into()).len(), area.height.saturating_sub(1).into())
}

/// The facts and the choices.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let rows = content(model, area.width.into());
    for (place, row) in frame::in_sight(area, rows.len(), model.scroll) {
        if let Some(key) = key_in(model.screen_mode(), rows[row].1) {
            buffer.mark_words(place, 3, &rows[row].0, Target::Key(key));
        }
    }
    let rows: Vec<Line> = rows.into_iter().map(|row| row.0).collect();
    frame::lines(area, &rows, model.scroll, buffer);
    frame::more_below(model.theme, area, model.scroll, rows.len(), buffer);
}
