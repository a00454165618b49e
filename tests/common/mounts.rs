//! File systems for a test, unmounted when it ends.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ext::{is_root, skipped};

/// A mounted file system.
pub struct Mount {
    dir: PathBuf,
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A process that has just ended may hold it for a moment.
        for _ in 0..50 {
            if Command::new("umount").arg(&self.dir).output().is_ok_and(|o| o.status.success()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = Command::new("umount").arg("--lazy").arg(&self.dir).status();
    }
}

/// Runs a program; what it said, if it failed.
pub fn tool(program: &str, arguments: &[&str]) -> Result<(), String> {
    match Command::new(program).args(arguments).output() {
        Err(e) => Err(format!("{program}: {e}")),
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr).trim())),
    }
}

impl Mount {
    /// Runs a command that mounts something on `dir`, which it makes.
    ///
    /// # Errors
    /// What the command said.
    pub fn by(dir: &Path, program: &str, arguments: &[&str]) -> Result<Self, String> {
        if !is_root() {
            return Err("only root may mount".into());
        }
        fs::create_dir_all(dir).unwrap();
        let shown = dir.to_str().unwrap();
        tool(program, &[arguments, &[shown]].concat()).map(|()| Self { dir: dir.to_owned() })
    }

    /// What somebody else mounted at a place.
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// A file system in memory with room for so many bytes; says so if that can't be had.
    pub fn tmpfs(dir: &Path, bytes: usize) -> Option<Self> {
        let size = format!("size={bytes}");
        Self::by(dir, "mount", &["-t", "tmpfs", "-o", &size, "pos-crash"]).map_err(|e| skipped(&e)).ok()
    }

    /// Makes a file system in memory larger.
    pub fn resize(&self, bytes: usize) {
        let size = format!("remount,size={bytes}");
        tool("mount", &["-o", &size, self.dir.to_str().unwrap()]).unwrap();
    }
}
