//! Text for people on stdout: lines in ink, and the unified diffs of texts.
//!
//! The form is that of `git diff`: `-` and `+` say it all, colour (only on a terminal, and not with `NO_COLOR`) adds
//! nothing. No byte of a file reaches the terminal as a control: see [`shown`].

use std::io::{self, Write};
use std::time::Duration;

use similar::{Algorithm, DiffTag, TextDiff};

use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::line_ends::LineEnds;
use crate::core::merge::is_binary;
use crate::core::path::RelPath;
use crate::core::visible;
pub(crate) use crate::core::visible::line_of as shown;
use crate::host::files::fs;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// Lines shown of a new file.
const HEAD: usize = 20;
/// After this a diff may be longer than it has to be.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a line is; only its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// As any other.
    Plain,
    /// A heading.
    Bold,
    /// `+`.
    Added,
    /// `-`.
    Removed,
    /// `@@`.
    Place,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Bold => "\x1b[1m",
            Ink::Added => "\x1b[32m",
            Ink::Removed => "\x1b[31m",
            Ink::Place => "\x1b[36m",
        }
    }
}

/// Where lines are written.
pub(super) struct Paper<'w> {
    out: &'w mut dyn Write,
    colour: bool,
}

impl Paper<'_> {
    /// Writes one line, whatever stands in its text.
    ///
    /// # Errors
    /// Whatever writing meets, a reader that has gone away among it.
    pub(crate) fn line(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        let text = visible::line(text);
        if self.colour && ink != Ink::Plain {
            writeln!(self.out, "{}{text}\x1b[0m", ink.code())
        } else {
            writeln!(self.out, "{text}")
        }
    }

    /// Writes a line whose tabs mean something.
    ///
    /// # Errors
    /// As [`Paper::line`].
    pub(crate) fn with_tabs(&mut self, text: &str) -> io::Result<()> {
        let parts: Vec<String> = text.split('\t').map(visible::line).collect();
        writeln!(self.out, "{}", parts.join("\t"))
    }

    /// Writes a value as one line of JSON.
    ///
    /// # Errors
    /// As [`Paper::line`].
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        writeln!(self.out, "{}", print::json_line(value)?)
    }
}

