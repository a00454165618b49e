//! The conflict screen: facts, then the texts, then the result, then the question.

pub(crate) mod bar;
mod merge;
pub(crate) mod over;
mod result;
pub(crate) mod rows;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::rows::{Kind, Rows};
use super::canvas::Canvas;
use super::difftext::{self, Look};
use super::frame::{self, line, put};
use crate::core::layout::layouts;
use crate::core::line_ends::LineEnds;
use crate::core::merge::{RegionKind, is_binary};
use crate::engine::events::ConflictFile;
use crate::tui::conflict::{Decision, Settled, Shape};
use crate::tui::diff;
use crate::tui::keymap::Action;
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

/// What has been decided, or what there is to decide.
pub(crate) fn question(model: &Model) -> (String, Role) {
    let c = &model.conflicts;
    let Some(file) = c.settling.current() else { return (String::new(), Role::Text) };
    if c.settling.open_files() == 0 && !loses(c) {
        return (all_settled(model), Role::Good);
    }
    let (deleted, removed) = sides_missing(c.file());
    let narrow = model.width < 70;
    let config = c.file().is_some_and(|f| layouts().is_config(&f.path));
    let base = if c.file().is_some_and(|f| f.base.is_some()) { " 0" } else { "" };
    if let Some(problem) = &file.problem {
        return (problem.clone(), Role::Bad);
    }
    let words = match &file.decision {
        Decision::Open if deleted => "Stay deleted (k), or take the source's version (t)?".to_owned(),
        Decision::Open if removed => "Keep yours (k), or remove it as the source did (t)?".to_owned(),
        Decision::Open => match file.shape {
            Shape::Text(n) if n > 0 && narrow => format!("k mine, t theirs, or by hunk 1 2 3{base}?"),
            Shape::Text(n) if n > 0 => format!("Keep mine (k), take theirs (t), or settle hunk by hunk (1 2 3{base})?"),
            Shape::Text(_) if config => "Keep mine (k), or merge the template's news in (m)?".to_owned(),
            Shape::Text(_) => "Keep mine (k), take theirs (t), or merge both (m)?".to_owned(),
            _ => "Keep mine (k), or take theirs (t)?".to_owned(),
        },
        Decision::Keep if deleted => "It stays deleted. Enter accepts.".to_owned(),
        Decision::Keep => kept(model),
        Decision::Take if removed => "It is removed; the backup keeps it. Enter accepts.".to_owned(),
        Decision::Take => taken(model),
        Decision::Park => "Put off: mine stays, `resolve` asks again later. Enter accepts.".to_owned(),
        Decision::Edited(_) => "Your own text is written. Enter accepts, d shows it.".to_owned(),
        Decision::Merge(_) if file.is_settled() => "Every hunk is settled. Enter accepts.".to_owned(),
        Decision::Merge(_) => {
            let hunk = c.settling.hunk() + 1;
            match file.choice(c.settling.hunk()) {
                Some(choice) => {
                    let (chosen, keys) = (merge::chosen(&choice), format!("1 2 3{base} e"));
                    let all = [
                        format!("Hunk {hunk} is settled: {chosen}. {keys} change it, n goes to an open one."),
                        format!("Hunk {hunk}: {chosen}. {keys} change it."),
                    ];
                    fitting(model, all)
                }
                None => {
                    let base = if base.is_empty() { "" } else { ", 0 base" };
                    let short = base.replace(',', "");
                    let all = [
                        format!("Hunk {hunk}: 1 mine, 2 theirs, 3 both{base}, e edit?"),
                        format!("Hunk {hunk}: 1 mine 2 theirs 3 both{short}?"),
                        format!("{hunk}: 1 mine 2 theirs 3 both{short}?"),
                    ];
                    fitting(model, all)
                }
            }
        }
    };
    (words, if file.is_settled() { Role::Good } else { Role::Accent })
}

