//! Upgrades a project's `.praxis-os/` folder from a clone of praxis-os, and loses nothing that the user wrote.
//!
//! Where to look:
//!
//! - [`core`] decides: plan, merge, phases, session. Pure.
//! - [`host`] touches the world: git, files, journal, backup, lock, venv, server.
//! - [`engine`] runs the six phases in the background; speaks only through [`engine::events`].
//! - [`tui`] is the wizard, `mcp` the assistant's face, [`cli`] the commands for scripts.
//!
//! Arrows run one way: `cli`, `tui`, `mcp` -> `engine` -> `host` -> `core`.

#![warn(unreachable_pub)]
#![cfg_attr(not(test), deny(clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod cli;
pub mod core;
pub mod engine;
pub mod host;
mod mcp;
pub mod tui;
