//! The rows of a merge on the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::merge::{Choice, Merge, RegionKind};
use crate::tui::click::Target;
use crate::tui::conflict::Decision;
use crate::tui::merge_rows::{self, Extent, Line, MergeRow, MergeRows, Side};
use crate::tui::model::{Conflicts, Model};
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::difftext::{self, Look};
use crate::tui::view::frame::{self, line, put};

/// Draws rows of the merge view from row `scroll` on.
pub(crate) fn draw(model: &Model, merge: &Merge, rows: &MergeRows, area: Rect, buffer: &mut Canvas<'_>) {
    let mut view = View::new(model, merge, rows, area.width);
    view.look.above = model.conflicts.above();
    let page = if view.look.wrap { 1 } else { usize::from(area.height) };
    let first = model.conflicts.scroll.min(rows.rows.len().saturating_sub(page));
    let mut y = area.y;
    for row in rows.rows.iter().skip(first) {
        if y >= area.bottom() {
            break;
        }
        let used = view.row(row, Rect { y, height: area.bottom() - y, ..area }, buffer).max(1);
        if let Some(hunk) = row.hunk() {
            buffer.mark(Rect { y, height: used, ..area }, Target::Hunk(hunk));
        }
        y += used;
        view.look.above = 0;
    }
}

/// A choice in a word, with its key.
pub(crate) fn chosen(c: &Conflicts, hunk: usize, choice: &Choice) -> String {
    let word = match choice {
        Choice::Mine => "1 mine",
        Choice::Theirs => "2 theirs",
        Choice::Both => "3 both",
        Choice::Base => "0 base",
        Choice::Edited(_) => "edited by you",
        Choice::Combined(_) => return format!("4 {}", c.offer(hunk).map_or("combined", |o| o.kind.label())),
    };
    word.to_owned()
}

/// Room for the largest line number, which is at the end.
fn digits(rows: &MergeRows) -> usize {
    let number = |row: &MergeRow| match row {
        MergeRow::Same { line, .. } | MergeRow::Auto { line, .. } | MergeRow::Part { line, .. } => Some(line.number),
        MergeRow::Pair { mine, theirs, .. } => mine.as_ref().or(theirs.as_ref()).map(|l| l.number),
        _ => None,
    };
    difftext::digits(rows.rows.iter().rev().find_map(number).unwrap_or(0)) + 1
}

/// A line with its bytes, and those it is compared with.
struct Shown<'m> {
    line: &'m Line,
    bytes: &'m [u8],
    other: Option<&'m [u8]>,
}

/// Draws rows of the merge view, and measures them.
pub(crate) struct View<'m> {
    model: &'m Model,
    merge: &'m Merge,
    digits: usize,
    look: Look<'m>,
}

impl<'m> View<'m> {
    /// How rows are drawn in a pane of that width.
    pub(crate) fn new(model: &'m Model, merge: &'m Merge, rows: &MergeRows, width: u16) -> Self {
        let c = &model.conflicts;
        let needle = c.search.as_ref().map_or("", |s| s.needle.as_str());
        let look = Look { theme: model.theme, across: c.across, wrap: !c.cut, needle, above: 0 };
        Self { model, merge, digits: if width < 60 { 0 } else { digits(rows) }, look }
    }

    /// How many lines a row takes in a pane of that width, at most `most`.
    pub(crate) fn height(&self, row: &MergeRow, width: u16, most: usize) -> usize {
        let line = |region: usize, side: Side, line: &Line, width: u16| {
            difftext::height(self.bytes(region, side, line), width.saturating_sub(self.before()), most)
        };
        match row {
            MergeRow::Same { region, side, line: own } | MergeRow::Part { region, side, line: own, .. } => {
                line(*region, *side, own, width)
            }
            MergeRow::Auto { region, side, line: own, .. } => {
                line(*region, *side, own, width.saturating_sub(self.origin(*region, *side, own, width).1))
            }
            MergeRow::Pair { region, mine, theirs, .. } => {
                let half = width / 2;
                let mine = mine.as_ref().map_or(1, |l| line(*region, Side::Mine, l, half.saturating_sub(1)));
                let room = (width - half).saturating_sub(1);
                mine.max(theirs.as_ref().map_or(1, |l| line(*region, Side::Theirs, l, room)))
            }
            _ => 1,
        }
    }

