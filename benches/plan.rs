//! The whole plan against what git needs for the same reading, in one run: `git status` of the source, `git log --raw`
//! of it, and `git hash-object` of the install. Prints the medians and their ratio, judges nothing.
//!
//! `POS_REAL_CONTENT` names the bundle of the real content; without it the demo's small source is measured.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pos_upgrade_tui::core::layout::layouts;
use pos_upgrade_tui::engine::planning::make_plan::make_plan;
use pos_upgrade_tui::engine::planning::source::Source;
use pos_upgrade_tui::host::demo;

const RUNS: usize = 15;

fn git(dir: &Path, arguments: &[&str]) {
    let status = Command::new("git").current_dir(dir).args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "git {arguments:?}");
}

fn hash(install: &Path) {
    let files = walkdir::WalkDir::new(install).into_iter().flatten().filter(|e| e.file_type().is_file());
    let files: Vec<PathBuf> = files.map(walkdir::DirEntry::into_path).collect();
    let status =
        Command::new("git").arg("hash-object").arg("--no-filters").args(&files).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
}

/// What a release ships, as an install has it. The real content has no server, so not every folder is there.
fn install_release(source: &Path, commit: &str, install: &Path) {
    let release = Source::open(source, Some(commit)).unwrap();
    for (path, file) in &release.tree {
        let Some(to) = layouts().first_target().newest().install_path(path, |_| false) else { continue };
        let to = to.under(install);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, release.read(&file.blob).unwrap()).unwrap();
    }
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let (source, install) = (dir.path().join("source"), dir.path().join("project/.praxis-os"));
    let oldest = match std::env::var_os("POS_REAL_CONTENT") {
        Some(bundle) => {
            let bundle = PathBuf::from(bundle).canonicalize().unwrap();
            let arguments = ["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), source.to_str().unwrap()];
            git(dir.path(), &arguments);
            "HEAD~10".to_owned()
        }
        None => demo::prepare_source(&source).unwrap()[0].clone(),
    };
    install_release(&source, &oldest, &install);
    let files = walkdir::WalkDir::new(&install).into_iter().flatten().filter(|e| e.file_type().is_file()).count();
    let plan = median(|| {
        let source = Source::open(&source, None).unwrap();
        assert!(!make_plan(&source, &install).unwrap().plan.files.is_empty());
    });
    let theirs = median(|| {
        git(&source, &["status", "--porcelain"]);
        git(&source, &["log", "--raw", "-z", "-M", "--no-abbrev"]);
        hash(&install);
    });
    println!("{files} files, plan {plan:?}, git status + log --raw + hash-object {theirs:?}, medians of {RUNS}");
    println!("ratio {:.2}", plan.as_secs_f64() / theirs.as_secs_f64());
}
