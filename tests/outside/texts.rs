//! Terminal escapes, line ends and characters that hide, in every text from outside, through every command: none of it
//! reaches the terminal or a report as it is, and nothing begins a line of its own.

use crate::common::forge;
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pos_upgrade_tui::host::demo;
use serde_json::{Value, json};

use crate::common::{Sandbox, git};
use crate::outside::passes_over;

/// What a terminal would act on, and what would pass for a line of ours.
const NASTY: &str = "x\u{1b}]0;t\u{7}\u{1b}[31m\u{9b}2J\u{202e}\u{2066}\u{200d}\u{7f}\u{85}\u{2028}\r\nFAKE-LINE y";
/// How its beginning is shown, in text and in JSON.
const SHOWN: [&str; 2] = ["\\u{1b}]0;t", "\\u001b]0;t"];
/// A name that leads nowhere.
const FILE: &str = "standards/universal/architecture/error-handling.md";

/// Whether a character may not stand in what people read. On purpose not the list of the program itself.
fn is_bad(c: char) -> bool {
    let hides = matches!(c as u32,
        0x80..=0x9f | 0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe0000..=0xe007f);
    hides || (c.is_ascii_control() && c != '\n' && c != '\t')
}

/// What is wrong with bytes that people see.
fn wrong(bytes: &[u8], may_have_lines: bool) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some("it is not UTF-8".into()) };
    if let Some(c) = text.chars().find(|c| is_bad(*c)) {
        let line = text.lines().find(|l| l.contains(c)).unwrap_or_default();
        return Some(format!("{c:?} stands in {line:?}"));
    }
    let fake = text.lines().any(|l| l.trim_start().starts_with("FAKE-LINE"));
    (fake && !may_have_lines).then(|| format!("a line was made up:\n{text}"))
}

struct World {
    sandbox: Sandbox,
    template: PathBuf,
    number: Cell<u32>,
}

struct Case<'w> {
    world: &'w World,
    project: PathBuf,
    source: PathBuf,
    /// Programs that are found before others.
    bin: PathBuf,
    /// The text may have several lines, as a program's last words have.
    lines: bool,
    /// More to be run.
    more: Vec<Vec<String>>,
    /// Only these are run.
    only: bool,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let template = sandbox.path().join("template");
        let (source, project) = (template.join("source"), template.join("project"));
        fs::create_dir_all(&project).unwrap();
        let commits = demo::prepare_source(&source).unwrap();
        let install = project.join(".praxis-os");
        demo::install_release(&source, &commits[0], &install).unwrap();
        demo::add_user_edits(&install).unwrap();
        git(&project, &["init", "--quiet", "--template="]);
        let world = Self { sandbox, template, number: Cell::new(0) };
        let mut command = world.sandbox.command();
        command.args(["upgrade", "--yes", "--on-conflict", "park", "--only", "content", "--to", "HEAD~1"]);
        let done = command.arg("--project").arg(&project).arg("--source").arg(&source).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
        world
    }

    fn case(&self) -> Case<'_> {
        self.number.set(self.number.get() + 1);
        let root = self.sandbox.path().join(format!("case-{}", self.number.get()));
        assert!(Command::new("cp").arg("-a").arg(&self.template).arg(&root).status().unwrap().success());
        let bin = root.join("bin");
        fs::create_dir(&bin).unwrap();
        let (project, source) = (root.join("project"), root.join("source"));
        Case { world: self, project, source, bin, lines: false, more: Vec::new(), only: false }
    }
}

