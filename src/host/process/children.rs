//! The mark that each program carries which is started while a session runs: whoever finds the install after a crash
//! tells by it what the dead one left behind, and ends that and nothing else.
//!
//! A number in a file proves nothing, because whoever can write the install can write any number there. So the proof is
//! in the process: an environment variable that is set before it starts. It holds a token, which the lock's note lists
//! before the start, and a seal over token and install that only this user's own key can make. The key lies in the
//! user's state folder and not in the project. What a marked program starts in turn has the mark too, unless it cleans
//! its environment; such a one is found as its descendant, or in its group.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::host::files::crash_points;
use crate::host::files::fs;
use crate::host::process::proc;
use crate::host::process::proc::Process;
use crate::host::user::key;

/// The variable that holds the mark: `TOKEN.SEAL`, both in hexadecimal.
pub const MARK: &str = "POS_UPGRADE_TUI_MARK";
/// How long a program may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// The marks of the session that this process runs. One at a time: the lock sees to that.
static CURRENT: Mutex<Option<Marks>> = Mutex::new(None);

/// The marks of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// For programs that do a part of its work. They end with it at the latest.
    pub work: Mark,
    /// For those that are only asked something, such as git. The wizard may go on asking when the session has ended.
    pub helpers: Mark,
}

impl Marks {
    /// New ones for programs that work on this install; none where the install can't be looked at.
    pub fn new(install: &Path) -> Option<Self> {
        Some(Self { work: Mark::new(install)?, helpers: Mark::new(install)? })
    }
}

/// What a process is told by that it is one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its public part, for the lock's note.
    pub(crate) token: String,
    seal: String,
}

impl Mark {
    /// A new one for programs that work on this install; none where the install can't be looked at.
    pub fn new(install: &Path) -> Option<Self> {
        let token = key::random()?;
        let seal = seal(&key::own(true), &token, install)?;
        Some(Self { token, seal })
    }

    /// Gives it to a program that is about to be started.
    pub fn put(&self, command: &mut Command) {
        command.env(MARK, format!("{}.{}", self.token, self.seal));
    }
}

/// From here on every program that is started has one of these marks; none, if none are given.
pub fn begin(marks: Option<Marks>) {
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = marks;
}

/// This process is one that a session started for a part of its work: what it starts has the same mark.
pub fn inherit() {
    let named = std::env::var(MARK).unwrap_or_default();
    if let Some((token, seal)) = named.split_once('.') {
        let mark = Mark { token: token.to_owned(), seal: seal.to_owned() };
        begin(Some(Marks { work: mark.clone(), helpers: mark }));
    }
}

/// Ends all that does a part of the session's work; a line for each.
pub fn end_work(install: &Path) -> Vec<String> {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|m| m.work.token.clone());
    current.map(|token| end(install, &[token])).unwrap_or_default()
}

/// A program that does a part of a session's work, if one runs. All that we start is made here or by [`helper`].
pub fn command(program: impl AsRef<OsStr>) -> Command {
    with(program, |marks| &marks.work)
}

/// A program that is only asked something, and ends by itself when nobody listens any more.
pub fn helper(program: impl AsRef<OsStr>) -> Command {
    with(program, |marks| &marks.helpers)
}

fn with(program: impl AsRef<OsStr>, which: impl FnOnce(&Marks) -> &Mark) -> Command {
    let mut command = Command::new(on_path(program.as_ref()));
    match &*CURRENT.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(marks) => which(marks).put(&mut command),
        // We may be marked ourselves, as what another project's upgrade runs is. What we start is not theirs.
        None => drop(command.env_remove(MARK)),
    }
    command
}

/// Where a program that is only named is found. A folder of `PATH` that is not absolute would lead into whatever folder
/// the program is started in, which may be somebody else's project, and is passed over.
fn on_path(program: &OsStr) -> PathBuf {
    let named = PathBuf::from(program);
    if named.components().count() != 1 || named.is_absolute() {
        return named;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let runs = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.mode() & 0o111 != 0);
    let mut places = std::env::split_paths(&folders).filter(|f| f.is_absolute()).map(|f| f.join(&named));
    // What is not found is told as such when it is started: no folder holds this name.
    places.find(runs).unwrap_or_else(|| PathBuf::from("/nonexistent").join(named))
}

/// Starts a program that may outlive us.
///
/// # Errors
/// Those of the system.
pub fn spawn(command: &mut Command) -> std::io::Result<Child> {
    crash_points::around(crash_points::START, || command.spawn())
}

