//! Numbered questions, a line for each answer.

use std::io::IsTerminal as _;

use rustix::termios::{QueueSelector, tcflush};

use crate::cli::output::Interrupts;
use crate::cli::print;

/// Whoever hears and types. Gone, once and for all, where the input ends or a signal asks for an end.
pub(super) struct Person {
    interrupts: Interrupts,
    asked: usize,
    is_gone: bool,
}

impl Person {
    /// # Errors
    /// Where the system gives no signals.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { interrupts: Interrupts::new()?, asked: 0, is_gone: false })
    }

    /// Whether nobody answers any more.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Waits for a signal that asks for an end.
    pub(super) async fn interrupt(&mut self) {
        self.interrupts.next().await;
        self.is_gone = true;
    }

    /// Asks which of the choices it is, until it is one of them. None where nobody answers.
    pub(super) async fn choose(&mut self, title: &str, choices: &[String]) -> Option<usize> {
        self.asked += 1;
        let number = self.asked;
        let say = || {
            say!("");
            say!("Question {number}. {title}");
            for (at, choice) in choices.iter().enumerate() {
                say!("{}: {choice}.", at + 1);
            }
        };
        say();
        loop {
            let line = self.line(&format!("Type a number from 1 to {}, then Enter.", choices.len())).await?;
            match line.trim().parse::<usize>() {
                Ok(typed) if (1..=choices.len()).contains(&typed) => return Some(typed - 1),
                _ if matches!(line.trim(), "" | "?") => say(),
                _ => say!("There is no choice \"{}\". Enter alone says the question again.", line.trim()),
            }
        }
    }

    /// Asks for a yes or no. None where nobody answers.
    pub(super) async fn agrees(&mut self, title: &str, yes: &str, no: &str) -> Option<bool> {
        Some(self.choose(title, &[yes.to_owned(), no.to_owned()]).await? == 0)
    }

    /// One line of what is typed, without its end. None where nobody types any more.
    pub(super) async fn line(&mut self, prompt: &str) -> Option<String> {
        if self.is_gone || !print::heard(prompt) {
            self.is_gone = true;
            return None;
        }
        // What was typed before the question was heard is no answer to it.
        if std::io::stdin().is_terminal() {
            let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
        }
        let reading = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            read.is_ok_and(|bytes| bytes > 0).then_some(line)
        });
        let line = tokio::select! {
            line = reading => line.ok().flatten(),
            () = self.interrupts.next() => None,
        };
        if line.is_none() {
            self.is_gone = true;
            say!("");
        }
        line.map(|line| line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
