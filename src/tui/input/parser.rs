//! Bytes of a terminal to keys, pastes, the mouse, and the terminal's word that a frame stands there.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// How long the rest of a sequence may take. A lone `Esc` is told from the beginning of one by that.
const REST: Duration = Duration::from_millis(40);
/// How long the rest of a paste may take before what has come is taken for all of it.
const REST_OF_PASTE: Duration = Duration::from_secs(2);
const PASTE_ENDS: &[u8] = b"\x1b[201~";
/// No sequence that means anything here is longer.
const LONGEST: usize = 256;

/// What a terminal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// A key.
    Key(KeyEvent),
    /// A text that was pasted.
    Paste(String),
    /// The wheel: true upwards.
    Wheel(bool),
    /// The left button went down, with no key held: column and row, from 0.
    Click(u16, u16),
    /// The terminal answered a query: all that was written before it stands on the screen, and all input before this
    /// was made without having seen it.
    Shown,
    /// The terminal is gone; why.
    Lost(String),
}

/// Puts bytes together to inputs, however they are cut.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    bytes: Vec<u8>,
    /// What has come of a paste, once one has begun.
    paste: Option<Vec<u8>>,
}

/// What stands at the beginning of some bytes.
enum Step {
    /// Not all of it is there.
    More,
    /// So many bytes mean nothing.
    Skip(usize),
    /// An input of so many bytes.
    Found(Input, usize),
    /// A paste begins behind so many bytes.
    Paste(usize),
}

impl Parser {
    /// Takes bytes in.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.bytes.extend_from_slice(bytes);
        self.parse(false)
    }

    /// How long the rest may take before [`Self::rest`] is called; none if nothing is awaited.
    pub(crate) fn waits(&self) -> Option<Duration> {
        match (&self.paste, self.bytes.is_empty()) {
            (Some(_), _) => Some(REST_OF_PASTE),
            (None, false) => Some(REST),
            (None, true) => None,
        }
    }

    /// The rest did not come: what is there is all.
    pub(crate) fn rest(&mut self) -> Vec<Input> {
        if let Some(paste) = self.paste.take() {
            let all = [paste, std::mem::take(&mut self.bytes)].concat();
            return vec![pasted(&all)];
        }
        self.parse(true)
    }

    fn parse(&mut self, is_all: bool) -> Vec<Input> {
        let mut found = Vec::new();
        loop {
            if self.paste.is_some() {
                match self.paste_goes_on() {
                    Some(input) => found.push(input),
                    None => return found,
                }
            }
            let used = match step(&self.bytes) {
                Step::Found(input, used) => {
                    found.push(input);
                    used
                }
                Step::Skip(used) => used,
                Step::Paste(used) => {
                    self.paste = Some(Vec::new());
                    used
                }
                Step::More if self.bytes.is_empty() || !is_all && self.bytes.len() <= LONGEST => return found,
                // Cut off for good, which only an Esc of its own, or one with another key, may be.
                Step::More => match self.bytes[..] {
                    [0x1b] => {
                        found.push(plain(KeyCode::Esc));
                        1
                    }
                    [0x1b, byte] => {
                        found.push(key(KeyCode::Char(char::from(byte)), KeyModifiers::ALT));
                        2
                    }
                    _ => self.bytes.len(),
                },
            };
            self.bytes.drain(..used);
        }
    }

    /// Looks for a paste's end; none while it has not come.
    fn paste_goes_on(&mut self) -> Option<Input> {
        let mut all = self.paste.take().unwrap_or_default();
        // The end may be cut, too.
        let from = all.len().saturating_sub(PASTE_ENDS.len());
        all.append(&mut self.bytes);
        let Some(end) = all[from..].windows(PASTE_ENDS.len()).position(|w| w == PASTE_ENDS) else {
            self.paste = Some(all);
            return None;
        };
        self.bytes = all.split_off(from + end + PASTE_ENDS.len());
        all.truncate(from + end);
        Some(pasted(&all))
    }
}

