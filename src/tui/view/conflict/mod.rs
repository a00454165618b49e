//! The conflict screen: facts, then the texts, then the result, then the question.

pub(crate) mod bar;
mod facts;
mod merge;
pub(crate) mod over;
mod possible;
mod question;
mod result;
pub(crate) mod rows;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) use self::possible::possible;
pub(crate) use self::question::question;
use self::rows::{Kind, Rows};
use super::canvas::Canvas;
use super::difftext::{self, Look};
use super::frame::{self, line, put};
use crate::core::merge::is_binary;
use crate::tui::conflict::{Decision, Settled, Shape};
use crate::tui::diff;
use crate::tui::model::{Compare, Conflicts, Model};
use crate::tui::text;
use crate::tui::theme::Role;

/// Which file of how many, and how many hunks of all files are resolved; for the title.
pub(crate) fn position(model: &Model) -> String {
    let c = &model.conflicts;
    let narrow = model.width < 60;
    let at = format!("{}{} of {}", if narrow { "" } else { "conflict " }, c.settling.file() + 1, c.files.len());
    // While texts are aligned, nobody knows how many hunks there are.
    if c.settling.files().iter().any(|f| f.shape == Shape::Waiting) {
        return format!("{at}, aligning…");
    }
    match c.settling.resolved() {
        (done, all) if narrow => format!("{at}, {done}/{all}"),
        (done, all) => format!("{at}, {done} of {all} resolved"),
    }
}

/// The facts, the pane, and the rows at its bottom that show the result.
fn areas(model: &Model, area: Rect) -> (Vec<String>, Rect, u16) {
    let most = if area.height >= 17 { 3 } else { 1 };
    let room = usize::from(area.width.saturating_sub(2));
    let facts = facts::facts(model);
    let facts = if most == 1 { vec![text::fit(&facts, room)] } else { text::wrap(&facts, room) };
    let facts: Vec<String> = facts.into_iter().take(most).collect();
    let top = 1 + facts.len() as u16;
    let pane = Rect { y: area.y + top, height: area.height.saturating_sub(top), ..area };
    let c = &model.conflicts;
    let shown = c.shown() == Compare::Merge && c.merge_rows().is_some_and(|r| !r.heads.is_empty());
    let result = if shown { result::height(frame::inner(pane).height) } else { 0 };
    (facts, pane, result)
}

/// The rows of the view.
pub(crate) fn measured(model: &Model, area: Rect) -> Rows<'_> {
    let (_, pane, result) = areas(model, area);
    let inner = frame::inner(pane);
    let (width, lines) = (inner.width, inner.height.saturating_sub(result));
    let c = &model.conflicts;
    let kind = match (c.shown(), c.text().and_then(|t| t.merge.as_ref()), c.merge_rows(), c.diff()) {
        (Compare::Merge, _, Some(rows), _) if c.cut => Kind::Lines(rows.rows.len()),
        (Compare::Merge, Some(merge), Some(rows), _) => {
            Kind::Merge(merge::View::new(model, merge, rows, width), &rows.rows)
        }
        (Compare::Merge, ..) | (_, _, _, None) => Kind::Lines(0),
        (_, _, _, Some(diff)) if c.cut => Kind::Lines(diff.rows.len()),
        (_, _, _, Some(diff)) => Kind::Diff(diff),
    };
    Rows { kind, width, lines }
}

/// How much there is to scroll, and how much of it is in sight.
pub(crate) fn rows(model: &Model, area: Rect) -> (usize, usize) {
    let rows = measured(model, area);
    match &rows.kind {
        Kind::Lines(count) => (*count, rows.lines.into()),
        _ => {
            let page = rows.seen_from(model.conflicts.scroll);
            (rows.last_top() + page, page)
        }
    }
}

/// What the view does that isn't plain to see, for the pane's heading; the search comes behind it.
fn chips(c: &Conflicts) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(c.layout.how.space.chip().map(str::to_owned));
    if c.cut {
        all.push("cut off".to_owned());
    }
    match c.layout.how.context {
        diff::CONTEXT => {}
        diff::EVERYTHING => all.push("all lines".to_owned()),
        n => all.push(format!("{n} lines around")),
    }
    all
}

/// The pane's headings, at the left and at the right, as much of them as fits into `room` cells. What the view does is
/// said before what is shown, and that before how far the file is settled.
fn headings(c: &Conflicts, room: usize) -> (Vec<(String, Role)>, String) {
    let shown = c.shown();
    let word = file_word(c);
    let long = match (shown, c.diff()) {
        (Compare::Merge, _) => word.clone(),
        (_, Some(diff)) if diff.note.is_none() => format!("{word}   +{} -{}", diff.added, diff.removed),
        _ => word.clone(),
    };
    let others = chips(c);
    let wide = |title: &str, chips: &[String], right: &str| {
        let chips: usize = chips.iter().map(|chip| text::width(chip) + 3).sum();
        text::width(title) + chips + if right.is_empty() { 0 } else { text::width(right) + 2 }
    };
    let with_search = |hint: bool, most: usize| {
        let search = c.search.as_ref().map(|s| if hint { s.chip_with_keys() } else { s.chip_within(most) });
        others.iter().cloned().chain(search).collect::<Vec<String>>()
    };
    let pieces = |title: &str, chips: Vec<String>| {
        let title = (title.to_owned(), Role::Title);
        let chips = chips.into_iter().map(|chip| (format!("[{chip}]"), Role::Warn));
        std::iter::once(title).filter(|t| !t.0.is_empty()).chain(chips).collect()
    };
    for (hint, right) in [(true, &long), (true, &word), (true, &String::new()), (false, &word), (false, &String::new())]
    {
        let chips = with_search(hint, usize::MAX);
        if wide(shown.title(), &chips, right) <= room {
            return (pieces(shown.title(), chips), right.clone());
        }
    }
    // A needle may be as long as one likes: of it, its end is shown.
    let rest = wide("", &others, "") + 3;
    let chips = with_search(false, room.saturating_sub(rest));
    let title = text::fit(shown.title(), room.saturating_sub(wide("", &chips, "")));
    (pieces(&title, chips), String::new())
}

