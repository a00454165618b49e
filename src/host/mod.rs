//! Touches the world, one file per thing. Knows nothing of phases.

pub mod backup;
pub mod backups;
mod clear;
pub mod crash;
pub mod demo;
pub mod folder;
pub mod fs;
pub mod git;
pub mod index;
pub mod journal;
pub mod lock;
pub mod mcp;
pub mod packages;
pub mod pip;
pub mod places;
pub mod ports;
pub mod process;
pub mod program;
pub mod python;
pub mod recent;
pub mod recover;
pub mod restore;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod timing;
pub mod venv;
