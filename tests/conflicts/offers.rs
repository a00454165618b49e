//! What is offered for a hunk, on a pseudo-terminal and by a file of answers.

use std::fs;

use serde_json::{Value, json};

use crate::common;
use crate::conflicts::world::{Triple, World, approve, finished};

const PATH: &str = "standards/universal/words.md";

/// Four hunks: words, entries of a list, words again, and one in which both changed the same.
fn words() -> Triple {
    let base = "# Rules\n\nRun the tests before each commit.\n\n- one\n\nAsk one person.\n\nSay no.\n";
    let mine = base
        .replace("the tests", "all tests")
        .replace("- one\n", "- one\n- mine\n")
        .replace("Ask one", "Always ask one")
        .replace("no.", "mine.");
    let theirs = base
        .replace("commit.", "push.")
        .replace("- one\n", "- one\n- theirs\n")
        .replace("person.", "person first.")
        .replace("no.", "theirs.");
    (PATH.to_owned(), base.to_owned(), mine, theirs)
}

/// With its last line as it was answered.
fn wanted(last: &str) -> String {
    format!(
        "# Rules\n\nRun all tests before each push.\n\n- one\n- mine\n- theirs\n\nAlways ask one person first.\n\n{last}\n"
    )
}

#[test]
fn offers_are_taken_by_a_key_outlive_a_kill_and_are_written() {
    let world = World::new(&[words()]);
    let mut wizard = world.open(&[]);
    approve(&mut wizard, PATH);
    wizard.see(&["4 hunks open", "4 combined", "different words", "4 Run all tests before each push."]);
    for (key, seen) in [("1", "3 hunks open"), ("u", "4 hunks open"), ("2", "3 hunks open"), ("u", "4 hunks open")] {
        wizard.press(key);
        wizard.see(&[seen]);
    }
    wizard.press("4");
    wizard.see(&["3 hunks open", "4 both in order"]);
    wizard.press("4");
    wizard.see(&["2 hunks open", "4 Always ask one person first."]);
    let saved = || {
        let sessions = fs::read_dir(world.install.join(".upgrade")).unwrap().flatten();
        let mut files = sessions.flat_map(|e| ["session.json", "session.1.json"].map(|name| e.path().join(name)));
        files.any(|f| fs::read_to_string(f).is_ok_and(|text| text.matches("combined").count() == 2))
    };
    common::eventually("both are saved", saved);
    wizard.kill();
    let mut wizard = world.open(&[]);
    wizard.see(&["unfinished", "resume"]);
    wizard.press("r");
    wizard.see(&["2 of 4 resolved", "2 hunks open"]);
    wizard.press("4");
    wizard.see(&["3 of 4 resolved"]);
    wizard.press("4");
    wizard.see(&["Nothing is offered for this hunk", "3 of 4 resolved"]);
    wizard.press("3");
    wizard.see(&["is settled"]);
    wizard.press("F");
    finished(wizard);
    assert_eq!(world.read(PATH), wanted("Say mine.\nSay theirs."));
}

#[test]
fn a_file_of_answers_can_take_what_is_listed() {
    let world = World::new(&[words()]);
    let source = world.source.to_str().unwrap().to_owned();
    let upgrade = ["upgrade", "--yes", "--json", "--only", "content", "--source", &source];
    let (code, out) = world.run(&upgrade);
    assert_eq!(code, 3, "{out}");
    let waiting: Value =
        out.lines().filter_map(|l| serde_json::from_str(l).ok()).find(|v: &Value| v["conflicts"].is_array()).unwrap();
    let conflict = &waiting["conflicts"][0];
    let offers: Vec<&Value> = conflict["regions"].as_array().unwrap().iter().map(|r| &r["offer"]).collect();
    assert_eq!(
        offers.iter().map(|o| o["kind"].as_str()).collect::<Vec<_>>(),
        [Some("words"), Some("entries"), Some("words"), None]
    );
    assert_eq!(offers[0]["text"], "Run all tests before each push.\n");
    let answers = |ways: Value| {
        let file = world.home.join("answers.json");
        let answer = json!({"ids": conflict["ids"], "answer": {"regions": ways}});
        fs::write(&file, json!({"schema": 1, "answers": {PATH: answer}}).to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let refused = answers(json!(["combined", "combined", "combined", "combined"]));
    let (code, out) = world.run(&[&upgrade[..], &["--answers", &refused]].concat());
    assert!(code != 0 && out.contains("nothing is offered for region 4"), "{code} {out}");
    let taken = answers(json!(["combined", "combined", "combined", "theirs"]));
    let (code, out) = world.run(&[&upgrade[..], &["--answers", &taken]].concat());
    assert_eq!(code, 0, "{out}");
    assert_eq!(world.read(PATH), wanted("Say theirs."));
}
