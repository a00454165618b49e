//! The binary under strace: which calls it makes that change files, and what happens if one of them is its last or
//! fails.
//!
//! strace counts calls for each thread by itself, and an injection with `when=N` strikes the Nth call of every thread.
//! So a case is named by call and number, and what it struck is read from the log afterwards. On one processor the
//! program does all its work on files in one thread, which keeps the numbers the same from run to run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::ext::skipped;
use crate::common::program;
use crate::crash::many::Slot;
use crate::crash::world::{Case, Small};

/// Calls that change what is on disk or make it durable. Not every machine has each of them.
const CALLS: [&str; 38] = [
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "sendfile",
    "copy_file_range",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "syncfs",
    "truncate",
    "ftruncate",
    "fallocate",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "utimensat",
    "utimes",
    "open",
    "openat",
    "openat2",
    "creat",
];

/// A run takes a fraction of a second.
const LIMIT: Duration = Duration::from_secs(30);

/// A call that changes something in the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// Counted in its thread, from one.
    pub nth: usize,
    /// The paths in the project that it is about, without what differs from run to run; none if it is about others.
    pub paths: Vec<String>,
    /// Whether it can change something there.
    pub changes: bool,
    /// The line of the log.
    pub line: String,
}

impl Call {
    /// As in `POS_CALL`.
    pub fn id(&self) -> String {
        format!("{}:{}", self.name, self.nth)
    }

    /// Whether this is the same call of another run.
    pub fn is(&self, other: &Call) -> bool {
        (&self.name, self.nth, &self.paths) == (&other.name, other.nth, &other.paths)
    }
}

/// How a traced run ended.
pub struct Traced {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// It had to be killed.
    pub hung: bool,
    /// Both outputs.
    pub said: String,
    /// In the order in which they began, those that read included.
    pub calls: Vec<Call>,
}

impl Traced {
    /// The first call of this name and number, in whichever thread.
    pub fn struck(&self, name: &str, nth: usize) -> Option<&Call> {
        self.calls.iter().find(|c| c.name == name && c.nth == nth)
    }
}

/// Whether strace works here; says so if not.
pub fn works() -> bool {
    for program in ["strace", "taskset"] {
        if Command::new(program).arg("-V").output().is_err() {
            skipped(&format!("{program} is not installed"));
            return false;
        }
    }
    let traced = Command::new("strace").args(["-f", "-b", "execve", "-o", "/dev/null", "true"]).output().unwrap();
    if !traced.status.success() {
        skipped(&format!("strace can't trace here: {}", String::from_utf8_lossy(&traced.stderr)));
        return false;
    }
    true
}

/// Runs the binary on a case's project under strace, on one processor, with what shall be done to its calls.
pub fn run(small: &Small, slot: &Slot, case: &Case, arguments: &[&str], inject: &[String]) -> Traced {
    run_with(
        &|command| {
            small.settle(command);
        },
        slot,
        case,
        arguments,
        inject,
    )
}

/// The same in another world, which settles what the program finds in its environment.
pub fn run_with(
    settle: &dyn Fn(&mut Command),
    slot: &Slot,
    case: &Case,
    arguments: &[&str],
    inject: &[String],
) -> Traced {
    let (log, said) = (case.beside("log"), case.beside("said"));
    let output = File::create(&said).unwrap();
    let mut command = Command::new("taskset");
    command.args(["-c", &slot.cpu.to_string(), "strace", "-f", "-b", "execve", "-y", "-s", "0", "-e", "signal=none"]);
    // Unknown ones are ignored.
    let calls = CALLS.map(|c| format!("?{c}")).join(",");
    command.arg("-o").arg(&log).arg("-e").arg(format!("trace={calls}"));
    for one in inject {
        command.arg("-e").arg(format!("inject={one}"));
    }
    settle(&mut command);
    command.arg(program::direct(&command)).args(arguments).arg("--project").arg(&case.project);
    // What another case's killed run left in the temporary folder would be cleared away here, and counted.
    let temporary = case.beside("temporary");
    fs::create_dir_all(&temporary).unwrap();
    command.env("TMPDIR", temporary);
    let mut child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
    let begun = Instant::now();
    let mut hung = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > LIMIT {
            // strace ends with it.
            let traced = fs::read_to_string(&log).unwrap();
            let pid = traced.split(' ').next().and_then(|p| p.parse().ok()).and_then(rustix::process::Pid::from_raw);
            rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::KILL).unwrap();
            hung = true;
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let calls = parse(&fs::read_to_string(&log).unwrap(), &case.project);
    // A refused wake-up of another thread is never made good: no system refuses one.
    // Its answer stands on a line of its own where another thread spoke meanwhile.
    let refused = |c: &Call| c.line.contains("INJECTED") || c.line.contains("unfinished");
    let woken = |c: &Call| c.line.contains("eventfd") && refused(c);
    assert!(!hung || calls.iter().any(woken), "{arguments:?} with {inject:?} does not end");
    Traced {
        code: status.code(),
        signal: status.signal(),
        hung,
        said: String::from_utf8_lossy(&fs::read(&said).unwrap()).into_owned(),
        calls,
    }
}

fn parse(log: &str, project: &Path) -> Vec<Call> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !CALLS.contains(&name) {
            continue;
        }
        // What it returned is another matter.
        let arguments = arguments.rsplit_once(") = ").map_or(arguments, |(before, _)| before);
        let nth = counts.entry((thread, name)).or_default();
        *nth += 1;
        let paths = paths(arguments, project);
        let opens = matches!(name, "open" | "openat" | "openat2");
        let changes = !paths.is_empty() && (!opens || arguments.contains("O_CREAT") || arguments.contains("O_TRUNC"));
        calls.push(Call { name: name.to_owned(), nth: *nth, paths, changes, line: line.to_owned() });
    }
    calls
}

/// What stands in quotes or, after a file's number, in angles: the paths in the project, and the names below them.
fn paths(arguments: &str, project: &Path) -> Vec<String> {
    let prefix = project.to_str().unwrap();
    let parts = arguments.split(['"', '<', '>']);
    let found: Vec<&str> = parts.filter(|p| p.starts_with(prefix)).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let names = arguments.split('"').skip(1).step_by(2).filter(|p| !p.is_empty() && !p.starts_with('/'));
    found.into_iter().map(|p| &p[prefix.len()..]).chain(names).map(timeless).collect()
}

/// A path without session ids, stamps and made-up names.
fn timeless(path: &str) -> String {
    let part = |part: &str| {
        let made_up = part.contains("tmp-") || uuid::Uuid::try_parse(part.trim_end_matches(".json")).is_ok();
        let dated = part.as_bytes().windows(5).any(|w| w[4] == b'-' && w[..4].iter().all(u8::is_ascii_digit));
        if made_up || dated { "*".to_owned() } else { part.to_owned() }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Every call of a recorded run that changes something in the project, in their order, each name and number once.
pub fn targets(recorded: &Traced) -> Vec<Call> {
    let mut targets: Vec<Call> = Vec::new();
    for call in recorded.calls.iter().filter(|c| c.changes) {
        if !targets.iter().any(|t| t.id() == call.id()) {
            targets.push(call.clone());
        }
    }
    targets
}
