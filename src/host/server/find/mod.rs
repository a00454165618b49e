//! This install's MCP server: found by its state file and proven by its process, stopped by pidfd, started detached.

use std::ffi::OsStr;
use std::fs as stdfs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::core::layout::{ServerLayout, layouts};
use crate::core::os_text;
use crate::core::session::ServerBefore;
use crate::host::files::crash_points;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;
use crate::host::process::proc;
use crate::host::process::proc::{Process, Stopped};
use crate::host::server::generation;
use crate::host::server::generation::layout_of;
use crate::host::server::launch;
use crate::host::server::owner::Owner;
use crate::host::server::ports;
use crate::host::server::view;

/// What the state file says; only what we use.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct StateFile {
    pub(super) pid: u32,
    url: Option<String>,
    port: Option<u16>,
    path: Option<String>,
    started_at: Option<String>,
}

/// What was found of the install's server.
#[derive(Debug)]
pub enum Running {
    /// Not running, or not provably this install's.
    No(Missing),
    /// It runs.
    Yes(Box<Live>),
}

/// Why there is no server of this install to talk to or to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which case.
    pub case: Case,
    /// Why we think so.
    pub why: String,
}

/// The cases in which a server is not ours to touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// There is no state file.
    NotRunning,
    /// The state file outlived its server; its number may belong to another process by now.
    Stale,
    /// The state file names a server of another project.
    OtherProject,
    /// It looks like this install's server, but does not listen where the state file says.
    NotListening,
}

impl Case {
    /// In a few words, for screens and evidence.
    pub fn words(self) -> &'static str {
        match self {
            Case::NotRunning => "not running",
            Case::Stale => "stale state file",
            Case::OtherProject => "state file of another project's server",
            Case::NotListening => "not listening where its state file says",
        }
    }
}

/// A running server of this install.
#[derive(Debug, Clone)]
pub struct Live {
    /// Its process.
    pub process: Process,
    /// Where it answers.
    pub url: String,
    /// The port of that address: its own, as the kernel says.
    pub port: u16,
    /// Who would miss it.
    pub owner: Owner,
}

/// Where the state file is.
pub fn state_file(install: &Path) -> PathBuf {
    layout_of(install).state_file.under(install)
}

pub(super) fn read_state(install: &Path) -> Option<StateFile> {
    serde_json::from_slice(&read::read_small(&state_file(install)).ok()?).ok()
}

/// The address that a state file names, made anew from its parts: the file can be written by anybody who can write the
/// install, and must not lead away from this machine.
pub(super) fn address(state: &StateFile) -> Option<(String, u16)> {
    let parsed = state.url.as_deref().and_then(|url| {
        let rest = url.strip_prefix("http://127.0.0.1:").or_else(|| url.strip_prefix("http://localhost:"))?;
        let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some((port.parse::<u16>().ok()?, path.to_owned()))
    });
    let (port, path) = match parsed {
        Some(found) => found,
        None => (state.port?, state.path.clone().unwrap_or_else(|| "/mcp".to_owned())),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    let sound = port != 0 && (path.is_empty() || path.starts_with('/')) && path.bytes().all(plain);
    sound.then(|| (format!("http://127.0.0.1:{port}{path}"), port))
}

/// Looks for this install's server. The state file alone proves nothing: the process must live, have started before the
/// file was written, run the server's package for this project, and listen on the port that the file names.
pub fn find(install: &Path) -> Running {
    let no = |case, why: String| Running::No(Missing { case, why });
    let Some(state) = read_state(install) else {
        return match state_file(install).symlink_metadata() {
            Ok(_) => no(Case::Stale, "its state file can't be read".into()),
            Err(_) => no(Case::NotRunning, "there is no state file".into()),
        };
    };
    let pid = state.pid;
    let Some(process) = proc::look(pid) else { return no(Case::Stale, format!("its process {pid} is gone")) };
    let Some(server) = server_of(&process) else {
        return no(Case::Stale, format!("process {pid} is not an MCP server"));
    };
    if !is_for(server, &process, install) {
        return no(Case::OtherProject, format!("process {pid} serves another project"));
    }
    if started_after(&state, install) {
        return no(Case::Stale, format!("process {pid} started after the state file was written"));
    }
    let Some((url, port)) = address(&state) else {
        return no(Case::Stale, "the state file names no address of this machine".into());
    };
    if !ports::is_owned_by(port, pid) {
        let who = match ports::owners(port).first() {
            Some(other) => format!("process {other} does"),
            None if ports::is_open(port) => "somebody else does".to_owned(),
            None => "nobody does".to_owned(),
        };
        return no(Case::NotListening, format!("process {pid} does not listen on port {port}: {who}"));
    }
    let owner = Owner::of(&process);
    Running::Yes(Box::new(Live { process, url, port, owner }))
}

/// Whether the process of a state file's number began after the file was written: then it got the number later.
fn started_after(state: &StateFile, install: &Path) -> bool {
    let Some(started) = proc::started_at(state.pid) else { return true };
    let written = stdfs::metadata(state_file(install)).and_then(|m| m.modified()).ok();
    let written = written.and_then(|t| jiff::Timestamp::try_from(t).ok());
    let said = state.started_at.as_ref().and_then(|s| s.parse::<jiff::Timestamp>().ok());
    // The clock may be set a little meanwhile.
    [written, said].into_iter().flatten().any(|time| started.as_second() > time.as_second() + 2)
}

/// Which server's package a process runs, if it is a Python that does.
fn server_of(process: &Process) -> Option<&'static ServerLayout> {
    if view::is_apart(process) {
        return None;
    }
    let program = process.program.file_name().unwrap_or_default().to_string_lossy();
    let python = program.starts_with("python") || program.starts_with("pypy");
    generation::named(launch::module(&process.command).filter(|_| python)?.0)
}

