//! Programs that talk without end, with and without ends of lines: little of it is held in memory or left on the disk, and
//! they are ended within their limits.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use pos_upgrade_tui::core::session::ServerBefore;
use pos_upgrade_tui::host::process::program::Listener;
use pos_upgrade_tui::host::python::{compile, pip};
use pos_upgrade_tui::host::server::{self, Settings, Watch};
use serde_json::json;

use crate::common::{Sandbox, assert_same, locked, snapshot};

/// What the binary may take at most, whatever is said to it: an answer of git's is the largest.
const MEMORY: u64 = 320 << 20;
/// And where no answer is held as a whole.
const LITTLE: u64 = 160 << 20;

/// Ways to talk without end.
const FLOODS: [&str; 4] = ["exec yes", "exec cat /dev/zero", "exec yes >&2", "exec cat /dev/zero >&2"];

fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
}

struct Ended {
    code: Option<i32>,
    peak: u64,
    said: String,
    took: Duration,
}

/// Runs a command and looks at its memory all the time; what it prints goes to a file.
fn watched(mut command: Command, folder: &Path, limit: Duration) -> Ended {
    let path = folder.join("said");
    let out = fs::File::create(&path).unwrap();
    command.stdout(out.try_clone().unwrap()).stderr(out);
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut most = 0;
    let code = loop {
        most = most.max(peak(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if begun.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end within {limit:?}, {} MB", most >> 20);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = fs::read(&path).unwrap();
    let said = String::from_utf8_lossy(&said[..said.len().min(1 << 20)]).into_owned();
    Ended { code, peak: most, said, took: begun.elapsed() }
}

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|e| e.file_type().is_file());
    files.filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum()
}

#[test]
fn a_test_command_that_never_ends_to_talk() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let before = snapshot(&demo.install);
    let mut tried = 0;
    for flood in FLOODS {
        let settings = json!({"test_command": ["sh", "-c", flood], "test_timeout": 3});
        fs::write(demo.install.join("upgrade.json"), settings.to_string()).unwrap();
        for more in [&[][..], &["--json"]] {
            if more.is_empty() != (tried % 2 == 0) {
                continue;
            }
            let mut command = sandbox.command();
            command.args(["upgrade", "--yes", "--on-conflict", "keep", "--allow-test-command"]).args(more);
            command.args(["--project", project, "--source", source]);
            let ended = watched(command, &sandbox.path(), Duration::from_secs(90));
            assert_eq!(ended.code, Some(5), "{flood}: {}", ended.said);
            println!("{flood} {more:?}: {} MB in {:?}", ended.peak >> 20, ended.took);
            assert!(ended.peak < LITTLE, "{flood}: {} MB", ended.peak >> 20);
            let held = size(&demo.install.join(".upgrade")) + size(&demo.install.join(".cache"));
            assert!(held < 8 << 20, "{flood}: {held} bytes are left");
        }
        tried += 1;
    }
    fs::remove_file(demo.install.join("upgrade.json")).unwrap();
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tried, FLOODS.len());
}

#[test]
fn a_git_that_never_ends_to_talk() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let (path, bin) = (std::env::var("PATH").unwrap(), sandbox.path().join("bin"));
    let mut tried = 0;
    for what in ["rev-parse", "log", "ls-tree", "cat-file", "status"] {
        for flood in FLOODS {
            // `git` itself for all else.
            let script =
                format!("for word; do [ \"$word\" = {what} ] && {flood}; done\nPATH='{path}'\nexec git \"$@\"");
            program(&bin.join("git"), &script);
            let mut command = sandbox.command();
            command.args(["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", source]);
            command.arg("--dry-run").env("PATH", format!("{}:{path}", bin.display()));
            let ended = watched(command, &sandbox.path(), Duration::from_secs(120));
            assert!(matches!(ended.code, Some(0 | 2..=5)), "{what}, {flood}: {:?} {}", ended.code, ended.said);
            assert!(ended.peak < MEMORY, "{what}, {flood}: {} MB", ended.peak >> 20);
            tried += 1;
        }
    }
    println!("{tried} floods by git");
}

