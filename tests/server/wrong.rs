//! What goes wrong: each release misbehaves in one way, and each upgrade ends rolled back with the old server answering.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pos_upgrade_tui::host::server::ports;
use serde_json::{Value, json};

use crate::common::ext::{sessions, sleeper};
use crate::common::git;
use crate::server::world::{Upgraded, World};

#[test]
fn a_server_that_exits_at_once() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"exit_at_once": "no luck with numpy"}));
    let begun = Instant::now();
    let done = world.fails(&["no luck with numpy", "mcp_server.log"]);
    assert_eq!(done.error_code(), "POS-E0605");
    assert!(begun.elapsed() < Duration::from_secs(60), "it is not waited for");
}

#[test]
fn a_server_that_never_writes_its_state_file() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"sleep_at_start": true}));
    world.fails(&["did not answer", "did nothing for", "waiting for something that never comes"]);
}

#[test]
fn a_server_that_listens_and_never_answers() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"never_answers": true}));
    world.fails(&["initialize", "no answer within"]);
}

/// What the old process wrote, or somebody else, never counts.
#[test]
fn a_server_that_leaves_the_state_file_of_the_old_process() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"keep_old_state": true}));
    world.fails(&["did not answer"]);
}

#[test]
fn a_state_file_that_names_somebody_elses_port_or_process() {
    let Some(world) = World::running() else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    world.release(&json!({"claim_port": port}));
    world.fails(&[&format!("says that it listens on port {port}"), "process"]);
    assert!(ports::is_owned_by(port, std::process::id()), "it was not touched");

    let mut innocent = sleeper();
    world.release(&json!({"claim_pid": innocent.pid()}));
    world.fails(&["did not answer"]);
    assert!(innocent.0.try_wait().unwrap().is_none(), "it still lives");
}

#[test]
fn a_server_that_loses_a_tool() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"lose_tool": "pos_workflow"}));
    world.fails(&["does not register pos_workflow", "the old one had pos_workflow"]);
    let report = fs::read_dir(world.install.join(".cache")).unwrap().map(|e| e.unwrap().path());
    let mut report = report.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("upgrade-validation-"));
    let report: Value = serde_json::from_slice(&fs::read(report.next().unwrap()).unwrap()).unwrap();
    assert_eq!(report["probes"][0]["saw"]["missing"], json!(["pos_workflow"]), "{report}");
    assert!(report["failed"].as_str().unwrap().contains("pos_workflow"), "{report}");
}

#[test]
fn a_server_that_logs_an_error_and_will_not_end() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"traceback": true, "ignore_term": true}));
    let done = world.fails(&["logged an error since its start", "watching failed"]);
    assert!(!done.message().contains("INFO"), "{}", done.message());
    assert_eq!(done.error_code(), "POS-E0602");
}

impl World {
    /// The user's edit merges by itself, and uses what the release renames; the edited file, and what the user has there.
    pub fn with_an_edit_that_no_longer_fits() -> Option<(Self, PathBuf, String)> {
        let mut world = World::new()?;
        let edited = world.install.join("mcp_server/index.py");
        let mine = fs::read_to_string(&edited).unwrap() + "\n\nfrom . import settings\n\nENABLED = settings.groups()\n";
        fs::write(&edited, &mine).unwrap();
        world.start();
        // The release renames what the edit uses, and changes another place of the edited file.
        let replace = |path: &str, from: &str, to: &str| {
            let path = world.source.join("mcp_server").join(path);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from));
            fs::write(path, text.replace(from, to)).unwrap();
        };
        replace("settings.py", "def groups", "def enabled_groups");
        replace("__main__.py", "groups", "enabled_groups");
        replace("index.py", "The sections of the standards", "All sections of the standards");
        world.release(&json!({}));
        Some((world, edited, mine))
    }
}