impl Case<'_> {
    fn install(&self) -> PathBuf {
        self.project.join(".praxis-os")
    }

    fn run(&self, words: &[String]) -> Output {
        let mut command = self.world.sandbox.command();
        let path = std::env::var("PATH").unwrap();
        command.args(words).env("PATH", format!("{}:{path}", self.bin.display()));
        if !words.iter().any(|w| w == "--project") {
            command.arg("--project").arg(&self.project);
        }
        command.output().unwrap()
    }

    fn commit(&self) {
        git(&self.source, &["add", "--all", "--force"]);
        git(&self.source, &["commit", "--quiet", "--allow-empty", "-m", NASTY]);
    }

    /// A program that is found instead of another one.
    fn program(&self, name: &str, script: &str) {
        let path = self.bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn sessions(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.install().join(".upgrade")).unwrap().map(|e| e.unwrap().path());
        folders.filter(|f| f.join("session.json").is_file()).collect()
    }

    /// Changes the last session in both of its generations, checksums in order.
    fn session(&self, how: impl Fn(&mut Value)) {
        for folder in self.sessions() {
            forge::approved_session(&self.world.sandbox.path().join("home"), &folder, &how);
        }
    }

    fn backup(&self) -> PathBuf {
        let all = fs::read_dir(self.install().join(".backups")).unwrap().map(|e| e.unwrap().path());
        all.filter(|p| p.is_dir()).max().unwrap()
    }

    fn json(path: &Path, how: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        how(&mut value);
        fs::write(path, value.to_string()).unwrap();
    }
}

/// Every command, the reading ones as text and as data.
fn commands(source: &Path) -> Vec<Vec<String>> {
    let source = source.to_str().unwrap();
    let words = |line: &str| line.split(' ').map(|w| w.replace("SOURCE", source)).collect::<Vec<_>>();
    let mut all: Vec<Vec<String>> = Vec::new();
    for line in [
        "plan --source SOURCE",
        "edits --source SOURCE",
        "status",
        "history",
        "backups",
        "backups verify",
        "backups prune --keep 9 --yes",
        "workflow 2",
        "workflow",
        "resolve",
        "resume",
        "config show",
        "doctor",
        "history --stats",
        "mcp --print-config",
    ] {
        all.push(words(line));
        all.push(words(&format!("{line} --json")));
    }
    for line in [
        "plan --source SOURCE --diff",
        "edits --source SOURCE --diff",
        "unlock 0",
        "upgrade --source SOURCE --on-conflict fail --only content --yes",
        "upgrade --source SOURCE --dry-run",
        "upgrade --source SOURCE --on-conflict merge-keep --yes --git-commit",
        "status",
        "upgrade --source SOURCE --on-conflict take --yes --json --ask-again",
        "rollback --yes",
        "restore standards/universal/architecture/error-handling.md",
        "restore standards/universal/nothing.md --json",
        "history",
        "rollback --yes --json",
        "completions bash",
    ] {
        all.push(words(line));
    }
    all
}

