//! The order of upgrades when the clock is set back, stands still or runs ahead: which is the last, what is rolled back,
//! restored, pruned and listed goes by number.

use crate::common::ext;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::ext::{refused_by, skipped};
use crate::common::{Sandbox, assert_same, git, locked, snapshot, text};
use pos_upgrade_tui::host::backup::copy::{Backup, folder_of};
use pos_upgrade_tui::host::backup::retention;
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::session::catalog;
use pos_upgrade_tui::host::session::store;
use pos_upgrade_tui::host::session::store::Truth;
use serde_json::Value;

/// Whoever loads this asks it for the time of day.
const CLOCK: &str = r#"
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *ts) {
    int result = (int)syscall(SYS_clock_gettime, id, ts);
    const char *now = getenv("TEST_CLOCK");
    if (result == 0 && now && id == CLOCK_REALTIME) ts->tv_sec = atoll(now);
    return result;
}
"#;

/// 2026-11-22 12:00:00 UTC.
const NOON: i64 = 1_795_348_800;
const YEAR: i64 = 365 * 86_400;
/// When the upgrades are made: each as the clock says, one after the other. The fourth and fifth in one second.
const TIMES: [i64; 6] = [NOON + 20 * YEAR, NOON, NOON - YEAR, NOON - 2 * YEAR, NOON - 2 * YEAR, 86_400];

struct World {
    sandbox: Sandbox,
    demo: Demo,
    clock: PathBuf,
    commits: Vec<String>,
    /// Before the first upgrade, and after each.
    states: Vec<BTreeMap<String, String>>,
}

impl World {
    /// None where the clock can't be told what to say.
    fn new(upgrades: usize) -> Option<Self> {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let clock = sandbox.path().join("clock.so");
        fs::write(sandbox.path().join("clock.c"), CLOCK).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&clock).arg(sandbox.path().join("clock.c"));
        if !compiler.status().is_ok_and(|status| status.success()) {
            skipped("cc can't make a library here");
            return None;
        }
        let page = git(&demo.source, &["ls-files", "universal/standards/*.md"]);
        let page = demo.source.join(page.lines().next().unwrap());
        let mut commits = demo.commits[1..].to_vec();
        for number in 0..8 {
            let mut text = fs::read_to_string(&page).unwrap();
            text.push_str(&format!("\nRelease {number} says more.\n"));
            fs::write(&page, text).unwrap();
            git(&demo.source, &["commit", "-qam", &format!("release {number}")]);
            commits.push(git(&demo.source, &["rev-parse", "HEAD"]));
        }
        let states = vec![snapshot(&demo.install)];
        let mut world = Self { sandbox, demo, clock, commits, states };
        for (number, now) in TIMES.into_iter().enumerate().take(upgrades) {
            let (code, said) = world.upgrade(now, number);
            assert_eq!(code, 0, "{said}");
            world.states.push(snapshot(&world.demo.install));
        }
        Some(world)
    }

    /// The binary at a time of day.
    fn command(&self, now: i64, project: &Path, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command();
        command.env("LD_PRELOAD", &self.clock).env("TEST_CLOCK", now.to_string());
        command.args(arguments).arg("--project").arg(project);
        command
    }

    fn run(&self, now: i64, arguments: &[&str]) -> (i32, String) {
        text(&self.command(now, &self.demo.project, arguments).output().unwrap())
    }

    fn upgrade(&self, now: i64, number: usize) -> (i32, String) {
        let (source, commit) = (self.demo.source.to_str().unwrap(), self.commits[number].as_str());
        let keep = ["--on-conflict", "keep", "--keep-backups", "20"];
        self.run(now, &[&["upgrade", "--yes", "--source", source, "--to", commit], &keep[..]].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut command = self.command(NOON, &self.demo.project, arguments);
        let output = command.arg("--json").output().unwrap();
        ext::lines(&output.stdout).pop().unwrap()
    }

    /// A copy of the project with all its times.
    fn copy(&self, name: &str) -> PathBuf {
        let project = self.sandbox.path().join(name);
        assert!(Command::new("cp").arg("-a").arg(&self.demo.project).arg(&project).status().unwrap().success());
        project
    }

    fn assert_at(&self, state: usize) {
        assert_same(&self.states[state], &snapshot(&self.demo.install));
    }

    /// The sessions' ids, in the order in which the upgrades were made.
    fn ids(&self) -> Vec<String> {
        catalog::survey(&self.demo.install).sessions.into_iter().map(|s| s.session_id).collect()
    }
}

