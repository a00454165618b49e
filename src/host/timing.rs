//! How much of a session's time went to others: pip, git, the server, people. What is left is our own.
//!
//! Counted for the thread that runs the session; what other threads do at the same time takes none of its time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Who the time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// pip, and the interpreter that it and the imports run in.
    Pip,
    /// The server: its start, its end, its answers.
    Server,
    /// git.
    Git,
    /// Other programs: interpreters that check a file, post-install steps, tests.
    Programs,
    /// A person who is asked.
    Person,
}

impl Who {
    /// All of them.
    pub const ALL: [Who; 5] = [Who::Pip, Who::Server, Who::Git, Who::Programs, Who::Person];

    /// The word in JSON and in the report.
    pub fn word(self) -> &'static str {
        match self {
            Who::Pip => "pip",
            Who::Server => "server",
            Who::Git => "git",
            Who::Programs => "programs",
            Who::Person => "waiting",
        }
    }
}

#[derive(Default)]
struct Counted {
    spent: BTreeMap<Who, Duration>,
    /// How many waits stand within each other: only the outermost counts.
    depth: u32,
}

thread_local! {
    static COUNTED: RefCell<Counted> = RefCell::default();
}

/// A wait for somebody; it ends when this goes.
pub struct Waiting(Who, Instant);

/// Begins to wait for somebody.
pub fn waiting(who: Who) -> Waiting {
    COUNTED.with_borrow_mut(|c| c.depth += 1);
    Waiting(who, Instant::now())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        COUNTED.with_borrow_mut(|c| {
            c.depth = c.depth.saturating_sub(1);
            if c.depth == 0 {
                *c.spent.entry(self.0).or_default() += self.1.elapsed();
            }
        });
    }
}

/// What was spent on this thread since the last [`reset`].
pub fn spent(who: Who) -> Duration {
    COUNTED.with_borrow(|c| c.spent.get(&who).copied().unwrap_or_default())
}

/// Begins to count anew on this thread.
pub fn reset() {
    COUNTED.with_borrow_mut(|c| *c = Counted::default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_within_a_wait_counts_once() {
        reset();
        let pause = || std::thread::sleep(Duration::from_millis(10));
        {
            let _outer = waiting(Who::Server);
            pause();
            let _inner = waiting(Who::Git);
            pause();
        }
        assert!(spent(Who::Server) >= Duration::from_millis(20) && spent(Who::Git).is_zero());
        {
            let _git = waiting(Who::Git);
            pause();
        }
        assert!(spent(Who::Git) >= Duration::from_millis(10));
        reset();
        assert!(spent(Who::Server).is_zero());
    }
}
