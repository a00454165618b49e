//! Starts the server, detached from us, and waits until it is the one that answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::core::os_text;
use crate::core::session::ServerBefore;
use crate::core::visible::Shown as _;
use crate::host::files::crash_points;
use crate::host::files::error::{Doing, FsError};
use crate::host::install::locked::LockedInstall;
use crate::host::process::children;
use crate::host::process::children::Mark;
use crate::host::process::proc;
use crate::host::server::find::{address, read_state, stop_all};
use crate::host::server::generation::layout_of;
use crate::host::server::log;
use crate::host::server::log::{last_lines, log_path};
use crate::host::server::ports;
use crate::host::server::settings::Settings;

/// A server that neither writes to its log nor computes for so long will never answer.
const IDLE: Duration = Duration::from_secs(60);
/// Less of a processor than this is no progress: waiting takes a little too.
const BUSY: f64 = 0.05;
/// However busy it is.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How long the port that it names may be somebody else's.
const FOREIGN: Duration = Duration::from_secs(5);

/// Leaves the session of our terminal and closes what it inherited, the lock of whoever started us included; then it
/// becomes the server.
const DETACH: &str = "\
import os, sys
os.setsid()
for name in os.listdir('/proc/self/fd'):
    if int(name) > 2:
        try:
            os.close(int(name))
        except OSError:
            pass
os.execv(sys.argv[1], sys.argv[1:])
";

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// It ended before it answered.
    #[error("the server ended early ({status}); its log {} ends with:\n{last}", .log.shown())]
    Ended {
        /// How.
        status: String,
        /// Where its log is.
        log: PathBuf,
        /// The last lines.
        last: String,
    },
    /// It lives but does not answer.
    #[error("the server (pid {pid}) {problem}; its log {} ends with:\n{last}", .log.shown())]
    Silent {
        /// Its process, which is ended by now.
        pid: u32,
        /// What it did or did not do.
        problem: String,
        /// Where its log is.
        log: PathBuf,
        /// The last lines.
        last: String,
    },
    /// Asked to stop while waiting.
    #[error("stopped while waiting for the server")]
    Cancelled,
}

/// A server that we started.
#[derive(Debug)]
pub struct Started {
    child: Child,
    /// Where it answers.
    pub url: String,
    port: u16,
    /// Its log's length before it began: what stands behind it is its own.
    pub(crate) log_from: u64,
}

impl Started {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it.
    pub fn stop(mut self) {
        crash_points::around(crash_points::END, || {
            match proc::look(self.child.id()) {
                Some(process) => {
                    stop_all(&process, self.port, Duration::from_secs(10), &mut |_| {});
                }
                // It has ended, or can't be seen on this system; then it is still this process's child.
                None => {
                    let _ = self.child.kill();
                }
            }
            let _ = self.child.wait();
        });
    }

    /// Leaves it running on its own; as long as this process lives its remains are collected when it ends.
    pub fn leave(mut self) {
        std::thread::spawn(move || self.child.wait());
    }
}

/// Who wants to know how a start goes.
pub trait Watch {
    /// It is about to be started: the mark that it gets, which is noted by now. Without one it has that of the session.
    ///
    /// # Errors
    /// [`FsError`] where the mark can't be noted; then nothing is started.
    fn mark(&mut self) -> Result<Option<Mark>, FsError> {
        Ok(None)
    }
    /// The process is there.
    fn started(&mut self, pid: u32);
    /// It is waited for, so long already; `last` is the newest line of its log. False stops it.
    fn waiting(&mut self, waited: Duration, last: &str) -> bool;
}

/// How long nothing may happen. Builds for tests can be told to be less patient.
fn patience() -> Duration {
    let told = std::env::var("POS_SERVER_PATIENCE").ok().filter(|_| cfg!(debug_assertions));
    told.and_then(|t| t.parse().ok()).map_or(IDLE, Duration::from_secs)
}

fn command(install: &Path, launch: &ServerBefore, settings: &Settings) -> Option<Command> {
    let words: Vec<_> = launch.command.iter().map(|word| os_text::decode(word)).collect();
    let (program, arguments) = words.split_first()?;
    let exact = |values: &BTreeMap<String, String>| -> Vec<_> {
        values.iter().map(|(name, value)| (os_text::decode(name), os_text::decode(value))).collect()
    };
    let python = install.join("venv/bin/python");
    let mut command = if python.exists() {
        let mut command = children::command(python);
        command.args(["-I", "-S", "-c", DETACH]).arg(program);
        command
    } else {
        children::command(program)
    };
    let layout = layout_of(install);
    for name in layout.kept_environment().chain(&layout.dropped_environment) {
        command.env_remove(name);
    }
    // What makes it this install's server has the last word.
    command.args(arguments).envs(exact(settings.values())).envs(exact(&launch.env));
    command.current_dir(&launch.cwd).stdin(Stdio::null());
    Some(command)
}

