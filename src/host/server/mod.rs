//! This install's MCP server: found, started, stopped, talked to, and its search index.

mod editors;
mod generation;
pub mod kept;
mod launch;
mod live;
pub mod log;
pub mod mcp;
mod owner;
pub mod ports;
pub mod search_index;
mod settings;
mod start;

pub use editors::planned;
pub use generation::layout_of;
pub use launch::{checked, of_this_package, without_stdin};
pub use live::*;
pub use log::{last_lines, log_path};
pub use owner::Owner;
pub use settings::Settings;
pub use start::{ServerError, Started, Watch, start};
