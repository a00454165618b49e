//! The whole new install is tried before anything changes: a bad release costs nothing, a good one is started once more.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pos_upgrade_tui::host::process::proc;
use serde_json::{Value, json};

use crate::common::ext::left_behind;
use crate::common::{eventually, text, tools};
use crate::server::world::{Upgraded, World};

/// Bytes, kind, mode, times and number of every entry of the install, but for what is ours and what a running server logs.
type Exact = BTreeMap<PathBuf, String>;

impl World {
    /// A command that rehearses.
    pub fn rehearsing(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env_remove("POS_WITHOUT");
        command
    }

    pub fn rehearsed_upgrade(&self, more: &[&str]) -> Upgraded {
        let source = self.source.to_str().unwrap();
        let arguments = ["upgrade", "--json", "--yes", "--on-conflict", "fail", "--source", source];
        Upgraded::of(&self.rehearsing(&[&arguments[..], more].concat()).output().unwrap())
    }

    pub fn exact(&self) -> Exact {
        let ours = [".upgrade", ".backups", ".cache/state", ".upgrade-lock"];
        let entries = walkdir::WalkDir::new(&self.install).min_depth(1).into_iter().map(Result::unwrap);
        let shown = |e: walkdir::DirEntry| {
            let path = e.path().strip_prefix(&self.install).unwrap().to_owned();
            let meta = e.metadata().unwrap();
            let bytes = if meta.is_file() { fs::read(e.path()).unwrap() } else { Vec::new() };
            // A folder's time changes with our own places in it.
            let time = if meta.is_dir() { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) };
            let sum = pos_upgrade_tui::core::blob::sha256(&bytes);
            (path, format!("{:o} {} {time:?} {sum}", meta.mode(), meta.ino()))
        };
        let all = entries.map(shown);
        all.filter(|(path, _)| {
            // Bytecode of the server that runs comes when it likes.
            !ours.iter().any(|o| path.starts_with(o)) && !path.components().any(|c| c.as_os_str() == "__pycache__")
        })
        .filter(|(path, _)| path.as_os_str() != ".cache")
        .collect()
    }

    /// An upgrade to a bad release ends before anything changed, in every respect.
    fn refused(&self, words: &[&str]) -> Upgraded {
        self.refused_by(|| self.rehearsed_upgrade(&[]), words)
    }

    pub fn refused_by(&self, upgrade: impl FnOnce() -> Upgraded, words: &[&str]) -> Upgraded {
        let (before, old) = (self.exact(), (self.state()["pid"].clone(), tools(&self.install)));
        let done = upgrade();
        assert_eq!(done.code, 4, "{}", done.said);
        for word in words {
            assert!(done.message().contains(word), "{word:?} is not named:\n{}", done.message());
        }
        assert!(done.message().contains("nothing in the install was changed"), "{}", done.message());
        let after = self.exact();
        let differ = before.iter().filter(|(path, state)| after.get(*path) != Some(*state)).collect::<Vec<_>>();
        assert!(differ.is_empty() && before.len() == after.len(), "{differ:#?}\n{}", done.said);
        assert_eq!((self.state()["pid"].clone(), tools(&self.install)), old, "the same server answers");
        self.nothing_left();
        done
    }

    /// Whether the running server could be reached, every 100 ms while it lived.
    pub fn asked_meanwhile<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<bool>) {
        let (pid, port) = (self.state()["pid"].as_u64().unwrap(), self.port());
        let (over, answers) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
                    let is_open = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok();
                    if proc::look(u32::try_from(pid).unwrap()).is_some() {
                        answers.lock().unwrap().push(is_open);
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            let done = work();
            over.store(true, Ordering::Relaxed);
            done
        });
        let mut answers = answers.into_inner().unwrap();
        // It was told to end when all was proven, and takes its time for that.
        while answers.last() == Some(&false) {
            answers.pop();
        }
        (done, answers)
    }

    pub fn nothing_left(&self) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(self.install.to_str().unwrap()), "{mounts}");
        let left = left_behind(&self.sandbox, &self.install);
        assert!(left.is_empty(), "{left:?}");
        for session in crate::common::ext::sessions(&self.install) {
            assert!(!self.install.join(".upgrade").join(session).join("rehearsal").exists());
        }
    }
}

