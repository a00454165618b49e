//! What an upgrade leaves in the install: session, state file, baseline, backup, lock.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;

use pos_upgrade_tui::core::blob::sha256;
use serde_json::{Value, json};

use crate::common::ext::{self, Helper, keys, lines, set};
use crate::common::{eventually, git, text};
use crate::contracts::events::assert_evidence;
use crate::contracts::set::{FINISHED, Set, assert_time};

/// A session's newest generation, read as the files say it: both checked against their sums.
pub fn truth(install: &Path, session: &str) -> Value {
    #[derive(serde::Deserialize)]
    struct Generation {
        sequence: u64,
        sha256: String,
        session: Box<serde_json::value::RawValue>,
    }
    let folder = install.join(".upgrade").join(session);
    let read = |name: &str| -> Generation { serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap() };
    let both = ["session.json", "session.1.json"].map(read);
    for generation in &both {
        assert_eq!(sha256(generation.session.get().as_bytes()), generation.sha256);
    }
    assert_eq!(both[0].sequence.abs_diff(both[1].sequence), 1, "one after the other");
    let newest = both.iter().max_by_key(|g| g.sequence).unwrap();
    serde_json::from_str(newest.session.get()).unwrap()
}

#[test]
fn the_state_file() {
    let set_up = Set::new();
    let events = set_up.upgrade("merge-keep");
    let session = events[0]["session_id"].as_str().unwrap();
    let folder = set_up.demo.install.join(".cache/state");
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [format!("{session}.json").as_str()], "no other file: the server reads them all");
    let state = set_up.read(&format!(".cache/state/{session}.json"));
    let documented = [
        "session_id",
        "workflow_type",
        "target_file",
        "current_phase",
        "completed_phases",
        "phase_artifacts",
        "checkpoints",
        "created_at",
        "updated_at",
        "metadata",
        "status",
        "reason",
    ];
    assert_eq!(keys(&state), set(&documented));
    assert_eq!(state["session_id"], session);
    assert_eq!((&state["workflow_type"], &state["target_file"]), (&json!("agent_os_upgrade_v1"), &json!("mcp_server")));
    assert_eq!((&state["status"], &state["reason"]), (&json!("completed"), &json!(null)));
    assert_eq!(state["current_phase"], 6, "as the server counts: nothing of it is left to do");
    assert_eq!(state["completed_phases"], json!([0, 1, 2, 3, 4, 5]));
    let six = ["0", "1", "2", "3", "4", "5"];
    assert_eq!(keys(&state["checkpoints"]), set(&six));
    assert!(six.iter().all(|n| state["checkpoints"][n] == "passed"), "{}", state["checkpoints"]);
    assert_eq!(state["metadata"]["total_phases"], 6);
    assert_eq!((&state["metadata"]["dry_run"], &state["metadata"]["auto_restart"]), (&json!(false), &json!(true)));
    assert_time(&state["created_at"]);
    assert_time(&state["updated_at"]);

    assert_eq!(keys(&state["phase_artifacts"]), set(&six));
    let told: Vec<&Value> = events.iter().filter(|e| e["event"] == "phase_finished").collect();
    for (n, told) in (0_u64..).zip(told) {
        let artifact = &state["phase_artifacts"][n.to_string()];
        let mut expected = keys(&told["evidence"]);
        expected.extend(set(&["phase_number", "evidence", "outputs", "commands_executed", "timestamp"]));
        assert_eq!(keys(artifact), expected, "phase {n}");
        assert_eq!(artifact["phase_number"], n);
        assert_eq!(artifact["evidence"], told["evidence"]);
        for (key, value) in told["evidence"].as_object().unwrap() {
            assert_eq!(&artifact[key], value, "phase {n}: {key} stands flat, as the seed has it");
        }
        assert!(artifact["outputs"]["commands"].is_array());
        // What stands here the server wants with output, exit code and times, or it reads nothing of the session.
        assert_eq!(artifact["commands_executed"], json!([]));
        assert_time(&artifact["timestamp"]);
        assert_evidence(n, artifact);
    }

    let truth = truth(&set_up.demo.install, session);
    for key in ["session_id", "completed_phases", "created_at", "updated_at"] {
        assert_eq!(truth[key], state[key], "{key} is the truth's");
    }
    assert_eq!((&truth["state"]["end"], &truth["state"]["reason"]), (&state["status"], &state["reason"]));
    for n in six {
        assert_eq!(truth["phase_artifacts"][n]["evidence"], state["phase_artifacts"][n]["evidence"], "phase {n}");
    }
    let meta = fs::metadata(folder.join(&names[0])).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o644, "the server may run as somebody else");
}

