//! A small demo, commands that only the case at hand can stop, and their exit codes.

use std::fs;
use std::path::Path;

use pos_upgrade_tui::host::demo::Demo;

use crate::common::{Sandbox, git};

pub const USAGE: i32 = 2;
pub const CONFLICTS: i32 = 3;
pub const REFUSED: i32 = 4;
pub const LOCKED: i32 = 7;

/// A sandbox with the small demo; its project has a `.gitignore`, which a refusal must leave alone too.
pub fn small_demo() -> (Sandbox, Demo) {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    fs::write(demo.project.join(".gitignore"), "/target\n").unwrap();
    (sandbox, demo)
}

pub fn utf8(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An upgrade that nothing but the case at hand can stop.
pub fn upgrade<'a>(project: &'a Path, source: &'a Path) -> Vec<&'a str> {
    vec!["upgrade", "--project", utf8(project), "--source", utf8(source), "--yes", "--on-conflict", "keep"]
}

pub fn plan<'a>(project: &'a Path, source: &'a Path) -> Vec<&'a str> {
    vec!["plan", "--project", utf8(project), "--source", utf8(source)]
}

pub fn git_repository(dir: &Path, files: &[&str]) {
    fs::create_dir_all(dir).unwrap();
    git(dir, &["init", "--quiet"]);
    for file in files {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text\n").unwrap();
    }
    if !files.is_empty() {
        git(dir, &["add", "--all"]);
        git(dir, &["commit", "--quiet", "-m", "first"]);
    }
}
