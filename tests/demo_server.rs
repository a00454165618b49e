//! The demo's server of the third generation by itself, started with `python3`: one for each project, a config that it reads
//! strictly, an index that tells how far it is, sessions in a form of its own. Upgrades rely on the demo being like the real
//! thing in these, so they are held here.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use pos_upgrade_tui::host::demo;
use pos_upgrade_tui::host::server::mcp::{Client, McpError};
use pos_upgrade_tui::host::server::{self, Running};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::common::{PATIENCE, Sandbox, eventually, git, text, tools};

const LEFT_BEHIND: [&str; 3] = [".mcp_server_state.json", ".cache/.runtime.lock", ".cache/.init.lock"];

/// The releases 2.0.0 and 2.1.0, each installed once for all tests of this program.
fn releases() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source");
        let commits = demo::prepare_source_up_to(&source, None).unwrap();
        for (commit, name) in commits[3..].iter().zip(["2.0.0", "2.1.0"]) {
            demo::install_release(&source, commit, &dir.path().join(name).join(".praxis-os")).unwrap();
        }
        dir
    });
    made.path()
}

/// A project with an untouched install.
struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        Self::of("2.0.0")
    }

    fn of(release: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let copied =
            Command::new("cp").arg("-r").arg(releases().join(release).join(".praxis-os")).arg(dir.path()).status();
        assert!(copied.unwrap().success());
        Self { dir }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(".praxis-os").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(path)).unwrap()).unwrap()
    }

    /// Replaces a part of the config.
    fn configure(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.at("config/mcp.yaml")).unwrap();
        assert!(text.contains(old), "{old}");
        self.write("config/mcp.yaml", &text.replacen(old, new, 1));
    }

    fn python(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command.arg("-B").args(arguments).current_dir(self.root());
        command.env("PYTHONPATH", self.at("")).env("PROJECT_ROOT", self.root()).env_remove("OUROBOROS_BUILD_SECONDS");
        command
    }

    fn serving(&self, transport: &str) -> Command {
        self.python(&["-m", "ouroboros", "--transport", transport])
    }

    /// A server that ends by itself, with its words.
    fn ended(&self) -> Output {
        let place = self.root().join("ended");
        let log = File::create(&place).unwrap();
        let mut command = self.serving("http");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let status = end_of(&mut child);
        Output { status, stdout: Vec::new(), stderr: fs::read(place).unwrap() }
    }

    fn start(&self) -> Server<'_> {
        self.start_slow("0.1")
    }

    /// One whose index takes so many seconds.
    fn start_slow(&self, seconds: &str) -> Server<'_> {
        self.launch("http", seconds)
    }

    fn launch(&self, transport: &str, seconds: &str) -> Server<'_> {
        let log = File::options().create(true).append(true).open(self.root().join("log")).unwrap();
        let mut command = self.serving(transport);
        command.env("OUROBOROS_BUILD_SECONDS", seconds).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let server = Server { project: self, child, runtime: tokio::runtime::Runtime::new().unwrap() };
        eventually("the server says that it is there", || {
            fs::read(self.at(LEFT_BEHIND[0]))
                .ok()
                .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
                .is_some_and(|state| state["pid"] == json!(server.child.id()))
        });
        server
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root().join("log")).unwrap_or_default()
    }

    fn left_behind(&self) -> Vec<&'static str> {
        LEFT_BEHIND.into_iter().filter(|path| self.at(path).exists()).collect()
    }
}

struct Server<'a> {
    project: &'a Project,
    child: Child,
    runtime: tokio::runtime::Runtime,
}

