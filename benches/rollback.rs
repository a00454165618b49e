//! A rollback of 2,000 changed files with an environment of 4,000, by the built binary and without a network, against
//! `cp -a` of the same tree in the same run (which makes nothing durable). Prints the medians and their ratio, judges
//! nothing.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pos_upgrade_tui::host::demo;
use pos_upgrade_tui::host::python::venv;
use pos_upgrade_tui::host::session::lock::Lock;
use pos_upgrade_tui::host::session::store;
use pos_upgrade_tui::host::session::store::Truth;

const RUNS: usize = 3;
const CHANGED: usize = 2_000;
const PACKAGES: usize = 4_000;

/// A commit on top of `HEAD` in which each of the files has another text.
fn release(source: &Path, text: &str) {
    let mut command = Command::new("git");
    let mut child = command.current_dir(source).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut to = child.stdin.take().unwrap();
    let head = "refs/heads/bench";
    let from = Command::new("git").current_dir(source).args(["rev-parse", "HEAD"]).output().unwrap().stdout;
    write!(to, "commit {head}\ncommitter b <b@example.invalid> 1760000000 +0000\ndata 1\nr\n").unwrap();
    writeln!(to, "from {}", String::from_utf8(from).unwrap().trim()).unwrap();
    for number in 0..CHANGED {
        let bytes = format!("{text} {number}\n").repeat(150);
        let path = format!("universal/standards/bench/{}/{number}.md", number % 50);
        write!(to, "M 100644 inline {path}\ndata {}\n{bytes}\n", bytes.len()).unwrap();
    }
    drop(to);
    assert!(child.wait().unwrap().success());
    let checkout = ["checkout", "--quiet", "--detach", head];
    assert!(Command::new("git").current_dir(source).args(checkout).status().unwrap().success());
}

fn environment(folder: &Path) {
    for number in 0..PACKAGES {
        let path = folder.join(format!("lib/{}/module_{number}.py", number % 40));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("value = {number}\n").repeat(60)).unwrap();
    }
}

fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let took = begun.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let (source, project) = (dir.path().join("source"), dir.path().join("project"));
    let install = project.join(".praxis-os");
    std::fs::create_dir_all(&project).unwrap();
    demo::prepare_source(&source).unwrap();
    release(&source, "old");
    demo::install_release(&source, "HEAD", &install).unwrap();
    release(&source, "new");
    let binary = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
        command.env("HOME", dir.path()).env_remove("XDG_CONFIG_HOME").stdin(Stdio::null());
        command
    };
    let mut upgrade = binary();
    upgrade.args(["upgrade", "--yes", "--only", "content", "--source"]).arg(&source).arg("--project").arg(&project);
    println!("upgrade of {CHANGED} files: {:?}", timed(&mut upgrade));
    // As phase 3 leaves it: a generation in the place of the environment that was there.
    environment(&venv::live(&install));
    let id = store::ids(&install).unwrap().pop().unwrap();
    let Truth::Sound(mut session) = store::read(&install, &id) else { panic!("no session") };
    environment(&venv::generation(&install, &session.stamp));
    let lock = Lock::acquire(&install).unwrap();
    venv::switch(lock.install(), &session.stamp).unwrap();
    session.venv_generation = Some(session.stamp.clone());
    store::save(lock.install(), &session).unwrap();
    drop(lock);

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let copy = dir.path().join(format!("copy-{run}"));
        theirs.push(timed(Command::new("cp").arg("-a").arg(&project).arg(&copy)));
        assert!(Command::new("sync").status().unwrap().success());
        ours.push(timed(binary().args(["rollback", "--yes", "--project"]).arg(&copy)));
        let back = copy.join(".praxis-os/standards/universal/bench/7/7.md");
        assert!(std::fs::read_to_string(back).unwrap().starts_with("old 7\n"));
        assert!(!copy.join(".praxis-os/venv").is_symlink());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("rollback {ours:?}, cp -a {theirs:?}, medians of {RUNS}");
    println!("ratio {:.2}", ours.as_secs_f64() / theirs.as_secs_f64());
}
