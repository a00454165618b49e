//! How the server is started again: where, with which code, and with what it was told before.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::process::proc::Process;
use serde_json::json;

use crate::common::ext::kill_at;
use crate::common::{text, tools};
use crate::server::world::{Upgraded, World};

const SECRET: &str = "sk-nobody-may-read-this";

/// The process that the state file names.
fn running(world: &World) -> Process {
    proc::look(u32::try_from(world.state()["pid"].as_u64().unwrap()).unwrap()).unwrap()
}

/// Asserts that the secret stands in no file below a folder, and was not said.
fn assert_kept(folder: &Path, said: &str) {
    assert!(!said.contains(SECRET), "{said}");
    for entry in walkdir::WalkDir::new(folder).into_iter().filter_entry(|e| e.file_name() != "venv") {
        let entry = entry.unwrap();
        let bytes = if entry.file_type().is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        assert!(!bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()), "{}", entry.path().display());
    }
}

/// Code of the project under a name that the install's has, too.
fn add_code_of_the_same_name(project: &Path, name: &str) {
    fs::create_dir(project.join(name)).unwrap();
    fs::write(project.join(name).join("__init__.py"), "").unwrap();
    fs::write(project.join(name).join("__main__.py"), "raise SystemExit('this is not the one')\n").unwrap();
}

#[test]
fn a_server_that_was_started_elsewhere_in_the_project() {
    let Some(mut world) = World::new() else { return };
    add_code_of_the_same_name(&world.project, "scripts");
    let elsewhere = world.project.join("src");
    fs::create_dir_all(elsewhere.join("models")).unwrap();
    let mut command = world.server();
    command.current_dir(&elsewhere).env("PYTHONPATH", "../.praxis-os").env("PROJECT_ROOT", "..");
    command.env("OPENAI_API_KEY", SECRET).env("HF_HOME", "models").env("LD_LIBRARY_PATH", "/nowhere");
    let started = command.spawn().unwrap();
    let old = world.adopt(started);
    let old_tools = tools(&world.install);
    world.release(&json!({}));

    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    let new = running(&world);
    assert_ne!(new.pid, old);
    let told = |process: &Process, name: &str| process.env.get(name).cloned().unwrap_or_default();
    let check = |process: &Process| {
        assert_eq!(process.cwd, world.project);
        assert_eq!(told(process, "PROJECT_ROOT"), world.project.display().to_string());
        assert_eq!(told(process, "PYTHONPATH"), world.install.display().to_string());
        assert_eq!(told(process, "OPENAI_API_KEY"), SECRET);
        assert_eq!(told(process, "HF_HOME"), elsewhere.join("models").display().to_string());
        assert_ne!(told(process, "LD_LIBRARY_PATH"), "/nowhere", "that would load other code");
    };
    check(&new);
    assert_kept(&world.project, &done.said);

    // So does the old release, on another day.
    let back = world.run(&["rollback", "--yes"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_eq!(tools(&world.install), old_tools);
    check(&running(&world));
    assert_kept(&world.project, &text(&back).1);
}

#[test]
fn a_server_that_needs_what_the_editors_settings_say() {
    let Some(world) = World::new() else { return };
    add_code_of_the_same_name(&world.project, "mcp_server");
    fs::create_dir(world.project.join(".cursor")).unwrap();
    let server = json!({
        "command": "${workspaceFolder}/.praxis-os/venv/bin/python",
        "args": ["-m", "mcp_server", "--transport", "dual"],
        "env": {"PROJECT_ROOT": "${workspaceFolder}", "PYTHONPATH": "${workspaceFolder}/.praxis-os", "OPENAI_API_KEY": SECRET},
    });
    let settings = json!({"mcpServers": {"praxis-os": server}}).to_string();
    fs::write(world.project.join(".cursor/mcp.json"), settings).unwrap();
    world.release(&json!({"needs": ["OPENAI_API_KEY"]}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(3)["server_health_check"], "passed");
    assert!(done.said.contains("--transport http instead of dual"), "{}", done.said);
    assert_kept(&world.install, &done.said);
}

/// Values are not saved: after a kill nobody knows them, and that is said.
#[test]
fn settings_that_are_lost_with_a_killed_upgrade() {
    let Some(mut world) = World::new() else { return };
    let started = world.server().env("OPENAI_API_KEY", SECRET).stdin(Stdio::null()).spawn().unwrap();
    world.adopt(started);
    world.release(&json!({}));
    let source = world.source.to_str().unwrap();
    let command = world.command(&["upgrade", "--json", "--yes", "--source", source]);
    kill_at(command, |e| e["event"] == "task_finished" && e["task"] == "stop_server");
    assert_kept(&world.project, "");
    let done = Upgraded::of(&world.run(&["resume", "--json"]));
    assert_eq!(done.code, 0, "{}", done.said);
    assert!(done.warnings().contains("started without OPENAI_API_KEY"), "{}", done.warnings());
    assert_kept(&world.project, &done.said);
}
