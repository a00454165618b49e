//! A forged one of each file that is read back and that says which process, which program or which source: no innocent
//! process is signalled, nothing that it names is run, and nothing around the install changes.

use crate::common::{Sandbox, forge, text};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pos_upgrade_tui::host::process::{children, proc};
use serde_json::{Value, json};

use crate::escape::world::{Case, World, pipe, replace};

/// Processes of the user's that nobody may end: by itself, in a group that it leads, and with a mark that is made up.
struct Innocents(Vec<Child>);

impl Innocents {
    fn new() -> Self {
        let sleep = |change: fn(&mut Command) -> &mut Command| {
            let mut command = Command::new("sleep");
            change(command.arg("600").stdin(Stdio::null()));
            command.spawn().unwrap()
        };
        let all = vec![
            sleep(|c| c),
            sleep(|c| c.process_group(0)),
            sleep(|c| c.env(children::MARK, format!("{}.{}", "a".repeat(64), "b".repeat(64)))),
            sleep(|c| c.env(children::MARK, "a".repeat(64))),
        ];
        for child in &all {
            while proc::look(child.id()).is_none_or(|p| p.command.first().map(String::as_str) != Some("sleep")) {}
        }
        Self(all)
    }

    fn notes(&self) -> Vec<Value> {
        let note = |child: &Child| json!({"pid": child.id(), "start": proc::start_ticks(child.id())});
        self.0.iter().map(note).collect()
    }

    fn all_live(&mut self) -> bool {
        self.0.iter_mut().all(|child| child.try_wait().unwrap().is_none())
    }
}

impl Drop for Innocents {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A program that leaves a mark, in the install, where anybody could have put it.
fn evil(case: &Case<'_>) -> (std::path::PathBuf, std::path::PathBuf) {
    let (program, mark) = (case.install().join("workspace/evil"), case.root.join("it-ran"));
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\nsleep 1\n", mark.display())).unwrap();
    let rights = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, rights).unwrap();
    (program, mark)
}

#[test]
fn the_locks_note() {
    let world = World::broken();
    let mut innocents = Innocents::new();
    let id = |case: &Case<'_>| case.session().file_name().unwrap().to_string_lossy().into_owned();
    let boot = proc::boot_id();
    let commands: [&[&str]; 6] = [
        &["status"],
        &["resume"],
        &["rollback", "--yes"],
        &["backups", "prune", "--keep", "1", "--yes"],
        &["restore", "scripts/check-links.py"],
        &["unlock"],
    ];
    for command in commands {
        for holder in [4_194_000u32, 0, innocents.0[0].id()] {
            let case = world.case(format!("a lock's note with innocents, held by {holder}, {command:?}"));
            let session = id(&case);
            let note = json!({
                "session_id": session, "started_at": "2020-01-01T00:00:00Z", "pid": holder, "boot_id": boot,
                "host": rustix::system::uname().nodename().to_string_lossy(),
                "pid_namespace": proc::pid_namespace(),
                "children": innocents.notes(), "marks": ["a".repeat(64), "", "..", "a"],
            });
            std::fs::write(case.install().join(".upgrade-lock"), note.to_string()).unwrap();
            let arguments = match command[0] {
                "unlock" => vec!["unlock", &session, "--yes"],
                _ => command.to_vec(),
            };
            let said = case.run(&[&arguments]).remove(0).1;
            case.expect(innocents.all_live(), &format!("an innocent process was ended\n{said}"));
            std::fs::remove_dir_all(&case.root).unwrap();
        }
    }
    world.done("locks with innocents", 18);
}

#[test]
fn the_servers_state_file() {
    let world = World::broken();
    let mut innocents = Innocents::new();
    for number in 0..innocents.0.len() {
        for command in [&["resume"][..], &["rollback", "--yes"]] {
            let case = world.case(format!("a state file with innocent {number}, {command:?}"));
            let pid = innocents.0[number].id();
            let state = json!({"pid": pid, "url": "http://198.51.100.7:80/mcp", "port": 80});
            std::fs::write(case.install().join(".mcp_server_state.json"), state.to_string()).unwrap();
            let said = case.run(&[command, &["status"]]).remove(0).1;
            case.expect(innocents.all_live(), &format!("an innocent process was ended\n{said}"));
        }
    }
    world.done("state files with innocents", 8);
}

