//! The phases as they run: what is done, what runs, how long it takes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::canvas::Canvas;
use super::frame::{self, line};
use super::{log, page};
use crate::core::phase::Phase;
use crate::core::task::Task;
use crate::engine::events::Outcome;
use crate::tui::model::Model;
use crate::tui::progress::{PhaseLine, Progress, Stage, TaskLine, TaskStage};
use crate::tui::text;
use crate::tui::theme::Role;

/// Elapsed and estimated time, for the title.
pub(crate) fn clock(model: &Model) -> String {
    let p = &model.progress;
    format!("{} of ~{}", text::clock(p.elapsed(model.now)), text::clock(p.estimate(model.now)))
}

/// What the person has to know here: what was asked for, what is being typed, what runs behind a large pane, how many
/// warnings there are; else that nothing waits for an answer.
pub(crate) fn note(model: &Model) -> (String, Role) {
    let view = &model.log_view;
    if view.filtering {
        return (format!("filter: {}_", text::visible_str(&view.filter, false)), Role::Accent);
    }
    if let Some(asked) = asked_for(model) {
        return (asked.to_owned(), Role::Warn);
    }
    if let Some((_, since)) = model.progress.rollback.as_ref().filter(|_| model.running) {
        let time = text::clock(model.now.saturating_sub(*since).as_secs_f64());
        return (format!("The install goes back to what it was.  {time}"), Role::Warn);
    }
    if let Some(task) = running(model).filter(|_| model.big_log.is_some() || model.page.is_some()) {
        return (running_note(model, task), Role::Accent);
    }
    if running(model).is_some_and(|task| task.task == Task::Rehearsal) {
        return (rehearsal_note(model), Role::Good);
    }
    match &model.progress.warned {
        (n, Some(last)) if *n > 0 => {
            let count = text::count(*n as u64, "warning", "warnings");
            let shown = text::visible_str(&last.text, false);
            (format!("! {count} (v): {shown}"), Role::Warn)
        }
        _ if model.running => ("Nothing to answer.".to_owned(), Role::Dim),
        _ => (String::new(), Role::Dim),
    }
}

/// What will happen when the step that runs now is done, because the person asked for it.
pub(crate) fn asked_for(model: &Model) -> Option<&'static str> {
    match () {
        () if !model.running || model.progress.rollback.is_some() => None,
        () if model.going_back => Some("Finishing this step, then the install goes back."),
        () if model.leaving => Some("Finishing this step, then leaving. The session is saved."),
        () => None,
    }
}

fn running(model: &Model) -> Option<&TaskLine> {
    let phase = model.progress.line(model.progress.current)?;
    phase.tasks.iter().find(|t| matches!(t.stage, TaskStage::Running(..)))
}

/// Nobody has to fear for anything while the release is only tried.
fn rehearsal_note(model: &Model) -> String {
    let took = model.progress.rehearsal_took.map(|seconds| {
        let time = text::clock(f64::from(seconds));
        format!(" Last time {time}.")
    });
    format!("Only a trial: nothing changed, a running server answers.{}", took.unwrap_or_default())
}

/// The running task in a line.
fn running_note(model: &Model, task: &TaskLine) -> String {
    let share = match task.stage {
        TaskStage::Running(done, total) if total > 0 => format!("  {}%", percent(done, total)),
        _ => String::new(),
    };
    let left = task.left(model.now).map(|s| format!(", {}", text::left(s))).unwrap_or_default();
    format!("▸ {}{share}{left}", task.task.name())
}

