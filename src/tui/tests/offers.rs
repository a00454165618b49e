//! What is offered for a hunk: shown before it is taken, taken by one key, taken back by another, known again later.

use std::sync::Arc;

use super::samples;
use super::support::*;
use crate::core::merge::Choice;
use crate::engine::events::{Command, ConflictFile, Event};
use crate::tui::conflict::Decision;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::Model;

const BASE: &str = "# Safety\n\nNever push to main without a review by a person.\n\n## Allowed\n\n- `git log`\n- `git blame`\n\nAll else is asked about.\n\n## Moved\n\nAsk first.\nWait for a yes.\nSay what was done.\n\n## Other\n\na\nb\nc\nd\ne\n\n## Last\n\nx\ny\n\nend\n";

/// A file with a hunk for each kind of offer, and one without.
fn file() -> ConflictFile {
    let block = "## Moved\n\nAsk first.\nWait for a yes.\nSay what was done.\n\n";
    let mine = BASE
        .replace("Never push to main without", "Never push to the main branch without")
        .replace("- `git blame`\n", "- `git blame`\n- `git grep`\n")
        .replace(block, "")
        .replace("## Last\n", &format!("{block}## Last\n"))
        .replace("\nend\n", "\nmy end\n");
    let theirs = BASE
        .replace("a review by a person.", "a review by two people.")
        .replace("- `git blame`\n", "- `git blame`\n- `git show`\n")
        .replace("Wait for a yes.", "Wait for an answer.")
        .replace("\nend\n", "\ntheir end\n");
    let bytes = |text: &str| Some(Arc::from(text.as_bytes()));
    conflict_file("standards/universal/safety.md", bytes(BASE), bytes(&mine), bytes(&theirs))
}

fn opened(file: ConflictFile, (width, height): (u16, u16)) -> Model {
    let mut model = samples::preview(MONO, width, height);
    samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: Arc::new(vec![file]) }));
    model
}

fn choices(model: &Model) -> Vec<Option<Choice>> {
    match model.conflicts.settling.current().map(|f| f.decision.clone()) {
        Some(Decision::Merge(choices)) => choices,
        _ => Vec::new(),
    }
}

#[test]
fn each_kind_of_offer_on_the_screen() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut model = opened(file(), (width, height));
        for (name, typed) in [("words_open", ""), ("words_taken", "4["), ("entries_open", "]")] {
            keys(&mut model, typed);
            insta::assert_snapshot!(format!("offer_{name}_{width}x{height}"), text(&paint(&model)));
        }
        let mut model = opened(file(), (width, height));
        keys(&mut model, "44");
        insta::assert_snapshot!(format!("offer_moved_open_{width}x{height}"), text(&paint(&model)));
    }
}

#[test]
fn four_takes_what_is_shown_and_u_takes_it_back() {
    let mut model = opened(file(), (80, 24));
    assert!(shown(&model).contains("4 combined"), "{}", shown(&model));
    assert!(shown(&model).contains("4 Never push to the main branch without a review by two people."));
    assert_eq!(choices(&model), []);
    let effects = keys(&mut model, "4");
    let all = choices(&model);
    assert_eq!(all.len(), 4, "{all:?}");
    let Some(Some(Choice::Combined(taken))) = all.first() else { panic!("{all:?}") };
    assert_eq!(taken.text, b"Never push to the main branch without a review by two people.\n");
    // What is sent to be saved is the text itself: it can be known again without being computed.
    let sent = effects.into_iter().find_map(|e| match e {
        Effect::Send(Command::Decide(all)) => all.into_iter().next(),
        _ => None,
    });
    let saved = sent.expect("it is saved at once").1;
    assert_eq!(saved, Decision::Merge(all.clone()));
    keys(&mut model, "u");
    assert_eq!(choices(&model), []);
    // A session that is taken up again has it.
    let mut again = opened(ConflictFile { draft: Some(saved), ..file() }, (80, 24));
    assert_eq!(choices(&again), all);
    keys(&mut again, "44");
    assert!(shown(&again).contains("3 of 4 resolved"), "{}", shown(&again));
    // The last hunk has the same words changed by both.
    keys(&mut again, "4");
    assert!(shown(&again).contains("Nothing is offered for this hunk"), "{}", shown(&again));
    assert!(shown(&again).contains("3 of 4 resolved"));
    keys(&mut again, "1");
    let result = again.conflicts.result_of(0).expect("all is settled");
    let result = String::from_utf8(result.to_vec()).unwrap();
    for line in
        ["the main branch without a review by two people", "- `git grep`\n- `git show`\n", "Wait for an answer."]
    {
        assert_eq!(result.matches(line).count(), 1, "{line}: {result}");
    }
    assert!(!result.contains("Wait for a yes."), "the change stands at the new place: {result}");
    assert!(result.find("## Other") < result.find("Wait for an answer."));
}
