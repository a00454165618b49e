//! The conflict screen: facts, then the texts, then the question.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::difftext::{self, Look};
use super::frame::{self, line, put};
use crate::core::layout::layouts;
use crate::core::merge::{Choice, Merge};
use crate::engine::events::ConflictFile;
use crate::tui::conflict::{Decision, Shape};
use crate::tui::diff;
use crate::tui::keymap::Action;
use crate::tui::merge_rows::{self, Line, MergeRow, Side};
use crate::tui::model::{Compare, Conflicts, Model};
use crate::tui::text;
use crate::tui::theme::Role;

/// Which file of how many, and what is open in it; for the title.
pub fn position(model: &Model) -> String {
    let c = &model.conflicts;
    let narrow = model.width < 60;
    let at = format!("{}{} of {}", if narrow { "" } else { "conflict " }, c.settling.file() + 1, c.files.len());
    match c.settling.current() {
        Some(file) if file.is_settled() => format!("{at}, settled"),
        Some(file) if narrow => format!("{at}, {} open", file.open_hunks()),
        Some(file) if matches!(file.shape, Shape::Text(_)) => {
            format!("{at}, {} open", text::count(file.open_hunks() as u64, "hunk", "hunks"))
        }
        _ => format!("{at}, open"),
    }
}

/// What has been decided, or what there is to decide.
pub fn question(model: &Model) -> (String, Role) {
    let c = &model.conflicts;
    let Some(file) = c.settling.current() else { return (String::new(), Role::Text) };
    if c.settling.open_files() == 0 {
        let all = match c.files.len() {
            1 => "The conflict is settled.".to_owned(),
            n => format!("All {n} are settled."),
        };
        return (format!("{all} F finishes and applies, u undoes."), Role::Good);
    }
    let (deleted, removed) = sides_missing(c.file());
    let narrow = model.width < 70;
    let config = c.file().is_some_and(|f| layouts().is_config(&f.path));
    let base = if c.file().is_some_and(|f| f.base.is_some()) { " 0" } else { "" };
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
        Decision::Keep => "Mine is kept whole. Enter accepts.".to_owned(),
        Decision::Take if removed => "It is removed; the backup keeps it. Enter accepts.".to_owned(),
        Decision::Take => "Theirs is taken whole. Enter accepts.".to_owned(),
        Decision::Merge(_) if file.is_settled() => "Every hunk is settled. Enter accepts.".to_owned(),
        Decision::Merge(_) => {
            let hunk = c.settling.hunk() + 1;
            let base = if base.is_empty() { "" } else { ", 0 base" };
            format!("Hunk {hunk}: 1 mine, 2 theirs, 3 both{base}?")
        }
    };
    (words, if file.is_settled() { Role::Good } else { Role::Accent })
}

fn sides_missing(file: Option<&ConflictFile>) -> (bool, bool) {
    file.map_or((false, false), |f| (f.mine.is_none(), f.theirs.is_none()))
}

/// Whether a key does something for the file under the cursor.
pub fn possible(model: &Model, action: Action) -> bool {
    let c = &model.conflicts;
    let hunks = matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Text(n)) if *n > 0);
    match action {
        Action::Finish => c.settling.open_files() == 0,
        Action::Mine | Action::Theirs | Action::Both => hunks,
        Action::Base => hunks && c.file().is_some_and(|f| f.base.is_some()),
        Action::Merge => matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Text(_))),
        Action::NextOpen => c.settling.open_files() > 0,
        Action::NextTab => c.files.len() > 1,
        Action::SideBySide => c.shown() == Compare::Merge,
        _ => true,
    }
}

/// What both sides did, plainly.
fn facts(model: &Model) -> String {
    let c = &model.conflicts;
    let (Some(file), Some(texts)) = (c.file(), c.text()) else { return String::new() };
    let since = model.from.as_deref().map_or(String::new(), |f| format!(" since {}", text::short(f)));
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
    words + &moved
}

