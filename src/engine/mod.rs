//! Runs a session in the background: the six phases, rollback, and what is said meanwhile.
//!
//! A face calls [`inspect::inspect`] for the plan, shows it, and on approval calls [`executor::start`]. From then on
//! it speaks only through the [`executor::Handle`]: [`events::Event`]s out, [`events::Command`]s in.

mod apply;
mod checks;
pub(crate) mod decisions;
pub mod documents;
pub mod dry_run;
pub mod edits;
pub mod environment;
mod estimates;
pub mod events;
pub mod executor;
pub mod inspect;
pub mod outside;
pub mod parking;
mod phases;
pub mod planning;
pub mod pointers;
mod possible;
mod quiet;
pub mod reconcile;
mod remedy;
mod report;
mod rollback;
mod rules;
mod run;
pub mod sources;
mod undo;
mod way;
mod writable;
