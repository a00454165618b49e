//! The tabs over the list: the kinds of files, with their counts.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::summary::kind_look;
use crate::tui::click::Target;
use crate::tui::model::{Model, Preview, Tab};
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::view::canvas::Canvas;

/// Which tabs are shown where there is no room for all: the chosen one, then as many after it, then before it.
fn tabs_shown(labels: &[String], chosen: usize, room: usize) -> Range<usize> {
    let all = labels.len();
    let fits = |shown: Range<usize>| {
        let marks = if shown.start > 0 { 2 } else { 0 } + if shown.end < all { 2 } else { 0 };
        let words: usize = labels[shown].iter().map(|l| text::width(l) + 3).sum();
        words.saturating_sub(3) + marks <= room
    };
    let mut first = (0..chosen).find(|first| fits(*first..chosen + 1)).unwrap_or(chosen);
    let mut end = chosen + 1;
    while end < all && fits(first..end + 1) {
        end += 1;
    }
    while first > 0 && fits(first - 1..end) {
        first -= 1;
    }
    first..end.min(all)
}

/// The tabs as the heading of a pane; a mark stands where more of them are, and leads to the nearest of those.
pub(crate) fn heading(model: &Model, preview: &Preview, pane: Rect, canvas: &mut Canvas<'_>) -> Line<'static> {
    let theme = model.theme;
    let label = |(tab, count): &(Tab, usize)| {
        let word = match tab {
            Tab::Changes => "changes",
            Tab::All => "all",
            Tab::Kind(kind) => kind_look(*kind).1,
        };
        format!("{word} {count}")
    };
    let labels: Vec<String> = preview.tabs.iter().map(label).collect();
    let shown = tabs_shown(&labels, preview.tab, pane.width.saturating_sub(6).into());
    let more = |mark: &'static str| Span::styled(mark, theme.style(Role::Accent));
    let mut pieces = Vec::new();
    if shown.start > 0 {
        pieces.push((more("‹ "), Some(shown.start - 1)));
    }
    for (i, label) in labels.iter().enumerate().take(shown.end).skip(shown.start) {
        if i > shown.start {
            pieces.push((Span::styled(" │ ", theme.style(Role::Border)), None));
        }
        let chosen = theme.style(Role::Title).patch(theme.style(Role::Selected));
        let style = if i == preview.tab { chosen } else { theme.style(Role::Dim) };
        pieces.push((Span::styled(label.clone(), style), Some(i)));
    }
    if shown.end < labels.len() {
        pieces.push((more(" ›"), Some(shown.end)));
    }
    // Behind the corner, a stroke and a space.
    let mut x = pane.x + 3;
    for (span, tab) in &pieces {
        let width = span.width() as u16;
        if let Some(tab) = tab {
            canvas.mark(Rect { x, width, height: 1, ..pane }, Target::Tab(*tab));
        }
        x += width;
    }
    Line::from(pieces.into_iter().map(|piece| piece.0).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_tab_is_shown_and_marks_say_where_more_are() {
        let labels: Vec<String> = (0..8).map(|n| format!("label {n}")).collect();
        for room in 0..90 {
            for chosen in 0..labels.len() {
                let shown = tabs_shown(&labels, chosen, room);
                assert!(shown.contains(&chosen), "{shown:?}");
                let marks = usize::from(shown.start > 0) + usize::from(shown.end < 8);
                assert!(shown.len() == 1 || shown.len() * 10 - 3 + marks * 2 <= room, "{shown:?} in {room}");
            }
        }
        assert_eq!(tabs_shown(&labels, 0, 77), 0..8);
        assert_eq!(tabs_shown(&labels, 0, 40), 0..4);
        assert_eq!(tabs_shown(&labels, 7, 40), 4..8);
    }
}
