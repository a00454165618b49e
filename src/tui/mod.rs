//! The wizard: what a person sees and does.
//!
//! [`model::Model`] is all state, [`update::update`] is the only thing that changes it and does no I/O, [`view::draw`]
//! paints it, and [`run::run`] joins them to the terminal and the engine. Which key does what stands in one table,
//! [`keymap::BINDINGS`].

pub mod click;
pub mod conflict;
pub mod diff;
pub mod folding;
pub mod input;
pub mod keymap;
pub mod launch;
pub mod merge_rows;
pub mod message;
pub mod model;
pub mod progress;
pub mod run;
pub mod search;
pub mod setup;
mod sight;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;
mod worker;

#[cfg(test)]
mod tests;
