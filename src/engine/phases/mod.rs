//! The six phases, one file each.

pub mod backup;
pub mod cleanup;
pub mod content;
pub mod preflight;
pub mod server;
pub mod validation;
