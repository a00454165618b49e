//! Killed with SIGKILL in the middle, then resumed or rolled back, without a terminal.

use crate::common;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::common::{Sandbox, assert_same, snapshot, text, tools};
use pos_upgrade_tui::host::demo::Demo;

/// Starts `upgrade --json` and kills it as soon as a line holds all of `words`.
fn kill_at(sandbox: &Sandbox, demo: &Demo, words: &[&str]) {
    let mut child = sandbox
        .command()
        .args(["upgrade", "--json", "--yes", "--on-conflict", "merge-keep", "--project"])
        .arg(&demo.project)
        .arg("--source")
        .arg(&demo.source)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = lines.map_while(Result::ok).any(|line| words.iter().all(|w| line.contains(w)));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached, "the upgrade never said {words:?}");
}

const IN_PHASE_2: &[&str] = &["task_started", "\"phase\":2", "\"apply\""];
const IN_PHASE_3: &[&str] = &["task_finished", "\"phase\":3", "\"copy_server\""];

fn project(demo: &Demo) -> [&str; 2] {
    ["--project", demo.project.to_str().unwrap()]
}

fn refuses_a_second_one_and_says_unfinished(sandbox: &Sandbox, demo: &Demo) {
    let status = sandbox.run(&[&["status"], &project(demo)[..]].concat());
    assert_eq!(status.status.code(), Some(10), "{}", text(&status).1);
    let source = demo.source.to_str().unwrap();
    let second = sandbox.run(&[&["upgrade", "--yes", "--source", source], &project(demo)[..]].concat());
    let (code, said) = text(&second);
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("resume") && said.contains("rollback"), "{said}");
}

#[test]
fn killed_in_phase_2_and_resumed() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    kill_at(&sandbox, &demo, IN_PHASE_2);
    refuses_a_second_one_and_says_unfinished(&sandbox, &demo);
    let resumed = sandbox.run(&[&["resume"], &project(&demo)[..]].concat());
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed).1);
    assert!(tools(&demo.install).unwrap().contains(&"list_standards".to_owned()));
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn killed_in_phase_3_and_resumed() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    kill_at(&sandbox, &demo, IN_PHASE_3);
    refuses_a_second_one_and_says_unfinished(&sandbox, &demo);
    let resumed = sandbox.run(&[&["resume"], &project(&demo)[..]].concat());
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed).1);
    assert!(tools(&demo.install).unwrap().contains(&"list_standards".to_owned()));
    let status = sandbox.run(&[&["status"], &project(&demo)[..]].concat());
    assert_eq!(status.status.code(), Some(0));
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn killed_in_phase_3_and_rolled_back() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let before = snapshot(&demo.install);
    let old_tools = tools(&demo.install);
    kill_at(&sandbox, &demo, IN_PHASE_3);
    let back = sandbox.run(&[&["rollback", "--yes"], &project(&demo)[..]].concat());
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tools(&demo.install), old_tools);
    assert!(!demo.install.join("venvs").exists(), "no environment is left behind");
    let resumed = sandbox.run(&[&["resume"], &project(&demo)[..]].concat());
    assert!(text(&resumed).1.contains("nothing to resume"), "{}", text(&resumed).1);
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn a_failing_pip_changes_nothing() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let requirements = demo.source.join("mcp_server/requirements.txt");
    let broken = std::fs::read_to_string(&requirements).unwrap() + "no-such-package-anywhere==9.9\n";
    std::fs::write(&requirements, broken).unwrap();
    common::git(&demo.source, &["commit", "-qam", "Require what nobody has"]);
    let before = snapshot(&demo.install);
    let old_tools = tools(&demo.install);
    let source = demo.source.to_str().unwrap();
    let arguments = ["upgrade", "--yes", "--on-conflict", "keep", "--source", source];
    let output = sandbox.run(&[&arguments[..], &project(&demo)[..]].concat());
    let (code, said) = text(&output);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("no-such-package-anywhere"), "pip's own words are shown: {said}");
    assert!(said.contains("nothing in the install was changed"), "{said}");
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tools(&demo.install), old_tools);
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn a_server_that_does_not_start_rolls_back_by_itself() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    std::fs::write(demo.source.join("mcp_server/__main__.py"), "raise SystemExit('no luck today')\n").unwrap();
    common::git(&demo.source, &["commit", "-qam", "Break the server"]);
    let before = snapshot(&demo.install);
    let old_tools = tools(&demo.install);
    let source = demo.source.to_str().unwrap();
    let arguments = ["upgrade", "--yes", "--no-rehearsal", "--on-conflict", "take", "--source", source];
    let output = sandbox.run(&[&arguments[..], &project(&demo)[..]].concat());
    let (code, said) = text(&output);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("no luck today"), "the server's own words are shown: {said}");
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tools(&demo.install), old_tools);
}

#[test]
fn what_was_edited_after_the_upgrade_is_set_aside_by_the_rollback() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let before = snapshot(&demo.install);
    let source = demo.source.to_str().unwrap();
    let arguments = ["upgrade", "--yes", "--no-rehearsal", "--on-conflict", "take", "--source", source];
    let output = sandbox.run(&[&arguments[..], &project(&demo)[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    for (path, words) in [("scripts/install-praxis-os.py", "edited later"), ("UPDATE_LOG.txt", "a note of mine")] {
        std::fs::write(demo.install.join(path), words).unwrap();
    }
    let back = sandbox.run(&[&["rollback", "--yes"], &project(&demo)[..]].concat());
    let (code, said) = text(&back);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("rescued/") && said.contains("install-praxis-os.py"), "{said}");
    assert_same(&before, &snapshot(&demo.install));
    let rescued: Vec<_> = walkdir::WalkDir::new(demo.install.join("rescued"))
        .into_iter()
        .flatten()
        .filter(|e| e.file_type().is_file())
        .map(|e| std::fs::read_to_string(e.path()).unwrap())
        .collect();
    assert!(
        rescued.contains(&"edited later".to_owned()) && rescued.contains(&"a note of mine".to_owned()),
        "{rescued:?}"
    );
}