/// Ends what carries one of these tokens for this install, with all that it started; a line for each that was ended,
/// without those that ended with it. This process and those that it descends from are left out.
pub fn end(install: &Path, tokens: &[String]) -> Vec<String> {
    let found = marked(install, tokens);
    let pids: BTreeSet<u32> = found.iter().map(|p| p.pid).collect();
    let (inner, outer): (Vec<Process>, Vec<Process>) =
        found.into_iter().partition(|p| proc::parent(p.pid).is_some_and(|parent| pids.contains(&parent)));
    let mut lines = Vec::new();
    for found in outer {
        // Known before it ends, ended after it.
        let mut others: Vec<Process> = proc::members(found.pid);
        others.extend(proc::descendants(found.pid).into_iter().filter_map(proc::look));
        let how = match proc::stop(&found, GRACE) {
            proc::Stopped::AlreadyGone => continue,
            proc::Stopped::Survived => "could not end",
            _ => "ended",
        };
        for other in &others {
            proc::stop(other, GRACE);
        }
        let name: Vec<String> = found.command.iter().take(4).cloned().collect();
        lines.push(fs::visible(&format!("{how} pid {} ({})", found.pid, name.join(" "))));
    }
    for left in &inner {
        proc::stop(left, GRACE);
    }
    lines
}

/// The living processes of this user that carry one of these tokens, with the seal of this install.
fn marked(install: &Path, tokens: &[String]) -> Vec<Process> {
    let own = key::own(false);
    let wanted: BTreeSet<String> =
        tokens.iter().filter_map(|t| Some(format!("{t}.{}", seal(&own, t, install)?))).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let us = proc::with_ancestors(std::process::id());
    let user = rustix::process::geteuid().as_raw();
    let is_ours = |p: &Process| {
        p.env.get(MARK).is_some_and(|mark| wanted.contains(mark))
            && std::fs::metadata(format!("/proc/{}", p.pid)).is_ok_and(|m| m.uid() == user)
    };
    proc::all().filter(|pid| !us.contains(pid)).filter_map(proc::look).filter(is_ours).collect()
}

/// What only who has the key can say of a token and an install. The install counts by its device and inode, so that it
/// stays the same one when the project is renamed.
fn seal(key: &str, token: &str, install: &Path) -> Option<String> {
    let place = std::fs::metadata(install).ok()?;
    Some(key::seal(key, &format!("{token} {}:{}", place.dev(), place.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::blob::sha256;
    use std::io::Read as _;

    fn sleeper(change: impl FnOnce(&mut Command)) -> Child {
        let mut sleep = command("sleep");
        change(sleep.arg("60"));
        let child = sleep.spawn().unwrap();
        while proc::look(child.id()).is_none_or(|p| !p.command.first().is_some_and(|c| c.ends_with("sleep"))) {}
        child
    }

    #[test]
    fn only_what_has_the_seal_of_this_install_is_ended() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mark = Mark::new(dir.path()).unwrap();
        let elsewhere = Mark { token: mark.token.clone(), ..Mark::new(other.path()).unwrap() };
        let forged = Mark { seal: sha256(mark.token.as_bytes()), ..mark.clone() };
        let mut ours = sleeper(|c| mark.put(c));
        let mut innocents = [sleeper(|_| {}), sleeper(|c| elsewhere.put(c)), sleeper(|c| forged.put(c))];
        assert!(end(dir.path(), &["0".repeat(64)]).is_empty());
        let lines = end(dir.path(), &[mark.token.clone(), String::new()]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let (pid, name) = (format!("ended pid {} (", ours.id()), "sleep 60)");
        assert!(lines[0].starts_with(&pid) && lines[0].ends_with(name), "{lines:?}");
        assert!(!ours.wait().unwrap().success());
        for innocent in &mut innocents {
            assert!(innocent.try_wait().unwrap().is_none(), "it lives");
            innocent.kill().unwrap();
            innocent.wait().unwrap();
        }
    }

    #[test]
    fn what_it_started_ends_with_it_also_without_the_mark() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark::new(dir.path()).unwrap();
        let mut shell = command("sh");
        mark.put(shell.args(["-c", "env -i sleep 60 & echo $!; wait"]));
        let mut shell = shell.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = [0; 16];
        let read = shell.stdout.as_mut().unwrap().read(&mut said).unwrap();
        let inner: u32 = String::from_utf8_lossy(&said[..read]).trim().parse().unwrap();
        assert_eq!(end(dir.path(), &[mark.token]).len(), 1);
        shell.wait().unwrap();
        assert_eq!(proc::start_ticks(inner), None);
    }

    /// A program that is started in another way has no mark, and outlives a crash unseen.
    #[test]
    fn all_that_is_started_is_made_here() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut looked = 0;
        for file in walkdir::WalkDir::new(&top).into_iter().flatten() {
            let path = file.path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // The parser of the command line is called so, too.
            if !name.ends_with(".rs") || ["tests.rs", "children.rs", "complete.rs"].contains(&name.as_str()) {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
            // This program in its own place is no child.
            let code = code.replace("Command::new(own_program())", "");
            assert!(!code.contains("Command::new("), "{}: use children::command or helper", path.display());
            looked += 1;
        }
        assert!(looked > 100, "{looked} files");
    }
}
