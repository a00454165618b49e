//! The ends of an install's life: `adopt` gives one that nobody upgraded its baseline, `uninstall` takes out what releases put
//! there, and its rollback has all of that back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pos_upgrade_tui::host::demo::{self, Demo};
use serde_json::Value;

use crate::common::ext::{State, refused};
use crate::common::{Sandbox, assert_same, snapshot, text, tools};

const BASELINE: &str = ".upgrade-baseline.json";

/// What stands at paths of a project, with modes and times.
type Files = BTreeMap<String, String>;

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

impl World {
    /// A project of the first release without edits, in a folder of this name; its install is nobody's to know yet.
    fn untouched(folder: &str) -> Self {
        let mut sandbox = Sandbox::new();
        let dir = sandbox.path().join("demo");
        let (source, project) = (dir.join("source"), dir.join("project"));
        let install = project.join(folder);
        fs::create_dir_all(&project).unwrap();
        let commits = demo::prepare_source(&source).unwrap();
        demo::install_release(&source, &commits[0], &install).unwrap();
        sandbox.watch(&install);
        Self { sandbox, demo: Demo { dir, source, project, install, server_pid: None, commits } }
    }

    /// The same with the user's edits.
    fn edited(folder: &str) -> Self {
        let world = Self::untouched(folder);
        demo::add_user_edits(&world.demo.install).unwrap();
        world
    }

