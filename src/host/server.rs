//! This install's MCP server: found by its state file and proven by its process, stopped by pidfd, started detached.

use std::fs as stdfs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::fs::{self, Doing, Folder, FsError};
use super::process::{self, Process};
use crate::core::layout::layouts;
use crate::core::session::ServerBefore;

/// What the state file says; only what we use.
#[derive(Debug, Clone, Deserialize)]
struct StateFile {
    pid: u32,
    url: Option<String>,
    port: Option<u16>,
    path: Option<String>,
}

/// What was found of the install's server.
#[derive(Debug)]
pub enum Running {
    /// Not running; there may be a stale state file.
    No {
        /// Why we think so.
        why: String,
    },
    /// It runs.
    Yes(Box<Live>),
}

/// A running server of this install.
#[derive(Debug, Clone)]
pub struct Live {
    /// Its process.
    pub process: Process,
    /// Where it answers.
    pub url: String,
    /// An editor holds its standard input, and would lose it.
    pub owned_by_editor: bool,
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// It ended before it answered.
    #[error("the server ended early ({status}); its log {log} ends with:\n{last}")]
    Ended {
        /// How.
        status: String,
        /// Where its log is.
        log: PathBuf,
        /// The last lines.
        last: String,
    },
    /// It lives but does not answer.
    #[error("the server did not write its state file within {seconds} s; its log {log} ends with:\n{last}")]
    Silent {
        /// How long we waited.
        seconds: u64,
        /// Where its log is.
        log: PathBuf,
        /// The last lines.
        last: String,
    },
    /// Asked to stop while waiting.
    #[error("stopped while waiting for the server")]
    Cancelled,
}

/// Where the state file is.
pub fn state_file(install: &Path) -> PathBuf {
    layouts().server.state_file.under(install)
}

fn read_state(install: &Path) -> Option<StateFile> {
    serde_json::from_slice(&fs::read_own(&state_file(install)).ok()?).ok()
}

fn url_of(state: &StateFile) -> Option<String> {
    let built = || Some(format!("http://127.0.0.1:{}{}", state.port?, state.path.as_deref().unwrap_or("/mcp")));
    // Only an address of this machine: the file can be written by anybody who can write the install.
    let local = |url: &String| url.starts_with("http://127.0.0.1:") || url.starts_with("http://localhost:");
    state.url.clone().filter(local).or_else(built)
}

/// Looks for this install's server. The state file alone proves nothing: the process must live, be a server, belong to
/// this install, and not have started after the file was written.
pub fn find(install: &Path) -> Running {
    let no = |why: &str| Running::No { why: why.to_owned() };
    let Some(state) = read_state(install) else { return no("there is no state file") };
    let Some(process) = process::look(state.pid) else { return no("its process is gone") };
    if !is_server_of(&process, install) {
        return no("the process of that number is not this install's server");
    }
    let written = stdfs::metadata(state_file(install)).and_then(|m| m.modified()).ok();
    let written = written.and_then(|t| jiff::Timestamp::try_from(t).ok());
    if let (Some(written), Some(started)) = (written, process::started_at(state.pid))
        && started.as_second() > written.as_second() + 2
    {
        return no("the process of that number started after the state file was written");
    }
    let Some(url) = url_of(&state) else { return no("the state file names no local address") };
    let owned_by_editor = process.stdin.starts_with("pipe:") || process.stdin.starts_with("socket:");
    Running::Yes(Box::new(Live { process, url, owned_by_editor }))
}

fn is_server_of(process: &Process, install: &Path) -> bool {
    let package = layouts().server.package.to_string();
    let runs_package = process.command.windows(2).any(|w| w[0] == "-m" && w[1] == package);
    let project = install.parent().unwrap_or(install);
    let same = |text: &str, folder: &Path| stdfs::canonicalize(text).is_ok_and(|p| p == folder);
    let names = &layouts().server.kept_environment;
    let by_env = names.iter().filter_map(|n| process.env.get(n)).any(|v| same(v, install) || same(v, project));
    let by_program = process.command.first().is_some_and(|p| Path::new(p).starts_with(install));
    runs_package && (by_env || by_program)
}

impl Live {
    /// What is needed to start it again.
    pub fn before(&self, tools: Vec<String>) -> ServerBefore {
        let names = &layouts().server.kept_environment;
        let env = names.iter().filter_map(|n| Some((n.clone(), self.process.env.get(n)?.clone()))).collect();
        ServerBefore {
            was_running: true,
            pid: Some(self.process.pid),
            command: self.process.command.clone(),
            cwd: self.process.cwd.clone(),
            env,
            tools,
        }
    }
}

/// The launch command from the layout's table, for a server that was not running; none without a venv or server code.
pub fn default_launch(install: &Path, project: &Path) -> Option<ServerBefore> {
    let python = install.join("venv/bin/python");
    let layout = &layouts().server;
    if !python.exists() || !layout.package.under(install).is_dir() {
        return None;
    }
    let fill = |text: &String| {
        text.replace("{install}", &install.to_string_lossy()).replace("{project}", &project.to_string_lossy())
    };
    let mut command = vec![python.to_string_lossy().into_owned()];
    command.extend(layout.arguments.iter().cloned());
    Some(ServerBefore {
        was_running: false,
        pid: None,
        command,
        cwd: project.to_owned(),
        env: layout.environment.iter().map(|(k, v)| (k.clone(), fill(v))).collect(),
        tools: Vec::new(),
    })
}

