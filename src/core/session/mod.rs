//! One upgrade as it stands on disk: what was approved, where it stands, what is done, what is left.

mod approval;
mod decision;
mod decisions;
mod folder;
mod machine;
mod ready;
mod rebuilt;
mod reconcile;
mod saved;
mod schema_1;
mod seconds;
mod server_before;
mod sound;
mod standing;
mod state;
mod state_file;
mod taken_out;
mod times;

pub(crate) use approval::{Approval, Purpose};
pub use decision::{Decision, Refused};
pub use decisions::{Decided, Decisions, Draft, Earlier};
pub use machine::{Illegal, StateEvent};
pub use ready::{Ready, Rehearsal};
pub use rebuilt::Remains;
pub(crate) use rebuilt::rebuilt;
pub(crate) use reconcile::Facts;
pub(crate) use saved::SCHEMA;
pub(crate) use saved::WORKFLOW_TYPE;
#[cfg(test)]
pub(crate) use saved::example;
pub use saved::{PhaseRecord, Session};
pub(crate) use schema_1::from_schema_1;
pub use seconds::Seconds;
pub use server_before::ServerBefore;
pub(crate) use sound::DOCUMENTS;
pub use standing::Before;
pub use state::{End, SoFar, State, Status, Wait};
pub(crate) use taken_out::{GITIGNORE, TakenOut};
pub(crate) use times::ago;
pub(crate) use times::is_stamp;
pub(crate) use times::moment;
pub(crate) use times::stamp_of;
pub(crate) use times::time_of;
