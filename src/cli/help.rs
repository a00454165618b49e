//! `help`: pages of the manual, and what a command takes.

use std::io;

use clap::{Command, CommandFactory as _, Parser as _};
use serde_json::{Value, json};

use crate::cli::args::{Cli, Common};
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::manual::{self, Page, Piece};
use crate::tui::text;

/// The widest line of a page on a terminal.
const WIDEST: u16 = 88;

/// Runs the subcommand: what a command takes, a page, or the list of both.
///
/// # Errors
/// [`Refusal`] where nothing has that name, or the output can't be written.
pub(crate) fn run(common: &Common, words: &[String]) -> Result<Exit, Refusal> {
    let [topic, rest @ ..] = words else {
        if !common.json {
            of_command(&[]);
        }
        diff::to_stdout(|paper| if common.json { paper.json(&list_json()) } else { list(paper) })?;
        return Ok(Exit::Done);
    };
    if is_command(&Cli::command(), words) {
        return Ok(of_command(words));
    }
    if let (Some(code), []) = (Code::find(topic), rest)
        && let Some(page) = manual::error_page(&code.to_string())
    {
        diff::to_stdout(|paper| match (common.json, print::at_a_terminal()) {
            (true, _) => {
                let page = json!({"topic": code, "title": code.title(), "text": page});
                paper.json(&json!({"schema": 1, "page": page}))
            }
            (_, true) => read(paper, page),
            _ => page.lines().try_for_each(|line| paper.with_tabs(line)),
        })?;
        return Ok(Exit::Done);
    }
    let Some(page) = manual::find(topic).filter(|_| rest.is_empty()) else { return Err(unknown(&words.join(" "))) };
    diff::to_stdout(|paper| match (common.json, print::at_a_terminal()) {
        (true, _) => paper.json(&json!({"schema": 1, "page": page_json(&page, true)})),
        (_, true) => read(paper, page.text),
        // For a pager, a file or an assistant: as it was written.
        _ => page.text.lines().try_for_each(|line| paper.with_tabs(line)),
    })?;
    Ok(Exit::Done)
}

fn unknown(words: &str) -> Refusal {
    let topics: Vec<&str> = manual::pages().iter().map(|page| page.topic).collect();
    Refusal::usage(
        Code::NoSuchName,
        format!(
            "{}: no page and no command of that name; there are {}",
            diff::shown(words.as_bytes()),
            topics.join(", ")
        ),
        "the list: pos-upgrade-tui help",
    )
}

/// Whether these words name a subcommand, or one of one.
fn is_command(all: &Command, words: &[String]) -> bool {
    match words {
        [] => true,
        [word, rest @ ..] => all.find_subcommand(word).is_some_and(|command| is_command(command, rest)),
    }
}

/// What a command takes, as its `--help` says it.
fn of_command(words: &[String]) -> Exit {
    let line = ["pos-upgrade-tui"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    match Cli::try_parse_from(line) {
        Err(help) => print::usage(&help),
        Ok(_) => Exit::Done,
    }
}

fn page_json(page: &Page, whole: bool) -> Value {
    let mut entry = json!({"topic": page.topic, "title": page.title()});
    if whole {
        entry["text"] = page.text.into();
    }
    entry
}

fn list_json() -> Value {
    let pages: Vec<Value> = manual::pages().iter().map(|page| page_json(page, false)).collect();
    json!({"schema": 1, "pages": pages})
}

fn list(paper: &mut Paper<'_>) -> io::Result<()> {
    paper.line(Ink::Plain, "")?;
    paper.line(Ink::Bold, "Topics:")?;
    for page in manual::pages() {
        paper.line(Ink::Plain, &format!("  {:<16} {}", page.topic, page.title()))?;
    }
    paper.line(Ink::Plain, "")?;
    paper.line(Ink::Plain, "read one: pos-upgrade-tui help undo; what a command takes: pos-upgrade-tui help upgrade")
}

/// A page for eyes: wrapped, headings in bold.
fn read(paper: &mut Paper<'_>, page: &str) -> io::Result<()> {
    let width = usize::from(output::columns().min(WIDEST));
    let mut before = None;
    for piece in manual::pieces(page) {
        let kind = std::mem::discriminant(&piece);
        // Items, rows and lines of code stand together.
        let together = matches!(piece, Piece::Item(_) | Piece::Row(_) | Piece::Code(_)) && before == Some(kind);
        if before.is_some() && !together {
            paper.line(Ink::Plain, "")?;
        }
        before = Some(kind);
        match piece {
            Piece::Heading(words) => wrapped(paper, Ink::Bold, ("", ""), &words, width)?,
            Piece::Paragraph(words) => wrapped(paper, Ink::Plain, ("", ""), &words, width)?,
            Piece::Item(words) => wrapped(paper, Ink::Plain, ("- ", "  "), &words, width)?,
            Piece::Row(cells) => wrapped(paper, Ink::Plain, ("", "    "), &cells.join("  "), width)?,
            Piece::Code(line) => paper.line(Ink::Plain, &format!("    {line}"))?,
        }
    }
    Ok(())
}

fn wrapped(paper: &mut Paper<'_>, ink: Ink, indent: (&str, &str), words: &str, width: usize) -> io::Result<()> {
    for (i, line) in text::wrap(words, width.saturating_sub(indent.1.len())).into_iter().enumerate() {
        paper.line(ink, &format!("{}{line}", if i == 0 { indent.0 } else { indent.1 }))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_topic_hides_behind_a_command() {
        let all = Cli::command();
        for page in manual::pages() {
            assert!(all.find_subcommand(page.topic).is_none(), "help {} prints what a command takes", page.topic);
        }
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(is_command(&all, &words("backups prune")) && !is_command(&all, &words("backups keys")));
    }
}
