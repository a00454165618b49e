//! What can't be upgraded is refused: with the exit code that says so, the path, a next step, and nothing changed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod asking;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/ext.rs"]
mod ext;
mod machine;
mod set_up;
mod source;
