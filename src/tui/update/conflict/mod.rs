//! The conflict screen: moving, deciding, and telling the engine.

pub(super) mod act;
pub(super) mod decide;
pub(super) mod display;
pub(super) mod editing;
pub(super) mod opening;
pub(super) mod rule;
mod scroll;
pub(super) mod search;
mod send;
