//! What is done to an install besides upgrades: a file is brought back, backups go, a lock is taken away, a baseline is
//! made anew. Nothing here asks or prints; what a person should read at once goes to `note`, line by line.

pub(crate) mod adopt;
pub(crate) mod backups;
pub(crate) mod doctor;
pub(crate) mod locked;
pub(crate) mod outside;
pub(crate) mod reconcile;
pub(crate) mod restore;
pub(crate) mod settings;
pub(crate) mod unlock;
