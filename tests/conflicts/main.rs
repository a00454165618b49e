//! The conflict screen by keyboard on a pseudo-terminal: every key, every way to settle a hunk, hundreds of files, a
//! crash in the middle, and conflicts that are put off.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod choices;
#[path = "../common/mod.rs"]
mod common;
mod kept;
mod world;