#[test]
fn the_state_file_of_an_upgrade_that_was_undone() {
    let set_up = Set::new();
    let upgraded = set_up.upgrade("keep");
    let session = upgraded[0]["session_id"].as_str().unwrap();
    let events = set_up.run("rollback", &["--yes"], 0);
    assert_eq!((&events[0]["event"], &events[0]["resumed"]), (&json!("session_started"), &json!(true)));
    let of = |word: &str| events.iter().find(|e| e["event"] == word).unwrap_or_else(|| panic!("no {word}")).clone();
    assert_eq!(keys(&of("rollback_started")), set(&["event", "schema", "reason"]));
    assert_eq!(keys(&of("rollback_finished")), set(&["event", "schema", "restored", "rescued", "seconds"]));
    let last = events.last().unwrap();
    assert_eq!(keys(last), set(&FINISHED));
    assert_eq!((&last["result"], &last["exit_code"]), (&json!("rolled_back"), &json!(0)));
    let state = set_up.read(&format!(".cache/state/{session}.json"));
    assert_eq!(state["status"], "rolled_back");
    assert!(state["reason"].as_str().is_some_and(|r| !r.is_empty()));
    assert_eq!(truth(&set_up.demo.install, session)["state"]["end"], "rolled_back");
}

#[test]
fn the_baseline_is_the_release_and_not_what_was_written() {
    for policy in ["keep", "merge-keep"] {
        let set_up = Set::new();
        let plan = set_up.plan(&[]);
        set_up.upgrade(policy);
        let baseline = set_up.read(".upgrade-baseline.json");
        assert_eq!(keys(&baseline), set(&["schema", "release", "layout", "files"]));
        assert_eq!((&baseline["schema"], &baseline["layout"]), (&json!(1), &json!("current")));
        assert_eq!(baseline["release"], git(&set_up.demo.source, &["rev-parse", "HEAD"]));
        let release = set_up.release();
        let files = baseline["files"].as_object().unwrap();
        assert_eq!(files.keys().collect::<Vec<_>>(), release.keys().collect::<Vec<_>>(), "every path, and sorted");
        for (path, (source_path, blob, executable)) in &release {
            let mut expected = json!({"source_path": source_path, "blob": blob});
            if *executable {
                expected["executable"] = json!(true);
            }
            assert_eq!(files[path], expected, "{path}");
        }
        // The files that are not the release's are listed with the release's bytes all the same.
        let mut different = 0;
        for file in plan["files"].as_array().unwrap() {
            if file["kind"] == "conflict" || file["kind"] == "auto_merge" {
                let path = file["path"].as_str().unwrap();
                let installed = set_up.demo.install.join(path);
                let now = git(&set_up.demo.source, &["hash-object", "--no-filters", installed.to_str().unwrap()]);
                assert_ne!(files[path]["blob"], now, "{path}");
                different += 1;
            }
        }
        assert_eq!(different, 6);
        // So they are still the user's next time, and nothing is to do.
        let next = set_up.plan(&[]);
        assert_eq!(next["install"]["release_evidence"], "baseline");
        assert_eq!(next["install"]["release"], json!(set_up.demo.commits[2]));
        assert_eq!(next["summary"]["local_only"], 6);
        let last = set_up.run("upgrade", &["--yes"], 0);
        assert_eq!(last.len(), 1);
        assert_eq!((&last[0]["event"], &last[0]["result"]), (&json!("finished"), &json!("nothing_to_do")));
    }
}

