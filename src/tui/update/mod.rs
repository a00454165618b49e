//! What each message does to the model, and which effects it asks for. No I/O, no clock.

mod click;
mod conflict;
mod dispatch;
mod events;
mod keys;
mod navigation;
mod preview;
mod progress;
mod running;
mod screens;
mod setup;

pub use dispatch::update;
