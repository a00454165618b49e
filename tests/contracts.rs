//! One example of every contract, from what the built binary prints and writes: keys, kinds, counts, ids and times.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "common/ext.rs"]
mod ext;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use common::{Sandbox, eventually, git, text};
use ext::{Helper, keys, lines, set};
use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::core::phase::{NotApplicable, Phase};
use pos_upgrade_tui::host::demo::Demo;
use serde_json::{Value, json};

const KINDS: [&str; 10] =
    ["unchanged", "update", "new", "remove", "move", "local_only", "auto_merge", "conflict", "stays_deleted", "linked"];
const FINISHED: [&str; 10] =
    ["event", "schema", "result", "exit_code", "message", "next", "report", "session_id", "backup", "seconds"];

/// A demo, and how it is called.
struct Set {
    sandbox: Sandbox,
    demo: Demo,
}

impl Set {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        fs::write(demo.project.join(".gitignore"), "/target\n").unwrap();
        Self { sandbox, demo }
    }

    fn arguments<'a>(&'a self, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec![command, "--json", "--project", self.demo.project.to_str().unwrap()];
        if matches!(command, "plan" | "upgrade") {
            all.extend(["--source", self.demo.source.to_str().unwrap()]);
        }
        all.extend(more);
        all
    }

    /// Runs a command with `--json` to its end, and gives its lines.
    fn run(&self, command: &str, more: &[&str], code: i32) -> Vec<Value> {
        let output = self.sandbox.run(&self.arguments(command, more));
        assert_eq!(output.status.code(), Some(code), "{command}: {}", text(&output).1);
        lines(&output.stdout)
    }

    fn plan(&self, more: &[&str]) -> Value {
        let mut all = self.run("plan", more, 0);
        assert_eq!(all.len(), 1, "a plan is one object");
        all.pop().unwrap()
    }

    fn upgrade(&self, policy: &str) -> Vec<Value> {
        self.run("upgrade", &["--yes", "--on-conflict", policy], 0)
    }

    fn read(&self, path: &str) -> Value {
        let path = self.demo.install.join(path);
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The files of the newest release that an install holds: install path, source path, blob id, executable.
    fn release(&self) -> BTreeMap<String, (String, String, bool)> {
        let tree = git(&self.demo.source, &["ls-tree", "-r", "HEAD"]);
        let file = |line: &str| {
            let (head, path) = line.split_once('\t')?;
            let words: Vec<&str> = head.split(' ').collect();
            Some((installed(path)?, (path.to_owned(), words[2].to_owned(), words[0] == "100755")))
        };
        tree.lines().filter_map(file).collect()
    }
}

/// Where the current layout puts a path of the source; none for what isn't installed.
fn installed(path: &str) -> Option<String> {
    if let Some(rest) = path.strip_prefix("universal/standards/") {
        return Some(format!("standards/universal/{rest}"));
    }
    if path.starts_with("mcp_server/") || path.starts_with("scripts/") {
        return Some(path.to_owned());
    }
    path.strip_prefix("universal/").filter(|p| p.starts_with("workflows/")).map(str::to_owned)
}

fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|id| id.len() == 40 && id.bytes().all(|b| b"0123456789abcdef".contains(&b)))
}

/// A time that `datetime.fromisoformat` of Python 3.11 reads, always written the same way: UTC, to the second.
fn assert_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("not a time: {value}"));
    let time: jiff::Timestamp = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), text);
    let age = jiff::Timestamp::now().as_second() - time.as_second();
    assert!((0..600).contains(&age), "{text} is {age} s ago");
}

