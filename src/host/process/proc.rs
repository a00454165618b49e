//! Processes, known by more than a number: start time, command line, folder, environment. Signals go through pidfds.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::core::os_text;
use crate::host::platform;
use crate::host::platform::process::Handle;
use crate::host::platform::without::is_without;

/// What `/proc` says of a process.
#[derive(Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot: with the number, its identity.
    pub start: u64,
    /// Its command line; what is not UTF-8 as [`os_text::encode`] writes it.
    pub command: Vec<String>,
    /// Its folder.
    pub cwd: PathBuf,
    /// Its environment as it was when it started, written in the same way.
    pub env: BTreeMap<String, String>,
    /// The program that it runs; empty where that can't be seen.
    pub program: PathBuf,
}

impl fmt::Debug for Process {
    /// Without the values in its environment: secrets are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Process");
        shown.field("pid", &self.pid).field("start", &self.start).field("command", &self.command);
        shown.field("cwd", &self.cwd).field("program", &self.program).finish_non_exhaustive()
    }
}

/// Where the kernel shows processes; nowhere on macOS.
fn table() -> &'static Path {
    Path::new(if is_without("processes") { "/no processes are seen" } else { "/proc" })
}

fn of(pid: u32) -> PathBuf {
    table().join(pid.to_string())
}

/// Whether this system shows processes at all. Where it does not, none is found, signalled or waited for but those that this
/// process itself started.
pub(crate) fn are_seen() -> bool {
    of(std::process::id()).is_dir()
}

/// Whether a process that this one started has ended. Where none is seen, its number tells.
pub(crate) fn is_gone(pid: u32) -> bool {
    if are_seen() { stat(pid).is_none() } else { !platform::process::has_number(pid) }
}

/// What we use of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    /// Processor time used so far, in clock ticks.
    used: u64,
    start: u64,
}

/// None for a process that is gone or only a zombie.
fn stat(pid: u32) -> Option<Stat> {
    let stat = std::fs::read_to_string(of(pid).join("stat")).ok()?;
    // The name in parentheses may hold anything; what counts stands behind the last one.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    let number = |n: usize| fields.get(n)?.parse::<u64>().ok();
    let parent = u32::try_from(number(1)?).ok()?;
    Some(Stat { parent, used: number(11)? + number(12)?, start: number(19)? })
}

/// Start time in clock ticks since boot; none for a process that is gone or only a zombie.
pub fn start_ticks(pid: u32) -> Option<u64> {
    Some(stat(pid)?.start)
}

/// The living processes of a group, but for its leader.
pub(crate) fn members(group: u32) -> Vec<Process> {
    pids_of(group).filter(|pid| *pid != group).filter_map(look).collect()
}

/// What the processes of a group have done so far: clock ticks of processor time, and bytes read and written.
pub(crate) fn work_of_group(group: u32) -> (u64, u64) {
    let mut sum = (0, 0);
    for pid in pids_of(group) {
        let stat = std::fs::read_to_string(of(pid).join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        // utime and stime, counted from the state behind the name.
        sum.0 += rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum::<u64>();
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        let chars = io.lines().filter_map(|l| l.strip_prefix("rchar: ").or_else(|| l.strip_prefix("wchar: ")));
        sum.1 += chars.filter_map(|n| n.parse::<u64>().ok()).sum::<u64>();
    }
    sum
}

fn pids_of(group: u32) -> impl Iterator<Item = u32> {
    let all = std::fs::read_dir(table()).into_iter().flatten().flatten();
    let pids = all.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(move |pid| {
        let stat = std::fs::read_to_string(of(*pid).join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(2).and_then(|g| g.parse().ok()) == Some(group)
    })
}

/// Processor time that a living process has used, in seconds.
pub(crate) fn seconds_used(pid: u32) -> Option<f64> {
    Some(stat(pid)?.used as f64 / rustix::param::clock_ticks_per_second().max(1) as f64)
}

/// When a living process started, by the clock, to a hundredth of a second.
pub fn started_at(pid: u32) -> Option<jiff::Timestamp> {
    let ticks = start_ticks(pid)?;
    let uptime = platform::since_start().as_secs_f64();
    let age = uptime - ticks as f64 / rustix::param::clock_ticks_per_second().max(1) as f64;
    let age = jiff::SignedDuration::try_from_secs_f64(age).ok()?;
    jiff::Timestamp::now().checked_sub(age).ok()
}

/// The numbers of all living processes.
pub fn all() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir(table()).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok())
}

/// All that descend from a process now, itself left out.
pub fn descendants(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = all().filter_map(|p| Some((p, stat(p)?.parent))).collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(p, of)| *of == parent && *p != parent).map(|(p, _)| p));
        at += 1;
    }
    found.split_off(1)
}

/// The parent of a living process.
pub fn parent(pid: u32) -> Option<u32> {
    Some(stat(pid)?.parent)
}

/// A process and all that it descends from.
pub(crate) fn with_ancestors(pid: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut at = Some(pid).filter(|pid| *pid > 0);
    // A number that comes again would be a circle, as it can be when one is reused while we look.
    while let Some(here) = at.filter(|here| found.insert(*here)) {
        at = parent(here).filter(|above| *above > 0);
    }
    found
}

