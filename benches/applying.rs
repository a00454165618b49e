//! Backup, apply and rollback, as the program itself notes the times of its phases, and as whole processes.

use std::cell::LazyCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::plain_tools::{copied, copied_and_summed, run};
use crate::ratios::{Goal, Report};
use crate::worlds::{Size, World, sync};

/// An upgrade that changes a tenth of the files, phase by phase, and its rollback; the larger one is what the goals are for.
pub fn measure(report: &Report) {
    for files in [2_000, 20_000] {
        measure_of(report, files, files / 10);
    }
}

fn measure_of(report: &Report, files: usize, changed: usize) {
    let world = LazyCell::new(|| World::new(Size { files, commits: 40, changed }));
    let apart = LazyCell::new(|| changed_by_themselves(&world, files, changed));
    // In one project, there and back again: a copy of it for each turn would take longer than all that is measured.
    let back = || {
        let took = run(world.program().args(["rollback", "--yes", "--project"]).arg(&world.project));
        // What the next upgrade would find kept.
        std::fs::remove_dir_all(world.install.join(".upgrade/base")).unwrap();
        sync();
        took
    };
    let there = || {
        let mut upgrade = world.program();
        upgrade.args(["upgrade", "--yes", "--only", "content", "--source"]).arg(&world.source);
        run(upgrade.arg("--project").arg(&world.project));
        sync();
    };
    let phase = |number: u64| {
        there();
        let took = seconds_of(&world.install, number);
        back();
        took
    };
    let plain = |from: &Path, work: fn(&Path, &Path) -> Duration| {
        let to = world.beside("plain");
        let took = work(from, &to);
        std::fs::remove_dir_all(&to).unwrap();
        sync();
        took
    };
    report.compare(
        &format!("backup with verification, {files} files"),
        Goal::Ratio(1.5),
        || phase(1),
        || plain(&world.install, copied_and_summed),
    );
    report.compare(
        &format!("apply of {changed} changed files, durable"),
        Goal::Ratio(2.0),
        || phase(2),
        || plain(&apart, copied),
    );
    let rollback = || {
        there();
        back()
    };
    report
        .compare(&format!("rollback of {changed} changed files"), Goal::Ratio(2.0), rollback, || plain(&apart, copied));
}

/// The files that the last release changed, by themselves.
fn changed_by_themselves(world: &World, files: usize, changed: usize) -> PathBuf {
    let folder = world.beside("changed");
    for number in (0..files).step_by(files / changed) {
        let from = world.page(number);
        let to = folder.join(from.strip_prefix(&world.install).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    sync();
    folder
}

/// How long a phase of the install's newest session took. Sessions are named by their time.
fn seconds_of(install: &Path, phase: u64) -> Duration {
    let sessions =
        std::fs::read_dir(install.join(".upgrade")).unwrap().flatten().map(|e| e.path().join("session.json"));
    let text = std::fs::read_to_string(sessions.filter(|path| path.is_file()).max().unwrap()).unwrap();
    let saved: serde_json::Value = serde_json::from_str(&text).unwrap();
    Duration::from_secs_f64(saved["session"]["phase_artifacts"][phase.to_string()]["seconds"].as_f64().unwrap())
}
