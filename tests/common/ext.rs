//! More of what the tests on the built binary share: the state of a project, refusals, shapes of JSON.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pos_upgrade_tui::host::process::{children, proc};
use pos_upgrade_tui::host::server::{self, Running};
use serde_json::Value;

use crate::common::{Sandbox, assert_same, snapshot, text};

/// Says that a test can't run on this machine. Where everything must run, that is a failure.
pub fn skipped(why: &str) {
    println!("skipped: {why}");
    assert!(std::env::var_os("POS_CI").is_none(), "skipped, though POS_CI is set: {why}");
}

/// What a refused command must leave alone: the install, what this program notes in it, and the files beside it.
pub struct State {
    install: BTreeMap<String, String>,
    notes: BTreeMap<String, Option<Vec<u8>>>,
    beside: BTreeMap<String, Option<Vec<u8>>>,
}

impl State {
    /// Of a project's folder, which need not hold an install.
    pub fn of(project: &Path) -> Self {
        let install = project.join(".praxis-os");
        let mut notes = BTreeMap::new();
        for folder in [".upgrade", ".cache/state", ".backups", "rescued"] {
            notes.extend(
                tree(&install.join(folder)).into_iter().map(|(path, bytes)| (format!("{folder}/{path}"), bytes)),
            );
        }
        let beside = std::fs::read_dir(project).into_iter().flatten().map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).ok())
        });
        let snapshot = if install.is_dir() { snapshot(&install) } else { BTreeMap::new() };
        Self { install: snapshot, notes, beside: beside.collect() }
    }

    /// Asserts that nothing is different, `UPDATE_LOG.txt` included.
    pub fn assert_still(&self, project: &Path) {
        let now = Self::of(project);
        assert_same(&self.install, &now.install);
        let log = "UPDATE_LOG.txt";
        assert_eq!(self.install.get(log), now.install.get(log), "{log}");
        let names = |of: &BTreeMap<String, Option<Vec<u8>>>| of.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&self.notes), names(&now.notes), "sessions and backups");
        assert!(self.notes == now.notes, "the bytes of sessions and backups");
        assert_eq!(names(&self.beside), names(&now.beside), "the project's folder");
        assert!(self.beside == now.beside, "the bytes of the project's files");
    }
}

/// Everything below a folder: the bytes of files, none for folders; empty if it isn't there.
fn tree(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let walk = walkdir::WalkDir::new(folder).min_depth(1).into_iter().filter_map(Result::ok);
    walk.map(|e| {
        let path = e.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        (path, if e.file_type().is_file() { std::fs::read(e.path()).ok() } else { None })
    })
    .collect()
}

/// The names of an install's session folders.
pub fn sessions(install: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(install.join(".upgrade")).into_iter().flatten();
    let names = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|n| uuid::Uuid::try_parse(n).is_ok()).collect()
}

/// A way to start the built binary, each time anew.
pub type Start<'a> = &'a dyn Fn() -> Command;

/// Runs a command twice, for people and with `--json`, and asserts that both times it is refused as it should be:
/// with this exit code, naming each of `names` and a next step, and with nothing changed. Returns what people read.
pub fn refused(sandbox: &Sandbox, project: &Path, arguments: &[&str], code: i32, names: &[&str]) -> String {
    refused_by(&|| sandbox.command(), project, arguments, code, names)
}

/// [`refused`], for a binary that is started in a special way.
pub fn refused_by(start: Start<'_>, project: &Path, arguments: &[&str], code: i32, names: &[&str]) -> String {
    let before = State::of(project);
    let (said, _) = refusal(start, arguments, code, names);
    assert!(said.contains("nothing was changed"), "how the install stands, for {arguments:?}:\n{said}");
    before.assert_still(project);
    said
}

/// Runs a command twice, for people and with `--json`. Asserts the exit code, the names and the next step; returns
/// what people read, and the JSON line.
pub fn refusal(start: Start<'_>, arguments: &[&str], code: i32, names: &[&str]) -> (String, Value) {
    let output = start().args(arguments).output().unwrap();
    let (ended, said) = text(&output);
    assert_eq!(ended, code, "{arguments:?}:\n{said}");
    let next = said.lines().filter_map(|l| l.trim().strip_prefix("next:")).any(|n| !n.trim().is_empty());
    for name in names {
        assert!(said.contains(name), "{name:?} is not named by {arguments:?}:\n{said}");
    }
    assert!(next, "no next step is named by {arguments:?}:\n{said}");

    let output = start().args(arguments).arg("--json").output().unwrap();
    let (ended, all) = text(&output);
    assert_eq!(ended, code, "{arguments:?} --json:\n{all}");
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), 1, "a refusal is one JSON line, {arguments:?}:\n{lines}");
    let line: Value = serde_json::from_str(lines.lines().last().unwrap()).expect(&lines);
    assert_eq!((&line["event"], &line["result"]), (&"finished".into(), &"failed".into()), "{line}");
    assert_eq!((&line["schema"], &line["exit_code"]), (&1.into(), &code.into()), "{line}");
    let message = line["message"].as_str().expect("a message");
    let next = line["next"].as_str().expect("a next step");
    let error = line["code"].as_str().expect("a code");
    for name in names {
        assert!([message, next, error].iter().any(|text| text.contains(name)), "{name:?} is not named in {line}");
    }
    assert!(!message.trim().is_empty() && !next.trim().is_empty(), "{line}");
    (said, line)
}

