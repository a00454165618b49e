//! A project and a source in folders whose names are no UTF-8 and hold a space, quotes and a line's end: all commands, a
//! kill and a resume, a rollback, the wizard. Every path that is stored, printed or handed on is bytes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, assert_same, eventually, snapshot, text, tools};
use base64::Engine as _;
use pos_upgrade_tui::core::os_text;
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::server::{self, Running};
use pos_upgrade_tui::host::session::catalog;
use serde_json::Value;

/// Names that have made programs stumble; each is tried as the folder that holds both project and source.
const NAMES: [&[u8]; 5] =
    [b"caf\xe9", b"a b'c\"d", b"\xff\xfe$HOME`id`\\", b"one\ntwo \xe9'\"\x1b[31m", "-größe;*? &|<>(){}[]#!".as_bytes()];

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

impl World {
    /// The demo without environment and server, in a folder of this name.
    fn content(name: &[u8]) -> Self {
        let mut sandbox = Sandbox::new();
        let there = sandbox.path().join(OsStr::from_bytes(name));
        let made = sandbox.content_demo();
        fs::rename(&made.dir, &there).unwrap();
        let demo = Demo {
            source: there.join("source"),
            project: there.join("project"),
            install: there.join("project/.praxis-os"),
            dir: there,
            ..made
        };
        Self { sandbox, demo }
    }

    /// All of the demo, its server running. Python itself can't make an environment in a folder whose name is no UTF-8, so
    /// that one is moved there, as a project is that gets such a parent later.
    fn whole(name: &[u8]) -> Self {
        let mut sandbox = Sandbox::new();
        let made = sandbox.demo();
        if let Running::Yes(live) = server::find(&made.install) {
            proc::stop(&live.process, Duration::from_secs(5));
        }
        let there = sandbox.path().join(OsStr::from_bytes(name));
        fs::rename(&made.dir, &there).unwrap();
        let project = there.join("project");
        let install = project.join(".praxis-os");
        sandbox.watch(&install);
        // As an editor or a person starts it.
        let mut server = Command::new(install.join("venv/bin/python"));
        server.args(["-m", "mcp_server", "--transport", "http"]).current_dir(&project).process_group(0);
        server.env("PYTHONPATH", &install).env("PROJECT_ROOT", &project);
        let log = fs::File::create(install.join(".cache/mcp_server.log")).unwrap();
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = server.spawn().unwrap();
        std::thread::spawn(move || child.wait());
        eventually("the server runs there", || matches!(server::find(&install), Running::Yes(_)));
        let demo = Demo { source: there.join("source"), project, install, dir: there, ..made };
        Self { sandbox, demo }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.demo.project).output().unwrap()
    }

    fn with_source(&self, arguments: &[&str]) -> Output {
        let mut command = self.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.demo.project).arg("--source").arg(&self.demo.source);
        command.output().unwrap()
    }

    /// What a command says in JSON, its last line; asserts the exit code.
    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let (ended, said) = text(&output);
        assert_eq!(ended, code, "{arguments:?}: {said}");
        last_line(&output)
    }
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).expect("JSON is UTF-8");
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// The path that an object names byte for byte.
fn exact(object: &Value, key: &str) -> PathBuf {
    let coded = object[format!("{key}_base64")].as_str();
    assert_eq!(coded.is_some(), object[key].as_str().unwrap().contains('\u{fffd}'), "{object}");
    os_text::exact(object[key].as_str().unwrap(), coded).into()
}

fn ok(output: &Output) -> String {
    let (code, said) = text(output);
    assert_eq!(code, 0, "{said}");
    said
}

/// A command as a person would copy it, run by a shell, with this binary in the place of its name.
fn typed(world: &World, command: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_pos-upgrade-tui");
    let line = command.replacen("pos-upgrade-tui", program, 1);
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &line]).current_dir("/").env("HOME", world.sandbox.path().join("home"));
    shell.stdin(Stdio::null()).output().unwrap()
}