/// The kernel's name for this boot.
pub fn boot_id() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

/// The pid namespace of this process, as the kernel names it.
pub fn pid_namespace() -> Option<String> {
    std::fs::read_link("/proc/self/ns/pid").ok().map(|link| link.to_string_lossy().into_owned())
}

/// Looks a living process up.
pub fn look(pid: u32) -> Option<Process> {
    let start = start_ticks(pid)?;
    let folder = of(pid);
    let text = |bytes: &[u8]| os_text::encode(OsStr::from_bytes(bytes));
    let strings = |name: &str| -> Option<Vec<Vec<u8>>> {
        let bytes = std::fs::read(folder.join(name)).ok()?;
        Some(bytes.split(|b| *b == 0).filter(|p| !p.is_empty()).map(<[u8]>::to_vec).collect())
    };
    let variable = |v: Vec<u8>| {
        let at = v.iter().position(|b| *b == b'=')?;
        Some((text(&v[..at]), text(&v[at + 1..])))
    };
    let link = |name: &str| std::fs::read_link(folder.join(name)).ok();
    let env = strings("environ").unwrap_or_default().into_iter();
    let process = Process {
        pid,
        start,
        command: strings("cmdline")?.iter().map(|word| text(word)).collect(),
        cwd: link("cwd").unwrap_or_default(),
        env: env.filter_map(variable).collect(),
        program: link("exe").unwrap_or_default(),
    };
    // The number may have gone to another process while we read.
    (start_ticks(pid) == Some(start)).then_some(process)
}

/// An open descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What it leads to: `pipe:[…]`, `socket:[…]`, `/dev/null`, `/dev/pts/…`.
    pub leads: String,
    /// It can be read from.
    pub reads: bool,
    /// It can be written to.
    pub writes: bool,
}

/// The descriptors of a process by their numbers. Empty where they can't be seen.
pub fn descriptors(pid: u32) -> BTreeMap<u32, Descriptor> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let open = |e: std::fs::DirEntry| {
        let number = e.file_name().to_str()?.parse().ok()?;
        let leads = std::fs::read_link(e.path()).ok()?.to_string_lossy().into_owned();
        // The link's own rights say what the descriptor may do.
        let mode = std::fs::symlink_metadata(e.path()).ok()?.mode();
        Some((number, Descriptor { leads, reads: mode & 0o400 != 0, writes: mode & 0o200 != 0 }))
    };
    entries.filter_map(open).collect()
}

/// The numbers of the local sockets without a name that a process could have: ends of pairs. None where they can't be
/// seen.
pub(crate) fn nameless_sockets(pid: u32) -> Option<BTreeSet<u64>> {
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/unix")).ok()?;
    let number = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        (fields.len() == 7).then(|| fields[6].parse().ok()).flatten()
    };
    Some(table.lines().skip(1).filter_map(number).collect())
}

/// How stopping a process went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was gone already.
    AlreadyGone,
    /// It ended on TERM.
    Terminated,
    /// It had to be killed.
    Killed,
    /// It is still there.
    Survived,
}

/// Stops exactly this process: opens its pidfd, checks that it still is the one that was looked at, then TERM, wait,
/// KILL.
pub fn stop(process: &Process, grace: Duration) -> Stopped {
    stop_and_tell(process, grace, &mut |_| {})
}

/// [`stop`], telling each signal before it is sent.
pub(crate) fn stop_and_tell(process: &Process, grace: Duration, tell: &mut dyn FnMut(&str)) -> Stopped {
    let Some(handle) = Handle::of(process.pid) else { return Stopped::AlreadyGone };
    if start_ticks(process.pid) != Some(process.start) {
        return Stopped::AlreadyGone;
    }
    tell(&format!("TERM to pid {pid}", pid = process.pid));
    if handle.signal(Signal::TERM).is_err() {
        return Stopped::AlreadyGone;
    }
    if handle.wait(grace) {
        return Stopped::Terminated;
    }
    tell(&format!("pid {} did not end in {} s: KILL", process.pid, grace.as_secs()));
    let _ = handle.signal(Signal::KILL);
    if handle.wait(Duration::from_secs(5)) { Stopped::Killed } else { Stopped::Survived }
}

/// Permission bits that a new file of this process gets.
pub(crate) fn new_file_mode() -> u32 {
    0o666 & !umask()
}

/// The umask of this process.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("Umask:")).map(str::trim);
    mask.and_then(|m| u32::from_str_radix(m, 8).ok()).unwrap_or(0o022)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_and_stopped() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // Between its creation and its program a process has no command line yet.
        let mut looks = std::iter::repeat_with(|| look(child.id()).unwrap());
        let found = looks.find(|p| !p.command.is_empty()).unwrap();
        assert_eq!(found.command, ["sleep", "60"]);
        let other = Process { start: found.start + 1, ..found.clone() };
        assert_eq!(stop(&other, Duration::from_secs(1)), Stopped::AlreadyGone, "another identity is not signalled");
        assert!(look(child.id()).is_some());
        assert_eq!(stop(&found, Duration::from_secs(5)), Stopped::Terminated);
        child.wait().unwrap();
        assert!(look(found.pid).is_none());
    }
}