    /// Cells before a line's text: the edge, its number and its sign.
    fn before(&self) -> u16 {
        let number = if self.digits > 0 { self.digits as u16 + 1 } else { 0 };
        number + 3
    }

    /// Who changed a region that merges by itself, and how wide that is where there is room for it.
    fn origin(&self, region: usize, side: Side, line: &Line, width: u16) -> (&'static str, u16) {
        let from = match self.merge.regions().get(region).map(|r| r.kind) {
            _ if merge_rows::unended(self.merge, region, side, line) => " no line break at the end ",
            Some(RegionKind::Mine) => " mine ",
            Some(RegionKind::Theirs) => " theirs ",
            _ => " both alike ",
        };
        (from, if width >= 50 { text::width(from) as u16 } else { 0 })
    }

    /// Draws a row at the top of `area`; returns how many lines it took.
    pub(crate) fn row(&self, row: &MergeRow, area: Rect, buffer: &mut Buffer) -> u16 {
        let theme = self.model.theme;
        let top = Rect { height: 1, ..area };
        match row {
            MergeRow::Fold(hidden) => {
                let x = area.x + 2 + self.digits as u16;
                difftext::fold(theme, Rect { x, width: area.right().saturating_sub(x), ..top }, *hidden, buffer);
            }
            MergeRow::Same { region, side, line } => {
                let shown = Shown { line, bytes: self.bytes(*region, *side, line), other: None };
                return self.text(area, "  ", shown, (Role::Text, Role::Text), buffer);
            }
            MergeRow::Auto { region, side, added, line } => {
                return self.auto(*region, *side, *added, line, area, buffer);
            }
            MergeRow::Head { hunk, spaces } => self.head(*hunk, *spaces, top, buffer),
            MergeRow::Label { hunk, side, extent } => self.label(*hunk, *side, *extent, top, buffer),
            MergeRow::Labels { hunk, mine, theirs } => {
                let half = area.width / 2;
                let right = Rect { x: area.x + half, width: area.width - half, ..top };
                self.label(*hunk, Side::Theirs, *theirs, right, buffer);
                self.label(*hunk, Side::Mine, *mine, Rect { width: half, ..top }, buffer);
                put(buffer, right.x, area.y, 1, "│", theme.style(Role::Border));
            }
            MergeRow::Part { region, hunk, side, line, other } => {
                let roles = self.side_roles(*hunk, *side);
                let other_side = if *side == Side::Mine { Side::Theirs } else { Side::Mine };
                let other = other.as_ref().map(|o| self.bytes(*region, other_side, o));
                let shown = Shown { line, bytes: self.bytes(*region, *side, line), other };
                let used = self.text(area, self.sign(*hunk, *side), shown, roles, buffer);
                self.edge(*hunk, Rect { height: used, ..area }, buffer);
                return used;
            }
            MergeRow::Pair { region, hunk, mine, theirs } => {
                return self.pair(*region, *hunk, mine.as_ref(), theirs.as_ref(), area, buffer);
            }
            MergeRow::Foot { hunk } => {
                let role = if self.is_current(*hunk) { Role::Accent } else { Role::Border };
                let rule = "─".repeat(usize::from(area.width.saturating_sub(2)));
                put(buffer, area.x + 1, area.y, area.width, &rule, theme.style(role));
            }
        }
        1
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

    /// The bar at the left of an overlap.
    fn edge(&self, hunk: usize, area: Rect, buffer: &mut Buffer) {
        let role = if self.is_current(hunk) { Role::Accent } else { Role::Border };
        for y in area.y..area.bottom() {
            put(buffer, area.x, y, 1, "▌", self.model.theme.style(role));
        }
    }

    /// Whether a side goes into the result, in a sign: colour alone must not say it.
    fn sign(&self, hunk: usize, side: Side) -> &'static str {
        let whole = matches!(self.model.conflicts.settling.current().map(|f| &f.decision), Some(Decision::Edited(_)));
        match (self.choice(hunk), side) {
            _ if whole => "  ",
            (None, _) => "  ",
            (Some(Choice::Mine), Side::Mine) | (Some(Choice::Theirs), Side::Theirs) => "✔ ",
            (Some(Choice::Both), Side::Mine | Side::Theirs) | (Some(Choice::Base), Side::Base) => "✔ ",
            _ => "  ",
        }
    }

