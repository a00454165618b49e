//! Text on its way to the screen: control characters made visible, widths counted in cells, lines clipped and wrapped.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

pub(crate) use crate::core::visible::glyphs as visible;

/// A string as [`visible`] shows it.
pub(crate) fn visible_str(text: &str, ascii: bool) -> String {
    visible(text.as_bytes(), ascii)
}

/// Cells that `text` takes on a terminal, counted as they are drawn: what is one character to the eye is measured whole.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(cells).sum() }
}

/// Cells of what is one character to the eye, as the drawing counts them.
fn cells(cluster: &str) -> usize {
    if cluster.len() == 1 { 1 } else { cluster.cell_width().into() }
}

/// The part of `text` from column `skip` that fits into `cells`. A wide character that is cut leaves a space.
pub(crate) fn clip(text: &str, skip: usize, cells: usize) -> String {
    if text.is_ascii() {
        let end = (skip + cells).min(text.len());
        return text[skip.min(end)..end].to_owned();
    }
    let mut out = String::new();
    let mut at = 0;
    for cluster in text.graphemes(true) {
        let w = self::cells(cluster);
        if at + w <= skip {
            at += w;
            continue;
        }
        if at + w > skip + cells {
            break;
        } else if at < skip {
            out.extend(std::iter::repeat_n(' ', at + w - skip));
        } else {
            out.push_str(cluster);
        }
        at += w;
    }
    out
}

/// `text` in at most `cells` cells, its end replaced by `…` when it is longer.
pub(crate) fn fit(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    if cells == 0 {
        return String::new();
    }
    clip(text, 0, cells - 1) + "…"
}

/// Like [`fit`], but the start goes: the end of a path says more than its beginning.
pub(crate) fn fit_end(text: &str, cells: usize) -> String {
    let all = width(text);
    if all <= cells {
        return text.to_owned();
    }
    if cells == 0 {
        return String::new();
    }
    format!("…{}", clip(text, all - (cells - 1), cells - 1))
}

