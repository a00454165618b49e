//! What everybody has, doing the same.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::ratios::timed;
use crate::worlds::git;

/// `git status` of a work tree.
pub fn git_status(dir: &Path) -> Duration {
    timed(|| git(dir, &["status", "--porcelain"]))
}

/// The whole history, as a planner reads it.
pub fn git_log(dir: &Path) -> Duration {
    timed(|| git(dir, &["log", "--raw", "-z", "-M", "--no-abbrev"]))
}

/// All files of a folder, hashed by git.
pub fn git_hash(dir: &Path) -> Duration {
    shell("find \"$1\" -type f | git hash-object --no-filters --stdin-paths > /dev/null", &[dir])
}

/// A copy of a folder, written out, and the sums of the copy.
pub fn copied_and_summed(from: &Path, to: &Path) -> Duration {
    shell("cp -r \"$1\" \"$2\" && sync && find \"$2\" -type f -print0 | xargs -0 sha256sum > /dev/null", &[from, to])
}

/// A copy of a folder, written out.
pub fn copied(from: &Path, to: &Path) -> Duration {
    shell("cp -r \"$1\" \"$2\" && sync", &[from, to])
}

/// Runs a shell's line with these as `$1` and `$2`.
fn shell(line: &str, folders: &[&Path]) -> Duration {
    run(Command::new("sh").args(["-c", line, "sh"]).args(folders))
}

/// Runs a command, which must succeed.
pub fn run(command: &mut Command) -> Duration {
    let mut output = None;
    let took = timed(|| output = Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()));
    let output = output.unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    took
}
