//! Rows of a diff on the screen. Only rows in sight are styled.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::frame::put;
use crate::tui::diff::{Diff, Tag};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// Where text is cut and how it is styled.
#[derive(Clone, Copy)]
pub struct Look {
    /// Colours.
    pub theme: Theme,
    /// First column of the text that is shown.
    pub across: usize,
}

/// Draws pieces of a line from column `across`: plain words in the first style, marked ones in the second.
pub fn pieces(
    at: (u16, u16),
    room: u16,
    across: usize,
    words: &[(bool, String)],
    styles: (Style, Style),
    buffer: &mut Buffer,
) {
    let (mut x, mut skip, mut left) = (at.0, across, usize::from(room));
    let longer = words.iter().map(|w| text::width(&w.1)).sum::<usize>() > across + left;
    for (is_marked, word) in words {
        let wide = text::width(word);
        if wide <= skip {
            skip -= wide;
            continue;
        }
        let shown = text::clip(word, skip, left);
        skip = 0;
        let used = put(buffer, x, at.1, left as u16, &shown, if *is_marked { styles.1 } else { styles.0 });
        x += used;
        left -= usize::from(used);
        if left == 0 {
            break;
        }
    }
    if longer && room > 0 {
        // What is cut off must be seen to be cut off.
        put(buffer, at.0 + room - 1, at.1, 1, "…", styles.0);
    }
}

/// How wide line numbers up to `largest` are.
pub fn digits(largest: usize) -> usize {
    largest.max(100).to_string().len()
}

/// Draws a diff from row `scroll` on.
pub fn draw(look: Look, area: Rect, diff: &Diff, scroll: usize, buffer: &mut Buffer) {
    let theme = look.theme;
    if let Some(note) = &diff.note {
        put(buffer, area.x + 1, area.y, area.width.saturating_sub(1), note, theme.style(Role::Dim));
        return;
    }
    let largest = diff.rows.iter().rev().find_map(|r| r.new.or(r.old)).unwrap_or(0);
    let narrow = area.width < 60;
    let digits = if narrow { 0 } else { digits(largest) };
    let first = scroll.min(diff.rows.len().saturating_sub(area.height.into()));
    for (y, row) in (area.y..area.bottom()).zip(diff.rows.iter().skip(first)) {
        if row.tag == Tag::Fold {
            fold(theme, Rect { y, height: 1, ..area }, row.hidden, buffer);
            continue;
        }
        let (sign, role, word) = match row.tag {
            Tag::Added => ("+", Role::Added, Role::AddedWord),
            Tag::Removed => ("-", Role::Removed, Role::RemovedWord),
            _ => (" ", Role::Text, Role::Text),
        };
        let (style, marked) = (theme.style(role), theme.style(word));
        let mut x = area.x;
        if digits > 0 {
            let number = row.new.or(row.old).map(|n| n.to_string()).unwrap_or_default();
            x += put(buffer, x, y, area.width, &format!("{number:>digits$} "), theme.style(Role::Dim));
        }
        buffer.set_style(Rect { x, y, width: area.right() - x, height: 1 }, style);
        x += put(buffer, x, y, 2, &format!("{sign} "), style);
        pieces((x, y), area.right() - x, look.across, &diff.words(row), (style, marked), buffer);
    }
}

/// A line that stands for lines left out.
pub fn fold(theme: Theme, area: Rect, hidden: usize, buffer: &mut Buffer) {
    let text = format!("⋯ {} ", text::count(hidden as u64, "unchanged line", "unchanged lines"));
    put(buffer, area.x, area.y, area.width, &text, theme.style(Role::Dim));
}