/// The screen.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Canvas<'_>) {
    let theme = model.theme;
    let c = &model.conflicts;
    let Some(file) = c.file() else { return };
    let room = area.width.saturating_sub(2);
    put(
        buffer,
        area.x + 1,
        area.y,
        room,
        &text::fit_end(&file.path.to_string(), room.into()),
        theme.style(Role::Title),
    );
    let (facts, pane, result_rows) = areas(model, area);
    for (y, fact) in (area.y + 1..).zip(&facts) {
        put(buffer, area.x + 1, y, room, fact, theme.style(Role::Text));
    }
    let shown = c.shown();
    let (pieces, right) = headings(c, pane.width.saturating_sub(6).into());
    let mut title = Vec::new();
    for (i, (words, role)) in pieces.iter().enumerate() {
        title.extend([(if i == 0 { "" } else { " " }, Role::Text), (words.as_str(), *role)]);
    }
    let inner = frame::pane(theme, pane, line(theme, &title), &right, buffer);
    let upper = Rect { height: inner.height.saturating_sub(result_rows), ..inner };
    let needle = c.search.as_ref().map_or("", |s| s.needle.as_str());
    match (shown, c.text().and_then(|t| t.merge.as_ref()), c.merge_rows(), c.diff()) {
        (Compare::Merge, Some(merge), Some(rows), _) => {
            merge::draw(model, merge, rows, upper, buffer);
            if result_rows > 0 {
                let below = Rect { y: upper.bottom(), height: result_rows, ..inner };
                result::draw(model, merge, below, pane, buffer);
            }
        }
        (Compare::Merge, ..) | (_, _, _, None) => unread(model, inner, buffer),
        (_, _, _, Some(diff)) => {
            let look = Look { theme, across: c.across, wrap: !c.cut, needle, above: c.above() };
            difftext::draw(look, inner, diff, c.scroll, buffer);
        }
    }
    let track = Rect { height: pane.height.saturating_sub(result_rows), ..pane };
    bar::draw(model, track, &measured(model, area), buffer);
}

/// The beginning of the user's text, until there is more to show: aligning big files takes a moment.
fn unread(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let c = &model.conflicts;
    let side = c.file().and_then(|f| f.mine.as_ref().or(f.theirs.as_ref()));
    let Some(bytes) = side.filter(|b| !is_binary(b)) else {
        put(buffer, area.x + 1, area.y, area.width, "Reading…", theme.style(Role::Dim));
        return;
    };
    let look = Look { theme, across: c.across, wrap: false, needle: "", above: 0 };
    for (y, text) in (area.y..area.bottom()).zip(bytes.split(|b| *b == b'\n')) {
        let words = [(false, text::visible(text, false))];
        let style = theme.style(Role::Dim);
        let room = Rect { x: area.x + 3, y, width: area.width.saturating_sub(3), height: 1 };
        difftext::pieces(look, room, &words, (style, style), buffer);
    }
}

/// What stands of the file: what is open, or how it is settled.
fn file_word(c: &Conflicts) -> String {
    let Some(file) = c.settling.current() else { return String::new() };
    let word = match (&file.decision, file.is_settled()) {
        (Decision::Keep, _) => "mine, whole",
        (Decision::Take, _) => "theirs, whole",
        (Decision::Edited(_), _) => "your own text",
        (Decision::Park, _) => "put off",
        (Decision::Merge(_), true) => "settled",
        _ => return format!("{} open", text::count(file.open_hunks() as u64, "hunk", "hunks")),
    };
    if file.accepted { format!("{word}, accepted") } else { word.to_owned() }
}

/// What is decided about a file, for the list: a sign, a word, and how it looks.
pub(crate) fn state_of(file: &Settled) -> (&'static str, String, Role) {
    match &file.decision {
        Decision::Keep => ("✔", "mine".to_owned(), Role::Good),
        Decision::Take => ("✔", "theirs".to_owned(), Role::Good),
        Decision::Edited(_) => ("✔", "your text".to_owned(), Role::Good),
        Decision::Park => ("·", "put off".to_owned(), Role::Warn),
        Decision::Merge(_) if file.is_settled() => ("✔", "merged".to_owned(), Role::Good),
        _ if file.shape == Shape::Waiting => ("?", "…".to_owned(), Role::Dim),
        _ => {
            let all = file.hunks();
            ("?", format!("{} of {all} resolved", all - file.open_hunks().min(all)), Role::Warn)
        }
    }
}
