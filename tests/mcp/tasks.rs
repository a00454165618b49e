//! The extension for tasks: a client that declares it gets a task for each tool that works long, looks at it, is asked through
//! it, and cancels it.

use std::time::Duration;

use pos_upgrade_tui::host::demo::Demo;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities, ClientConfig, DetailedTask,
    ElicitationCapability, GetTaskParams, Implementation, TaskPayload, TaskStatus, UpdateTaskParams,
};
use rmcp::service::{RoleClient, RunningService};
use serde_json::{Value, json};
use tokio::process::Child;

use crate::common::{Sandbox, assert_same, snapshot};
use crate::mcp::rust::connect_as;

type Client = RunningService<RoleClient, ClientConfig>;

async fn connect(sandbox: &Sandbox, demo: &Demo, asks: bool) -> (Client, Child) {
    let mut can = ClientCapabilities::builder().enable_tasks().build();
    if asks {
        can.elicitation = Some(ElicitationCapability::default());
    }
    connect_as(sandbox, &demo.project, ClientConfig::new(can, Implementation::from_build_env())).await
}

async fn answered(client: &Client, tool: &str, arguments: &Value) -> CallToolResponse {
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.as_object().unwrap().clone());
    client.call_tool_once(request).await.unwrap_or_else(|e| panic!("{tool}: {e}"))
}

/// What does not work long is answered at once.
async fn call(client: &Client, tool: &str, arguments: Value) -> Value {
    match answered(client, tool, &arguments).await {
        CallToolResponse::Complete(result) => result.structured_content.unwrap(),
        other => panic!("{tool}: {other:?}"),
    }
}

/// Begins a task, and gives its id.
async fn begin(client: &Client, tool: &str, arguments: &Value) -> String {
    match answered(client, tool, arguments).await {
        CallToolResponse::Task(made) => {
            assert_eq!(made.task.ttl_ms, None, "it is kept");
            made.task.task_id
        }
        other => panic!("{tool}: {other:?}"),
    }
}

/// Looks at a task until it is no longer at work.
async fn rested(client: &Client, id: &str) -> DetailedTask {
    loop {
        let task = client.peer().get_task(GetTaskParams::new(id)).await.unwrap().task;
        if task.status() != TaskStatus::Working {
            return task;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn result(task: DetailedTask) -> Value {
    match task.payload {
        TaskPayload::Completed { result } => result["structuredContent"].clone(),
        other => panic!("{other:?}"),
    }
}

async fn done(client: &Client, tool: &str, arguments: &Value) -> Value {
    let id = begin(client, tool, arguments).await;
    result(rested(client, &id).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_upgrade_and_back() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let before = snapshot(&demo.install);
    let (client, _child) = connect(&sandbox, &demo, false).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let status = done(&client, "upgrade_start", &plan["next"]["arguments"]).await;
    assert_eq!(status["stands"], "awaiting_answers", "{status}");
    let listed = call(&client, "conflict_list", json!({})).await;
    let mut last = Value::Null;
    for conflict in listed["conflicts"].as_array().unwrap() {
        let answer = json!({"path": conflict["path"], "ids": conflict["ids"], "answer": "park"});
        last = call(&client, "conflict_answer", answer).await;
    }
    let completed = done(&client, "upgrade_apply", &last["next"]["arguments"]).await;
    assert_eq!(completed["stands"], "completed", "{completed}");
    // What an error is stays one: a task that is done, with a result that says so.
    let refused = begin(&client, "upgrade_resume", &json!({})).await;
    let TaskPayload::Completed { result } = rested(&client, &refused).await.payload else { panic!("no result") };
    assert_eq!((&result["isError"], &result["structuredContent"]["exit_code"]), (&json!(true), &json!(4)));
    let back = done(&client, "upgrade_rollback", &json!({})).await;
    assert_eq!(back["stands"], "rolled_back", "{back}");
    assert_same(&before, &snapshot(&demo.install));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_cancelled_pauses_the_session() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    crate::common::ext::slow_down(&demo.install);
    let (client, _child) = connect(&sandbox, &demo, false).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let id = begin(&client, "upgrade_start", &plan["next"]["arguments"]).await;
    client.peer().cancel_task(CancelTaskParams::new(&id)).await.unwrap();
    assert_eq!(rested(&client, &id).await.status(), TaskStatus::Cancelled);
    let status = call(&client, "upgrade_status", json!({})).await;
    assert_eq!((&status["stands"], &status["applied"]), (&json!("interrupted"), &json!(false)), "{status}");
    let resumed = done(&client, "upgrade_resume", &status["next"]["arguments"]).await;
    assert_eq!(resumed["stands"], "awaiting_answers", "{resumed}");
}

/// A phase's question waits in the task, and its answer goes through it.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_waits_in_it() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    std::fs::write(demo.install.join("upgrade.json"), r#"{"always_keep": ["**"]}"#).unwrap();
    // An environment whose Python is gone: whether it is made anew is asked before anything is applied.
    let bin = demo.install.join("venv/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(demo.install.join("venv/pyvenv.cfg"), "version = 3.10.1\n").unwrap();
    std::os::unix::fs::symlink("/nowhere/python3", bin.join("python")).unwrap();
    let before = snapshot(&demo.install);
    let (client, _child) = connect(&sandbox, &demo, true).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let ready = done(&client, "upgrade_start", &plan["next"]["arguments"]).await;
    let id = begin(&client, "upgrade_apply", &ready["next"]["arguments"]).await;
    let TaskPayload::InputRequired { input_requests } = rested(&client, &id).await.payload else { panic!("not asked") };
    let name = input_requests.keys().next().unwrap().clone();
    assert!(name.starts_with("environment_anew"), "{name}");
    let nonsense = json!({"action": "accept", "content": {"answer": "whatever"}});
    let answers = [(name, nonsense)].into_iter().collect();
    client.peer().update_task(UpdateTaskParams::new(&id, answers)).await.unwrap();
    // That decides nothing: the status says which tool answers it.
    let status = result(rested(&client, &id).await);
    assert_eq!((&status["stands"], &status["next"]["tool"]), (&json!("awaiting_word"), &json!("question_answer")));
    let mut arguments = status["next"]["arguments"].clone();
    arguments["way"] = json!("allow");
    let CallToolResponse::Complete(refused) = answered(&client, "question_answer", &arguments).await else { panic!() };
    assert_eq!(refused.is_error, Some(true), "a way that is not offered: {refused:?}");
    arguments["way"] = json!("roll_back");
    let status = call(&client, "question_answer", arguments).await;
    assert_eq!((&status["runs_here"], &status["applied"]), (&json!(false), &json!(false)), "{status}");
    assert_same(&before, &snapshot(&demo.install));
}
