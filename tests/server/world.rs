//! A project whose server is a real one: the `fastmcp` package in a real environment, the package `mcp_server` our own.
//!
//! The environment is built once (`target/tmp`) and hard-linked into each project.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use pos_upgrade_tui::host::demo;
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::process::proc::Process;
use pos_upgrade_tui::host::server::mcp::Client;
use serde_json::{Value, json};

use crate::common::ext::{Plain, skipped};
use crate::common::{Sandbox, assert_same, eventually, git, snapshot, text, tools};

/// What the environment holds, as pip is asked for it.
const PACKAGE: &str = "fastmcp==4.1.2";

/// A project with an install of the first release.
pub struct World {
    pub sandbox: Sandbox,
    pub source: PathBuf,
    pub project: PathBuf,
    pub install: PathBuf,
    /// The commit of the first release.
    pub first: String,
    servers: Vec<Process>,
    /// Whose it is, where it is not ours.
    plain: Option<Plain>,
}

/// The environment that all projects get a copy of; none where it can't be built, after saying so.
pub fn environment() -> Option<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(build) {
        Ok(path) => Some(path),
        Err(why) => {
            skipped(&format!("no environment with {PACKAGE}: {why}"));
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let top = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(&top).map_err(|e| e.to_string())?;
    let top = top.canonicalize().map_err(|e| e.to_string())?;
    let (place, draft) = (top.join(format!("server-{PACKAGE}-for-all")), top.join("server-draft"));
    // Another test binary may be at it.
    let lock = fs::File::create(top.join("server.lock")).map_err(|e| e.to_string())?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|e| e.to_string())?;
    if place.is_dir() {
        return Ok(place);
    }
    let run = |command: &mut Command| {
        let out = command.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&out.stderr).lines().last().unwrap_or_default().to_owned();
        if out.status.success() { Ok(()) } else { Err(said) }
    };
    // One that every user may run, if there is one: a plain user's project has it, too.
    let own = run(Command::new("/usr/bin/python3").args(["-m", "venv", "--clear"]).arg(&draft));
    own.or_else(|_| run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&draft)))?;
    let pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", PACKAGE];
    run(Command::new(draft.join("bin/python")).args(pip))?;
    fs::rename(&draft, &place).map_err(|e| e.to_string())?;
    Ok(place)
}

/// The files of a release, from this test's folder.
fn write_release(source: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/release");
    for entry in walkdir::WalkDir::new(&from).min_depth(1).into_iter().map(Result::unwrap) {
        let path = entry.path().strip_prefix(&from).unwrap();
        let bytecode = path.components().any(|part| part.as_os_str() == "__pycache__");
        if !entry.file_type().is_file() || bytecode || path == Path::new("more_tools.py") {
            continue;
        }
        fs::create_dir_all(source.join(path).parent().unwrap()).unwrap();
        fs::copy(entry.path(), source.join(path)).unwrap();
    }
}

impl World {
    /// The project, its server not running; none where there is no environment to run it in.
    pub fn new() -> Option<Self> {
        Self::named("project", "-al")
    }

    /// The same, all of it a plain user's who does what is done here.
    pub fn of_a_plain_user() -> Option<Self> {
        let mut world = Self::named("project", "-a")?;
        world.plain = Some(Plain::new(&world.sandbox));
        Some(world)
    }

    /// A project in a folder of this name, with an environment that is copied with these flags.
    pub fn named(name: &str, copied: &str) -> Option<Self> {
        let environment = environment()?;
        // Where hard links to the environment are possible.
        let mut sandbox = Sandbox::within(Path::new(env!("CARGO_TARGET_TMPDIR")));
        let (source, project) = (sandbox.path().join("source"), sandbox.path().join(name));
        let install = project.join(".praxis-os");
        fs::create_dir_all(&source).unwrap();
        fs::create_dir_all(&project).unwrap();
        write_release(&source);
        git(&source, &["init", "--quiet", "--template="]);
        git(&source, &["add", "--all"]);
        git(&source, &["commit", "--quiet", "--message", "The first release"]);
        let first = git(&source, &["rev-parse", "HEAD"]);
        demo::install_release(&source, &first, &install).unwrap();
        let linked = Command::new("cp").arg(copied).arg(environment).arg(install.join("venv")).status().unwrap();
        assert!(linked.success(), "the environment can't be linked");
        sandbox.watch(&install);
        Some(Self { sandbox, source, project, install, first, servers: Vec::new(), plain: None })
    }

