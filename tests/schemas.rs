//! What `schema` prints, against what the program prints and reads: validated by another library (`jsonschema` for Python).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::ext::{kill_at, lines, slow_down};
use crate::common::{Sandbox, text};
use crate::server::world::environment;

/// What was printed, by the name of its schema.
#[derive(Default)]
struct Said(BTreeMap<&'static str, Vec<Value>>);

impl Said {
    fn add(&mut self, name: &'static str, all: impl IntoIterator<Item = Value>) {
        self.0.entry(name).or_default().extend(all);
    }
}

fn schema(sandbox: &Sandbox, name: &str) -> Value {
    let output = sandbox.run(&["schema", name]);
    assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output).1);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The session's data, as it stands on disk.
fn session(install: &Path) -> Vec<Value> {
    let folders = fs::read_dir(install.join(".upgrade")).unwrap().map(|e| e.unwrap().path().join("session.json"));
    let files =
        folders.filter(|p| p.is_file()).map(|p| serde_json::from_slice::<Value>(&fs::read(p).unwrap()).unwrap());
    files.map(|file| file.get("session").or(file.get("data")).cloned().unwrap_or(file)).collect()
}

#[test]
fn what_is_printed_is_as_its_schema_says() {
    let Some(environment) = environment() else { return };
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    slow_down(&demo.install);
    let (project, source) = (demo.project.to_str().unwrap().to_owned(), demo.source.to_str().unwrap().to_owned());
    let mut said = Said::default();
    let with = |words: &[&str]| -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).chain(["--project".into(), project.clone()]).collect()
    };
    let run = |words: &[&str]| {
        let output = sandbox.command().args(with(words)).output().unwrap();
        lines(&output.stdout)
    };
    said.add("plan", run(&["plan", "--json", "--source", &source]));
    let refused = run(&["upgrade", "--yes", "--json", "--source", &source]);
    let conflicts = refused[0]["conflicts"].as_array().unwrap().clone();
    said.add("events", refused);
    let one =
        |c: &Value| (c["path"].as_str().unwrap().to_owned(), json!({"ids": c["ids"], "answer": {"regions": ["mine"]}}));
    let answers: serde_json::Map<String, Value> = conflicts.iter().map(one).collect();
    said.add("answers", [json!({"schema": 1, "answers": answers})]);
    let mut killed = sandbox.command();
    killed.args(with(&["upgrade", "--yes", "--json", "--on-conflict", "merge-keep", "--source", &source]));
    said.add("events", kill_at(killed, |e| e["event"] == "task_started" && e["task"] == "apply"));
    said.add("session", session(&demo.install));
    said.add("status", run(&["status", "--json"]));
    said.add("doctor", run(&["doctor", "--json"]));
    said.add("events", run(&["resume", "--json"]));
    said.add("session", session(&demo.install));
    said.add("events", run(&["resume", "--json"]));
    said.add("events", run(&["rollback", "--json", "--yes"]));
    said.add("events", run(&["upgrade", "--json", "--yes", "--on-conflict", "park", "--source", &source]));
    said.add("session", session(&demo.install));
    said.add("status", run(&["status", "--json"]));
    said.add("history", run(&["history", "--json"]));
    said.add("history-all", run(&["history", "--all", "--json"]));
    said.add("history-all-stats", run(&["history", "--all", "--stats", "--json"]));
    said.add("history-stats", run(&["history", "--stats", "--json"]));
    said.add("settings", [json!({"keep_backups": 3, "always_keep": ["a/**"], "theme": "dark"})]);
    let list: Value = serde_json::from_slice(&sandbox.run(&["schema", "--json"]).stdout).unwrap();
    for named in list["schemas"].as_array().unwrap() {
        let name = named["name"].as_str().unwrap();
        let path = sandbox.path().join(format!("{name}.schema.json"));
        fs::write(&path, schema(&sandbox, name).to_string()).unwrap();
        let all = said.0.get(name).cloned().unwrap_or_default();
        assert!(!all.is_empty() || name == "fault", "nothing of {name} is validated");
        let file = sandbox.path().join(format!("{name}.lines"));
        fs::write(&file, all.iter().map(|v| format!("{v}\n")).collect::<String>()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate.py");
        let output = Command::new(environment.join("bin/python")).arg(script).arg(&path).arg(&file).output().unwrap();
        let (code, wrong) = text(&output);
        assert!(code == 0 && output.stdout.is_empty(), "{name}: {wrong}");
        println!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
        // A check that can't fail is none.
        if !all.is_empty() {
            fs::write(&file, "[]\n").unwrap();
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate.py");
            let output =
                Command::new(environment.join("bin/python")).arg(script).arg(&path).arg(&file).output().unwrap();
            assert!(!output.stdout.is_empty(), "{name}: a list passes for one");
        }
    }
    let output = sandbox.run(&["schema", "nothing"]);
    assert!(output.status.code() == Some(2) && text(&output).1.contains("events"), "{}", text(&output).1);
}
