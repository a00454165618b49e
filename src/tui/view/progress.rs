//! The phases as they run: what is done, what runs, how long, and the log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::{self, line};
use crate::engine::events::{Level, Outcome};
use crate::tui::model::Model;
use crate::tui::progress::{LogLine, PhaseLine, Progress, Stage, TaskLine, TaskStage};
use crate::tui::text;
use crate::tui::theme::Role;

/// Elapsed and estimated time, for the title.
pub fn clock(model: &Model) -> String {
    let p = &model.progress;
    format!("{} of ~{}", text::clock(p.elapsed(model.now)), text::clock(p.estimate(model.now)))
}

/// What the person has to do here: nothing.
pub fn note(model: &Model) -> (String, Role) {
    match &model.progress.rollback {
        Some(_) if model.running => ("The install goes back to what it was.".to_owned(), Role::Warn),
        _ if model.running => ("Nothing to answer.".to_owned(), Role::Dim),
        _ => (String::new(), Role::Dim),
    }
}

fn stage_mark(stage: Stage) -> (&'static str, Role) {
    match stage {
        Stage::Waiting => ("·", Role::Dim),
        Stage::Running(_) => ("▸", Role::Accent),
        Stage::Done(_) => ("✔", Role::Good),
        Stage::Failed => ("x", Role::Bad),
    }
}

fn task_mark(stage: &TaskStage) -> (&'static str, Role) {
    match stage {
        TaskStage::Waiting => ("·", Role::Dim),
        TaskStage::Running(..) => ("▸", Role::Accent),
        TaskStage::Ended(Outcome::Done) => ("✔", Role::Good),
        TaskStage::Ended(Outcome::NotApplicable) => ("-", Role::Dim),
        TaskStage::Ended(Outcome::Warning) => ("!", Role::Warn),
        TaskStage::Ended(Outcome::Failed) => ("x", Role::Bad),
    }
}

fn time_of(model: &Model, phase: &PhaseLine) -> String {
    match phase.stage {
        Stage::Waiting if phase.estimate >= 60 => format!("~{}", text::clock(phase.estimate.into())),
        Stage::Waiting => format!("~{}s", phase.estimate),
        Stage::Running(_) => text::clock(Progress::spent(phase, model.now)),
        Stage::Done(seconds) => text::seconds(seconds),
        Stage::Failed => "failed".to_owned(),
    }
}

struct Areas {
    phases: Option<Rect>,
    tasks: Rect,
    log: Option<Rect>,
}

fn areas(area: Rect) -> Areas {
    let log_height = match area.height {
        0..12 => 0,
        12..24 => 6,
        h => h / 3,
    };
    let log = (log_height > 0).then_some(Rect { y: area.bottom() - log_height, height: log_height, ..area });
    let top = Rect { height: area.height - log_height, ..area };
    if area.width >= 70 {
        // Wide enough for the longest phase's name, where there is room for it.
        let left = if area.width >= 90 { 37 } else { 31 };
        Areas {
            phases: Some(Rect { width: left, ..top }),
            tasks: Rect { x: top.x + left, width: top.width - left, ..top },
            log,
        }
    } else {
        Areas { phases: None, tasks: top, log }
    }
}

/// How much of the large log there is to scroll.
pub fn rows(model: &Model, area: Rect) -> (usize, usize) {
    (model.progress.log.len(), frame::inner(area).height.into())
}

/// The screen.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if let Some(up) = model.big_log {
        return log(model, area, up, buffer);
    }
    let areas = areas(area);
    if let Some(area) = areas.phases {
        phases(model, area, buffer);
    }
    tasks(model, areas.tasks, areas.phases.is_none(), buffer);
    if let Some(area) = areas.log {
        log(model, area, 0, buffer);
    }
}

fn phases(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let inner = frame::pane(theme, area, line(theme, &[("phases", Role::Title)]), "", buffer);
    let width = usize::from(inner.width);
    let mut rows = Vec::new();
    for phase in &model.progress.phases {
        let (mark, role) = stage_mark(phase.stage);
        let time = time_of(model, phase);
        let room = width.saturating_sub(text::width(&time) + 7);
        let name = text::fit(phase.phase.name(), room);
        let number = phase.phase.number();
        let pad = " ".repeat(room.saturating_sub(text::width(&name)));
        let text_role = match phase.stage {
            Stage::Running(_) => Role::Title,
            Stage::Waiting => Role::Dim,
            _ => Role::Text,
        };
        rows.push(line(
            theme,
            &[
                (&format!(" {mark} "), role),
                (&format!("{number} {name}{pad} "), text_role),
                (&time, if text_role == Role::Title { Role::Accent } else { Role::Dim }),
            ],
        ));
    }
    frame::lines(inner, &rows, 0, buffer);
}

fn bar(done: u64, total: u64, cells: usize) -> String {
    let full = if total == 0 { 0 } else { (done.min(total) as u128 * cells as u128 / u128::from(total)) as usize };
    "█".repeat(full) + &"░".repeat(cells - full)
}