fn upgrade_and_back(name: &[u8]) {
    let world = World::content(name);
    let install = &world.demo.install;
    let before = snapshot(install);
    let shown = name.escape_ascii();

    let plan = world.with_source(&["plan", "--json", "--only", "content"]);
    ok(&plan);
    let planned = last_line(&plan);
    assert_eq!(exact(&planned["source"], "path"), world.demo.source, "{shown}");
    assert_eq!(exact(&planned["install"], "path"), *install, "{shown}");
    let saved = world.sandbox.path().join("plan.json");
    fs::write(&saved, &plan.stdout).unwrap();

    // The source comes from the plan alone.
    let saved = saved.to_str().unwrap();
    let upgrade = ["upgrade", "--yes", "--json", "--on-conflict", "merge-keep", "--plan", saved];
    let output = world.run(&upgrade);
    ok(&output);
    let first: Value = serde_json::from_slice(output.stdout.split(|b| *b == b'\n').next().unwrap()).unwrap();
    assert_eq!(exact(&first, "install"), *install, "{shown}");
    let last = last_line(&output);
    assert!(exact(&last, "backup").starts_with(install), "{last}");
    assert!(exact(&last, "backup").join("MANIFEST.json").is_file(), "{last}");

    for arguments in [
        &["status"][..],
        &["history"],
        &["backups"],
        &["backups", "verify"],
        &["backups", "prune", "--yes", "--keep", "3"],
    ] {
        assert_eq!(exact(&world.json(arguments, 0), "install"), *install, "{arguments:?} {shown}");
        ok(&world.run(arguments));
    }
    ok(&world.run(&["edits", "--diff"]));
    let page = "standards/universal/ai-safety/git-safety.md";
    fs::write(install.join(page), "mine").unwrap();
    assert_eq!(world.json(&["restore", page], 0)["changed"], true);
    // As people type it: the whole path.
    fs::write(install.join(page), "mine").unwrap();
    let mut whole = world.sandbox.command();
    ok(&whole.arg("restore").arg(install.join(page)).arg("--project").arg(&world.demo.project).output().unwrap());

    let again = world.with_source(&["upgrade", "--yes", "--only", "content"]);
    ok(&again);
    let said = ok(&world.run(&["rollback", "--yes"]));
    assert_same(&before, &snapshot(install));
    assert!(!said.contains('\u{1b}'), "a name may do nothing to the terminal: {said}");
    let state = fs::read_dir(install.join(".cache/state")).unwrap().count();
    assert!(state > 0, "the state file is written");

    // What is printed to be copied does what it says.
    let put_off = world.with_source(&["upgrade", "--yes", "--json", "--only", "content", "--on-conflict", "park"]);
    if put_off.status.success() {
        let next = last_line(&put_off)["next"].as_str().unwrap_or_default().to_owned();
        assert!(next.contains("pos-upgrade-tui resolve --project"), "{next}");
        let (_, said) = text(&typed(&world, &next.replace("resolve", "status")));
        assert!(said.contains("put off"), "{next}: {said}");
    }
    println!("{shown}: planned, upgraded, listed, verified, restored, rolled back");
}

#[test]
fn every_command_on_every_odd_name() {
    NAMES.iter().for_each(|name| upgrade_and_back(name));
}

#[test]
fn a_session_on_an_odd_path_survives_a_kill() {
    for name in NAMES {
        let world = World::content(name);
        let before = snapshot(&world.demo.install);
        let kill = || {
            let mut command = world.sandbox.command();
            command.args(["upgrade", "--json", "--yes", "--only", "content", "--on-conflict", "merge-keep"]);
            command.arg("--project").arg(&world.demo.project).arg("--source").arg(&world.demo.source);
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let there = |line: &String| line.contains("task_started") && line.contains("\"apply\"");
            let reached = lines.map_while(Result::ok).any(|line| there(&line));
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(reached, "it never came to apply");
        };
        kill();
        let status = world.json(&["status"], 10);
        assert_eq!(status["state"], "unfinished", "{status}");
        let refused = world.with_source(&["upgrade", "--yes"]);
        assert_eq!(refused.status.code(), Some(7), "{}", text(&refused).1);
        ok(&world.run(&["resume"]));
        ok(&world.run(&["rollback", "--yes"]));
        assert_same(&before, &snapshot(&world.demo.install));
        kill();
        ok(&world.run(&["rollback", "--yes"]));
        assert_same(&before, &snapshot(&world.demo.install));
        println!("{}: killed, resumed, rolled back, twice", name.escape_ascii());
    }
}

