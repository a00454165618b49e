//! What the tests on the built binary share: a sandbox with its own home, a prepared demo, snapshots of trees.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod demos;
pub mod ext;
pub mod forge;
pub mod mounts;
pub mod program;
pub mod terminal;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pos_upgrade_tui::core::release_history::History;
use pos_upgrade_tui::host::demo::{self, Demo};
use pos_upgrade_tui::host::git::Repo;
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::server::{self, Running};
use pos_upgrade_tui::host::session::lock::Lock;

/// The lock of an install, for a test that writes into it as this program does.
pub fn locked(install: &Path) -> Lock {
    Lock::acquire(install).unwrap()
}

/// A temporary folder with a home of its own. Servers started below it are ended when it goes.
pub struct Sandbox {
    dir: tempfile::TempDir,
    installs: Vec<PathBuf>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// The same, on the file system of a folder.
    pub fn within(folder: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("pos-test-").tempdir_in(folder).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        Self { dir, installs: Vec::new() }
    }

    /// Its path, without links.
    pub fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    /// The demo, built in this sandbox, its server running.
    pub fn demo(&mut self) -> Demo {
        let demo = demos::prepare(&self.path().join("demo"));
        self.watch(&demo.install);
        demo
    }

    /// The demo without venv and server: enough for everything but phases 3 and 4, and made in a moment.
    pub fn content_demo(&mut self) -> Demo {
        let dir = self.path().join("demo");
        let (source, project) = (dir.join("source"), dir.join("project"));
        let install = project.join(".praxis-os");
        std::fs::create_dir_all(&project).unwrap();
        let commits = demo::prepare_source(&source).unwrap();
        demo::install_release(&source, &commits[0], &install).unwrap();
        demo::add_user_edits(&install).unwrap();
        self.watch(&install);
        Demo { dir, source, project, install, server_pid: None, commits }
    }

    /// Another project beside a demo's, with the same release and edits.
    pub fn second_project(&mut self, demo: &Demo) -> Demo {
        let project = self.path().join("other");
        let install = project.join(".praxis-os");
        std::fs::create_dir_all(&project).unwrap();
        demo::install_release(&demo.source, &demo.commits[0], &install).unwrap();
        demo::add_user_edits(&install).unwrap();
        self.watch(&install);
        Demo { dir: project.clone(), project, install, ..demo.clone() }
    }

    /// Ends whatever server this install has when the sandbox goes.
    pub fn watch(&mut self, install: &Path) {
        self.installs.push(install.to_owned());
    }

    /// The built binary with this sandbox's home.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program::program());
        command
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path().join("home"))
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME")
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for install in &self.installs {
            if let Running::Yes(live) = server::find(install) {
                proc::stop(&live.process, Duration::from_secs(5));
            }
        }
    }
}

/// Exit code and both outputs as text.
pub fn text(output: &Output) -> (i32, String) {
    let both = [&output.stdout[..], b"\n", &output.stderr[..]].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&both).into_owned())
}

/// Everything below a folder that a rollback brings back: type, mode, mtime, bytes or link target.
pub fn snapshot(install: &Path) -> BTreeMap<String, String> {
    let ephemeral = [".cache", ".upgrade", ".backups", "rescued", "venv", "venvs", ".mcp_server_state.json"];
    let walk = walkdir::WalkDir::new(install).min_depth(1).into_iter();
    let wanted = |e: &walkdir::DirEntry| {
        let name = e.file_name().to_string_lossy();
        name != "__pycache__" && !(e.depth() == 1 && ephemeral.contains(&name.as_ref()))
    };
    let mut all = BTreeMap::new();
    for entry in walk.filter_entry(wanted) {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        let (mode, time) = (meta.permissions().mode(), (meta.mtime(), meta.mtime_nsec()));
        let state = if meta.is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            format!("file {mode:o} {time:?} {}", pos_upgrade_tui::core::blob::sha256(&bytes))
        } else if meta.is_dir() {
            format!("folder {mode:o} {time:?}")
        } else {
            format!("link {:?}", std::fs::read_link(entry.path()).unwrap())
        };
        all.insert(entry.path().strip_prefix(install).unwrap().to_string_lossy().into_owned(), state);
    }
    all
}

/// Asserts that two snapshots agree, naming each path that doesn't; `UPDATE_LOG.txt` may have one line more.
pub fn assert_same(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = |p: &&&String| before.get(**p) != after.get(**p) && p.as_str() != "UPDATE_LOG.txt";
    let different: Vec<_> = paths.iter().filter(differ).map(|p| (p, before.get(*p), after.get(*p))).collect();
    assert!(different.is_empty(), "{different:#?}");
}

/// How long anything may take: only a test that fails waits so long, and a machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The tools that the install's running server registers, sorted; none if it doesn't run.
pub fn tools(install: &Path) -> Option<Vec<String>> {
    let Running::Yes(live) = server::find(install) else { return None };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = pos_upgrade_tui::host::server::mcp::Client::connect(&live.url).await.ok()?;
        let tools = client.tools().await.ok();
        client.close().await;
        tools
    })
}

/// Runs git in a folder, with nobody's configuration.
pub fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(dir)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The bundle of the real content. Without it a test says so and passes, except in CI, where it fails.
pub fn real_content() -> Option<PathBuf> {
    match std::env::var_os("POS_REAL_CONTENT") {
        Some(path) => Some(PathBuf::from(path).canonicalize().expect("POS_REAL_CONTENT leads to a bundle")),
        None => {
            assert!(std::env::var_os("POS_CI").is_none(), "POS_REAL_CONTENT is not set");
            println!("skipped: POS_REAL_CONTENT is not set, it names a git bundle of the real content");
            None
        }
    }
}

/// Every path of the real content with its versions, the newest first; none where [`real_content`] has none.
pub fn real_texts() -> Option<BTreeMap<String, Vec<Arc<[u8]>>>> {
    let bundle = real_content()?;
    let sandbox = Sandbox::new();
    let clone = sandbox.path().join("real");
    git(&sandbox.path(), &["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), clone.to_str().unwrap()]);
    let repo = Repo::open(&clone).unwrap();
    let blobs = repo.blobs().unwrap();
    let history = History::new(repo.history(&blobs, "HEAD").unwrap());
    let texts = |path| history.versions(path, None).into_iter().filter_map(|(_, one)| blobs.read(&one.blob)).collect();
    Some(history.paths().map(|path| (path.to_string(), texts(path))).collect())
}
