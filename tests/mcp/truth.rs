//! What a client is told is true of the disk, not only of this process: errors while an upgrade is not over, another project,
//! what a person did on the command line meanwhile.

use pos_upgrade_tui::host::demo::Demo;
use rmcp::model::{ReadResourceRequestParams, ResourceContents};
use serde_json::{Value, json};

use crate::common::{Sandbox, text};
use crate::mcp::rust::{Client, call, called, connect};

async fn fault(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = called(client, tool, arguments).await;
    let value = result.structured_content.unwrap();
    assert_eq!(result.is_error, Some(true), "{tool}: {value}");
    value
}

/// Begins an upgrade, up to the conflicts.
async fn begun(client: &Client, demo: &Demo) -> Value {
    let plan = call(client, "upgrade_plan", json!({"source": demo.source, "project": demo.project})).await;
    let status = call(client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    assert_eq!(status["stands"], "awaiting_answers", "{status}");
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_tells_how_the_install_stands_and_leads_out_of_it() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let again = json!({"source": demo.source});
    let mut command = sandbox.command();
    command.args(["upgrade", "--yes", "--on-conflict", "keep", "--source"]).arg(&demo.source);
    command.arg("--project").arg(&demo.project);
    let crashed = command.env("POS_CRASH_AT", "journal.exchange after").output().unwrap();
    assert!(!crashed.status.success());
    let (client, _child) = connect(&sandbox, &demo.project).await;
    let unfinished = fault(&client, "upgrade_plan", again.clone()).await;
    assert_eq!((&unfinished["exit_code"], &unfinished["next_tool"]), (&json!(7), &json!("upgrade_resume")));
    assert_eq!(unfinished["retryable"], false, "waiting does not help: {unfinished}");
    assert!(unfinished["state"].as_str().unwrap().contains("between the two releases"), "{unfinished}");
    let typo = fault(&client, "conflict_show", json!({"path": 7})).await;
    assert!(typo["state"].as_str().unwrap().contains("between the two releases"), "{typo}");
    let done = call(&client, "upgrade_rollback", json!({})).await;
    assert_eq!(done["stands"], "rolled_back", "{done}");
    let over = fault(&client, "upgrade_resume", json!({})).await;
    assert_eq!(over["state"], "nothing was changed", "{over}");
    // Not in the middle of it any more, a new one begins.
    begun(&client, &demo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upgrade_at_a_time_and_each_project_has_its_own_pages() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let other = sandbox.second_project(&demo);
    // The server is started for the first, and asked about the second as well.
    let (client, _child) = connect(&sandbox, &demo.project).await;
    let status = begun(&client, &other).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let busy = fault(&client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    assert_eq!((&busy["exit_code"], &busy["retryable"]), (&json!(7), &json!(true)), "{busy}");
    assert!(busy["what"].as_str().unwrap().contains("other") && !demo.install.join(".upgrade").exists(), "{busy}");
    let listed = call(&client, "conflict_list", json!({"project": other.project})).await;
    let path = &listed["conflicts"][0]["path"];
    let shown = call(&client, "conflict_show", json!({"project": other.project, "path": path})).await;
    let read = |uri: String| async {
        let read = client.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap();
        match &read.contents[0] {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(read(shown["diff"].as_str().unwrap().to_owned()).await.contains("+++ yours"));
    let id = status["session_id"].as_str().unwrap();
    assert!(read(format!("pos-upgrade://report/{id}")).await.contains("other/.praxis-os"));
    call(&client, "upgrade_pause", json!({"project": other.project})).await;
    begun(&client, &demo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_typed_meanwhile_counts() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    std::fs::write(demo.install.join("upgrade.json"), r#"{"always_keep": ["**"]}"#).unwrap();
    let (client, _child) = connect(&sandbox, &demo.project).await;
    let plan = call(&client, "upgrade_plan", json!({"source": demo.source})).await;
    let ready = call(&client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    let done = call(&client, "upgrade_apply", ready["next"]["arguments"].clone()).await;
    assert_eq!((&done["stands"], &done["exit_code"]), (&json!("completed"), &json!(0)), "{done}");
    let back = sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()]);
    assert!(back.status.success(), "{}", text(&back).1);
    let now = call(&client, "upgrade_status", json!({})).await;
    assert_eq!((&now["stands"], &now["exit_code"]), (&json!("rolled_back"), &json!(null)), "{now}");
    let report = call(&client, "upgrade_report", json!({})).await;
    let lines = report["lines"].to_string();
    assert!(lines.contains("back at") && !lines.contains("time: 0.0 s"), "{report}");
}
