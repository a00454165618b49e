//! What a person reads before saying yes, and what they have customised: `plan --diff` and `edits`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Sandbox, assert_same, git, snapshot, text};
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
        } else if git(install, &["hash-object", "--no-filters", here.to_str().unwrap()]) != file.blob.to_string() {
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
            .args(["cat-file", "blob", &file.theirs.as_ref().unwrap().to_string()])
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

/// A small source with two releases, and an install of the first one; `user` edits it.
struct Two {
    sandbox: Sandbox,
    project: std::path::PathBuf,
    source: std::path::PathBuf,
}

/// Path in the source, text in the first release, text in the second, each with whether it is executable.
type Versions<'a> = (&'a str, Option<(&'a str, bool)>, Option<(&'a str, bool)>);

impl Two {
    fn new(files: &[Versions<'_>]) -> Self {
        let sandbox = Sandbox::new();
        let (source, project) = (sandbox.path().join("source"), sandbox.path().join("project"));
        fs::create_dir_all(source.join("mcp_server")).unwrap();
        put(&source.join("mcp_server/__init__.py"), Some(("", false)));
        put(&source.join("universal/standards/README.md"), Some(("", false)));
        git(&source, &["init", "--quiet"]);
        let two = Self { sandbox, project, source };
        for first in [true, false] {
            for (path, before, after) in files {
                put(&two.source.join(path), if first { *before } else { *after });
            }
            git(&two.source, &["add", "--all"]);
            git(&two.source, &["commit", "--quiet", "-m", "release"]);
        }
        for (path, before, _) in files {
            put(&two.at(path), *before);
        }
        put(&two.at("mcp_server/__init__.py"), Some(("", false)));
        put(&two.at("universal/standards/README.md"), Some(("", false)));
        two
    }

    /// Where a path of the source stands in the install.
    fn at(&self, path: &str) -> std::path::PathBuf {
        let path = path.replace("universal/standards/", "standards/universal/");
        self.project.join(".praxis-os").join(path)
    }

    fn plan(&self) -> String {
        let before = snapshot(&self.project);
        let (project, source) = (self.project.to_str().unwrap(), self.source.to_str().unwrap());
        let (code, said) = text(&self.sandbox.run(&["plan", "--diff", "--project", project, "--source", source]));
        assert_eq!(code, 0, "{said}");
        assert_same(&before, &snapshot(&self.project));
        said
    }
}

fn put(path: &Path, file: Option<(&str, bool)>) {
    use std::os::unix::fs::PermissionsExt as _;
    let Some((text, executable)) = file else { return drop(fs::remove_file(path)) };
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 })).unwrap();
}

const LINES: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

/// The source's change, and its hunk.
const SOURCE: (&str, &str) = ("two", "@@ -1,5 +1,5 @@\n one\n-two\n+TWO\n three\n four\n five\n");

fn changed() -> String {
    LINES.replace(SOURCE.0, "TWO")
}

#[test]
fn a_changed_mode_is_said_as_git_says_it() {
    let text = changed();
    let two = Two::new(&[
        ("scripts/both.py", Some((LINES, false)), Some((&text, true))),
        ("scripts/conflict.py", Some((LINES, false)), Some((&text, true))),
        ("scripts/edited.py", Some((LINES, false)), Some((&text, true))),
        ("scripts/mode.py", Some((LINES, true)), Some((LINES, false))),
        ("scripts/new.py", None, Some(("new\n", true))),
        ("scripts/plain.py", None, Some(("new\n", false))),
        ("scripts/removed.py", Some(("a\nb\n", true)), None),
    ]);
    put(&two.at("scripts/edited.py"), Some((&LINES.replace("nine", "mine"), false)));
    put(&two.at("scripts/conflict.py"), Some((&LINES.replace("two", "mine"), false)));
    let said = two.plan();
    let on = "old mode 100644\nnew mode 100755\n--- yours\n+++ after the upgrade\n".to_owned() + SOURCE.1;
    for (path, words) in [
        ("both.py", on.as_str()),
        ("edited.py", &on),
        ("mode.py", "old mode 100755\nnew mode 100644\n  its text stays as it is\n"),
        ("new.py", "new file mode 100755\n+new\n"),
        ("plain.py", "new in the source\n+new\n"),
        ("removed.py", "deleted file mode 100755\n  all of it goes (2 lines); the backup keeps it\n"),
        ("conflict.py", "its mode is 100644; taken or merged it becomes 100755\n--- base\n+++ you\n"),
    ] {
        let part = said.split("\n\n").find(|part| part.contains(&format!("scripts/{path}\n"))).expect(path);
        // `split` took the last line's end.
        assert!(format!("{part}\n").contains(words), "{path}: {words}\nin\n{said}");
    }
}

#[test]
fn other_line_ends_are_said_once_and_not_shown_line_by_line() {
    let (text, crlf) = (changed(), |text: &str| text.replace('\n', "\r\n"));
    let file = |name| (name, Some((LINES, false)), Some((text.as_str(), false)));
    let two = Two::new(&[
        file("universal/standards/asked.md"),
        file("universal/standards/merged.md"),
        file("universal/standards/pristine.md"),
    ]);
    put(&two.at("universal/standards/asked.md"), Some((&crlf(&LINES.replace("two", "mine")), false)));
    put(&two.at("universal/standards/merged.md"), Some((&crlf(&LINES.replace("nine", "mine")), false)));
    put(&two.at("universal/standards/pristine.md"), Some((&crlf(LINES), false)));
    let said = two.plan();
    for words in ["\nconflict 1\n", "\nauto_merge 1\n", "\nupdate 1\n"] {
        assert!(said.contains(words), "{words} in\n{said}");
    }
    assert!(!said.contains("\\r"), "{said}");
    let hunk = "your lines end in CRLF, the source's in LF: a merge keeps yours, it is not shown below\n\
                --- base\n+++ you\n@@ -1,5 +1,5 @@\n one\n-two\n+mine\n three\n four\n five\n\
                --- base\n+++ the source\n"
        .to_owned();
    assert!(said.contains(&(hunk + SOURCE.1)), "{said}");
    let merged = "none overlap\n--- yours\n+++ after the upgrade\n".to_owned() + SOURCE.1;
    assert!(said.contains(&merged), "{said}");
    let updated = "its line ends become LF\n--- yours\n+++ after the upgrade\n".to_owned() + SOURCE.1;
    assert!(said.contains(&updated), "{said}");
}

#[test]
fn moved_files_show_what_changes_on_the_way() {
    let (text, edited) = (changed(), LINES.replace("nine", "mine"));
    let other = "a file that nobody touches\nit only moves\n";
    let two = Two::new(&[
        ("universal/standards/a.md", Some((LINES, false)), None),
        ("universal/standards/new/a.md", None, Some((&text, false))),
        ("universal/standards/b.md", Some((other, false)), None),
        ("universal/standards/new/b.md", None, Some((other, false))),
    ]);
    put(&two.at("universal/standards/a.md"), Some((&edited, false)));
    let said = two.plan();
    let head = "standards/universal/a.md -> standards/universal/new/a.md\n  you edited this since ";
    let merged = "none overlap\n--- yours\n+++ after the upgrade\n".to_owned() + SOURCE.1;
    assert!(said.contains(head) && said.contains(&merged), "{said}");
    let moved = "source moved it\n  it moves; its text stays as it is\n";
    assert!(
        said.contains("standards/universal/b.md -> standards/universal/new/b.md\n") && said.contains(moved),
        "{said}"
    );
}
