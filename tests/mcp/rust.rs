//! `rmcp` as the client: a whole upgrade, and what a client sees that goes away.

use std::path::Path;
use std::process::Stdio;

use pos_upgrade_tui::host::demo::Demo;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService};
use rmcp::{ClientHandler, ServiceExt as _};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::common::{Sandbox, assert_same, eventually, snapshot, text, tools};
use crate::mcp::{binary, home};

pub type Client = RunningService<RoleClient, ()>;

/// Starts the server, and what it says on standard error.
pub async fn connect(sandbox: &Sandbox, project: &Path) -> (Client, Child) {
    connect_as(sandbox, project, ()).await
}

/// The same for a client of this kind.
pub async fn connect_as<C: ClientHandler>(
    sandbox: &Sandbox,
    project: &Path,
    client: C,
) -> (RunningService<RoleClient, C>, Child) {
    let mut command = Command::new(binary());
    command.arg("mcp").arg("--project").arg(project).env("HOME", home(sandbox)).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let (out, into) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    (client.serve((out, into)).await.unwrap(), child)
}

pub async fn called(client: &Client, tool: &str, arguments: Value) -> CallToolResult {
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.as_object().unwrap().clone());
    client.call_tool(request).await.unwrap_or_else(|e| panic!("{tool}: {e}"))
}

pub async fn call(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = called(client, tool, arguments).await;
    let value = result.structured_content.unwrap();
    assert_ne!(result.is_error, Some(true), "{tool}: {value}");
    value
}

async fn whole(sandbox: &Sandbox, demo: &Demo) {
    let (client, _child) = connect(sandbox, &demo.project).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let status = call(&client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    assert_eq!((&status["stands"], &status["applied"]), (&json!("awaiting_answers"), &json!(false)), "{status}");
    let listed = call(&client, "conflict_list", json!({})).await;
    let mut last = Value::Null;
    for conflict in listed["conflicts"].as_array().unwrap() {
        let answer = json!({"path": conflict["path"], "ids": conflict["ids"], "answer": "merge-take"});
        last = call(&client, "conflict_answer", answer).await;
    }
    assert_eq!(last["next"]["tool"], "upgrade_apply");
    let done = call(&client, "upgrade_apply", last["next"]["arguments"].clone()).await;
    assert_eq!(done["stands"], "completed", "{done}");
    let current = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    assert_eq!((&current["current"], &current["next"]), (&json!(true), &json!(null)), "{current}");
    client.cancel().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_upgrade_and_the_next_one_has_nothing_to_do() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    whole(&sandbox, &demo).await;
    let status = sandbox.run(&["status", "--project", demo.project.to_str().unwrap()]);
    assert!(status.status.success() && text(&status).1.contains("completed"), "{}", text(&status).1);
}

/// Three conflicts, one of them put off, the trial of the release; the server of this connection is killed in phase 3.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_phase_3_another_connection_finishes_it_and_takes_it_back() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let before = snapshot(&demo.install);
    let tools = || tokio::task::block_in_place(|| tools(&demo.install).unwrap());
    let old_tools = tools();
    let (client, mut child) = connect(&sandbox, &demo.project).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    assert!(plan["will_be_tried"].is_string(), "{plan}");
    let status = call(&client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    let id = status["session_id"].clone();
    let listed = call(&client, "conflict_list", json!({})).await;
    let mut last = Value::Null;
    for (conflict, answer) in listed["conflicts"].as_array().unwrap().iter().zip(["park", "merge-keep", "merge-take"]) {
        let answer = json!({"path": conflict["path"], "ids": conflict["ids"], "answer": answer});
        last = call(&client, "conflict_answer", answer).await;
    }
    assert_eq!((&last["open"], &last["next"]["tool"]), (&json!(0), &json!("upgrade_apply")), "{last}");
    let mut arguments = last["next"]["arguments"].clone();
    arguments["wait_seconds"] = json!(0);
    let mut status = call(&client, "upgrade_apply", arguments).await;
    while status["phase"] != 3 {
        assert_eq!(status["stands"], "running", "{status}");
        status = call(&client, "upgrade_status", json!({"session_id": id})).await;
    }
    child.kill().await.unwrap();
    drop(client);
    let (client, _child) = connect(&sandbox, &demo.project).await;
    let status = call(&client, "upgrade_status", json!({"session_id": id})).await;
    assert_eq!((&status["stands"], &status["applied"]), (&json!("interrupted"), &json!(true)), "{status}");
    let done = call(&client, "upgrade_resume", status["next"]["arguments"].clone()).await;
    assert_eq!((&done["stands"], &done["exit_code"]), (&json!("completed"), &json!(0)), "{done}");
    assert!(done["report"].to_string().contains("1 conflict put off"), "{done}");
    let back = call(&client, "upgrade_rollback", json!({"session_id": id})).await;
    assert_eq!(back["stands"], "rolled_back", "{back}");
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tools(), old_tools, "the old server runs");
}