#[test]
fn a_session_that_names_programs_and_processes() {
    let world = World::broken();
    let mut innocents = Innocents::new();
    for (number, command) in [&["resume"][..], &["rollback", "--yes"]].into_iter().enumerate() {
        for was_running in [true, false] {
            let case = world.case(format!("a session with a program of its own, {command:?}, {was_running}"));
            let (program, mark) = evil(&case);
            let program = program.to_str().unwrap();
            let pid = innocents.0[number].id();
            {
                forge::approved_session(&world.sandbox.path().join("home"), &case.session(), |session| {
                    // With it the session would come to the server and to the tests.
                    session["plan"]["only"] = Value::Null;
                    session["options"]["test_command"] = json!([program]);
                    session["options"]["test_timeout"] = 60.into();
                    session["chosen"] = json!({"test_command": "allow"});
                    session["server"] = json!({
                        "was_running": was_running, "pid": pid, "command": [program, "-m", "mcp_server"],
                        "cwd": case.install(), "env": {"LD_PRELOAD": program}, "tools": [],
                    });
                });
            }
            let said = case.run(&[command]).remove(0).1;
            case.expect(!mark.exists(), &format!("what the session names was run\n{said}"));
            case.expect(innocents.all_live(), &format!("an innocent process was ended\n{said}"));
        }
    }
    world.done("sessions with programs", 4);
}

/// A whole session, planted with every checksum in order, whose source is somebody else's: no command goes on with it before
/// the user named that source, and none takes the word from the files of the project.
#[test]
fn a_session_that_names_a_source() {
    let world = World::broken();
    let home = world.sandbox.path().join("home");
    let source = world.source.to_str().unwrap();
    let theirs = world.sandbox.path().join("theirs");
    assert!(Command::new("cp").arg("-a").arg(&world.source).arg(&theirs).status().unwrap().success());
    let theirs = theirs.to_str().unwrap();
    let named = |session: &mut Value| session["source"] = theirs.into();

    let case = world.case("one's own is gone on with");
    let (code, said) = case.run(&[&["resume"]]).remove(0);
    case.expect(code == 0, &said);

    let case = world.case("a planted source");
    forge::session(&case.session(), named);
    for arguments in [&["resume"][..], &["resume", "--yes"], &["resume", "--json"]] {
        let said = case.refused(arguments, 2, theirs);
        case.expect(said.contains(&format!("pos-upgrade-tui resume --source {theirs}")), &said);
    }
    // Another source is not the session's.
    case.refused(&["resume", "--source", source], 2, theirs);
    // Named, it is the user's word, and stays it.
    let (code, said) = case.run(&[&["resume", "--source", theirs]]).remove(0);
    case.expect(code == 0, &format!("named by the user\n{said}"));

    let case = world.case("a planted source of a session that says that it settles what was put off");
    forge::session(&case.session(), |session| {
        named(session);
        session["resolving"] = true.into();
        session["plan"]["only"] = Value::Null;
    });
    case.refused(&["resume"], 2, theirs);

    let case = world.case("a seal of another session");
    let read = |case: &Case<'_>| -> Value {
        serde_json::from_slice(&std::fs::read(case.session().join("approval.json")).unwrap()).unwrap()
    };
    let seal = read(&case)["seal"].clone();
    case.expect(seal.is_string(), "what was begun here is sealed");
    forge::session(&case.session(), named);
    let mut forged = read(&case);
    forged["seal"] = seal;
    std::fs::write(case.session().join("approval.json"), forged.to_string()).unwrap();
    case.refused(&["resume"], 2, theirs);
    // What saves the session again does not approve it.
    let (code, said) = case.run(&[&["rollback", "--yes"]]).remove(0);
    case.expect(code == 0, &format!("going back needs no word\n{said}"));
    case.expect(read(&case)["seal"] == forged["seal"], "a rollback has sealed what it was given");

    let case = world.case("a key that others can read");
    let key = home.join(".local/state/pos-upgrade-tui/mark.key");
    let rights = |mode| std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    rights(0o644);
    case.refused(&["resume"], 2, source);
    rights(0o600);
    let (code, said) = case.run(&[&["resume"]]).remove(0);
    case.expect(code == 0, &said);
    world.done("sessions with a source", 5);
}

