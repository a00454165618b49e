//! How far a long task is, in one row at the bottom of a terminal. Where no person watches (a pipe, a file, a terminal without
//! commands) nothing of it is written.

use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr as _;

use crate::cli::print;
use crate::core::phase::Phase;
use crate::engine::events::Event;
use crate::tui::text;

/// The row changes at most this often.
const OFTEN: Duration = Duration::from_millis(100);

/// Cells of the bar.
const BAR: usize = 20;

/// The row, and whether it stands there now.
#[derive(Debug)]
pub(crate) struct Row {
    watched: bool,
    shown: bool,
    phase: Option<Phase>,
    task: String,
    drawn: Option<Instant>,
}

impl Row {
    /// For standard output, if a person watches it.
    pub(crate) fn new(json: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        Self {
            watched: !json && !dumb && print::at_a_terminal(),
            shown: false,
            phase: None,
            task: String::new(),
            drawn: None,
        }
    }

    /// Takes the row away before a line is printed.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            print::row("");
        }
    }

    /// Draws it anew for what happened.
    pub(crate) fn follow(&mut self, event: &Event) {
        if !self.watched {
            return;
        }
        let row = match event {
            Event::PhaseStarted { phase, .. } => {
                self.phase = Some(*phase);
                return;
            }
            Event::TaskStarted { task, .. } => {
                task.name().clone_into(&mut self.task);
                bar(self.phase, &self.task, 0, 0, "")
            }
            Event::TaskProgress { task, done, total, detail, .. } => {
                if self.drawn.is_some_and(|at| at.elapsed() < OFTEN) && done != total {
                    return;
                }
                bar(self.phase, task.name(), *done, *total, detail)
            }
            _ => return,
        };
        self.drawn = Some(Instant::now());
        self.shown = true;
        print::row(&cut(&row, usize::from(print::columns()).saturating_sub(1)));
    }
}

fn cut(row: &str, width: usize) -> String {
    if row.width() <= width { row.to_owned() } else { text::fit(row, width) }
}

fn bar(phase: Option<Phase>, task: &str, done: u64, total: u64, detail: &str) -> String {
    let phase = phase.map_or(String::new(), |phase| format!("{} ", phase.number()));
    if total == 0 {
        return format!("  {phase}{task} {detail}");
    }
    let full = (done.min(total) as u128 * BAR as u128 / u128::from(total)) as usize;
    let cells = format!("{}{}", "#".repeat(full), "-".repeat(BAR - full));
    let percent = u128::from(done.min(total)) * 100 / u128::from(total);
    format!("  {phase}{task} [{cells}] {percent:>3} % {detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_how_far_it_is() {
        let row = bar(Some(Phase::Content), "apply", 1, 4, "a.md");
        assert_eq!(row, "  2 apply [#####---------------]  25 % a.md");
        assert_eq!(bar(None, "look", 3, 0, "x"), "  look x");
        assert!(bar(None, "t", u64::MAX, 1, "").contains("100 %"), "never more");
        assert!(cut(&"wide ".repeat(30), 20).width() <= 20);
    }

    #[test]
    fn nobody_who_does_not_watch_sees_it() {
        let mut row = Row::new(true);
        row.follow(&Event::RollbackStarted { reason: String::new() });
        row.clear();
        assert!(!row.shown && !row.watched);
    }
}
