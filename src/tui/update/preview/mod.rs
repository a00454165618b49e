//! The preview: list, tabs, filter, the diff of a file, what's new.

use std::path::{Path, PathBuf};

use crate::core::exit::Exit;
use crate::engine::planning::inspect::Inspection;
use crate::engine::refusal::About;
use crate::engine::report::plan_document;

use crate::tui::message::Effect;
use crate::tui::update::navigation::{ask, follow, scrolled, show};
use crate::tui::update::running::begin;
use crate::tui::update::setup;

pub(super) mod diff_pane;

use crate::host::install;
use crate::tui::keymap::{Action, Mode};
use crate::tui::launch::Launch;
use crate::tui::model::{Model, Overlay, Pane, Preview, Question, Screen};
use crate::tui::setup::Spot;
use crate::tui::view;

pub(super) fn inspected(model: &mut Model, inspection: Inspection) -> Vec<Effect> {
    if let Some(plan) = &inspection.plan {
        model.from.clone_from(&plan.install.release);
        model.to = Some(plan.source.commit.clone());
    }
    model.problems.clone_from(&inspection.problems);
    let usable = inspection.problems.is_empty() && inspection.plan.is_some();
    let of_source = inspection.problems.iter().any(|p| p.about != About::Install);
    model.preview = Some(Preview::new(inspection));
    if !usable {
        return setup::open(model, if of_source { Spot::Source } else { Spot::Install });
    }
    show(model, Screen::Preview);
    vec![]
}

/// Fetches the history; the plan is made again with it.
pub(super) fn deepen(model: &mut Model) -> Vec<Effect> {
    let Some(request) = model.launch.request() else { return vec![] };
    show(model, Screen::Checking);
    model.status = Some("Fetching the history that the source lacks…".to_owned());
    vec![Effect::Deepen(Box::new(request))]
}

/// It could not be fetched: the plan stays as it was.
pub(super) fn not_deepened(model: &mut Model, why: &str) -> Vec<Effect> {
    show(model, Screen::Preview);
    if let Some(preview) = &mut model.preview {
        preview.inspection.evidence.warnings.insert(0, why.to_owned());
    }
    model.status = Some("The history could not be fetched; the plan stays as it is.".to_owned());
    vec![]
}

pub(super) fn filter(model: &mut Model, change: impl FnOnce(&mut String)) {
    if let Some(preview) = &mut model.preview {
        change(&mut preview.filter);
        preview.selected = 0;
        preview.list();
    }
}

pub(super) fn act(model: &mut Model, mode: Mode, action: Action) -> Vec<Effect> {
    match mode {
        Mode::Filter => filter_key(model, action),
        Mode::Diff | Mode::Search => diff_pane::act(model, mode, action),
        Mode::News => news_key(model, action),
        _ => list_key(model, action),
    }
}

fn filter_key(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Erase => filter(model, |f| {
            f.pop();
        }),
        Action::EraseAll => filter(model, String::clear),
        Action::Accept => done_filtering(model),
        Action::Back | Action::Leave => {
            filter(model, String::clear);
            done_filtering(model);
        }
        _ => {}
    }
    vec![]
}

fn done_filtering(model: &mut Model) {
    if let Some(preview) = &mut model.preview {
        preview.filtering = false;
    }
}

fn news_key(model: &mut Model, action: Action) -> Vec<Effect> {
    let (rows, page) = view::body_rows(model);
    if let Some(preview) = &mut model.preview
        && let Pane::News(at) = &mut preview.pane
    {
        match action {
            Action::Back | Action::Leave => preview.pane = Pane::List,
            other => *at = scrolled(*at, other, rows, page),
        }
    }
    vec![]
}

/// Shows the files of another kind.
pub(super) fn to_tab(model: &mut Model, tab: usize) {
    if let Some(preview) = model.preview.as_mut().filter(|p| p.tab != tab && tab < p.tabs.len()) {
        preview.tab = tab;
        preview.selected = 0;
        preview.list();
    }
}