/// Starts the server detached, in a session of its own, and waits until its state file is its own and it listens on the
/// port named there: as long as it lives and does something.
///
/// # Errors
/// [`ServerError`]; the process is gone then.
pub fn start(
    install: &LockedInstall,
    launch: &ServerBefore,
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Result<Started, ServerError> {
    let log_path = log_path(install);
    let (log, log_from) = log::open(install)?;
    let Some(mut command) = command(install, launch, settings) else {
        let source = std::io::Error::other("its command line is empty");
        return Err(FsError { doing: "start the server of", path: install.to_path_buf(), source }.into());
    };
    command.stdout(log.try_clone().doing("open", &log_path)?).stderr(log);
    if let Some(mark) = watch.mark()? {
        mark.put(&mut command);
    }
    let mut child = children::spawn(&mut command).doing("start", command.get_program())?;
    watch.started(child.id());
    let waiting = Waiting { install, log: &log_path, log_from, begun: Instant::now() };
    match waiting.until_it_listens(&mut child, watch) {
        Ok((url, port)) => Ok(Started { child, url, port, log_from }),
        Err(error) => {
            match proc::look(child.id()) {
                Some(process) => {
                    proc::stop(&process, Duration::from_secs(5));
                }
                None => {
                    let _ = child.kill();
                }
            }
            let _ = child.wait();
            Err(error)
        }
    }
}

struct Waiting<'a> {
    install: &'a Path,
    log: &'a Path,
    log_from: u64,
    begun: Instant,
}

impl Waiting<'_> {
    fn until_it_listens(&self, child: &mut Child, watch: &mut dyn Watch) -> Result<(String, u16), ServerError> {
        let pid = child.id();
        let mut pulse = Pulse::new(pid, self.log);
        let mut foreign: Option<Instant> = None;
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(ServerError::Ended {
                    status: status.to_string(),
                    log: self.log.to_owned(),
                    last: last_lines(self.log, self.log_from, 8),
                });
            }
            // Another process's state file says nothing of this one.
            let named = read_state(self.install).filter(|s| s.pid == pid).as_ref().and_then(address);
            if let Some((url, port)) = named {
                if ports::is_owned_by(port, pid) {
                    return Ok((url, port));
                }
                if !ports::is_open(port) {
                    foreign = None;
                } else if foreign.get_or_insert_with(Instant::now).elapsed() > FOREIGN.min(patience()) {
                    let who = ports::owners(port).first().map_or("another process".into(), |p| format!("process {p}"));
                    return self.silent(pid, format!("says that it listens on port {port}, but {who} does"));
                }
            }
            if let Some(flood) = log::floods(self.log, self.log_from) {
                return self.silent(pid, flood);
            }
            let waited = self.begun.elapsed();
            let quiet = pulse.quiet_for();
            if quiet > patience() {
                return self.silent(
                    pid,
                    format!("did not answer: no state file and open port of its own after {} s, and it did nothing for {} s", waited.as_secs(), quiet.as_secs()),
                );
            }
            if waited > LONGEST {
                return self.silent(pid, format!("did not answer within {} minutes", LONGEST.as_secs() / 60));
            }
            if !watch.waiting(waited, &last_lines(self.log, self.log_from, 1)) {
                return Err(ServerError::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn silent<T>(&self, pid: u32, problem: String) -> Result<T, ServerError> {
        let last = last_lines(self.log, self.log_from, 8);
        Err(ServerError::Silent { pid, problem, log: self.log.to_owned(), last })
    }
}

/// Whether a process does anything: writes to its log, or computes.
struct Pulse<'a> {
    pid: u32,
    log: &'a Path,
    length: u64,
    used: f64,
    since: Instant,
}

impl<'a> Pulse<'a> {
    fn new(pid: u32, log: &'a Path) -> Self {
        Self { pid, log, length: 0, used: 0.0, since: Instant::now() }
    }

    fn quiet_for(&mut self) -> Duration {
        let length = std::fs::metadata(self.log).map_or(0, |m| m.len());
        let used = proc::seconds_used(self.pid).unwrap_or(0.0);
        // Counted over a while: what it takes to wait adds up to little.
        let busy = used - self.used > (BUSY * self.since.elapsed().as_secs_f64()).max(0.2);
        if length != self.length || busy {
            (self.length, self.used, self.since) = (length, used, Instant::now());
        }
        self.since.elapsed()
    }
}
