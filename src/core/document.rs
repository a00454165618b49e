//! Files of the user's that lines are added to. They are bytes: nothing is decoded and written back, so what was there
//! stays there, whatever it is. Only what is added takes the form of what it is added to.

use std::borrow::Cow;

use super::histogram::hunks;

/// How a file's characters are written, as far as that matters for a line that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One byte or more each, ASCII as itself: UTF-8, Latin-1 and most others.
    Bytes,
    Utf16Le,
    Utf16Be,
}

impl Form {
    /// By the mark at the beginning; without one it is bytes.
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xff, 0xfe, ..] => Form::Utf16Le,
            [0xfe, 0xff, ..] => Form::Utf16Be,
            _ => Form::Bytes,
        }
    }

    fn write(self, text: &str) -> Vec<u8> {
        match self {
            Form::Bytes => text.as_bytes().to_vec(),
            Form::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Form::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }

    fn read(self, bytes: &[u8]) -> Cow<'_, str> {
        let units = |unit: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
            Cow::Owned(String::from_utf16_lossy(&units))
        };
        match self {
            Form::Bytes => String::from_utf8_lossy(bytes),
            Form::Utf16Le => units(u16::from_le_bytes),
            Form::Utf16Be => units(u16::from_be_bytes),
        }
    }

    /// Where lines begin behind a line end.
    fn starts(self, bytes: &[u8]) -> Vec<usize> {
        match self {
            Form::Bytes => bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect(),
            Form::Utf16Le | Form::Utf16Be => {
                let end = self.write("\n");
                let pairs = bytes.chunks_exact(2).enumerate();
                pairs.filter(|(_, pair)| *pair == end).map(|(at, _)| at * 2 + 2).collect()
            }
        }
    }
}

/// The line end that a file uses: that of its first line.
fn line_end(form: Form, bytes: &[u8]) -> &'static str {
    let first = form.starts(bytes).first().map(|end| &bytes[..*end]);
    if first.is_some_and(|line| line.ends_with(&form.write("\r\n"))) { "\r\n" } else { "\n" }
}

/// A text with the line ends of a file, in its form.
fn in_form_of(form: Form, old: &[u8], text: &str) -> Vec<u8> {
    form.write(&text.replace('\n', line_end(form, old)))
}

fn added(form: Form, old: &[u8], text: &str) -> Vec<u8> {
    let mut bytes = old.to_vec();
    let only_a_mark = form != Form::Bytes && old.len() == 2;
    let begun = !old.is_empty() && !only_a_mark;
    if begun && !old.ends_with(&form.write("\n")) {
        bytes.extend(in_form_of(form, old, "\n"));
    }
    bytes.extend(in_form_of(form, old, text));
    bytes
}

/// A document with a text behind it, on a line of its own, with the document's line ends and in its form. The old bytes
/// are where they were.
pub(crate) fn appended(old: &[u8], text: &str) -> Vec<u8> {
    added(Form::of(old), old, text)
}

/// The same for what programs read byte by byte, as git reads `.gitignore`: what is added is plain, whatever form the
/// rest has.
pub(crate) fn appended_plain(old: &[u8], text: &str) -> Vec<u8> {
    added(Form::Bytes, old, text)
}

/// Whether a document holds a text, in its form.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    let form = Form::of(bytes);
    let text = in_form_of(form, bytes, text);
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}

/// Whether a document ends with a text, in its form.
pub(crate) fn ends_with(bytes: &[u8], text: &str) -> bool {
    bytes.ends_with(&in_form_of(Form::of(bytes), bytes, text))
}

/// Whether its characters take two bytes or more each: then zeros in it mean nothing.
pub(crate) fn has_wide_form(bytes: &[u8]) -> bool {
    Form::of(bytes) != Form::Bytes
}

/// A document as text, for looking at; never for writing back.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    Form::of(bytes).read(bytes)
}

/// Every way to cut a document behind a line end: what is before, and what is behind as text.
pub(crate) fn cuts(bytes: &[u8]) -> impl Iterator<Item = (&[u8], Cow<'_, str>)> {
    let form = Form::of(bytes);
    form.starts(bytes).into_iter().map(move |at| (&bytes[..at], form.read(&bytes[at..])))
}

