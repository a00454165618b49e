//! Whose server it is: what is not provably this install's, or belongs to somebody, is left alone.

use std::fs;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::server::{self, Owner, Running};
use serde_json::json;

use crate::common::ext::{Helper, sleeper};
use crate::common::{eventually, text, tools};
use crate::server::world::World;

fn state_bytes(world: &World) -> (Vec<u8>, u32, SystemTime) {
    let path = world.install.join(".mcp_server_state.json");
    let meta = fs::metadata(&path).unwrap();
    (fs::read(&path).unwrap(), meta.permissions().mode(), meta.modified().unwrap())
}

#[test]
fn a_state_file_that_points_to_an_innocent_process() {
    let Some(mut world) = World::new() else { return };
    let mut innocent = sleeper();
    let state = json!({"pid": innocent.pid(), "port": 4242, "url": "http://127.0.0.1:4242/mcp"});
    fs::write(world.install.join(".mcp_server_state.json"), state.to_string()).unwrap();
    world.release(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(0)["server_found"], "stale state file");
    assert_eq!(done.evidence(3)["server_restarted"], "not_applicable: server was not running");
    assert!(innocent.0.try_wait().unwrap().is_none(), "it still lives");
    assert!(matches!(server::find(&world.install), Running::No(_)), "and no server is left");

    // Who starts the server later has the old one after a rollback.
    world.start();
    assert_eq!(tools(&world.install).unwrap().len(), 5);
    let back = world.run(&["rollback", "--yes"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_eq!(tools(&world.install).unwrap().len(), 4);
}

#[test]
fn two_projects_side_by_side() {
    let (Some(mut ours), Some(theirs)) = (World::new(), World::running()) else { return };
    let (other, answers) = (theirs.state()["pid"].as_u64().unwrap(), tools(&theirs.install));
    let other = proc::look(u32::try_from(other).unwrap()).unwrap();
    // A state file that came along with a copied project.
    fs::copy(theirs.install.join(".mcp_server_state.json"), ours.install.join(".mcp_server_state.json")).unwrap();
    ours.release(&json!({}));
    let done = ours.upgrade(&["--only", "server"]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(3)["server_found"], "state file of another project's server");
    assert_eq!(proc::look(other.pid).as_ref(), Some(&other), "the other server did not notice");

    // Ours runs now, and so does theirs.
    ours.start();
    ours.release(&json!({"log_error": "broken"}));
    ours.fails(&["broken"]);
    assert_eq!(proc::look(other.pid).as_ref(), Some(&other));
    assert_eq!(tools(&theirs.install), answers);
}

/// Where descriptor 0 of a process leads.
fn stdin_of(pid: u32) -> String {
    proc::descriptors(pid).remove(&0).map(|d| d.leads).unwrap_or_default()
}

#[test]
fn a_server_that_an_editor_owns() {
    let Some(mut world) = World::new() else { return };
    let mut command = world.server_over("dual");
    let mut editor = command.stdin(Stdio::piped()).spawn().unwrap();
    let held = editor.stdin.take();
    let pid = world.adopt(editor);
    eventually("its pipe is moved away", || stdin_of(pid) == "/dev/null");
    let before = state_bytes(&world);
    let old_tools = tools(&world.install);
    world.release(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(0)["server_found"], "running, owned by an editor");
    assert_eq!(done.evidence(3)["server_restarted"], "not_applicable: an editor owns the server");
    assert_eq!(done.evidence(3)["server_health_check"], "passed", "proven with one of our own");
    assert_eq!(done.evidence(4)["tools_registered"], 5);
    let told = format!("the server (pid {pid}) is left alone: its editor holds it; reload it there");
    assert!(done.warnings().contains(&told), "{}", done.warnings());
    assert_eq!(state_bytes(&world), before, "its state file, mode and time");
    assert_eq!(tools(&world.install), old_tools, "it still answers");

    let again = world.upgrade(&[]);
    assert!(again.message().contains("nothing to do"), "{}", again.said);
    assert!(again.message().contains("was started before its code last changed"), "{}", again.said);

    // Without its state file it is only seen, and named.
    fs::remove_file(world.install.join(".mcp_server_state.json")).unwrap();
    let others: Vec<u32> = server::others(&world.install).iter().map(|p| p.pid).collect();
    assert_eq!(others, [pid]);
    drop(held);
    eventually("it ends with its editor", || proc::look(pid).is_none());
}

/// Editors that are written for Node hold a pair of sockets, and its end may have been moved away, too.
#[test]
fn a_server_that_an_editor_holds_by_a_socket() {
    let Some(mut world) = World::new() else { return };
    let (held, given) = UnixStream::pair().unwrap();
    let editor = world.server_over("dual").stdin(OwnedFd::from(given)).spawn().unwrap();
    let pid = world.adopt(editor);
    eventually("its socket is moved away", || stdin_of(pid) == "/dev/null");
    let found = server::find(&world.install);
    assert!(matches!(&found, Running::Yes(live) if live.owner == Owner::Editor), "{found:?}");
    drop(held);
    eventually("it ends with its editor", || proc::look(pid).is_none());
}

#[test]
fn a_server_that_was_started_by_hand() {
    let Some(mut world) = World::new() else { return };
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(world.install.join("venv/bin/python"));
    command.args(["-m", "mcp_server", "--transport", "dual"]);
    command.env("PYTHONPATH", &world.install);
    command.env("PROJECT_ROOT", &world.project);
    command.cwd(&world.project);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut screen = pair.master.try_clone_reader().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while screen.read(&mut bytes).is_ok_and(|n| n > 0) {}
    });
    let pid = child.process_id().unwrap();
    eventually("the server answers", || tools(&world.install).is_some());
    eventually("its input is moved away", || stdin_of(pid) == "/dev/null");
    let old_tools = tools(&world.install);
    let before = state_bytes(&world);

    world.release(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(0)["server_found"], "running, started by hand on a terminal");
    assert!(done.events.iter().any(|e| e["event"] == "question_asked" && e["id"] == "server_by_hand"));
    assert!(done.warnings().contains("--restart"), "{}", done.warnings());
    assert_eq!((tools(&world.install), state_bytes(&world)), (old_tools, before), "nobody was there to ask");

    world.release(&json!({"slow_start": 1}));
    let done = world.upgrade(&["--restart"]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(3)["server_restarted"], true);
    child.wait().unwrap();
    assert_ne!(world.state()["pid"], pid);
    assert_eq!(world.state()["transport"], "http", "nobody holds its standard input any more");
    assert!(done.warnings().contains("--transport http instead of dual"), "{}", done.warnings());
    assert!(tools(&world.install).is_some());
    world.sandbox.watch(&world.install.clone());
}