type SetUp = fn(&mut Case<'_>);

fn arguments(case: &mut Case<'_>) {
    let nasty = |words: &[&str]| words.iter().map(|w| w.replace("NASTY", NASTY)).collect::<Vec<_>>();
    for words in [
        &["rollback", "NASTY"][..],
        &["resume", "NASTY"],
        &["restore", "NASTY"],
        &["restore", FILE, "--from", "NASTY"],
        &["restore", "../NASTY"],
        &["unlock", "NASTY"],
        &["workflow", "NASTY"],
        &["completions", "NASTY"],
        &["man", "/proc/NASTY"],
        &["backups", "verify", "NASTY"],
        &["backups", "NASTY"],
        &["NASTY"],
        &["--NASTY"],
        &["plan", "--source", "NASTY"],
        &["plan", "--only", "NASTY", "--source", "x"],
        &["plan", "--project", "NASTY"],
        &["status", "--project", "NASTY"],
        &["upgrade", "--yes", "--source", "x", "--plan", "NASTY"],
        &["upgrade", "--yes", "--source", "x", "--on-conflict", "NASTY"],
        &["--keep-backups", "NASTY"],
        &["--source", "NASTY", "status"],
        &["--source=NASTY", "plan"],
        &["demo", "/proc/NASTY", "--headless"],
        &["edits", "--source", "NASTY"],
        &["outside", "--source", "NASTY"],
        &["config", "set", "NASTY", "1"],
        &["config", "set", "keep_backups", "NASTY"],
        &["config", "unset", "NASTY"],
        &["schema", "NASTY"],
        &["upgrade", "--yes", "--source", "x", "--answers", "NASTY"],
        &["resume", "--answers", "NASTY"],
        &["mcp", "--project", "NASTY"],
    ] {
        case.more.push(nasty(words));
        case.more.push([nasty(&["--json"]), nasty(words)].concat());
    }
    let source = case.source.to_str().unwrap();
    case.more.push(["plan", "--source", source, "--to", NASTY].map(str::to_owned).to_vec());
    case.only = true;
}

/// Each text from outside, and how it gets there.
const TEXTS: &[(&str, SetUp)] = &[
    ("the project's folder", |c| {
        let to = c.project.with_file_name(format!("pro{NASTY}"));
        fs::rename(&c.project, &to).unwrap();
        c.project = to;
    }),
    ("the source's folder", |c| {
        let to = c.source.with_file_name(format!("sou{NASTY}"));
        fs::rename(&c.source, &to).unwrap();
        c.source = to;
    }),
    ("a file's name in the release", |c| {
        fs::write(c.source.join("universal/standards").join(NASTY), "new\n").unwrap();
        c.commit();
    }),
    ("a name in conflict", |c| {
        fs::write(c.source.join("universal/standards").join(NASTY), "theirs\n").unwrap();
        fs::write(c.install().join("standards/universal").join(NASTY), "mine\n").unwrap();
        c.commit();
    }),
    ("a file's text", |c| {
        fs::write(c.install().join(FILE), format!("{NASTY}\n")).unwrap();
        fs::write(c.source.join("universal/standards/new.md"), format!("{NASTY}\n")).unwrap();
        c.commit();
    }),
    ("the release's version", |c| {
        let escaped = NASTY.chars().map(|c| format!("\\U{:08x}", c as u32)).collect::<String>();
        fs::write(c.source.join("pyproject.toml"), format!("[project]\nversion = \"1{escaped}\"\n")).unwrap();
        c.commit();
    }),
    ("a key of upgrade.json", |c| fs::write(c.install().join("upgrade.json"), json!({NASTY: 1}).to_string()).unwrap()),
    ("a value of upgrade.json", |c| {
        fs::write(c.install().join("upgrade.json"), json!({"theme": NASTY}).to_string()).unwrap();
    }),
    ("no JSON in upgrade.json", |c| fs::write(c.install().join("upgrade.json"), format!("{{{NASTY}")).unwrap()),
    ("a glob of upgrade.json", |c| {
        fs::write(c.install().join("upgrade.json"), json!({"always_keep": [format!("[{NASTY}")]}).to_string()).unwrap();
    }),
    ("a rule of upgrade.json", |c| {
        let rule = json!({"always_keep": ["**"], "always_take": [NASTY]});
        fs::write(c.install().join("upgrade.json"), rule.to_string()).unwrap();
        fs::write(c.source.join("universal/standards").join(NASTY), "theirs\n").unwrap();
        c.commit();
    }),
    ("the source in upgrade.json", |c| {
        fs::write(c.install().join("upgrade.json"), json!({"source_path": NASTY}).to_string()).unwrap();
        c.more = vec![vec!["plan".into()], vec!["upgrade".into(), "--yes".into()]];
        c.only = true;
    }),
    ("a test command and its words", |c| {
        let script = "printf '%s' \"$0\"; printf '%s\\n' \"$0\" >&2; exit 3";
        let command = json!({"test_command": ["sh", "-c", script, NASTY]});
        fs::write(c.install().join("upgrade.json"), command.to_string()).unwrap();
        c.lines = true;
    }),
    ("a test command that isn't there", |c| {
        fs::write(c.install().join("upgrade.json"), json!({"test_command": [NASTY]}).to_string()).unwrap();
    }),
    ("a session's texts", |c| {
        c.session(|s| {
            s["state"]["reason"] = NASTY.into();
            s["plan"]["source"]["version"] = NASTY.into();
        });
        c.lines = true;
    }),
    ("a session's commit and release", |c| {
        c.session(|s| {
            s["plan"]["install"]["release"] = NASTY.into();
            s["plan"]["source"]["commit"] = NASTY.into();
        });
    }),
    ("a session's names", |c| {
        c.session(|s| {
            s["backup"] = NASTY.into();
            s["stamp"] = NASTY.into();
        });
    }),
    ("a session's time", |c| c.session(|s| s["created_at"] = NASTY.into())),
    ("the baseline's release", |c| {
        Case::json(&c.install().join(".upgrade-baseline.json"), |b| b["release"] = NASTY.into());
    }),
    ("a damaged baseline", |c| fs::write(c.install().join(".upgrade-baseline.json"), NASTY).unwrap()),
    ("the lock's note", |c| {
        let note = json!({"session_id": NASTY, "started_at": NASTY, "pid": 1, "pid_started": 1, "boot_id": "b",
                          "host": NASTY, "children": []});
        fs::write(c.install().join(".upgrade-lock"), note.to_string()).unwrap();
        c.more.push(vec!["unlock".into(), NASTY.into(), "--yes".into()]);
    }),
    ("a backup's manifest", |c| {
        let (manifest, sum) = (c.backup().join("MANIFEST.json"), c.backup().join("MANIFEST.sha256"));
        let _ = fs::remove_file(sum);
        Case::json(&manifest, |m| {
            m["session_id"] = NASTY.into();
            let entry = m["entries"].as_object().unwrap().values().next().unwrap().clone();
            m["entries"].as_object_mut().unwrap().insert(format!("standards/{NASTY}"), entry);
        });
    }),
    ("a file more in a backup", |c| fs::write(c.backup().join("files/standards").join(NASTY), "x").unwrap()),
    ("a backup's name", |c| fs::create_dir(c.install().join(".backups").join(NASTY)).unwrap()),
    ("a session's folder", |c| {
        let folder = c.install().join(".upgrade").join(NASTY);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("session.json"), NASTY).unwrap();
    }),
    ("a saved plan", |c| {
        let source = c.source.to_str().unwrap().to_owned();
        let plan = c.run(&["plan".into(), "--json".into(), "--source".into(), source]);
        let mut plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
        for (name, pointer) in [("a", "/install/path"), ("b", "/source/commit"), ("c", "/source/path")] {
            let mut odd = plan.clone();
            *odd.pointer_mut(pointer).unwrap() = NASTY.into();
            let path = c.bin.join(name);
            fs::write(&path, odd.to_string()).unwrap();
            let words = ["upgrade", "--yes", "--on-conflict", "keep", "--plan", path.to_str().unwrap()];
            c.more.push(words.map(str::to_owned).to_vec());
        }
        let more = plan["files"][0].clone();
        plan["files"].as_array_mut().unwrap().push(more);
        plan["files"][0]["path"] = NASTY.into();
        fs::write(c.bin.join("d"), plan.to_string()).unwrap();
        fs::write(c.bin.join("e"), format!("{{\"schema\": \"{NASTY}")).unwrap();
        for name in ["d", "e"] {
            let path = c.bin.join(name).to_str().unwrap().to_owned();
            let words = ["upgrade", "--yes", "--on-conflict", "keep", "--plan"].map(str::to_owned);
            c.more.push(words.into_iter().chain([path]).collect());
        }
        c.only = true;
    }),
    ("git's words", |c| {
        c.program("git", &format!("printf 'fatal: %s\\n' '{NASTY}' >&2; printf '%s' '{NASTY}'; exit 128"));
    }),
    ("git's answers", |c| c.program("git", &format!("printf '%s\\n' '{NASTY}'"))),
    ("a branch's name", |c| {
        // Git takes no controls there, but what turns the direction of writing.
        git(&c.source, &["checkout", "--quiet", "-b", "br\u{202e}anch\u{200d}"]);
        let source = c.source.to_str().unwrap().to_owned();
        c.more.push(vec!["plan".into(), "--source".into(), source, "--to".into(), "br\u{202e}anch\u{200d}x".into()]);
    }),
    ("uncommitted files of the source", |c| fs::write(c.source.join(NASTY), "x").unwrap()),
    ("the environment's python", |c| {
        let bin = c.install().join("venv/bin");
        fs::create_dir_all(&bin).unwrap();
        let script =
            format!("#!/bin/sh\nprintf '%s\\n' '{NASTY}' >&2\nprintf '%s' '{NASTY}' | tr '\\n' ' ' >&2\nexit 1\n");
        fs::write(bin.join("python"), script).unwrap();
        fs::set_permissions(bin.join("python"), fs::Permissions::from_mode(0o755)).unwrap();
        let source = c.source.to_str().unwrap().to_owned();
        c.more.push(vec!["upgrade".into(), "--yes".into(), "--source".into(), source]);
    }),
    ("lines to be ignored by git", |c| {
        let list = c.source.join("universal/standards/installation/gitignore-requirements.md");
        fs::create_dir_all(list.parent().unwrap()).unwrap();
        let odd = NASTY.replace('\n', " ");
        fs::write(list, format!("```gitignore\n.praxis-os/{odd}/\n.praxis-os/fine/\n```\n")).unwrap();
        c.commit();
    }),
    ("arguments", arguments),
    ("a file of answers", |c| {
        let ids = json!({"base": null, "mine": null, "theirs": null});
        let answers = [
            ("a", json!({"schema": 1, "answers": {NASTY: {"ids": ids, "answer": "keep"}}})),
            ("b", json!({"schema": 1, "answers": {FILE: {"ids": ids, "answer": NASTY}}})),
            ("c", json!({"schema": 1, "answers": {FILE: {"ids": {"base": NASTY}, "answer": "keep"}}})),
            ("d", json!({"schema": 1, NASTY: {}})),
        ];
        let source = c.source.to_str().unwrap().to_owned();
        for (name, text) in answers {
            let path = c.bin.join(name);
            fs::write(&path, text.to_string()).unwrap();
            let words =
                ["upgrade", "--yes", "--source", &source, "--answers", path.to_str().unwrap()].map(str::to_owned);
            c.more.push(words.to_vec());
            c.more.push(words.into_iter().chain(["--json".to_owned()]).collect());
        }
        c.only = true;
    }),
];