#[test]
fn the_clock_does_not_tell_the_order() {
    let Some(world) = World::new(TIMES.len()) else { return };
    let install = &world.demo.install;
    let sessions = catalog::survey(install).sessions;
    let commits: Vec<&str> = sessions.iter().map(|s| s.source_commit()).collect();
    assert_eq!(
        commits,
        world.commits[..TIMES.len()].iter().map(String::as_str).collect::<Vec<_>>(),
        "as they were made"
    );
    let ids = world.ids();
    let numbers: Vec<u64> = sessions.iter().map(|s| s.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    for (at, session) in sessions.iter().enumerate() {
        assert_eq!(session.after, ids[..at], "each names those before it");
    }
    let mut sorted = ids.clone();
    sorted.sort();
    assert_ne!(ids, sorted, "the ids' order is another one");
    let stamps: std::collections::BTreeSet<&String> = sessions.iter().map(|s| &s.stamp).collect();
    assert_eq!(stamps.len(), TIMES.len(), "no two have one stamp: {stamps:?}");

    let history = world.json(&["history"]);
    let newest_first: Vec<&str> =
        history["sessions"].as_array().unwrap().iter().map(|s| s["session_id"].as_str().unwrap()).collect();
    assert_eq!(newest_first, ids.iter().rev().collect::<Vec<_>>());
    let listed = world.json(&["backups"]);
    let listed = listed["backups"].as_array().unwrap();
    let of: Vec<&str> = listed.iter().map(|b| b["session_id"].as_str().unwrap()).collect();
    assert_eq!(of, ids.iter().collect::<Vec<_>>(), "oldest first");
    assert_eq!(listed.iter().filter(|b| b["newest_good"] == true).count(), 1);
    assert_eq!(listed.last().unwrap()["newest_good"], true);
    assert_eq!(world.json(&["status"])["session"]["session_id"], *ids.last().unwrap());

    // Only the last can be taken back, whatever its time says.
    for id in &ids[..5] {
        let start = || world.command(NOON, &world.demo.project, &[]);
        let names = [id.as_str(), ids[5].as_str(), "must be rolled back first"];
        refused_by(&start, &world.demo.project, &["rollback", id, "--yes"], 4, &names);
    }
    // One file comes from the backup of the last upgrade.
    let project = world.copy("restored");
    let changed = world.states[5].iter().find(|(path, state)| {
        state.starts_with("file") && path.contains("standards/") && world.states[6].get(*path) != Some(state)
    });
    let (path, before) = changed.unwrap();
    let (code, said) = text(&world.command(NOON, &project, &["restore", path]).output().unwrap());
    assert_eq!(code, 0, "{said}");
    assert_eq!(snapshot(&project.join(".praxis-os")).get(path), Some(before));
    // The last ones stay.
    let project = world.copy("pruned");
    let (code, said) =
        text(&world.command(NOON, &project, &["backups", "prune", "--keep", "2", "--yes"]).output().unwrap());
    assert_eq!(code, 0, "{said}");
    let left = retention::list(&project.join(".praxis-os")).unwrap();
    assert_eq!(left.iter().map(|b| b.session_id.clone().unwrap()).collect::<Vec<_>>(), ids[4..]);
    // So they do when an upgrade prunes.
    let project = world.copy("pruned-by-upgrade");
    let source = world.demo.source.to_str().unwrap();
    let more = ["upgrade", "--yes", "--on-conflict", "keep", "--keep-backups", "2", "--source", source];
    let (code, said) = text(&world.command(0, &project, &more).output().unwrap());
    assert_eq!(code, 0, "{said}");
    let left = retention::list(&project.join(".praxis-os")).unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(left[0].session_id.as_ref(), ids.last(), "the one before");

    // All the way back, one after the other.
    let mut back = 0;
    for state in (0..TIMES.len()).rev() {
        let command: Vec<&str> =
            if back == 0 { vec!["rollback", "--yes"] } else { vec!["rollback", &ids[state], "--yes"] };
        let (code, said) = world.run(TIMES[(state * 5) % 6], &command);
        assert_eq!(code, 0, "{said}");
        world.assert_at(state);
        back += 1;
        if state > 0 {
            let (code, said) = world.run(NOON, &["rollback", "--yes"]);
            assert!(code == 0 && said.contains(&format!("pos-upgrade-tui rollback {}", ids[state - 1])), "{said}");
        }
    }
    println!("{} upgrades with a clock that goes back, {back} rollbacks, each to the very state before", TIMES.len());
}

#[test]
fn killed_with_the_clock_set_back() {
    let Some(world) = World::new(2) else { return };
    let mut cases = 0;
    for (point, now) in [
        ("backup.copy after", 86_400),
        ("journal.exchange before", 86_400),
        ("journal.exchange after", NOON - 3 * YEAR),
        ("journal.release after", NOON + 20 * YEAR),
    ] {
        for going_on in [true, false] {
            let project = world.copy(&format!("{}-{going_on}", point.replace(' ', "-")));
            let install = project.join(".praxis-os");
            let (source, to) = (world.demo.source.to_str().unwrap(), world.commits[2].as_str());
            let arguments = ["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--to", to];
            let output = world.command(now, &project, &arguments).env("POS_CRASH_AT", point).output().unwrap();
            if output.status.code() == Some(0) {
                panic!("it was to die at {point}: {}", text(&output).1);
            }
            let found = catalog::survey(&install);
            let unfinished = found.unfinished().unwrap_or_else(|| panic!("{point}: nothing is unfinished"));
            assert_eq!((unfinished.number, unfinished.source_commit()), (3, &world.commits[2][..]), "{point}");
            let id = unfinished.session_id.clone();
            let (code, said) = text(&world.command(NOON, &project, &["status"]).output().unwrap());
            assert!(code == 10 && said.contains(&id), "{point}: {said}");
            let (code, said) =
                text(&world.command(NOON, &project, &["upgrade", "--yes", "--source", source]).output().unwrap());
            assert!(code == 7 && said.contains(&id), "{point}: {said}");
            let command = if going_on { "resume" } else { "rollback" };
            let (code, said) = text(&world.command(NOON, &project, &[command, "--yes"]).output().unwrap());
            assert_eq!(code, 0, "{point}: {said}");
            if !going_on {
                assert_same(&world.states[2], &snapshot(&install));
            } else {
                let (code, said) = text(&world.command(0, &project, &["rollback", "--yes"]).output().unwrap());
                assert_eq!(code, 0, "{point}: {said}");
                assert_same(&world.states[2], &snapshot(&install));
            }
            cases += 1;
        }
    }
    println!("{cases} kills with the clock set back, each gone on with or taken back");
}

/// Takes number and parents out of sessions and backups, as earlier builds wrote them.
fn as_earlier_builds_wrote(install: &Path) {
    let lock = locked(install);
    for id in store::ids(install).unwrap() {
        let Truth::Sound(mut session) = store::read(install, &id) else { panic!("sound to begin with") };
        session.number = 0;
        session.after.clear();
        store::save(lock.install(), &session).unwrap();
        store::save(lock.install(), &session).unwrap();
    }
    for kept in retention::list(install).unwrap() {
        let mut backup = Backup::open(&folder_of(install).join(&kept.name)).unwrap();
        backup.manifest.number = 0;
        backup.manifest.parent = None;
        backup.write_manifest(lock.install()).unwrap();
    }
}

#[test]
fn sessions_of_earlier_builds_come_first() {
    let Some(mut world) = World::new(0) else { return };
    for (number, now) in [(0, NOON), (1, NOON + 60)] {
        assert_eq!(world.upgrade(now, number).0, 0);
        world.states.push(snapshot(&world.demo.install));
    }
    as_earlier_builds_wrote(&world.demo.install);
    let old = world.ids();
    assert!(old[0] < old[1], "in the order of their ids");
    // Then this build, with a clock that is behind.
    for (number, now) in [(2, NOON - YEAR), (3, NOON - 2 * YEAR)] {
        let (code, said) = world.upgrade(now, number);
        assert_eq!(code, 0, "{said}");
        world.states.push(snapshot(&world.demo.install));
    }
    let ids = world.ids();
    assert_eq!(ids[..2], old);
    let sessions = catalog::survey(&world.demo.install).sessions;
    assert_eq!(sessions.iter().map(|s| s.number).collect::<Vec<_>>(), [0, 0, 3, 4]);
    let listed = retention::list(&world.demo.install).unwrap();
    assert_eq!(listed.iter().map(|b| b.session_id.clone().unwrap()).collect::<Vec<_>>(), ids);
    for state in (0..4).rev() {
        let (code, said) = world.run(NOON, &["rollback", &ids[state], "--yes"]);
        assert_eq!(code, 0, "{said}");
        world.assert_at(state);
    }
}

#[test]
fn a_damaged_session_keeps_its_place() {
    let Some(world) = World::new(3) else { return };
    let ids = world.ids();
    // In the middle: over, and not taken for the last one. At the end: rebuilt from its backup, the last one still.
    for damaged in [0, 1, 2] {
        let project = world.copy(&format!("damaged-{damaged}"));
        let install = project.join(".praxis-os");
        for name in ["session.json", "session.1.json"] {
            fs::write(store::folder(&install, &ids[damaged]).join(name), "torn").unwrap();
        }
        let found = catalog::survey(&install);
        assert!(found.lost().is_none(), "{:?}", found.damages);
        let mut places: Vec<_> = found.places.iter().map(|(id, place)| (place, id)).collect();
        places.sort();
        assert_eq!(places.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
        let (code, said) = text(&world.command(NOON, &project, &["rollback", "--yes"]).output().unwrap());
        assert_eq!(code, 0, "{said}");
        assert_same(&world.states[2], &snapshot(&install));
    }
}
