//! Touches the world, one room a subject. Knows nothing of phases.

pub mod backup;
pub mod demo;
pub mod files;
pub mod git;
pub(crate) mod install;
pub(crate) mod platform;
pub mod process;
pub mod python;
pub mod server;
pub mod session;
pub mod user;