#[test]
fn the_plan() {
    let set_up = Set::new();
    let plan = set_up.plan(&[]);
    assert_eq!(keys(&plan), set(&["schema", "source", "install", "summary", "files"]));
    assert_eq!(plan["schema"], 1);
    let (source, install) = (&plan["source"], &plan["install"]);
    assert_eq!(keys(source), set(&["path", "version", "commit", "shallow"]));
    assert_eq!(source["path"], set_up.demo.source.to_str().unwrap());
    assert_eq!((&source["commit"], &source["shallow"]), (&json!(set_up.demo.commits[2]), &json!(false)));
    assert_eq!(source["version"], "1.2.0");
    assert_eq!(keys(install), set(&["path", "layout", "release", "release_evidence"]));
    assert_eq!(install["path"], set_up.demo.install.to_str().unwrap());
    assert_eq!((&install["layout"], &install["release_evidence"]), (&json!("current"), &json!("history")));
    assert_eq!(install["release"], json!(set_up.demo.commits[0]));
    assert_eq!(keys(&plan["summary"]), set(&KINDS));

    let files = plan["files"].as_array().unwrap();
    let paths: Vec<&str> = files.iter().map(|f| f["path"].as_str().unwrap()).collect();
    let sorted: BTreeSet<&str> = paths.iter().copied().collect();
    assert_eq!(paths, sorted.into_iter().collect::<Vec<_>>(), "sorted, each once");
    let mut counted: BTreeMap<&str, u64> = KINDS.into_iter().map(|k| (k, 0)).collect();
    for file in files {
        assert_file(&set_up, file);
        *counted.get_mut(file["kind"].as_str().unwrap()).expect("a kind of the list") += 1;
    }
    assert_eq!(json!(counted), plan["summary"]);
    assert!(counted["conflict"] > 0 && counted["move"] > 0 && counted["auto_merge"] > 0, "{counted:?}");

    // It lists every managed path: all that the release ships is among them.
    let listed: BTreeSet<&str> = paths.into_iter().collect();
    for path in set_up.release().keys() {
        assert!(listed.contains(path.as_str()), "{path} is not in the plan");
    }
    // A dry run shows the same.
    let dry = set_up.run("upgrade", &["--dry-run"], 0);
    assert_eq!(dry, [plan]);
}

/// One entry of the plan: its keys, and that what it says is so.
fn assert_file(set_up: &Set, file: &Value) {
    let Set { demo, .. } = set_up;
    let documented =
        ["path", "kind", "from", "source_path", "base", "mine", "theirs", "conflict_hunks", "reason", "executable"];
    assert_eq!(keys(file), set(&documented), "no path_base64 where the path is text");
    let path = file["path"].as_str().unwrap();
    let kind = file["kind"].as_str().unwrap();
    for id in ["base", "mine", "theirs"] {
        assert!(file[id].is_null() || is_id(&file[id]), "{id} of {file}");
    }
    assert!(file["from"].is_null() || file["from"].is_string());
    assert!(!file["reason"].as_str().unwrap().is_empty());
    assert!(file["executable"].is_boolean());
    let hunks = file["conflict_hunks"].as_u64().unwrap();
    assert_eq!(hunks > 0, kind == "conflict", "{file}");
    // A move has an old path; what does not move has none, unless the user's edit goes with the move.
    match kind {
        "move" => assert!(file["from"].is_string() && file["from"] != file["path"], "{file}"),
        "auto_merge" | "conflict" => {}
        _ => assert!(file["from"].is_null(), "{file}"),
    }
    let now = demo.install.join(file["from"].as_str().unwrap_or(path));
    match file["mine"].as_str() {
        Some(mine) => assert_eq!(git(&demo.source, &["hash-object", "--no-filters", now.to_str().unwrap()]), mine),
        None => assert!(!now.exists(), "{file}"),
    }
    let source_path = file["source_path"].as_str().expect("a source path");
    if let Some(theirs) = file["theirs"].as_str() {
        assert_eq!(git(&demo.source, &["rev-parse", &format!("HEAD:{source_path}")]), theirs, "{file}");
        assert_eq!(installed(source_path).as_deref(), Some(path));
    }
    if let Some(base) = file["base"].as_str() {
        assert_eq!(git(&demo.source, &["cat-file", "-t", base]), "blob");
    }
    let (base, mine, theirs) = (&file["base"], &file["mine"], &file["theirs"]);
    match kind {
        "unchanged" => assert_eq!(mine, theirs, "{file}"),
        "update" => assert!(mine == base && theirs != base && !theirs.is_null(), "{file}"),
        "new" => assert!(mine.is_null() && is_id(theirs), "{file}"),
        "remove" => assert!(mine == base && theirs.is_null(), "{file}"),
        "move" => assert!(mine == base && is_id(theirs), "{file}"),
        "auto_merge" | "conflict" => assert!(mine != base && theirs != base && mine != theirs, "{file}"),
        "stays_deleted" => assert!(mine.is_null() && theirs == base && is_id(base), "{file}"),
        "local_only" => assert!(mine != base && theirs == base, "{file}"),
        _ => {}
    }
}

