//! pip failing in every way that it can: nothing is changed, pip's own words in the message, everything as it was.

use std::time::{Duration, Instant};

use pos_upgrade_tui::host::process::proc;

use crate::common::terminal::Terminal;
use crate::common::{eventually, text};
use crate::dependencies::index::{Index, Mood};
use crate::dependencies::world::{World, built, package, plain};

/// A build that says nothing and does nothing until a file is there.
fn waits_for(world: &World) -> (std::path::PathBuf, String) {
    let (gate, mark) = (world.sandbox.path().join("gate"), world.sandbox.path().join("builds"));
    let code = format!(
        "    pathlib.Path({mark:?}).write_text(str(os.getpid()))\n    while not os.path.exists({gate:?}): time.sleep(0.1)",
    );
    (gate, code)
}

/// The process that builds, once it does.
fn builder(world: &World) -> u32 {
    let mark = world.sandbox.path().join("builds");
    let read = || std::fs::read_to_string(&mark).ok().and_then(|t| t.parse().ok());
    eventually("the build has begun", || read().is_some());
    read().unwrap()
}

#[test]
fn without_a_network() {
    let mut world = World::new();
    // Nobody listens there any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Once more, so that it says why.
    world.env("PIP_RETRIES", "1");
    world.release_from(&format!("http://{closed}/simple/"), "from-afar==1.0\n");
    let said = world.upgrade(&[]);
    world.assert_failed(&said, &["pip failed", "from-afar"]);
    assert!(said.finished()["message"].to_string().contains("Connection refused"), "{}", said.all);
}

#[test]
fn an_index_that_is_broken() {
    let world = World::new();
    let index = Index::of(&world.sandbox.path(), Mood::Broken);
    world.release_from(&index.url, "from-afar==1.0\n");
    world.assert_failed(&world.upgrade(&[]), &["pip failed", "from-afar==1.0"]);
}

#[test]
fn an_index_that_never_answers() {
    let mut world = World::new();
    let index = Index::of(&world.sandbox.path(), Mood::Silent);
    world.release_from(&index.url, "from-afar==1.0\n");
    // pip itself would wait for ten minutes.
    world.env("PIP_TIMEOUT", "600");
    world.env("POS_PIP_SILENCE", "2");
    let begun = Instant::now();
    world.assert_failed(&world.upgrade(&[]), &["pip did nothing for 2 s and was ended"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_version_that_does_not_exist() {
    let world = World::new();
    plain(&world.wheels(), "present", "1.0");
    world.release("present==9.9\n");
    world.assert_failed(&world.upgrade(&[]), &["pip failed", "present==9.9", "1.0"]);
}

#[test]
fn a_build_that_fails() {
    let world = World::new();
    built(&world.wheels(), "tobuild", "    raise SystemExit('the compiler is on holiday')");
    world.release("tobuild==1.0\n");
    let said = world.upgrade(&[]);
    world.assert_failed(&said, &["pip failed", "tobuild"]);
    assert!(said.all.contains("the compiler is on holiday"), "{}", said.all);
}

#[test]
fn a_package_that_can_not_be_imported() {
    let world = World::new();
    let files = serde_json::json!({"hollow/__init__.py": "import lost_with_all_hands\n"});
    package(&world.wheels(), serde_json::json!({"name": "Hollow", "version": "1.0", "files": files}));
    world.release("hollow==1.0\n");
    world.assert_failed(&world.upgrade(&[]), &["can't be imported", "hollow", "lost_with_all_hands"]);
}

#[test]
fn packages_that_do_not_fit_together() {
    let world = World::new();
    // The user's own package, in the environment, wants what the release leaves behind.
    let about =
        serde_json::json!({"name": "mine", "version": "1.0", "files": {"mine.py": ""}, "requires": ["shared<2"]});
    package(&world.wheels(), about);
    plain(&world.wheels(), "shared", "1.0");
    let python = world.demo.install.join("venv/bin/python");
    let installed = std::process::Command::new(python)
        .args(["-m", "pip", "install", "-q", "--no-index", "--find-links"])
        .arg(world.wheels())
        .arg("mine")
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", text(&installed).1);
    let world = World { venv: crate::dependencies::world::entries(&world.demo.install.join("venv")), ..world };
    plain(&world.wheels(), "shared", "2.0");
    world.release("shared==2.0\n");
    world.assert_failed(&world.upgrade(&[]), &["does not fit together", "mine 1.0", "shared"]);
}

#[test]
fn a_build_that_hangs() {
    let mut world = World::new();
    let (_, code) = waits_for(&world);
    built(&world.wheels(), "tobuild", &code);
    world.release("tobuild==1.0\n");
    world.env("POS_PIP_SILENCE", "3");
    world.assert_failed(&world.upgrade(&[]), &["pip did nothing for 3 s", "tobuild"]);
    assert_eq!(proc::start_ticks(builder(&world)), None, "what pip started was ended, too");
}

#[test]
fn cancelled_by_key_while_pip_is_silent() {
    let world = World::new();
    let (_, code) = waits_for(&world);
    built(&world.wheels(), "tobuild", &code);
    world.release("tobuild==1.0\n");
    let demo = &world.demo;
    let arguments = ["--project", demo.project.to_str().unwrap(), "--source", demo.source.to_str().unwrap()];
    let mut wizard = Terminal::start(&world.sandbox.path().join("home"), &arguments);
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    let builder = builder(&world);
    wizard.see(&["install dependencies"]);
    wizard.press("q");
    wizard.see(&["roll back"]);
    wizard.press("R");
    wizard.see(&["y  "]);
    let begun = Instant::now();
    wizard.press("y");
    wizard.see(&["Rolled back", "Enter leave"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    wizard.press("\r");
    assert_eq!(wizard.end(), 0);
    assert_eq!(proc::start_ticks(builder), None);
    world.assert_as_before();
}

/// An upgrade that is killed while pip builds a package; the process that builds it.
fn killed_while_building(world: &World, code: &str) -> u32 {
    built(&world.wheels(), "tobuild", code);
    world.release("tobuild==1.0\n");
    let mut command = world.command(&["upgrade", "--json", "--yes"]);
    command.arg("--source").arg(&world.demo.source);
    let mut running = world.until(command, &["task_started", "\"dependencies\""]);
    let builder = builder(world);
    running.kill();
    builder
}

#[test]
fn killed_while_pip_installs_and_rolled_back() {
    let world = World::new();
    let (_, code) = waits_for(&world);
    let builder = killed_while_building(&world, &code);
    assert!(proc::start_ticks(builder).is_some(), "it lives on by itself");
    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_eq!(proc::start_ticks(builder), None, "the relaunch ended pip and what it had started");
    world.assert_as_before();
}

#[test]
fn killed_while_pip_installs_and_resumed() {
    let world = World::new();
    let (gate, code) = waits_for(&world);
    killed_while_building(&world, &code);
    std::fs::write(gate, "").unwrap();
    let resumed = world.command(&["resume"]).output().unwrap();
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed).1);
    assert!(world.demo.install.join("venv").symlink_metadata().unwrap().file_type().is_symlink());
    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    world.assert_as_before();
}
