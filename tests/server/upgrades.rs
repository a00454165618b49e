//! What goes right.

use std::fs;

use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::server;
use pos_upgrade_tui::host::server::ports;
use serde_json::{Value, json};

use crate::common::ext::kill_at;
use crate::common::{Sandbox, assert_same, eventually, snapshot, text, tools};
use crate::server::world::{Upgraded, World};

fn report(world: &World) -> Value {
    let mut files = fs::read_dir(world.install.join(".cache")).unwrap().map(|e| e.unwrap().path());
    let path = files.find(|p| p.file_name().unwrap().to_string_lossy().starts_with("upgrade-validation-"));
    serde_json::from_slice(&fs::read(path.expect("a report")).unwrap()).unwrap()
}

#[test]
fn a_running_server_is_replaced_and_has_other_tools() {
    let Some(world) = World::running() else { return };
    let before = snapshot(&world.install);
    let (old_pid, old_tools) = (world.state()["pid"].clone(), tools(&world.install).unwrap());
    let commit = world.release(&json!({"client_hangs_up": true, "slow_start": 2}));

    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_ne!(world.state()["pid"], old_pid);
    let new_tools = tools(&world.install).expect("the new server answers");
    assert!(new_tools.contains(&"list_standards".to_owned()), "{new_tools:?}");
    assert!(done.said.contains("building the index, part"), "what it is doing is shown");

    assert_eq!(done.evidence(0)["server_found"], "running, ours to restart");
    assert_eq!(
        (&done.evidence(3)["server_version"], &done.evidence(4)["server_version"]),
        (&json!(commit), &json!(commit))
    );
    assert_eq!(done.evidence(3)["dependencies_installed"], "not_applicable: requirements already satisfied");
    assert_eq!((&done.evidence(4)["tools_registered"], &done.evidence(4)["expected_tools"]), (&json!(5), &json!(5)));
    let report = report(&world);
    let probes = report["probes"].as_array().unwrap();
    let named = |name: &str| probes.iter().find(|p| p["probe"] == name).unwrap_or_else(|| panic!("{name}: {report}"));
    for name in ["tools", "search", "workflows", "session", "index flag", "server log"] {
        assert_eq!(named(name)["outcome"], "passed", "{report}");
        assert!(named(name)["seconds"].is_number() && !named(name)["saw"].is_null(), "{report}");
    }
    assert_eq!(named("browser")["outcome"], "not_applicable", "{report}");
    assert_eq!(named("search")["saw"]["query"], "Names say what a thing is for");
    assert_eq!(report["server_version"], commit);

    let detached = proc::look(u32::try_from(world.state()["pid"].as_u64().unwrap()).unwrap()).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", detached.pid)).unwrap();
    let session: u32 = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().parse().unwrap();
    let stdin = proc::descriptors(detached.pid).remove(&0).map(|d| d.leads);
    assert_eq!((session, stdin.as_deref()), (detached.pid, Some("/dev/null")), "a session of its own");
    for file in fs::read_dir(format!("/proc/{}/fd", detached.pid)).unwrap() {
        let leads = fs::read_link(file.unwrap().path()).unwrap_or_default();
        assert!(!leads.to_string_lossy().contains(".upgrade"), "{}", leads.display());
    }

    let back = world.run(&["rollback", "--yes"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_same(&before, &snapshot(&world.install));
    assert_eq!(tools(&world.install).unwrap(), old_tools);
}

/// Killed when the new server answers: the upgrade is taken up, and the server knows its session.
#[test]
fn a_session_is_resumed_across_the_restart() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"worker_child": true}));
    let old_port = world.port();
    let source = world.source.to_str().unwrap();
    let command = world.command(&["upgrade", "--json", "--yes", "--source", source]);
    kill_at(command, |e| e["event"] == "task_finished" && e["task"] == "smoke");
    let pid = world.state()["pid"].clone();
    assert!(tools(&world.install).is_some(), "the new server outlives us");
    let done = Upgraded::of(&world.run(&["resume", "--json"]));
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(world.state()["pid"], pid, "the server that was started is the one that is tried");
    assert!(!ports::is_open(old_port));

    // The worker that the server leaves on its port goes with it.
    let (port, pid) = (world.port(), u32::try_from(pid.as_u64().unwrap()).unwrap());
    let back = world.run(&["rollback", "--yes"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert!(proc::look(pid).is_none());
    eventually("the port is free", || !ports::is_open(port));
}

/// Killed while the new server starts: who goes on ends that one, or it would write its state file later.
#[test]
fn a_starting_server_is_not_left_behind() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"slow_start": 4}));
    let source = world.source.to_str().unwrap();
    let command = world.command(&["upgrade", "--json", "--yes", "--source", source]);
    kill_at(command, |e| e["event"] == "task_progress" && e["task"] == "start_server");
    // It is a moment until the process that detaches it has become the server.
    eventually("the server that starts", || !server::others(&world.install).is_empty());
    let left = server::others(&world.install);
    assert_eq!(left.len(), 1, "it still starts: {left:?}");
    let done = Upgraded::of(&world.run(&["resume", "--json"]));
    assert_eq!(done.code, 0, "{}", done.said);
    assert!(proc::look(left[0].pid).is_none() && server::others(&world.install).is_empty());
    assert!(done.warnings().contains(&format!("ended pid {}", left[0].pid)), "{}", done.warnings());
    assert!(tools(&world.install).unwrap().contains(&"list_standards".to_owned()));
}

