//! `help`: pages of the manual, and what a command takes.

use std::io;

use clap::{Command, CommandFactory as _, Parser as _};
use serde_json::{Value, json};

use crate::cli::args::{Cli, Common};
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::page;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::manual::{self, Page};

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
        && let Some(text) = manual::error_page(&code.to_string())
    {
        return page::print(common, &json!({"topic": code, "title": code.title(), "text": text}), text);
    }
    match manual::find(topic).filter(|_| rest.is_empty()) {
        Some(page) => page::print(common, &page_json(&page, true), page.text),
        None => Err(unknown(&words.join(" "))),
    }
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
