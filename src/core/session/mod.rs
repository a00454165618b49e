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
mod state;
mod state_file;
mod times;

pub use approval::Approval;
pub use decision::{Decision, Refused};
pub use decisions::{Decided, Decisions, Draft, Earlier};
pub use machine::{Illegal, StateEvent, on};
pub use ready::Ready;
pub use rebuilt::{Remains, rebuilt};
pub use reconcile::Facts;
#[cfg(test)]
pub use saved::example;
pub use saved::{Before, DOCUMENTS, PhaseRecord, SCHEMA, Seconds, ServerBefore, Session, WORKFLOW_TYPE};
pub use schema_1::from_schema_1;
pub use state::{End, SoFar, State, Status, Wait};
pub use times::{is_stamp, moment, stamp_of, time_of};
