//! The conflict screen: moving, deciding, and telling the engine.

pub(super) mod act;
pub(super) mod decide;
pub(super) mod display;
pub(super) mod editing;
pub(super) mod opening;
mod scroll;
pub(super) mod search;
mod send;
pub(super) mod standing_rule;
