//! The catalogue of errors: every code is met by a run of the program, here or where another suite is about it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::common::{Sandbox, locked, program, text};

/// A code, and what is typed to meet it: by a shell, in the project of a fresh demo, with the program as `pos`, the source
/// as `$SOURCE` and `--json` as `$J`, if that is to be told.
const MET: [(&str, &str); 39] = [
    ("POS-E0101", "cd /; pos plan $J --source $SOURCE"),
    ("POS-E0104", "mkfifo .praxis-os/pipe; pos upgrade $J --yes --on-conflict keep --source $SOURCE"),
    (
        "POS-E0107",
        "printf '<<<<<<< a\\nx\\n=======\\ny\\n>>>>>>> b\\n' > .praxis-os/standards/universal/ai-safety/git-safety.md; \
         pos plan $J --source $SOURCE",
    ),
    ("POS-E0108", "echo '{' > .praxis-os/.upgrade-baseline.json; pos plan $J --source $SOURCE"),
    (
        "POS-E0109",
        "printf '<<<<<<< a\\n{}\\n=======\\n{}\\n>>>>>>> b\\n' > .praxis-os/.upgrade-baseline.json; \
         pos plan $J --source $SOURCE",
    ),
    ("POS-E0110", "ln -s /nowhere .praxis-os/.upgrade; pos upgrade $J --yes --on-conflict keep --source $SOURCE"),
    ("POS-E0111", "pos edits $J"),
    ("POS-E0201", "pos plan $J"),
    ("POS-E0202", "mkdir ../empty; pos plan $J --source ../empty"),
    ("POS-E0203", "pos plan $J --source $SOURCE --to nothing"),
    (
        "POS-E0207",
        "f=$SOURCE/$(git -C $SOURCE ls-files universal | head -n 1); echo x >> $f; pos plan $J --source $SOURCE",
    ),
    ("POS-E0211", "pos plan $J --source ext::sh"),
    ("POS-E0212", "pos plan $J --offline --source file:///nowhere.git"),
    ("POS-E0213", "echo \"{\\\"source_path\\\": \\\"$SOURCE\\\"}\" > .praxis-os/upgrade.json; pos upgrade $J --yes"),
    ("POS-E0301", "pos upgrade $J --yes --source $SOURCE"),
    ("POS-E0302", "echo '{}' > p; pos upgrade $J --yes --plan p --source $SOURCE"),
    (
        "POS-E0303",
        "pos plan --json --source $SOURCE > p; echo x >> .praxis-os/standards/universal/concurrency/race-conditions.md; \
         pos upgrade $J --yes --plan p --source $SOURCE",
    ),
    ("POS-E0408", "pos rollback $J --yes nothing"),
    (
        "POS-E0504",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         rm .praxis-os/.backups/*/MANIFEST.json; pos rollback $J --yes",
    ),
    ("POS-E0505", "pos restore $J --yes nothing.md"),
    (
        "POS-E0506",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; pos restore $J --yes no.md",
    ),
    ("POS-E0801", "pos --to x status $J"),
    ("POS-E0802", "pos upgrade $J --source $SOURCE"),
    ("POS-E0803", "pos help $J nothing"),
    ("POS-E0804", "echo '{\"kep_backups\": 1}' > .praxis-os/upgrade.json; pos plan $J --source $SOURCE"),
    ("POS-E0805", "echo '{}' > a; pos upgrade $J --yes --answers a --source $SOURCE"),
    ("POS-E0806", "echo x > n.md; pos outside $J --yes --write n.md --source $SOURCE"),
    ("POS-E0904", "PATH= pos plan $J --source $SOURCE"),
    ("POS-E0907", "pos plan $J --source $SOURCE > /dev/full"),
    ("POS-E0908", "pos demo $J --headless ."),
    (
        "POS-E0102",
        "mkdir -p o/.agent-os/standards; \
         echo x > o/.agent-os/standards/x.md; \
         cd o; \
         pos plan $J --source $SOURCE",
    ),
    (
        "POS-E0112",
        "mv .praxis-os .agent-os; \
         mkdir .praxis-os; \
         echo x > .praxis-os/mine; \
         pos plan $J --source $SOURCE",
    ),
    (
        "POS-E0210",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         pos plan $J --only content --source $SOURCE --to HEAD~1",
    ),
    (
        "POS-E0214",
        "POS_CRASH_AT='backup.copy before' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         pos resume $J --yes --source ..",
    ),
    (
        "POS-E0406",
        "POS_CRASH_AT='backup.copy before' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         pos upgrade $J --yes --on-conflict keep --only content --source $SOURCE",
    ),
    (
        "POS-E0409",
        "POS_CRASH_AT='backup.copy before' pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null 2>&1; \
         for f in .praxis-os/.upgrade/*/session*; \
         do echo x > $f; \
         done; \
         pos resume $J",
    ),
    (
        "POS-E0412",
        "echo mine > .praxis-os/standards/mine.md; \
         POS_LOSE=standards/mine.md pos upgrade $J --yes --on-conflict keep --only content --source $SOURCE",
    ),
    (
        "POS-E0502",
        "pos upgrade --yes --on-conflict keep --only content --to HEAD~1 --source $SOURCE > /dev/null; \
         pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         pos rollback $J --yes $(ls .praxis-os/.backups | head -n 1)",
    ),
    (
        "POS-E0503",
        "pos upgrade --yes --on-conflict keep --only content --source $SOURCE > /dev/null; \
         sed -i s/$(git -C $SOURCE rev-parse HEAD)/$(git -C $SOURCE rev-parse HEAD~1)/ .praxis-os/.upgrade-baseline.json; \
         pos rollback $J --yes",
    ),
];

