//! The plan: a sentence, the files by kind, why, the diff of one, what's new.

mod around;
mod diff;
mod news;
mod summary;
mod tabs;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

pub(crate) use self::summary::kind_look;
use self::summary::{Settled, meaning, nothing_to_do, sentence};
use super::canvas::Canvas;
use super::frame::{self, line};
use crate::core::plan::{FileEntry, Kind};
use crate::core::policy::OnConflict;
use crate::tui::click::Target;
use crate::tui::folding::{Moved, Row};
use crate::tui::model::{Model, Pane, Preview};
use crate::tui::setup::policy_word;
use crate::tui::text;
use crate::tui::theme::Role;

struct Areas {
    head: Vec<Line<'static>>,
    list: Rect,
    why: Option<Rect>,
}

fn head(model: &Model, preview: &Preview, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let summary = preview.inspection.plan.as_ref().map(|p| p.summary.clone()).unwrap_or_default();
    let said = match &preview.inspection.plan {
        Some(plan) if preview.inspection.current => nothing_to_do(plan),
        _ => sentence(&summary, Settled::of(&preview.inspection), model.launch.on_conflict),
    };
    let mut rows: Vec<Line> = text::wrap(&said, usize::from(area.width.saturating_sub(2)))
        .into_iter()
        .map(|part| line(theme, &[(" ", Role::Text), (&part, Role::Text)]))
        .collect();
    let warnings = &preview.inspection.evidence.warnings;
    let roomy = area.height >= 17;
    rows.truncate(if roomy { 4 } else { 2 });
    if let Some(said) = around::editors(model, preview) {
        let part = text::fit(&said, usize::from(area.width.saturating_sub(2)));
        rows.push(line(theme, &[(" ", Role::Text), (&part, Role::Text)]));
    }
    if let Some(said) = around::rules(model, preview) {
        let part = text::fit(&said, usize::from(area.width.saturating_sub(2)));
        rows.push(line(theme, &[(" ", Role::Text), (&part, Role::Text)]));
    }
    if let (true, Some(rehearsal)) = (roomy && !preview.inspection.current, &preview.inspection.rehearsal) {
        let said = text::visible_str(&rehearsal.describe(), false);
        let part = text::fit(&said, usize::from(area.width.saturating_sub(2)));
        rows.push(line(theme, &[(" ", Role::Dim), (&part, Role::Dim)]));
    }
    let shown = if roomy { warnings.len().min(2) } else { 0 };
    for warning in &warnings[..shown] {
        let room = usize::from(area.width.saturating_sub(4));
        let part = text::fit(&text::visible_str(warning, false), room);
        rows.push(line(theme, &[(" ! ", Role::Warn), (&part, Role::Warn)]));
    }
    if warnings.len() > shown {
        let more = text::count((warnings.len() - shown) as u64, "more warning", "more warnings");
        let more = if shown == 0 { more.replace("more ", "") } else { more };
        rows.push(line(theme, &[(" ! ", Role::Warn), (&format!("{more}: N shows all"), Role::Warn)]));
    }
    rows
}

fn areas(model: &Model, preview: &Preview, area: Rect) -> Areas {
    let head = head(model, preview, area);
    let top = head.len() as u16;
    let rest = Rect { y: area.y + top, height: area.height.saturating_sub(top), ..area };
    let why_height = match rest.height {
        0..14 => 0,
        14..22 => 4,
        _ => 6,
    };
    let list = Rect { height: rest.height - why_height, ..rest };
    let why = (why_height > 0).then_some(Rect { y: list.bottom(), height: why_height, ..rest });
    Areas { head, list, why }
}

/// How much there is to scroll.
pub(crate) fn rows(model: &Model, area: Rect) -> (usize, usize) {
    let Some(preview) = &model.preview else { return (0, 1) };
    match &preview.pane {
        Pane::List => (preview.rows.len(), frame::inner(areas(model, preview, area).list).height.into()),
        Pane::Diff(pane) => {
            let (rows, page) = (pane.diff.as_ref().map_or(0, |d| d.rows.len()), usize::from(frame::inner(area).height));
            // How many rows the last ones take once they are wrapped is not known.
            (if pane.wrap { rows + page.saturating_sub(1) } else { rows }, page)
        }
        Pane::News(_) => (news::lines(model, preview, area.width.into()).len(), frame::inner(area).height.into()),
    }
}

/// What Enter is said to do.
pub(crate) fn start_hint(model: &Model) -> String {
    let all = match &model.preview {
        // What a filter hides is meant as well.
        Some(Preview { filter, inspection, .. }) if !filter.is_empty() => {
            format!(" all {}", inspection.plan.as_ref().map_or(0, |p| p.summary.pending()))
        }
        _ => String::new(),
    };
    match asks(model) {
        0 => format!("start{all}"),
        // A key without room for its words is not shown at all.
        _ if model.width < 60 && !all.is_empty() => format!("start{all}"),
        n => format!("start{all} (will ask {n})"),
    }
}

