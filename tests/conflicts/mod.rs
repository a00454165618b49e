//! The conflict screen by keyboard on a pseudo-terminal: every key, every way to settle a hunk, hundreds of files, a
//! crash in the middle, and conflicts that are put off.

mod choices;
mod kept;
mod offers;
pub mod world;
