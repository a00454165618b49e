//! The history of this machine: many processes that write it at once and are killed, a store that is lost, damaged or can't
//! be written.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::{Sandbox, text};

fn folder(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("home/.local/share/pos-upgrade-tui")
}

fn all(sandbox: &Sandbox, more: &[&str]) -> Vec<Value> {
    let output = sandbox.run(&[&["history", "--all", "--json"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    listed["upgrades"].as_array().unwrap().clone()
}

#[test]
fn ten_that_write_at_once_and_are_killed_lose_no_row() {
    let sandbox = Sandbox::new();
    let mut said: BTreeSet<String> = BTreeSet::new();
    for round in 0..5u64 {
        let start = |at: u64| {
            let mut command = sandbox.command();
            command.args(["history", "--all"]).env("POS_HISTORY_ROWS", "100000").stdout(Stdio::piped());
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            let output = BufReader::new(child.stdout.take().unwrap());
            std::thread::spawn(move || {
                let told = std::thread::spawn(move || {
                    let ids = output.lines().map_while(Result::ok);
                    ids.filter_map(|line| Some(line.strip_prefix("noted ")?.to_owned())).collect::<Vec<_>>()
                });
                std::thread::sleep(Duration::from_millis(700 + (round * 131 + at * 97) % 900));
                child.kill().unwrap();
                child.wait().unwrap();
                told.join().unwrap()
            })
        };
        let writers: Vec<_> = (0..10).map(start).collect();
        said.extend(writers.into_iter().flat_map(|writer| writer.join().unwrap()));
        let rows = all(&sandbox, &[]);
        let known: BTreeSet<String> = rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let lost: Vec<_> = said.difference(&known).collect();
        assert!(lost.is_empty() && known.len() == rows.len(), "round {round}: lost {lost:?}");
        if let Ok(output) =
            Command::new("sqlite3").arg(folder(&sandbox).join("history.db")).arg("PRAGMA integrity_check").output()
        {
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok", "round {round}");
        }
        let aside = fs::read_dir(folder(&sandbox)).unwrap().map(|e| e.unwrap().file_name());
        assert!(!aside.into_iter().any(|name| name.to_string_lossy().contains("damaged")), "round {round}");
    }
    assert!(said.len() >= 50, "only {} rows were written", said.len());
    println!("{} rows", said.len());
}

#[test]
fn all_projects_of_this_machine_stand_in_it_and_are_counted_together() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let other = sandbox.second_project(&demo);
    let source = demo.source.to_str().unwrap();
    let names = [&demo, &other].map(|demo| demo.project.to_str().unwrap());
    for project in names {
        let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", source];
        let output = sandbox.run(&upgrade);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    }
    let output = sandbox.run(&["rollback", "--yes", "--project", names[0]]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    // The newest first, from wherever it is asked.
    let rows = all(&sandbox, &[]);
    let told: Vec<_> =
        rows.iter().map(|row| (row["project"].as_str().unwrap(), row["kind"].as_str().unwrap())).collect();
    assert_eq!(told, [(names[0], "rollback"), (names[1], "upgrade"), (names[0], "upgrade")]);
    let stats = sandbox.run(&["history", "--all", "--stats", "--json"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    let figures = &stats["stats"];
    assert_eq!(
        (&figures["upgrades"], &figures["completed"], &figures["rolled_back"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!((&figures["success_rate"], &figures["rollback_success"]), (&0.5.into(), &1.0.into()), "{stats}");
    let own = sandbox.run(&["history", "--stats", "--json", "--project", names[1]]);
    let own: Value = serde_json::from_slice(&own.stdout).unwrap();
    assert_eq!((&own["stats"]["upgrades"], &own["stats"]["success_rate"]), (&1.into(), &1.0.into()), "{own}");
}

#[test]
fn a_lost_store_is_made_again_and_a_damaged_one_set_aside() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", source];
    let output = sandbox.run(&upgrade);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let rows = all(&sandbox, &[]);
    assert_eq!((rows.len(), &rows[0]["status"], &rows[0]["exit"]), (1, &"completed".into(), &0.into()), "{rows:?}");
    assert_eq!(fs::metadata(folder(&sandbox).join("history.db")).unwrap().permissions().mode() & 0o077, 0);
    let output = sandbox.run(&["rollback", "--yes", "--project", project]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let rows = all(&sandbox, &[]);
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert!(rows.len() == 2 && kinds == BTreeSet::from(["rollback", "upgrade"]), "{rows:?}");
    assert!(rows.iter().all(|row| row["status"] == "rolled_back"), "{rows:?}");

    fs::remove_dir_all(folder(&sandbox)).unwrap();
    assert!(all(&sandbox, &[]).is_empty());
    assert_eq!(all(&sandbox, &["--project", project]).len(), 2, "made again from the sessions");

    fs::write(folder(&sandbox).join("history.db"), "no store at all ".repeat(500)).unwrap();
    assert_eq!(all(&sandbox, &["--project", project]).len(), 2);
    assert!(folder(&sandbox).join("history.db.damaged-1").is_file());
    let stats = sandbox.run(&["history", "--all", "--stats", "--json"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!(stats["stats"]["rolled_back"], 1);

    // A file stands where the folder would be: nobody can write there, whoever runs the tests.
    fs::remove_dir_all(folder(&sandbox)).unwrap();
    fs::write(folder(&sandbox), "").unwrap();
    let output = sandbox.run(&upgrade);
    let (code, said) = text(&output);
    assert!(code == 0 && !said.contains("history of this machine"), "{said}");
    fs::remove_file(folder(&sandbox)).unwrap();

    // A demo is nobody's project.
    fs::write(demo.source.join(".git/pos-upgrade-tui-demo"), "").unwrap();
    assert!(all(&sandbox, &["--project", project]).is_empty());
    // Nor is it one by its address.
    let mut other = Sandbox::new();
    let demo = other.content_demo();
    fs::write(demo.source.join(".git/pos-upgrade-tui-demo"), "").unwrap();
    let (project, address) = (demo.project.to_str().unwrap(), format!("file://{}", demo.source.display()));
    let output = other.run(&["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", &address]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert!(all(&other, &["--project", project]).is_empty());
}