#[test]
fn a_server_that_ignores_term_is_killed() {
    let Some(mut world) = World::new() else { return };
    world.misbehaves(&json!({"ignore_term": true}));
    let pid = world.start();
    world.release(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert!(proc::look(pid).is_none());
    assert!(done.said.contains(&format!("TERM to pid {pid}")), "{}", done.said);
    assert!(done.warnings().contains("did not end in 10 s and was killed"), "{}", done.warnings());
}

/// A teammate has committed the upgraded files: nothing is left to apply, but the server runs what was there before.
#[test]
fn an_old_process_is_restarted_although_the_plan_is_empty() {
    let Some(world) = World::running() else { return };
    let pid = world.state()["pid"].clone();
    let current = world.upgrade(&[]);
    assert!(current.code == 0 && current.said.contains("nothing to do"), "{}", current.said);
    let code = world.install.join("mcp_server/tools.py");
    let written = fs::metadata(&code).unwrap().modified().unwrap();
    fs::write(&code, fs::read(&code).unwrap()).unwrap();
    // Who copies files may bring their times along.
    fs::File::options().write(true).open(&code).unwrap().set_modified(written).unwrap();
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_ne!(world.state()["pid"], pid, "{}", done.said);
    let current = world.upgrade(&[]);
    assert!(current.said.contains("nothing to do"), "{}", current.said);
}

#[test]
fn the_projects_own_tests_have_a_word() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let upgrade = |settings: Value, more: &[&str]| {
        fs::write(demo.install.join("upgrade.json"), settings.to_string()).unwrap();
        let (source, project) = (demo.source.to_str().unwrap(), demo.project.to_str().unwrap());
        let arguments =
            ["upgrade", "--json", "--yes", "--on-conflict", "keep", "--source", source, "--project", project];
        let arguments = [&arguments[..], &["--allow-test-command"]].concat();
        Upgraded::of(&sandbox.run(&[&arguments[..], more].concat()))
    };
    let broken = upgrade(json!({"test_command": ["sh", "-c", "echo 3 of 9 failed; exit 1"]}), &[]);
    assert_eq!(broken.code, 5, "{}", broken.said);
    assert!(broken.message().contains("3 of 9 failed") && broken.message().contains("--skip-tests"), "{}", broken.said);
    assert_eq!(broken.error_code(), "POS-E0607");
    let slow = upgrade(json!({"test_command": ["sleep", "60"], "test_timeout": 1}), &[]);
    assert_eq!(slow.code, 5, "{}", slow.said);
    let left_out = upgrade(json!({"test_command": ["false"]}), &["--skip-tests"]);
    assert_eq!(left_out.evidence(4)["unit_tests_passed"], "not_applicable: tests skipped");
    let back = sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    let good = upgrade(json!({"test_command": ["test", "-d", ".praxis-os"]}), &[]);
    assert_eq!((good.code, &good.evidence(4)["unit_tests_passed"]), (0, &json!(true)), "{}", good.said);
}