fn pasted(bytes: &[u8]) -> Input {
    Input::Paste(String::from_utf8_lossy(bytes).into_owned())
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

fn plain(code: KeyCode) -> Input {
    key(code, KeyModifiers::NONE)
}

fn step(bytes: &[u8]) -> Step {
    match bytes {
        [] | [0x1b] => Step::More,
        [0x1b, b'[', rest @ ..] => csi(rest),
        [0x1b, b'O'] => Step::More,
        [0x1b, b'O', byte, ..] => match byte {
            b'P'..=b'S' => Step::Found(plain(KeyCode::F(byte - b'P' + 1)), 3),
            _ => named(*byte).map_or(Step::Skip(3), |code| Step::Found(plain(code), 3)),
        },
        // Strings that terminals send only as answers to what is never asked here.
        [0x1b, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => string(rest),
        [0x1b, 0x1b, ..] => Step::Found(plain(KeyCode::Esc), 1),
        [0x1b, rest @ ..] => match step(rest) {
            Step::Found(Input::Key(event), used) => {
                Step::Found(key(event.code, event.modifiers | KeyModifiers::ALT), used + 1)
            }
            Step::Found(_, used) | Step::Skip(used) | Step::Paste(used) => Step::Skip(used + 1),
            Step::More => Step::More,
        },
        [b'\r', ..] => Step::Found(plain(KeyCode::Enter), 1),
        [b'\t', ..] => Step::Found(plain(KeyCode::Tab), 1),
        [0x7f, ..] => Step::Found(plain(KeyCode::Backspace), 1),
        [0, ..] => Step::Found(key(KeyCode::Char(' '), KeyModifiers::CONTROL), 1),
        [byte @ 0x01..=0x1a, ..] => {
            Step::Found(key(KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL), 1)
        }
        [byte @ 0x1c..=0x1f, ..] => {
            Step::Found(key(KeyCode::Char(char::from(byte - 0x1c + b'4')), KeyModifiers::CONTROL), 1)
        }
        _ => letter(bytes),
    }
}

/// A character in UTF-8.
fn letter(bytes: &[u8]) -> Step {
    let length = match bytes[0] {
        0x00..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Step::Skip(1),
    };
    let there = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(there).map(|text| text.chars().next()) {
        Ok(Some(c)) => {
            let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
            Step::Found(key(KeyCode::Char(c), shift), length)
        }
        Err(e) if e.error_len().is_none() => Step::More,
        _ => Step::Skip(1),
    }
}

/// Keys that end in a letter.
fn named(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        _ => return None,
    })
}

/// Keys that end in `~`.
fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number as u8 - 10),
        17..=21 => KeyCode::F(number as u8 - 11),
        23..=26 => KeyCode::F(number as u8 - 12),
        28..=29 => KeyCode::F(number as u8 - 15),
        31..=34 => KeyCode::F(number as u8 - 17),
        _ => return None,
    })
}

fn held(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let each = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL), (8, KeyModifiers::SUPER)];
    each.iter().filter(|(bit, _)| bits & bit != 0).fold(KeyModifiers::NONE, |all, (_, one)| all | *one)
}

