//! The wizard: what a person sees and does.
//!
//! [`model::Model`] is all state, [`update::update`] is the only thing that changes it and does no I/O, [`view::draw`]
//! paints it, and [`run::run`] joins them to the terminal and the engine. Which key does what stands in one table,
//! [`keymap::BINDINGS`].

pub(crate) mod click;
pub(crate) mod conflict;
pub mod diff;
pub(crate) mod folding;
pub(crate) mod input;
pub mod keymap;
pub mod launch;
pub mod merge_rows;
pub mod message;
pub mod model;
pub(crate) mod progress;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod setup;
mod sight;
pub(crate) mod terminal;
pub(crate) mod text;
pub mod theme;
pub mod update;
pub mod view;
mod worker;

#[cfg(test)]
pub(crate) mod tests;
