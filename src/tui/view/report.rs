//! How it ended: what changed, where the backup is, how to undo it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::{self, line};
use crate::core::os_text::quoted;
use crate::core::report_parts::Part;
use crate::core::session::{Purpose, Session};
use crate::engine::events::{FinishKind, Level};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Role;
use std::path::Path;

/// `wanted`: it ended as the person asked.
fn head(kind: FinishKind, wanted: bool, purpose: Purpose) -> (&'static str, &'static str, Role) {
    match kind {
        FinishKind::RolledBack if wanted => ("✔", "Rolled back", Role::Good),
        FinishKind::Completed if purpose == Purpose::Uninstall => ("✔", "Taken out", Role::Good),
        FinishKind::Completed if purpose == Purpose::Resolve => ("✔", "Settled", Role::Good),
        FinishKind::Completed => ("✔", "Upgraded", Role::Good),
        FinishKind::NothingToDo => ("✔", "Nothing to do", Role::Good),
        FinishKind::RolledBack => ("!", "Rolled back", Role::Warn),
        FinishKind::Failed => ("x", "Failed", Role::Bad),
        FinishKind::Interrupted => ("!", "Paused", Role::Warn),
        FinishKind::Aborted => ("·", "Discarded", Role::Dim),
        FinishKind::Rehearsed => ("✔", "Tried, and works", Role::Good),
        FinishKind::NotRehearsed => ("!", "Not tried", Role::Warn),
    }
}

/// So many of the last log lines are shown after a failure.
const TAIL: usize = 8;

/// The rows of the report while they are put together.
struct Rows<'a> {
    model: &'a Model,
    room: usize,
    rows: Vec<Line<'static>>,
}

impl Rows<'_> {
    fn push(&mut self, pieces: &[(&str, Role)]) {
        self.rows.push(line(self.model.theme, pieces));
    }

    /// A fact with its name, wrapped.
    fn fact(&mut self, name: &str, text: &str, role: Role) {
        for (i, part) in text::wrap(&text::visible_str(text, false), self.room.saturating_sub(8)).iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            self.push(&[(&format!("   {name:<8}"), Role::Dim), (part, role)]);
        }
    }

    /// The engine's parts. The subject stands above already, and the way back has its key.
    fn report(&mut self, report: &[Part]) {
        for part in report {
            match part {
                Part::Subject(_) | Part::WayBack(_) => {}
                Part::Heading(heading) => {
                    self.push(&[]);
                    self.push(&[("   ", Role::Text), (&text::visible_str(heading, false), Role::Title)]);
                }
                Part::Line(_) => self.entry(part, Role::Text),
                Part::Warning(_) => self.entry(part, Role::Warn),
            }
        }
    }

    /// What stands under a heading, wrapped.
    fn entry(&mut self, part: &Part, role: Role) {
        for entry in part.plain() {
            for (i, part) in
                text::wrap(&text::visible_str(&entry, false), self.room.saturating_sub(6)).iter().enumerate()
            {
                self.push(&[(if i == 0 { "     " } else { "       " }, role), (part, role)]);
            }
        }
    }

    fn log(&mut self) {
        let log = &self.model.progress.log;
        if log.is_empty() {
            return;
        }
        self.push(&[]);
        self.push(&[("   ", Role::Text), ("The end of the log", Role::Title)]);
        for entry in log.iter().skip(log.len().saturating_sub(TAIL)) {
            let role = match entry.level {
                Level::Info => Role::Text,
                Level::Warn => Role::Warn,
                Level::Error => Role::Bad,
            };
            let shown = text::visible_str(&entry.text, false);
            for (i, part) in text::wrap(&shown, self.room.saturating_sub(16)).iter().enumerate() {
                let origin = if i == 0 { entry.origin } else { "" };
                self.push(&[(&format!("     {origin:<10} "), Role::Dim), (part, role)]);
            }
        }
    }
}

fn content(model: &Model, width: usize) -> Vec<Line<'static>> {
    let Some(finish) = &model.finish else { return Vec::new() };
    let purpose = match (&model.launch.resolve, &model.session) {
        (Some(_), _) => Purpose::Resolve,
        (None, session) => session.as_ref().map_or(Purpose::Upgrade, Session::purpose),
    };
    let (mark, word, role) = head(finish.result, finish.exit_code.is_done(), purpose);
    let mut rows = Rows { model, room: width.saturating_sub(4), rows: Vec::new() };
    rows.push(&[(" ", Role::Text), (mark, role), (" ", Role::Text), (word, role)]);
    for part in text::wrap(&model.tilde_text(&finish.message), rows.room) {
        rows.push(&[("   ", Role::Text), (&part, Role::Text)]);
    }
    rows.push(&[]);
    let next = finish.next.as_deref().map(|next| text::visible_str(next, false));
    if let Some(next) = &next {
        rows.fact("next", next, Role::Accent);
    }
    if let Some(code) = finish.code {
        rows.fact("more", &format!("pos-upgrade-tui help {code}"), Role::Text);
    }
    if let Some(backup) = &finish.backup {
        rows.fact("backup", &model.tilde_path(backup), Role::Text);
    }
    if finish.result == FinishKind::Completed {
        // A shell puts the home only in the place of a tilde that is not quoted.
        let project = match quoted(&model.launch.project) {
            plain if Path::new(&plain) == model.launch.project => model.tilde(&plain),
            quoted => quoted,
        };
        let now = if model.session.is_some() { "R puts it all back; later: " } else { "" };
        rows.fact("undo", &format!("{now}pos-upgrade-tui rollback --project {project}"), Role::Text);
    }
    rows.report(&finish.report);
    if !finish.exit_code.is_done() && matches!(finish.result, FinishKind::Failed | FinishKind::RolledBack) {
        rows.log();
    }
    rows.rows
}

/// How much there is to scroll.
pub(crate) fn rows(model: &Model, area: Rect) -> (usize, usize) {
    (content(model, area.width.into()).len(), area.height.saturating_sub(1).into())
}

/// The report.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let rows = content(model, area.width.into());
    frame::lines(area, &rows, model.scroll, buffer);
    frame::more_below(model.theme, area, model.scroll, rows.len(), buffer);
}
