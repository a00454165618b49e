//! A session while it runs: its state, what it says and hears, how long it may take.

pub mod background;
pub mod context;
pub mod estimates;
pub mod remedy;
pub mod stop;
pub mod task;
pub mod wait_until_idle;
pub mod word;
