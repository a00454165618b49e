//! Programs that take their time: followed line by line, ended when they hang or when a person asks, with all that
//! they started.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::host::files::crash_points;
use crate::host::process::children;
use crate::host::process::lines::{Line, Ring, read, shorter};
use crate::host::process::pulse::Pulse;

/// How often a silent program is looked at, and its listener asked.
const LOOK: Duration = Duration::from_millis(50);
/// How long it may take to clean up after itself when it is asked to end.
const GRACE: Duration = Duration::from_secs(2);
/// So much of what a program says is kept: it may say more than there is memory.
const KEPT: usize = 4 << 20;
/// And of its complaints.
const COMPLAINTS: usize = 256 << 10;
/// So many lines may wait to be heard; then the program waits, too.
const WAITING: usize = 256;

/// Who hears of a program while it runs.
pub trait Listener {
    /// It was started; should this process die, it would live on.
    fn started(&mut self, _pid: u32) {}
    /// A line of its output.
    fn line(&mut self, _text: &str) {}
    /// Asked all the time. False asks to end it.
    fn go_on(&mut self) -> bool {
        true
    }
}

/// Nobody listens.
pub struct Deaf;
impl Listener for Deaf {}

/// How long a program may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Without a line of output, processor time or bytes read and written.
    pub(crate) silent: Duration,
    /// Altogether.
    pub total: Duration,
}

/// How a program ended, if not well.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It could not be started or followed.
    #[error("{name} could not be run: {error}")]
    Start {
        /// What was run.
        name: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// It failed.
    #[error("{name} failed ({status}); its last lines:\n{last}")]
    Failed {
        /// What was run.
        name: String,
        /// How it ended.
        status: String,
        /// What it said last.
        last: String,
    },
    /// It did nothing any more, or took too long, and was ended.
    #[error("{name} {why} and was ended; its last lines:\n{last}")]
    Ended {
        /// What was run.
        name: String,
        /// Why.
        why: String,
        /// What it said last.
        last: String,
    },
    /// Its listener asked to end it.
    #[error("stopped while {name} was running")]
    Cancelled {
        /// What was run.
        name: String,
    },
}

/// Runs a program to its end, its standard input closed; what it said.
///
/// # Errors
/// [`ProgramError`], with its last lines; then it and all that it started have ended.
pub fn run(
    name: &str,
    command: &mut Command,
    limits: Limits,
    listener: &mut dyn Listener,
) -> Result<Said, ProgramError> {
    let begun = Instant::now();
    // A group of its own, so that what it starts can be ended with it.
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let started = children::spawn(quiet);
    let failed = |error| ProgramError::Start { name: name.to_owned(), error };
    let mut child = started.map_err(failed)?;
    listener.started(child.id());
    let (sender, lines) = mpsc::sync_channel(WAITING);
    read(child.stdout.take(), Line::Said, &sender);
    read(child.stderr.take(), Line::Complained, &sender);
    drop(sender);
    let mut said = Output::default();
    let mut pulse = Pulse::of(child.id());
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                pulse.beat();
                said.take(line, listener);
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Both ends are closed; it may still live.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK / 10),
        }
        if !listener.go_on() {
            end(&mut child);
            return Err(ProgramError::Cancelled { name: name.to_owned() });
        }
        if has_ended(&child) {
            break;
        }
        let why = if begun.elapsed() > limits.total {
            format!("took more than {} s", limits.total.as_secs())
        } else if pulse.silence() > limits.silent {
            format!("did nothing for {} s", limits.silent.as_secs())
        } else {
            continue;
        };
        end(&mut child);
        drain(&lines, listener, &mut said);
        return Err(ProgramError::Ended { name: name.to_owned(), why, last: said.all.tail() });
    }
    drain(&lines, listener, &mut said);
    let status = child.wait().map_err(failed)?;
    if status.success() {
        return Ok(Said { lines: said.all.lines.into(), whole: said.all.whole });
    }
    // What went wrong is said there, if anywhere.
    let last = if said.complaints.lines.is_empty() { said.all.tail() } else { said.complaints.tail() };
    Err(ProgramError::Failed { name: name.to_owned(), status: status.to_string(), last })
}

/// What a program said.
#[derive(Debug)]
pub struct Said {
    /// Its lines; of very many the last.
    pub lines: Vec<String>,
    /// None of them is left out.
    pub whole: bool,
}

/// What a program has said so far.
struct Output {
    all: Ring,
    complaints: Ring,
}

impl Default for Output {
    fn default() -> Self {
        Self { all: Ring::of(KEPT), complaints: Ring::of(COMPLAINTS) }
    }
}

impl Output {
    fn take(&mut self, line: Line, listener: &mut dyn Listener) {
        let text = match line {
            Line::Said(text) => text,
            Line::Complained(text) => {
                self.complaints.push(text.clone());
                text
            }
        };
        listener.line(&text);
        self.all.push(text);
    }
}

/// Ends a child with all that it started, and takes its body away: first as Ctrl-C would, so that it can clean up.
pub fn end(child: &mut Child) {
    crash_points::around(crash_points::END, || end_group(child));
}