/// That nothing is open, and how much of it is only put off.
fn all_settled(model: &Model) -> String {
    let files = model.conflicts.settling.files();
    let put_off = files.iter().filter(|f| f.decision == Decision::Park).count();
    let (long, short) = match (files.len(), put_off) {
        (1, 0) => ("The conflict is settled.".to_owned(), "It is settled.".to_owned()),
        (1, _) => ("The conflict is put off (yours stays).".to_owned(), "It is put off.".to_owned()),
        (n, 0) => (format!("All {n} are settled."), format!("All {n} settled.")),
        (n, p) if n == p => (format!("All {n} are put off (yours stays)."), format!("All {n} put off.")),
        (n, p) => (
            format!("All {n} are settled, {p} of them put off (yours stays)."),
            format!("All {n} settled, {p} put off."),
        ),
    };
    let middle = long.replace(" of them", "");
    let all = [
        format!("{long} F finishes and applies, u undoes."),
        format!("{middle} F finishes and applies, u undoes."),
        format!("{middle} F finishes, u undoes."),
        format!("{short} F finishes."),
    ];
    fitting(model, all)
}

/// The first of these that fits into the status line, the last if none does.
fn fitting(model: &Model, all: impl IntoIterator<Item = String>) -> String {
    let room = usize::from(model.width.saturating_sub(2));
    let mut last = String::new();
    for words in all {
        if text::width(&words) <= room {
            return words;
        }
        last = words;
    }
    last
}

/// Changes that only one side made, beyond the hunks that are asked about.
fn others(c: &Conflicts, kind: RegionKind) -> usize {
    let merge = c.text().and_then(|t| t.merge.as_ref());
    merge.map_or(0, |m| m.regions().iter().filter(|r| r.kind == kind).count())
}

/// `2 other changes`, where there are hunks that overlap besides.
fn other_changes(c: &Conflicts, n: usize) -> String {
    let hunks = c.text().and_then(|t| t.merge.as_ref()).is_some_and(|m| m.conflicts() > 0);
    let (one, many) = if hunks { ("other change", "other changes") } else { ("change", "changes") };
    text::count(n as u64, one, many)
}

/// The key that goes on from a settled file.
fn onwards(c: &Conflicts) -> &'static str {
    if c.settling.open_files() == 0 { "F finishes" } else { "Enter accepts" }
}

/// That mine is kept whole, and what of theirs this leaves out.
fn kept(model: &Model) -> String {
    let c = &model.conflicts;
    let n = others(c, RegionKind::Theirs);
    if n == 0 {
        return "Mine is kept whole. Enter accepts.".to_owned();
    }
    let (changes, are, on) = (other_changes(c, n), if n == 1 { "is" } else { "are" }, onwards(c));
    let all = [
        format!("Mine is kept whole; {changes} of theirs {are} left out. {on}, m merges instead."),
        format!("Mine is kept; {changes} of theirs {are} left out. {on}, m merges."),
        format!("Mine is kept; {changes} of theirs {are} left out. m merges."),
        format!("Mine; {} of theirs left out.", text::count(n as u64, "change", "changes")),
    ];
    fitting(model, all)
}

/// That theirs is taken whole, and what of mine this gives up.
fn taken(model: &Model) -> String {
    let c = &model.conflicts;
    let n = others(c, RegionKind::Mine);
    if n == 0 {
        return "Theirs is taken whole. Enter accepts.".to_owned();
    }
    let (changes, go, on) = (other_changes(c, n), if n == 1 { "goes" } else { "go" }, onwards(c));
    let all = [
        format!("Theirs is taken whole; {changes} of yours {go}. {on}, m merges instead."),
        format!("Theirs is taken whole; {changes} of yours {go}. {on}, m merges."),
        format!("Theirs is taken; {changes} of yours {go}. {on}, m merges."),
        format!("Theirs; {} of yours {go}.", text::count(n as u64, "change", "changes")),
    ];
    fitting(model, all)
}

/// Whether the current file is kept or taken whole and something is lost by that, which is said until it is accepted.
fn loses(c: &Conflicts) -> bool {
    let lost = match c.settling.current() {
        Some(file) if file.accepted => return false,
        Some(file) => match file.decision {
            Decision::Keep => RegionKind::Theirs,
            Decision::Take => RegionKind::Mine,
            _ => return false,
        },
        None => return false,
    };
    others(c, lost) > 0
}

fn sides_missing(file: Option<&ConflictFile>) -> (bool, bool) {
    file.map_or((false, false), |f| (f.mine.is_none(), f.theirs.is_none()))
}

