//! What decides. Pure: no files, no processes, no clock, no tokio, no ratatui.

pub mod answers;
pub mod baseline;
pub mod blob;
pub mod classify;
pub mod config;
mod histogram;
pub mod index;
pub mod known;
pub mod layout;
pub mod line_ends;
pub mod merge;
pub mod os_text;
pub mod outcome;
pub mod parked;
pub mod path;
pub mod phase;
pub mod plan;
pub mod possible;
pub mod provenance;
pub mod question;
pub mod requirements;
pub mod server_log;
pub mod session;
pub mod settings;
pub mod visible;
pub mod workflow;