/// Codes of refusals that other suites are about: the suite, and the words that it looks for.
const SAID_ELSEWHERE: [(&str, &str, &str); 18] = [
    ("POS-E0103", "bad_input/machine.rs", "can't be written"),
    ("POS-E0105", "bad_input/machine.rs", "chattr"),
    ("POS-E0204", "environments/sources.rs", "belongs to root"),
    ("POS-E0208", "lfs_pointers.rs", "git-lfs pointers"),
    ("POS-E0209", "unrelated_source.rs", "did not come from there"),
    ("POS-E0304", "unrelated_source.rs", "yes of its own"),
    ("POS-E0305", "generations/folder.rs", "can't be done in part"),
    ("POS-E0410", "left_behind.rs", "locks_that_are_held_stop_an_upgrade"),
    ("POS-E0501", "rollback.rs", "free some disk space, then: pos-upgrade-tui rollback"),
    ("POS-E0603", "server/rehearsal.rs", "was tried, and does not work here"),
    ("POS-E0606", "generations/folder.rs", "runs from it"),
    ("POS-E0607", "server/upgrades.rs", "3 of 9 failed"),
    ("POS-E0701", "generations/servers.rs", "ouroboros/__init__.py"),
    ("POS-E0703", "bad_input/machine.rs", "it is broken"),
    ("POS-E0704", "dependencies/places.rs", "No space left on device"),
    ("POS-E0705", "dependencies/post_install.rs", "--allow-post-install-failure"),
    ("POS-E0902", "editor_entries.rs", "chmod u+w"),
    ("POS-E0906", "owners.rs", "sudo -u nobody"),
];

/// Codes that no test is known to meet yet. None may join them.
const NOT_MET_YET: [&str; 22] = [
    "POS-E0106",
    "POS-E0205",
    "POS-E0206",
    "POS-E0306",
    "POS-E0401",
    "POS-E0402",
    "POS-E0403",
    "POS-E0404",
    "POS-E0407",
    "POS-E0411",
    "POS-E0507",
    "POS-E0601",
    "POS-E0602",
    "POS-E0604",
    "POS-E0605",
    "POS-E0702",
    "POS-E0807",
    "POS-E0808",
    "POS-E0901",
    "POS-E0903",
    "POS-E0905",
    "POS-E0999",
];

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
}

#[test]
fn every_code_is_met_by_a_test() {
    let world = World::new();
    let list = world.typed("pos help errors", false);
    let list = text(&list).1;
    let known: BTreeSet<&str> = list.split('[').skip(1).filter_map(|rest| rest.split(']').next()).collect();
    assert!(known.len() > 60, "{list}");
    let here = MET.iter().map(|(code, _)| *code).chain(["POS-E0405"]);
    let there = SAID_ELSEWHERE.iter().map(|(code, ..)| *code);
    let all: Vec<&str> = here.chain(there).chain(NOT_MET_YET).collect();
    assert_eq!(all.len(), known.len(), "a code stands twice, or in none of the lists");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), known);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (code, file, words) in SAID_ELSEWHERE {
        assert!(fs::read_to_string(tests.join(file)).unwrap().contains(words), "{code}: {file} no longer looks for it");
    }
    for code in known {
        let page = world.typed(&format!("pos help {code}"), false);
        assert!(text(&page).1.starts_with(&format!("## {code}: ")), "{code}");
    }
}