/// Whether a key does something for the file under the cursor.
pub(crate) fn possible(model: &Model, action: Action) -> bool {
    let c = &model.conflicts;
    let hunks = matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Text(n)) if *n > 0);
    let decision = c.settling.current().map(|f| &f.decision);
    match action {
        Action::Keep => decision != Some(&Decision::Keep),
        Action::Take => decision != Some(&Decision::Take),
        Action::Finish => c.settling.open_files() == 0,
        Action::Mine | Action::Theirs | Action::Both | Action::Edit => hunks,
        Action::EditFile | Action::MergeTool => {
            !matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Waiting)) && is_text(c)
        }
        Action::Rule => matches!(decision, Some(Decision::Keep | Decision::Take)),
        Action::NextHit | Action::PreviousHit | Action::Back => c.search.is_some(),
        Action::BasePane => hunks && c.file().is_some_and(|f| f.base.is_some()),
        Action::Base => hunks && c.file().is_some_and(|f| f.base.is_some()),
        Action::Merge if matches!(decision, Some(Decision::Merge(_))) => false,
        Action::Merge => matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Text(_))),
        Action::NextOpen => c.settling.open_files() > 0,
        Action::NextTab => c.files.len() > 1,
        Action::SideBySide => c.shown() == Compare::Merge,
        _ => true,
    }
}

fn is_text(c: &Conflicts) -> bool {
    let side = |bytes: &Option<std::sync::Arc<[u8]>>| bytes.as_deref().is_none_or(|b| !is_binary(b));
    c.file().is_some_and(|f| side(&f.mine) && side(&f.theirs))
}

/// What both sides did, plainly.
fn facts(model: &Model) -> String {
    let c = &model.conflicts;
    let (Some(file), Some(texts)) = (c.file(), c.text()) else { return String::new() };
    // Of one that was put off it is not said which release it came from.
    let since = model
        .from
        .as_deref()
        .filter(|f| model.to.as_deref() != Some(*f))
        .map_or(String::new(), |f| format!(" since {}", text::short(f)));
    let moved = file.from.as_ref().map(|f| format!(" The source moved it here from {f}.")).unwrap_or_default();
    let size = |bytes: &Option<std::sync::Arc<[u8]>>| bytes.as_ref().map_or("none".to_owned(), |b| text::size(b.len()));
    if layouts().is_config(&file.path) {
        let mut reason = file.reason.chars();
        let first = reason.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
        return format!("{first}{}.", reason.as_str());
    }
    let words = match (&texts.merge, &file.mine, &file.theirs) {
        (_, None, Some(_)) => format!("You deleted this file; the source changed it{since}."),
        (_, Some(_), None) => format!("The source removed this file; you changed it{since}."),
        (Some(merge), ..) if file.base.is_none() => {
            let n = text::count(merge.conflicts() as u64, "difference", "differences");
            format!("No version that both started from is known: each of the {n} is asked.")
        }
        (Some(merge), ..) => {
            let places = |n: usize| text::count(n as u64, "place", "places");
            let overlaps = match merge.conflicts() {
                0 => "none overlap".to_owned(),
                1 => "1 overlaps".to_owned(),
                n => format!("{n} overlap"),
            };
            let (mine, theirs) = (merge.changed_by_mine(), merge.changed_by_theirs());
            if model.width < 60 {
                return format!("You changed {mine}, source {theirs}; {overlaps}.{moved}");
            }
            format!("You changed {}{since}, the source changed {theirs}; {overlaps}.", places(mine))
        }
        _ if matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Waiting)) => "Aligning the texts…".to_owned(),
        _ => format!("Not text: yours has {}, the source's {}.", size(&file.mine), size(&file.theirs)),
    };
    words + &moved + &ends(&texts.merge)
}

/// How all lines of the two sides end, where that differs: not a change of each of them.
fn ends(merge: &Option<std::sync::Arc<crate::core::merge::Merge>>) -> String {
    match merge.as_ref().map(|m| m.line_ends()) {
        Some((mine, theirs)) if mine != theirs && mine != LineEnds::None && theirs != LineEnds::None => {
            let (a, b) = (diff::word(mine), diff::word(theirs));
            format!(" Line ends differ: yours {a}, the source's {b}; a merge has yours.")
        }
        _ => String::new(),
    }
}

/// The facts, the pane, and the rows at its bottom that show the result.
fn areas(model: &Model, area: Rect) -> (Vec<String>, Rect, u16) {
    let most = if area.height >= 17 { 3 } else { 1 };
    let room = usize::from(area.width.saturating_sub(2));
    let facts = facts(model);
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