/// What begins with `ESC [`; `rest` is what stands behind that.
fn csi(rest: &[u8]) -> Step {
    match rest {
        [] | [b'['] => return Step::More,
        // The function keys of a Linux console.
        [b'[', byte @ b'A'..=b'E', ..] => return Step::Found(plain(KeyCode::F(byte - b'A' + 1)), 4),
        // The mouse as it was told of in old times: three bytes of any value.
        [b'M', _, _, _, ..] => return Step::Skip(6),
        [b'M', ..] => return Step::More,
        _ => {}
    }
    let Some(end) = rest.iter().position(|b| !(0x20..0x40).contains(b)) else { return Step::More };
    let (parameters, last) = (&rest[..end], rest[end]);
    // Something else cut it off; that is read for itself.
    if !(0x40..0x7f).contains(&last) {
        return Step::Skip(2 + end);
    }
    let used = 2 + end + 1;
    let text = std::str::from_utf8(parameters).unwrap_or_default();
    if let Some(mouse) = text.strip_prefix('<') {
        return sgr_mouse(mouse, last).map_or(Step::Skip(used), |input| Step::Found(input, used));
    }
    let number = |part: &str| part.split(':').next().and_then(|n| n.parse::<u32>().ok());
    let numbers: Vec<Option<u32>> = text.split(';').map(number).collect();
    let first = numbers.first().copied().flatten();
    let modifiers = numbers.get(1).copied().flatten().map_or(KeyModifiers::NONE, held);
    let code = match last {
        b'~' if first == Some(200) => return Step::Paste(used),
        b'~' => first.and_then(numbered),
        b'n' if text == "0" || text == "3" => return Step::Found(Input::Shown, used),
        b'P' | b'Q' | b'S' => Some(KeyCode::F(last - b'P' + 1)),
        b'Z' => return Step::Found(key(KeyCode::BackTab, modifiers | KeyModifiers::SHIFT), used),
        b'u' => first.and_then(char::from_u32).map(spelled),
        _ => named(last),
    };
    code.map_or(Step::Skip(used), |code| Step::Found(key(code, modifiers), used))
}

/// A key that is told by its character.
fn spelled(c: char) -> KeyCode {
    match c {
        '\r' => KeyCode::Enter,
        '\u{1b}' => KeyCode::Esc,
        '\t' => KeyCode::Tab,
        '\u{7f}' | '\u{8}' => KeyCode::Backspace,
        c => KeyCode::Char(c),
    }
}

