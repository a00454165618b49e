//! One upgrade at a time: many starts at once with winners that are killed, what a dead one leaves behind, and a lock
//! that nobody here can check.

use crate::common::ext;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::ext::{Helper, refused};
use crate::common::{Sandbox, assert_same, eventually, snapshot, text};
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::python::venv;
use pos_upgrade_tui::host::session::lock::{Lock, LockError, LockNote};

const STARTS: &str = "POS_LOCK_STARTS";
const ROUNDS: usize = 20;
const AT_ONCE: usize = 50;

/// Not a test of its own: one of the processes that want the lock. Says how it went, and holds what it won.
#[test]
fn child() {
    let Some(install) = std::env::var_os(STARTS) else { return };
    let install = Path::new(&install);
    let mut out = std::io::stdout().lock();
    match Lock::acquire(install) {
        Ok(mut lock) => {
            // The proof: a file that only one process can have made. A killed one leaves it, with its number.
            let inside = install.join("inside");
            if let Ok(text) = fs::read_to_string(&inside)
                && let Some((pid, start)) = text.split_once(' ')
                && proc::start_ticks(pid.parse().unwrap()) == start.parse().ok()
            {
                writeln!(out, "\nTWO: {pid} is inside too").unwrap();
                return;
            }
            let own = std::process::id();
            fs::write(&inside, format!("{own} {}", proc::start_ticks(own).unwrap())).unwrap();
            lock.explain(&format!("of-{own}"), &jiff::Timestamp::now().to_string()).unwrap();
            writeln!(out, "\nwon").unwrap();
            out.flush().unwrap();
            std::thread::sleep(Duration::from_millis(30));
            fs::remove_file(&inside).unwrap();
            lock.unexplain();
        }
        Err(LockError::Held(_)) => writeln!(out, "\nheld").unwrap(),
        Err(e) => writeln!(out, "\nERROR: {e}").unwrap(),
    }
}

#[test]
fn a_thousand_starts_have_one_winner_at_a_time() {
    let dir = tempfile::Builder::new().prefix("pos-test-").tempdir().unwrap();
    let install = dir.path().join(".praxis-os");
    fs::create_dir(&install).unwrap();
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "locking::child", "--nocapture", "--test-threads=1"]).env(STARTS, &install);
        Helper(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    };
    let begun = Instant::now();
    let (mut won, mut held, mut killed) = (0, 0, 0);
    for round in 0..ROUNDS {
        let readers: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let mut helper = start();
                // Every other winner is killed while it holds the lock.
                let kill = (number + round) % 2 == 0;
                std::thread::spawn(move || {
                    let out = BufReader::new(helper.0.stdout.take().unwrap());
                    let mut said = Vec::new();
                    for line in out.lines().map_while(Result::ok) {
                        if line == "won" && kill {
                            helper.kill();
                            return "killed".to_owned();
                        }
                        if line == "won" || line == "held" || line.starts_with("TWO") || line.starts_with("ERROR") {
                            said.push(line);
                        }
                    }
                    helper.0.wait().unwrap();
                    said.join(" ")
                })
            })
            .collect();
        let mut winners = 0;
        for reader in readers {
            match reader.join().unwrap().as_str() {
                "won" => (won, winners) = (won + 1, winners + 1),
                "killed" => (killed, winners) = (killed + 1, winners + 1),
                "held" => held += 1,
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert!(winners > 0, "round {round}: nobody got the lock, it is stuck");
    }
    drop(Lock::acquire(&install).expect("free after all that"));
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} starts in {seconds:.1} s: {won} won, {killed} won and were killed, {held} were refused",
        won + killed + held
    );
    assert_eq!(won + killed + held, ROUNDS * AT_ONCE);
    assert!(killed > 0 && held > 0, "both happened");
}