fn areas(model: &Model, area: Rect) -> (Vec<String>, Rect) {
    let most = if area.height >= 17 { 3 } else { 1 };
    let room = usize::from(area.width.saturating_sub(2));
    let facts = facts(model);
    let facts = if most == 1 { vec![text::fit(&facts, room)] } else { text::wrap(&facts, room) };
    let facts: Vec<String> = facts.into_iter().take(most).collect();
    let top = 1 + facts.len() as u16;
    (facts, Rect { y: area.y + top, height: area.height.saturating_sub(top), ..area })
}

/// How much there is to scroll.
pub fn rows(model: &Model, area: Rect) -> (usize, usize) {
    let page = usize::from(frame::inner(areas(model, area).1).height);
    let c = &model.conflicts;
    let rows =
        if c.shown() == Compare::Merge { c.merge_rows().map(|r| r.rows.len()) } else { c.diff().map(|d| d.rows.len()) };
    (rows.unwrap_or(0), page)
}

/// The screen.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
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
    let (facts, pane) = areas(model, area);
    for (y, fact) in (area.y + 1..).zip(&facts) {
        put(buffer, area.x + 1, y, room, fact, theme.style(Role::Text));
    }
    let shown = c.shown();
    let right = match (shown, c.diff()) {
        (Compare::Merge, _) => file_word(c).to_owned(),
        (_, Some(diff)) if diff.note.is_none() => format!("+{} -{}", diff.added, diff.removed),
        _ => String::new(),
    };
    let inner = frame::pane(theme, pane, line(theme, &[(shown.title(), Role::Title)]), &right, buffer);
    let (all, page) = rows(model, area);
    match (shown, c.text().and_then(|t| t.merge.as_ref()), c.merge_rows(), c.diff()) {
        (Compare::Merge, Some(merge), Some(rows), _) => {
            let view = View { model, merge, digits: if inner.width < 60 { 0 } else { 4 } };
            let first = c.scroll.min(rows.rows.len().saturating_sub(page));
            for (y, row) in (inner.y..inner.bottom()).zip(rows.rows.iter().skip(first)) {
                view.row(row, Rect { y, height: 1, ..inner }, buffer);
            }
        }
        (Compare::Merge, ..) | (_, _, _, None) => {
            put(buffer, inner.x + 1, inner.y, inner.width, "Reading…", theme.style(Role::Dim));
        }
        (_, _, _, Some(diff)) => difftext::draw(Look { theme, across: c.across }, inner, diff, c.scroll, buffer),
    }
    frame::scroll_mark(theme, pane, c.scroll, all, page, buffer);
}

fn file_word(c: &Conflicts) -> &'static str {
    match c.settling.current().map(|f| (&f.decision, f.is_settled(), f.accepted)) {
        Some((_, _, true)) => "accepted",
        Some((Decision::Keep, ..)) => "mine, whole",
        Some((Decision::Take, ..)) => "theirs, whole",
        Some((Decision::Merge(_), true, _)) => "settled",
        _ => "",
    }
}

/// A line with its bytes, and those it is compared with.
struct Shown<'m> {
    line: &'m Line,
    bytes: &'m [u8],
    other: Option<&'m [u8]>,
}

/// Draws rows of the merge view.
struct View<'m> {
    model: &'m Model,
    merge: &'m Merge,
    digits: usize,
}