/// `button;column;row`, with `M` for down and `m` for up. Only what something here listens to.
fn sgr_mouse(text: &str, last: u8) -> Option<Input> {
    let mut numbers = text.split(';').map(|n| n.parse::<u16>().ok());
    let (button, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    match (button, last) {
        (64, b'M') => Some(Input::Wheel(true)),
        (65, b'M') => Some(Input::Wheel(false)),
        (0, b'M') => Some(Input::Click(column.checked_sub(1)?, row.checked_sub(1)?)),
        _ => None,
    }
}

/// A string up to its end, which is dropped.
fn string(rest: &[u8]) -> Step {
    let bell = rest.iter().position(|b| *b == 7).map(|at| at + 1);
    let end = rest.windows(2).position(|w| w == b"\x1b\\").map(|at| at + 2);
    match bell.into_iter().chain(end).min() {
        Some(used) => Step::Skip(2 + used),
        None => Step::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Input> {
        let mut parser = Parser::default();
        let mut found = parser.feed(bytes);
        found.extend(parser.rest());
        assert_eq!(parser.waits(), None, "something was left of {bytes:?}");
        found
    }

    fn code(code: KeyCode) -> Input {
        plain(code)
    }

    #[test]
    fn keys_as_terminals_send_them() {
        let ctrl = |c| key(KeyCode::Char(c), KeyModifiers::CONTROL);
        for (bytes, wanted) in [
            (&b"k"[..], code(KeyCode::Char('k'))),
            (b"F", key(KeyCode::Char('F'), KeyModifiers::SHIFT)),
            ("é".as_bytes(), code(KeyCode::Char('é'))),
            ("日".as_bytes(), code(KeyCode::Char('日'))),
            (b"\r", code(KeyCode::Enter)),
            (b"\n", ctrl('j')),
            (b"\t", code(KeyCode::Tab)),
            (b"\x7f", code(KeyCode::Backspace)),
            (b"\x03", ctrl('c')),
            (b"\x1a", ctrl('z')),
            (b"\x1b", code(KeyCode::Esc)),
            (b"\x1b[A", code(KeyCode::Up)),
            (b"\x1bOB", code(KeyCode::Down)),
            (b"\x1b[H", code(KeyCode::Home)),
            (b"\x1bOF", code(KeyCode::End)),
            (b"\x1b[5~", code(KeyCode::PageUp)),
            (b"\x1b[6~", code(KeyCode::PageDown)),
            (b"\x1b[3~", code(KeyCode::Delete)),
            (b"\x1bOP", code(KeyCode::F(1))),
            (b"\x1b[11~", code(KeyCode::F(1))),
            (b"\x1b[[A", code(KeyCode::F(1))),
            (b"\x1b[24~", code(KeyCode::F(12))),
            (b"\x1b[Z", key(KeyCode::BackTab, KeyModifiers::SHIFT)),
            (b"\x1b[1;5C", key(KeyCode::Right, KeyModifiers::CONTROL)),
            (b"\x1b[13u", code(KeyCode::Enter)),
            (b"\x1bq", key(KeyCode::Char('q'), KeyModifiers::ALT)),
            (b"\x1b[<64;10;10M", Input::Wheel(true)),
            (b"\x1b[<0;3;4M", Input::Click(2, 3)),
            (b"\x1b[200~two\rlines\x1b[201~", Input::Paste("two\rlines".to_owned())),
            (b"\x1b[0n", Input::Shown),
        ] {
            assert_eq!(all(bytes), std::slice::from_ref(&wanted), "{bytes:?}");
            // However it is cut.
            for at in 1..bytes.len() {
                let mut parser = Parser::default();
                let mut found = parser.feed(&bytes[..at]);
                found.extend(parser.feed(&bytes[at..]));
                found.extend(parser.rest());
                assert_eq!(found, std::slice::from_ref(&wanted), "{bytes:?} cut at {at}");
            }
        }
    }

    #[test]
    fn what_is_no_key_is_never_taken_for_some() {
        for bytes in [
            &b"\x1b[?62;22c"[..],
            b"\x1b[>1;10;0c",
            b"\x1b[12;40R",
            b"\x1b[?2026;2$y",
            b"\x1b]11;rgb:0000/0000/0000\x07",
            b"\x1bP>|xterm\x1b\\",
            b"\x1b[I",
            b"\x1b[O",
            b"\x1b[<0;0;0M",
            b"\x1b[<0;3;4m",
            b"\x1b[<2;3;4M",
            b"\x1b[<16;3;4M",
            b"\x1b[<99999;1;1M",
            b"\x1b[M !!",
            b"\x1b[1234",
            b"\xff\xc3",
            b"\x1b[99~",
        ] {
            assert_eq!(all(bytes), [], "{bytes:?}");
        }
        assert_eq!(all(b"\x1b[?62cq"), [code(KeyCode::Char('q'))]);
        assert_eq!(all(b"\x1b\x1b[A"), [code(KeyCode::Esc), code(KeyCode::Up)]);
    }

    #[test]
    fn the_order_of_keys_and_the_terminals_word_is_kept() {
        let key = |c| code(KeyCode::Char(c));
        assert_eq!(all(b"a\x1b[0nb"), [key('a'), Input::Shown, key('b')]);
        assert_eq!(all(b"\x1b[200~q\x1b[0n\x1b[201~k"), [Input::Paste("q\x1b[0n".to_owned()), key('k')]);
        // A paste that is cut off for good.
        assert_eq!(all(b"\x1b[200~half"), [Input::Paste("half".to_owned())]);
    }

    #[test]
    fn no_bytes_make_it_stop() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        let pieces: [&[u8]; 12] =
            [b"\x1b", b"[", b"<", b"0", b";", b"M", b"~", b"200~", b"\xff", b"n", b"O", b"\x1b[201~"];
        for _ in 0..20_000 {
            let mut parser = Parser::default();
            let bytes: Vec<u8> = (0..random(12)).flat_map(|_| pieces[random(pieces.len())].to_vec()).collect();
            parser.feed(&bytes);
            parser.rest();
            parser.rest();
            assert_eq!(parser.waits(), None, "{bytes:?}");
            assert_eq!(parser.feed(b"k"), [code(KeyCode::Char('k'))], "{bytes:?}");
        }
    }
}
