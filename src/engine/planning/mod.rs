//! What would happen, before anybody says yes: the source, the checks of phase 0, the plan. Reads, never writes.

pub mod assistant_rules;
pub mod checks;
pub mod editors;
pub mod edits;
pub mod environment;
pub mod folder;
pub mod foreign_locks;
pub mod inspect;
pub mod leftover;
pub mod leftovers;
pub mod lfs_pointers;
pub mod live_workflows;
pub mod make_plan;
pub mod outside;
pub mod possible;
pub mod python;
pub mod request;
pub mod running_server;
pub mod source;
pub mod sources;
pub mod unchangeable;
pub mod writable;
