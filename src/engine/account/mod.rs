//! Where everything of the user's is now: taken from the disk, checked before a phase ends, and told.

pub mod check;
pub mod take;
