//! Text from outside on its way to people: file names, what git, pip, servers and tests say, settings, arguments.
//!
//! Nothing in it may do something to a terminal, hide anything, or look like a line of ours. Every text that this program
//! prints, draws or writes into a document passes through here: [`line()`] for what must stay one line, [`lines`] for what
//! may be several, [`json`] for data, [`glyphs`] for the wizard's cells.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar as _;

/// Columns between tab stops.
const TAB: usize = 4;

/// Marks that may stand on one letter. What piles up more of them is not writing.
const MARKS: usize = 4;

/// Characters that have no width, turn the direction of writing, end a line or are fillers hide what is there. C1
/// controls are escapes to some terminals.
pub(crate) fn is_hidden(c: char) -> bool {
    // Nearly all text is ASCII.
    !c.is_ascii()
        && matches!(c,
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a character may not reach a terminal as it is.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || is_hidden(c)
}

/// Whether a text has to be shown in another way than it is.
pub(crate) fn has_unsafe(text: &str) -> bool {
    text.chars().any(is_unsafe)
}

fn push(out: &mut String, text: &str) {
    let mut before = '\0';
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            // The picture of a symbol rather than its letter: on anything else it would hide.
            '\u{fe0e}' | '\u{fe0f}' if !before.is_ascii() && !is_unsafe(before) => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        before = c;
    }
}

/// One line: everything that is not printable is written out, line ends too. Doing it twice changes nothing.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push(&mut out, text);
    out
}

/// [`line()`] of bytes: those that are not UTF-8 are written as `\xff`.
pub(crate) fn line_of(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push(&mut out, chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Several lines, each as [`line()`] has it.
pub(crate) fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (n, one) in text.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        push(&mut out, one);
    }
    out
}

/// The start of a text, for messages: at most so many characters, as one line.
pub(crate) fn start_of(text: &str, most: usize) -> String {
    let mut start: String = text.chars().take(most).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    line(&start)
}

/// A cell of a Markdown table.
pub(crate) fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

/// The same JSON, harmless on a terminal: what has no glyph stands there by its number. Data stays exact: such characters
/// occur in strings only, where a number means the same.
pub(crate) fn json(text: String) -> String {
    if text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')) || !text.chars().any(|c| is_unsafe(c) && c != '\n') {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) && c != '\n' && c != '\t' && c != '\r' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A path or name of the operating system, as people may see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visible<'a>(&'a [u8]);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line_of(self.0))
    }
}

/// What [`Path::display`] is for, on one line and without what a name could do to a terminal.
pub(crate) trait Shown {
    /// For people; not for opening it again.
    fn shown(&self) -> Visible<'_>;
}

impl Shown for Path {
    fn shown(&self) -> Visible<'_> {
        Visible(self.as_os_str().as_bytes())
    }
}

impl Shown for OsStr {
    fn shown(&self) -> Visible<'_> {
        Visible(self.as_bytes())
    }
}

/// Bytes as text for cells of a screen: every control, escape and invisible character has a glyph. A line end (`\n`)
/// must not be in it; a carriage return is shown. `ascii` writes `^[` instead of a picture.
pub(crate) fn glyphs(bytes: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut column = 0;
    for chunk in bytes.utf8_chunks() {
        for cluster in chunk.valid().graphemes(true) {
            let (mut stands, mut marks) = (false, 0);
            for c in cluster.chars() {
                match c {
                    // It asks for another picture of the same character, on which terminals disagree.
                    '\u{fe0e}' | '\u{fe0f}' => {}
                    _ if c.width() == Some(0) && !ascii && !is_hidden(c) => {
                        marks += 1;
                        // Without a letter to stand on it would be drawn nowhere.
                        if stands && marks <= MARKS {
                            out.push(c);
                        } else {
                            column += push_code(&mut out, c);
                        }
                    }
                    _ => {
                        column += push_glyph(&mut out, c, column, ascii);
                        stands = out.ends_with(c) && !c.is_whitespace();
                    }
                }
            }
        }
        for byte in chunk.invalid() {
            let shown = format!("\\x{byte:02x}");
            column += shown.len();
            out.push_str(&shown);
        }
    }
    out
}

fn push_code(out: &mut String, c: char) -> usize {
    let code = format!("<U+{:04X}>", c as u32);
    out.push_str(&code);
    code.len()
}

/// Appends the glyphs of `c` and returns how many columns they take.
fn push_glyph(out: &mut String, c: char, column: usize, ascii: bool) -> usize {
    match c {
        '\t' => {
            out.push(if ascii { '>' } else { '→' });
            let fill = TAB - column % TAB - 1;
            out.extend(std::iter::repeat_n(' ', fill));
            fill + 1
        }
        '\0'..='\u{1f}' | '\u{7f}' if ascii => {
            out.push('^');
            out.push(char::from((c as u8) ^ 0x40));
            2
        }
        '\0'..='\u{1f}' => {
            out.push(char::from_u32(0x2400 + c as u32).unwrap_or('?'));
            1
        }
        '\u{7f}' => {
            out.push('\u{2421}');
            1
        }
        _ if is_hidden(c) => push_code(out, c),
        _ if ascii && !c.is_ascii() => {
            out.push('?');
            1
        }
        _ => {
            out.push(c);
            c.width().unwrap_or(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_act_on_is_written_out() {
        assert_eq!(line("a\u{1b}[31m\r\nb\u{9b}2J\u{7f}"), "a\\u{1b}[31m\\r\\nb\\u{9b}2J\\u{7f}");
        assert_eq!(line("a\u{202e}b\u{200d}c\u{2028}d\u{2066}"), "a\\u{202e}b\\u{200d}c\\u{2028}d\\u{2066}");
        assert_eq!(line_of(b"\xff\tx"), "\\xff    x");
        assert_eq!(lines("one\ntwo\u{7}\n"), "one\ntwo\\u{7}\n");
        assert_eq!(line("⚠\u{fe0f} größe 日本"), "⚠\u{fe0f} größe 日本", "what is writing stays");
        assert_eq!(line("a\u{fe0f}"), "a\\u{fe0f}");
        assert_eq!(cell("a|b\nc"), "a\\|b\\nc");
        assert_eq!(start_of("abc\n", 3), "abc…");
        assert_eq!(Path::new("a\n  next: x").shown().to_string(), "a\\n  next: x");
    }

    proptest! {
        #[test]
        fn nothing_passes_and_twice_is_once(bytes in prop::collection::vec(any::<u8>(), 0..60), text: String) {
            for shown in [line_of(&bytes), line(&text)] {
                let picture = |c| matches!(c, '\u{fe0e}' | '\u{fe0f}');
                let harmless = shown.chars().all(|c| !is_unsafe(c) || picture(c));
                prop_assert!(harmless, "{:?}", shown);
                prop_assert_eq!(&line(&shown), &shown);
                prop_assert_eq!(&lines(&shown), &shown);
            }
        }

        #[test]
        fn json_says_the_same(texts in prop::collection::vec(any::<String>(), 0..4)) {
            for written in [serde_json::to_string(&texts).unwrap(), serde_json::to_string_pretty(&texts).unwrap()] {
                let harmless = json(written);
                let sound = harmless.chars().all(|c| !is_unsafe(c) || c == '\n');
                prop_assert!(sound, "{:?}", harmless);
                prop_assert_eq!(&serde_json::from_str::<Vec<String>>(&harmless).unwrap(), &texts);
            }
        }
    }
}