    /// The project with its server running, started as a script would.
    pub fn running() -> Option<Self> {
        let mut world = Self::new()?;
        world.start();
        Some(world)
    }

    /// The command that runs the installed server.
    pub fn server(&self) -> Command {
        self.server_over("http")
    }

    /// The same, which talks over something else.
    pub fn server_over(&self, transport: &str) -> Command {
        let python = self.install.join("venv/bin/python");
        let mut command = match &self.plain {
            Some(plain) => plain.program(&python, &self.sandbox),
            None => Command::new(python),
        };
        let log = fs::File::create(self.project.join("server.log")).unwrap();
        command
            .args(["-m", "mcp_server", "--transport", transport])
            .env("PYTHONPATH", &self.install)
            .env("PROJECT_ROOT", &self.project)
            .env("HOME", self.sandbox.path().join("home"))
            .current_dir(&self.project)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0);
        command
    }

    /// The installed release misbehaves from now on.
    pub fn misbehaves(&self, switches: &Value) {
        fs::write(self.install.join("mcp_server/switches.json"), switches.to_string()).unwrap();
        fs::write(self.source.join("mcp_server/switches.json"), switches.to_string()).unwrap();
        self.commit("The first release, as it is installed");
    }

    /// Starts the server and waits until it answers.
    pub fn start(&mut self) -> u32 {
        let child = self.server().spawn().unwrap();
        self.adopt(child)
    }

    /// Stops all servers that were started.
    pub fn stop(&mut self) {
        for server in self.servers.drain(..) {
            proc::stop(&server, Duration::from_secs(10));
        }
        fs::remove_file(self.install.join(".mcp_server_state.json")).unwrap();
    }

    /// What the running server finds, as JSON.
    pub fn finds(&self, query: &str) -> String {
        let url = self.state()["url"].as_str().unwrap().to_owned();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = Client::connect(&url).await.unwrap();
            let found =
                client.call("search_standards", json!({"query": query}), Duration::from_secs(20)).await.unwrap();
            client.close().await;
            found.to_string()
        })
    }

    /// Waits until a server that was started answers; it is ended with this project.
    pub fn adopt(&mut self, child: Child) -> u32 {
        let pid = child.id();
        self.collect(child);
        let log = self.project.join("server.log");
        eventually("the server answers", || {
            assert!(proc::look(pid).is_some(), "it ended: {}", fs::read_to_string(&log).unwrap());
            self.state()["pid"] == pid && tools(&self.install).is_some()
        });
        self.servers.extend(proc::look(pid));
        pid
    }

    /// The port that the state file names.
    pub fn port(&self) -> u16 {
        u16::try_from(self.state()["port"].as_u64().expect("a port")).unwrap()
    }

    /// Takes the remains of a child away as soon as it ends: as long as they lie there it looks alive to some.
    fn collect(&self, mut child: Child) {
        std::thread::spawn(move || child.wait());
    }

    /// What the state file says; null without one.
    pub fn state(&self) -> Value {
        let bytes = fs::read(self.install.join(".mcp_server_state.json")).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Adds a release: another standard, another tool, and these switches.
    pub fn release(&self, switches: &Value) -> String {
        let more = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/release/more_tools.py");
        fs::copy(more, self.source.join("mcp_server/more_tools.py")).unwrap();
        fs::write(self.source.join("mcp_server/switches.json"), switches.to_string()).unwrap();
        fs::write(self.source.join("universal/standards/reviews.md"), "# Read before you approve\n\nAll of it.\n")
            .unwrap();
        self.commit("The next release")
    }

    /// Commits what stands in the source.
    pub fn commit(&self, message: &str) -> String {
        // It may be somebody else's by now.
        let git = |words: &[&str]| git(&self.source, &[&["-c", "safe.directory=*"], words].concat());
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        if let Some(plain) = &self.plain {
            plain.give(&self.source);
        }
        git(&["rev-parse", "HEAD"])
    }

    /// A subcommand on this project.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.plain {
            Some(plain) => plain.command(&self.sandbox),
            None => self.sandbox.command(),
        };
        // A release that never answers is given up sooner than people would.
        command.args(arguments).arg("--project").arg(&self.project).env("POS_SERVER_PATIENCE", "8");
        // Nobody's index is at stake but where a test says so.
        command.env("POS_WATCHER_PATIENCE", "0,0,9");
        // `rehearsal.rs` has what becomes of a bad release before anything changes; here it is found out afterwards.
        command.env("POS_WITHOUT", "rehearsal");
        command
    }

    /// `upgrade --yes --json`: its exit code, its events, and all that it said.
    pub fn upgrade(&self, more: &[&str]) -> Upgraded {
        let source = self.source.to_str().unwrap();
        let arguments = ["upgrade", "--json", "--yes", "--on-conflict", "fail", "--source", source];
        Upgraded::of(&self.run(&[&arguments[..], more].concat()))
    }

    /// Upgrades to a release that goes wrong. It must end rolled back, the old server answering where it ran, every
    /// one of `words` being said.
    pub fn fails(&self, words: &[&str]) -> Upgraded {
        let (before, old) = (snapshot(&self.install), tools(&self.install));
        let done = self.upgrade(&[]);
        assert_eq!(done.code, 5, "{}", done.said);
        for word in words {
            assert!(done.message().contains(word), "{word:?} is not named:\n{}", done.message());
        }
        assert_same(&before, &snapshot(&self.install));
        assert_eq!(tools(&self.install), old, "the old server answers as it did");
        done
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for server in &self.servers {
            proc::stop(server, Duration::from_secs(3));
        }
    }
}

