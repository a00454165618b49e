//! Backups: the verified copy of an install, and which of them stay.

pub mod copy;
pub mod manifest;
pub mod owners;
pub mod retention;
