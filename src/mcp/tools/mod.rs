//! The tools, one file a subject.

pub(crate) mod conflicts;
pub(crate) mod look;
pub(crate) mod plan;
pub(crate) mod run;
