//! How much of a session's time went to others: pip, git, the server, people. What is left is our own.
//!
//! Counted for the thread that runs the session; what other threads do at the same time takes none of its time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// Who the time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
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
    pub(crate) const ALL: [Who; 5] = [Who::Pip, Who::Server, Who::Git, Who::Programs, Who::Person];
}

#[derive(Default)]
struct Counted {
    spent: BTreeMap<Who, Duration>,
    /// Waits that stand within each other; time counts for the innermost.
    stack: Vec<Who>,
    since: Option<Instant>,
}

impl Counted {
    /// Counts the time since the last change for who it was spent on.
    fn charge(&mut self) {
        let now = Instant::now();
        if let (Some(who), Some(since)) = (self.stack.last(), self.since) {
            *self.spent.entry(*who).or_default() += now - since;
        }
        self.since = Some(now);
    }
}

thread_local! {
    static COUNTED: RefCell<Counted> = RefCell::default();
}

/// A wait for somebody; it ends when this goes.
#[must_use]
pub(crate) struct Waiting(PhantomData<*const ()>);

/// Begins to wait for somebody, on this thread.
pub(crate) fn waiting(who: Who) -> Waiting {
    COUNTED.with_borrow_mut(|c| {
        c.charge();
        c.stack.push(who);
    });
    Waiting(PhantomData)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        COUNTED.with_borrow_mut(|c| {
            c.charge();
            c.stack.pop();
        });
    }
}

/// What was spent on this thread since the last [`reset`], waits that go on not counted.
pub(crate) fn spent(who: Who) -> Duration {
    COUNTED.with_borrow(|c| c.spent.get(&who).copied().unwrap_or_default())
}

/// Begins to count anew on this thread.
pub(crate) fn reset() {
    COUNTED.with_borrow_mut(|c| *c = Counted::default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_once_and_for_the_innermost() {
        reset();
        let pause = |ms| std::thread::sleep(Duration::from_millis(ms));
        let begun = Instant::now();
        {
            let _outer = waiting(Who::Server);
            pause(10);
            {
                let _inner = waiting(Who::Git);
                pause(30);
            }
            pause(10);
        }
        pause(5);
        let (server, git) = (spent(Who::Server), spent(Who::Git));
        assert!(server >= Duration::from_millis(20) && git >= Duration::from_millis(30), "{server:?} {git:?}");
        assert!(server + git + Duration::from_millis(5) <= begun.elapsed());
        reset();
        assert!(spent(Who::Server).is_zero());
    }
}
