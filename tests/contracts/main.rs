//! One example of every contract, from what the built binary prints and writes: keys, kinds, counts, ids and times.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod events;
#[path = "../common/ext.rs"]
mod ext;
mod files;
mod plan;
mod printed;
mod set;
