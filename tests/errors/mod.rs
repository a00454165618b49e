//! The catalogue of errors: every code is met by a run of the program, here or where another suite is about it.

mod met;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::common::ext::{Mode, Plain, is_root, skipped};
use crate::common::{Sandbox, locked, program, text};
use met::MET;

/// Codes of refusals that other suites are about: the file that looks for it.
const LOOKED_FOR_ELSEWHERE: [(&str, &str); 25] = [
    ("POS-E0103", "bad_input/machine.rs"),
    ("POS-E0105", "bad_input/machine.rs"),
    ("POS-E0204", "environments/sources.rs"),
    ("POS-E0208", "lfs_pointers.rs"),
    ("POS-E0209", "unrelated_source.rs"),
    ("POS-E0304", "unrelated_source.rs"),
    ("POS-E0305", "generations/folder.rs"),
    ("POS-E0410", "left_behind.rs"),
    ("POS-E0411", "unrelated_source.rs"),
    ("POS-E0501", "rollback.rs"),
    ("POS-E0601", "server/wrong.rs"),
    ("POS-E0602", "server/wrong.rs"),
    ("POS-E0603", "server/rehearsal.rs"),
    ("POS-E0604", "server/rehearsed_plan.rs"),
    ("POS-E0605", "server/wrong.rs"),
    ("POS-E0606", "generations/folder.rs"),
    ("POS-E0607", "server/upgrades.rs"),
    ("POS-E0701", "generations/servers.rs"),
    ("POS-E0702", "bad_input/machine.rs"),
    ("POS-E0703", "bad_input/machine.rs"),
    ("POS-E0704", "dependencies/places.rs"),
    ("POS-E0705", "dependencies/post_install.rs"),
    ("POS-E0901", "bad_input/machine.rs"),
    ("POS-E0902", "editor_entries.rs"),
    ("POS-E0906", "owners.rs"),
];

/// Codes that the tests of this file meet in another way.
const MET_BELOW: [&str; 6] = ["POS-E0401", "POS-E0405", "POS-E0507", "POS-E0807", "POS-E0808", "POS-E0905"];

/// Everything that a row needs, made for it: the project and source of a demo, and a home.
struct World {
    sandbox: Sandbox,
    project: std::path::PathBuf,
    source: std::path::PathBuf,
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        fs::create_dir(sandbox.path().join("bin")).unwrap();
        symlink(program::program(), sandbox.path().join("bin/pos")).unwrap();
        Self { sandbox, project: demo.project, source: demo.source }
    }

    /// What a shell says to a line.
    fn typed(&self, line: &str, json: bool) -> Output {
        let top = self.sandbox.path();
        let line = line.replace("pos ", &format!("{} ", top.join("bin/pos").display()));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &line]).current_dir(&self.project).stdin(Stdio::null());
        command.env("HOME", top.join("home")).env("SOURCE", &self.source).env("J", if json { "--json" } else { "" });
        for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        command.output().unwrap()
    }
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn errors_have_the_code_that_the_manual_explains() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let (next, rows) = (&next, &MET);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                while let Some((code, line)) = rows.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let plain = World::new().typed(line, false);
                    let said = String::from_utf8_lossy(&plain.stderr).into_owned();
                    assert!(
                        said.ends_with(&format!("\n  more: pos-upgrade-tui help {code}\n")),
                        "{code}: {line}\n{said}"
                    );
                    // Where standard output can't be written, nobody can read JSON there.
                    if line.contains("/dev/full") {
                        continue;
                    }
                    let told = World::new().typed(line, true);
                    let last: Value = text(&told).1.lines().rev().find_map(|l| serde_json::from_str(l).ok()).unwrap();
                    assert_eq!((&last["code"], &last["event"]), (&json!(code), &json!("finished")), "{line}: {last}");
                    assert_eq!(
                        (last["exit_code"].as_i64(), told.status.code()),
                        (plain.status.code().map(i64::from), plain.status.code())
                    );
                }
            });
        }
    });
}

#[test]
fn somebody_else_at_work_has_a_code() {
    let world = World::new();
    let lock = locked(&world.project.join(".praxis-os"));
    let output = world.typed("pos upgrade --yes --on-conflict keep --source $SOURCE", false);
    drop(lock);
    let (code, said) = text(&output);
    assert!(code == 7 && said.contains("help POS-E0405"), "{said}");
}

#[test]
fn a_success_has_none() {
    let output =
        World::new().typed("pos upgrade --yes --json --on-conflict keep --only content --source $SOURCE", true);
    let last: Value =
        serde_json::from_slice(output.stdout.trim_ascii_end().rsplit(|b| *b == b'\n').next().unwrap()).unwrap();
    assert_eq!((output.status.code(), last.get("code")), (Some(0), None), "{last}");
}

