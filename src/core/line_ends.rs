//! How the lines of a text end. An editor that writes CRLF where a release has LF changes every line and means none.

use std::borrow::Cow;

/// The line ends of a whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    /// It has none.
    None,
    /// All of them LF.
    Lf,
    /// All of them CRLF.
    Crlf,
    /// Some LF, some CRLF, or a CR more before one than belongs there.
    Mixed,
}

impl LineEnds {
    /// Those of a text.
    pub(crate) fn of(text: &[u8]) -> Self {
        let (mut lf, mut crlf) = (false, false);
        for line in text.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n")) {
            if line.ends_with(b"\r\r\n") {
                return LineEnds::Mixed;
            }
            *(if line.ends_with(b"\r\n") { &mut crlf } else { &mut lf }) = true;
        }
        match (lf, crlf) {
            (false, false) => LineEnds::None,
            (true, false) => LineEnds::Lf,
            (false, true) => LineEnds::Crlf,
            (true, true) => LineEnds::Mixed,
        }
    }

    /// Whether texts with line ends of the other sort, and no mixed ones, are the same texts in another writing.
    ///
    /// At least one of them has to have line ends: otherwise there is nothing that differs.
    pub(crate) fn only_these_differ(self, others: &[&[u8]]) -> bool {
        let other = match self {
            LineEnds::Lf => LineEnds::Crlf,
            LineEnds::Crlf => LineEnds::Lf,
            LineEnds::None | LineEnds::Mixed => return false,
        };
        let ends: Vec<LineEnds> = others.iter().map(|text| LineEnds::of(text)).collect();
        ends.contains(&other) && ends.iter().all(|ends| *ends == other || *ends == LineEnds::None)
    }

    /// A text of the other sort with these line ends; a text of neither sort as it is. What stands before a line end, and
    /// a last line without one, stay as they are, so writing it back gives the text again.
    pub(crate) fn write(self, text: &[u8]) -> Cow<'_, [u8]> {
        match (self, LineEnds::of(text)) {
            (LineEnds::Crlf, LineEnds::Lf) => {
                let mut out = Vec::with_capacity(text.len() + text.len() / 16);
                for line in text.split_inclusive(|b| *b == b'\n') {
                    match line.strip_suffix(b"\n") {
                        Some(bare) => {
                            out.extend_from_slice(bare);
                            out.extend_from_slice(b"\r\n");
                        }
                        None => out.extend_from_slice(line),
                    }
                }
                out.into()
            }
            (LineEnds::Lf, LineEnds::Crlf) => {
                let mut out = Vec::with_capacity(text.len());
                for line in text.split_inclusive(|b| *b == b'\n') {
                    match line.strip_suffix(b"\r\n") {
                        Some(bare) => {
                            out.extend_from_slice(bare);
                            out.push(b'\n');
                        }
                        None => out.extend_from_slice(line),
                    }
                }
                out.into()
            }
            _ => text.into(),
        }
    }

    /// The bytes that end a line.
    pub(crate) fn bytes(self) -> &'static [u8] {
        if self == LineEnds::Crlf { b"\r\n" } else { b"\n" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn they_are_told_apart() {
        for (text, ends) in [
            (&b""[..], LineEnds::None),
            (b"a\rb", LineEnds::None),
            (b"\n", LineEnds::Lf),
            (b"a\r \nb\n", LineEnds::Lf),
            (b"\r\n", LineEnds::Crlf),
            (b"a\r\nb\r", LineEnds::Crlf),
            (b"a\r\r\nb", LineEnds::Mixed),
            (b"a\r\nb\n", LineEnds::Mixed),
        ] {
            assert_eq!(LineEnds::of(text), ends, "{text:?}");
        }
    }

    #[test]
    fn only_a_whole_text_is_another_writing() {
        let differ = |mine: &[u8], others: &[&[u8]]| LineEnds::of(mine).only_these_differ(others);
        assert!(differ(b"a\r\n", &[b"a\n", b"b\n"]) && differ(b"a\n", &[b"a\r\n", b"b\r\n"]));
        assert!(differ(b"a\r\n", &[b"a", b"b\n"]), "one that has no line ends says nothing");
        assert!(!differ(b"a\r\n", &[b"a\r\n", b"b\n"]), "the source changed them");
        assert!(!differ(b"a\r\nb\n", &[b"a\n", b"b\n"]) && !differ(b"a\n", &[b"a\n", b"b\n"]));
        assert!(!differ(b"a", &[b"a\r\n"]) && !differ(b"a\r\n", &[b"a", b"b"]));
    }

    proptest! {
        #[test]
        fn writing_back_gives_the_text_again(text in prop::collection::vec(prop::sample::select(b"ab\r\n".to_vec()), 0..30)) {
            let ends = LineEnds::of(&text);
            let (there, back) = match ends {
                LineEnds::Lf => (LineEnds::Crlf, LineEnds::Lf),
                LineEnds::Crlf => (LineEnds::Lf, LineEnds::Crlf),
                LineEnds::None | LineEnds::Mixed => {
                    prop_assert_eq!(&*LineEnds::Crlf.write(&text), &text[..]);
                    prop_assert_eq!(&*LineEnds::Lf.write(&text), &text[..]);
                    return Ok(());
                }
            };
            let other = there.write(&text).into_owned();
            prop_assert_eq!(LineEnds::of(&other), there);
            prop_assert_eq!(&*back.write(&other), &text[..]);
        }
    }
}
