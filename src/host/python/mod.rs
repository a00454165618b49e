//! The install's Python: its environment, its packages, pip, and what compiles.

pub mod compile;
pub mod interpreters;
pub mod packages;
pub mod pip;
pub mod relocate;
pub mod venv;
