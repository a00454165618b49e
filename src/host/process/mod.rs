//! Programs: how they are started, marked, followed, limited, told apart and timed.

pub mod children;
pub mod inside;
pub mod lock_holders;
pub mod output;
pub mod proc;
pub mod program;
pub mod timing;
