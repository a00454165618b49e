//! Nothing is left behind: killed at each named point from a program's start to its end, whoever comes next ends what was
//! started, but for the server that is the user's. And a rollback stops only what the upgrade replaced.

use std::collections::BTreeMap;
use std::fs;

use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::server::{self, Running};
use serde_json::json;

use crate::common::ext::left_behind;
use crate::common::{eventually, text, tools};
use crate::server::world::World;

/// How a project stands before the command that is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    /// No server runs: the upgrade's is only for the proof.
    Stopped,
    /// A server runs, and is the user's again afterwards.
    Running,
    /// A server runs, of a finished upgrade that is rolled back.
    Upgraded,
}

fn world(start: Start) -> Option<World> {
    let world = if start == Start::Stopped { World::new()? } else { World::running()? };
    world.release(&json!({}));
    // A program of the project's own is one of those that are started.
    let settings = json!({"test_command": ["sh", "-c", "sleep 0.2"]});
    fs::write(world.install.join("upgrade.json"), settings.to_string()).unwrap();
    if start == Start::Upgraded {
        let done = world.upgrade(&["--allow-test-command"]);
        assert_eq!(done.code, 0, "{}", done.said);
    }
    Some(world)
}

fn arguments(world: &World, start: Start) -> Vec<String> {
    let source = world.source.to_str().unwrap();
    let upgrade = ["upgrade", "--yes", "--allow-test-command", "--source", source];
    let all: &[&str] = if start == Start::Upgraded { &["rollback", "--yes"] } else { &upgrade };
    all.iter().map(|a| (*a).to_owned()).collect()
}

/// The points of programs that a command passes, each with how many times it was passed before.
fn points(start: Start) -> Option<Vec<String>> {
    let world = world(start)?;
    let log = world.sandbox.path().join("points.log");
    let arguments = arguments(&world, start);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = world.command(&arguments).env("POS_CRASH_LOG", &log).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert!(left_behind(&world.sandbox, &world.install).is_empty(), "nothing is left of one that ends well");
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    let log = fs::read_to_string(log).unwrap();
    let ours = log.lines().filter(|line| line.starts_with("child."));
    Some(
        ours.map(|line| {
            let time = times.entry(line.to_owned()).or_default();
            *time += 1;
            format!("{line} {time}")
        })
        .collect(),
    )
}

/// One part of the points each day, by turns in one of the ways; `POS_SHARD=all` goes on in both ways from each point.
fn ways(number: usize) -> Vec<&'static str> {
    let both = ["resume", "rollback"];
    let today = usize::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400).unwrap();
    match std::env::var("POS_SHARD").as_deref() {
        Ok("all") => both.to_vec(),
        _ if (number + today).is_multiple_of(3) => vec![both[(number + today / 3) % 2]],
        _ => Vec::new(),
    }
}

fn killed_everywhere(start: Start) {
    let Some(points) = points(start) else { return };
    assert!(points.iter().any(|p| p.starts_with("child.start")) && points.iter().any(|p| p.starts_with("child.end")));
    let (mut cases, mut left) = (0, 0);
    for (number, point) in points.iter().enumerate() {
        for way in ways(number) {
            let Some(world) = world(start) else { return };
            let arguments = arguments(&world, start);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let output = world.command(&arguments).env("POS_CRASH_AT", point).output().unwrap();
            assert_eq!(output.status.code(), None, "it was to die at {point}: {}", text(&output).1);
            left += left_behind(&world.sandbox, &world.install).len();
            // The server of the proof may answer by now, as the user's would.
            left += usize::from(start == Start::Stopped && tools(&world.install).is_some());
            // A rollback can only be gone on with.
            let way: &[&str] = if way == "resume" { &["resume"] } else { &["rollback", "--yes"] };
            let (code, said) = text(&world.run(way));
            assert_eq!(code, 0, "{way:?} after {point}: {said}");
            let now = left_behind(&world.sandbox, &world.install);
            assert!(now.is_empty(), "{way:?} after {point}: {now:?}\n{said}");
            let runs = tools(&world.install).is_some();
            assert_eq!(runs, start != Start::Stopped, "{way:?} after {point}: the user's server\n{said}");
            assert!(!world.install.join(".upgrade-lock").exists(), "{way:?} after {point}");
            stop_all(&world);
            cases += 1;
        }
    }
    println!(
        "{start:?}: {cases} kills at {} points of programs, {left} processes were left, 0 afterwards",
        points.len()
    );
}

