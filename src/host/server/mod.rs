//! This install's MCP server: found, started, stopped, talked to, and its search index.

mod editors;
mod find;
mod generation;
pub mod kept;
pub mod kept_index;
mod launch;
pub(crate) mod log;
pub mod mcp;
mod owner;
pub mod ports;
pub(crate) mod search_index;
mod settings;
mod start;
mod supervisor;
pub(crate) mod trial_copy;
pub mod view;

pub(crate) use editors::planned;
pub use find::*;
pub(crate) use generation::layout_of;
pub(crate) use launch::checked;
pub(crate) use launch::of_this_package;
pub(crate) use launch::without_stdin;
pub use log::{last_lines, log_path};
pub use owner::Owner;
pub use settings::Settings;
pub use start::{ServerError, Started, Watch, start};
pub(crate) use supervisor::Supervisor;
