//! Runs a session in the background: the six phases, rollback, and what is said meanwhile.
//!
//! A face calls [`planning::inspect::inspect`] for the plan, shows it, and on approval calls [`executor::start`]. From
//! then on it speaks only through the [`executor::Handle`]: [`events::Event`]s out, [`events::Command`]s in.

pub mod account;
pub mod at_work;
pub mod conflicts;
pub mod events;
pub mod executor;
pub mod maintenance;
pub mod outside;
mod phases;
pub mod planning;
pub mod refusal;
pub mod report;
pub mod rollback;
pub mod session;