fn list_key(model: &mut Model, action: Action) -> Vec<Effect> {
    let page = view::body_rows(model).1;
    let Some(preview) = &mut model.preview else { return vec![] };
    let last = preview.rows.len().saturating_sub(1);
    match action {
        Action::Up => preview.selected = preview.selected.saturating_sub(1),
        Action::Down => preview.selected = (preview.selected + 1).min(last),
        Action::PageUp => preview.selected = preview.selected.saturating_sub(page),
        Action::PageDown => preview.selected = (preview.selected + page).min(last),
        Action::Top => preview.selected = 0,
        Action::Bottom => preview.selected = last,
        Action::NextTab | Action::Right => step_tab(model, 1),
        Action::PreviousTab | Action::Left => step_tab(model, -1),
        Action::Toggle => preview.toggle(),
        Action::Save => return ask_save(model),
        Action::Setup => return setup::open(model, Spot::Source),
        Action::Filter => preview.filtering = true,
        Action::Back => filter(model, String::clear),
        Action::News => preview.pane = Pane::News(0),
        Action::Deepen if preview.is_shallow() => return ask(model, Overlay::Confirm(Question::Deepen)),
        Action::Diff => return diff_pane::open(preview, model.launch.on_conflict),
        Action::AskAgain => ask_again(model),
        Action::Accept => return accept(model),
        Action::Leave => {
            return vec![Effect::Quit { exit_code: Exit::Done, lines: vec!["Nothing was changed.".to_owned()] }];
        }
        _ => {}
    }
    if let Some((selected, rows)) = model.preview.as_ref().map(|p| (p.selected, p.rows.len())) {
        follow(model, selected, rows, page);
    }
    vec![]
}

/// What was answered before is asked in this upgrade, or no more.
fn ask_again(model: &mut Model) {
    if let Some(preview) = model.preview.as_mut().filter(|p| p.inspection.answered_before() > 0) {
        let again = !preview.inspection.ask_again;
        preview.inspection.ask_again = again;
        model.launch.options.ask_again = again;
    }
}

/// Asks before a file is written. In the folder that the person is in, unless that is the install itself.
fn ask_save(model: &mut Model) -> Vec<Effect> {
    let plan = model.preview.as_ref().and_then(|p| p.inspection.plan.as_ref());
    let Some(plan) = plan else { return vec![] };
    let Launch { here, project, .. } = &model.launch;
    let folder = if here.starts_with(install::folder_of(project)) { project } else { here };
    let path = plan_document::planned_path(folder, plan);
    ask(model, Overlay::Confirm(Question::Save(path)))
}

pub(super) fn save(model: &Model, path: &Path) -> Vec<Effect> {
    let folder = path.parent().unwrap_or(path).to_owned();
    match (model.launch.request(), &model.preview) {
        (Some(request), Some(preview)) => {
            vec![Effect::Save { folder, request: Box::new(request), inspection: Box::new(preview.inspection.clone()) }]
        }
        _ => vec![],
    }
}

pub(super) fn saved(model: &mut Model, saved: Result<PathBuf, String>) -> Vec<Effect> {
    model.status = Some(match saved {
        Ok(path) => format!("Written: {}", model.tilde_path(&path)),
        Err(why) => format!("{why}; nothing was changed."),
    });
    vec![]
}

fn step_tab(model: &mut Model, by: isize) {
    let Some(preview) = &model.preview else { return };
    let count = preview.tabs.len() as isize;
    to_tab(model, (preview.tab as isize + by).rem_euclid(count.max(1)) as usize);
}

fn accept(model: &mut Model) -> Vec<Effect> {
    if model.launch.options.dry_run {
        model.status = Some("This is only a look: nothing can be started. o changes that, q leaves.".to_owned());
        return vec![];
    }
    if model.is_current() {
        model.status =
            Some("There is nothing to do, so nothing is started. q leaves, o changes the source.".to_owned());
        return vec![];
    }
    let policy = model.launch.on_conflict;
    let removals = model.preview.as_ref().and_then(|p| p.inspection.plan.as_ref()?.many_removals(policy));
    match removals {
        Some(removals) => ask(model, Overlay::Confirm(Question::Removals(removals))),
        None => start(model),
    }
}

/// Starts what the preview shows.
pub(super) fn start(model: &mut Model) -> Vec<Effect> {
    let inspection = model.preview.as_mut().map(|p| &mut p.inspection);
    // It ends with the phase that needs it last, not with the preview.
    let (plan, source) = inspection.map(|seen| (seen.plan.clone(), seen.source.take())).unwrap_or_default();
    match (model.launch.request(), plan) {
        (Some(request), Some(plan)) => {
            let policy = model.launch.on_conflict;
            begin(model, Effect::Start(Box::new(request), Box::new(plan), source, policy))
        }
        _ => vec![],
    }
}
