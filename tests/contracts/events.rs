//! The events of an upgrade, and the evidence in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pos_upgrade_tui::core::phase::{NotApplicable, Phase};
use serde_json::{Value, json};

use crate::common::ext::{keys, set};
use crate::contracts::set::{FINISHED, Set, assert_time};

/// The seed's evidence keys, with what their values are.
fn seeds_evidence(phase: u64) -> Vec<(&'static str, char)> {
    // t: text, n: count, b: true or false, l: list, o: object
    match phase {
        0 => vec![
            ("source_path", 't'),
            ("source_version", 't'),
            ("source_commit", 't'),
            ("source_git_clean", 'b'),
            ("target_exists", 'b'),
            ("target_structure_valid", 'b'),
            ("disk_space_available", 't'),
            ("disk_space_required", 't'),
            ("no_concurrent_workflows", 'b'),
            ("server_found", 't'),
        ],
        1 => vec![
            ("backup_path", 't'),
            ("backup_timestamp", 't'),
            ("files_backed_up", 'n'),
            ("backup_size_bytes", 'n'),
            ("backup_manifest", 't'),
            ("integrity_verified", 'b'),
            ("lock_acquired", 'b'),
        ],
        2 => vec![
            ("safe_upgrade_executed", 'b'),
            ("dry_run_preview", 'o'),
            ("actual_upgrade", 'o'),
            ("version_updated", 't'),
            ("update_log_appended", 'b'),
        ],
        3 => vec![
            ("mcp_server_copied", 'b'),
            ("files_copied", 'n'),
            ("checksums_verified", 'b'),
            ("dependencies_installed", 'b'),
            ("post_install_steps", 'l'),
            ("server_restarted", 'b'),
            ("server_restart_time", 't'),
            ("server_health_check", 't'),
            ("server_found", 't'),
            ("server_version", 't'),
        ],
        4 => vec![
            ("server_version", 't'),
            ("tools_registered", 'n'),
            ("expected_tools", 'n'),
            ("browser_tools_enabled", 'b'),
            ("browser_smoke_test", 't'),
            ("rag_search_test", 't'),
            ("workflow_engine_test", 't'),
            ("file_watchers_active", 'b'),
            ("rag_index_current", 'b'),
            ("unit_tests_passed", 'b'),
            ("validation_report", 't'),
        ],
        5 => vec![
            ("lock_released", 'b'),
            ("old_backups_archived", 'n'),
            ("upgrade_summary", 't'),
            ("installation_summary_updated", 'b'),
            ("update_log_appended", 'b'),
            ("git_changes_committed", 'b'),
        ],
        _ => panic!("there is no phase {phase}"),
    }
}

/// Asserts that a phase's evidence has the seed's keys with values of the right kind, or a documented reason.
pub fn assert_evidence(phase: u64, evidence: &Value) {
    for (key, kind) in seeds_evidence(phase) {
        let value = evidence.get(key).unwrap_or_else(|| panic!("phase {phase}: {key} is missing: {evidence}"));
        let reason = value.as_str().is_some_and(|t| t.starts_with("not_applicable"));
        let fits = match kind {
            't' => value.as_str().is_some_and(|t| !t.is_empty()),
            'n' => value.is_u64(),
            'b' => value.is_boolean(),
            'l' => value.is_array(),
            _ => value.is_object(),
        };
        assert!(fits || reason, "phase {phase}: {key} is {value}");
    }
    let reasons: BTreeSet<String> =
        NotApplicable::ALL.iter().map(|n| format!("not_applicable: {}", n.reason())).collect();
    let mut open = vec![evidence];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if text.starts_with("not_applicable") => {
                assert!(reasons.contains(text), "phase {phase}: {text:?} is not a documented reason");
            }
            Value::Array(all) => open.extend(all),
            Value::Object(all) => open.extend(all.values()),
            _ => {}
        }
    }
}