/// Leaves the flag that makes the server's watcher rebuild its index, if the install has the folder for it.
///
/// # Errors
/// [`FsError`].
pub fn ask_for_rebuild(install: &Path) -> Result<(), FsError> {
    let root = Folder::open(install)?;
    match root.parent_of(&layouts().server.rebuild_flag, false) {
        Ok((folder, name)) => folder.put(name, b"", super::process::new_file_mode()),
        // No folder of ours: a link leads the watcher, but not us.
        Err(e) if e.is_no_folder() || e.source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// The server's log.
pub fn log_path(install: &Path) -> PathBuf {
    install.join(".cache/mcp_server.log")
}

/// A server that we started.
#[derive(Debug)]
pub struct Started {
    child: Child,
    /// Where it answers, once it does.
    pub url: String,
    /// Its log's length before it began: what stands behind it is its own.
    pub log_from: u64,
}

impl Started {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it: it was only started to prove that it works.
    pub fn stop(mut self) {
        if let Some(process) = process::look(self.child.id()) {
            process::stop(&process, Duration::from_secs(10));
        }
        let _ = self.child.wait();
    }

    /// Leaves it running on its own; as long as this process lives its remains are collected when it ends.
    pub fn leave(mut self) {
        std::thread::spawn(move || self.child.wait());
    }
}

/// Starts the server detached and waits for its own state file and an open port, as long as it lives, at most `limit`.
/// `tick` is called with its newest log line, and may ask to stop by returning false.
///
/// # Errors
/// [`ServerError`]; the process is gone then.
pub fn start(
    install: &Path,
    launch: &ServerBefore,
    limit: Duration,
    tick: &mut dyn FnMut(Duration, &str) -> bool,
) -> Result<Started, ServerError> {
    let log_path = log_path(install);
    let folder = log_path.parent().unwrap_or(install).to_owned();
    super::fs::create_folders(&folder)?;
    let mut options = stdfs::OpenOptions::new();
    options.create(true).append(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    let log = options.open(&log_path).doing("open", &log_path)?;
    let log_from = log.metadata().map_or(0, |m| m.len());
    let Some((program, arguments)) = launch.command.split_first() else {
        let source = std::io::Error::other("its command line is empty");
        return Err(FsError { doing: "start the server of", path: install.to_owned(), source }.into());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(&launch.env)
        .current_dir(&launch.cwd)
        .stdin(Stdio::null())
        .stdout(log.try_clone().doing("open", &log_path)?)
        .stderr(log)
        // Its own group: an interrupt typed at our terminal is not for it.
        .process_group(0);
    let mut child = command.spawn().doing("start", program)?;
    let begun = Instant::now();
    loop {
        let last = || last_lines(&log_path, log_from, 8);
        if let Ok(Some(status)) = child.try_wait() {
            return Err(ServerError::Ended { status: status.to_string(), log: log_path.clone(), last: last() });
        }
        let own = read_state(install).filter(|s| s.pid == child.id());
        if let Some(url) = own.as_ref().and_then(url_of) {
            return Ok(Started { child, url, log_from });
        }
        let abandon = |mut child: Child| {
            if let Some(process) = process::look(child.id()) {
                process::stop(&process, Duration::from_secs(5));
            }
            let _ = child.wait();
        };
        let waited = begun.elapsed();
        if waited > limit {
            abandon(child);
            return Err(ServerError::Silent { seconds: limit.as_secs(), log: log_path.clone(), last: last() });
        }
        if !tick(waited, last_lines(&log_path, log_from, 1).as_str()) {
            abandon(child);
            return Err(ServerError::Cancelled);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The last lines that a log got after `from` bytes.
pub fn last_lines(log: &Path, from: u64, count: usize) -> String {
    let text = written_since(log, from);
    let lines: Vec<&str> = text.lines().rev().take(count).collect();
    lines.into_iter().rev().map(super::fs::visible).collect::<Vec<_>>().join("\n")
}

/// What a log got after `from` bytes.
pub fn written_since(log: &Path, from: u64) -> String {
    let bytes = stdfs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(0).min(bytes.len());
    String::from_utf8_lossy(&bytes[from..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_file_that_points_to_an_innocent_process_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        let state = format!("{{\"pid\":{},\"url\":\"http://127.0.0.1:4242/mcp\"}}", child.id());
        stdfs::write(state_file(dir.path()), state).unwrap();
        assert!(matches!(find(dir.path()), Running::No { .. }));
        assert!(child.try_wait().unwrap().is_none(), "and it still lives");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_server_that_ends_at_once_is_told_with_its_words() {
        let dir = tempfile::tempdir().unwrap();
        let command = ["sh", "-c", "echo cannot import numpy >&2; exit 3"].map(str::to_owned).to_vec();
        let launch = ServerBefore {
            was_running: false,
            pid: None,
            command,
            cwd: dir.path().to_owned(),
            env: Default::default(),
            tools: vec![],
        };
        let error = start(dir.path(), &launch, Duration::from_secs(20), &mut |_, _| true).unwrap_err();
        assert!(error.to_string().contains("cannot import numpy"), "{error}");
    }
}
