//! Runs a session in the background: the six phases, rollback, and what is said meanwhile.
//!
//! A face calls [`planning::inspect::inspect`] for the plan, shows it, and on approval calls [`executor::start`]. From
//! then on it speaks only through the [`executor::Handle`]: [`events::Event`]s out, [`events::Command`]s in.

pub(crate) mod account;
pub(crate) mod admission;
pub mod at_work;
pub(crate) mod conflicts;
pub mod events;
pub(crate) mod executor;
pub(crate) mod exit_of_run;
pub(crate) mod maintenance;
pub(crate) mod own_tools;
mod phases;
pub mod planning;
pub(crate) mod refusal;
pub(crate) mod report;
pub(crate) mod rollback;
pub(crate) mod session;

pub use phases::server::rehearsal_inside::run as rehearse;