#[test]
fn the_backups_manifest_covers_everything() {
    let set_up = Set::new();
    let install = &set_up.demo.install;
    // What an install can hold besides: the user's own, links, modes, what is never backed up.
    for folder in ["specs/2026", "workspace/empty", ".cache", "mcp_server/__pycache__"] {
        fs::create_dir_all(install.join(folder)).unwrap();
    }
    fs::write(install.join("specs/2026/plan.md"), "secret\n").unwrap();
    fs::set_permissions(install.join("specs/2026/plan.md"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("2026/plan.md", install.join("specs/current.md")).unwrap();
    symlink("/nowhere/at-all", install.join("specs/dangling")).unwrap();
    for ephemeral in [".cache/index.bin", "mcp_server/__pycache__/server.pyc"] {
        fs::write(install.join(ephemeral), "ephemeral").unwrap();
    }
    let before = inventory(install);
    assert!(before.len() > 50);
    let gitignore = fs::read(set_up.demo.project.join(".gitignore")).unwrap();

    let events = set_up.upgrade("take");
    let evidence = events.iter().find(|e| e["event"] == "phase_finished" && e["phase"] == 1).unwrap();
    let folder = set_up.demo.project.join(evidence["evidence"]["backup_path"].as_str().unwrap());
    let name = folder.file_name().unwrap().to_str().unwrap();
    jiff::civil::DateTime::strptime("%Y-%m-%d-%H%M%S", name).expect(name);
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("MANIFEST.json")).unwrap()).unwrap();
    let documented = [
        "schema",
        "session_id",
        "number",
        "parent",
        "folder",
        "folder_mtime",
        "created_at",
        "entries",
        "project_gitignore",
        "project_gitignore_mtime",
        "beside",
    ];
    assert_eq!(keys(&manifest), set(&documented));
    assert_eq!((&manifest["number"], &manifest["parent"]), (&json!(1), &json!(null)), "the first one");
    for (name, sum) in manifest["beside"].as_object().unwrap() {
        assert_eq!(*sum, sha256(&fs::read(folder.join(name)).unwrap()), "{name}");
    }
    assert_eq!((&manifest["schema"], &manifest["session_id"]), (&json!(1), &events[0]["session_id"]));
    assert_time(&manifest["created_at"]);
    let entries: BTreeMap<String, Value> = serde_json::from_value(manifest["entries"].clone()).unwrap();
    assert_eq!(entries.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (path, entry) in &entries {
        assert_eq!(entry, &before[path], "{path}");
    }
    for (path, entry) in entries.iter().filter(|(_, e)| e["type"] == "file") {
        let copy = fs::read(folder.join("files").join(path)).unwrap();
        assert_eq!(entry["sha256"], sha256(&copy), "{path}: the copy");
    }
    assert_eq!(manifest["project_gitignore"], sha256(&gitignore));
    assert_eq!(fs::read(folder.join("project.gitignore")).unwrap(), gitignore);
}

/// What a manifest must say of an install, path by path.
fn inventory(install: &Path) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(install).min_depth(1).into_iter().filter_entry(|e| {
        let name = e.file_name().to_string_lossy();
        let top = [".cache", ".upgrade", ".backups", "venv", "venvs"].contains(&name.as_ref()) && e.depth() == 1;
        !top && name != "__pycache__"
    }) {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let mtime = (i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())).to_string();
        let mut value = if meta.is_dir() {
            json!({"type": "folder", "mode": mode, "mtime": mtime})
        } else if meta.is_symlink() {
            json!({"type": "link", "target": fs::read_link(entry.path()).unwrap(), "mtime": mtime})
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            json!({"type": "file", "sha256": sha256(&bytes), "size": bytes.len(), "mode": mode, "mtime": mtime})
        };
        (value["uid"], value["gid"]) = (json!(meta.uid()), json!(meta.gid()));
        all.insert(entry.path().strip_prefix(install).unwrap().to_string_lossy().into_owned(), value);
    }
    all
}

#[test]
fn the_lock_of_a_running_upgrade() {
    let set_up = Set::new();
    let install = &set_up.demo.install;
    ext::slow_down(install);
    let mut command = set_up.sandbox.command();
    command.args(set_up.arguments("upgrade", &["--yes", "--on-conflict", "keep"]));
    let mut running = Helper(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut note = None;
    eventually("the note is there", || {
        note = fs::read(install.join(".upgrade-lock")).ok();
        note.is_some()
    });
    running.hold(true);
    // Written as a whole: never seen half.
    let note: Value = serde_json::from_slice(&note.unwrap()).unwrap();
    let second = set_up.sandbox.run(&set_up.arguments("upgrade", &["--yes", "--on-conflict", "keep"]));
    let status = set_up.sandbox.run(&set_up.arguments("status", &[]));
    assert!(running.0.try_wait().unwrap().is_none(), "it was there all that while");
    running.hold(false);
    for key in ["session_id", "started_at", "pid"] {
        assert!(keys(&note).contains(key), "{key} in {note}");
    }
    assert_eq!(note["pid"], running.pid());
    assert_time(&note["started_at"]);
    let session = note["session_id"].as_str().unwrap();
    assert_eq!(ext::sessions(install), set(&[session]));

    let (code, said) = text(&second);
    assert_eq!(code, 7, "{said}");
    assert!(said.contains(&format!("pid {}", running.pid())) && said.contains(session), "{said}");
    assert_eq!(status.status.code(), Some(10), "unfinished as long as it runs");
    let status = lines(&status.stdout).pop().unwrap();
    assert_eq!((&status["state"], &status["session"]["session_id"]), (&json!("unfinished"), &json!(session)));
    assert!(status["running"].as_str().is_some_and(|r| r.contains(&format!("pid {}", running.pid()))), "{status}");

    assert!(running.0.wait().unwrap().success());
    assert!(!install.join(".upgrade-lock").exists(), "gone with its end");
    assert!(install.join(".upgrade/lock").exists(), "what is locked is never unlinked");
}
