//! Answers to conflicts from a file: what is listed for them, what they do, and what does not count.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use pos_upgrade_tui::host::demo::Demo;
use serde_json::{Value, json};

use crate::common::ext::{lines, refused};
use crate::common::{Sandbox, text};

const GIT_SAFETY: &str = "standards/universal/ai-safety/git-safety.md";
const RACES: &str = "standards/universal/concurrency/race-conditions.md";

/// The conflicts as exit code 3 lists them.
fn listed(sandbox: &Sandbox, demo: &Demo) -> Vec<Value> {
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let output = sandbox.run(&["upgrade", "--yes", "--json", "--project", project, "--source", source]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output).1);
    let all = lines(&output.stdout);
    all.last().unwrap()["conflicts"].as_array().expect("they are listed").clone()
}

/// A file with an answer for each conflict.
fn file(sandbox: &Sandbox, conflicts: &[Value], answer: impl Fn(&Value) -> Value) -> PathBuf {
    let all: serde_json::Map<String, Value> = conflicts
        .iter()
        .map(|c| (c["path"].as_str().unwrap().to_owned(), json!({"ids": c["ids"], "answer": answer(c)})))
        .collect();
    let path = sandbox.path().join("answers.json");
    fs::write(&path, json!({"schema": 1, "answers": all}).to_string()).unwrap();
    path
}

fn upgrade<'a>(demo: &'a Demo, answers: &'a Path) -> Vec<&'a str> {
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let answers = answers.to_str().unwrap();
    vec!["upgrade", "--yes", "--answers", answers, "--project", project, "--source", source]
}

/// The script that stands in the manual, word for word.
fn script() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/docs/scripts.md")).unwrap();
    let block = page.split("```sh\n").find(|part| part.starts_with("set -e\n")).expect("the script");
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_script_of_the_manual_upgrades() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let script = script();
    assert!(script.lines().count() <= 10, "ten lines:\n{script}");
    let bin = sandbox.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_pos-upgrade-tui"), bin.join("pos-upgrade-tui")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.arg("-c").arg(&script).current_dir(&demo.project).env("PATH", path).env("SOURCE", &demo.source);
    let home = sandbox.command().get_envs().find(|(name, _)| *name == "HOME").unwrap().1.unwrap().to_owned();
    let output = command.env("HOME", home).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let status = sandbox.run(&["status", "--json", "--project", demo.project.to_str().unwrap()]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["session"]["status"], &status["release"]), (&json!("completed"), &json!(demo.commits[2])));
}

#[test]
fn what_is_listed_is_answered_region_by_region() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let conflicts = listed(&sandbox, &demo);
    assert_eq!(conflicts.len(), 3);
    for conflict in &conflicts {
        let regions = conflict["regions"].as_array().unwrap();
        assert_eq!(conflict["region_count"].as_u64(), Some(regions.len() as u64), "{conflict}");
        let mine = fs::read_to_string(demo.install.join(conflict["path"].as_str().unwrap())).unwrap_or_default();
        for region in regions {
            let (first, count) =
                (region["mine"]["first_line"].as_u64().unwrap(), region["mine"]["lines"].as_u64().unwrap());
            let there: String = mine.split_inclusive('\n').skip(first as usize - 1).take(count as usize).collect();
            assert_eq!(region["mine"]["text"], there, "the lines stand where it says");
        }
    }
    let races = fs::read(demo.install.join(RACES)).unwrap();
    let answers = file(&sandbox, &conflicts, |c| match c["path"].as_str().unwrap() {
        GIT_SAFETY => {
            json!({"regions": vec![json!({"text": "Both, in our own words."}); c["region_count"].as_u64().unwrap() as usize]})
        }
        RACES => json!("park"),
        _ => json!("merge-take"),
    });
    let output = sandbox.run(&upgrade(&demo, &answers));
    let (code, said) = text(&output);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 put off"), "{said}");
    assert!(fs::read_to_string(demo.install.join(GIT_SAFETY)).unwrap().contains("Both, in our own words.\n"));
    assert_eq!(fs::read(demo.install.join(RACES)).unwrap(), races);
}

