//! The `mcp` package for Python as the client: a whole upgrade with a kill in its middle, questions to the person, cancelling.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use pos_upgrade_tui::host::demo::Demo;
use serde_json::{Value, json};

use crate::common::ext::{lines, slow_down};
use crate::common::{Sandbox, assert_same, snapshot, text, tools};
use crate::mcp::{binary, home};
use crate::server::world::environment;

/// Runs a scenario of `client.py`: what it told, line by line, its exit code (none if it was killed), and its last words.
fn run(
    sandbox: &Sandbox,
    demo: &Demo,
    scenario: &str,
    mode: &str,
    more: &[&str],
) -> Option<(Vec<Value>, Option<i32>, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/client.py");
    let mut command = Command::new(environment()?.join("bin/python"));
    command.arg(script).arg(scenario).arg(binary()).args([&demo.project, &demo.source]).arg(mode).args(more);
    command
        .env("HOME", home(sandbox))
        .env("POS_ELICIT_MS", "1500")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some((lines(&output.stdout), output.status.code(), said))
}

#[test]
fn an_assistant_upgrades_is_killed_in_phase_3_finishes_and_goes_back() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let entry = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/projects/praxis-os/.cursor/mcp.json");
    fs::create_dir_all(demo.project.join(".cursor")).unwrap();
    fs::copy(entry, demo.project.join(".cursor/mcp.json")).unwrap();
    let before = snapshot(&demo.install);
    let old_tools = tools(&demo.install).unwrap();
    let Some((told, code, said)) = run(&sandbox, &demo, "whole", "legacy", &[]) else { return };
    assert_eq!((code, told.len()), (None, 2), "killed by itself: {said}\n{told:?}");
    assert_eq!((&told[1]["killed_in_phase"], &told[1]["applied"]), (&json!(3), &json!(true)), "{told:?}");
    let session = told[0]["session"].as_str().unwrap();
    // Whoever comes next need not be of the same kind.
    let (told, code, said) = run(&sandbox, &demo, "finish", "auto", &[session]).unwrap();
    assert_eq!(code, Some(0), "{said}");
    // Who still knows the old tools is named, with what fails there.
    let report: Vec<&str> = told[0]["report"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    for line in ["# Start these anew", "Cursor (.cursor/mcp.json): ", "  aos_workflow fails, it is pos_workflow now"] {
        assert!(report.iter().any(|l| l.starts_with(line)), "{line}: {report:#?}");
    }
    assert_eq!(told[1]["back"], true);
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tools(&demo.install).unwrap(), old_tools, "the old server runs");
}

#[test]
fn a_person_is_asked_where_that_is_possible_and_else_nothing_is_decided() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    for (how, mode, saved, why) in [
        ("accept", "legacy", true, ""),
        ("accept", "auto", true, ""),
        ("decline", "legacy", false, "declined"),
        ("decline", "auto", false, "declined"),
        ("absent", "legacy", false, "can't ask"),
        ("absent", "auto", false, "can't ask"),
        ("hang", "legacy", false, "in time"),
        ("nonsense", "legacy", false, "none of those"),
    ] {
        let Some((told, code, said)) = run(&sandbox, &demo, "elicit", mode, &[how]) else { return };
        assert_eq!(code, Some(0), "{how}, {mode}: {said}");
        let answered = &told[0]["answered"];
        assert_eq!(answered["saved"], saved, "{how}, {mode}: {answered}");
        assert_eq!(told[0]["answer"], if saved { json!("keep") } else { json!(null) }, "{how}, {mode}");
        let reason = answered["not_asked"].as_str().unwrap_or_default();
        assert!(reason.contains(why) && reason.is_empty() == saved, "{how}, {mode}: {reason}");
        assert_eq!(told[0]["asked"], u64::from(how != "absent"), "once: {how}, {mode}");
        assert_eq!(answered["next"]["tool"], "conflict_show", "{how}, {mode}: {answered}");
        let back = sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()]);
        assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    }
}

/// What an assistant began, a script goes on with: the answers come from a file.
#[test]
fn a_script_answers_what_an_assistant_left() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let Some((told, code, said)) = run(&sandbox, &demo, "elicit", "legacy", &["decline"]) else { return };
    assert_eq!(code, Some(0), "{said}");
    let project = demo.project.to_str().unwrap();
    let open = sandbox.run(&["resume", "--json", "--project", project]);
    assert_eq!(open.status.code(), Some(3), "{}", text(&open).1);
    let last = lines(&open.stdout).pop().unwrap();
    let conflicts = last["conflicts"].as_array().unwrap();
    assert_eq!((conflicts.len(), &last["exit_code"]), (3, &json!(3)));
    let answer = |c: &Value| (c["path"].as_str().unwrap().to_owned(), json!({"ids": c["ids"], "answer": "take"}));
    let answers: serde_json::Map<String, Value> = told[1]["conflicts"].as_array().unwrap().iter().map(answer).collect();
    let file = sandbox.path().join("answers.json");
    let mut wrong = answers.clone();
    wrong.values_mut().for_each(|a| a["ids"]["mine"] = json!(null));
    fs::write(&file, json!({"schema": 1, "answers": wrong}).to_string()).unwrap();
    let resume = ["resume", "--project", project, "--answers", file.to_str().unwrap()];
    let (code, said) = text(&sandbox.run(&resume));
    assert!(code == 4 && said.contains("other bytes"), "{code}: {said}");
    fs::write(&file, json!({"schema": 1, "answers": answers}).to_string()).unwrap();
    let (code, said) = text(&sandbox.run(&resume));
    assert_eq!(code, 0, "{said}");
    for conflict in conflicts {
        let bytes = fs::read(demo.install.join(conflict["path"].as_str().unwrap())).unwrap();
        let id = pos_upgrade_tui::core::blob::BlobId::of(&bytes, pos_upgrade_tui::core::blob::ObjectFormat::Sha1);
        assert_eq!(conflict["ids"]["theirs"], id.to_string());
    }
    // Once all is done nothing waits for answers, and whoever gives some is told so.
    let (code, said) = text(&sandbox.run(&resume));
    assert!(code == 2 && said.contains("none of these were used"), "{code}: {said}");
    let (code, said) = text(&sandbox.run(&["resume", "--project", project]));
    assert!(code == 0 && said.contains("nothing to resume"), "{code}: {said}");
}

#[test]
fn a_call_that_is_cancelled_pauses_the_session() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    slow_down(&demo.install);
    let before = snapshot(&demo.install);
    for mode in ["legacy", "auto"] {
        let Some((told, code, said)) = run(&sandbox, &demo, "cancel", mode, &[]) else { return };
        assert_eq!(code, Some(0), "{said}");
        let expected = json!({"stands": "interrupted", "applied": false, "next": "upgrade_resume"});
        assert_eq!(told[0], expected, "{mode}");
        assert_same(&before, &snapshot(&demo.install));
        let back = sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()]);
        assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    }
}