    /// An upgraded install with an environment, and a project whose own files speak of it among other things.
    fn upgraded() -> Self {
        let world = Self::edited(".praxis-os");
        world.put(".praxis-os/venv/bin/python", b"#!/bin/sh\n");
        fs::set_permissions(world.at(".praxis-os/venv/bin/python"), fs::Permissions::from_mode(0o755)).unwrap();
        world.put(".gitignore", b"# caf\xe9\r\n/target\r\n");
        world.put(".cursorrules", b"Always read .praxis-os first.\n");
        let source = world.demo.source.to_str().unwrap();
        let (code, said) = world.run(&[
            "upgrade",
            "--yes",
            "--only",
            "content",
            "--on-conflict",
            "keep",
            "--source",
            source,
            "--to",
            &world.demo.commits[1],
        ]);
        assert_eq!(code, 0, "{said}");
        let ignored = fs::read(world.at(".gitignore")).unwrap();
        world.put(".gitignore", &[&ignored[..], b"\n  .praxis-os/notes/\r\n# caf\xe9, the end"].concat());
        world.put(".cursor/mcp.json", EDITOR.as_bytes());
        for (path, mode) in [(".gitignore", 0o640), (".cursor/mcp.json", 0o600)] {
            fs::set_permissions(world.at(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        world
    }

    fn at(&self, path: &str) -> PathBuf {
        self.demo.project.join(path)
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), bytes).unwrap();
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.at(path)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let project = ["--project", self.demo.project.to_str().unwrap()];
        text(&self.sandbox.run(&[arguments, &project].concat()))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let project = ["--project", self.demo.project.to_str().unwrap(), "--json"];
        let output = self.sandbox.run(&[arguments, &project].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {}", text(&output).1))
    }

    /// Of another copy of the project.
    fn copied(&self, name: &str) -> PathBuf {
        let to = self.sandbox.path().join(name);
        assert!(Command::new("cp").arg("-a").arg(&self.demo.project).arg(&to).status().unwrap().success());
        to
    }
}

/// An editor's settings with two servers, of which one is this install's.
const EDITOR: &str = r#"{
  // ours and theirs
  "mcpServers": {
    "shop": {"command": "npx", "args": ["-y", "@shop/mcp"]}, // read only
    "knowledge": {
      "command": "${workspaceFolder}/.praxis-os/venv/bin/python",
      "args": ["-m", "mcp_server"]
    }
  }
}
"#;

/// All of a project that a rollback brings back: the install, its environment, and the files beside it.
fn state(project: &Path, folder: &str) -> Files {
    let install = project.join(folder);
    let mut all = if install.is_dir() { snapshot(&install) } else { Files::new() };
    // It has a line more.
    all.remove("UPDATE_LOG.txt");
    for path in ["../.gitignore", "../.cursor/mcp.json", "../.cursorrules", "venv/bin/python"] {
        if let Ok(meta) = fs::symlink_metadata(install.join(path)) {
            let bytes = fs::read(install.join(path)).unwrap();
            all.insert(path.into(), format!("{:o} {}.{} {bytes:?}", meta.mode(), meta.mtime(), meta.mtime_nsec()));
        }
    }
    all
}

/// What of a plan says what is done.
fn does(plan: &Value) -> Vec<[Value; 7]> {
    let keys = ["path", "kind", "from", "base", "mine", "theirs", "conflict_hunks"];
    plan["files"].as_array().unwrap().iter().map(|file| keys.map(|key| file[key].clone())).collect()
}

#[test]
fn adopting_writes_the_baseline_and_changes_no_plan() {
    for (world, folder, edited) in [
        (World::untouched(".praxis-os"), ".praxis-os", 0),
        (World::edited(".praxis-os"), ".praxis-os", 6),
        (World::edited(".agent-os"), ".agent-os", 6),
    ] {
        let source = world.demo.source.to_str().unwrap();
        let (plan, edits) = (["plan", "--source", source], ["edits", "--source", source]);
        let (planned, customised) = (world.json(&plan), world.json(&edits));
        let before = snapshot(&world.demo.install);
        let (code, said) = world.run(&["adopt", "--source", source]);
        assert!(code == 2 && said.contains("--yes"), "{said}");
        assert_same(&before, &snapshot(&world.demo.install));

        let adopted = world.json(&["adopt", "--yes", "--source", source]);
        assert_eq!(
            (&adopted["release"], &adopted["release_evidence"]),
            (&world.demo.commits[0].as_str().into(), &"history".into())
        );
        assert_eq!(adopted["edited"].as_array().unwrap().len(), edited, "{adopted}");
        assert!(adopted["as_shipped"].as_u64().unwrap() > 20, "{adopted}");
        let mut now = snapshot(&world.demo.install);
        assert!(now.remove(BASELINE).is_some(), "{folder}");
        assert_same(&before, &now);

        assert_eq!(does(&planned), does(&world.json(&plan)), "{folder}: another plan than before");
        let names = |of: &Value| -> Vec<[String; 2]> {
            let all = of["edits"].as_array().unwrap().iter();
            let mut all: Vec<_> = all.map(|edit| ["kind", "mine"].map(|key| edit[key].to_string())).collect();
            all.sort();
            all
        };
        assert_eq!(names(&customised), names(&world.json(&edits)), "{folder}: other edits than before");
        let (code, said) = world.run(&["adopt", "--yes", "--source", source]);
        assert!(code == 0 && said.contains("nothing to do"), "{said}");
        let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--to", &world.demo.commits[1]];
        let (code, said) = world.run(&upgrade);
        assert_eq!(code, 0, "{folder}: {said}");
    }
}

#[test]
fn what_no_release_is_like_is_not_adopted_and_not_taken_out() {
    let world = World::untouched(".praxis-os");
    let project = world.demo.project.to_str().unwrap();
    fs::remove_dir_all(&world.demo.install).unwrap();
    world.put(".praxis-os/standards/universal/mine.md", b"mine\n");
    let source = world.demo.source.to_str().unwrap();
    let adopt = ["adopt", "--yes", "--source", source, "--project", project];
    let named =
        refused(&world.sandbox, &world.demo.project, &adopt, 4, &["no release of the source is like this install"]);
    assert!(named.contains("POS-E0111") && named.contains("pos-upgrade-tui adopt --source DIR"), "{named}");
    let take_out = ["uninstall", "--yes", "--project", project];
    refused(&world.sandbox, &world.demo.project, &take_out, 4, &["no file here is known to be a release's", "adopt"]);
    refused(&world.sandbox, &world.demo.project, &["adopt", "--yes", "--project", project], 2, &["no source"]);
    world.put(".praxis-os/.upgrade-baseline.json", b"{");
    refused(&world.sandbox, &world.demo.project, &adopt, 4, &["not a readable baseline", "reconcile"]);
    refused(&world.sandbox, &world.demo.project, &take_out, 4, &["not a readable baseline", "reconcile"]);
}

#[test]
fn what_releases_shipped_goes_and_what_is_yours_stays() {
    let world = World::upgraded();
    let project = world.demo.project.to_str().unwrap();
    let before = state(&world.demo.project, ".praxis-os");
    let still = State::of(&world.demo.project);
    let what = world.json(&["uninstall", "--dry-run"]);
    let (code, said) = world.run(&["uninstall", "--dry-run"]);
    assert!(code == 0 && said.contains("stays, edited by you:") && said.contains("knowledge"), "{said}");
    still.assert_still(&world.demo.project);
    refused(&world.sandbox, &world.demo.project, &["uninstall", "--project", project], 2, &["--yes"]);

    let paths = |key: &str| -> BTreeSet<String> {
        what[key].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
    };
    let (goes, edited, own) = (paths("goes"), paths("edited"), paths("own"));
    assert!(goes.contains(BASELINE) && goes.contains("VERSION.txt") && goes.len() > 25, "{what}");
    assert!(edited.contains("standards/universal/ai-safety/git-safety.md") && edited.len() == 6, "{what}");
    assert!(own.contains("standards/universal/testing/our-flaky-tests.md"), "{what}");
    let stays: Vec<(String, Vec<u8>)> = edited
        .iter()
        .chain(&own)
        .filter(|path| world.demo.install.join(path).is_file())
        .map(|path| (path.clone(), world.read(&format!(".praxis-os/{path}"))))
        .collect();

    let (code, said) = world.run(&["uninstall", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("pos-upgrade-tui rollback") && said.contains("rm -r "), "{said}");
    for path in &goes {
        assert!(!world.demo.install.join(path).exists(), "{path} is still there");
    }
    for (path, bytes) in &stays {
        assert!(world.read(&format!(".praxis-os/{path}")) == *bytes, "{path}");
    }
    for folder in ["workflows", "scripts", "venv"] {
        assert!(!world.demo.install.join(folder).exists(), "{folder} is empty, and was made by a release");
    }
    let left = [&b"# caf\xe9\r\n/target\r\n"[..], b"\n  .praxis-os/notes/\r\n# caf\xe9, the end"].concat();
    let ignored = world.read(".gitignore");
    assert!(ignored == left, "{}", String::from_utf8_lossy(&ignored));
    let editor = String::from_utf8(world.read(".cursor/mcp.json")).unwrap();
    assert!(editor.contains("// read only\n  }") && !editor.contains("knowledge"), "{editor}");
    assert_eq!(fs::metadata(world.at(".cursor/mcp.json")).unwrap().permissions().mode() & 0o777, 0o600);

    // What is left is no install, and that is said.
    assert_eq!(world.json(&["status"])["state"], "uninstalled");
    let (code, said) = world.run(&["status"]);
    assert!(code == 0 && said.contains("taken out") && said.contains("pos-upgrade-tui rollback"), "{said}");
    let source = world.demo.source.to_str().unwrap();
    for command in [&["plan"][..], &["upgrade", "--yes", "--on-conflict", "keep"], &["adopt", "--yes"]] {
        let (code, said) = world.run(&[command, &["--source", source]].concat());
        assert!(code == 4 && said.contains("POS-E0113") && said.contains("rollback"), "{command:?}: {said}");
    }
    let (code, said) = world.run(&["uninstall", "--yes"]);
    assert!(code == 0 && said.contains("taken out"), "{said}");
    let (code, said) = world.run(&["account"]);
    assert!(code == 0 && said.contains("0 lost"), "{said}");
    assert!(world.run(&["history"]).1.contains("-> taken out  completed"));

    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &state(&world.demo.project, ".praxis-os"));
    let (code, said) = world.run(&["edits"]);
    assert!(code == 0 && said.contains("edited 6"), "{said}");
    assert_eq!(world.json(&["status"])["state"], "idle");
}

#[test]
fn what_was_written_since_is_still_there_after_the_rollback() {
    let world = World::upgraded();
    let ignored = world.read(".gitignore");
    assert_eq!(world.run(&["uninstall", "--yes"]).0, 0);
    let left = world.read(".gitignore");
    world.put(".gitignore", &[b"/first\r\n", &left[..]].concat());
    world.put(".cursor/mcp.json", EDITOR.replace("\"knowledge\"", "\"other\"").as_bytes());
    world.put(".praxis-os/standards/universal/ai-safety/credential-handling.md", b"mine, since\n");
    world.put(".praxis-os/standards/universal/since.md", b"mine, too\n");
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    let now = world.read(".gitignore");
    assert!(now == [b"/first\r\n", &ignored[..]].concat(), "{}", String::from_utf8_lossy(&now));
    // The same lines were changed: that is for a person, who is told.
    assert!(said.contains(".cursor/mcp.json") && said.contains("stays as it is"), "{said}");
    assert!(String::from_utf8(world.read(".cursor/mcp.json")).unwrap().contains("\"other\""));
    assert_eq!(world.read(".praxis-os/standards/universal/since.md"), b"mine, too\n");
    let rescued = walkdir::WalkDir::new(world.demo.install.join("rescued")).into_iter().flatten();
    let rescued: Vec<_> = rescued.filter(|entry| entry.file_type().is_file()).map(|e| e.into_path()).collect();
    assert_eq!(rescued.len(), 1, "{said}");
    assert_eq!(fs::read(&rescued[0]).unwrap(), b"mine, since\n");
}

/// What loses a file of the user's is taken back by itself, also what it did outside of the install.
#[test]
fn an_uninstall_that_loses_something_is_taken_back() {
    let world = World::upgraded();
    let before = state(&world.demo.project, ".praxis-os");
    let mut command = world.sandbox.command();
    command.args(["uninstall", "--yes", "--project"]).arg(&world.demo.project);
    let lost = "standards/universal/testing/our-flaky-tests.md";
    let (code, said) = text(&command.env("POS_LOSE", lost).output().unwrap());
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("POS-E0412") && said.contains(lost), "{said}");
    assert_same(&before, &state(&world.demo.project, ".praxis-os"));
    assert_eq!(world.json(&["status"])["state"], "idle");
    let (code, said) = world.run(&["uninstall", "--yes"]);
    assert_eq!(code, 0, "{said}");
}

