//! Dependencies and post-install steps: real pip in real environments, packages made here, an index on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod environment;
#[path = "../common/ext.rs"]
mod ext;
mod failures;
mod index;
mod left;
#[path = "../crash/mounts.rs"]
mod mounts;
mod places;
mod post_install;
mod world;
