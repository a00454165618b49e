//! A session that was left: what happened, how the install stands, what can be done.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::{self, line};
use crate::core::session::{Session, Status};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Role;

fn happened(session: &Session) -> &'static str {
    match session.status {
        _ if session.rebuilt => {
            "The files of this upgrade were damaged. It was rebuilt from its backup, and can only be rolled back."
        }
        _ if session.rolling_back => "A rollback was cut off. There is no way but back: resume finishes it.",
        Status::AwaitingDecision if session.asked.is_some() => "An upgrade waits for an answer to a question.",
        Status::AwaitingDecision => "An upgrade waits for answers to conflicts.",
        Status::Interrupted => "An upgrade was paused.",
        _ => "An upgrade was cut off: its process ended without finishing.",
    }
}

fn content(model: &Model, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let Some(session) = &model.session else { return Vec::new() };
    let mut rows = Vec::new();
    let room = width.saturating_sub(3);
    for part in text::wrap(happened(session), room) {
        rows.push(line(theme, &[(" ", Role::Text), (&part, Role::Title)]));
    }
    rows.push(Line::default());
    let phase = session.current_phase;
    let plan = &session.plan.summary;
    let answers = match (session.answers.len() as u64, plan.conflict) {
        (0, 0) => "none needed".to_owned(),
        (given, asked) => format!("{given} of {asked} given, all saved"),
    };
    let state =
        if session.applied { "parts of the new release are in place" } else { "as it was: nothing was applied yet" };
    let source = match session.source_commit.as_str() {
        "" => "not known any more".to_owned(),
        commit => format!("{} at {}", text::visible_str(&session.source_version, false), text::short(commit)),
    };
    let facts = [
        ("install", state.to_owned()),
        ("phase", format!("{} of 0-5, {}", phase.number(), phase.name())),
        ("source", source),
        ("answers", answers),
        ("begun", text::visible_str(&session.created_at, false)),
        ("last step", text::visible_str(&session.updated_at, false)),
        ("backup", session.backup.as_deref().map_or("none yet".to_owned(), |b| text::visible_str(b, false))),
    ];
    for (name, fact) in facts {
        let shown = text::fit(&fact, room.saturating_sub(13));
        rows.push(line(theme, &[(&format!("   {name:<11}"), Role::Dim), (&shown, Role::Text)]));
    }
    rows.push(Line::default());
    let back = if session.applied {
        "put every file back from the backup"
    } else {
        "end the session, the install stays as it is"
    };
    let mut choices = Vec::new();
    if !session.rebuilt {
        choices.push((
            "r",
            "resume",
            if session.rolling_back { "finish the rollback" } else { "go on where it stopped" },
        ));
    }
    choices.push(("R", "roll back", back));
    if !session.applied && !session.rebuilt {
        choices.push(("D", "discard", "forget the session and its answers"));
    }
    choices.push(("q", "leave", "decide later"));
    for (key, word, what) in choices {
        let pieces = [("   ", Role::Text), (key, Role::Key), (&format!("  {word:<11}"), Role::Text), (what, Role::Dim)];
        rows.push(line(theme, &pieces));
    }
    rows
}

/// How much there is to scroll.
pub fn rows(model: &Model, area: Rect) -> (usize, usize) {
    (content(model, area.width.into()).len(), area.height.saturating_sub(1).into())
}

/// The facts and the choices.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    frame::lines(area, &content(model, area.width.into()), model.scroll, buffer);
}
