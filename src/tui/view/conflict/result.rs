//! What will be written around the hunk under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::merge::{Choice, Merge, RegionKind};
use crate::core::offer::Offer;
use crate::tui::conflict::{Decision, Settled};
use crate::tui::model::{Conflicts, Model};
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::view::difftext::{self, Look};
use crate::tui::view::frame::{self, line, put};

/// Rows of the result under a view of `rows`; none where there is no room for both.
pub(crate) fn height(rows: u16) -> u16 {
    if rows < 14 { 0 } else { (rows / 4).clamp(4, 12) }
}

/// The lines that a region gives as things are decided; none while that is open.
fn given(merge: &Merge, at: usize, hunk: Option<usize>, file: &Settled) -> Option<Vec<u8>> {
    let choices = if let Decision::Merge(choices) = &file.decision { &choices[..] } else { &[] };
    match hunk {
        Some(hunk) => Some(merge.settled(merge.regions().get(at)?, &file.choice(hunk)?)),
        None => Some(merge.unasked(at, choices).to_vec()),
    }
}

fn lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n').map(|l| l.strip_suffix(b"\n").unwrap_or(l))
}

/// A line of the result, and how many rows it may take.
struct Row {
    sign: &'static str,
    bytes: Vec<u8>,
    role: Role,
    most: usize,
}

/// Draws it, under a rule that joins the pane's borders.
pub(crate) fn draw(model: &Model, merge: &Merge, area: Rect, pane: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let c = &model.conflicts;
    let (Some(file), hunk) = (c.settling.current(), c.settling.hunk()) else { return };
    let border = theme.style(Role::Border);
    put(buffer, area.x, area.y, area.width, &"─".repeat(area.width.into()), border);
    if frame::has_borders(pane) {
        put(buffer, pane.x, area.y, 1, "├", border);
        put(buffer, pane.right() - 1, area.y, 1, "┤", border);
    }
    let title = format!(" result, hunk {} ", hunk + 1);
    frame::over(buffer, area.x + 1, area.y, &line(theme, &[(&title, Role::Title)]), area.width);
    let room = usize::from(area.width).saturating_sub(text::width(&title) + 6);
    let (from, role) = offered(c, file, hunk, room).unwrap_or_else(|| origin(file, hunk));
    let from = format!(" {from} ");
    let wide = text::width(&from) as u16;
    frame::over(buffer, area.right().saturating_sub(wide + 2), area.y, &line(theme, &[(&from, role)]), wide);
    let room = area.height.saturating_sub(1);
    let wide = area.width.saturating_sub(3);
    let height = |line: &[u8], most: usize| if c.cut { 1 } else { difftext::height(line, wide, most) };
    let rows = rows(merge, file, (hunk, c.offer(hunk)), room.into(), height);
    let look = Look { theme, across: c.across, wrap: !c.cut, needle: "", above: 0 };
    let mut y = area.y + 1;
    for row in rows {
        let room = usize::from(area.bottom().saturating_sub(y)).min(row.most) as u16;
        if room == 0 {
            break;
        }
        put(buffer, area.x + 1, y, 2, row.sign, theme.style(row.role));
        let style = theme.style(row.role);
        let at = Rect { x: area.x + 3, y, width: wide, height: room };
        let words = difftext::words(look, at, &row.bytes, None);
        y += difftext::pieces(look, at, &words, (style, style), buffer);
    }
}

/// What is offered for the hunk, and why, in the longest words that fit, while it is open or taken.
fn offered(c: &Conflicts, file: &Settled, hunk: usize, room: usize) -> Option<(String, Role)> {
    let offer = c.offer(hunk)?;
    let (label, reason) = (offer.kind.label(), &offer.reason);
    let (state, role) = match (&file.decision, file.choice(hunk)) {
        (Decision::Edited(_) | Decision::Park, _) => return None,
        (_, None) => ("open; ", Role::Warn),
        (_, Some(Choice::Combined(taken))) if taken == offer.combined => ("", Role::Good),
        _ => return None,
    };
    let all = [format!("{state}4 {label}: {reason}"), format!("4 {label}: {reason}"), format!("4: {reason}")];
    let fitting = all.into_iter().find(|words| text::width(words) <= room);
    Some((fitting.unwrap_or_else(|| format!("{state}4 {label}")), role))
}

