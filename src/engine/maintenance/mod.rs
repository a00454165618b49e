//! What is done to an install besides upgrades.

pub mod reconcile;