#[test]
fn no_text_from_outside_reaches_a_terminal_as_it_is() {
    let world = World::new();
    let (mut pairs, mut shown_pairs, mut wrongs) = (0, 0, Vec::new());
    let mut unseen = Vec::new();
    for (_, (name, set_up)) in TEXTS.iter().enumerate().filter(|(n, _)| !passes_over(*n)) {
        let mut case = world.case();
        set_up(&mut case);
        let mut all = case.more.clone();
        if !case.only {
            all.extend(commands(&case.source));
        }
        let mut shown = 0;
        for words in &all {
            pairs += 1;
            let output = case.run(words);
            let code = output.status.code();
            if !matches!(code, Some(0 | 2..=7 | 10)) {
                wrongs.push(format!("{name}, {words:?}: {code:?}: {}", String::from_utf8_lossy(&output.stderr)));
            }
            for stream in [&output.stdout, &output.stderr] {
                if let Some(what) = wrong(stream, case.lines) {
                    wrongs.push(format!("{name}, {words:?}: {what}"));
                }
            }
            // A rollback takes most of them back.
            let reports =
                if words.iter().any(|w| w == "upgrade") { reports(&case.install(), &case.project) } else { Vec::new() };
            for report in reports {
                if let Some(what) = wrong(&fs::read(&report).unwrap(), case.lines) {
                    wrongs.push(format!("{name}, {words:?}, {}: {what}", report.display()));
                }
            }
            let both = [&output.stdout[..], &output.stderr].concat();
            let both = String::from_utf8_lossy(&both);
            shown += u32::from(SHOWN.iter().any(|s| both.contains(s)) || both.contains("\\u{202e}"));
            if words.iter().any(|w| w == "--json")
                && words.iter().all(|w| w != "completions" && w != "man")
                && code != Some(2)
            {
                for line in output.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
                    if serde_json::from_slice::<Value>(line).is_err() {
                        wrongs.push(format!("{name}, {words:?}: no JSON: {}", String::from_utf8_lossy(line)));
                    }
                }
            }
        }
        println!("{name}: {} commands, {shown} show it, {} wrong so far", all.len(), wrongs.len());
        if shown == 0 {
            unseen.push(*name);
        }
        shown_pairs += shown;
    }
    println!("of {} texts: {pairs} pairs of text and command, {shown_pairs} show the text", TEXTS.len());
    println!("shown by none: {unseen:?}");
    assert!(wrongs.is_empty(), "{} wrong:\n{}", wrongs.len(), wrongs.join("\n---\n"));
    // A part of them may be of those that few commands show.
    assert!(shown_pairs * 20 > pairs, "the texts get nowhere: {shown_pairs} of {pairs}");
    assert!(unseen.len() <= 9, "the texts get nowhere: {unseen:?}");
}