fn task_lines(model: &Model, task: &TaskLine, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let (mark, role) = task_mark(&task.stage);
    let detail = text::visible_str(&task.detail, false);
    let name_room = if width >= 44 { 28 } else { width.saturating_sub(4) };
    let name = text::fit(task.name, name_room);
    let name_role = match task.stage {
        TaskStage::Waiting => Role::Dim,
        TaskStage::Running(..) => Role::Title,
        TaskStage::Ended(_) => Role::Text,
    };
    let left = format!("{name:<name_room$} ");
    let rest = width.saturating_sub(name_room + 5);
    let mark = format!(" {mark} ");
    match task.stage {
        TaskStage::Running(done, total) => {
            let mut rows = Vec::new();
            let cells = rest.saturating_sub(6).min(16);
            if total > 0 && cells >= 4 {
                let percent = (done.min(total) as u128 * 100 / u128::from(total)) as u64;
                let bar = bar(done, total, cells);
                rows.push(line(
                    theme,
                    &[
                        (&mark, role),
                        (&left, name_role),
                        (&bar, Role::Accent),
                        (&format!(" {percent:>3}%"), Role::Text),
                    ],
                ));
            } else {
                rows.push(line(theme, &[(&mark, role), (&left, name_role)]));
            }
            if !detail.is_empty() {
                let shown = text::fit(&detail, width.saturating_sub(6));
                rows.push(line(theme, &[("     ", Role::Dim), (&shown, Role::Dim)]));
            }
            rows
        }
        _ => {
            let detail_role = match task.stage {
                TaskStage::Ended(Outcome::Failed) => Role::Bad,
                TaskStage::Ended(Outcome::Warning) => Role::Warn,
                _ => Role::Dim,
            };
            let shown = text::fit(&detail, rest);
            vec![line(theme, &[(&mark, role), (&left, name_role), (&shown, detail_role)])]
        }
    }
}

fn tasks(model: &Model, area: Rect, alone: bool, buffer: &mut Buffer) {
    let theme = model.theme;
    let p = &model.progress;
    let Some(phase) = p.line(p.current) else { return };
    let (title, right) = if p.rollback.is_some() {
        ("rolling back".to_owned(), String::new())
    } else {
        let right = if alone { time_of(model, phase) } else { String::new() };
        (format!("{} {}", phase.phase.number(), phase.phase.name()), right)
    };
    let inner = frame::pane(theme, area, line(theme, &[(&title, Role::Title)]), &right, buffer);
    let width = usize::from(inner.width);
    let mut rows = Vec::new();
    let mut running = 0;
    for task in &phase.tasks {
        if !matches!(task.stage, TaskStage::Waiting) {
            running = rows.len();
        }
        rows.extend(task_lines(model, task, width));
    }
    let promise = promise(model, phase);
    let mut foot: Vec<Line> = text::wrap(&promise, width.saturating_sub(2))
        .into_iter()
        .filter(|l| !l.is_empty())
        .map(|l| line(theme, &[(" ", Role::Dim), (&l, Role::Dim)]))
        .collect();
    if rows.len() + foot.len() + 1 > usize::from(inner.height) {
        foot.clear();
    }
    let list = Rect { height: inner.height - foot.len() as u16, ..inner };
    frame::lines(list, &rows, frame::around(running, rows.len(), list.height.into()), buffer);
    frame::lines(Rect { y: list.bottom(), height: foot.len() as u16, ..inner }, &foot, 0, buffer);
}

/// What happens to the install if this phase fails.
fn promise(model: &Model, phase: &PhaseLine) -> String {
    match &model.progress.rollback {
        Some(reason) => text::visible_str(reason, false),
        None if phase.phase.rolls_back() => {
            let to = model.from.as_deref().map_or("what it was".to_owned(), text::short);
            format!("If anything fails here, the install goes back to {to} by itself.")
        }
        None if phase.phase.number() < 2 => "Nothing in the install is changed by this phase.".to_owned(),
        None => String::new(),
    }
}

fn log_line(model: &Model, entry: &LogLine, width: usize, across: usize) -> Line<'static> {
    let (word, role) = match entry.level {
        Level::Info => ("     ", Role::Text),
        Level::Warn => ("warn ", Role::Warn),
        Level::Error => ("error", Role::Bad),
    };
    let at = text::clock(entry.at);
    let shown = text::visible_str(&entry.text, false);
    if width < 60 {
        let mark = if entry.level == Level::Info { " " } else { "!" };
        return line(model.theme, &[(mark, role), (&text::clip(&shown, across, width), role)]);
    }
    let left = format!(" {at:>5}  {:<9}", text::fit(entry.origin, 9));
    let cut = text::clip(&shown, across, width.saturating_sub(24));
    line(model.theme, &[(&left, Role::Dim), (word, role), ("  ", role), (&cut, role)])
}

fn log(model: &Model, area: Rect, up: usize, buffer: &mut Buffer) {
    let theme = model.theme;
    let inner = frame::pane(theme, area, line(theme, &[("log", Role::Title)]), "", buffer);
    let page = usize::from(inner.height);
    let all = &model.progress.log;
    let first = all.len().saturating_sub(page).saturating_sub(up);
    let rows: Vec<Line> = all[first..(first + page).min(all.len())]
        .iter()
        .map(|entry| log_line(model, entry, inner.width.into(), model.across))
        .collect();
    frame::lines(inner, &rows, 0, buffer);
    frame::scroll_mark(theme, area, first, all.len(), page, buffer);
}
