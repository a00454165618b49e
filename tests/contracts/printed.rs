//! What commands print: the status, the end, and the examples of it all in the code.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::ext::{self, keys, set};
use crate::common::text;
use crate::contracts::files::truth;
use crate::contracts::set::{FINISHED, Set, assert_time};

#[test]
fn the_status() {
    let set_up = Set::new();
    let status = |code: i32| -> Value {
        let mut all = set_up.run("status", &[], code);
        assert_eq!(all.len(), 1, "a status is one object");
        let status = all.pop().unwrap();
        assert_eq!(keys(&status), set(&["schema", "install", "state", "release", "running", "session", "parked"]));
        assert_eq!(status["parked"], json!([]));
        assert_eq!((&status["schema"], &status["running"]), (&json!(1), &json!(null)));
        assert_eq!(status["install"], set_up.demo.install.to_str().unwrap());
        status
    };
    let fresh = status(0);
    assert_eq!((&fresh["state"], &fresh["release"], &fresh["session"]), (&json!("idle"), &json!(null), &json!(null)));

    ext::slow_down(&set_up.demo.install);
    let mut command = set_up.sandbox.command();
    command.args(set_up.arguments("upgrade", &["--yes", "--on-conflict", "keep"]));
    let seen = ext::kill_at(command, |e| e["event"] == "task_started" && e["task"] == "backup_files");
    let unfinished = status(10);
    let documented = ["session_id", "status", "reason", "current_phase", "applied", "created_at", "source_commit"];
    assert_eq!(keys(&unfinished["session"]), set(&documented));
    assert_eq!((&unfinished["state"], &unfinished["session"]["status"]), (&json!("unfinished"), &json!("running")));
    assert_eq!(unfinished["session"]["session_id"], seen[0]["session_id"]);
    assert!(unfinished["session"]["current_phase"].as_u64().is_some_and(|n| (1..6).contains(&n)));
    assert!(unfinished["session"]["applied"].is_boolean());
    assert_time(&unfinished["session"]["created_at"]);

    let resumed = set_up.run("resume", &[], 0);
    assert_eq!((&resumed[0]["resumed"], &resumed[0]["session_id"]), (&json!(true), &seen[0]["session_id"]));
    let done = status(0);
    assert_eq!((&done["state"], &done["session"]["status"]), (&json!("idle"), &json!("completed")));
    assert_eq!(done["release"], json!(set_up.demo.commits[2]));
    assert_eq!(done["session"]["applied"], true);
}

#[test]
fn json_is_all_that_json_prints() {
    let set_up = Set::new();
    // Also where there is nothing to do.
    for command in ["status", "resume", "rollback"] {
        let output = set_up.sandbox.run(&set_up.arguments(command, &["--yes"]));
        assert_eq!(output.status.code(), Some(0), "{command}: {}", text(&output).1);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.is_empty(), "{command} --json says nothing");
        for line in said.lines() {
            let value = serde_json::from_str::<Value>(line);
            assert!(value.is_ok_and(|v| v.is_object()), "{command} --json prints: {line}");
        }
    }
}

#[test]
fn every_end_has_the_same_keys() {
    let set_up = Set::new();
    // Refused before a session, refused by conflicts, done, nothing to do.
    let no_terminal = set_up.run("upgrade", &[], 2).pop().unwrap();
    let conflicts = set_up.run("upgrade", &["--yes"], 3).pop().unwrap();
    let done = set_up.upgrade("keep").pop().unwrap();
    let nothing = set_up.run("upgrade", &["--yes"], 0).pop().unwrap();
    for (line, result) in
        [(&done, "completed"), (&no_terminal, "failed"), (&conflicts, "failed"), (&nothing, "nothing_to_do")]
    {
        assert_eq!((&line["event"], &line["result"]), (&json!("finished"), &json!(result)));
        let mut expected = set(&FINISHED);
        if line["exit_code"] != 0 {
            // What went wrong.
            expected.insert("code".to_owned());
        }
        if line["exit_code"] == 3 {
            // What waits for an answer.
            expected.insert("conflicts".to_owned());
        }
        assert_eq!(keys(line), expected, "{line}");
    }
}

/// The JSON examples in a source file's doc comments.
fn examples(file: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let text = fs::read_to_string(&path).expect(file);
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let Some(doc) = line.trim().strip_prefix("///") else { continue };
        match (doc.trim(), &mut open) {
            ("```json", _) => open = Some(String::new()),
            ("```", Some(example)) => {
                found.push(serde_json::from_str(example).unwrap_or_else(|e| panic!("{file}: {e}: {example}")));
                open = None;
            }
            (line, Some(example)) => example.push_str(line),
            _ => {}
        }
    }
    assert!(!found.is_empty(), "{file} has no example");
    found
}

#[test]
fn the_examples_in_the_code_are_like_the_real_thing() {
    let set_up = Set::new();
    let plan = set_up.plan(&[]);
    let events = set_up.upgrade("keep");
    let session = truth(&set_up.demo.install, events[0]["session_id"].as_str().unwrap());
    let baseline = set_up.read(".upgrade-baseline.json");

    let example = &examples("core/plan.rs")[0];
    assert_eq!(keys(example), keys(&plan), "core/plan.rs");
    for part in ["source", "install", "summary"] {
        assert_eq!(keys(&example[part]), keys(&plan[part]), "core/plan.rs: {part}");
    }
    let mut of_file = keys(&example["files"][0]);
    of_file.insert("executable".to_owned());
    assert_eq!(of_file, keys(&plan["files"][0]), "core/plan.rs: files");

    for example in examples("engine/events.rs") {
        let real = events.iter().find(|e| e["event"] == example["event"] && e["phase"] == example["phase"]);
        assert_eq!(keys(&example), keys(real.expect("such an event")), "engine/events.rs");
    }

    let example = &examples("core/baseline.rs")[0];
    assert_eq!(keys(example), keys(&baseline), "core/baseline.rs");
    let plain = baseline["files"].as_object().unwrap().values().find(|f| f.get("executable").is_none()).unwrap();
    let example = example["files"].as_object().unwrap().values().next().unwrap();
    assert_eq!(keys(example), keys(plain), "core/baseline.rs: files");

    let example = &examples("core/session/saved.rs")[0];
    assert_eq!(keys(example), keys(&session), "core/session/saved.rs");
}
