//! Whether the terminal shows what was drawn last. It is asked with each screen and each question, and answers in the
//! stream of keys, so that keys from before that screen are told from keys for it, however slow the line is.

use std::time::{Duration, Instant};

/// How long a terminal may take that has answered before: keys that were typed blindly meanwhile come before its answer.
const SLOW_LINE: Duration = Duration::from_secs(3);
/// How long a terminal is waited for that has never answered: it doesn't know the question.
const NO_ANSWER: Duration = Duration::from_millis(250);
/// Until then after the start it may still turn out to know it.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// What the terminal has been asked, and what it has answered.
#[derive(Debug)]
pub(super) struct Sight {
    began: Instant,
    /// Queries without an answer yet.
    owed: u32,
    /// When the last one was written.
    since: Option<Instant>,
    /// It knows the question.
    answers: bool,
}

impl Sight {
    /// Nothing has been asked.
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, owed: 0, since: None, answers: false }
    }

    /// A query was written behind a frame.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.owed += 1;
        self.since = Some(now);
    }

    /// An answer came. True if it is the one for what was drawn last.
    pub(crate) fn answered(&mut self) -> bool {
        self.answers = true;
        let was_owed = self.owed > 0;
        self.owed = self.owed.saturating_sub(1);
        was_owed && self.owed == 0
    }

    /// Whether an answer of a terminal that gives some is still to come.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed > 0 && (self.answers || self.began.elapsed() < FIRST_ANSWER)
    }

    /// Until when the answer is waited for; none if nothing was asked.
    pub(crate) fn patience(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.owed > 0)?;
        Some(match self.answers {
            true => since + SLOW_LINE,
            false => (since + NO_ANSWER).max(self.began + FIRST_ANSWER),
        })
    }

    /// The answer did not come in time; one that comes later is nobody's.
    pub(crate) fn gave_up(&mut self) {
        (self.owed, self.answers) = (0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_the_last_query_counts() {
        let now = Instant::now();
        let mut sight = Sight::new(now);
        assert!(!sight.answered(), "nobody asked");
        sight.asked(now);
        sight.asked(now);
        assert!(!sight.answered());
        assert!(sight.answered());
        assert!(!sight.is_owed() && sight.patience().is_none());
    }

    #[test]
    fn a_terminal_that_knows_the_question_is_given_more_time() {
        let now = Instant::now();
        let mut sight = Sight::new(now);
        sight.asked(now);
        assert_eq!(sight.patience(), Some(now + FIRST_ANSWER));
        assert!(sight.answered());
        sight.asked(now);
        assert_eq!(sight.patience(), Some(now + SLOW_LINE));
        sight.gave_up();
        assert!(!sight.answered(), "it came too late");
        sight.gave_up();
        let later = now + Duration::from_secs(60);
        sight.asked(later);
        assert_eq!(sight.patience(), Some(later + NO_ANSWER));
    }
}
