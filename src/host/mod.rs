//! Touches the world, one file per thing. Knows nothing of phases.

pub mod fs;
pub mod git;