/// The filter, while there is one.
pub(crate) fn note(model: &Model) -> (String, Role) {
    let Some(preview) = &model.preview else { return (String::new(), Role::Text) };
    match &preview.pane {
        Pane::Diff(pane) if pane.search.is_some() => return ("Esc ends the search.".to_owned(), Role::Dim),
        Pane::Diff(_) | Pane::News(_) if model.launch.options.dry_run || model.is_current() || model.width < 60 => {
            return ("Esc goes back to the plan.".to_owned(), Role::Dim);
        }
        Pane::Diff(_) | Pane::News(_) => {
            return ("Esc goes back to the plan; Enter starts from there.".to_owned(), Role::Accent);
        }
        Pane::List => {}
    }
    if preview.filtering {
        (format!("filter: {}_", text::visible_str(&preview.filter, false)), Role::Accent)
    } else if !preview.filter.is_empty() {
        let shown = text::visible_str(&preview.filter, false);
        (
            format!("filter: {shown} ({}); Esc drops it", text::count(preview.listed() as u64, "file", "files")),
            Role::Dim,
        )
    } else if model.is_current() {
        ("Nothing to do: q leaves, N what's new, o another source or other options.".to_owned(), Role::Good)
    } else if model.launch.options.dry_run {
        ("Only looking: this can't be started. o changes that.".to_owned(), Role::Dim)
    } else {
        (outlook(model), Role::Accent)
    }
}

/// What starting comes to, before anybody dares to.
fn outlook(model: &Model) -> String {
    let (steps, questions) = match asks(model) {
        0 => ("makes a backup, then does this", String::new()),
        n => ("makes a backup, asks about", format!(" {}, then does this", text::count(n, "conflict", "conflicts"))),
    };
    let long = format!("Enter {steps}{questions}. All can be undone.");
    if text::width(&long) <= usize::from(model.width.saturating_sub(2)) {
        long
    } else {
        format!("Enter {steps}{questions}.")
    }
}

/// How many conflicts a person will be asked.
fn asks(model: &Model) -> u64 {
    let preview = model.preview.as_ref().filter(|_| model.launch.on_conflict == OnConflict::Ask);
    preview.map_or(0, |p| p.inspection.asks())
}

/// The preview.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let Some(preview) = &model.preview else { return };
    match &preview.pane {
        Pane::Diff(pane) => return diff::draw(model, pane, area, buffer),
        Pane::News(scroll) => return news::draw(model, preview, *scroll, area, buffer),
        Pane::List => {}
    }
    let areas = areas(model, preview, area);
    frame::lines(Rect { height: areas.head.len() as u16, ..area }, &areas.head, 0, buffer);
    let tabs = tabs::heading(model, preview, areas.list, buffer);
    let inner = frame::pane(model.theme, areas.list, tabs, "", buffer);
    let page = usize::from(inner.height);
    let first = frame::first_of(model.held, preview.selected, preview.rows.len(), page);
    list(model, preview, inner, first, buffer);
    frame::scroll_mark(model.theme, areas.list, first, preview.rows.len(), page, buffer);
    if let Some(area) = areas.why {
        let kind = preview.entry().map_or(Kind::Move, |entry| entry.kind);
        let title = line(model.theme, &[("why: ", Role::Title), (meaning(kind), kind_look(kind).2)]);
        let inner = frame::pane(model.theme, area, title, "", buffer);
        match (preview.entry(), preview.rows.get(preview.selected)) {
            (Some(entry), _) => why(model, preview, entry, inner, buffer),
            (None, Some(Row::Folder { moved, files, .. })) => why_folder(model, moved, files.len(), inner, buffer),
            _ => {}
        }
    }
}

/// A reason as a sentence of its own.
fn as_sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if reason.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// Why a file is what it is, what it will be, and which commits of the source changed it.
fn why(model: &Model, preview: &Preview, entry: &FileEntry, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let mut rows = Vec::new();
    let room = usize::from(area.width.saturating_sub(2));
    let found = &preview.inspection;
    let settled = found.settled(&entry.path);
    let policy = model.launch.on_conflict;
    let reason = match settled {
        Some(by) => as_sentence(&format!("{}; settled by {}", entry.reason, by.why)),
        None if entry.kind == Kind::Conflict && policy != OnConflict::Ask => {
            format!("{} As you chose: {}.", as_sentence(&entry.reason), policy_word(policy))
        }
        None => as_sentence(&entry.reason),
    };
    for part in text::wrap(&text::visible_str(&reason, false), room) {
        rows.push(line(theme, &[(" ", Role::Text), (&part, Role::Text)]));
    }
    if let Some(from) = &entry.from {
        let shown = text::fit_end(&from.to_string(), room.saturating_sub(12));
        rows.push(line(theme, &[(" moves from  ", Role::Dim), (&shown, Role::Text)]));
    }
    let commits = found.changed_by.get(&entry.path).map_or(&[][..], Vec::as_slice);
    for id in commits {
        let known = found.whats_new.iter().find(|(short, ..)| short == id);
        let told = known.map(|(_, date, subject)| format!("{date} {subject}")).unwrap_or_default();
        let told = text::fit(&text::visible_str(&told, false), room.saturating_sub(11));
        rows.push(line(theme, &[(&format!(" {id:<9} "), Role::Dim), (&told, Role::Text)]));
    }
    let space = usize::from(area.height);
    if rows.len() > space && space > 0 {
        let hidden = rows.len() - space + 1;
        rows.truncate(space - 1);
        let more = text::count(hidden as u64, "line more", "lines more");
        rows.push(line(theme, &[(&format!(" … {more}"), Role::Dim)]));
    }
    frame::lines(area, &rows, 0, buffer);
}