/// A child process that ends with the test.
pub struct Helper(pub Child);

impl Helper {
    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Holds it where it is, or lets it go on.
    pub fn hold(&self, held: bool) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let signal = if held { rustix::process::Signal::STOP } else { rustix::process::Signal::CONT };
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Kills it (SIGKILL) and takes its body away.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a program that does nothing for a minute.
pub fn sleeper() -> Helper {
    Helper(Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap())
}

/// Starts a command and kills it as soon as it prints a line for which `when` holds; all lines until then. What it
/// printed meanwhile is lost: its session stands where it stood.
pub fn kill_at(mut command: Command, when: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut helper = Helper(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut seen = Vec::new();
    for line in BufReader::new(helper.0.stdout.take().unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let now = when(&line);
        seen.push(line);
        if now {
            helper.kill();
            return seen;
        }
    }
    panic!("it ended without that: {:#?}", seen.last());
}

/// Starts a command and waits for a line of its JSON for which `when` holds; it runs on.
pub fn started_until(command: &mut Command, when: impl Fn(&Value) -> bool) -> Helper {
    let mut helper = Helper(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(helper.0.stdout.take().unwrap()).lines();
    let reached = lines.by_ref().map_while(Result::ok).any(|line| serde_json::from_str(&line).is_ok_and(|l| when(&l)));
    assert!(reached, "it ended without that");
    // Who writes to a pipe that nobody reads from would end.
    std::thread::spawn(move || lines.for_each(drop));
    helper
}

/// A file that only the user has, so big that its backup takes a while: time to look at a running upgrade, or to end it.
pub fn slow_down(install: &Path) {
    let specs = install.join("specs/measurements");
    std::fs::create_dir_all(&specs).unwrap();
    let bytes: Vec<u8> = (0..10_000_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    std::fs::write(specs.join("raw.bin"), bytes).unwrap();
}

/// The keys of a JSON object.
pub fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}")).keys().cloned().collect()
}

/// Words as a set.
pub fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// The lines of a `--json` run.
pub fn lines(stdout: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(stdout.to_vec()).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

/// Where a program is, by PATH.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file());
    found.unwrap_or_else(|| panic!("{name} is not on PATH"))
}

/// The interpreter itself, not a wrapper that finds it by PATH.
pub fn interpreter() -> PathBuf {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A user who may do nothing that file modes forbid: for root somebody else, otherwise oneself.
pub struct Plain {
    binary: PathBuf,
    root: bool,
}

impl Plain {
    /// Gives the sandbox, and all below it, to that user.
    pub fn new(sandbox: &Sandbox) -> Self {
        let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
        let root = is_root();
        if root {
            // Where the others can get at it, and with a git that reads a repository of ours.
            let copy = sandbox.path().join("pos-upgrade-tui");
            std::fs::copy(&binary, &copy).unwrap();
            binary = copy;
            std::fs::write(sandbox.path().join("home/.gitconfig"), "[safe]\n\tdirectory = *\n").unwrap();
        }
        let plain = Self { binary, root };
        plain.give(&sandbox.path());
        plain
    }

    /// Gives a folder, and all below it, to that user.
    pub fn give(&self, folder: &Path) {
        for entry in walkdir::WalkDir::new(folder).into_iter().filter(|_| self.root) {
            std::os::unix::fs::lchown(entry.unwrap().path(), Some(65534), Some(65534)).unwrap();
        }
    }

    /// The binary, as that user, in the sandbox.
    pub fn command(&self, sandbox: &Sandbox) -> Command {
        self.program(&self.binary, sandbox)
    }

    /// Where the binary is that this user may run.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Another program, as that user, in the sandbox.
    pub fn program(&self, program: &Path, sandbox: &Sandbox) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(program);
        command.current_dir(sandbox.path()).stdin(Stdio::null());
        for (name, value) in sandbox.command().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if self.root {
            command.uid(65534).gid(65534);
        }
        command
    }
}

/// A folder with a mode of its own until this goes.
pub struct Mode(PathBuf, u32);

impl Mode {
    /// Sets it.
    pub fn set(path: &Path, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let before = std::fs::metadata(path).unwrap().permissions().mode();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        Self(path.to_owned(), before)
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(self.1));
    }
}

/// The living processes that an upgrade of this sandbox started, but for the server that the install has now, with all
/// that it started: they carry the mark, and the sandbox's home.
pub fn left_behind(sandbox: &Sandbox, install: &Path) -> Vec<proc::Process> {
    let home = sandbox.path().join("home").display().to_string();
    let mut users = BTreeSet::new();
    if let Running::Yes(live) = server::find(install) {
        users.insert(live.process.pid);
        users.extend(proc::descendants(live.process.pid));
    }
    let ours = |p: &proc::Process| p.env.contains_key(children::MARK) && p.env.get("HOME") == Some(&home);
    proc::all().filter(|pid| !users.contains(pid)).filter_map(proc::look).filter(ours).collect()
}