#[test]
fn an_edited_server_that_no_longer_fits() {
    let Some((world, edited, mine)) = World::with_an_edit_that_no_longer_fits() else { return };
    let plan = world.run(&["plan", "--json", "--source", world.source.to_str().unwrap()]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(plan["summary"]["auto_merge"], 1, "{}", plan["summary"]);
    world.fails(&["has no attribute 'groups'"]);
    assert_eq!(fs::read_to_string(&edited).unwrap(), mine);
    assert!(git(&world.source, &["status", "--porcelain"]).is_empty());
}

/// One that did not run before is not left running, however the upgrade ends.
#[test]
fn a_server_that_did_not_run_and_would_not_start() {
    let Some(world) = World::new() else { return };
    world.release(&json!({"log_error": "the index is torn"}));
    world.fails(&["the index is torn"]);
    let left = pos_upgrade_tui::host::server::others(&world.install);
    assert!(left.is_empty(), "{left:?}");
}

/// A file of the user's in the install, and one more.
const OWN: [&str; 2] = ["notes/mine.md", "notes/other.md"];

fn with_notes(world: &World) {
    fs::create_dir_all(world.install.join("notes")).unwrap();
    OWN.iter().for_each(|name| fs::write(world.install.join(name), "mine\n").unwrap());
}

#[test]
fn a_server_that_takes_a_file_of_the_users_away() {
    for running in [true, false] {
        let Some(world) = (if running { World::running() } else { World::new() }) else { return };
        with_notes(&world);
        world.release(&json!({"takes_away": [OWN[0]]}));
        let done = world.fails(&["gone since the new release's server was started", OWN[0], "1 file of yours is"]);
        assert!(!done.message().contains(OWN[1]), "{}", done.said);
        // One that does not even start afterwards.
        world.release(&json!({"takes_away": OWN, "fails_after": "no luck"}));
        world.fails(&["no luck"]);
    }
}

#[test]
fn a_server_that_writes_over_a_file_of_the_users() {
    let Some(world) = World::running() else { return };
    with_notes(&world);
    world.release(&json!({"overwrites": {OWN[0]: "not mine"}}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    let named = done.warnings();
    assert!(named.contains(&format!("restore {} --from ", OWN[0])) && !named.contains(OWN[1]), "{named}");
    assert!(done.said.contains("1 changed since"), "{}", done.said);
    let command = named.lines().find_map(|line| line.split_once("pos-upgrade-tui ")).unwrap().1;
    let words: Vec<&str> = command.split(' ').take_while(|word| *word != "--project").collect();
    let (code, said) = crate::common::text(&world.run(&words));
    assert_eq!((code, fs::read_to_string(world.install.join(OWN[0])).unwrap().as_str()), (0, "mine\n"), "{said}");
}

/// A rollback leaves the state file as it was: it names no process of the release that is gone.
#[test]
fn what_a_server_leaves_in_place_of_its_state_file() {
    let draft = |world: &World| world.install.join(".mcp_server_state.json.4194305");
    for leaves in [json!(null), json!("pipe"), json!("link"), json!("folder"), json!("huge")] {
        for old in [None, Some(&br#"{"pid": 4194305}"#[..])] {
            let Some(world) = World::new() else { return };
            let state = world.install.join(".mcp_server_state.json");
            if let Some(old) = old {
                fs::write(&state, old).unwrap();
                fs::File::open(&state).unwrap().set_modified(std::time::UNIX_EPOCH + Duration::from_secs(9)).unwrap();
            }
            let time = || fs::symlink_metadata(&state).ok().map(|meta| meta.modified().unwrap());
            let was = time();
            world.release(&if leaves.is_null() { json!({}) } else { json!({"leaves": leaves}) });
            let done = world.upgrade(&[]);
            assert_eq!(done.code, 0, "{leaves}: {}", done.said);
            assert_eq!(leaves.is_string(), draft(&world).exists(), "{leaves}");
            assert!(fs::symlink_metadata(&state).is_ok(), "{leaves}: it left something");
            let (code, said) = crate::common::text(&world.run(&["rollback", "--yes"]));
            assert_eq!(code, 0, "{leaves}: {said}");
            assert_eq!(fs::symlink_metadata(&state).is_ok(), old.is_some(), "{leaves}: {said}");
            if let Some(old) = old {
                assert_eq!(fs::read(&state).unwrap(), old, "{leaves}");
            }
            assert_eq!(time(), was, "{leaves}");
            assert!(!draft(&world).exists(), "{leaves}");
        }
    }
}

/// Somebody clears up while an upgrade is interrupted: then it can only go back.
#[test]
fn the_journal_of_the_server_is_gone_when_it_is_gone_on_with() {
    let Some(world) = World::running() else { return };
    world.release(&json!({}));
    let source = world.source.to_str().unwrap();
    let arguments = ["upgrade", "--yes", "--on-conflict", "fail", "--source", source];
    let died = world.command(&arguments).env("POS_CRASH_AT", "child.start before").output().unwrap();
    assert_eq!(died.status.code(), None, "{died:?}");
    let id = sessions(&world.install).pop_last().unwrap();
    fs::remove_dir_all(world.install.join(".upgrade").join(id).join("server")).unwrap();
    let resumed = Upgraded::of(&world.run(&["resume", "--json", "--yes"]));
    assert_eq!((resumed.code, resumed.error_code()), (5, "POS-E0601"), "{}", resumed.said);
    assert!(resumed.message().contains("the journal of the server code is gone"), "{}", resumed.said);
}