/// Where the hunk's lines come from.
fn origin(file: &Settled, hunk: usize) -> (String, Role) {
    let (words, role) = match (&file.decision, file.choice(hunk)) {
        (Decision::Edited(_), _) => ("the whole file is your own text; d shows it", Role::Good),
        (Decision::Park, _) => ("put off: mine for now", Role::Warn),
        (_, None) => ("open", Role::Warn),
        (_, Some(Choice::Mine)) => ("from mine", Role::Mine),
        (_, Some(Choice::Theirs)) => ("from theirs", Role::Theirs),
        (_, Some(Choice::Both)) => ("mine, then theirs", Role::Good),
        (_, Some(Choice::Base)) => ("from base", Role::Base),
        (_, Some(Choice::Edited(_))) => ("written by you", Role::Good),
        (_, Some(Choice::Combined(_))) => ("combined", Role::Good),
    };
    (words.to_owned(), role)
}

/// The lines around the hunk; `height` says how many rows one takes, at most so many.
fn rows(
    merge: &Merge,
    file: &Settled,
    (hunk, offer): (usize, Option<&Offer>),
    room: usize,
    height: impl Fn(&[u8], usize) -> usize,
) -> Vec<Row> {
    let regions = merge.regions();
    let overlaps = regions.iter().enumerate().filter(|(_, r)| r.kind == RegionKind::Conflict);
    let Some((at, _)) = overlaps.clone().nth(hunk) else { return Vec::new() };
    let mut rows = Vec::new();
    let plain = |bytes: &[u8]| Row { sign: "  ", bytes: bytes.to_vec(), role: Role::Dim, most: 1 };
    // What stands before and after, as far as it is decided.
    let near = |at: usize| {
        regions.get(at)?;
        given(merge, at, overlaps.clone().position(|(i, _)| i == at), file)
    };
    if let Some(before) = at.checked_sub(1).and_then(near) {
        rows.extend(lines(&before).next_back().map(plain));
    }
    if let Decision::Edited(text) = &file.decision {
        let own = lines(text).map(|l| Row { sign: "  ", bytes: l.to_vec(), role: Role::Text, most: room });
        return own.take(room).collect();
    }
    let mut taken = rows.len();
    let (sign, role, text) = match (given(merge, at, Some(hunk), file), offer) {
        (None, Some(offer)) => ("4 ", Role::Dim, Some(offer.shown().to_vec())),
        // Lines that moved stand at their new place.
        (Some(_), Some(offer)) if file.choice(hunk) == Some(offer.choice()) => {
            ("| ", Role::Text, Some(offer.shown().to_vec()))
        }
        (text, _) => ("| ", Role::Text, text),
    };
    match text {
        None => {
            taken += 1;
            rows.push(Row { sign: "? ", bytes: b"nothing is decided here yet".to_vec(), role: Role::Warn, most: 1 });
        }
        Some(text) if text.is_empty() => {
            taken += 1;
            rows.push(Row { sign: "- ", bytes: b"no line stands here".to_vec(), role: Role::Dim, most: 1 });
        }
        Some(text) => {
            let count = lines(&text).count();
            let free = room.saturating_sub(taken).max(1);
            let fitting = |room: usize, most: usize| {
                let mut left = room;
                let fits = |l| left.checked_sub(height(l, most)).map(|rest| left = rest);
                lines(&text).map_while(fits).count()
            };
            let all = fitting(free, free + 1) == count;
            let shown = if all { count } else { fitting(free - 1, free - 1) };
            // A row is left for the word that says how many more there are.
            let most = if shown == count { free } else { free - 1 };
            taken += lines(&text).take(shown).map(|l| height(l, most)).sum::<usize>();
            let own = |l: &[u8]| Row { sign, bytes: l.to_vec(), role, most };
            rows.extend(lines(&text).take(shown).map(own));
            if count > shown {
                let more = text::count((count - shown) as u64, "more line", "more lines");
                rows.push(Row { sign, bytes: format!("… {more}").into_bytes(), role: Role::Dim, most: 1 });
                taken += 1;
            }
        }
    }
    if let Some(after) = near(at + 1) {
        let free = room.saturating_sub(taken);
        rows.extend(lines(&after).take(free).map(plain));
    }
    rows
}