fn percent(done: u64, total: u64) -> u64 {
    (done.min(total) as u128 * 100 / u128::from(total.max(1))) as u64
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
        Stage::Running(_) => text::clock(Progress::spent(phase, model.progress.clock(model.now))),
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

/// How much of the large log, or of the page, there is to scroll.
pub(crate) fn rows(model: &Model, area: Rect) -> (usize, usize) {
    if model.page.is_some() {
        return page::rows(model, with_page(area).page);
    }
    (log::shown(model).len(), frame::inner(area).height.into())
}

/// With a page: phases, tasks and log, where there is room for them, and the page.
struct WithPage {
    left: Option<(Rect, Rect)>,
    page: Rect,
    log: Option<Rect>,
}

fn with_page(area: Rect) -> WithPage {
    if area.width < 100 {
        return WithPage { left: None, page: area, log: None };
    }
    let log_height = if area.height >= ROOMY.1 { area.height / 4 } else { 0 };
    let log = (log_height > 0).then_some(Rect { y: area.bottom() - log_height, height: log_height, ..area });
    let area = Rect { height: area.height - log_height, ..area };
    let left = (area.width * 9 / 20).min(60);
    let phases = Rect { width: left, height: (Phase::ALL.len() as u16 + 2).min(area.height), ..area };
    let tasks = Rect { y: area.y + phases.height, height: area.height - phases.height, ..phases };
    WithPage { left: Some((phases, tasks)), page: Rect { x: area.x + left, width: area.width - left, ..area }, log }
}

/// From this size on the page of the running phase is always beside it.
const ROOMY: (u16, u16) = (110, 30);

/// The screen.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    if let Some(up) = model.big_log {
        return log::large(model, area, up, buffer);
    }
    if model.page.is_some() || area.width >= ROOMY.0 && area.height >= ROOMY.1 {
        let areas = with_page(area);
        if let Some((above, below)) = areas.left {
            phases(model, above, buffer);
            tasks(model, below, buffer);
        }
        if let Some(area) = areas.log {
            log::small(model, area, buffer);
        }
        return page::draw(model, areas.page, buffer);
    }
    let areas = areas(area);
    if let Some(area) = areas.phases {
        phases(model, area, buffer);
    }
    tasks(model, areas.tasks, buffer);
    if let Some(area) = areas.log {
        log::small(model, area, buffer);
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
    let name = text::fit(task.task.name(), name_room);
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
            let spent = model.progress.clock(model.now).saturating_sub(task.since).as_secs_f64();
            let cells = rest.saturating_sub(6).min(16);
            if total > 0 && cells >= 4 {
                let bar = bar(done, total, cells);
                rows.push(line(
                    theme,
                    &[
                        (&mark, role),
                        (&left, name_role),
                        (&bar, Role::Accent),
                        (&format!(" {:>3}%", percent(done, total)), Role::Text),
                    ],
                ));
                if let Some(pace) = pace(model, task, done, total) {
                    let shown = text::fit(&pace, width.saturating_sub(6));
                    rows.push(line(theme, &[("     ", Role::Dim), (&shown, Role::Text)]));
                }
            } else {
                let time = if spent >= 2.0 { text::clock(spent) } else { String::new() };
                rows.push(line(theme, &[(&mark, role), (&left, name_role), (&text::fit(&time, rest), Role::Text)]));
            }
            if !detail.is_empty() {
                let room = width.saturating_sub(6);
                // Of a path the end says more, of a sentence the beginning.
                let shown = if detail.contains(' ') { text::fit(&detail, room) } else { text::fit_end(&detail, room) };
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
            let time = if task.seconds >= 1.0 { text::seconds(task.seconds) } else { String::new() };
            let shown = text::fit(&detail, rest.saturating_sub(text::width(&time) + 1));
            let gap = " ".repeat(rest.saturating_sub(text::width(&shown) + text::width(&time)));
            vec![line(
                theme,
                &[(&mark, role), (&left, name_role), (&shown, detail_role), (&gap, Role::Dim), (&time, Role::Dim)],
            )]
        }
    }
}

/// Counts, rate and what is left, of a task that has run long enough to tell.
fn pace(model: &Model, task: &TaskLine, done: u64, total: u64) -> Option<String> {
    let rate = task.rate(model.now)?;
    // Counts of a hundred are shares already.
    let counts = if total == 100 { String::new() } else { format!("{done} of {total}, ") };
    let rate = match rate {
        _ if total == 100 => String::new(),
        r if r >= 10.0 => format!("{r:.0}/s, "),
        r => format!("{r:.1}/s, "),
    };
    let left = task.left(model.now).map_or("nothing moves just now".to_owned(), text::left);
    Some(format!("{counts}{rate}{left}"))
}

fn tasks(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let p = &model.progress;
    let Some(phase) = p.line(p.current) else { return };
    let (title, right) = if p.rollback.is_some() {
        ("rolling back".to_owned(), String::new())
    } else {
        let right = match phase.stage {
            Stage::Running(_) => {
                let estimate = text::clock(phase.estimate.into());
                format!("{} of ~{estimate}", text::clock(Progress::spent(phase, model.progress.clock(model.now))))
            }
            _ => time_of(model, phase),
        };
        (format!("{} {}", phase.phase.number(), phase.phase.name()), right)
    };
    let inner = frame::pane(theme, area, line(theme, &[(&title, Role::Title)]), &right, buffer);
    let width = usize::from(inner.width);
    if let Some((reason, _)) = &p.rollback {
        return going_back(model, reason, inner, buffer);
    }
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

/// What a rollback does, in place of the tasks of the phase that it undoes.
fn going_back(model: &Model, reason: &str, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let said = [
        reason,
        "",
        "Every file that was touched comes back from the verified backup, the server and its packages with them.",
        "What you wrote since is set aside and listed, never lost. A rollback that is cut off can be repeated.",
    ];
    let rows: Vec<Line> = said
        .iter()
        .flat_map(|text| text::wrap(&text::visible_str(text, false), usize::from(area.width.saturating_sub(2))))
        .map(|part| line(theme, &[(" ", Role::Text), (&part, Role::Text)]))
        .collect();
    frame::lines(area, &rows, 0, buffer);
}

/// What happens to the install if this phase fails.
fn promise(model: &Model, phase: &PhaseLine) -> String {
    match &model.progress.rollback {
        Some(_) => String::new(),
        None if phase.phase.rolls_back() => {
            let to = model.from.as_deref().map_or("what it was".to_owned(), text::short);
            format!("If anything fails here, the install goes back to {to} by itself.")
        }
        None if phase.phase.number() < 2 => "Nothing in the install is changed by this phase.".to_owned(),
        None => String::new(),
    }
}
