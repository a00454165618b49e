//! Rows of a diff on the screen. Only rows in sight are styled.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;

use super::frame::put;
use crate::tui::diff::{Diff, Tag};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// Where text is cut and how it is styled.
#[derive(Clone, Copy)]
pub struct Look<'n> {
    /// Colours.
    pub theme: Theme,
    /// First column of the text that is shown.
    pub across: usize,
    /// Lines that are too long go on in the next row.
    pub wrap: bool,
    /// What is searched for: marked where it stands.
    pub needle: &'n str,
}

/// Draws pieces of a line from column `across`: plain words in the first style, marked ones in the second. Wrapped, it
/// takes as many rows of `area` as it needs; returns how many it took.
pub fn pieces(
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
        return wrapped(&styled, area, buffer);
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

fn wrapped(pieces: &[(Style, &str)], area: Rect, buffer: &mut Buffer) -> u16 {
    let (mut x, mut y) = (area.x, area.y);
    for (style, word) in pieces {
        let mut rest = *word;
        while !rest.is_empty() && y < area.bottom() {
            let mut wide = 0;
            let room = area.right().saturating_sub(x);
            let fits = rest.char_indices().find(|(_, c)| {
                wide += c.width().unwrap_or(0) as u16;
                wide > room
            });
            let to = fits.map_or(rest.len(), |(at, _)| at);
            x += put(buffer, x, y, room, &rest[..to], *style);
            rest = &rest[to..];
            if !rest.is_empty() {
                // A terminal that is too narrow for one character shows none.
                if to == 0 && x == area.x {
                    return y - area.y + 1;
                }
                (x, y) = (area.x, y + 1);
            }
        }
    }
    y.min(area.bottom().saturating_sub(1)) - area.y + 1
}

/// How wide line numbers up to `largest` are.
pub fn digits(largest: usize) -> usize {
    largest.max(100).to_string().len()
}

/// Draws a diff from row `scroll` on.
pub fn draw(look: Look<'_>, area: Rect, diff: &Diff, scroll: usize, buffer: &mut Buffer) {
    let theme = look.theme;
    if let Some(note) = &diff.note {
        put(buffer, area.x + 1, area.y, area.width.saturating_sub(1), note, theme.style(Role::Dim));
        return;
    }
    let largest = diff.rows.iter().rev().find_map(|r| r.new.or(r.old)).unwrap_or(0);
    let narrow = area.width < 60;
    let digits = if narrow { 0 } else { digits(largest) };
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
                let note = diff.ends.as_deref().unwrap_or_default();
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
        y += pieces(look, room, &diff.words(row), (style, marked), buffer);
    }
}

/// A line that stands for lines left out.
pub fn fold(theme: Theme, area: Rect, hidden: usize, buffer: &mut Buffer) {
    let text = format!("⋯ {} ", text::count(hidden as u64, "unchanged line", "unchanged lines"));
    put(buffer, area.x, area.y, area.width, &text, theme.style(Role::Dim));
}