/// A file that says nothing else goes, and comes back; so does a rules file's block.
#[test]
fn files_that_hold_nothing_else_go_and_come_back() {
    let world = World::edited(".praxis-os");
    world.put(".cursorrules", b"Always read .praxis-os first.\n");
    crate::common::git(&world.demo.project, &["init", "-q"]);
    let source = world.demo.source.to_str().unwrap();
    let upgrade = [
        "upgrade",
        "--yes",
        "--on-conflict",
        "keep",
        "--rules",
        "yes",
        "--source",
        source,
        "--to",
        &world.demo.commits[1],
    ];
    let (code, said) = world.run(&upgrade);
    assert_eq!(code, 0, "{said}");
    let before = state(&world.demo.project, ".praxis-os");
    assert!(before.contains_key("../.gitignore"), "the upgrade made it");
    let with_block = world.read(".cursorrules");
    let (code, said) = world.run(&["uninstall", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(!world.at(".gitignore").exists(), "{said}");
    assert_eq!(
        world.read(".cursorrules"),
        b"Always read .praxis-os first.\n",
        "{}",
        String::from_utf8_lossy(&with_block)
    );
    let untracked = crate::common::git(&world.demo.project, &["status", "--porcelain", "--untracked-files=all"]);
    assert!(!untracked.contains(".backups") && !untracked.contains(".upgrade/"), "{untracked}");
    assert_eq!(world.run(&["rollback", "--yes"]).0, 0);
    assert_same(&before, &state(&world.demo.project, ".praxis-os"));
}

#[test]
fn an_install_of_the_first_generation_is_taken_out_and_found_again() {
    let world = World::untouched(".agent-os");
    let source = world.demo.source.to_str().unwrap();
    let (code, said) = world.run(&["adopt", "--yes", "--source", source]);
    assert_eq!(code, 0, "{said}");
    let before = state(&world.demo.project, ".agent-os");
    let (code, said) = world.run(&["uninstall", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(!world.demo.install.join("standards").exists(), "nothing that marks an install is left");
    let (code, said) = world.run(&["status"]);
    assert!(code == 0 && said.contains("taken out"), "{said}");
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &state(&world.demo.project, ".agent-os"));
}

/// The server ends for good, its environment goes aside, and a rollback has both again.
#[test]
fn a_running_server_ends_and_runs_again_after_the_rollback() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let world = World { sandbox, demo };
    let source = world.demo.source.to_str().unwrap();
    assert_eq!(world.run(&["adopt", "--yes", "--source", source]).0, 0);
    let had = tools(&world.demo.install).expect("the demo's server answers");
    let before = state(&world.demo.project, ".praxis-os");
    let inode = |path: &str| fs::symlink_metadata(world.at(path)).unwrap().ino();
    let python = inode(".praxis-os/venv");
    let (code, said) = world.run(&["uninstall", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the server has ended"), "{said}");
    assert_eq!(tools(&world.demo.install), None);
    assert!(!world.demo.install.join("venv").exists());
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &state(&world.demo.project, ".praxis-os"));
    assert_eq!(inode(".praxis-os/venv"), python, "it is the very environment");
    assert_eq!(tools(&world.demo.install), Some(had));
}

/// Killed where it passes each named point for the first and for the last time: `resume` ends it, and `rollback` undoes it.
#[test]
fn killed_at_every_point_it_is_taken_up_or_undone() {
    let world = World::upgraded();
    let before = state(&world.demo.project, ".praxis-os");
    let upgrade = world.json(&["status"])["session"]["session_id"].as_str().unwrap().to_owned();
    let log = world.sandbox.path().join("points.log");
    let start = |project: &Path, arguments: &[&str]| {
        let mut command = world.sandbox.command();
        command.args(arguments).arg("--project").arg(project);
        command
    };
    let whole = world.copied("whole");
    let (code, said) = text(&start(&whole, &["uninstall", "--yes"]).env("POS_CRASH_LOG", &log).output().unwrap());
    assert_eq!(code, 0, "{said}");
    let without = |project: &Path| {
        let mut state = state(project, ".praxis-os");
        // Written at another moment each time.
        state.retain(|path, _| !["../.gitignore", "../.cursor/mcp.json", "../.cursorrules"].contains(&path.as_str()));
        state.values_mut().for_each(|value| *value = value.split('(').next().unwrap_or_default().to_owned());
        state
    };
    let out = without(&whole);
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        *times.entry(line.to_owned()).or_default() += 1;
    }
    let points: BTreeSet<String> =
        times.iter().flat_map(|(name, count)| [format!("{name} 1"), format!("{name} {count}")]).collect();
    let has = |name: &str| points.iter().any(|point| point.starts_with(name));
    assert!(has("journal.exchange") && has("venv.switch") && has("replace.rename"), "{points:?}");
    let mut resumed = 0;
    for point in &points {
        let killed = world.copied("killed");
        let output = start(&killed, &["uninstall", "--yes"]).env("POS_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(6), "it was to die at {point}: {}", text(&output).1);
        let other = world.sandbox.path().join("other");
        assert!(Command::new("cp").arg("-a").arg(&killed).arg(&other).status().unwrap().success());
        let begun = |project: &Path| {
            let output = start(project, &["status", "--json"]).output().unwrap();
            let status: Value = serde_json::from_slice(&output.stdout).unwrap();
            status["session"]["session_id"].as_str().unwrap() != upgrade
        };
        let was_begun = begun(&killed);
        let (code, said) = text(&start(&killed, &["resume"]).output().unwrap());
        assert_eq!(code, 0, "{point}: {said}");
        if !was_begun {
            assert_same(&before, &state(&killed, ".praxis-os"));
        } else {
            assert_eq!(out, without(&killed), "{point}: {said}");
            resumed += 1;
            for project in [&other, &killed] {
                let (code, said) = text(&start(project, &["rollback", "--yes"]).output().unwrap());
                assert_eq!(code, 0, "{point}: {said}");
                assert_same(&before, &state(project, ".praxis-os"));
            }
        }
        fs::remove_dir_all(killed).unwrap();
        fs::remove_dir_all(other).unwrap();
    }
    println!("{} points: {resumed} gone on with, and undone", points.len());
    assert!(resumed > 20, "{resumed} of {points:?}");
}