impl View<'_> {
    fn row(&self, row: &MergeRow, area: Rect, buffer: &mut Buffer) {
        let theme = self.model.theme;
        match row {
            MergeRow::Fold(hidden) => {
                let x = area.x + 2 + self.digits as u16;
                difftext::fold(theme, Rect { x, width: area.right() - x, ..area }, *hidden, buffer);
            }
            MergeRow::Same { region, line } => {
                self.text(
                    area,
                    "  ",
                    Shown { line, bytes: self.bytes(*region, Side::Mine, line), other: None },
                    (Role::Text, Role::Text),
                    buffer,
                );
            }
            MergeRow::Auto { region, side, added, line } => self.auto(*region, *side, *added, line, area, buffer),
            MergeRow::Head { hunk } => self.head(*hunk, area, buffer),
            MergeRow::Label { hunk, side, lines } => self.label(*hunk, *side, *lines, area, buffer),
            MergeRow::Labels { hunk, mine, theirs } => {
                let half = area.width / 2;
                let right = Rect { x: area.x + half, width: area.width - half, ..area };
                self.label(*hunk, Side::Theirs, *theirs, right, buffer);
                self.label(*hunk, Side::Mine, *mine, Rect { width: half, ..area }, buffer);
                put(buffer, right.x, area.y, 1, "│", theme.style(Role::Border));
            }
            MergeRow::Part { region, hunk, side, line, other } => {
                self.edge(*hunk, area, buffer);
                let (role, word) = self.side_roles(*hunk, *side);
                let other_side = if *side == Side::Mine { Side::Theirs } else { Side::Mine };
                let other = other.as_ref().map(|o| self.bytes(*region, other_side, o));
                self.text(
                    area,
                    "  ",
                    Shown { line, bytes: self.bytes(*region, *side, line), other },
                    (role, word),
                    buffer,
                );
            }
            MergeRow::Pair { region, hunk, mine, theirs } => {
                self.pair(*region, *hunk, mine.as_ref(), theirs.as_ref(), area, buffer);
            }
            MergeRow::Foot { hunk } => {
                let role = if self.is_current(*hunk) { Role::Accent } else { Role::Border };
                let rule = "─".repeat(usize::from(area.width.saturating_sub(2)));
                put(buffer, area.x + 1, area.y, area.width, &rule, theme.style(role));
            }
        }
    }

    fn is_current(&self, hunk: usize) -> bool {
        self.model.conflicts.settling.hunk() == hunk
    }

    fn choice(&self, hunk: usize) -> Option<Choice> {
        self.model.conflicts.settling.current().and_then(|f| f.choice(hunk))
    }

    fn bytes(&self, region: usize, side: Side, line: &Line) -> &[u8] {
        merge_rows::bytes(self.merge, region, side, line)
    }

    /// The bar at the left of the hunk under the cursor.
    fn edge(&self, hunk: usize, area: Rect, buffer: &mut Buffer) {
        let role = if self.is_current(hunk) { Role::Accent } else { Role::Border };
        put(buffer, area.x, area.y, 1, "▌", self.model.theme.style(role));
    }

    /// How the lines of a side look, given what was chosen.
    fn side_roles(&self, hunk: usize, side: Side) -> (Role, Role) {
        let chosen = match self.choice(hunk) {
            None => true,
            Some(Choice::Mine) => side == Side::Mine,
            Some(Choice::Theirs) => side == Side::Theirs,
            Some(Choice::Both) => side != Side::Base,
            Some(Choice::Base) => side == Side::Base,
            Some(Choice::Edited(_)) => false,
        };
        match (chosen, side) {
            (false, _) => (Role::Faded, Role::Faded),
            (true, Side::Mine) => (Role::Mine, Role::MineWord),
            (true, Side::Theirs) => (Role::Theirs, Role::TheirsWord),
            (true, Side::Base) => (Role::Base, Role::Base),
        }
    }

    fn text(&self, area: Rect, sign: &str, shown: Shown<'_>, roles: (Role, Role), buffer: &mut Buffer) {
        let theme = self.model.theme;
        let mut x = area.x + 1;
        if self.digits > 0 {
            let number = shown.line.number;
            let digits = self.digits;
            x += put(buffer, x, area.y, area.width, &format!("{number:>digits$} "), theme.style(Role::Dim));
        }
        x += put(buffer, x, area.y, 3, sign, theme.style(roles.0));
        let words = match shown.other {
            Some(other) => diff::words(shown.bytes, other),
            None => vec![(false, text::visible(shown.bytes, false))],
        };
        let room = area.right().saturating_sub(x);
        let styles = (theme.style(roles.0), theme.style(roles.1));
        difftext::pieces((x, area.y), room, self.model.conflicts.across, &words, styles, buffer);
    }

    fn auto(&self, region: usize, side: Side, added: bool, line: &Line, area: Rect, buffer: &mut Buffer) {
        let theme = self.model.theme;
        let kind = self.merge.regions().get(region).map(|r| r.kind);
        let (sign, role) = if added { ("+ ", Role::Added) } else { ("- ", Role::Removed) };
        let from = match kind {
            Some(crate::core::merge::RegionKind::Mine) => " mine ",
            Some(crate::core::merge::RegionKind::Theirs) => " theirs ",
            _ => " both alike ",
        };
        let x = area.x + 1 + if self.digits > 0 { self.digits as u16 + 1 } else { 0 };
        buffer.set_style(Rect { x, width: area.right().saturating_sub(x), ..area }, theme.style(role));
        self.text(area, sign, Shown { line, bytes: self.bytes(region, side, line), other: None }, (role, role), buffer);
        if area.width >= 50 {
            let width = text::width(from) as u16;
            put(buffer, area.right() - width, area.y, width, from, theme.style(Role::Dim));
        }
    }

    fn head(&self, hunk: usize, area: Rect, buffer: &mut Buffer) {
        let theme = self.model.theme;
        let current = self.is_current(hunk);
        let all = self.merge.conflicts();
        let (state, role) = match self.choice(hunk) {
            None => ("open", Role::Warn),
            Some(Choice::Mine) => ("1 mine", Role::Good),
            Some(Choice::Theirs) => ("2 theirs", Role::Good),
            Some(Choice::Both) => ("3 both", Role::Good),
            Some(Choice::Base) => ("0 base", Role::Good),
            Some(Choice::Edited(_)) => ("edited", Role::Good),
        };
        let line_role = if current { Role::Accent } else { Role::Border };
        let rule = "─".repeat(usize::from(area.width.saturating_sub(2)));
        put(buffer, area.x + 1, area.y, area.width, &rule, theme.style(line_role));
        let mark = if current { " ▸ " } else { "   " };
        let title = format!("hunk {} of {all}: ", hunk + 1);
        let mut pieces = vec![(mark, Role::Accent), (&title, Role::Title), (state, role), (" ", Role::Text)];
        let base = self.model.conflicts.file().is_some_and(|f| f.base.is_some());
        if current && self.choice(hunk).is_none() && area.width >= 60 {
            for (key, word) in [("1", "mine"), ("2", "theirs"), ("3", "both"), ("0", "base")] {
                if key != "0" || base {
                    pieces.extend([("  ", Role::Text), (key, Role::Key), (" ", Role::Text), (word, Role::Dim)]);
                }
            }
            pieces.push((" ", Role::Text));
        }
        frame::over(buffer, area.x + 2, area.y, &line(theme, &pieces), area.width.saturating_sub(2));
    }

    fn label(&self, hunk: usize, side: Side, lines: usize, area: Rect, buffer: &mut Buffer) {
        let theme = self.model.theme;
        self.edge(hunk, area, buffer);
        let (key, word) = match side {
            Side::Mine => ("1", "mine"),
            Side::Theirs => ("2", "theirs"),
            Side::Base => ("0", "base, as both found it"),
        };
        let none = if lines == 0 { " (no lines)" } else { "" };
        let role = self.side_roles(hunk, side).0;
        let pieces = [(key, Role::Key), (" ", Role::Text), (word, role), (none, Role::Dim)];
        buffer.set_line(area.x + 2, area.y, &line(theme, &pieces), area.width.saturating_sub(2));
    }

    fn pair(
        &self,
        region: usize,
        hunk: usize,
        mine: Option<&Line>,
        theirs: Option<&Line>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let theme = self.model.theme;
        let half = area.width / 2;
        let sides = [
            (Side::Mine, mine, theirs, Rect { width: half, ..area }),
            (Side::Theirs, theirs, mine, Rect { x: area.x + half, width: area.width - half, ..area }),
        ];
        for (side, own, other, area) in sides {
            let other_side = if side == Side::Mine { Side::Theirs } else { Side::Mine };
            if let Some(own) = own {
                let other = other.map(|o| self.bytes(region, other_side, o));
                let room = Rect { width: area.width.saturating_sub(1), ..area };
                self.text(
                    room,
                    "  ",
                    Shown { line: own, bytes: self.bytes(region, side, own), other },
                    self.side_roles(hunk, side),
                    buffer,
                );
            }
        }
        self.edge(hunk, area, buffer);
        put(buffer, area.x + half, area.y, 1, "│", theme.style(Role::Border));
    }
}
