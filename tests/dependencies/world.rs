//! The demo with a release that only requires something else, and what must be as it was after a failure.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pos_upgrade_tui::host::demo::Demo;
use serde_json::Value;

use crate::common::{Sandbox, assert_same, git, snapshot, text, tools};

/// Packages that a test makes, by a script: nothing of this machine's is needed.
const PACKAGE: &str = r#"
import base64, hashlib, io, json, sys, tarfile, zipfile
out, about = sys.argv[1], json.loads(sys.argv[2])
name, version = about["name"].replace("-", "_"), about["version"]
meta = f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {version}\n"
meta += "".join(f"Requires-Dist: {r}\n" for r in about.get("requires", []))
if about.get("sdist"):
    with tarfile.open(f"{out}/{name}-{version}.tar.gz", "w:gz") as tar:
        for path, text in {**about["files"], "PKG-INFO": meta}.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    raise SystemExit
info = f"{name}-{version}.dist-info"
files = {path: text.encode() for path, text in about["files"].items()}
for path, size in about.get("zeros", {}).items():
    files[path] = bytes(size)
files[f"{info}/METADATA"] = meta.encode()
files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
if about.get("script"):
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{about['script']}\n".encode()
digest = lambda b: "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(b).digest()).rstrip(b"=").decode()
record = "".join(f"{p},{digest(b)},{len(b)}\n" for p, b in files.items()) + f"{info}/RECORD,,\n"
with zipfile.ZipFile(f"{out}/{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
    for path, data in {**files, f"{info}/RECORD": record.encode()}.items():
        wheel.writestr(path, data)
"#;

/// Makes a package in a folder.
pub fn package(folder: &Path, about: Value) {
    std::fs::create_dir_all(folder).unwrap();
    let out = Command::new("python3").args(["-c", PACKAGE]).arg(folder).arg(about.to_string()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// A package that can be imported and does nothing else.
pub fn plain(folder: &Path, name: &str, version: &str) {
    let module = format!("{}.py", name.replace('-', "_"));
    package(folder, serde_json::json!({"name": name, "version": version, "files": {module: "OK = True\n"}}));
}

/// A source package whose build runs this Python code.
pub fn built(folder: &Path, name: &str, build: &str) {
    let project = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    let backend = format!(
        r#"import os, pathlib, time, zipfile
META = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = pathlib.Path(folder, "{name}-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(META)
    return info.name
def build_wheel(folder, config_settings=None, metadata_directory=None):
{build}
    wheel = "{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as z:
        z.writestr("{name}.py", "OK = True\n")
        z.writestr("{name}-1.0.dist-info/METADATA", META)
        z.writestr("{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("{name}-1.0.dist-info/RECORD", "")
    return wheel
"#
    );
    let files = serde_json::json!({"pyproject.toml": project, "backend.py": backend});
    package(folder, serde_json::json!({"name": name, "version": "1.0", "sdist": true, "files": files}));
}

/// Everything of an environment but bytecode: kind, size, time, number.
pub fn entries(venv: &Path) -> BTreeMap<String, String> {
    let walk = walkdir::WalkDir::new(venv).into_iter().filter_entry(|e| e.file_name() != "__pycache__");
    walk.map(|entry| {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        let state = match meta.is_dir() {
            true => "folder".to_owned(),
            false => format!("{:o} {} {} {}.{}", meta.mode(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()),
        };
        (entry.path().strip_prefix(venv).unwrap().to_string_lossy().into_owned(), state)
    })
    .collect()
}

/// The demo, its oldest release installed, and a release beside it that differs in what it requires.
pub struct World {
    pub sandbox: Sandbox,
    pub demo: Demo,
    pub before: BTreeMap<String, String>,
    pub venv: BTreeMap<String, String>,
    pub tools: Vec<String>,
    pub env: Vec<(String, String)>,
}

/// What a run said.
pub struct Said {
    pub code: i32,
    pub events: Vec<Value>,
    pub all: String,
}

impl World {
    pub fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.demo();
        Self::around(sandbox, demo)
    }

    pub fn around(sandbox: Sandbox, demo: Demo) -> Self {
        git(&demo.source, &["checkout", "-q", "-b", "next", &demo.commits[0]]);
        let before = snapshot(&demo.install);
        let venv = entries(&demo.install.join("venv"));
        let tools = tools(&demo.install).expect("the demo's server answers");
        // Quick failures, and a cache of its own.
        let cache = sandbox.path().join("cache").to_str().unwrap().to_owned();
        let env =
            [("PIP_RETRIES", "0"), ("PIP_TIMEOUT", "5"), ("PIP_CACHE_DIR", &cache), ("PIP_CONFIG_FILE", "/dev/null")];
        let env = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        Self { sandbox, demo, before, venv, tools, env }
    }

    pub fn env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// The folder of packages that the release's requirements lead to.
    pub fn wheels(&self) -> PathBuf {
        self.demo.source.join("mcp_server/wheels")
    }

    /// Makes a release: these lines behind the requirements, and whatever else was put into the source.
    pub fn release(&self, lines: &str) {
        let path = self.demo.source.join("mcp_server/requirements.txt");
        let old = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, old + lines).unwrap();
        git(&self.demo.source, &["add", "-A"]);
        git(&self.demo.source, &["commit", "-q", "-m", "Require something else"]);
    }

    /// The same, from an index.
    pub fn release_from(&self, index: &str, lines: &str) {
        let path = self.demo.source.join("mcp_server/requirements.txt");
        let old = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, old.replace("--no-index", &format!("--index-url {index}"))).unwrap();
        self.release(lines);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.demo.project);
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command
    }

    /// `upgrade --json` with these arguments, to its end.
    pub fn upgrade(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(&["upgrade", "--json", "--yes"]);
        command.arg("--source").arg(&self.demo.source).args(arguments);
        let (code, all) = text(&command.output().unwrap());
        let events = all.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        Said { code, events, all }
    }

    /// Runs a command until a line of its JSON has all these words; it is held by the caller from there on.
    pub fn until(&self, mut command: Command, words: &[&str]) -> crate::common::ext::Helper {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reached = lines.by_ref().map_while(Result::ok).any(|line| words.iter().all(|w| line.contains(w)));
        // Who writes to a pipe that nobody reads from would end.
        std::thread::spawn(move || lines.for_each(drop));
        assert!(reached, "it never said {words:?}");
        crate::common::ext::Helper(child)
    }

    /// Install, environment and server are as they were before anything.
    pub fn assert_as_before(&self) {
        assert_same(&self.before, &snapshot(&self.demo.install));
        let venv = self.demo.install.join("venv");
        assert!(venv.symlink_metadata().unwrap().is_dir(), "the environment is the folder that it was");
        let now = entries(&venv);
        let changed: Vec<_> = self.venv.iter().filter(|(path, state)| now.get(*path) != Some(state)).collect();
        assert!(changed.is_empty() && now.len() == self.venv.len(), "{changed:#?}");
        assert!(!self.demo.install.join("venvs").exists(), "no environment is left behind");
        assert_eq!(tools(&self.demo.install).as_ref(), Some(&self.tools), "the server answers as before");
        let status = self.command(&["status"]).output().unwrap();
        assert_eq!(status.status.code(), Some(0), "{}", text(&status).1);
        // What was fetched or begun takes no space any more.
        for session in crate::common::ext::sessions(&self.demo.install) {
            let fetched = self.demo.install.join(".upgrade").join(&session).join("fetch");
            assert!(!fetched.exists(), "{}", fetched.display());
        }
    }

    /// An upgrade that failed before anything was changed, with these words in its message.
    pub fn assert_failed(&self, said: &Said, words: &[&str]) {
        let last = said.finished();
        assert_eq!((said.code, &last["result"]), (4, &"failed".into()), "{}", said.all);
        let message = last["message"].as_str().unwrap();
        assert!(message.contains("nothing in the install was changed"), "{message}");
        for word in words {
            assert!(message.contains(word), "{word:?} is not in: {message}");
        }
        assert!(last["next"].as_str().is_some_and(|n| !n.is_empty()), "{last}");
        self.assert_as_before();
    }
}

impl Said {
    pub fn finished(&self) -> &Value {
        let last = self.events.iter().rev().find(|e| e["event"] == "finished");
        last.unwrap_or_else(|| panic!("{}", self.all))
    }

    /// How a task ended: outcome and detail.
    pub fn task(&self, id: &str) -> (String, String) {
        let ended = |e: &&Value| e["event"] == "task_finished" && e["task"] == id;
        let event = self.events.iter().find(ended).unwrap_or_else(|| panic!("{id}: {}", self.all));
        (event["outcome"].as_str().unwrap().to_owned(), event["detail"].as_str().unwrap().to_owned())
    }

    pub fn evidence(&self, phase: u64) -> &Value {
        let found = self.events.iter().find(|e| e["event"] == "phase_finished" && e["phase"] == phase);
        &found.unwrap_or_else(|| panic!("{}", self.all))["evidence"]
    }

    /// Upgraded, or everything that was said.
    pub fn assert_done(&self) {
        assert_eq!(self.code, 0, "{}", self.all);
    }
}