impl Server<'_> {
    fn try_call(&self, tool: &str, arguments: Value) -> Result<Value, McpError> {
        let url = self.project.json(LEFT_BEHIND[0])["url"].as_str().unwrap().to_owned();
        self.runtime.block_on(async {
            let client = Client::connect(&url).await?;
            let answer = client.call(tool, arguments, PATIENCE).await;
            client.close().await;
            answer
        })
    }

    fn call(&self, tool: &str, arguments: Value) -> Value {
        self.try_call(tool, arguments).unwrap()
    }

    fn workflow(&self, arguments: Value) -> Value {
        self.call("pos_workflow", arguments)
    }

    fn search(&self, query: &str) -> Value {
        self.call("pos_search_project", json!({"action": "search_standards", "query": query}))
    }

    /// Waits until the index is built.
    fn searched(&self, query: &str) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.search(query);
            if answer["status"] == "success" {
                return answer;
            }
            assert_eq!(answer["error"], "Index not built", "{answer}");
            assert!(begun.elapsed() < PATIENCE, "{answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn finds(&self, word: &str) -> bool {
        self.searched(word)["count"] != json!(0)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it in the way in which editors and people do, and tells by what it ended.
    fn end(mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        end_of(&mut self.child).signal()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a server ended. One that goes on is killed, and the test fails.
fn end_of(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("the server did not end");
}

fn said(output: &Output) -> String {
    text(output).1
}

#[test]
fn one_server_for_each_project() {
    let project = Project::new();
    let first = project.start();
    let state = project.json(LEFT_BEHIND[0]);
    let begun = Instant::now();
    let second = project.ended();
    assert!(second.status.success() && said(&second).contains("already running"), "{}", said(&second));
    assert!(begun.elapsed() < PATIENCE / 4);
    assert_eq!(project.json(LEFT_BEHIND[0]), state, "the first one's file is left alone");
    assert_eq!(first.call("get_server_info", json!({}))["server"]["pid"], json!(first.child.id()));
    let other = Project::new();
    let beside = other.start();
    assert_ne!(other.json(LEFT_BEHIND[0])["port"], state["port"]);
    drop(beside);

    assert_eq!(first.end(Signal::TERM), Some(Signal::TERM.as_raw()), "it ends by the signal");
    assert_eq!(project.left_behind(), LEFT_BEHIND, "as they were");
    let next = project.start();
    assert_eq!(next.end(Signal::INT), None);
    assert_eq!(project.left_behind(), [""; 0], "this way it clears up");
}

#[test]
fn a_server_of_an_editor_ends_with_its_input() {
    let project = Project::new();
    for transport in ["dual", "stdio"] {
        let mut server = project.launch(transport, "0.1");
        assert_eq!(project.json(LEFT_BEHIND[0])["url"].is_null(), transport == "stdio");
        drop(server.child.stdin.take());
        assert!(end_of(&mut server.child).success(), "{transport}");
        assert_eq!(project.left_behind(), [""; 0], "{transport}");
    }
}

#[test]
fn locks_of_others() {
    let project = Project::new();
    let mut foreign = Command::new("sleep").arg("600").spawn().unwrap();
    project.write(LEFT_BEHIND[1], &format!("{} {}\n", foreign.id(), 9_999_999_999_u64));
    let server = project.start();
    assert_eq!(server.end(Signal::INT), None, "that process is no server, so the lock is stale");
    // Of whom the other lock speaks is not asked.
    project.write(LEFT_BEHIND[2], &format!("{}\n", foreign.id()));
    let held = project.ended();
    foreign.kill().unwrap();
    foreign.wait().unwrap();
    assert!(held.status.success() && said(&held).contains("already running"), "{}", said(&held));
    assert_eq!(project.left_behind(), [LEFT_BEHIND[2]]);
    drop(project.start());
}

#[test]
fn the_config_is_read_strictly() {
    let untouched = fs::read_to_string(Project::new().at("config/mcp.yaml")).unwrap();
    for (old, new, expected) in [
        ("version: \"1.0\"", "version: 1.0", &["version: a text is needed"][..]),
        ("version: \"1.0\"", "", &["version: Field required"]),
        ("    languages: [\"python\"]\n    vector: {}", "    vector: {}", &["indexes.code.languages: Field required"]),
        (
            "      max_depth: 5",
            "      max_deptth: 5",
            &["indexes.code.graph.max_deptth: Extra inputs are not permitted"],
        ),
        ("browser:\n  enabled: true", "browser:", &["browser: a section"]),
        ("source_paths: [\"standards/\"]", "source_paths: []", &["indexes.standards.source_paths: at least one"]),
        ("level: \"INFO\"", "level: \"info\"", &["logging.level: one of DEBUG"]),
        ("workflow:", "workflows:", &["workflow: Field required", "workflows: Extra inputs are not permitted"]),
        ("workflow:\n", "workflow:\n\t", &["a tab"]),
        ("logging:", "browser:", &["the key browser stands here for a second time"]),
        ("model: \"words\"", "model: &anchor words", &["& is not understood"]),
        ("model: \"words\"", "model: \"words", &["the quote is not closed"]),
    ] {
        let project = Project::new();
        project.write("config/mcp.yaml", &untouched);
        project.configure(old, new);
        let refused = project.ended();
        let words = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{new}: {words}");
        let file = project.at("config/mcp.yaml").to_str().unwrap().to_owned();
        for part in expected.iter().copied().chain([file.as_str(), "ERROR:__main__:"]) {
            assert!(words.contains(part), "{new}: {part} is not in {words}");
        }
        assert_eq!(project.left_behind(), [""; 0], "{new}");
    }
    let project = Project::new();
    fs::remove_file(project.at("config/mcp.yaml")).unwrap();
    assert_eq!(project.ended().status.code(), Some(1));
    fs::rename(project.at(""), project.root().join("elsewhere")).unwrap();
    assert_eq!(project.ended().status.code(), Some(1), "without an install");
}

/// The settings of an install, read by the loader of a release, with nothing else of it.
fn loaded(release: &str, config: &Path) -> Result<Value, String> {
    let script = "import json, sys, pathlib\n\
        from ouroboros.config.loader import load_config\n\
        found = load_config(pathlib.Path(sys.argv[1]))\n\
        ours = {name for name in sys.modules if name.startswith('ouroboros')}\n\
        assert all(name == 'ouroboros' or name.startswith('ouroboros.config') for name in ours), ours\n\
        print(json.dumps(found))";
    let project = Project::of(release);
    let output = project.python(&["-c", script]).arg(config).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() { Ok(serde_json::from_str(&printed).unwrap()) } else { Err(said(&output)) }
}

#[test]
fn templates_and_the_users_config_fit_the_servers() {
    let (old, new, edited) = (Project::of("2.0.0"), Project::of("2.1.0"), Project::new());
    demo::add_user_edits(&edited.at("")).unwrap();
    let config = |project: &Project| project.at("config/mcp.yaml");
    for release in ["2.0.0", "2.1.0"] {
        let found = loaded(release, &config(&old)).unwrap();
        assert_eq!(found["indexes"]["standards"]["vector"]["chunk_size"], 500);
        let found = loaded(release, &config(&edited)).unwrap();
        assert_eq!(found["indexes"]["code"]["partitions"]["stock-counter"]["path"], "../stock/");
        assert_eq!(found["browser"]["enabled"], false);
    }
    let found = loaded("2.1.0", &config(&new)).unwrap();
    assert_eq!(found["indexes"]["file_watcher"]["ignore_patterns"], json!(["*.draft.md"]));
    assert_eq!(found["indexes"]["standards"]["vector"]["chunk_size"], 800);
    let refused = loaded("2.0.0", &config(&new)).unwrap_err();
    assert!(refused.contains("indexes.file_watcher.ignore_patterns: Extra inputs are not permitted"), "{refused}");

    let comments = |line: &&str| line.trim_start().starts_with('#');
    let template = fs::read_to_string(config(&old)).unwrap();
    assert!(template.lines().filter(comments).count() * 2 > template.lines().count(), "it teaches by comments");
    assert_ne!(template, fs::read_to_string(config(&edited)).unwrap());
}

#[test]
fn the_index_is_built_in_the_background_and_tells_how_far_it_is() {
    let project = Project::new();
    let server = project.start_slow("4");
    let (mut last, mut steps) = (-1.0, 0);
    let begun = Instant::now();
    let found = loop {
        let answer = server.search("flaky tests");
        if answer["status"] == "success" {
            break answer;
        }
        assert_eq!((&answer["status"], &answer["error"]), (&json!("error"), &json!("Index not built")), "{answer}");
        let status = &answer["build_status"];
        assert!(["building", "not_built"].contains(&status["state"].as_str().unwrap()), "{answer}");
        assert!(status["message"].is_string());
        let percent = status["progress_percent"].as_f64().unwrap();
        assert!(percent >= last && percent < 100.0, "{percent} after {last}");
        steps += usize::from(percent > last);
        last = percent;
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(steps > 3, "the progress was seen to move {steps} times");
    let result = &found["results"][0];
    for key in ["content", "file_path", "relevance_score", "chunk_id", "line_range", "section"] {
        assert!(!result[key].is_null(), "{key}: {result}");
    }
    assert!(project.at(".cache/indexes/standards/table.json").exists());
    assert!(!project.at(".cache/rag/build-progress/standards.json").exists());
    // What is on disk is taken as it is.
    drop(server);
    project.write("standards/development/new.md", "# Xylophones\n\nWe tune xylophones.\n");
    let server = project.start_slow("30");
    assert_eq!(server.search("xylophones")["count"], 0, "a page that changed while it was down is not noticed");
    drop(server);
    fs::remove_dir_all(project.at(".cache/indexes/standards")).unwrap();
    assert!(project.start().finds("xylophones"), "without an index all is read");
}

#[test]
fn a_build_that_was_stopped_leaves_its_progress() {
    let project = Project::new();
    let progress = ".cache/rag/build-progress/standards.json";
    let server = project.start_slow("40");
    eventually("a part is built", || {
        project.at(progress).exists() && project.json(progress)["progress_percent"] != 0.0
    });
    assert_eq!(server.end(Signal::TERM), Some(Signal::TERM.as_raw()));
    let left = project.json(progress);
    assert_eq!(left["state"], "building");
    let next = project.start_slow("200");
    let told = &next.search("tests")["build_status"];
    assert_eq!(told["progress_percent"], left["progress_percent"], "the next one repeats it at first");
    drop(next);
    assert!(project.start().finds("tests"));
}

#[test]
fn pages_are_read_again_while_the_server_runs() {
    let project = Project::new();
    let page = "standards/development/music.md";
    project.write(page, "# Music\n\nWe like trombones.\n");
    project.write("standards/.rebuild_index", "");
    let server = project.start();
    assert!(server.finds("trombones"));
    assert!(!project.at("standards/.rebuild_index").exists(), "a flag from before the start is taken away");
    project.write(page, "# Music\n\nWe like bassoons.\n");
    eventually("it is read again", || server.finds("bassoons"));
    assert!(!server.finds("trombones"));
    project.write("standards/development/more.md", "# More\n\nAnd clarinets.\n");
    eventually("it is found", || server.finds("clarinets"));
    fs::remove_file(project.at("standards/development/more.md")).unwrap();
    eventually("it is gone", || !server.finds("clarinets"));
    // What is renamed over a page is not seen: a page that is written behind it shows that there was time enough.
    fs::write(project.root().join("draft"), "# Music\n\nWe like harps.\n").unwrap();
    fs::rename(project.root().join("draft"), project.at(page)).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    project.write("standards/development/last.md", "# Last\n\nOnly flutes.\n");
    eventually("the later page is found", || server.finds("flutes"));
    assert!(server.finds("bassoons") && !server.finds("harps"));
    // Whoever has asked something has had the last look at the flag.
    project.write("standards/.rebuild_index", "");
    assert!(!server.finds("harps") && project.at("standards/.rebuild_index").exists());
    drop(server);
    fs::remove_file(project.at("standards/.rebuild_index")).unwrap();
    let server = project.start();
    project.write("standards/.rebuild_index", "");
    assert!(server.finds("harps"), "between start and first request it counts");
}

fn session(id: &str) -> Value {
    json!({"session_id": id, "workflow_type": "an_unknown_v1", "target_file": "x", "current_phase": 2})
}

#[test]
fn sessions_are_read_strictly() {
    let project = Project::new();
    let place = |folder: &str, id: &str| format!("state/workflow/{folder}/{id}.json");
    let whole = json!({
        "session_id": "whole", "workflow_type": "w", "target_file": "t", "current_phase": 1, "completed_phases": [0],
        "phase_artifacts": {"0": {"phase": 0, "artifact_type": "a", "file_path": "f", "metadata": {}, "timestamp": null}},
        "checkpoints": {"0": "passed", "1": "pending"}, "evidence_submitted": {"0": {"anything": [1]}},
        "phase_timings": {"0": {"phase": 0, "started_at": "2025-11-06T10:00:00.123456789Z",
            "completed_at": "2025-11-06T10:00:01+01:00", "duration_seconds": 1.5}},
        "created_at": "2025-11-06T10:00:00", "updated_at": "2025-11-06T10:00:01", "completed_at": null,
        "metadata": {"ours": {"skipped": [3]}}, "status": "active",
    });
    project.write(&place("active", "least"), &session("least").to_string());
    project.write(&place("error", "whole"), &whole.to_string());
    let with = |key: &str, value: Value| {
        let mut changed = whole.clone();
        changed["session_id"] = json!("bad");
        changed[key] = value;
        changed
    };
    let bad = [
        with("one_key_more", json!(1)),
        with("checkpoints", json!({"0": "skipped"})),
        with("target_file", json!("")),
        with("current_phase", json!("1")),
        with("phase_timings", json!({"0": {"phase": 0, "unknown": 1}})),
        with("phase_artifacts", json!({"0": {"unknown": 1}})),
        with("created_at", json!("yesterday")),
        with("status", json!("skipped")),
    ];
    for (at, bad) in bad.iter().enumerate() {
        project.write(&place("active", &format!("bad-{at}")), &bad.to_string());
    }
    project.write(&place("active", "torn"), "{\"session_id\": ");
    project.write(&place("active", "least.txt"), "");
    project.write(".cache/state/of-before.json", &session("of-before").to_string());

    let server = project.start();
    let listed = server.workflow(json!({"action": "list_sessions"}));
    let ids: Vec<&str> =
        listed["sessions"].as_array().unwrap().iter().map(|s| s["session_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["least", "whole"], "{listed}");
    assert_eq!(listed["sessions"][1]["session_status"], "error", "the folder says it");
    for (at, bad) in bad.iter().enumerate() {
        let answer = server.workflow(json!({"action": "get_state", "session_id": format!("bad-{at}")}));
        assert_eq!((&answer["status"], &answer["error"]), (&json!("error"), &json!("Session not found")), "{}", bad);
        assert!(project.log().contains(&format!("bad-{at}.json was skipped")), "{}", bad);
    }
    assert!(project.log().contains("one_key_more: Extra inputs are not permitted"));
    for id in ["of-before", "nobody's"] {
        assert_eq!(server.workflow(json!({"action": "get_state", "session_id": id}))["error"], "Session not found");
    }
    let torn = server.workflow(json!({"action": "get_session", "session_id": "torn"}));
    assert!(torn["error"].as_str().unwrap().contains("JSON"), "{torn}");
    let state = server.workflow(json!({"action": "get_state", "session_id": "whole"}));
    assert_eq!((&state["status"], &state["metadata"]), (&json!("success"), &whole["metadata"]));
    assert_eq!(state["session_status"], "error");
    let session = server.workflow(json!({"action": "get_session", "session_id": "whole"}));
    assert_eq!(session["session"]["session_status"], "completed", "it knows no better");
}

#[test]
fn a_session_from_start_to_end() {
    let project = Project::new();
    let server = project.start();
    let workflows = server.workflow(json!({"action": "list_workflows"}));
    assert_eq!(workflows["count"], 2, "{workflows}");
    let started =
        server.workflow(json!({"action": "start", "workflow_type": "small_change_v1", "target_file": "shop.py"}));
    let id = started["session_id"].as_str().unwrap();
    assert!(id.starts_with("workflow_default_"), "{id}");
    let file = |folder: &str| format!("state/workflow/{folder}/{id}.json");
    assert_eq!(project.json(&file("active"))["target_file"], "shop.py");
    let task = server.workflow(json!({"action": "get_task", "session_id": id, "task": 2}));
    assert!(task["text"].as_str().unwrap().contains("find_callers"), "{task}");
    let without = server.workflow(json!({"action": "complete_phase", "session_id": id, "phase": 0}));
    assert_eq!(without["status"], "error", "{without}");
    for phase in 0..3 {
        let arguments =
            json!({"action": "complete_phase", "session_id": id, "phase": phase, "evidence": {"seen": true}});
        let done = server.workflow(arguments);
        assert_eq!(
            (&done["checkpoint_passed"], &done["workflow_complete"]),
            (&json!(true), &json!(phase == 2)),
            "{done}"
        );
    }
    assert!(!project.at(&file("active")).exists());
    let written = project.json(&file("completed"));
    assert_eq!(written["checkpoints"], json!({"0": "passed", "1": "passed", "2": "passed"}));
    assert_eq!(written["evidence_submitted"]["1"], json!({"seen": true}));
    assert!(written["phase_timings"]["2"]["duration_seconds"].is_number(), "{written}");
    drop(server);
    // What it wrote itself it reads again, and removes when it is old: at the first request, by the age of the file.
    let days_ago = |days: u64| SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
    let set =
        |path: &str, days| File::options().write(true).open(project.at(path)).unwrap().set_modified(days_ago(days));
    project.write("state/workflow/error/failed.json", &session("failed").to_string());
    set(&file("completed"), 29).unwrap();
    set("state/workflow/error/failed.json", 8).unwrap();
    let server = project.start();
    assert!(project.at("state/workflow/error/failed.json").exists());
    assert_eq!(server.workflow(json!({"action": "get_state", "session_id": id}))["session_status"], "completed");
    assert!(!project.at("state/workflow/error/failed.json").exists());
    drop(server);
    set(&file("completed"), 31).unwrap();
    let server = project.start();
    assert_eq!(server.workflow(json!({"action": "list_sessions"}))["count"], 0);
    assert!(!project.at(&file("completed")).exists());
}

#[test]
fn tools_answer_failures_inside_and_refuse_what_they_do_not_know() {
    let project = Project::new();
    let server = project.start();
    for (tool, arguments) in [
        ("no_such_tool", json!({})),
        ("pos_search_project", json!({"query": "tests", "content_type": "standards"})),
        ("pos_search_project", json!({"query": "tests"})),
        ("pos_workflow", json!({"action": 1})),
    ] {
        let refused = server.try_call(tool, arguments.clone());
        assert!(matches!(refused, Err(McpError::Tool { .. })), "{tool} {arguments}: {refused:?}");
    }
    for (tool, arguments) in [
        ("pos_search_project", json!({"action": "unknown", "query": "x"})),
        ("pos_workflow", json!({"action": "pause"})),
        ("pos_filesystem", json!({"action": "read", "path": "../outside"})),
        ("pos_filesystem", json!({"action": "read", "path": "/etc/passwd"})),
        ("pos_browser", json!({"action": "navigate", "url": "file:///etc/passwd"})),
    ] {
        let answer = server.call(tool, arguments.clone());
        assert_eq!((&answer["status"], &answer["action"]), (&json!("error"), &arguments["action"]), "{tool}: {answer}");
    }
    let status = server.call("get_server_info", json!({"action": "status"}));
    for part in ["rag", "workflow", "browser"] {
        assert_eq!(status["subsystems"][part], json!({"enabled": true, "initialized": true}));
    }
    assert_eq!(server.call("get_server_info", json!({"action": "version"}))["version"], "2.0.0-ouroboros");
    let callers = server.call("pos_search_project", json!({"action": "find_callers", "query": "load_config"}));
    assert_eq!(callers["results"][0]["file_path"], "ouroboros/__main__.py", "{callers}");
    let written = json!({"action": "write", "path": "notes/a.txt", "content": "a"});
    assert_eq!(server.call("pos_filesystem", written)["status"], "success");
    assert_eq!(fs::read_to_string(project.root().join("notes/a.txt")).unwrap(), "a");
    drop(server);
    project.configure("browser:\n  enabled: true", "browser:\n  enabled: false");
    let server = project.start();
    assert!(server.try_call("pos_browser", json!({"action": "navigate"})).is_err());
    let errors: Vec<String> = project.log().lines().filter(|l| l.starts_with("ERROR")).map(str::to_owned).collect();
    assert_eq!(errors, [""; 0], "nothing of this is an error of the server's");
}

/// Every Python that this machine has from the oldest that the demo promises on.
#[test]
fn each_python_can_compile_both_servers() {
    let pythons = pos_upgrade_tui::host::python::interpreters::found((3, 11), Path::new("/nowhere"));
    for release in ["2.0.0", "2.1.0"] {
        for python in pythons.iter().map(|found| found.path.as_path()).chain([Path::new("python3")]) {
            let script = "import pathlib, sys\n\
                for path in pathlib.Path(sys.argv[1]).rglob('*.py'):\n    compile(path.read_bytes(), str(path), 'exec')";
            let folder = releases().join(release).join(".praxis-os/ouroboros");
            let compiled = Command::new(python).args(["-W", "error", "-c", script]).arg(folder).output().unwrap();
            assert!(compiled.status.success(), "{}: {}", python.display(), said(&compiled));
        }
    }
}

#[test]
fn the_demo_begins_with_a_later_generation() {
    let mut sandbox = Sandbox::new();
    let dir = sandbox.path().join("demo");
    let (project, install) = (dir.join("project"), dir.join("project/.praxis-os"));
    sandbox.watch(&install);
    let made = sandbox.run(&["demo", "--from", "3", "--prepare-only", dir.to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made));
    assert!(said(&made).contains("with 5 releases"), "{}", said(&made));
    assert!(matches!(server::find(&install), Running::Yes(_)));
    let found = tools(&install).unwrap();
    // The user has switched the browser off.
    assert_eq!(found, ["current_date", "get_server_info", "pos_filesystem", "pos_search_project", "pos_workflow"]);
    assert_eq!(git(&project, &["status", "--porcelain"]), "");
    let tracked = git(&project, &["ls-files"]);
    for path in [".cursor/mcp.json", ".github/workflows/check.yml", ".praxis-os/config/mcp.yaml"] {
        assert!(tracked.lines().any(|line| line == path), "{path}: {tracked}");
    }
    assert!(
        !tracked.contains(".cache") && !tracked.contains("state/workflow") && !tracked.contains("venv/"),
        "{tracked}"
    );
    let refused = sandbox.run(&["demo", "--from", "4", "--prepare-only", dir.to_str().unwrap()]);
    assert!(said(&refused).contains("3 (ouroboros)"), "{}", said(&refused));
}