/// Nothing is applied without the word, also where nothing is to be answered.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_conflict_it_still_waits_for_the_word() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let rules = r#"{"always_keep": ["**"]}"#;
    std::fs::write(demo.install.join("upgrade.json"), rules).unwrap();
    let before = snapshot(&demo.install);
    let (client, mut child) = connect(&sandbox, &demo.project).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    assert_eq!(plan["asks"], 0);
    let mut arguments = plan["next"]["arguments"].clone();
    // Longer than a clock can tell.
    arguments["wait_seconds"] = json!(u64::MAX);
    let status = call(&client, "upgrade_start", arguments).await;
    assert_eq!(status["stands"], "ready_to_apply", "{status}");
    // All but the note of who works there.
    let mut now = snapshot(&demo.install);
    assert!(now.remove(".upgrade-lock").is_some());
    assert_same(&before, &now);
    // The client goes away: the session is kept, nobody works on it, and nothing has changed.
    client.cancel().await.unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert_same(&before, &snapshot(&demo.install));
    let (client, _child) = connect(&sandbox, &demo.project).await;
    let again = call(&client, "upgrade_status", json!({"session_id": status["session_id"]})).await;
    assert_eq!(again["stands"], "interrupted", "{again}");
    let ready = call(&client, "upgrade_resume", again["next"]["arguments"].clone()).await;
    assert_eq!(ready["stands"], "ready_to_apply", "{ready}");
    // Somebody else may look meanwhile, and not touch it.
    let (other, _other) = connect(&sandbox, &demo.project).await;
    let seen = call(&other, "upgrade_status", json!({})).await;
    assert_eq!((&seen["stands"], &seen["runs_here"]), (&json!("running"), &json!(false)), "{seen}");
    let refused = called(&other, "upgrade_resume", json!({})).await;
    let fault = refused.structured_content.unwrap();
    assert_eq!(
        (refused.is_error, &fault["exit_code"], &fault["retryable"]),
        (Some(true), &json!(7), &json!(true)),
        "{fault}"
    );
    let back = call(&client, "upgrade_rollback", json!({})).await;
    assert_eq!(back["stands"], "rolled_back", "{back}");
    assert_same(&before, &snapshot(&demo.install));
}

/// Who only follows `next` does not say yes in the person's place.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_project_says_is_not_begun() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let settings = |all: Value| std::fs::write(demo.install.join("upgrade.json"), all.to_string()).unwrap();
    settings(json!({"source_path": demo.source}));
    let (client, _child) = connect(&sandbox, &demo.project).await;
    let plan = call(&client, "upgrade_plan", json!({})).await;
    let begun = called(&client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    let fault = begun.structured_content.unwrap();
    assert!(begun.is_error == Some(true) && fault["fix"].as_str().unwrap().contains("name it: source"), "{fault}");
    settings(json!({"dry_run": true}));
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let begun = called(&client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    let fault = begun.structured_content.unwrap();
    assert!(begun.is_error == Some(true) && fault["what"].as_str().unwrap().contains("dry_run"), "{fault}");
    assert_eq!(call(&client, "upgrade_status", json!({})).await["stands"], "idle");
}

/// What a command line began is not applied by taking it up.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_elsewhere_waits_for_the_word_too() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    std::fs::write(demo.install.join("upgrade.json"), r#"{"always_keep": ["**"]}"#).unwrap();
    let before = snapshot(&demo.install);
    let mut command = sandbox.command();
    command.args(["upgrade", "--yes", "--source"]).arg(&demo.source).arg("--project").arg(&demo.project);
    let crashed = command.env("POS_CRASH_AT", "backup.copy before").output().unwrap();
    assert!(!crashed.status.success());
    let (client, _child) = connect(&sandbox, &demo.project).await;
    let ready = call(&client, "upgrade_resume", json!({})).await;
    assert_eq!((&ready["stands"], &ready["applied"]), (&json!("ready_to_apply"), &json!(false)), "{ready}");
    let back = call(&client, "upgrade_rollback", json!({})).await;
    assert_eq!(back["stands"], "rolled_back", "{back}");
    assert_same(&before, &snapshot(&demo.install));
    client.cancel().await.unwrap();
}

/// Who goes away in the middle leaves a session that can be taken up.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_pauses_the_session() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    crate::common::ext::slow_down(&demo.install);
    let (client, mut child) = connect(&sandbox, &demo.project).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let mut arguments = plan["next"]["arguments"].clone();
    arguments["wait_seconds"] = json!(0);
    let running = call(&client, "upgrade_start", arguments).await;
    assert_eq!(running["stands"], "running", "{running}");
    client.cancel().await.unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0), "it ends by itself");
    let project = demo.project.to_str().unwrap().to_owned();
    eventually("it is kept", || {
        let output = sandbox.run(&["status", "--json", "--project", &project]);
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        status["running"].is_null() && status["session"]["status"] == "interrupted"
    });
}
