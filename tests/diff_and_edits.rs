//! What a person reads before saying yes, and what they have customised: `plan --diff` and `edits`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Sandbox, assert_same, git, snapshot, text};
use pos_upgrade_tui::core::baseline::{self, Baseline};
use pos_upgrade_tui::core::plan::{Kind, Plan};
use pos_upgrade_tui::host::demo::Demo;
use serde_json::Value;

const OWN: &str = "standards/universal/testing/our-flaky-tests.md";
const DELETED: &str = "standards/universal/ai-safety/date-handling.md";
const EDITED: &str = "mcp_server/search.py";
const CONFLICT: &str = "standards/universal/concurrency/race-conditions.md";

fn upgrade(sandbox: &Sandbox, demo: &Demo, to: &str, policy: &str) {
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let arguments = ["upgrade", "--project", project, "--source", source, "--to", to, "--yes", "--on-conflict", policy];
    let output = sandbox.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

/// Path and kind of every edit that `edits --json` lists.
fn edits(sandbox: &Sandbox, arguments: &[&str]) -> (Value, BTreeMap<String, String>) {
    let output = sandbox.run(&[&["edits", "--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["schema"], 1);
    let word = |v: &Value| v.as_str().unwrap().to_owned();
    let list = all["edits"].as_array().unwrap().iter().map(|e| (word(&e["path"]), word(&e["kind"]))).collect();
    (all, list)
}

/// What git says about the managed paths of an install: edited and deleted ones.
fn as_git_has_it(install: &Path) -> BTreeMap<String, String> {
    let baseline: Baseline = serde_json::from_slice(&fs::read(install.join(baseline::FILE)).unwrap()).unwrap();
    let mut found = BTreeMap::new();
    for (path, file) in &baseline.files {
        let here = path.under(install);
        if !here.exists() {
            found.insert(path.to_string(), "deleted".to_owned());
        } else if git(install, &["hash-object", "--no-filters", here.to_str().unwrap()]) != file.blob.as_str() {
            found.insert(path.to_string(), "edited".to_owned());
        }
    }
    found
}

#[test]
fn edits_are_listed_after_every_answer_and_need_no_source() {
    for policy in ["keep", "merge-keep", "merge-take"] {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let project = demo.project.to_str().unwrap();
        upgrade(&sandbox, &demo, "v1.1.0", policy);
        fs::remove_dir_all(&demo.source).unwrap();
        let before = snapshot(&demo.install);

        let (all, list) = edits(&sandbox, &["--project", project]);
        assert_eq!((&all["release"], &all["release_evidence"]), (&demo.commits[1].clone().into(), &"baseline".into()));
        let mut expected = as_git_has_it(&demo.install);
        assert_eq!(expected.get(EDITED).map(String::as_str), Some("edited"), "{policy}");
        assert_eq!(expected.get(DELETED).map(String::as_str), Some("deleted"), "{policy}");
        assert!(expected.len() >= 4, "{policy}: {expected:?}");
        expected.insert(OWN.into(), "own".into());
        // Files that the release no longer has and the user kept are the user's now.
        let kept = list.iter().filter(|(p, k)| *k == "own" && !expected.contains_key(*p));
        assert_eq!(kept.count(), 0, "{policy}: {list:?}");
        assert_eq!(list, expected, "{policy}");

        let (code, said) = text(&sandbox.run(&["edits", "--diff", "--project", project]));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("--- the release\n+++ yours\n@@ -"), "{said}");
        assert!(said.contains("edited ") && said.contains("\ndeleted 1\n") && said.contains("\nown 1\n"), "{said}");
        assert!(!said.contains("not at hand") && !said.contains('\u{1b}'), "{said}");
        assert_same(&before, &snapshot(&demo.install));

        // Neither the bytes nor a source: said, not guessed.
        fs::remove_dir_all(demo.install.join(".upgrade/base")).unwrap();
        let (code, said) = text(&sandbox.run(&["edits", "--diff", "--project", project]));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("not at hand") && said.contains("edits --source DIR --diff"), "{said}");
    }
}

#[test]
fn a_changed_mode_and_a_link_are_edits() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    upgrade(&sandbox, &demo, "v1.1.0", "keep");
    let (_, before) = edits(&sandbox, &["--project", project]);
    let script = demo.install.join("scripts/install-praxis-os.py");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    let linked = demo.install.join("mcp_server/tools.py");
    fs::remove_file(&linked).unwrap();
    symlink("/etc/passwd", &linked).unwrap();
    let (all, mut now) = edits(&sandbox, &["--project", project]);
    assert_eq!(now.remove("scripts/install-praxis-os.py").as_deref(), Some("edited"));
    assert_eq!(now.remove("mcp_server/tools.py").as_deref(), Some("edited"));
    assert_eq!(now, before);
    let of = |path: &str| all["edits"].as_array().unwrap().iter().find(|e| e["path"] == path).unwrap().clone();
    assert_eq!(of("scripts/install-praxis-os.py")["executable"], false);
    assert_eq!(of("mcp_server/tools.py")["mine"], Value::Null);
    let (_, said) = text(&sandbox.run(&["edits", "--diff", "--project", project]));
    assert!(said.contains("now not executable") && said.contains("a symbolic link stands there"), "{said}");
    assert!(!said.contains("root:"), "what a link leads to is not shown");
}

#[test]
fn without_a_record_a_source_is_needed_and_enough() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let before = snapshot(&demo.install);
    let (code, said) = text(&sandbox.run(&["edits", "--project", project]));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("edits --source DIR") && said.contains("nothing was changed"), "{said}");
    let refused = sandbox.run(&["edits", "--project", project, "--source", project]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused).1);

    let (all, list) = edits(&sandbox, &["--project", project, "--source", source]);
    assert_eq!((&all["release"], &all["release_evidence"]), (&demo.commits[0].clone().into(), &"history".into()));
    let user: Vec<_> = walkdir::WalkDir::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/user/tree"))
        .into_iter()
        .map(|e| e.unwrap())
        .filter(|e| e.file_type().is_file())
        .map(|e| e.path().to_string_lossy().split_once("/user/tree/").unwrap().1.to_owned())
        .filter(|p| p != "config.json" && !p.starts_with("standards/development/"))
        .collect();
    let mut expected: BTreeMap<String, String> = user.into_iter().map(|p| (p, "edited".to_owned())).collect();
    expected.insert(OWN.into(), "own".into());
    expected.insert(DELETED.into(), "deleted".into());
    assert_eq!(list, expected);
    let (code, said) = text(&sandbox.run(&["edits", "--diff", "--project", project, "--source", source]));
    assert!(code == 0 && said.contains("+++ yours") && !said.contains("not at hand"), "{said}");
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn a_plan_shows_each_change() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let before = snapshot(&demo.install);
    let of = ["--project", project, "--source", source];
    let json = sandbox.run(&[&["plan", "--json"], &of[..]].concat());
    let plan: Plan = serde_json::from_slice(&json.stdout).unwrap();
    let (code, said) = text(&sandbox.run(&[&["plan", "--diff"], &of[..]].concat()));
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains('\u{1b}'), "no colour where no terminal is");
    let mut at = 0;
    for kind in Kind::ALL.into_iter().filter(|k| plan.summary.get(*k) > 0) {
        let heading = format!("\n{} {}\n", kind.word(), plan.summary.get(kind));
        at += said[at..].find(&heading).unwrap_or_else(|| panic!("{heading} in its place:\n{said}"));
    }
    for file in plan.files.iter().filter(|f| f.kind != Kind::Unchanged) {
        assert!(said.contains(&file.path.to_string()) && said.contains(&file.reason), "{}", file.path);
    }
    for words in
        ["--- base\n+++ you\n", "--- base\n+++ the source\n", "--- yours\n+++ after the upgrade\n", " more line"]
    {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    // Where git would show it, it shows the same.
    let mut compared = 0;
    for file in plan.files.iter().filter(|f| f.kind == Kind::Update) {
        let theirs = demo.dir.join("theirs");
        let blob = Command::new("git")
            .current_dir(source)
            .args(["cat-file", "blob", file.theirs.as_ref().unwrap().as_str()])
            .output()
            .unwrap();
        fs::write(&theirs, blob.stdout).unwrap();
        let diff = Command::new("git")
            .args(["diff", "--no-index", "--no-color", "--no-ext-diff", "--histogram"])
            .arg(file.path.under(&demo.install))
            .arg(&theirs)
            .output()
            .unwrap();
        let diff = String::from_utf8_lossy(&diff.stdout).into_owned();
        let lines = diff.lines().skip_while(|l| !l.starts_with("@@"));
        let place =
            |l: &str| l.strip_prefix("@@ ").and_then(|l| l.split_once(" @@")).map(|(p, _)| format!("@@ {p} @@"));
        let hunks: String = lines.map(|l| place(l).unwrap_or_else(|| l.to_owned()) + "\n").collect();
        if !hunks.is_empty() && !hunks.contains('\t') {
            assert!(said.contains(&hunks), "{}:\n{hunks}\nin\n{said}", file.path);
            compared += 1;
        }
    }
    assert!(compared > 2, "{compared}");
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn diff_and_json_do_not_go_together() {
    let sandbox = Sandbox::new();
    for command in ["plan", "edits"] {
        let output = sandbox.run(&[command, "--diff", "--json"]);
        let (code, said) = text(&output);
        assert!(code == 2 && said.contains("--diff") && said.contains("--json"), "{said}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    for arguments in [&["plan", "--diff"][..], &["plan"], &["plan", "--json"], &["edits"], &["edits", "--diff"]] {
        let mut child = sandbox
            .command()
            .args(arguments)
            .args(["--project", project, "--source", source])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Closed before anything is written.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output).1.trim()), (Some(0), ""), "{arguments:?}");
    }
    let piped = format!(
        "{} plan --diff --project {project} --source {source} | head -n 1",
        env!("CARGO_BIN_EXE_pos-upgrade-tui")
    );
    let output = Command::new("sh").args(["-c", &piped]).env("HOME", sandbox.path()).output().unwrap();
    let (code, said) = text(&output);
    assert!(code == 0 && said.trim().lines().count() == 1 && output.stderr.is_empty(), "{said}");
}

