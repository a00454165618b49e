//! A file with the names of what moved replaced, and every other byte as it was.

use super::mention::edits;
use super::moves::Moves;
use crate::core::blob::is_lfs_pointer;
use crate::core::config::keyed::Format;
use crate::core::document;
use crate::core::histogram::hunks;
use crate::core::merge::is_binary;

/// What becomes of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// Its new bytes.
    pub(crate) bytes: Vec<u8>,
    /// How many names were replaced.
    pub(crate) replaced: usize,
    /// Names that stay, since nothing is in their place or it can't be written there: the line's number, and the name.
    pub(crate) left: Vec<(u64, String)>,
}

/// Why a file is not for this program to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwritable {
    /// It is no text.
    #[error("it is no text")]
    Binary,
    /// Its text is kept outside of git.
    #[error("it is a git-lfs pointer: its text is not here")]
    LfsPointer,
    /// Its characters are not made of bytes as names are.
    #[error("it is UTF-16: change it with your editor")]
    Wide,
    /// It could be read before and could not be read afterwards.
    #[error("with these names it {0}: change it with your editor")]
    Broken(String),
}

/// A file with its old names where it still has the new ones, line by line: `new` was made of `old` by replacing names, and
/// became `now` since. None where a line with such a name was changed or taken away.
pub(crate) fn names_back(old: &[u8], new: &[u8], now: &[u8]) -> Option<Vec<u8>> {
    let lines = |text| <[u8]>::split_inclusive(text, |b| *b == b'\n').collect::<Vec<_>>();
    let (before, after, here) = (lines(old), lines(new), lines(now));
    if before.len() != after.len() || [old, new, now].into_iter().any(is_binary) {
        return None;
    }
    let (mut bytes, mut at) = (Vec::new(), 0);
    for (gone, came) in hunks(new, now).into_iter().chain([(after.len()..after.len(), here.len()..here.len())]) {
        before[at..gone.start].iter().for_each(|line| bytes.extend_from_slice(line));
        if gone.clone().any(|line| before[line] != after[line]) {
            return None;
        }
        here[came].iter().for_each(|line| bytes.extend_from_slice(line));
        at = gone.end;
    }
    Some(bytes)
}

/// A line as text, with where each stretch of it stands in the bytes: what is not UTF-8 is another length there.
struct Line {
    text: String,
    /// Where a stretch begins in the text, and in the bytes.
    starts: Vec<(usize, usize)>,
}

impl Line {
    fn of(bytes: &[u8]) -> Self {
        let (mut text, mut starts, mut at) = (String::new(), Vec::new(), 0);
        for chunk in bytes.utf8_chunks() {
            starts.push((text.len(), at));
            text.push_str(chunk.valid());
            at += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                at += chunk.invalid().len();
            }
        }
        Self { text, starts }
    }

    /// Where a place of the text is in the bytes.
    fn in_bytes(&self, at: usize) -> usize {
        let before = self.starts.partition_point(|(text, _)| *text <= at).saturating_sub(1);
        self.starts.get(before).map_or(at, |(text, bytes)| bytes + (at - text))
    }
}