/// The structured content of a tool's error, from a server that is asked one thing.
fn fault(world: &World, tool: &str, arguments: &Value) -> Value {
    let mut command = world.sandbox.command();
    command.args(["mcp", "--project"]).arg(&world.project).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut input = server.stdin.take().unwrap();
    let hello =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let call = json!({"name": tool, "arguments": arguments});
    for line in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}),
    ] {
        writeln!(input, "{line}").unwrap();
    }
    let answers = std::io::BufRead::lines(std::io::BufReader::new(server.stdout.take().unwrap()));
    let answers = answers.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let answer = answers.into_iter().find(|answer| answer["id"] == 2).expect("an answer");
    drop(input);
    let _ = server.wait();
    answer["result"]["structuredContent"].clone()
}

#[test]
fn an_assistant_gets_the_code_too() {
    let world = World::new();
    assert_eq!(fault(&world, "upgrade_plan", &json!({}))["code"], "POS-E0201");
    let empty = world.sandbox.path().join("home");
    assert_eq!(fault(&world, "upgrade_plan", &json!({"source": empty}))["code"], "POS-E0202");
    fs::write(world.project.join(".praxis-os/upgrade.json"), r#"{"dry_run": true}"#).unwrap();
    let start = fault(&world, "upgrade_start", &json!({"source": world.source, "plan_id": ""}));
    assert_eq!(start["code"], "POS-E0808", "{start}");
    fs::remove_file(world.project.join(".praxis-os/upgrade.json")).unwrap();
    let upgrade = "pos upgrade --yes --on-conflict keep --only content --source $SOURCE";
    world.typed(&format!("POS_CRASH_AT='backup.copy before' {upgrade}"), false);
    let listed = fault(&world, "conflict_list", &json!({}));
    assert_eq!(listed["code"], "POS-E0807", "{listed}");
}

/// A disk that fails in the checks, whichever of their files it meets.
#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn a_phase_that_fails_for_no_better_known_reason_has_a_code() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skipped("there is no strace");
    }
    let failing = (1..40).find(|nth| {
        let line = format!(
            "strace -f -o /dev/null -e trace=fsync -e inject=fsync:error=EIO:when={nth} \
             pos upgrade --yes --on-conflict keep --only content --source $SOURCE"
        );
        text(&World::new().typed(&line, false)).1.contains("help POS-E0401")
    });
    assert!(failing.is_some(), "no failure of the checks has the code");
}

#[test]
fn a_backup_that_can_not_be_removed_has_a_code() {
    let world = World::new();
    let plain = Plain::new(&world.sandbox);
    let run = |words: &[&str]| {
        let mut command = plain.command(&world.sandbox);
        text(&command.args(words).arg("--project").arg(&world.project).output().unwrap())
    };
    let source = world.source.to_str().unwrap();
    let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--only", "content", "--source", source];
    for to in ["HEAD~1", "HEAD"] {
        let (code, said) = run(&[&upgrade[..], &["--to", to]].concat());
        assert_eq!(code, 0, "{said}");
    }
    let backups = fs::read_dir(world.project.join(".praxis-os/.backups")).unwrap().map(|entry| entry.unwrap().path());
    let shut: Vec<Mode> = backups.map(|backup| Mode::set(&backup, 0o500)).collect();
    let (code, said) = run(&["backups", "prune", "--keep", "1", "--yes"]);
    drop(shut);
    assert!(code != 0 && said.contains("POS-E0507"), "{code}: {said}");
}

/// Only root becomes a user of whom the system knows nothing.
#[test]
fn who_has_no_home_is_told_so() {
    if !is_root() {
        return skipped("only root becomes another user");
    }
    let world = World::new();
    let plain = Plain::new(&world.sandbox);
    let mut command = Command::new(plain.binary());
    command.args(["config", "set", "--user", "keep_backups", "2"]).uid(54_321).gid(54_321);
    command.current_dir(&world.project).env_remove("HOME").env_remove("XDG_CONFIG_HOME");
    let (code, said) = text(&command.output().unwrap());
    assert!(code == 4 && said.contains("POS-E0905"), "{code}: {said}");
}

#[test]
fn every_code_is_met_by_a_test() {
    let world = World::new();
    let list = world.typed("pos help errors", false);
    let list = text(&list).1;
    let known: BTreeSet<&str> = list.split('[').skip(1).filter_map(|rest| rest.split(']').next()).collect();
    assert!(known.len() > 60, "{list}");
    let here = MET.iter().map(|(code, _)| *code).chain(MET_BELOW);
    let there = LOOKED_FOR_ELSEWHERE.iter().map(|(code, _)| *code);
    let all: Vec<&str> = here.chain(there).collect();
    assert_eq!(all.len(), known.len(), "a code stands twice, or in none of the lists");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), known);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (code, file) in LOOKED_FOR_ELSEWHERE {
        assert!(fs::read_to_string(tests.join(file)).unwrap().contains(code), "{file} no longer looks for {code}");
    }
    for code in known {
        let page = world.typed(&format!("pos help {code}"), false);
        assert!(text(&page).1.starts_with(&format!("## {code}: ")), "{code}");
    }
}
