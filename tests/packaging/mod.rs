//! What comes with the program besides itself: completions in real shells, manual pages, and the packages of `.ci/release`.

mod dist;
mod manual;
mod shells;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::common::{Sandbox, program};

/// A folder in the sandbox where the program has its name, as on a person's `PATH`.
fn named_folder(sandbox: &Sandbox) -> PathBuf {
    let bin = sandbox.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(program::program(), bin.join("pos-upgrade-tui")).unwrap();
    bin
}