/// Writes to stdout. A reader that has gone away (`| head`) ends it quietly.
///
/// # Errors
/// [`Refusal`] where stdout can't be written for another reason, for instance a full disk.
pub(crate) fn to_stdout(write: impl FnOnce(&mut Paper<'_>) -> io::Result<()>) -> Result<(), Refusal> {
    let colour = print::at_a_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    print::much(|out| write(&mut Paper { out, colour }))
}

/// `--diff` is for people.
pub(crate) fn no_json() -> Refusal {
    Refusal::usage(
        Code::Usage,
        "--diff and --json do not go together: the JSON has no texts; nothing was changed",
        "leave one of the two out",
    )
}

/// A path, shown.
pub(crate) fn path(path: &RelPath) -> String {
    shown(path.as_bytes())
}

/// The unified diff of two texts, or a line that says why there is none.
///
/// # Errors
/// As [`Paper::line`].
pub(crate) fn unified(paper: &mut Paper<'_>, names: [&str; 2], old: &[u8], new: &[u8]) -> io::Result<()> {
    if old == new {
        return paper.line(Ink::Plain, &format!("  {} and {} are the same", names[0], names[1]));
    }
    if is_binary(old) || is_binary(new) {
        let size = |bytes: &[u8]| fs::human_size(bytes.len() as u64);
        let line = format!("  not text: {} {}, {} {}", names[0], size(old), names[1], size(new));
        return paper.line(Ink::Plain, &line);
    }
    let diff = TextDiff::configure().algorithm(Algorithm::Histogram).timeout(PATIENCE).diff_lines(old, new);
    // A file whose every line ends in CRLF would show nothing but that.
    let plain_ends = [old, new].into_iter().all(|text| LineEnds::of(text) == LineEnds::Crlf);
    let text = |line: Option<&[u8]>| {
        let line = line.unwrap_or_default();
        let bare = line.strip_suffix(if plain_ends { &b"\r\n"[..] } else { b"\n" });
        (shown(bare.unwrap_or(line)), bare.is_none() && !line.ends_with(b"\r"))
    };
    paper.line(Ink::Bold, &format!("--- {}", names[0]))?;
    paper.line(Ink::Bold, &format!("+++ {}", names[1]))?;
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let place = |start: usize, end: usize| match end - start {
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            n => format!("{},{n}", start + 1),
        };
        let (was, is) = (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
        let head = format!("@@ -{} +{} @@", place(was.start, was.end), place(is.start, is.end));
        paper.line(Ink::Place, &head)?;
        for op in &group {
            let equal = op.tag() == DiffTag::Equal;
            let removed =
                op.old_range().map(|i| (if equal { (' ', Ink::Plain) } else { ('-', Ink::Removed) }, i, true));
            let added = op.new_range().filter(|_| !equal).map(|j| (('+', Ink::Added), j, false));
            for ((mark, ink), at, is_old) in removed.chain(added) {
                let (line, unended) = text(if is_old { diff.old_slice(at) } else { diff.new_slice(at) });
                paper.line(ink, &format!("{mark}{line}"))?;
                if unended {
                    paper.line(Ink::Plain, "\\ No newline at end of file")?;
                }
            }
        }
    }
    Ok(())
}

/// The first lines of a file that is new.
///
/// # Errors
/// As [`Paper::line`].
pub(crate) fn head(paper: &mut Paper<'_>, text: &[u8]) -> io::Result<()> {
    if text.is_empty() {
        return paper.line(Ink::Plain, "  an empty file");
    }
    if is_binary(text) {
        return paper.line(Ink::Plain, &format!("  not text: {}", fs::human_size(text.len() as u64)));
    }
    let lines = || text.split_inclusive(|b| *b == b'\n');
    for line in lines().take(HEAD) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        paper.line(Ink::Added, &format!("+{}", shown(line.strip_suffix(b"\r").unwrap_or(line))))?;
    }
    match lines().count() {
        n if n > HEAD => {
            let more = n - HEAD;
            paper.line(Ink::Plain, &format!("… and {more} more {}", if more == 1 { "line" } else { "lines" }))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_paper(colour: bool, write: impl FnOnce(&mut Paper<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Paper { out: &mut out, colour }).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn diff(old: &[u8], new: &[u8]) -> String {
        on_paper(false, |p| unified(p, ["a", "b"], old, new))
    }

    #[test]
    fn it_is_what_git_prints() {
        assert_eq!(
            diff(b"1\n2\n3\n4\n5\n", b"1\n2\n3\n4\n5\n6"),
            "--- a\n+++ b\n@@ -3,3 +3,4 @@\n 3\n 4\n 5\n+6\n\\ No newline at end of file\n"
        );
        assert_eq!(diff(b"x\n", b""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
        assert_eq!(diff(b"x\n", b"x\n"), "  a and b are the same\n");
    }

    #[test]
    fn nothing_in_a_file_reaches_the_terminal() {
        let out = diff(b"", "\u{1b}[31m \u{202e}a\u{9b}2J".as_bytes());
        assert!(out.contains("+\\u{1b}[31m \\u{202e}a\\u{9b}2J"), "{out}");
        assert!(diff(b"\xff\n", b"\xfe\n").contains("-\\xff\n+\\xfe"));
        assert_eq!(diff(b"a\0", b"b\n"), "  not text: a 2 B, b 2 B\n");
    }

    #[test]
    fn line_ends_are_shown_where_they_differ() {
        assert!(diff(b"a\r\nb\r\n", b"a\r\nc\r\n").ends_with(" a\n-b\n+c\n"));
        assert!(diff(b"a\r\n", b"a\n").ends_with("-a\\r\n+a\n"));
    }

    #[test]
    fn colour_only_adds() {
        let coloured = on_paper(true, |p| unified(p, ["a", "b"], b"x\n", b"y\n"));
        assert!(coloured.contains("\u{1b}[31m-x\u{1b}[0m\n\u{1b}[32m+y\u{1b}[0m\n"), "{coloured:?}");
    }

    #[test]
    fn of_a_new_file_the_head_is_shown() {
        let text: String = (1..=22).map(|n| format!("{n}\n")).collect();
        let out = on_paper(false, |p| head(p, text.as_bytes()));
        assert!(out.starts_with("+1\n") && out.ends_with("+20\n… and 2 more lines\n"), "{out}");
    }
}
