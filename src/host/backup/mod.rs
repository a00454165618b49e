//! Backups: the verified copy of an install, and which of them stay.

pub mod copy;
pub(crate) mod manifest;
pub(crate) mod owners;
pub mod retention;
pub(crate) mod scope;
