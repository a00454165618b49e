//! The six phases, one file or room each.

pub(crate) mod assistant_rules;
pub(crate) mod backup;
pub(crate) mod cleanup;
pub(crate) mod content;
pub(crate) mod editors;
pub(crate) mod preflight;
pub(crate) mod rename_folder;
pub(crate) mod server;
pub(crate) mod uninstall;
pub(crate) mod validation;
