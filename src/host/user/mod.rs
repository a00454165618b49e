//! The user: who they are, what they allowed, and which sources they used.

pub mod consent;
pub mod identity;
pub mod recent_sources;
