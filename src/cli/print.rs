//! The one place where the commands write to standard output and standard error.
//!
//! Nothing gets past [`visible`]: who prints need not know where a text came from. A line is one line, whatever stands in
//! the names that it has; several lines are only written where a text of several is meant ([`text`]), and data goes out as
//! JSON that is harmless on a terminal ([`json()`]). A reader that went away must not stop an upgrade in the middle, so that
//! is no error here. `clippy.toml` forbids other ways to print.
#![allow(clippy::disallowed_methods, reason = "this is the place")]

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use clap::CommandFactory as _;
use serde::Serialize;

use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::json;
use crate::core::visible;

/// One line on standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print::said(format_args!($($text)*)) };
}

/// One line on standard error.
macro_rules! complain {
    ($($text:tt)*) => { $crate::cli::print::complained(format_args!($($text)*)) };
}

/// See [`say!`].
pub(crate) fn said(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout().lock(), "{}", visible::line(&text.to_string()));
}

/// See [`complain!`].
pub(crate) fn complained(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{}", visible::line(&text.to_string()));
}

/// A text that may have several lines, on standard output.
pub(crate) fn text(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", visible::lines(text));
}

/// A text that may have several lines, on standard error.
pub(crate) fn error_text(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", visible::lines(text));
}

/// How many lines of a kind are shown; `--json` has all.
const SHOWN: usize = 20;

/// The first of many lines, each behind `front`, and how many more there are, with `rest` to say of those.
pub(crate) fn some(front: &str, lines: &[String], rest: &str) {
    lines.iter().take(SHOWN).for_each(|line| say!("{front}{line}"));
    if lines.len() > SHOWN {
        say!("{front}and {} more{rest}", lines.len() - SHOWN);
    }
}

/// A value as one line of JSON on standard output.
pub(crate) fn json(value: &impl Serialize) {
    match json_line(value) {
        Ok(line) => {
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
        Err(e) => complained(format_args!("a bug in this program: what it has to say has no JSON form ({e})")),
    }
}

/// A value as one line of JSON.
///
/// # Errors
/// [`json::Unwritable`].
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, json::Unwritable> {
    json::compact(value).map(visible::json)
}

/// One row at the bottom of the terminal, in place of the one that stands there; an empty one takes it away.
pub(crate) fn row(text: &str) {
    let mut out = io::stdout().lock();
    let _ = write!(out, "\r\u{1b}[K{}", visible::line(text)).and_then(|()| out.flush());
}

/// A question, without the end of its line; false if it could not be written.
pub(crate) fn question(text: &str) -> bool {
    let mut out = io::stdout().lock();
    write!(out, "{} ", visible::lines(text)).and_then(|()| out.flush()).is_ok()
}

/// One line that asks for one; false if it could not be written.
pub(crate) fn heard(text: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", visible::line(text)).and_then(|()| out.flush()).is_ok()
}

/// Whether standard output is a terminal.
pub(crate) fn at_a_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns of the terminal; 80 where that can't be told.
pub(crate) fn columns() -> u16 {
    ratatui::crossterm::terminal::size().map_or(80, |(columns, _)| columns.max(20))
}

/// Standard output for much that is written at once, for [`super::diff::Paper`].
///
/// # Errors
/// [`Refusal`] where it can't be written for another reason than a reader that has gone away (`| head`).
pub(crate) fn much(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Refusal> {
    let mut out: BufWriter<Stdout> = BufWriter::new(io::stdout());
    let written = write(&mut out).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            let what = format!("the output could not be written ({e}); nothing was changed");
            Err(Refusal::refused(Code::OutputFailed, what, "send it somewhere else"))
        }
        _ => Ok(()),
    }
}

/// What clap has to say, and the exit code that goes with it. It repeats arguments as they were typed.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    let code = if error.exit_code() == 0 { Exit::Done } else { Exit::Usage };
    let typed: Vec<String> = std::env::args_os().map(|a| visible::line_of(a.as_encoded_bytes())).collect();
    if std::env::args_os().zip(&typed).all(|(was, shown)| was == shown.as_str()) {
        // In its colours.
        let _ = error.print();
        more(code);
        return code;
    }
    // A line end in an argument would begin a line of its own: what is said of the arguments as they are shown.
    let all = super::args::Cli::command();
    let said = all.try_get_matches_from(typed).map_or_else(|e| e.to_string(), |_| error.to_string());
    let _ = writeln!(io::stderr(), "{}", visible::lines(said.trim_end()));
    more(code);
    code
}

/// Where more is said of arguments that can't be meant.
fn more(exit: Exit) {
    if exit == Exit::Usage {
        complained(format_args!("  more: pos-upgrade-tui help {}", Code::Usage));
    }
}