fn why_folder(model: &Model, (from, to): &Moved, files: usize, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let room = usize::from(area.width.saturating_sub(13));
    let count = text::count(files as u64, "file moves along", "files move along");
    let said = format!(" The source moved this folder; {count}. Space lists them.");
    let place = |path: &str| text::fit_end(&text::visible_str(if path.is_empty() { "." } else { path }, false), room);
    let rows = [
        line(theme, &[(&said, Role::Text)]),
        line(theme, &[(" moves from  ", Role::Dim), (&place(from), Role::Text)]),
        line(theme, &[(" moves to    ", Role::Dim), (&place(to), Role::Text)]),
    ];
    frame::lines(area, &rows, 0, buffer);
}

/// Whether the selected row is a folder that moves, or a file listed below one.
pub(crate) fn is_folder(model: &Model) -> bool {
    let row = model.preview.as_ref().and_then(|p| p.rows.get(p.selected));
    matches!(row, Some(Row::Folder { .. } | Row::Within(_)))
}

fn entry_note(entry: &FileEntry) -> String {
    match entry.kind {
        Kind::Conflict if entry.theirs.is_none() => "removed by the source".to_owned(),
        Kind::Conflict if entry.mine.is_none() => "deleted by you".to_owned(),
        Kind::Conflict if entry.conflict_hunks > 0 => text::count(entry.conflict_hunks as u64, "overlap", "overlaps"),
        Kind::Move if entry.mine != entry.theirs => "moved and changed".to_owned(),
        _ if entry.from.is_some() => "moved".to_owned(),
        _ => String::new(),
    }
}

/// A folder before and after; what both begin with is said once.
fn folder_label((from, to): &Moved, room: usize) -> String {
    let both = format!("{from}/ → {to}/");
    if text::width(&both) <= room {
        return both;
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let parent = |path: &str| path.rfind('/').map(|at| path[..at].to_owned());
    match parent(from) == parent(to) {
        true => format!("{from}/ → {}/", name(to)),
        false => both,
    }
}

fn list(model: &Model, preview: &Preview, area: Rect, first: usize, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let Some(plan) = &preview.inspection.plan else { return };
    if preview.rows.is_empty() {
        let text = if preview.filter.is_empty() { "Nothing here." } else { "No path contains the filter's text." };
        frame::put(buffer, area.x + 1, area.y, area.width, text, theme.style(Role::Dim));
        return;
    }
    let width = usize::from(area.width);
    for (place, i) in frame::in_sight(area, preview.rows.len(), first) {
        let (y, row) = (place.y, &preview.rows[i]);
        buffer.mark(place, Target::Row { row: i, first });
        let entry = row.file().and_then(|at| plan.files.get(at));
        let (mark, word, role) = kind_look(entry.map_or(Kind::Move, |e| e.kind));
        let wide = width >= 60;
        let (path, note) = match (row, entry) {
            (Row::Folder { moved, files, open }, _) => {
                let count = text::count(files.len() as u64, "file", "files");
                let sign = if *open { "▾" } else { "▸" };
                (folder_label(moved, width.saturating_sub(30)), format!("{count} {sign}"))
            }
            (_, Some(entry)) => (entry.path.to_string(), if wide { entry_note(entry) } else { String::new() }),
            _ => continue,
        };
        let indent = if matches!(row, Row::Within(_)) { "  " } else { "" };
        let left = if wide { format!(" {mark} {word:<9} {indent}") } else { format!(" {mark} {indent}") };
        let room = width.saturating_sub(text::width(&left) + text::width(&note) + 2);
        let path = text::fit_end(&text::visible_str(&path, false), room);
        let mut used = frame::put(buffer, area.x, y, area.width, &left, theme.style(role));
        used += frame::put(buffer, area.x + used, y, area.width - used, &path, theme.style(Role::Text));
        let note_width = text::width(&note) as u16;
        if note_width > 0 && used + note_width < area.width {
            frame::put(buffer, area.right() - note_width - 1, y, note_width, &note, theme.style(Role::Dim));
        }
        if i == preview.selected {
            buffer.set_style(place, theme.style(Role::Selected));
        }
    }
}