/// Releases that are bad in one way each, and a word that is said of it.
pub fn bad() -> [(Value, &'static str); 6] {
    [
        (json!({"exit_at_once": "no luck with numpy"}), "no luck with numpy"),
        (json!({"sleep_at_start": true}), "did not answer"),
        (json!({"never_answers": true}), "no answer within"),
        (json!({"lose_tool": "pos_workflow"}), "does not register pos_workflow"),
        (json!({"traceback": true, "ignore_term": true}), "logged an error since its start"),
        (json!({"log_error": "the index is torn"}), "the index is torn"),
    ]
}

#[test]
fn an_edit_that_no_longer_fits_changes_nothing() {
    let Some((world, edited, mine)) = World::with_an_edit_that_no_longer_fits() else { return };
    let refused = world.refused(&["has no attribute 'groups'", "was tried, and does not work here"]);
    assert_eq!(refused.error_code(), "POS-E0603");
    assert_eq!(fs::read_to_string(&edited).unwrap(), mine);
}

#[test]
fn a_bad_release_changes_nothing() {
    let Some(world) = World::running() else { return };
    let kept = |world: &World| {
        let sessions = crate::common::ext::sessions(&world.install).into_iter();
        sessions.filter(|id| world.install.join(".upgrade").join(id).join("index").exists()).count()
    };
    for (switches, word) in &bad() {
        world.release(switches);
        world.refused(&[word, "was tried, and does not work here"]);
        assert_eq!(kept(&world), 0, "a copy of the index is left");
    }
    // A file that is not Python any more.
    fs::write(world.source.join("mcp_server/index.py"), "def (:\n").unwrap();
    world.release(&json!({}));
    let before = world.exact();
    let done = world.rehearsed_upgrade(&[]);
    assert_eq!((done.code, world.exact() == before), (4, true), "{}", done.said);
    println!("{} bad releases, each refused with nothing changed", bad().len() + 1);
}

/// While the new release is tried the old server answers every time, and is the same process.
#[test]
fn the_old_server_answers_meanwhile() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"slow_start": 2}));
    let (done, answers) = world.asked_meanwhile(|| world.rehearsed_upgrade(&[]));
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.task("rehearsal").0, "done", "{}", done.said);
    assert!(tools(&world.install).unwrap().contains(&"list_standards".to_owned()), "{:?}", tools(&world.install));
    let refused = answers.iter().filter(|answered| !**answered).count();
    assert!(answers.len() >= 20 && refused == 0, "{refused} of {} refused", answers.len());
    println!("{} questions to the old server, {refused} refused", answers.len());
    world.nothing_left();
    let back = world.rehearsing(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
}

#[test]
fn where_it_can_not_be_tried_the_reason_is_said_and_the_upgrade_goes_on() {
    let Some(world) = World::new() else { return };
    world.release(&json!({}));
    fs::create_dir(world.project.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", world.install.join("workspace")).unwrap();
    let done = world.rehearsed_upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    let (outcome, detail) = done.task("rehearsal");
    assert!(outcome == "not_applicable" && detail.contains("workspace leads out of the install"), "{detail}");
    let off = world.rehearsing(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(off.status.code(), Some(0), "{}", text(&off).1);
    let done = world.rehearsed_upgrade(&["--no-rehearsal"]);
    assert_eq!((done.code, done.task("rehearsal").1.as_str()), (0, "switched off"), "{}", done.said);
}

/// Killed at any time of it, the install is untouched, and the next command clears up.
#[test]
fn killed_at_any_time_of_it() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"slow_start": 2}));
    let (before, old) = (world.exact(), (world.state()["pid"].clone(), tools(&world.install)));
    let today = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    let rounds: u64 = std::env::var("POS_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let mut left = 0;
    for round in 0..rounds {
        let source = world.source.to_str().unwrap();
        let mut command =
            world.rehearsing(&["upgrade", "--json", "--yes", "--on-conflict", "fail", "--source", source]);
        let mut running = crate::common::ext::started_until(&mut command, |e| {
            e["event"] == "task_started" && e["task"] == "rehearsal"
        });
        // Spread over what it takes, another time each day.
        std::thread::sleep(Duration::from_millis((round * 397 + today * 61) % 3_500));
        running.kill();
        left += left_behind(&world.sandbox, &world.install).len();
        let (code, said) = text(&world.run(&["rollback", "--yes"]));
        assert_eq!(code, 0, "{said}");
        let begun = Instant::now();
        eventually("nothing is left", || left_behind(&world.sandbox, &world.install).is_empty());
        assert!(begun.elapsed() < Duration::from_secs(10));
        world.nothing_left();
        // Killed after the switch began it went back by itself; before, nothing was touched.
        if world.state()["pid"] == old.0 {
            assert!(world.exact() == before, "round {round}: {said}");
        }
        assert_eq!(tools(&world.install), old.1, "{said}");
        if world.state()["pid"] != old.0 {
            return println!("the last of {} kills came too late", round + 1);
        }
    }
    println!("{rounds} kills, {left} processes were left, 0 afterwards");
}

/// What tries the release dies in the middle: that says nothing of the release, and nothing that it half built is used.
#[test]
fn what_tries_it_dies_in_the_middle() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"slow_start": 3, "kept_index": true}));
    let source = world.source.to_str().unwrap();
    let mut command = world.rehearsing(&["upgrade", "--json", "--yes", "--on-conflict", "fail", "--source", source]);
    let mut running = crate::common::ext::started_until(&mut command, |e| {
        e["event"] == "task_progress" && e["task"] == "rehearsal" && e["detail"] != "start_server"
    });
    let tries = |process: &proc::Process| process.command.get(1).is_some_and(|word| word == "rehearse");
    let found = proc::descendants(running.pid()).into_iter().filter_map(proc::look).find(tries);
    let pid = rustix::process::Pid::from_raw(i32::try_from(found.expect("it runs").pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0), "the upgrade goes on without it");
    assert!(tools(&world.install).unwrap().contains(&"list_standards".to_owned()));
    world.nothing_left();
    let session = crate::common::ext::sessions(&world.install).pop_last().unwrap();
    assert!(!world.install.join(".upgrade").join(session).join("index/new/0").exists(), "the copy took its place");
}