#[test]
fn settings_of_the_project() {
    let world = World::new();
    let settings = |case: &Case<'_>, value: Value| {
        std::fs::write(case.install().join("upgrade.json"), value.to_string()).unwrap();
    };
    let whole = |more: &[&'static str]| {
        let source = world.source.to_str().unwrap();
        let mut all = vec!["upgrade", "--yes", "--on-conflict", "take", "--source", source];
        all.extend(more);
        all
    };
    let case = world.case("a test command of the project's own");
    let (program, _) = evil(&case);
    let mark = case.install().join("workspace/it-ran");
    std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
    settings(&case, json!({"test_command": [program]}));
    let (code, said) = case.run(&[&whole(&[])]).remove(0);
    case.expect(code == 0 && !mark.exists(), &format!("it ran without a word of the user's\n{said}"));
    case.expect(said.contains("--allow-test-command"), &format!("the command to type\n{said}"));
    let (code, said) = case.run(&[&["rollback", "--yes"]]).remove(0);
    case.expect(code == 0, &said);
    // Allowed once, it runs, also later; another one does not.
    for (more, runs) in [(&["--allow-test-command"][..], true), (&[], true)] {
        let (code, said) = case.run(&[&whole(more)]).remove(0);
        case.expect(code == 0 && mark.exists() == runs, &format!("{more:?}: {}\n{said}", mark.exists()));
        let _ = std::fs::remove_file(&mark);
        case.run(&[&["rollback", "--yes"]]);
    }
    settings(&case, json!({"test_command": [program, "other"]}));
    let (code, said) = case.run(&[&whole(&[])]).remove(0);
    case.expect(code == 0 && !mark.exists(), &format!("another command ran\n{said}"));

    let case = world.case("a source of the project's own");
    settings(&case, json!({"source_path": world.source}));
    let bare = ["upgrade", "--yes", "--on-conflict", "take", "--only", "content"];
    let said = case.refused(&bare, 2, world.source.to_str().unwrap());
    case.expect(said.contains("--source"), &format!("the command to type\n{said}"));
    case.expect(!case.install().join(".upgrade").join("lock").exists(), "a session was begun");
    let (code, said) = case.run(&[&case.upgrade()]).remove(0);
    case.expect(code == 0, &said);
    let (code, said) = case.run(&[&["rollback", "--yes"]]).remove(0);
    case.expect(code == 0, &said);
    let (code, said) = case.run(&[&bare]).remove(0);
    case.expect(code == 0, &format!("named once, it is the user's word\n{said}"));
    world.done("settings that run something", 2);
}

#[test]
fn settings_of_an_editor() {
    let world = World::new();
    for place in [".cursor/mcp.json", ".mcp.json", ".vscode/mcp.json"] {
        let case = world.case(format!("{place} starts something else"));
        let (program, mark) = evil(&case);
        let path = case.project().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let server = json!({"command": program, "args": ["-m", "mcp_server"], "env": {"PYTHONSTARTUP": program}});
        let text = json!({"mcpServers": {"praxis-os": server}, "servers": {"praxis-os": server}}).to_string();
        std::fs::write(path, text).unwrap();
        let source = world.source.to_str().unwrap();
        let whole = ["upgrade", "--yes", "--on-conflict", "take", "--source", source];
        let said = case.run(&[&["plan", "--source", source], &whole, &["rollback", "--yes"]]);
        case.expect(!mark.exists(), &format!("it was run\n{said:?}"));
    }
    world.done("editors' settings", 3);
}

