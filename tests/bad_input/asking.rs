//! Settings, questions that nobody answers, and sessions in the way.

use std::fs;

use crate::bad_input::set_up::{CONFLICTS, LOCKED, USAGE, plan, small_demo, upgrade, utf8};
use crate::common::ext::{self, refused, sessions};
use crate::common::{assert_same, snapshot, text};

#[test]
fn settings_that_can_not_be_read() {
    let (sandbox, demo) = small_demo();
    let users = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    let users = sandbox.path().join("home").join(users).join("pos-upgrade-tui/upgrade.json");
    fs::create_dir_all(users.parent().unwrap()).unwrap();
    let of_project = demo.install.join("upgrade.json");
    let arguments = upgrade(&demo.project, &demo.source);
    let wizard = ["--project", utf8(&demo.project)];
    let broken: [(&[u8], &[&str]); 7] = [
        (b"{\"keep_backups\": 3", &["JSON"]),
        (b"", &["JSON"]),
        (b"[\"keep_backups\"]", &["object"]),
        (b"{\"keep_backup\": 3}", &["\"keep_backup\"", "did you mean \"keep_backups\""]),
        (b"{\"dry-run\": true}", &["\"dry-run\"", "did you mean \"dry_run\""]),
        (b"{\"dry_run\": false, \"keep_backups\": \"three\"}", &["\"keep_backups\"", "three"]),
        (b"{\"source_path\": \"/\xff\"}", &["UTF-8"]),
    ];
    for file in [&of_project, &users] {
        for (bytes, names) in broken {
            fs::write(file, bytes).unwrap();
            let names = [&[utf8(file), "mv "], names].concat();
            refused(&sandbox, &demo.project, &arguments, USAGE, &names);
            refused(&sandbox, &demo.project, &plan(&demo.project, &demo.source), USAGE, &names);
        }
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
        refused(&sandbox, &demo.project, &arguments, USAGE, &[utf8(file)]);
        fs::remove_dir(file).unwrap();
    }
    // The wizard says first that it has no terminal.
    refused(&sandbox, &demo.project, &wizard, USAGE, &["terminal"]);
}

#[test]
fn nobody_there_to_say_yes() {
    let (sandbox, demo) = small_demo();
    let mut arguments = upgrade(&demo.project, &demo.source);
    arguments.retain(|a| *a != "--yes");
    refused(&sandbox, &demo.project, &arguments, USAGE, &["no terminal", "--yes"]);
}

#[test]
fn a_wizard_without_a_terminal() {
    let (sandbox, demo) = small_demo();
    for arguments in [vec![], vec!["--project", utf8(&demo.project), "--source", utf8(&demo.source), "--yes"]] {
        refused(&sandbox, &demo.project, &arguments, USAGE, &["terminal", "pos-upgrade-tui upgrade"]);
    }
}

#[test]
fn conflicts_that_nobody_settles() {
    let (sandbox, demo) = small_demo();
    let arguments = upgrade(&demo.project, &demo.source);
    let by_default: Vec<&str> = arguments.iter().copied().filter(|a| !["--on-conflict", "keep"].contains(a)).collect();
    let asked_for: Vec<&str> = arguments.iter().map(|a| if *a == "keep" { "fail" } else { a }).collect();
    let output = sandbox.run(&[&plan(&demo.project, &demo.source)[..], &["--json"]].concat());
    let planned: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = planned["files"].as_array().unwrap().iter().filter(|f| f["kind"] == "conflict");
    let mut names: Vec<&str> = files.map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    names.push("--on-conflict");
    for arguments in [by_default, asked_for] {
        refused(&sandbox, &demo.project, &arguments, CONFLICTS, &names);
    }
    assert!(sessions(&demo.install).is_empty());
}

#[test]
fn an_unfinished_session_in_the_way() {
    let (sandbox, demo) = small_demo();
    ext::slow_down(&demo.install);
    let before = snapshot(&demo.install);
    let arguments = upgrade(&demo.project, &demo.source);
    let mut first = sandbox.command();
    first.args(&arguments).arg("--json");
    let seen = ext::kill_at(first, |line| line["event"] == "task_started" && line["task"] == "backup_files");
    let session = seen[0]["session_id"].as_str().unwrap();
    assert_eq!(sessions(&demo.install), ext::set(&[session]), "it was killed, its session is there");
    let status = sandbox.run(&["status", "--project", utf8(&demo.project)]);
    assert_eq!(status.status.code(), Some(10), "unfinished: {}", text(&status).1);

    let names = [utf8(&demo.install), session, "pos-upgrade-tui resume", "pos-upgrade-tui rollback"];
    refused(&sandbox, &demo.project, &arguments, LOCKED, &names);

    // What it names works.
    let output = sandbox.run(&["rollback", "--project", utf8(&demo.project), "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert_same(&before, &snapshot(&demo.install));
    let output = sandbox.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

#[test]
fn a_damaged_session_in_the_way() {
    let (sandbox, demo) = small_demo();
    let folder = demo.install.join(".upgrade").join(uuid::Uuid::now_v7().to_string());
    fs::create_dir_all(&folder).unwrap();
    for name in ["session.json", "session.1.json"] {
        fs::write(folder.join(name), "{\"sequence\": 1, \"sha256\": \"00\", \"session\": {}}").unwrap();
    }
    let names = [utf8(&folder), "damaged"];
    refused(&sandbox, &demo.project, &upgrade(&demo.project, &demo.source), LOCKED, &names);
}