/// Whether a server is one of this install: by the project that its environment names, else by the code that it runs.
fn is_for(layout: &ServerLayout, process: &Process, install: &Path) -> bool {
    let project = install.parent().unwrap_or(install);
    let same = |text: &OsStr, folder: &Path| {
        stdfs::canonicalize(process.cwd.join(text)).is_ok_and(|p| stdfs::canonicalize(folder).is_ok_and(|f| f == p))
    };
    let mut named = layout.project_environment.iter().filter_map(|n| process.env.get(n)).peekable();
    if named.peek().is_some() {
        return named.map(|v| os_text::decode(v)).all(|v| same(&v, install) || same(&v, project));
    }
    let mut code = layout.code_environment.iter().filter_map(|n| process.env.get(n)).map(|v| os_text::decode(v));
    let named = |folders: &OsStr| {
        let mut folders = folders.as_bytes().split(|b| *b == b':').map(OsStr::from_bytes);
        folders.any(|folder| !folder.is_empty() && same(folder, install))
    };
    let by_code = code.any(|folders| named(&folders));
    by_code || process.command.first().is_some_and(|p| launch::is_own_python(install, &process.cwd, p))
}

/// All servers of this install: the one that its state file tells of, and the others.
pub fn all(install: &Path) -> Vec<Process> {
    let known = match find(install) {
        Running::Yes(live) => Some(live.process),
        Running::No(_) => None,
    };
    let others = others_than(known.as_ref().map(|process| process.pid), install);
    known.into_iter().chain(others).collect()
}

/// Servers of this install that no state file tells of: an editor's, which talk over pipes. They are only named.
pub fn others(install: &Path) -> Vec<Process> {
    let known = match find(install) {
        Running::Yes(live) => Some(live.process.pid),
        Running::No(_) => None,
    };
    others_than(known, install)
}

fn others_than(known: Option<u32>, install: &Path) -> Vec<Process> {
    let ours = |p: &Process| Some(p.pid) != known && server_of(p).is_some_and(|server| is_for(server, p, install));
    // A worker of the one that is known is part of it.
    let workers = known.map(proc::descendants).unwrap_or_default();
    proc::all().filter(|p| !workers.contains(p)).filter_map(proc::look).filter(ours).collect()
}

impl Live {
    /// What is needed to start it again.
    pub fn before(&self, tools: Vec<String>) -> ServerBefore {
        let names = server_of(&self.process).into_iter().flat_map(ServerLayout::kept_environment);
        let env = names.filter_map(|n| Some((n.clone(), self.process.env.get(n)?.clone()))).collect();
        ServerBefore {
            was_running: true,
            pid: Some(self.process.pid),
            command: self.process.command.clone(),
            cwd: self.process.cwd.clone(),
            env,
            tools,
        }
    }

    /// Stops it, and what it leaves behind on its port: TERM, wait, KILL, each told before it is done.
    pub fn stop(&self, grace: Duration, tell: &mut dyn FnMut(&str)) -> Stopped {
        crash_points::around(crash_points::END, || stop_all(&self.process, self.port, grace, tell))
    }

    /// Whether the server's code changed after it started, so that it runs something else than what is installed.
    pub(crate) fn is_older_than_code(&self, install: &Path) -> bool {
        // Start times come in hundredths of a second, and the code is often written in the one before: without room for
        // that, a server that was just started on new code would be told to run old code.
        const ROOM: Duration = Duration::from_millis(30);
        let Some(started) = proc::started_at(self.process.pid).and_then(|at| at.checked_add(ROOM).ok()) else {
            return false;
        };
        let package = layout_of(install).package.under(install);
        let ephemeral = |e: &walkdir::DirEntry| {
            crate::core::path::RelPath::new(e.file_name().as_bytes()).is_ok_and(|name| layouts().never_installed(&name))
        };
        let files = walkdir::WalkDir::new(package).into_iter().filter_entry(|e| !ephemeral(e)).flatten();
        // The inode's time: who copies files may bring their own modification time along.
        let changed = files.filter(|e| e.file_type().is_file()).filter_map(|e| e.metadata().ok());
        let newest = changed.map(|m| (m.ctime(), m.ctime_nsec())).max();
        newest.is_some_and(|(s, n)| {
            jiff::Timestamp::new(s, i32::try_from(n).unwrap_or(0)).is_ok_and(|changed| changed > started)
        })
    }
}

/// Stops a process, then those of its descendants that still hold its port.
pub(super) fn stop_all(process: &Process, port: u16, grace: Duration, tell: &mut dyn FnMut(&str)) -> Stopped {
    let workers: Vec<Process> = proc::descendants(process.pid).into_iter().filter_map(proc::look).collect();
    let stopped = proc::stop_and_tell(process, grace, tell);
    let begun = Instant::now();
    while !workers.is_empty() && ports::is_open(port) && begun.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    for worker in workers.iter().filter(|w| ports::is_owned_by(port, w.pid)) {
        tell(&format!("pid {} is a part of it that still holds port {port}", worker.pid));
        proc::stop_and_tell(worker, grace, tell);
    }
    stopped
}

/// Copies a state file with its mode and time, replacing what stands there.
///
/// # Errors
/// [`FsError`].
pub(crate) fn copy_state(_: &LockedInstall, from: &Path, to: &Path) -> Result<(), FsError> {
    let bytes = read::read_own(from).doing("read", from)?;
    let meta = stdfs::symlink_metadata(from).doing("look at", from)?;
    fs::write_durable(to, &bytes, meta.mode() & 0o7777)?;
    let time = meta.modified().doing("look at", from)?;
    read::open_own(to).and_then(|file| file.set_modified(time)).doing("set the time of", to)
}

#[cfg(test)]
mod tests;