#[test]
fn what_the_file_leaves_open_is_for_the_policy_and_else_for_a_person() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let conflicts = listed(&sandbox, &demo);
    let one: Vec<Value> = conflicts.into_iter().filter(|c| c["path"] == GIT_SAFETY).collect();
    let theirs = one[0]["ids"]["theirs"].as_str().unwrap().to_owned();
    let answers = file(&sandbox, &one, |_| json!("take"));
    let arguments = [&upgrade(&demo, &answers)[..], &["--json"]].concat();
    let output = sandbox.run(&arguments);
    assert_eq!(output.status.code(), Some(3));
    let left: Vec<Value> = lines(&output.stdout).last().unwrap()["conflicts"].as_array().unwrap().clone();
    assert!(left.len() == 2 && left.iter().all(|c| c["path"] != GIT_SAFETY), "{left:?}");
    let kept = fs::read(demo.install.join(RACES)).unwrap();
    let output = sandbox.run(&[&upgrade(&demo, &answers)[..], &["--on-conflict", "keep"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let now = fs::read(demo.install.join(GIT_SAFETY)).unwrap();
    let id = pos_upgrade_tui::core::blob::BlobId::of(&now, pos_upgrade_tui::core::blob::ObjectFormat::Sha1);
    assert_eq!((id.to_string(), fs::read(demo.install.join(RACES)).unwrap()), (theirs, kept));
}

#[test]
fn what_does_not_count_is_refused_and_named() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let conflicts = listed(&sandbox, &demo);
    let refuses = |answer: &dyn Fn(&Value) -> Value, names: &[&str]| {
        let answers = file(&sandbox, &conflicts, answer);
        refused(&sandbox, &demo.project, &upgrade(&demo, &answers), 4, names)
    };
    let marked = json!({"text": "a\n<<<<<<< mine\nb\n=======\nc\n>>>>>>> theirs\n"});
    refuses(&|_| marked.clone(), &[GIT_SAFETY, RACES, "conflict marker in line 2"]);
    refuses(&|_| json!({"regions": []}), &[GIT_SAFETY, "regions, not 0"]);
    refuses(&|_| json!({"regions": [{"text": ">>>>>>> x\n"}]}), &["conflict marker in line"]);
    refuses(&|_| json!({"text_base64": "%"}), &["base64"]);

    // A path that is none, and one that leads out.
    let mut other = conflicts.clone();
    other[0]["path"] = "standards/universal/nothing.md".into();
    let answers = file(&sandbox, &other, |_| json!("keep"));
    refused(&sandbox, &demo.project, &upgrade(&demo, &answers), 4, &["nothing.md: not a conflict"]);
    other[0]["path"] = "../x".into();
    let answers = file(&sandbox, &other, |_| json!("keep"));
    refused(&sandbox, &demo.project, &upgrade(&demo, &answers), 2, &["no answers"]);

    // Bytes that the answer was not given for.
    let answers = file(&sandbox, &conflicts, |_| json!("take"));
    let races = demo.install.join(RACES);
    fs::write(&races, fs::read_to_string(&races).unwrap() + "one line more\n").unwrap();
    let said = refused(&sandbox, &demo.project, &upgrade(&demo, &answers), 4, &[RACES, "for other bytes: mine"]);
    assert!(!said.contains(GIT_SAFETY), "only that one: {said}");

    for bad in ["", "{", "[]", "{\"schema\":2,\"answers\":{}}", "{\"schema\":1,\"answers\":{\"a\":\"keep\"}}"] {
        fs::write(&answers, bad).unwrap();
        refused(&sandbox, &demo.project, &upgrade(&demo, &answers), 2, &["answers.json"]);
    }
    fs::remove_file(&answers).unwrap();
    refused(&sandbox, &demo.project, &upgrade(&demo, &answers), 2, &["answers.json"]);
}

#[test]
fn answers_that_nothing_waits_for_are_refused_by_name() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let ids = json!({"base": null, "mine": null, "theirs": null});
    let path = sandbox.path().join("late.json");
    let answers = json!({"schema": 1, "answers": {"standards/late.md": {"ids": ids, "answer": "keep"}}});
    fs::write(&path, answers.to_string()).unwrap();
    let output =
        sandbox.run(&["resume", "--answers", path.to_str().unwrap(), "--project", demo.project.to_str().unwrap()]);
    let (code, said) = text(&output);
    assert!(code == 2 && said.contains("standards/late.md") && said.contains("none of these"), "{said}");
}
