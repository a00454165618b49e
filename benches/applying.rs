//! Backup, apply and rollback, as the program itself notes the times of its phases, and as whole processes.

use std::path::Path;
use std::time::Duration;

use crate::plain_tools::{copied, copied_and_summed, run};
use crate::ratios::{Goal, Report};
use crate::worlds::{Size, World, sync};

const FILES: usize = 20_000;
const CHANGED: usize = 2_000;

/// An upgrade of 2,000 files among 20,000, phase by phase, and its rollback.
pub fn measure(report: &Report) {
    let world = std::cell::LazyCell::new(|| World::new(Size { files: FILES, commits: 40, changed: CHANGED }));
    let changed = std::cell::LazyCell::new(|| changed(&world));
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
    let goal = Goal::Ratio(1.5);
    report.compare(
        "backup with verification, 20000 files",
        goal,
        || phase(1),
        || plain(&world.install, copied_and_summed),
    );
    report.compare("apply of 2000 changed files, durable", Goal::Ratio(2.0), || phase(2), || plain(&changed, copied));
    let rollback = || {
        there();
        back()
    };
    report.compare("rollback of the same", Goal::Ratio(2.0), rollback, || plain(&changed, copied));
}

/// The files that the last release changed, by themselves.
fn changed(world: &World) -> std::path::PathBuf {
    let folder = world.beside("changed");
    for number in (0..FILES).step_by(FILES / CHANGED) {
        let from = world.page(number);
        let to = folder.join(from.strip_prefix(&world.install).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    sync();
    folder
}

/// How long a phase of the install's session took.
fn seconds_of(install: &Path, phase: u64) -> Duration {
    let sessions =
        std::fs::read_dir(install.join(".upgrade")).unwrap().flatten().map(|e| e.path().join("session.json"));
    let text = std::fs::read_to_string(sessions.into_iter().find(|path| path.is_file()).unwrap()).unwrap();
    let saved: serde_json::Value = serde_json::from_str(&text).unwrap();
    Duration::from_secs_f64(saved["session"]["phase_artifacts"][phase.to_string()]["seconds"].as_f64().unwrap())
}
