//! What would happen, before anybody says yes: the source, the checks of phase 0, the plan. Reads, never writes.

pub(crate) mod anew;
pub(crate) mod assistant_rules;
pub(crate) mod checks;
pub(crate) mod editors;
pub(crate) mod edits;
pub(crate) mod environment;
pub(crate) mod folder;
pub(crate) mod foreign_locks;
pub(crate) mod inspect;
pub(crate) mod leftover;
pub(crate) mod leftovers;
pub(crate) mod lfs_pointers;
pub(crate) mod live_workflows;
pub mod make_plan;
pub(crate) mod outside;
pub(crate) mod possible;
pub(crate) mod python;
pub(crate) mod rehearsal;
pub(crate) mod request;
pub(crate) mod room;
pub(crate) mod running_server;
pub(crate) mod settings;
pub mod source;
pub mod sources;
pub(crate) mod unchangeable;
pub(crate) mod writable;