/// Takes lines out that were added behind a document, each once and from the end. A line of the same text that belongs to
/// the document stays: as many as stood there before, and, read by `known`, what is a line from before under a name that it
/// got since. A line is what stands between two line ends, without white space at its end.
pub(crate) fn without_added(before: &[u8], now: &[u8], added: &[String], known: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let lines = |bytes| <[u8]>::split_inclusive(bytes, |b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    let had: Vec<&[u8]> = lines(before).collect();
    let mut left: Vec<Option<&[u8]>> = now.split_inclusive(|b| *b == b'\n').map(Some).collect();
    let as_known = |bytes| lines(bytes).flat_map(|line| [known(line), b"\n".to_vec()].concat()).collect::<Vec<u8>>();
    let came = hunks(&as_known(before), &as_known(now));
    for (at, text) in added.iter().map(String::as_bytes).enumerate() {
        if added[..at].iter().any(|earlier| earlier.as_bytes() == text) {
            // Noted again by a phase that was cut off before it wrote them.
            continue;
        }
        let places = |left: &[Option<&[u8]>]| -> Vec<usize> {
            let is_it = |line: &Option<&[u8]>| line.is_some_and(|line| line.trim_ascii_end() == text);
            left.iter().enumerate().filter(|(_, line)| is_it(line)).map(|(at, _)| at).collect()
        };
        let found = places(&left);
        let more = found.len() > had.iter().filter(|line| **line == text).count();
        let is_new = found.iter().any(|at| came.iter().any(|(_, lines)| lines.contains(at)));
        if let (true, Some(last)) = (more && is_new, found.last()) {
            left[*last] = None;
        }
    }
    left.into_iter().flatten().collect::<Vec<_>>().concat()
}

/// A text without the lines that are wanted out, told by their bytes without white space around; all others stay as they are,
/// line ends too. With it what went, in its order.
pub(crate) fn without_lines(text: &[u8], goes: impl Fn(&[u8]) -> bool) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut gone = Vec::new();
    let mut kept = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|b| *b == b'\n') {
        let bare = line.trim_ascii();
        match !bare.is_empty() && goes(bare) {
            true => gone.push(bare.to_vec()),
            false => kept.extend_from_slice(line),
        }
    }
    (kept, gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        let form = if little { Form::Utf16Le } else { Form::Utf16Be };
        form.write(&format!("\u{feff}{text}"))
    }

    #[test]
    fn texts_are_appended_on_a_line_of_their_own() {
        assert_eq!(appended(b"a", "b\n"), b"a\nb\n");
        assert_eq!(appended(b"", "b\n"), b"b\n");
        assert_eq!(appended(b"a\r\nb", "c\nd\n"), b"a\r\nb\r\nc\r\nd\r\n");
        assert_eq!(appended(b"\xe9\xff\0", "b\n"), b"\xe9\xff\0\nb\n");
        assert_eq!(appended(b"\xef\xbb\xbfa\n", "b\n"), b"\xef\xbb\xbfa\nb\n");
    }

    #[test]
    fn what_is_added_has_the_form_of_the_rest() {
        for little in [true, false] {
            assert_eq!(appended(&utf16("a\r\nb", little), "c\n"), utf16("a\r\nb\r\nc\r\n", little));
            assert_eq!(appended(&utf16("", little), "c\n"), utf16("c\n", little), "only a mark");
            let both = appended(&utf16("a\n", little), "c\nd\n");
            assert!(holds(&both, "c\nd\n") && ends_with(&both, "d\n") && !holds(&both, "x"));
            assert_eq!(text(&both).trim_start_matches('\u{feff}'), "a\nc\nd\n");
            let rest: Vec<String> = cuts(&both).map(|(_, rest)| rest.into_owned()).collect();
            assert_eq!(rest, ["c\nd\n", "d\n", ""]);
        }
        let plain = appended_plain(&utf16("a\n", true), "b\n");
        assert!(plain.ends_with(b"\nb\n") && plain.starts_with(&utf16("a\n", true)));
    }

    fn taken_out(before: &str, now: &str) -> String {
        let ours = [".new/venv", ".new/x", ".new/venv"].map(ToOwned::to_owned);
        let known = |line: &[u8]| crate::core::renamed::renamed(line, b".old", b".new");
        String::from_utf8(without_added(before.as_bytes(), now.as_bytes(), &ours, known)).unwrap()
    }

    #[test]
    fn lines_go_and_all_else_stays_byte_for_byte() {
        let ours = [".praxis-os/venv".to_owned()];
        let gone = |before: &[u8], now: &[u8]| without_added(before, now, &ours, <[u8]>::to_vec);
        assert_eq!(gone(b"\xe9\r\nb\xff", b"\xe9\r\n.praxis-os/venv\r\nb\xff"), b"\xe9\r\nb\xff");
        assert_eq!(gone(b"", b".praxis-os/venv2\n.praxis-os/venv"), b".praxis-os/venv2\n");
        assert_eq!(gone(b"a\n", b"a\r\n.praxis-os/venv\r\n"), b"a\r\n", "an editor that changes every line end");
    }

    #[test]
    fn only_what_was_added_goes() {
        let ours = ".new/venv\n.new/x\n";
        for (before, now, left) in [
            ("a\n.old/x\nb\n", "a\n.old/x\nb\n{}", "a\n.old/x\nb\n"),
            ("a\n.old/x\nb\n", "a\n.new/x\nb\n{}", "a\n.new/x\nb\n"),
            ("a\n.old/x\n", "a\n.new/x\n{}", "a\n.new/x\n"),
            (".old/x", ".new/x\n{}", ".new/x\n"),
            (".old/venv\n.old/x\n", ".new/venv\n.new/x\n", ".new/venv\n.new/x\n"),
            ("a\n.old/x\nb\nc\n", "a\n.new/x\nb\nc\n", "a\n.new/x\nb\nc\n"),
            ("a\n.old/x\nb\nc\n", "a\nb\nc\n{}", "a\nb\nc\n"),
            ("a\n.old/x\nb\n", "n\na\n.new/x\nb\n{}m\n", "n\na\n.new/x\nb\nm\n"),
            ("a\n", "a\n.new/x\nb\n.new/venv\n", "a\nb\n"),
            ("a\n", "a\n{}b\n.new/x\n", "a\n.new/x\nb\n"),
            (".new/x\na\n", "a\n.new/x\n", "a\n.new/x\n"),
            ("a\n", "a\n", "a\n"),
        ] {
            assert_eq!(taken_out(before, &now.replace("{}", ours)), left, "{before:?} {now:?}");
        }
    }

    #[test]
    fn lines_go_and_all_else_stays_to_the_byte() {
        let text = b"# caf\xe9\r\nours\r\n\n  ours\nyours ours\nours";
        let (kept, gone) = without_lines(text, |line| line == b"ours");
        assert_eq!((&kept[..], gone.len()), (&b"# caf\xe9\r\n\nyours ours\n"[..], 3));
        assert_eq!(without_lines(b"", |_| true), (Vec::new(), Vec::new()));
        assert_eq!(without_lines(b"\n", |_| true).0, b"\n");
    }
}