/// All else that is read back, by what may stand there instead.
#[test]
fn what_else_is_read_back() {
    let world = World::broken();
    let mut innocents = Innocents::new();
    let evil = json!({
        "schema": 1, "pid": innocents.0[0].id(), "path": "../../outside/victim", "sources": ["/dev/zero", "../outside"],
        "allowed": [{"project": "/", "wish": {"test_command": ["sh"]}}], "url": "http://198.51.100.7/mcp",
    });
    let bytes: [(&str, Vec<u8>); 4] = [
        ("nothing", Vec::new()),
        ("deep", b"[".repeat(100_000)),
        ("no text", vec![0xff; 300_000]),
        ("names", evil.to_string().into_bytes()),
    ];
    let (blob, id) = ("0".repeat(40), "2026-11-22-103045");
    let in_install = [
        ".upgrade/environment.json",
        ".upgrade/stat-cache",
        ".upgrade/answers.json",
        &format!(".upgrade/base/{blob}"),
        &format!(".upgrade/parked/{blob}"),
        &format!(".upgrade/restore/{id}/x.md"),
        "rescued/x.md",
        "venv/pyvenv.cfg",
        "UPDATE_LOG.txt",
        "INSTALLATION_SUMMARY.md",
        "VERSION.txt",
        "config.json",
        ".cache/state/upgrade.json",
        ".cache/vector_index/metadata.json",
        ".mcp_server_state.json",
    ]
    .map(str::to_owned);
    let of_session = ["drafts.json", "ended.json", "server-settings.json", "server-state.json", "fetch/report.json"];
    let of_user = [
        ".config/pos-upgrade-tui/upgrade.json",
        ".local/state/pos-upgrade-tui/sources.json",
        ".local/state/pos-upgrade-tui/allowed.json",
        ".local/state/pos-upgrade-tui/mark.key",
    ];
    let home = world.sandbox.path().join("home");
    let places = (in_install.iter().map(|p| (p.as_str(), 'i')))
        .chain(of_session.map(|p| (p, 's')))
        .chain(of_user.map(|p| (p, 'u')));
    for (place, whose) in places {
        let kinds = bytes.iter().map(|(name, _)| *name).chain(["pipe", "zero"]);
        for kind in kinds {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("{place}: {kind}"));
            let path = match whose {
                'i' => case.install().join(place),
                's' => case.session().join(place),
                _ => home.join(place),
            };
            replace(&path, |path| match kind {
                "pipe" => pipe(path),
                "zero" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
                _ => std::fs::write(path, &bytes.iter().find(|(name, _)| *name == kind).unwrap().1).unwrap(),
            });
            let upgrade = case.upgrade();
            let all: &[&[&str]] = &[&["status"], &["resume"], &["rollback", "--yes"], &upgrade, &["history"]];
            let said = case.run(all);
            case.expect(innocents.all_live(), &format!("an innocent process was ended\n{said:?}"));
            if whose == 'u' {
                let _ = std::fs::remove_file(&path);
            }
            std::fs::remove_dir_all(&case.root).unwrap();
        }
    }
    world.done("what else is read back", 132);
}

/// A program that would be seen to run is none that could not.
#[test]
fn a_program_that_runs_would_be_seen() {
    let world = World::new();
    let case = world.case("the mark");
    let (program, mark) = evil(&case);
    assert!(Command::new(Path::new(&program)).status().unwrap().success() && mark.exists());
}

/// One that knows an edited file as a release's, with the file's very inode and times: the plan believes it, and what is
/// carried out does not.
#[test]
fn what_is_known_of_files() {
    use std::os::unix::fs::MetadataExt as _;
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let to = |words: &[&str]| {
        let of = [
            "--only",
            "content",
            "--source",
            demo.source.to_str().unwrap(),
            "--project",
            demo.project.to_str().unwrap(),
        ];
        sandbox.run(&[words, &of].concat())
    };
    let output = to(&["upgrade", "--yes", "--on-conflict", "take", "--to", "v1.1.0"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let plan = || -> serde_json::Value { serde_json::from_slice(&to(&["plan", "--json"]).stdout).unwrap() };
    let kind = |plan: &serde_json::Value, path: &str| {
        plan["files"].as_array().unwrap().iter().find(|f| f["path"] == path).unwrap()["kind"].clone()
    };
    let before = plan();
    let updated = before["files"].as_array().unwrap().iter().find(|f| f["kind"] == "update").unwrap();
    let (path, blob) = (updated["path"].as_str().unwrap(), updated["mine"].as_str().unwrap());
    let file = demo.install.join(path);
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend(b"mine alone\n");
    fs::write(&file, &bytes).unwrap();
    assert_ne!(kind(&plan(), path), "update", "an edit is seen");
    let meta = file.metadata().unwrap();
    let time = |s: i64, ns: i64| format!("{s}{ns:09}");
    let (modified, changed) = (time(meta.mtime(), meta.mtime_nsec()), time(meta.ctime(), meta.ctime_nsec()));
    let forged = format!(
        "stat-cache 1 Sha1 1\n{blob} - {} {} {} {modified} {changed} {path:?}\n",
        meta.size(),
        meta.ino(),
        meta.dev()
    );
    fs::write(demo.install.join(".upgrade/stat-cache"), forged).unwrap();
    assert_eq!(kind(&plan(), path), "update", "it is believed, else this shows nothing");
    let output = to(&["upgrade", "--yes", "--on-conflict", "take"]);
    let (code, said) = text(&output);
    assert!(code == 4 && said.contains("changed since you approved the plan"), "{code}: {said}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}
