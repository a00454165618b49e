//! Where everything of the user's is now: taken from the disk, checked before a phase ends, and told.

pub(crate) mod check;
pub(crate) mod take;
