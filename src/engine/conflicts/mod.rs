//! Conflicts: who settles them, standing rules, what is put off, and how the outcome is written.

pub mod apply;
pub mod deferred;
pub mod rules;
pub mod settle;
