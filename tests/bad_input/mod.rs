//! What can't be upgraded is refused: with the exit code that says so, the path, a next step, and nothing changed.

mod asking;
mod machine;
mod set_up;
mod source;
