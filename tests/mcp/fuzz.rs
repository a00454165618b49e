//! Nonsense in every place of a request: an answer or an error, never a panic, never a change without a word, and nothing on
//! standard output that is no protocol. `POS_FUZZ` says how many requests (120), `POS_SEED` which.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::common::Sandbox;
use crate::common::ext::State;

/// A small generator, good enough to choose.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below.max(1)
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }
}

const TOOLS: [&str; 14] = [
    "upgrade_plan",
    "upgrade_start",
    "upgrade_status",
    "upgrade_phase",
    "conflict_list",
    "conflict_show",
    "conflict_answer",
    "question_answer",
    "upgrade_apply",
    "upgrade_rollback",
    "upgrade_report",
    "upgrade_pause",
    "upgrade_resume",
    "nothing",
];

const KEYS: [&str; 16] = [
    "project",
    "session_id",
    "source",
    "to",
    "only",
    "plan_id",
    "path",
    "ids",
    "answer",
    "phase",
    "wait_seconds",
    "question_id",
    "way",
    "first_region",
    "answers",
    "\u{202e}x",
];

fn value(dice: &mut Dice, deep: usize) -> Value {
    match dice.roll(if deep > 4 { 9 } else { 12 }) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e308),
        4 => json!(u64::MAX),
        5 => json!(["", "keep", "park", "../..", "/etc/passwd", "standards/x.md", "content"][dice.roll(7)]),
        6 => json!("x\u{1b}]0;t\u{7}\u{202e}\r\n\u{0}y"),
        7 => json!("a".repeat(dice.roll(60_000))),
        8 => json!(dice.roll(7)),
        9 => (0..dice.roll(4)).map(|_| value(dice, deep + 1)).collect(),
        10 => json!({"base": null, "mine": value(dice, deep + 1), "theirs": "0".repeat(40)}),
        _ => object(dice, deep + 1),
    }
}

fn object(dice: &mut Dice, deep: usize) -> Value {
    let mut all = serde_json::Map::new();
    for _ in 0..dice.roll(5) {
        let key = (*dice.one(&KEYS)).to_owned();
        all.insert(key, value(dice, deep));
    }
    Value::Object(all)
}

/// A request, or something like one; whether an answer has to come.
fn request(dice: &mut Dice, id: usize) -> (String, bool) {
    let tool = *dice.one(&TOOLS);
    let mut arguments = object(dice, 0);
    // No other project of this machine's.
    if let Some(all) = arguments.as_object_mut() {
        all.remove("project");
    }
    let call =
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    match dice.roll(16) {
        0 => (
            json!({"jsonrpc": "2.0", "id": id, "method": "resources/read", "params": {"uri": value(dice, 9)}})
                .to_string(),
            false,
        ),
        1 => {
            let uri =
                format!("pos-upgrade://{}", ["diff/x/Li4vLi4", "workflow/x", "report/../..", "diff/%"][dice.roll(4)]);
            (json!({"jsonrpc": "2.0", "id": id, "method": "resources/read", "params": {"uri": uri}}).to_string(), true)
        }
        2 => (
            json!({"jsonrpc": "2.0", "id": id, "method": "prompts/get", "params": {"name": "upgrade"}}).to_string(),
            true,
        ),
        3 => {
            let text = call.to_string();
            let mut end = dice.roll(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            (text[..end].to_owned(), false)
        }
        4 => (value(dice, 0).to_string(), false),
        5 => (json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": value(dice, 0)}).to_string(), false),
        6 | 7 => {
            let method = ["tasks/get", "tasks/update", "tasks/cancel"][dice.roll(3)];
            let params = json!({"taskId": value(dice, 9), "inputResponses": value(dice, 0)});
            (json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(), false)
        }
        _ => (call.to_string(), true),
    }
}

#[test]
fn nonsense_gets_an_answer_and_changes_nothing() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let cases: usize = number("POS_FUZZ").unwrap_or(120) as usize;
    let seed =
        number("POS_SEED").unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    println!("POS_SEED={seed} POS_FUZZ={cases}");
    let before = State::of(&demo.project);
    let mut child = sandbox
        .command()
        .args(["mcp", "--project", demo.project.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut into, out) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let reader = std::thread::spawn(move || {
        let mut answered = BTreeSet::new();
        for line in out.lines() {
            let line = line.unwrap();
            let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("no JSON ({e}): {line}"));
            assert_eq!(said["jsonrpc"], "2.0", "{said}");
            answered.extend(said["id"].as_u64());
        }
        answered
    });
    let client = json!({"name": "fuzz", "version": "1"});
    let can = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": can, "clientInfo": client});
    writeln!(into, "{}", json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})).unwrap();
    writeln!(into, "{}", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).unwrap();
    let mut dice = Dice(seed);
    let mut wanted = BTreeSet::from([0, cases as u64 + 1]);
    for id in 1..=cases {
        let (text, answers) = request(&mut dice, id);
        if answers {
            wanted.insert(id as u64);
        }
        writeln!(into, "{}", text.replace('\n', " ")).unwrap_or_else(|e| panic!("it went away before {id}: {e}"));
    }
    writeln!(into, "{}", json!({"jsonrpc": "2.0", "id": cases + 1, "method": "tools/list"})).unwrap();
    // Whoever closes at once need not be answered.
    std::thread::sleep(std::time::Duration::from_millis(1_500 + 10 * cases as u64));
    drop(into);
    let output = child.wait_with_output().unwrap();
    let answered = reader.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(0) && !said.contains("panicked"), "{:?}: {said}", output.status);
    let silent: Vec<_> = wanted.difference(&answered).collect();
    assert!(silent.is_empty(), "no answer to {silent:?} of {cases}");
    before.assert_still(&demo.project);
    println!("{} of {cases} were answered", answered.len());
}

