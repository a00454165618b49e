//! Rows of a diff on the screen. Only rows in sight are styled.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::frame::put;
use crate::tui::diff::{self, Diff, Row, Tag};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// Where text is cut and how it is styled.
#[derive(Clone, Copy)]
pub(super) struct Look<'n> {
    /// Colours.
    pub(crate) theme: Theme,
    /// First column of the text that is shown.
    pub(crate) across: usize,
    /// Lines that are too long go on in the next row.
    pub(crate) wrap: bool,
    /// What is searched for: marked where it stands.
    pub(crate) needle: &'n str,
    /// Lines of a wrapped row that are above the view.
    pub(crate) above: usize,
}

/// Draws pieces of a line from column `across`: plain words in the first style, marked ones in the second. Wrapped, it
/// takes as many rows of `area` as it needs; returns how many it took.
pub(crate) fn pieces(
    look: Look<'_>,
    area: Rect,
    words: &[(bool, String)],
    styles: (Style, Style),
    buffer: &mut Buffer,
) -> u16 {
    let mut styled: Vec<(Style, &str)> =
        words.iter().map(|(marked, word)| (if *marked { styles.1 } else { styles.0 }, word.as_str())).collect();
    let hit = look.theme.style(Role::Selected);
    if !look.needle.is_empty() {
        styled = with_hits(&styled, look.needle, hit);
    }
    if look.wrap {
        return wrapped(&styled, look.above, area, buffer);
    }
    let room = area.width;
    let (mut x, mut skip, mut left) = (area.x, look.across, usize::from(room));
    let longer = styled.iter().map(|w| text::width(w.1)).sum::<usize>() > look.across + left;
    for (style, word) in styled {
        let wide = text::width(word);
        if wide <= skip {
            skip -= wide;
            continue;
        }
        let shown = text::clip(word, skip, left);
        skip = 0;
        let used = put(buffer, x, area.y, left as u16, &shown, style);
        x += used;
        left -= usize::from(used);
        if left == 0 {
            break;
        }
    }
    if longer && room > 0 {
        // What is cut off must be seen to be cut off.
        put(buffer, area.x + room - 1, area.y, 1, "…", styles.0);
    }
    1
}

/// The same pieces, cut where the needle begins and ends.
fn with_hits<'t>(pieces: &[(Style, &'t str)], needle: &str, hit: Style) -> Vec<(Style, &'t str)> {
    let line: String = pieces.iter().map(|p| p.1).collect();
    let (line, needle) = (line.to_ascii_lowercase(), needle.to_ascii_lowercase());
    let hits: Vec<(usize, usize)> = line.match_indices(&needle).map(|(at, found)| (at, at + found.len())).collect();
    if hits.is_empty() {
        return pieces.to_vec();
    }
    let (mut out, mut at) = (Vec::new(), 0);
    for (style, word) in pieces {
        let mut from = 0;
        while from < word.len() {
            let here = at + from;
            let inside = hits.iter().find(|h| h.0 <= here && here < h.1);
            let next = match inside {
                Some(hit) => hit.1,
                None => hits.iter().map(|h| h.0).find(|start| *start > here).unwrap_or(usize::MAX),
            };
            let to = next.saturating_sub(at).min(word.len());
            // ASCII letters keep their place in lower case, so these are places of characters.
            out.push((if inside.is_some() { hit } else { *style }, word.get(from..to).unwrap_or_default()));
            from = to;
        }
        at += word.len();
    }
    out
}

fn wrapped(pieces: &[(Style, &str)], above: usize, area: Rect, buffer: &mut Buffer) -> u16 {
    let line: String = pieces.iter().map(|p| p.1).collect();
    let breaks = breaks(&line, area.width.into(), above + usize::from(area.height));
    let starts: Vec<usize> = std::iter::once(0).chain(breaks).skip(above).collect();
    for (i, y) in (area.y..area.bottom()).enumerate() {
        let Some(start) = starts.get(i).copied() else { break };
        let end = starts.get(i + 1).copied().unwrap_or(line.len());
        let (mut x, mut at) = (area.x, 0);
        for (style, word) in pieces {
            let (from, to) = (start.saturating_sub(at).min(word.len()), end.saturating_sub(at).min(word.len()));
            at += word.len();
            // A piece may end within what is one character to the eye.
            let part = word.get(from..to).unwrap_or_default();
            x += put(buffer, x, y, area.right().saturating_sub(x), part, *style);
        }
    }
    if starts.len() > usize::from(area.height) && area.width > 0 && area.height > 0 {
        // What goes on below must be seen to go on.
        let style = pieces.first().map_or_else(Style::new, |p| p.0);
        put(buffer, area.right() - 1, area.bottom() - 1, 1, "…", style);
    }
    (starts.len() as u16).min(area.height).max(1)
}

/// Where a line goes on in the next row: behind the last space that fits, or wherever it must. At most `most` places.
fn breaks(line: &str, room: usize, most: usize) -> Vec<usize> {
    let mut out = Vec::new();
    // Where the row begins, how wide it is, behind which space it may end, and whether a word stands in it: an
    // indentation is no row of its own.
    let (mut start, mut used, mut space, mut word) = (0, 0, None, false);
    for (at, cluster) in line.grapheme_indices(true) {
        let wide = text::width(cluster);
        let over = used + wide > room && at > start;
        if over && cluster == " " && word {
            // Spaces at the edge need no room.
            space = Some(at + 1);
            continue;
        }
        if over {
            if out.len() == most {
                break;
            }
            let to = space.unwrap_or(at);
            out.push(to);
            (start, space, word) = (to, None, to < at);
            used = text::width(line.get(to..at).unwrap_or_default());
        }
        used += wide;
        match cluster {
            " " if word => space = Some(at + 1),
            " " => {}
            // It stands for a tab.
            "→" if !word && out.is_empty() => {}
            _ => word = true,
        }
    }
    out
}

