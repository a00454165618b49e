//! The six phases, one file or room each.

pub mod assistant_rules;
pub mod backup;
pub mod cleanup;
pub mod content;
pub mod editors;
pub mod preflight;
pub mod relocate;
pub mod server;
pub mod validation;
