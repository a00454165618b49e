//! Programs: how they are started, marked, followed, limited, told apart and timed.

pub mod children;
pub(crate) mod foreign_lock_holders;
pub(crate) mod inside;
pub(crate) mod lines;
pub(crate) mod memory;
pub(crate) mod output;
pub mod proc;
pub mod program;
pub(crate) mod pulse;
pub(crate) mod timing;
