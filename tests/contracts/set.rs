//! A demo, how it is called, and what ids and times look like.

use std::collections::BTreeMap;
use std::fs;

use pos_upgrade_tui::host::demo::Demo;
use serde_json::Value;

use crate::common::ext::lines;
use crate::common::{Sandbox, git, text};

pub const KINDS: [&str; 10] =
    ["unchanged", "update", "new", "remove", "move", "local_only", "auto_merge", "conflict", "stays_deleted", "linked"];
pub const FINISHED: [&str; 10] =
    ["event", "schema", "result", "exit_code", "message", "next", "report", "session_id", "backup", "seconds"];

/// A demo, and how it is called.
pub struct Set {
    pub sandbox: Sandbox,
    pub demo: Demo,
}

impl Set {
    pub fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        fs::write(demo.project.join(".gitignore"), "/target\n").unwrap();
        Self { sandbox, demo }
    }

    pub fn arguments<'a>(&'a self, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec![command, "--json", "--project", self.demo.project.to_str().unwrap()];
        if matches!(command, "plan" | "upgrade") {
            all.extend(["--source", self.demo.source.to_str().unwrap()]);
        }
        all.extend(more);
        all
    }

    /// Runs a command with `--json` to its end, and gives its lines.
    pub fn run(&self, command: &str, more: &[&str], code: i32) -> Vec<Value> {
        let output = self.sandbox.run(&self.arguments(command, more));
        assert_eq!(output.status.code(), Some(code), "{command}: {}", text(&output).1);
        lines(&output.stdout)
    }

    pub fn plan(&self, more: &[&str]) -> Value {
        let mut all = self.run("plan", more, 0);
        assert_eq!(all.len(), 1, "a plan is one object");
        all.pop().unwrap()
    }

    pub fn upgrade(&self, policy: &str) -> Vec<Value> {
        self.run("upgrade", &["--yes", "--on-conflict", policy], 0)
    }

    pub fn read(&self, path: &str) -> Value {
        let path = self.demo.install.join(path);
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The files of the newest release that an install holds: install path, source path, blob id, executable.
    pub fn release(&self) -> BTreeMap<String, (String, String, bool)> {
        let tree = git(&self.demo.source, &["ls-tree", "-r", "HEAD"]);
        let file = |line: &str| {
            let (head, path) = line.split_once('\t')?;
            let words: Vec<&str> = head.split(' ').collect();
            Some((installed(path)?, (path.to_owned(), words[2].to_owned(), words[0] == "100755")))
        };
        tree.lines().filter_map(file).collect()
    }
}

/// Where the current layout puts a path of the source; none for what isn't installed.
pub fn installed(path: &str) -> Option<String> {
    if let Some(rest) = path.strip_prefix("universal/standards/") {
        return Some(format!("standards/universal/{rest}"));
    }
    if path.starts_with("mcp_server/") || path.starts_with("scripts/") {
        return Some(path.to_owned());
    }
    path.strip_prefix("universal/").filter(|p| p.starts_with("workflows/")).map(str::to_owned)
}

pub fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|id| id.len() == 40 && id.bytes().all(|b| b"0123456789abcdef".contains(&b)))
}

/// A time that `datetime.fromisoformat` of Python 3.11 reads, always written the same way: UTC, to the second.
pub fn assert_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("not a time: {value}"));
    let time: jiff::Timestamp = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), text);
    let age = jiff::Timestamp::now().as_second() - time.as_second();
    assert!((0..600).contains(&age), "{text} is {age} s ago");
}