    /// How the lines of a side look, given what was chosen.
    fn side_roles(&self, hunk: usize, side: Side) -> (Role, Role) {
        let chosen = match self.choice(hunk) {
            None => true,
            Some(Choice::Mine) => side == Side::Mine,
            Some(Choice::Theirs) => side == Side::Theirs,
            Some(Choice::Both | Choice::Combined(_)) => side != Side::Base,
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

    fn text(&self, area: Rect, sign: &str, shown: Shown<'_>, roles: (Role, Role), buffer: &mut Buffer) -> u16 {
        let theme = self.model.theme;
        let mut x = area.x + 1;
        if self.digits > 0 {
            let number = shown.line.number;
            let digits = self.digits;
            x += put(buffer, x, area.y, area.width, &format!("{number:>digits$} "), theme.style(Role::Dim));
        }
        x += put(buffer, x, area.y, 3, sign, theme.style(roles.0));
        let room = Rect { x, width: area.right().saturating_sub(x), ..area };
        let words = difftext::words(self.look, room, shown.bytes, shown.other);
        difftext::pieces(self.look, room, &words, (theme.style(roles.0), theme.style(roles.1)), buffer)
    }

    fn auto(&self, region: usize, side: Side, added: bool, line: &Line, area: Rect, buffer: &mut Buffer) -> u16 {
        let theme = self.model.theme;
        let (sign, role) = if added { ("+ ", Role::Added) } else { ("- ", Role::Removed) };
        let (from, width) = self.origin(region, side, line, area.width);
        let x = area.x + 1 + if self.digits > 0 { self.digits as u16 + 1 } else { 0 };
        let shown = Shown { line, bytes: self.bytes(region, side, line), other: None };
        let room = Rect { width: area.width - width, ..area };
        let used = self.text(room, sign, shown, (role, role), buffer);
        let washed = Rect { x, width: area.right().saturating_sub(x), height: used, ..area };
        if let Some(wash) = theme.style(role).bg {
            buffer.set_style(washed, ratatui::style::Style::new().bg(wash));
        }
        put(buffer, area.right() - width, area.y, width, from, theme.style(Role::Dim));
        used
    }

    fn head(&self, hunk: usize, spaces: bool, area: Rect, buffer: &mut Buffer) {
        let theme = self.model.theme;
        let current = self.is_current(hunk);
        let all = self.merge.conflicts();
        let (state, role) = match self.choice(hunk) {
            None => ("open".to_owned(), Role::Warn),
            Some(choice) => (chosen(&self.model.conflicts, hunk, &choice), Role::Good),
        };
        let (state, role) = match self.model.conflicts.settling.current().map(|f| &f.decision) {
            Some(Decision::Edited(_)) => ("in your own text", Role::Good),
            Some(Decision::Park) => ("put off", Role::Warn),
            _ => (&state[..], role),
        };
        let line_role = if current { Role::Accent } else { Role::Border };
        let rule = "─".repeat(usize::from(area.width.saturating_sub(2)));
        put(buffer, area.x + 1, area.y, area.width, &rule, theme.style(line_role));
        let mark = if current { " ▸ " } else { "   " };
        let title = format!("hunk {} of {all}: ", hunk + 1);
        let mut pieces = vec![(mark, Role::Accent), (&title, Role::Title), (state, role), (" ", Role::Text)];
        if spaces {
            pieces.extend([("only white space differs ", Role::Dim)]);
        }
        let base = self.model.conflicts.file().is_some_and(|f| f.base.is_some());
        if current && role == Role::Warn && state == "open" && area.width >= 60 {
            let offer = self.model.conflicts.offer(hunk).map(|offer| offer.kind.label());
            let base = base.then_some("base");
            let all = [
                ("1", Some("mine")),
                ("2", Some("theirs")),
                ("3", Some("both")),
                ("4", offer),
                ("0", base),
                ("e", Some("edit")),
            ];
            let mut room = usize::from(area.width.saturating_sub(3));
            room = room.saturating_sub(pieces.iter().map(|(piece, _)| text::width(piece)).sum());
            for (key, word) in all.into_iter().filter_map(|(key, word)| Some((key, word?))) {
                let wide = text::width(word) + 4;
                if wide > room {
                    break;
                }
                room -= wide;
                pieces.extend([("  ", Role::Text), (key, Role::Key), (" ", Role::Text), (word, Role::Dim)]);
            }
            pieces.push((" ", Role::Text));
        }
        let used: usize = pieces.iter().map(|(piece, _)| text::width(piece)).sum();
        frame::over(buffer, area.x + 2, area.y, &line(theme, &pieces), area.width.saturating_sub(2));
        // At the far end of the rule, with some of the rule before it; cut rather than left out, as long as it says something.
        let room = usize::from(area.width).saturating_sub(used + 8);
        if let Some(section) = self.model.conflicts.section(hunk).filter(|_| room >= 8) {
            let shown = format!(" {} ", text::fit(&text::visible_str(section, self.look.theme.ascii), room));
            let x = area.right().saturating_sub(text::width(&shown) as u16 + 2);
            frame::over(buffer, x, area.y, &line(theme, &[(&shown, Role::Dim)]), text::width(&shown) as u16);
        }
    }

    fn label(&self, hunk: usize, side: Side, extent: Extent, area: Rect, buffer: &mut Buffer) {
        let theme = self.model.theme;
        self.edge(hunk, area, buffer);
        let (key, word) = match side {
            Side::Mine => ("1", "mine"),
            Side::Theirs => ("2", "theirs"),
            Side::Base => ("0", "base, as both found it"),
        };
        let note = match extent {
            Extent { lines: 0, .. } => " (no lines)",
            Extent { unended: true, .. } => " (no line break at the end)",
            _ => "",
        };
        let role = self.side_roles(hunk, side).0;
        let chosen = if self.sign(hunk, side) == "✔ " { " ✔" } else { "" };
        let pieces = [(key, Role::Key), (" ", Role::Text), (word, role), (chosen, Role::Good), (note, Role::Dim)];
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
    ) -> u16 {
        let theme = self.model.theme;
        let half = area.width / 2;
        let sides = [
            (Side::Mine, mine, theirs, Rect { width: half, ..area }),
            (Side::Theirs, theirs, mine, Rect { x: area.x + half, width: area.width - half, ..area }),
        ];
        let mut used = 1;
        for (side, own, other, area) in sides {
            let other_side = if side == Side::Mine { Side::Theirs } else { Side::Mine };
            if let Some(own) = own {
                let other = other.map(|o| self.bytes(region, other_side, o));
                let room = Rect { width: area.width.saturating_sub(1), ..area };
                let shown = Shown { line: own, bytes: self.bytes(region, side, own), other };
                used = used.max(self.text(room, self.sign(hunk, side), shown, self.side_roles(hunk, side), buffer));
            }
        }
        self.edge(hunk, Rect { height: used, ..area }, buffer);
        for y in area.y..area.y + used {
            put(buffer, area.x + half, y, 1, "│", theme.style(Role::Border));
        }
        used
    }
}