/// With environment and server: the virtual environment's scripts, pip, and Python itself have a say here.
fn whole(name: &[u8]) {
    let world = World::whole(name);
    let install = &world.demo.install;
    let before = snapshot(install);
    let old_tools = tools(install).expect("the server runs before");
    ok(&world.with_source(&["upgrade", "--yes", "--on-conflict", "merge-keep"]));
    let new_tools = tools(install).expect("the server runs after");
    assert!(new_tools.contains(&"list_standards".to_owned()), "{new_tools:?}");
    for script in fs::read_dir(install.join("venv/bin")).unwrap().map(|e| e.unwrap().path()) {
        let bytes = fs::read(&script).unwrap_or_default();
        let names_venvs = bytes.windows(7).take(4096).any(|w| w == b"/venvs/");
        assert!(!(bytes.starts_with(b"#!") && names_venvs), "{script:?} names where pip worked");
    }
    ok(&world.run(&["rollback", "--yes"]));
    assert_same(&before, &snapshot(install));
    assert_eq!(tools(install), Some(old_tools));
    println!("{}: upgraded with its server and environment, rolled back", name.escape_ascii());
}

/// pip can't work in such a folder (it makes addresses of paths), Python and the server can: what needs no new packages is
/// upgraded beside the running server, all else is refused.
#[test]
fn the_whole_demo_where_a_name_is_no_utf_8() {
    let world = World::whole(b"caf\xe9 it's");
    let install = &world.demo.install;
    let before = snapshot(install);
    let old_tools = tools(install).expect("the server runs before");
    let (code, said) = text(&world.with_source(&["upgrade", "--yes", "--on-conflict", "merge-keep"]));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("pip failed"), "{said}");
    assert_same(&before, &snapshot(install));
    assert_eq!(tools(install).as_ref(), Some(&old_tools), "it was never stopped");
    let content = ["upgrade", "--yes", "--on-conflict", "merge-keep", "--only", "content"];
    ok(&world.with_source(&content));
    assert_eq!(tools(install).as_ref(), Some(&old_tools));
    ok(&world.run(&["rollback", "--yes"]));
    assert_same(&before, &snapshot(install));
}

#[test]
fn the_whole_demo_where_a_name_has_a_line_in_it() {
    whole(b"one\ntwo \"x");
}

#[test]
fn the_wizard_starts_on_an_odd_path() {
    for name in NAMES {
        let world = World::content(name);
        fs::write(world.demo.install.join("upgrade.json"), "{\"source_path\": \"../source\"}").unwrap();
        let home = world.sandbox.path().join("home");
        let mut wizard = Terminal::within(&world.demo.project, &home, &[]);
        // Whose word the source is, is shown first.
        wizard.see(&["Named by the project's own upgrade.json"]);
        wizard.press("\r");
        wizard.see(&["preview", "Enter start"]);
        wizard.press("\r");
        wizard.see(&["conflict 1 of 3"]);
        wizard.press("k");
        wizard.see(&["Enter accepts"]);
        wizard.press("q");
        wizard.end();
        assert_eq!(world.json(&["status"], 10)["state"], "unfinished");
        // The source that was planned from is noted, byte for byte.
        assert_eq!(catalog::survey(&world.demo.install).sessions[0].source(), world.demo.source);
        let mut wizard = Terminal::within(&world.demo.project, &home, &[]);
        wizard.see(&["An upgrade was paused", "r  resume", "R  roll back"]);
        wizard.press("q");
        wizard.end();
        println!("{}: begun, left, found again", name.escape_ascii());
    }
}

/// What a release or a user names so, inside of the install.
#[test]
fn coded_names_in_json_are_the_bytes() {
    let name = OsString::from("caf\u{e9}");
    assert_eq!(os_text::encode(&name), "café");
    let coded = os_text::encode(OsStr::from_bytes(b"caf\xe9"));
    let bytes = base64::engine::general_purpose::STANDARD.decode(coded.strip_prefix("base64:").unwrap()).unwrap();
    assert_eq!(bytes, b"caf\xe9");
}