fn stop_all(world: &World) {
    if let Running::Yes(live) = server::find(&world.install) {
        proc::stop(&live.process, std::time::Duration::from_secs(10));
    }
}

#[test]
fn killed_while_a_server_is_only_tried() {
    killed_everywhere(Start::Stopped);
}

#[test]
fn killed_while_the_users_server_is_replaced() {
    killed_everywhere(Start::Running);
}

#[test]
fn killed_while_a_rollback_replaces_it() {
    killed_everywhere(Start::Upgraded);
}

/// The server of the proof, with an upgrade that is over but for the lock's note: `unlock` ends it, too.
#[test]
fn unlocked_instead_of_resumed() {
    let Some(world) = world(Start::Stopped) else { return };
    let arguments = arguments(&world, Start::Stopped);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = world.command(&arguments).env("POS_CRASH_AT", "child.end before").output().unwrap();
    assert_eq!(output.status.code(), None, "{}", text(&output).1);
    assert!(!left_behind(&world.sandbox, &world.install).is_empty() || tools(&world.install).is_some());
    let note: serde_json::Value =
        serde_json::from_slice(&fs::read(world.install.join(".upgrade-lock")).unwrap()).unwrap();
    let (code, said) = text(&world.run(&["unlock", note["session_id"].as_str().unwrap(), "--yes"]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("left by the upgrade that died"), "{said}");
    assert!(left_behind(&world.sandbox, &world.install).is_empty() && tools(&world.install).is_none(), "{said}");
}

fn pid(world: &World) -> u64 {
    world.state()["pid"].as_u64().unwrap()
}

/// The server was never touched, so a rollback does not touch it either.
#[test]
fn a_rollback_of_content_leaves_the_server_alone() {
    let Some(world) = World::running() else { return };
    let before = (pid(&world), tools(&world.install));
    world.release(&json!({}));
    let done = world.upgrade(&["--only", "content"]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!((pid(&world), tools(&world.install)), before, "{}", done.said);
    let (code, said) = text(&world.run(&["rollback", "--yes"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!((pid(&world), tools(&world.install)), before, "{said}");
}

/// The same for an upgrade that died before it came to the server. One that had stopped it starts it again.
#[test]
fn a_rollback_of_what_never_came_to_the_server() {
    for (point, is_stopped) in [
        ("backup.copy after", false),
        ("all.sync after", false),
        ("journal.exchange before", true),
        ("journal.exchange after", true),
        ("journal.release after", true),
    ] {
        let Some(world) = World::running() else { return };
        let before = (pid(&world), tools(&world.install));
        world.release(&json!({}));
        let source = world.source.to_str().unwrap();
        let mut command = world.command(&["upgrade", "--yes", "--source", source]);
        let output = command.env("POS_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.code(), None, "{point}: {}", text(&output).1);
        let (code, said) = text(&world.run(&["rollback", "--yes"]));
        assert_eq!(code, 0, "{point}: {said}");
        assert_eq!(tools(&world.install), before.1, "{point}: {said}");
        assert_eq!(pid(&world) != before.0, is_stopped, "{point}: {said}");
    }
}

/// What somebody starts during an interruption is stopped only to be started again, forwards and backwards.
#[test]
fn a_server_that_was_started_during_an_interruption() {
    for way in [&["resume"][..], &["rollback", "--yes"]] {
        let Some(mut world) = World::new() else { return };
        world.release(&json!({}));
        let source = world.source.to_str().unwrap().to_owned();
        let mut command = world.command(&["upgrade", "--yes", "--source", &source]);
        // In phase 4, the new code in place.
        let output = command.env("POS_CRASH_AT", "child.end before").output().unwrap();
        assert_eq!(output.status.code(), None, "{}", text(&output).1);
        // The one for the proof may still be there, and has the port.
        for left in left_behind(&world.sandbox, &world.install) {
            proc::stop(&left, std::time::Duration::from_secs(10));
        }
        stop_all(&world);
        world.start();
        let (code, said) = text(&world.run(way));
        assert_eq!(code, 0, "{way:?}: {said}");
        let expected = if way[0] == "resume" { 5 } else { 4 };
        eventually("a server answers", || tools(&world.install).is_some_and(|t| t.len() == expected));
        assert!(left_behind(&world.sandbox, &world.install).is_empty(), "{way:?}: {said}");
    }
}