#[test]
fn every_conflict_has_something_to_settle() {
    let set_up = Set::new();
    let Set { demo, .. } = &set_up;
    // Beside the demo's own: deleted here and changed there, edited here and removed there, added by both.
    fs::remove_file(demo.install.join("standards/universal/ai-safety/credential-handling.md")).unwrap();
    for path in ["concurrency/thread-pools.md", "testing/contract-tests.md"] {
        let path = demo.install.join("standards/universal").join(path);
        let old = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{old}What we do.\n")).unwrap();
    }
    let plan = set_up.plan(&[]);
    let conflicts: Vec<&Value> = plan["files"].as_array().unwrap().iter().filter(|f| f["kind"] == "conflict").collect();
    let of =
        |path: &str| *conflicts.iter().find(|f| f["path"] == path).unwrap_or_else(|| panic!("{path}: {conflicts:#?}"));
    let deleted = of("standards/universal/ai-safety/credential-handling.md");
    assert!(is_id(&deleted["base"]) && deleted["mine"].is_null() && is_id(&deleted["theirs"]), "{deleted}");
    let removed = of("standards/universal/concurrency/thread-pools.md");
    assert!(is_id(&removed["base"]) && is_id(&removed["mine"]) && removed["theirs"].is_null(), "{removed}");
    let both = of("standards/universal/testing/contract-tests.md");
    assert!(both["base"].is_null() && is_id(&both["mine"]) && is_id(&both["theirs"]), "{both}");
    assert_eq!(conflicts.len(), 6);
    for file in conflicts {
        assert!(file["conflict_hunks"].as_u64().unwrap() > 0, "{file}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_not_text_is_told_in_base64_too() {
    let set_up = Set::new();
    let name = std::ffi::OsStr::from_bytes(b"universal/standards/testing/caf\xe9.md");
    fs::write(set_up.demo.source.join(name), "# A page\n").unwrap();
    git(&set_up.demo.source, &["add", "--all"]);
    git(&set_up.demo.source, &["commit", "--quiet", "-m", "A name in Latin-1"]);
    let plan = set_up.plan(&[]);
    let odd: Vec<&Value> =
        plan["files"].as_array().unwrap().iter().filter(|f| f.get("path_base64").is_some()).collect();
    assert_eq!(odd.len(), 1, "{odd:?}");
    assert_eq!(odd[0]["path"], "standards/universal/testing/caf\u{fffd}.md");
    let bytes = base64::engine::general_purpose::STANDARD.decode(odd[0]["path_base64"].as_str().unwrap()).unwrap();
    assert_eq!(bytes, b"standards/universal/testing/caf\xe9.md");
    // And it is carried out, under its own name.
    let events = set_up.upgrade("keep");
    assert_eq!(events.last().unwrap()["result"], "completed");
    let path = set_up.demo.install.join(std::ffi::OsStr::from_bytes(&bytes));
    assert_eq!(fs::read_to_string(path).unwrap(), "# A page\n");
}

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
fn assert_evidence(phase: u64, evidence: &Value) {
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
            expected.push(format!("\"task_started\" {n} \"{}\"", task.id));
            expected.push(format!("\"task_finished\" {n} \"{}\"", task.id));
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

/// A session's newest generation, read as the files say it: both checked against their sums.
fn truth(install: &Path, session: &str) -> Value {
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
    assert_eq!(state["current_phase"], 5);
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
        assert!(artifact["outputs"].is_object() && artifact["commands_executed"].is_array());
        assert_time(&artifact["timestamp"]);
        assert_evidence(n, artifact);
    }

    let truth = truth(&set_up.demo.install, session);
    for key in ["session_id", "status", "reason", "current_phase", "completed_phases", "created_at", "updated_at"] {
        assert_eq!(truth[key], state[key], "{key} is the truth's");
    }
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
    assert_eq!(truth(&set_up.demo.install, session)["status"], "rolled_back");
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
    assert_eq!(keys(&manifest), set(&["schema", "session_id", "created_at", "entries", "project_gitignore"]));
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
        let value = if meta.is_dir() {
            json!({"type": "folder", "mode": mode, "mtime": mtime})
        } else if meta.is_symlink() {
            json!({"type": "link", "target": fs::read_link(entry.path()).unwrap(), "mtime": mtime})
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            json!({"type": "file", "sha256": sha256(&bytes), "size": bytes.len(), "mode": mode, "mtime": mtime})
        };
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
    eventually("the note is there", Duration::from_secs(30), || {
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
        assert_eq!(keys(line), set(&FINISHED), "{line}");
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

    let example = &examples("core/session.rs")[0];
    assert_eq!(keys(example), keys(&session), "core/session.rs");
}