#[test]
fn nothing_of_a_file_reaches_the_terminal_as_a_control() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    fs::write(demo.install.join("standards/universal/x\u{1b}]0;t\u{7}\u{202e}.md"), "own").unwrap();
    let edited = demo.install.join(CONFLICT);
    let text_now = fs::read_to_string(&edited).unwrap();
    fs::write(&edited, format!("# \u{1b}[2J\u{9b}1m\n{text_now}")).unwrap();
    for command in ["plan", "edits"] {
        let output = sandbox.run(&[command, "--diff", "--project", project, "--source", source]);
        let (code, said) = text(&output);
        assert_eq!(code, 0, "{said}");
        assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
        assert!(said.contains("+# \\u{1b}[2J\\u{9b}1m"), "{said}");
        assert!(command == "plan" || said.contains("x\\u{1b}]0;t\\u{7}\\u{202e}.md"), "{said}");
    }
}

/// The raw bytes that the binary sends to a terminal.
fn on_a_terminal(sandbox: &Sandbox, no_color: bool, arguments: &[&str]) -> String {
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
    command.args(arguments);
    command.env("HOME", sandbox.path());
    command.env_remove("NO_COLOR");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut out = Vec::new();
    // A terminal whose last writer has gone may end in an error instead of an end.
    let _ = reader.read_to_end(&mut out);
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn colour_is_for_terminals_and_adds_nothing() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let arguments =
        ["plan", "--diff", "--project", demo.project.to_str().unwrap(), "--source", demo.source.to_str().unwrap()];
    let coloured = on_a_terminal(&sandbox, false, &arguments);
    assert!(coloured.contains("\u{1b}[32m+") && coloured.contains("\u{1b}[31m-"), "{coloured}");
    let plain = on_a_terminal(&sandbox, true, &arguments);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let mut stripped = coloured;
    for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[36m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain);
}