/// Replaces what names something that moves, token by token. `instructs` says that the file tells an assistant what to do;
/// `name` is the file's, which says how it is checked.
///
/// # Errors
/// [`Unwritable`].
pub(crate) fn rewritten(name: &[u8], bytes: &[u8], moves: &Moves, instructs: bool) -> Result<Rewritten, Unwritable> {
    if is_lfs_pointer(bytes) {
        return Err(Unwritable::LfsPointer);
    }
    if document::has_wide_form(bytes) {
        return Err(Unwritable::Wide);
    }
    if is_binary(bytes) {
        return Err(Unwritable::Binary);
    }
    let mut done = Rewritten::default();
    let mut before = String::new();
    for (number, whole) in (1..).zip(bytes.split_inclusive(|b| *b == b'\n')) {
        let bare = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = Line::of(bare.strip_suffix(b"\r").unwrap_or(bare));
        let mut end = 0;
        for edit in edits(&before, &line.text, moves, instructs) {
            let (at, old) = (line.in_bytes(edit.at.start)..line.in_bytes(edit.at.end), &line.text[edit.at]);
            // What is not UTF-8 can't be told apart by its text.
            let same = whole.get(at.clone()) == Some(old.as_bytes());
            match edit.new.filter(|new| same && !new.contains(char::REPLACEMENT_CHARACTER)) {
                Some(new) => {
                    done.bytes.extend_from_slice(&whole[end..at.start]);
                    done.bytes.extend_from_slice(new.as_bytes());
                    end = at.end;
                    done.replaced += 1;
                }
                None => done.left.push((number, old.to_owned())),
            }
        }
        done.bytes.extend_from_slice(&whole[end..]);
        if !line.text.trim().is_empty() {
            before = line.text;
        }
    }
    if let Some(format) = Format::of(name)
        && format.check(bytes).is_ok()
    {
        format.check(&done.bytes).map_err(Unwritable::Broken)?;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::layout::editors_and_rules::RenamedTool;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn names_go_back_line_by_line() {
        let (old, new) = (b"a\n.old/x\n.new/y\nb", b"a\n.new/x\n.new/y\nb");
        for (now, then) in [
            ("a\n.new/x\n.new/y\nb", Some("a\n.old/x\n.new/y\nb")),
            ("a\n.new/x\nb", Some("a\n.old/x\nb")),
            ("m\na\n.new/x\nb\nn", Some("m\na\n.old/x\nb\nn")),
            ("m\n.new/x\nn\n.new/y\nb", Some("m\n.old/x\nn\n.new/y\nb")),
            ("a\n.new/x # mine\n.new/y\nb", None),
            ("a\n.new/y\nb", None),
        ] {
            assert_eq!(names_back(old, new, now.as_bytes()).as_deref(), then.map(str::as_bytes), "{now:?}");
        }
        assert_eq!(names_back(b"a\nb", b"a", b"a"), None, "no lines for lines");
        assert_eq!(names_back(b"\0", b"\0", b"\0"), None);
    }

    fn moves() -> Moves {
        let named = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let page = ("standards/old.md".as_bytes().to_vec(), Some("standards/new.md".parse().unwrap()));
        let gone = ("standards/gone.md".as_bytes().to_vec(), None);
        Moves {
            folders: [named(".old-os", ".new-os")].into(),
            install: ".new-os".to_owned(),
            pages: BTreeMap::from([page, gone]),
            packages: [named("old_server", "new_server")].into(),
            imports: true,
            tools: vec![RenamedTool {
                from: "old_tool".into(),
                to: "new_tool".into(),
                arguments: Some("action=\"x\"".into()),
                first: None,
                equal: false,
            }],
            homes: vec!["~".into()],
        }
    }

    fn write(name: &str, bytes: &[u8]) -> Result<Rewritten, Unwritable> {
        rewritten(name.as_bytes(), bytes, &moves(), true)
    }

    #[test]
    fn only_the_tokens_change() {
        let old = b"\xef\xbb\xbf\xe9t\xe9 .old-os/x\xff\r\n~/.old-os\r\npython -m old_server\n.new-os/standards/old.md \xc3\n\
            .new-os/standards/gone.md\nold_tool()\r\n\r\nend .old-os";
        let new = b"\xef\xbb\xbf\xe9t\xe9 .new-os/x\xff\r\n~/.old-os\r\npython -m new_server\n.new-os/standards/new.md \xc3\n\
            .new-os/standards/gone.md\nnew_tool(action=\"x\")\r\n\r\nend .new-os";
        let done = write("a.md", old).unwrap();
        assert_eq!(done.bytes, new, "{}", String::from_utf8_lossy(&done.bytes));
        assert_eq!((done.replaced, done.left), (5, vec![(5, "standards/gone.md".to_owned())]));
        assert_eq!(write("a.md", new).unwrap().replaced, 0, "once is enough");
    }

    #[test]
    fn what_is_no_plain_text_or_would_break_is_refused() {
        assert_eq!(write("a", b"a\0.old-os"), Err(Unwritable::Binary));
        assert_eq!(write("a", b"\xff\xfe.\0o\0"), Err(Unwritable::Wide));
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "a".repeat(64));
        assert_eq!(write("a", pointer.as_bytes()), Err(Unwritable::LfsPointer));
        let json = br#"{"say": "call old_tool()"}"#;
        assert!(matches!(write("a.json", json), Err(Unwritable::Broken(_))));
        assert!(write("a.md", json).is_ok());
        assert!(write("a.json", b"{ // not JSON\n \"old_tool()\": 1").is_ok(), "nor was it before");
    }

    /// Pieces of which files are made: names, what looks like them, line ends, bytes that are no UTF-8.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        const TEXTS: &[&[u8]] = &[
            b".old-os",
            b".old-os/standards/old.md",
            b".new-os/standards/gone.md",
            b"my.old-os-tool",
            b"~/.old-os",
            b"-m old_server",
            b"import old_server",
            b"old_tool()",
            b"old_tool",
            b"action=\"old_tool\"",
            b" ",
            b"\n",
            b"\r\n",
            b"\r",
            b"\xe9",
            b"\xff\xc3",
            b"\xf0\x9f",
            "ö".as_bytes(),
            "日本".as_bytes(),
            b"x",
            b"/",
            b".",
            b"\t",
            b"\xef\xbf\xbd",
            b"\"",
        ];
        prop_oneof![
            8 => proptest::sample::select(TEXTS).prop_map(<[u8]>::to_vec),
            1 => proptest::collection::vec(1..=255_u8, 0..4),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bytes_outside_of_the_tokens_stay(pieces in proptest::collection::vec(piece(), 0..40)) {
            let old: Vec<u8> = pieces.concat();
            prop_assume!(!document::has_wide_form(&old));
            let done = write("a.md", &old).unwrap();
            let listed = super::super::in_file(&"a.md".parse().unwrap(), &old, &moves(), true).unwrap();
            let named: usize = listed.iter().map(|line| line.names.len()).sum();
            prop_assert_eq!(done.replaced + done.left.len(), named, "exactly what is listed");
            let tokens = done.bytes.len() as isize - old.len() as isize;
            prop_assert!(done.replaced > 0 || (tokens == 0 && done.bytes == old));
            // Line by line: the text that is listed, and in it the same bytes that are no text.
            let lines = |text: &[u8]| text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
            let odd = |line: &[u8]| {
                line.utf8_chunks().map(|chunk| chunk.invalid().to_vec()).filter(|bytes| !bytes.is_empty()).collect::<Vec<_>>()
            };
            let (was, is) = (lines(&old), lines(&done.bytes));
            prop_assert_eq!(was.len(), is.len());
            for (number, (was, is)) in (1..).zip(was.iter().zip(&is)) {
                let end = |line: &[u8]| line.ends_with(b"\r");
                let shown = |line: &[u8]| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                match listed.iter().find(|line| line.line == number) {
                    None => prop_assert_eq!(was, is),
                    Some(line) => {
                        prop_assert_eq!((odd(was), end(was)), (odd(is), end(is)));
                        if shown(was).len() <= 400 {
                            prop_assert_eq!(shown(is), line.becomes.clone().unwrap_or_else(|| line.text.clone()));
                        }
                    }
                }
            }
        }
    }
}