/// Ends a program after a while, and counts what it hears.
struct Ear {
    begun: Instant,
    lines: u64,
    longest: usize,
}

impl Ear {
    fn new() -> Self {
        Self { begun: Instant::now(), lines: 0, longest: 0 }
    }
}

impl Listener for Ear {
    fn line(&mut self, text: &str) {
        self.lines += 1;
        self.longest = self.longest.max(text.len());
    }

    fn go_on(&mut self) -> bool {
        self.begun.elapsed() < Duration::from_secs(2)
    }
}

#[test]
fn a_pip_and_a_python_that_never_end_to_talk() {
    let sandbox = Sandbox::new();
    let install = sandbox.path();
    let (venv, requirements) = (install.join("venv"), install.join("requirements.txt"));
    fs::write(&requirements, "a\n").unwrap();
    let lock = locked(&install);
    let before = peak(std::process::id()).unwrap();
    for flood in FLOODS {
        program(&venv.join("bin/python"), flood);
        let mut ear = Ear::new();
        pip::install(None, lock.install(), &venv, &requirements, None, &mut ear).unwrap_err();
        assert!(ear.longest < 20_000, "{flood}");
        pip::complaints(None, &venv, &mut Ear::new()).unwrap_err();
        pip::missing(None, &venv, &requirements, &mut Ear::new()).unwrap_err();
        pip::not_importable(&venv, &["a".to_owned()], &mut Ear::new()).unwrap_err();
        let begun = Instant::now();
        let _ = compile::compile_error(&install, b"x = 1\n");
        let _ = compile::registered_tools(&install, &install, "{}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{flood}");
    }
    let more = peak(std::process::id()).unwrap().saturating_sub(before);
    println!("{} programs, {} MB more", FLOODS.len() * 6, more >> 20);
    assert!(more < LITTLE, "{} MB more", more >> 20);
}

struct Patient;
impl Watch for Patient {
    fn started(&mut self, _pid: u32) {}
    fn waiting(&mut self, _waited: Duration, last: &str) -> bool {
        assert!(last.len() < 5_000);
        true
    }
}

#[test]
fn a_server_that_never_ends_to_log() {
    let sandbox = Sandbox::new();
    let before = peak(std::process::id()).unwrap();
    for (n, flood) in FLOODS.iter().enumerate() {
        let install: PathBuf = sandbox.path().join(format!("{n}/.praxis-os"));
        fs::create_dir_all(&install).unwrap();
        let lock = locked(&install);
        let script = install.join("server");
        program(&script, flood);
        let launch = ServerBefore {
            was_running: false,
            pid: None,
            command: vec![script.to_str().unwrap().to_owned()],
            cwd: install.clone(),
            env: Default::default(),
            tools: Vec::new(),
        };
        let begun = Instant::now();
        let error = server::start(lock.install(), &launch, &Settings::default(), &mut Patient).unwrap_err().to_string();
        assert!(error.contains("writes without end into its log"), "{flood}: {error}");
        assert!(error.len() < 10_000 && begun.elapsed() < Duration::from_secs(50), "{flood}: {:?}", begun.elapsed());
        let log = server::log_path(&install);
        assert!(server::last_lines(&log, 0, 8).len() < 10_000);
        // The next start sets it aside, and what was set aside before goes.
        for _ in 0..2 {
            server::start(lock.install(), &launch, &Settings::default(), &mut Patient).unwrap_err();
        }
        let logs = fs::read_dir(log.parent().unwrap()).unwrap().count();
        assert_eq!(logs, 2, "{flood}");
        fs::remove_dir_all(&install).unwrap();
    }
    let more = peak(std::process::id()).unwrap().saturating_sub(before);
    println!("{} servers, {} MB more", FLOODS.len() * 3, more >> 20);
    assert!(more < LITTLE, "{} MB more", more >> 20);
}