#[test]
fn a_pip_that_a_killed_upgrade_left_is_ended_first() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let project = ["--project", demo.project.to_str().unwrap()];
    let before = snapshot(&demo.install);
    let mut command = sandbox.command();
    command.args(["upgrade", "--json", "--yes", "--on-conflict", "keep", "--source", demo.source.to_str().unwrap()]);
    command.args(project);
    ext::kill_at(command, |l| l["event"] == "task_progress" && l["task"] == "dependencies");
    let note: LockNote = serde_json::from_slice(&fs::read(demo.install.join(".upgrade-lock")).unwrap()).unwrap();
    let pip = note.children.last().expect("pip is noted").clone();
    let lived = proc::start_ticks(pip.pid) == Some(pip.start);
    // Held where it is, it can't end by itself.
    if lived {
        let pid = rustix::process::Pid::from_raw(pip.pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    }
    let (code, said) = text(&sandbox.run(&[&["rollback", "--yes"], &project[..]].concat()));
    assert_eq!(code, 0, "{said}");
    assert_ne!(proc::start_ticks(pip.pid), Some(pip.start), "{said}");
    if lived {
        assert_eq!(said.matches("left by the upgrade that died").count(), 1, "one line says so: {said}");
    } else {
        println!("pip had ended before it could be held");
    }
    assert_same(&before, &snapshot(&demo.install));
    assert!(!venv::has_generation(&demo.install, note.started_at.as_str()));
}

#[test]
fn the_server_that_an_upgrade_starts_does_not_inherit_the_lock() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let mut command = sandbox.command();
    command.args(["upgrade", "--json", "--yes", "--on-conflict", "keep", "--source", demo.source.to_str().unwrap()]);
    command.args(["--project", demo.project.to_str().unwrap()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output).1);
    let pos_upgrade_tui::host::server::Running::Yes(live) = pos_upgrade_tui::host::server::find(&demo.install) else {
        panic!("it runs")
    };
    let files = fs::read_dir(format!("/proc/{}/fd", live.process.pid)).unwrap().flatten();
    let open: Vec<_> = files.filter_map(|e| fs::read_link(e.path()).ok()).collect();
    assert!(open.iter().any(|p| p.ends_with(".cache/mcp_server.log")), "they can be seen: {open:?}");
    assert!(!open.iter().any(|p| p.starts_with(demo.install.join(".upgrade"))), "{open:?}");
    drop(Lock::acquire(&demo.install).expect("free while the server runs"));
}

#[test]
fn a_lock_that_nobody_here_can_check() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let path = demo.install.join(".upgrade-lock");
    let id = uuid::Uuid::now_v7().to_string();
    let note = format!(
        "{{\"session_id\":\"{id}\",\"started_at\":\"2020-01-01T00:00:00Z\",\"pid\":7,\"boot_id\":\"b\",\"host\":\"far-away\"}}"
    );
    fs::write(&path, &note).unwrap();
    let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source"];
    let upgrade = [&upgrade[..], &[demo.source.to_str().unwrap()]].concat();
    let command = format!("unlock {id}");
    refused(&sandbox, &demo.project, &upgrade, 7, &["far-away", &command]);
    let (_, said) = text(&sandbox.run(&["status", "--project", project]));
    assert!(said.contains("far-away") && said.contains(&command), "{said}");

    // The wrong session: the right one is named. Without a terminal nobody can be asked.
    refused(&sandbox, &demo.project, &["unlock", "other", "--yes", "--project", project], 2, &["far-away", &command]);
    refused(&sandbox, &demo.project, &["unlock", &id, "--project", project], 2, &["--yes"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), note);

    fs::create_dir_all(demo.install.join(".upgrade")).unwrap();
    fs::write(demo.install.join(".upgrade/lock"), "").unwrap();
    let (code, said) = text(&sandbox.run(&["unlock", &id, "--yes", "--project", project]));
    assert_eq!(code, 0, "{said}");
    assert!(!path.exists() && demo.install.join(".upgrade/lock").exists(), "the lock's file stays");
    let (code, said) = text(&sandbox.run(&["unlock", &id, "--yes", "--project", project]));
    assert!(code == 0 && said.contains("nothing to unlock"), "{said}");
    let output = sandbox.run(&upgrade);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

#[test]
fn a_lock_that_is_held_is_not_unlocked() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let mut lock = Lock::acquire(&demo.install).unwrap();
    lock.explain("mine", &jiff::Timestamp::now().to_string()).unwrap();
    refused(&sandbox, &demo.project, &["unlock", "mine", "--yes", "--project", project], 7, &["running", "mine"]);
    // The lock itself counts, whatever the note says.
    let note = demo.install.join(".upgrade-lock");
    let text = fs::read_to_string(&note).unwrap().replace(&format!("\"pid\": {}", std::process::id()), "\"pid\": 0");
    fs::write(&note, text).unwrap();
    refused(&sandbox, &demo.project, &["unlock", "mine", "--yes", "--project", project], 7, &["running"]);
    drop(lock);
    eventually("unlocked", || sandbox.run(&["unlock", "mine", "--yes", "--project", project]).status.success());
}