#[test]
fn the_events_of_an_upgrade() {
    let set_up = Set::new();
    let plan = set_up.plan(&[]);
    let events = set_up.upgrade("merge-keep");
    for event in &events {
        assert!(event["event"].is_string(), "{event}");
        assert_eq!(event["schema"], 1, "{event}");
        let expected: &[&str] = match event["event"].as_str().unwrap() {
            "session_started" => {
                &["session_id", "resumed", "install", "from_release", "to_commit", "to_version", "estimate_seconds"]
            }
            "phase_started" => &["phase", "name", "estimate_seconds"],
            "task_started" => &["phase", "task"],
            "task_progress" => &["phase", "task", "done", "total", "detail"],
            "task_finished" => &["phase", "task", "outcome", "detail", "seconds"],
            "phase_finished" => &["phase", "evidence", "seconds"],
            "log" => &["level", "origin", "text"],
            "answered" => &["path", "answer"],
            "question_asked" => &["id", "title", "lines", "choices", "unattended"],
            "question_answered" => &["id", "way"],
            "finished" => &FINISHED,
            other => panic!("not an event of an upgrade: {other}"),
        };
        let mut expected = set(expected);
        expected.extend(set(&["event", "schema"]));
        assert_eq!(keys(event), expected, "{event}");
    }
    let first = &events[0];
    assert_eq!((&first["event"], &first["resumed"]), (&json!("session_started"), &json!(false)));
    assert_eq!(first["install"], set_up.demo.install.to_str().unwrap());
    assert_eq!(first["from_release"], json!(set_up.demo.commits[0]));
    assert_eq!((&first["to_commit"], &first["to_version"]), (&json!(set_up.demo.commits[2]), &json!("1.2.0")));
    assert_eq!(events.iter().filter(|e| e["event"] == "session_started").count(), 1);

    // Phases one after the other, in each its tasks one after the other, all of them and in order.
    let mut story = Vec::new();
    for event in &events {
        match event["event"].as_str().unwrap() {
            "phase_started" | "phase_finished" => story.push(format!("{} {}", event["event"], event["phase"])),
            "task_started" | "task_finished" => {
                story.push(format!("{} {} {}", event["event"], event["phase"], event["task"]));
            }
            _ => {}
        }
    }
    let mut expected = Vec::new();
    for phase in Phase::ALL {
        let n = phase.number();
        expected.push(format!("\"phase_started\" {n}"));
        for task in phase.tasks() {
            expected.push(format!("\"task_started\" {n} \"{}\"", task.id()));
            expected.push(format!("\"task_finished\" {n} \"{}\"", task.id()));
        }
        expected.push(format!("\"phase_finished\" {n}"));
    }
    assert_eq!(story, expected);
    for event in events.iter().filter(|e| e["event"] == "task_finished") {
        let outcome = event["outcome"].as_str().unwrap();
        assert!(["done", "not_applicable", "warning"].contains(&outcome), "{event}");
        assert!(event["seconds"].as_f64().is_some_and(|s| (0.0..60.0).contains(&s)), "{event}");
    }
    let names = events.iter().filter(|e| e["event"] == "phase_started").map(|e| e["name"].as_str().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "Pre-Flight Checks",
            "Backup & Preparation",
            "Content Upgrade",
            "MCP Server Upgrade",
            "Post-Upgrade Validation",
            "Cleanup & Documentation"
        ]
    );

    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["result"]), (&json!("finished"), &json!("completed")));
    assert_eq!((&last["exit_code"], &last["next"]), (&json!(0), &json!(null)));
    assert_eq!(last["session_id"], first["session_id"]);
    assert!(Path::new(last["backup"].as_str().unwrap()).join("MANIFEST.json").is_file());
    assert_eq!(events.iter().filter(|e| e["event"] == "finished").count(), 1);

    let evidence: Vec<&Value> =
        events.iter().filter(|e| e["event"] == "phase_finished").map(|e| &e["evidence"]).collect();
    for (phase, evidence) in (0..).zip(&evidence) {
        assert_evidence(phase, evidence);
    }
    assert_what_the_evidence_says(&set_up, &plan, &evidence);
}

fn assert_what_the_evidence_says(set_up: &Set, plan: &Value, evidence: &[&Value]) {
    let Set { demo, .. } = set_up;
    assert_eq!(evidence[0]["source_commit"], json!(demo.commits[2]));
    let count = |kinds: &[&str]| kinds.iter().map(|k| plan["summary"][*k].as_u64().unwrap()).sum::<u64>();
    let preview = json!({
        "new_files": count(&["new"]),
        "updated_files": count(&["update", "move", "auto_merge", "remove"]),
        "unchanged_files": count(&["unchanged"]),
        "conflicts": count(&["conflict"]),
        "local_only": count(&["local_only", "stays_deleted"]),
    });
    assert_eq!(evidence[2]["dry_run_preview"], preview);
    let actual = &evidence[2]["actual_upgrade"];
    assert_eq!(keys(actual), set(&["new_files", "updated_files", "conflicts_resolved", "user_prompts"]));
    assert_eq!(actual["new_files"], preview["new_files"]);
    assert_eq!((&actual["conflicts_resolved"], &actual["user_prompts"]), (&preview["conflicts"], &json!(0)));
    assert_eq!(evidence[2]["version_updated"], "1.2.0");
    assert_eq!(evidence[4]["server_version"], json!(demo.commits[2]), "the commit: no tool of the server tells it");
    // What they call a path is one, relative to the project.
    for (phase, key) in [(1, "backup_path"), (1, "backup_manifest"), (4, "validation_report"), (5, "upgrade_summary")] {
        let path = evidence[phase][key].as_str().unwrap();
        assert!(path.starts_with(".praxis-os/") && demo.project.join(path).exists(), "{key}: {path}");
    }
    assert_time(&evidence[1]["backup_timestamp"]);
    let manifest: Value =
        serde_json::from_slice(&fs::read(demo.project.join(evidence[1]["backup_manifest"].as_str().unwrap())).unwrap())
            .unwrap();
    let entries = manifest["entries"].as_object().unwrap().values().filter(|e| e["type"] != "folder");
    let sizes: Vec<u64> = entries.map(|e| e["size"].as_u64().unwrap_or(0)).collect();
    assert_eq!(evidence[1]["files_backed_up"], sizes.len());
    assert_eq!(evidence[1]["backup_size_bytes"], sizes.iter().sum::<u64>());
    // Without an environment there is no server, and no false "true" about one.
    for key in ["dependencies_installed", "server_restarted", "server_restart_time", "server_health_check"] {
        assert_eq!(evidence[3][key], "not_applicable: no venv", "{key}");
    }
    for key in ["tools_registered", "expected_tools", "rag_search_test", "workflow_engine_test", "rag_index_current"] {
        assert_eq!(evidence[4][key], "not_applicable: no venv", "{key}");
    }
    assert_eq!(evidence[5]["git_changes_committed"], false);
}