/// The same in settings, in files of answers and among the flags: valid JSON or a clear error, and nothing changes.
#[test]
fn nonsense_in_files_and_flags_is_refused() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let cases: usize = number("POS_FUZZ").unwrap_or(120) as usize / 3;
    let seed =
        number("POS_SEED").unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    println!("POS_SEED={seed} POS_FUZZ={}", cases * 3);
    let mut dice = Dice(seed);
    let (settings, answers) = (demo.install.join("upgrade.json"), sandbox.path().join("answers.json"));
    let flags = [
        "--answers",
        "--on-conflict",
        "--keep-backups",
        "--to",
        "--only",
        "--plan",
        "--allow-removals",
        "--json",
        "--rules",
        "--nothing",
        "-y",
        "--",
        "\u{202e}",
    ];
    let keys =
        ["keep_backups", "theme", "always_keep", "test_command", "source_path", "ascii", "git_commit_message", "x"];
    let mut seen = std::collections::BTreeMap::new();
    for case in 0..cases {
        let mut all = serde_json::Map::new();
        for _ in 0..dice.roll(3) {
            all.insert((*dice.one(&keys)).to_owned(), value(&mut dice, 3));
        }
        std::fs::write(&settings, Value::Object(all).to_string()).unwrap();
        let given = match dice.roll(3) {
            0 => value(&mut dice, 0),
            1 => json!({"schema": 1, "answers": object(&mut dice, 0)}),
            _ => {
                json!({"schema": dice.roll(3), "answers": {"standards/x.md": {"ids": value(&mut dice, 4), "answer": value(&mut dice, 2)}}})
            }
        };
        std::fs::write(&answers, given.to_string()).unwrap();
        let before = State::of(&demo.project);
        let mut words: Vec<String> = match dice.roll(4) {
            0 => vec!["config".into(), "show".into()],
            1 => vec!["plan".into(), "--source".into(), demo.source.display().to_string()],
            _ => {
                ["upgrade", "--yes", "--source", demo.source.to_str().unwrap(), "--answers", answers.to_str().unwrap()]
                    .map(str::to_owned)
                    .to_vec()
            }
        };
        words.extend(["--json".into(), "--project".into(), demo.project.display().to_string()]);
        for _ in 0..dice.roll(2) {
            words.push((*dice.one(&flags)).to_owned());
            words.push(["", "9", "keep\u{7}", "../..", "content"][dice.roll(5)].to_owned());
        }
        let output = sandbox.command().args(&words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 2 | 3 | 4)) && !said.contains("panicked"),
            "{case}, {words:?}: {code:?}: {said}"
        );
        for line in String::from_utf8(output.stdout.clone()).unwrap().lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object()), "{case}, {words:?}: {line}");
        }
        assert!(
            code == Some(0) || !output.stdout.is_empty() || !said.trim().is_empty(),
            "{case}, {words:?}: not a word"
        );
        before.assert_still(&demo.project);
        *seen.entry(code).or_insert(0) += 1;
    }
    println!("exit codes: {seen:?}");
}