/// What an upgrade leaves for people to read.
fn reports(install: &Path, project: &Path) -> Vec<PathBuf> {
    let mut all = vec![install.join("UPDATE_LOG.txt"), install.join("VERSION.txt"), project.join(".gitignore")];
    all.push(install.join("INSTALLATION_SUMMARY.md"));
    let cache = fs::read_dir(install.join(".cache")).into_iter().flatten().flatten().map(|e| e.path());
    all.extend(cache.filter(|p| p.is_file()));
    all.retain(|p| p.is_file());
    assert!(!all.is_empty(), "{}", install.display());
    all
}

/// A check that can't fail is none.
#[test]
fn what_is_wrong_is_seen() {
    for bad in ["a\u{1b}[m", "a\r\n", "\u{202e}", "\u{9b}", "\u{7f}", "x\n  FAKE-LINE"] {
        assert!(wrong(bad.as_bytes(), false).is_some(), "{bad:?}");
    }
    assert!(wrong(b"\xff", false).is_some());
    assert!(wrong("größe\t日本\n".as_bytes(), false).is_none());
}

/// The server's own words: an error of the protocol, what a tool says, lines of its log.
#[test]
fn what_a_server_says() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let (project, source) = (demo.project.to_str().unwrap().to_owned(), demo.source.to_str().unwrap().to_owned());
    let escaped = NASTY.chars().map(|c| format!("\\u{:04x}", c as u32)).collect::<String>();
    let transport = demo.source.join("mcp_server/http_transport.py");
    let old = fs::read_to_string(&transport).unwrap();
    let answer = "answer = self.server.mcp.handle_text(text)\n";
    assert!(old.contains(answer));
    let patches = [
        (
            "an error of the protocol",
            format!(
                "if '\"tools/list\"' in text: answer = error_answer(json.loads(text)['id'], -32000, \"{escaped}\")\n"
            ),
        ),
        (
            "names of tools",
            format!(
                "if '\"tools/list\"' in text: answer['result']['tools'].append(dict(answer['result']['tools'].pop(), name=\"{escaped}\"))\n"
            ),
        ),
        (
            "a tool that fails",
            format!(
                "if '\"tools/call\"' in text: answer['result'] = dict(isError=True, content=[dict(type='text', text=\"{escaped}\")])\n"
            ),
        ),
        (
            "lines of its log",
            format!("sys.stderr.write(\"{escaped}\\n2026 ERROR mcp_server: {escaped}\\n\"); sys.stderr.flush()\n"),
        ),
    ];
    let mut pairs = 0;
    for (name, patch) in patches {
        fs::write(&transport, old.replace(answer, &format!("{answer}        {patch}"))).unwrap();
        git(&demo.source, &["add", "--all"]);
        git(&demo.source, &["commit", "--quiet", "-m", NASTY]);
        let mut seen = 0;
        for words in [
            vec!["upgrade", "--yes", "--on-conflict", "merge-keep", "--source", &source],
            vec!["status"],
            vec!["history"],
            vec!["upgrade", "--yes", "--on-conflict", "merge-keep", "--source", &source, "--json", "--no-rehearsal"],
            vec!["status", "--json"],
        ] {
            pairs += 1;
            let output = sandbox.command().args(&words).arg("--project").arg(&project).output().unwrap();
            for stream in [&output.stdout, &output.stderr] {
                assert_eq!(wrong(stream, true), None, "{name}, {words:?}");
            }
            let both = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
            if words[0] == "upgrade" {
                // Found out before anything changes, or afterwards.
                let expected = if words.contains(&"--no-rehearsal") { 5 } else { 4 };
                assert_eq!(output.status.code(), Some(expected), "{name}: {both}");
            }
            seen += u32::from(SHOWN.iter().any(|s| both.contains(s)));
        }
        println!("{name}: shown by {seen} of 5 commands");
        // Of the tools those are named that are missing.
        assert!(seen >= 2 || name == "names of tools", "{name}: shown by {seen}");
        // The server's own log is its own: it is read with care, and never written by this program.
        let ours = reports(&demo.install, &demo.project).into_iter().filter(|r| !r.ends_with("mcp_server.log"));
        for report in ours {
            assert_eq!(wrong(&fs::read(&report).unwrap(), true), None, "{name}, {}", report.display());
        }
    }
    println!("{pairs} pairs of a server's words and a command");
}