fn end_group(child: &mut Child) {
    let group = Pid::from_child(child);
    // As long as the child isn't waited for, the group's number is nobody else's.
    let _ = kill_process_group(group, Signal::INT);
    let asked = Instant::now();
    while !has_ended(child) && asked.elapsed() < GRACE {
        std::thread::sleep(LOOK / 5);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// The newest line that says something of programs that run on their own.
#[derive(Debug, Clone, Default)]
pub struct Newest(Arc<Mutex<String>>);

impl Newest {
    /// Listens to a child whose outputs are pipes; nothing else of what it says is held.
    pub fn follow(&self, child: &mut Child) {
        let (sender, lines) = mpsc::sync_channel(WAITING);
        read(child.stdout.take(), Line::Said, &sender);
        read(child.stderr.take(), Line::Complained, &sender);
        let newest = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for Line::Said(line) | Line::Complained(line) in lines {
                if let Ok(mut newest) = newest.lock() {
                    *newest = line;
                }
            }
        });
    }

    /// The line, of a length that people read.
    pub fn line(&self) -> String {
        self.0.lock().map(|line| shorter(&line)).unwrap_or_default()
    }
}

/// Whether a child has ended, without waiting for it.
fn has_ended(child: &Child) -> bool {
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(Pid::from_child(child)), how), Ok(None))
}

/// What was said before the end and is not read yet. Something that it left behind may hold the pipe open.
fn drain(lines: &Receiver<Line>, listener: &mut dyn Listener, said: &mut Output) {
    let begun = Instant::now();
    while begun.elapsed() < GRACE
        && let Ok(line) = lines.recv_timeout(LOOK * 4)
    {
        said.take(line, listener);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::process::lines::{CUT, LONGEST, Lines};
    use crate::host::process::proc;

    const SOON: Limits = Limits { silent: Duration::from_secs(20), total: Duration::from_secs(20) };

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[derive(Default)]
    struct Ear {
        pid: u32,
        lines: Vec<String>,
        enough: bool,
    }
    impl Listener for Ear {
        fn started(&mut self, pid: u32) {
            self.pid = pid;
        }
        fn line(&mut self, text: &str) {
            self.lines.push(text.to_owned());
        }
        fn go_on(&mut self) -> bool {
            !self.enough || self.lines.is_empty()
        }
    }

    #[test]
    fn both_outputs_are_heard_and_an_error_has_the_last_lines() {
        let mut ear = Ear::default();
        let said = run("it", &mut sh("echo one; echo two >&2; printf 'a\\rb'"), SOON, &mut ear).unwrap().lines;
        assert_eq!(said.len(), 3);
        assert!(said.contains(&"two".to_owned()) && said.contains(&"b".to_owned()), "{said:?}");
        assert_eq!(ear.lines, said);
        let error = run("it", &mut sh("for i in 1 2 3 4 5 6 7 8 9 10; do echo l$i; done; exit 3"), SOON, &mut Deaf);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("exit status: 3") && text.contains("l10") && !text.contains("l2\n"), "{text}");
    }

    #[test]
    fn a_silent_one_can_be_cancelled_with_what_it_started() {
        let mut ear = Ear { enough: true, ..Ear::default() };
        let begun = Instant::now();
        let error = run("it", &mut sh("trap '' INT; sleep 30 & echo $!; wait; sleep 30"), SOON, &mut ear).unwrap_err();
        assert!(matches!(error, ProgramError::Cancelled { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        let inner: u32 = ear.lines[0].parse().unwrap();
        let gone = |pid| {
            (0..200).any(|_| {
                proc::start_ticks(pid).is_none() || {
                    std::thread::sleep(LOOK / 5);
                    false
                }
            })
        };
        assert!(gone(ear.pid) && gone(inner));
    }

    #[test]
    fn one_that_hangs_is_ended_and_one_that_works_silently_is_not() {
        let limits = Limits { silent: Duration::from_millis(2500), total: Duration::from_secs(30) };
        let error = run("it", &mut sh("echo begun; sleep 30"), limits, &mut Deaf).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("did nothing for 2 s") && text.contains("begun"), "{text}");
        let busy = "end=$(($(date +%s) + 5)); while [ $(date +%s) -lt $end ]; do :; done";
        run("it", &mut sh(busy), limits, &mut Deaf).unwrap();
        let short = Limits { total: Duration::from_millis(300), ..limits };
        let error = run("it", &mut sh("while :; do echo x; done"), short, &mut Deaf).unwrap_err();
        assert!(matches!(error, ProgramError::Ended { .. }), "{error}");
    }

    #[test]
    fn what_goes_on_to_talk_behind_an_ended_program_is_not_waited_for() {
        let begun = Instant::now();
        let said = run("it", &mut sh("yes & echo done"), SOON, &mut Deaf).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(15) && !said.lines.is_empty());
    }

    #[test]
    fn of_what_never_ends_little_is_held() {
        let mut lines = Lines::default();
        let mut push = |text: &[u8]| text.iter().filter_map(|byte| lines.push(*byte)).collect::<Vec<_>>();
        assert_eq!(push(b"10 %\r20 %\r30 %\r\n\n \na\x1b[31m\r\n"), ["30 %", "a\\u{1b}[31m"]);
        assert!(push(&b"x".repeat(10 << 20)).is_empty());
        assert_eq!(push(b"\n")[0].len(), LONGEST + CUT.len());
        let mut ring = Ring::of(1_000);
        (0..10_000).for_each(|n| ring.push(n.to_string()));
        assert!(!ring.whole && ring.bytes <= 1_000 && ring.tail().ends_with("\n9999"));
        let short = Limits { total: Duration::from_secs(2), ..SOON };
        for script in ["yes", "cat /dev/zero", "yes >&2", "yes | tr -d '\\n' >&2"] {
            let begun = Instant::now();
            let error = run("it", &mut sh(script), short, &mut Deaf).unwrap_err();
            assert!(matches!(error, ProgramError::Ended { .. }) && error.to_string().len() < 10_000, "{script}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{script}");
        }
    }
}
