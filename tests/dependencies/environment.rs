//! What is done to the environment, and what is not.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::common::{demos, text};
use crate::dependencies::index::{Index, Mood};
use crate::dependencies::world::{World, package, plain};

/// Puts a mark in the place of pip: whoever runs it is seen. Returns where the mark would be.
fn mark_pip(world: &World) -> std::path::PathBuf {
    let mark = world.sandbox.path().join("pip-was-run");
    let site = world.demo.install.join("venv/lib");
    let python = fs::read_dir(site).unwrap().next().unwrap().unwrap().path();
    let main = python.join("site-packages/pip/__main__.py");
    assert!(main.is_file());
    fs::write(main, format!("open({mark:?}, 'w')\nraise SystemExit('pip was run')\n")).unwrap();
    mark
}

#[test]
fn pip_is_not_run_where_requirements_did_not_change() {
    let world = World::new();
    let mark = mark_pip(&world);
    let main = world.demo.source.join("mcp_server/__main__.py");
    fs::write(&main, fs::read_to_string(&main).unwrap() + "\n# a change\n").unwrap();
    world.release("");
    let said = world.upgrade(&[]);
    said.assert_done();
    assert!(!mark.exists(), "pip was run: {}", said.all);
    assert_eq!(said.task("dependencies"), ("not_applicable".into(), "requirements already satisfied".into()));
    let evidence = said.evidence(3);
    assert_eq!(evidence["dependencies_installed"], "not_applicable: requirements already satisfied");
    let state = fs::read_dir(world.demo.install.join(".cache/state")).unwrap().flatten().next().unwrap().path();
    let state: serde_json::Value = serde_json::from_slice(&fs::read(state).unwrap()).unwrap();
    let commands = state["phase_artifacts"].as_object().unwrap().values().map(|a| a["outputs"]["commands"].to_string());
    assert!(commands.collect::<String>().contains("mcp_server"), "the server's command is there: {state}");
    assert!(!state["phase_artifacts"].to_string().contains(" pip "), "{state}");
    // The list of packages is there all the same.
    let snapshot = world.demo.project.join(said.evidence(1)["requirements_snapshot"].as_str().unwrap());
    let list = fs::read_to_string(snapshot).unwrap();
    assert!(list.contains("pos-demo-text==1.0.0\n") && list.contains("pip=="), "{list}");
    // Where the time went: nothing for pip, and the parts make the whole.
    let seconds = &said.finished()["seconds"];
    let part = |key: &str| seconds[key].as_f64().unwrap();
    assert_eq!(part("pip"), 0.0, "{seconds}");
    let sum: f64 = ["own", "pip", "server", "git", "programs", "waiting"].iter().map(|k| part(k)).sum();
    assert!((sum - part("total")).abs() < 0.01, "{seconds}");
    println!("own work {:.2} s of {:.2} s, in this build", part("own"), part("total"));
    let report = said.finished()["report"].to_string();
    assert!(report.contains("our own work"), "{report}");

    // Now it is noted what satisfies what: nothing to do is told without pip, and a damaged environment is noticed.
    let again = world.upgrade(&[]);
    assert_eq!(again.finished()["result"], "nothing_to_do", "{}", again.all);
    assert!(!mark.exists());
    let lib = fs::read_dir(world.demo.install.join("venv/lib")).unwrap().next().unwrap().unwrap().path();
    for entry in fs::read_dir(lib.join("site-packages")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("pos_demo_text-") {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    let damaged = world.upgrade(&[]);
    assert!(mark.exists(), "pip is asked: {}", damaged.all);
}

/// Every script of an environment runs. A space in the path makes pip write them in another way.
fn scripts_run(install: &Path) -> usize {
    let mut ran = 0;
    for entry in fs::read_dir(install.join("venv/bin")).unwrap().flatten() {
        let path = entry.path();
        let bytes = fs::read(&path).unwrap();
        if !entry.file_type().unwrap().is_file() || !bytes.starts_with(b"#!") {
            continue;
        }
        let output = Command::new(&path).arg("--help").output();
        let output = output.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        // Some have no help; without their interpreter they could not complain in Python.
        let said = text(&output).1;
        assert!(output.status.success() || said.contains("Traceback"), "{}: {said}", path.display());
        ran += 1;
    }
    ran
}

#[test]
fn what_was_fetched_before_is_installed_and_scripts_outlive_the_old_environment() {
    let mut sandbox = crate::common::Sandbox::new();
    let dir = sandbox.path().join("a demo");
    let demo = demos::prepare(&dir);
    sandbox.watch(&demo.install);
    let world = World::around(sandbox, demo);
    let packages = world.sandbox.path().join("packages");
    for (name, version) in [("tool-one", "1.0"), ("tool-two", "1.0"), ("tool-two", "2.0")] {
        let module = name.replace('-', "_");
        let about = serde_json::json!({
            "name": name, "version": version, "script": format!("{name} = {module}:main"),
            "files": {format!("{module}/__init__.py"): format!("def main():\n    print({version:?})\n")},
        });
        package(&packages, about);
    }
    // Each package is given away twice, for what it says of itself and to be fetched: installing it needs what was
    // fetched, for the index also forbids pip to keep anything.
    let index = Index::of(&packages, Mood::Twice);
    world.release_from(&index.url, "tool-one==1.0\ntool-two==1.0\n");
    let said = world.upgrade(&[]);
    said.assert_done();
    assert_eq!((index.served("tool_one"), index.served("tool_two")), (2, 2), "{}", said.all);
    assert!(said.all.contains("fetched while other work was done"), "{}", said.all);
    let (outcome, detail) = said.task("dependencies");
    assert_eq!(outcome, "done", "{}", said.all);
    assert!(detail.contains("2 packages") && detail.contains("the old one is unchanged"), "{detail}");
    let progress =
        said.events.iter().any(|e| e["event"] == "task_progress" && e["task"] == "dependencies" && e["total"] == 2);
    assert!(progress, "how far it is: {}", said.all);
    let first = scripts_run(&world.demo.install);
    assert!(first >= 3, "{first}");

    // The next generation; then the backups go, and with them the older environments.
    let path = world.demo.source.join("mcp_server/requirements.txt");
    let text_now = fs::read_to_string(&path).unwrap().replace("tool-two==1.0", "tool-two==2.0");
    fs::write(&path, text_now).unwrap();
    world.release("");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.upgrade(&["--keep-backups", "1"]).assert_done();
    let left: Vec<_> =
        fs::read_dir(world.demo.install.join("venvs")).unwrap().flatten().map(|e| e.file_name()).collect();
    println!("left in venvs: {left:?}");
    assert!(
        !left.iter().any(|n| n.to_string_lossy().starts_with("before-") && {
            world.demo.install.join("venvs").join(n).symlink_metadata().unwrap().is_dir()
        }),
        "the first environment went with its backup: {left:?}"
    );
    assert_eq!(scripts_run(&world.demo.install), first);
    let output = Command::new(world.demo.install.join("venv/bin/tool-two")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2.0\n");

    // Back once, without any index: the older version's script runs again.
    index.set(Mood::Broken);
    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    let output = Command::new(world.demo.install.join("venv/bin/tool-two")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1.0\n");
    assert_eq!(scripts_run(&world.demo.install), first);
}

#[test]
fn a_failed_fetch_is_harmless() {
    let world = World::new();
    let packages = world.sandbox.path().join("packages");
    plain(&packages, "from-afar", "1.0");
    let index = Index::of(&packages, Mood::Broken);
    world.release_from(&index.url, "from-afar==1.0\n");
    let mut command = world.command(&["upgrade", "--json", "--yes"]);
    command.arg("--source").arg(&world.demo.source);
    // By then it has been tried, or is being tried; pip is asked again.
    let mut running = world.until(command, &["task_started", "\"dependencies\""]);
    index.set(Mood::Good);
    let status = running.0.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn a_large_environment_is_put_back_quickly_and_without_a_network() {
    let world = World::new();
    let lib = fs::read_dir(world.demo.install.join("venv/lib")).unwrap().next().unwrap().unwrap().path();
    let large = lib.join("site-packages/large");
    for folder in 0..200 {
        let folder = large.join(format!("part{folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..200 {
            fs::write(folder.join(format!("m{file}.py")), "X = 1\n").unwrap();
        }
    }
    let venv = crate::dependencies::world::entries(&world.demo.install.join("venv"));
    let world = World { venv, ..world };
    let packages = world.sandbox.path().join("packages");
    plain(&packages, "from-afar", "1.0");
    let index = Index::of(&packages, Mood::Good);
    world.release_from(&index.url, "from-afar==1.0\n");
    world.upgrade(&[]).assert_done();
    index.set(Mood::Broken);
    let begun = Instant::now();
    let back = world.command(&["rollback", "--yes", "--json"]).output().unwrap();
    let took = begun.elapsed();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    let begun = Instant::now();
    let mut copy = Command::new("cp");
    copy.arg("-al").arg(world.demo.install.join("venv")).arg(world.sandbox.path().join("copy"));
    assert!(copy.status().unwrap().success());
    let yardstick = begun.elapsed();
    println!(
        "rollback with an environment of 40,000 files: {:.2} s, {:.1} times `cp -al` ({:.2} s)",
        took.as_secs_f64(),
        took.as_secs_f64() / yardstick.as_secs_f64(),
        yardstick.as_secs_f64()
    );
    assert!(took.as_secs() < 30, "{took:?}");
    world.assert_as_before();
}
