//! What is done to an install besides upgrades: a file is brought back, backups go, a lock is taken away, a baseline is
//! made anew. Nothing here asks or prints; what a person should read at once goes to `note`, line by line.

pub mod backups;
pub mod locked;
pub mod outside;
pub mod reconcile;
pub mod restore;
pub mod unlock;