/// How an upgrade went.
pub struct Upgraded {
    pub code: i32,
    pub events: Vec<Value>,
    pub said: String,
}

impl Upgraded {
    pub fn of(output: &Output) -> Self {
        let (code, said) = text(output);
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let events = lines.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|_| panic!("{said}"))).collect();
        Self { code, events, said }
    }

    /// What the last event says, and what comes next.
    pub fn message(&self) -> String {
        let last = self.events.last().cloned().unwrap_or(json!({}));
        format!("{}\n{}", last["message"].as_str().unwrap_or_default(), last["next"].as_str().unwrap_or_default())
    }

    /// The code that the last event gives its error.
    pub fn error_code(&self) -> &str {
        self.events.last().and_then(|last| last["code"].as_str()).unwrap_or_default()
    }

    /// How a task ended: outcome and detail.
    pub fn task(&self, task: &str) -> (String, String) {
        let found = self.events.iter().rfind(|e| e["event"] == "task_finished" && e["task"] == task);
        let found = found.unwrap_or_else(|| panic!("no task {task}:\n{}", self.said));
        (found["outcome"].as_str().unwrap().to_owned(), found["detail"].as_str().unwrap().to_owned())
    }

    /// The evidence of a phase.
    pub fn evidence(&self, phase: u8) -> BTreeMap<String, Value> {
        let found = self.events.iter().find(|e| e["event"] == "phase_finished" && e["phase"] == phase);
        let found = found.unwrap_or_else(|| panic!("phase {phase} did not end:\n{}", self.said));
        serde_json::from_value(found["evidence"].clone()).unwrap()
    }

    /// Every warning in the log.
    pub fn warnings(&self) -> String {
        let warnings = self.events.iter().filter(|e| e["event"] == "log" && e["level"] != "info");
        warnings.filter_map(|e| e["text"].as_str()).collect::<Vec<_>>().join("\n")
    }
}