/// Processes that look like a server of this install, and state files of every kind that name them: none is taken for
/// it, unless all that can be checked agrees.
#[test]
fn forged_and_outlived_state_files() {
    const TRIES: u64 = 200;
    const LISTEN: &str = "import socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\n\
        open('port', 'w').write(str(s.getsockname()[1]))\ntime.sleep(600)\n";
    let dir = tempfile::tempdir().unwrap();
    let project = dir.path().canonicalize().unwrap();
    let (install, other) = (project.join(".praxis-os"), project.join("other"));
    for folder in [&install.join("mcp_server"), &other.join("mcp_server")] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("__init__.py"), "").unwrap();
        fs::write(folder.join("__main__.py"), LISTEN).unwrap();
    }
    let python = install.join("venv/bin/python");
    let alike = |package: &Path, named: &Path, words: &[&str]| {
        let cwd = named.join(format!("cwd-{}", words.join("-").replace('/', "_")));
        fs::create_dir_all(&cwd).unwrap();
        let mut command = Command::new("python3");
        command.arg0(&python).args(words).env("PYTHONPATH", package).env("PROJECT_ROOT", named).current_dir(&cwd);
        let helper = Helper(command.stdin(Stdio::null()).spawn().unwrap());
        let mut port = 0;
        eventually("it listens", || {
            port = fs::read_to_string(cwd.join("port")).ok().and_then(|t| t.parse().ok()).unwrap_or(0);
            port != 0
        });
        (helper, port)
    };
    let script = project.join("listen.py");
    fs::write(&script, LISTEN).unwrap();
    let script = script.to_str().unwrap();
    let mut victims = [
        // All of it but the age.
        alike(&install, &project, &["-m", "mcp_server", "--transport", "http"]),
        // Another project's, from the same environment.
        alike(&other, &other, &["-m", "mcp_server", "--transport", "http"]),
        // No server: the words stand where nobody reads them.
        alike(&install, &project, &[script, "-m", "mcp_server"]),
    ];
    let whole = (&victims[0].0.pid(), victims[0].1);
    let genuine = |pid: u32, port: u16, young: bool| (&pid, port) == whole && young;

    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let own = std::process::id();
    let (mut taken, mut true_ones) = (Vec::new(), 0);
    for _ in 0..TRIES {
        let who = usize::try_from(next(5)).unwrap();
        let others = [(own, 4242), (1, 4242), (0, 0)];
        let all: Vec<(u32, u16)> = victims.iter().map(|(v, port)| (v.pid(), *port)).chain(others).collect();
        let pid = all[who.min(all.len() - 1)].0;
        let port = if next(2) == 0 { all[who].1 } else { all[usize::try_from(next(5)).unwrap()].1 };
        let said_old = next(2) == 0;
        let age = Duration::from_secs(if next(2) == 0 { 0 } else { 60 + next(100_000) });
        let time = jiff::Timestamp::now() - if said_old { Duration::from_secs(3600) } else { Duration::ZERO };
        let mut state = json!({"pid": pid, "port": port, "started_at": time.to_string()});
        state["url"] = match next(3) {
            0 => json!(format!("http://127.0.0.1:{port}/mcp")),
            1 => json!(format!("http://127.0.0.1:{port}@elsewhere.example/mcp")),
            _ => json!(null),
        };
        let path = install.join(".mcp_server_state.json");
        fs::write(&path, state.to_string()).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        let young = !said_old && age.is_zero();
        match server::find(&install) {
            Running::Yes(live) if genuine(pid, port, young) => {
                assert_eq!(live.url, format!("http://127.0.0.1:{port}/mcp"));
                true_ones += 1;
            }
            Running::Yes(live) => taken.push((state, live)),
            Running::No(missing) => assert!(!genuine(pid, port, young), "{state}: {missing:?}"),
        }
    }
    assert!(taken.is_empty(), "{} of {TRIES}: {taken:#?}", taken.len());
    assert!(true_ones > 0, "a check that says no to everything is none");
    assert!(victims.iter_mut().all(|(v, _)| v.0.try_wait().unwrap().is_none()), "they all live");
}
