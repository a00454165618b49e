//! What is offered for a hunk, as an assistant sees and answers it.

use serde_json::{Value, json};

use crate::conflicts::world::World;
use crate::mcp::rust::{call, called, connect};

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_shown_with_its_text_and_taken_by_name() {
    let path = "standards/universal/words.md";
    let text = |first: &str, last: &str| format!("# Rules\n\n{first}\n\n{last}\n");
    let world = World::new(&[(
        path.to_owned(),
        text("Run the tests before each commit.", "Say no."),
        text("Run all tests before each commit.", "Say mine."),
        text("Run the tests before each push.", "Say theirs."),
    )]);
    let (client, _child) = connect(&world.sandbox, &world.project).await;
    let plan = call(&client, "upgrade_plan", json!({"source": world.source})).await;
    let status = call(&client, "upgrade_start", plan["next"]["arguments"].clone()).await;
    assert_eq!(status["stands"], "awaiting_answers", "{status}");
    let shown = call(&client, "conflict_show", json!({"path": path})).await;
    let regions = shown["conflict"]["regions"].as_array().unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(regions[0]["offer"]["text"], "Run all tests before each push.\n", "{shown}");
    assert_eq!((&regions[0]["offer"]["kind"], &regions[1]["offer"]), (&json!("words"), &Value::Null), "{shown}");
    let answer =
        |regions: Value| json!({"path": path, "ids": shown["conflict"]["ids"], "answer": {"regions": regions}});
    let refused = called(&client, "conflict_answer", answer(json!(["combined", "combined"]))).await;
    assert_eq!(refused.is_error, Some(true));
    assert!(format!("{refused:?}").contains("nothing is offered for region 2"), "{refused:?}");
    let answered = call(&client, "conflict_answer", answer(json!(["combined", "mine"]))).await;
    assert_eq!((&answered["saved"], &answered["open"]), (&json!(true), &json!(0)), "{answered}");
    client.cancel().await.unwrap();
}
