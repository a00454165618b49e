//! The install's Python: its environment, its packages, pip, and what compiles.

pub mod compile;
pub(crate) mod condition;
pub mod installer;
pub mod interpreters;
pub(crate) mod packages;
pub mod pip;
pub(crate) mod relocate;
pub mod venv;
