//! The assistant's face, driven by clients that are not ours: the `mcp` package for Python, `rmcp`, the Inspector's command
//! line; and by nonsense.

mod fuzz;
mod inspector;
mod offers;
mod python;
pub mod rust;
mod tasks;
mod truth;

use std::path::Path;

use crate::common::{Sandbox, program};

/// The environment variables of a sandbox's own home.
pub fn home(sandbox: &Sandbox) -> String {
    let command = sandbox.command();
    let home = command.get_envs().find(|(name, _)| *name == "HOME").unwrap().1.unwrap();
    home.to_str().unwrap().to_owned()
}

/// The built binary.
pub fn binary() -> &'static Path {
    program::program()
}
