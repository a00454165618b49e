//! Conflicts: who settles them, standing rules, what is put off, and how the outcome is written.

pub(crate) mod apply;
pub(crate) mod deferred;
pub(crate) mod given_answers;
pub(crate) mod rules;
pub(crate) mod settle;