/// How many rows of `room` cells a line takes, at most `most`.
pub(crate) fn height(line: &[u8], room: u16, most: usize) -> usize {
    let room = usize::from(room);
    if line.len() <= room && line.iter().all(|b| (b' '..=b'~').contains(b)) {
        return 1;
    }
    let shown = in_sight(line, room.saturating_mul(most));
    breaks(&shown, room, most.saturating_sub(1)).len() + 1
}

/// As much of a line as can be seen in so many cells, and a bit more: one may go on for a megabyte.
fn in_sight(line: &[u8], cells: usize) -> String {
    let mut take = cells.saturating_mul(2).max(4_096);
    loop {
        let part = line.get(..take).map_or(line, |part| {
            // Not within a character.
            let tail = part.iter().rev().take(3).position(|b| b & 0xc0 == 0xc0).map_or(0, |at| at + 1);
            &part[..part.len() - tail]
        });
        let shown = text::visible(part, false);
        if part.len() == line.len() || text::width(&shown) > cells {
            return shown;
        }
        take = take.saturating_mul(4);
    }
}

/// The pieces of a line that can be seen in `room`, `true` for words that the other one hasn't.
pub(crate) fn words(look: Look<'_>, room: Rect, line: &[u8], other: Option<&[u8]>) -> Vec<(bool, String)> {
    // Beyond this, lines aren't compared word by word.
    match other.filter(|_| line.len() <= 2_000) {
        Some(other) => diff::words(line, other),
        None if look.wrap => {
            // A row that a space ends may be half empty.
            vec![(false, in_sight(line, usize::from(room.width) * (look.above + usize::from(room.height) + 1)))]
        }
        None => vec![(false, in_sight(line, look.across + usize::from(room.width)))],
    }
}

/// How wide line numbers up to `largest` are.
pub(crate) fn digits(largest: usize) -> usize {
    largest.max(100).to_string().len()
}

/// Draws a diff from row `scroll` on.
pub(crate) fn draw(look: Look<'_>, area: Rect, diff: &Diff, scroll: usize, buffer: &mut Buffer) {
    let theme = look.theme;
    if let Some(note) = &diff.note {
        put(buffer, area.x + 1, area.y, area.width.saturating_sub(1), note, theme.style(Role::Dim));
        return;
    }
    let digits = digits_of(diff, area.width);
    let last =
        if look.wrap { diff.rows.len().saturating_sub(1) } else { diff.rows.len().saturating_sub(area.height.into()) };
    let first = scroll.min(last);
    let mut y = area.y;
    for row in diff.rows.iter().skip(first) {
        if y >= area.bottom() {
            break;
        }
        let (sign, role, word) = match row.tag {
            Tag::Fold => {
                fold(theme, Rect { y, height: 1, ..area }, row.hidden, buffer);
                y += 1;
                continue;
            }
            Tag::Note => {
                let note = diff.notes.get(row.hidden).map_or("", String::as_str);
                put(buffer, area.x + 1, y, area.width.saturating_sub(1), note, theme.style(Role::Warn));
                y += 1;
                continue;
            }
            Tag::Added => ("+", Role::Added, Role::AddedWord),
            Tag::Removed => ("-", Role::Removed, Role::RemovedWord),
            Tag::Same => (" ", Role::Text, Role::Text),
        };
        let (style, marked) = (theme.style(role), theme.style(word));
        let mut x = area.x;
        if digits > 0 {
            let number = row.new.or(row.old).map(|n| n.to_string()).unwrap_or_default();
            x += put(buffer, x, y, area.width, &format!("{number:>digits$} "), theme.style(Role::Dim));
        }
        buffer.set_style(Rect { x, y, width: area.right() - x, height: 1 }, style);
        x += put(buffer, x, y, 2, &format!("{sign} "), style);
        let room = Rect { x, y, width: area.right().saturating_sub(x), height: area.bottom() - y };
        let look = Look { above: if y == area.y { look.above } else { 0 }, ..look };
        let words = words(look, room, diff.bytes(row), diff.pair(row));
        y += pieces(look, room, &words, (style, marked), buffer);
    }
}

fn digits_of(diff: &Diff, width: u16) -> usize {
    let largest = diff.rows.iter().rev().find_map(|r| r.new.or(r.old)).unwrap_or(0);
    if width < 60 { 0 } else { digits(largest) }
}

/// How many lines a row of a diff takes in an area of that width, at most `most`.
pub(crate) fn row_height(diff: &Diff, row: &Row, width: u16, most: usize) -> usize {
    if matches!(row.tag, Tag::Fold | Tag::Note) {
        return 1;
    }
    let digits = digits_of(diff, width) as u16;
    let before = 2 + if digits > 0 { digits + 1 } else { 0 };
    height(diff.bytes(row), width.saturating_sub(before), most)
}

/// A line that stands for lines left out.
pub(crate) fn fold(theme: Theme, area: Rect, hidden: usize, buffer: &mut Buffer) {
    let text = format!("⋯ {} ", text::count(hidden as u64, "unchanged line", "unchanged lines"));
    put(buffer, area.x, area.y, area.width, &text, theme.style(Role::Dim));
}