/// `text` broken at spaces into lines of at most `cells` cells; a word that is longer is broken too.
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let mut word = word;
            if !line.is_empty() && width(&line) + 1 + width(word) > cells {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            while width(&line) + width(word) > cells {
                let head = clip(word, 0, cells.saturating_sub(width(&line)).max(1));
                if head.is_empty() {
                    break;
                }
                word = &word[head.len().min(word.len())..];
                lines.push(std::mem::take(&mut line) + &head);
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// `1 file`, `2 files`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Bytes for people.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => count(bytes as u64, "byte", "bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Seconds for people: `0.3s` below ten, then `41s`, then `1:14`.
pub(crate) fn seconds(value: f64) -> String {
    let whole = value.max(0.0);
    if whole < 9.95 {
        format!("{whole:.1}s")
    } else if whole < 59.5 {
        format!("{whole:.0}s")
    } else {
        clock(whole)
    }
}

/// How long something will take, as exactly as that can be known: `a few seconds left`, `~40 s left`, `~3 min left`.
pub(crate) fn left(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 4.0 => "a few seconds left".to_owned(),
        s if s < 57.5 => format!("~{:.0} s left", (s / 5.0).round() * 5.0),
        s if s < 570.0 => {
            let halves = (s / 30.0).round();
            let half = if halves % 2.0 == 0.0 { "" } else { ".5" };
            format!("~{:.0}{half} min left", (halves / 2.0).floor())
        }
        s if s < 5_400.0 => format!("~{:.0} min left", (s / 300.0).round() * 5.0),
        s => format!("~{:.0} h left", s / 3_600.0),
    }
}

/// `m:ss`.
pub(crate) fn clock(value: f64) -> String {
    let whole = value.max(0.0) as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// The first seven digits of a commit id, or all of something shorter.
pub(crate) fn short(commit: &str) -> String {
    let plain = visible_str(commit, false);
    if plain.len() >= 40 && plain.is_ascii() { plain[..7].to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_become_glyphs() {
        assert_eq!(visible(b"a\x1b[31mb\r", false), "a␛[31mb␍");
        assert_eq!(visible(b"a\x1b[31mb\r", true), "a^[[31mb^M");
        assert_eq!(visible(b"\ta\tb", false), "→   a→  b");
        assert_eq!(visible("a\u{202e}b\u{9b}1m".as_bytes(), false), "a<U+202E>b<U+009B>1m");
        assert_eq!(visible(b"\xff\xfe", false), "\\xff\\xfe");
    }

    #[test]
    fn wide_characters_are_counted_twice() {
        assert_eq!(width("日本"), 4);
        assert_eq!(clip("日本語", 1, 4), " 本");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit_end("a/b/日本語", 6), "… 本語");
    }

    #[test]
    fn what_is_left_is_said_no_more_exactly_than_it_is_known() {
        let said = [0.0, 3.9, 12.0, 41.0, 58.0, 89.0, 200.0, 700.0, 9_000.0].map(left);
        let short: Vec<&str> = said.iter().map(|s| s.strip_suffix(" left").unwrap()).collect();
        let all =
            ["a few seconds", "a few seconds", "~10 s", "~40 s", "~1 min", "~1.5 min", "~3.5 min", "~10 min", "~2 h"];
        assert_eq!(short, all);
    }

    #[test]
    fn long_words_are_broken() {
        assert_eq!(wrap("ab cdefgh i", 4), ["ab", "cdef", "gh i"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
    }

    /// How many cells a terminal's buffer gives to a text, and what stands in them.
    fn drawn(text: &str) -> (usize, String) {
        let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 2_000, 1));
        let cells = buffer.set_stringn(0, 0, text, 2_000, ratatui::style::Style::new()).0;
        let mut shown = String::new();
        let mut x = 0;
        while x < cells {
            let symbol = buffer[(x, 0)].symbol();
            shown.push_str(symbol);
            x += width(symbol).max(1) as u16;
        }
        (usize::from(cells), shown)
    }

    /// Characters that terminals trip over, more often than chance would bring them.
    fn odd() -> impl Strategy<Value = char> {
        let some = "a\t\r\u{7}\u{1b}\u{7f}\u{9b}\u{301}\u{20dd}\u{e31}\u{200d}\u{fe0f}\u{fe0e}\u{1f44d}\u{1f3fd}\u{26a0}\
                    \u{2714}\u{1f1e9}\u{1f1ea}\u{1f468}\u{65e5}\u{ff21}\u{ff9e}\u{1100}\u{1161}\u{11a8}\u{ac00}\u{e000}\u{202e}\u{2066}\
                    \u{115f}\u{3164}\u{ad}\u{feff}\u{e0041}\u{1b001}\u{94d}\u{915}\u{937}\u{ffff}\u{600}\u{110bd}\u{180e}";
        prop_oneof![4 => prop::sample::select(some.chars().collect::<Vec<_>>()), 1 => any::<char>()]
    }

    proptest! {
        #[test]
        fn what_is_counted_is_what_is_drawn(text in prop::collection::vec(odd(), 0..30), ascii: bool, skip in 0usize..20) {
            let text: String = text.into_iter().collect();
            let shown = visible_str(&text, ascii);
            let (cells, on_screen) = drawn(&shown);
            prop_assert_eq!(cells, width(&shown), "{:?} shown as {:?}", text, shown);
            prop_assert_eq!(&on_screen, &shown, "something of {:?} is not drawn", text);
            let cut = clip(&shown, skip, 10);
            prop_assert!(width(&cut) <= 10, "{:?}", cut);
            prop_assert_eq!(drawn(&cut).0, width(&cut), "{:?}", cut);
        }

        #[test]
        fn nothing_visible_can_reach_the_terminal(bytes in prop::collection::vec(any::<u8>(), 0..60), ascii: bool) {
            let shown = visible(&bytes, ascii);
            prop_assert!(shown.chars().all(|c| !c.is_control()));
            prop_assert!(!ascii || shown.is_ascii());
        }

        #[test]
        fn nothing_is_wider_than_asked(text in "[a-z 日本é]{0,40}", skip in 0usize..20, cells in 0usize..20) {
            prop_assert!(width(&clip(&text, skip, cells)) <= cells.max(1));
            prop_assert!(width(&fit(&text, cells)) <= cells);
            prop_assert!(width(&fit_end(&text, cells)) <= cells);
            prop_assert!(wrap(&text, cells.max(2)).iter().all(|l| width(l) <= cells.max(2)));
        }
    }
}
