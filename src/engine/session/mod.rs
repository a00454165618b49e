//! A session while it runs: its state, what it says and hears, how long it may take.

pub(crate) mod background;
pub(crate) mod context;
pub(crate) mod estimates;
pub(crate) mod remedy;
pub(crate) mod server_state;
pub(crate) mod stop;
pub(crate) mod task;
pub(crate) mod wait_until_idle;
pub(crate) mod word;
