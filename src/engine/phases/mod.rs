//! The six phases, one file each.

pub mod backup;
pub mod cleanup;
pub mod content;
pub mod dependencies;
pub mod fetch;
mod launch;
pub mod post_install;
pub mod preflight;
pub mod server;
pub mod validation;
