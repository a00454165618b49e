//! What goes on beside the phases of a session.

use std::any::Any;

/// Work in programs of its own, beside the phases. They end when it is dropped.
pub(crate) trait Background: Any + Send {
    /// Goes on to the next step when one has ended; the number of a process that was started.
    fn poll(&mut self) -> Option<u32>;

    /// Whether a program of it runs.
    fn is_busy(&self) -> bool;
}
