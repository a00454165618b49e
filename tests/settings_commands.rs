//! `config` and `doctor`, and what is written by them.

use std::fs;

use serde_json::{Value, json};

use crate::common::ext::refused;
use crate::common::{Sandbox, git, text};

#[test]
fn settings_are_shown_with_their_origin_and_changed_one_by_one() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let file = demo.install.join("upgrade.json");
    let run = |words: &[&str]| {
        let output = sandbox.run(&[words, &["--project", project]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output).1);
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = || -> Value { serde_json::from_str(&run(&["config", "show", "--json"])).unwrap() };
    assert_eq!(shown()["settings"]["keep_backups"], json!({"value": 3, "from": "default"}));
    run(&["config", "set", "keep_backups", "5", "--user"]);
    assert_eq!(shown()["settings"]["keep_backups"], json!({"value": 5, "from": "user"}));
    run(&["config", "set", "source_path", "./praxis", "--user"]);
    let of_user = shown()["settings"]["source_path"]["value"].as_str().unwrap().to_owned();
    assert!(
        of_user.starts_with('/') && of_user.ends_with("/praxis"),
        "it holds wherever a command is typed: {of_user}"
    );
    run(&["config", "unset", "source_path", "--user"]);
    fs::write(&file, "{\"theme\": \"dark\",\n\"keep_backups\": 9}").unwrap();
    assert_eq!(shown()["settings"]["keep_backups"], json!({"value": 9, "from": "project"}));
    run(&["config", "set", "always_keep", "[\"docs/**\"]"]);
    run(&["config", "set", "git_commit_message", "Bring {version} here"]);
    let text_now = fs::read_to_string(&file).unwrap();
    assert!(text_now.starts_with("{\n  \"theme\": \"dark\",\n  \"keep_backups\": 9,"), "in its order: {text_now}");
    run(&["config", "unset", "keep_backups"]);
    assert_eq!(shown()["settings"]["keep_backups"]["from"], "user");
    let said = run(&["config", "show"]);
    assert!(said.contains("always_keep") && said.contains("(project)") && said.contains("(user)"), "{said}");
    assert_eq!(shown()["settings"]["git_commit_message"]["value"], "Bring {version} here");

    refused(
        &sandbox,
        &demo.project,
        &["config", "set", "keep_backup", "1", "--project", project],
        2,
        &["keep_backups"],
    );
    refused(
        &sandbox,
        &demo.project,
        &["config", "set", "keep_backups", "many", "--project", project],
        2,
        &["keep_backups"],
    );
    refused(
        &sandbox,
        &demo.project,
        &["config", "set", "always_keep", "[\"[\"]", "--project", project],
        2,
        &["always_keep"],
    );
    fs::write(&file, "{").unwrap();
    refused(
        &sandbox,
        &demo.project,
        &["config", "set", "ascii", "true", "--project", project],
        2,
        &["upgrade.json", "JSON"],
    );
}

#[test]
fn the_message_of_the_commit_is_the_users() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    git(&demo.project, &["init", "--quiet", "--template="]);
    git(&demo.project, &["config", "user.name", "t"]);
    git(&demo.project, &["config", "user.email", "t@example.invalid"]);
    git(&demo.project, &["add", "--all", "--force"]);
    git(&demo.project, &["commit", "--quiet", "-m", "before"]);
    let set = sandbox.run(&[
        "config",
        "set",
        "git_commit_message",
        "chore({install}): {version} {nothing}",
        "--project",
        project,
    ]);
    assert!(set.status.success(), "{}", text(&set).1);
    let upgrade =
        ["upgrade", "--yes", "--git-commit", "--on-conflict", "keep", "--project", project, "--source", source];
    let output = sandbox.run(&upgrade);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let subject = git(&demo.project, &["log", "-1", "--format=%s"]);
    assert!(subject.starts_with("chore(.praxis-os): ") && subject.ends_with(" {nothing}"), "{subject}");
}

#[test]
fn the_doctor_says_what_it_sees_and_nothing_of_the_users() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let run = |words: &[&str]| sandbox.run(&[words, &["--project", project]].concat());
    let output = run(&["doctor", "--json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = |about: &str| rows["rows"].as_array().unwrap().iter().find(|r| r["about"] == about).cloned();
    assert_eq!(output.status.code(), Some(0), "{rows}");
    for about in
        ["machine", "install", "release", "server", "environment", "python", "git", "disk", "trial", "lock", "session"]
    {
        assert!(row(about).is_some(), "{about}: {rows}");
    }
    assert!(row("install").unwrap()["found"].as_str().unwrap().contains("generation"), "{rows}");
    assert_eq!(
        (&row("lock").unwrap()["mark"], &row("server").unwrap()["found"]),
        (&json!("ok"), &json!("not running"))
    );
    let said = text(&run(&["doctor"])).1;
    assert!(
        !said.contains(project) && !said.contains(sandbox.path().to_str().unwrap()),
        "no path of the user's: {said}"
    );
    // What is wrong has a next step.
    fs::write(demo.install.join(".upgrade-baseline.json"), "<<<<<<< a\n").unwrap();
    let output = run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(4));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let bad = rows["rows"].as_array().unwrap().iter().find(|r| r["mark"] == "problem").unwrap();
    assert!(bad["about"] == "release" && bad["next"].as_str().is_some_and(|n| n.contains("pos-upgrade-tui")), "{bad}");
}
