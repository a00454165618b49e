//! Clones of sources that are named by their address, in the user's cache folder: bare ones, fetched before each use. Two at
//! once wait for each other by a lock; what is half made is never seen.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::core::blob::sha256;
use crate::host::files::scratch::Scratch;
use crate::host::git::address;
use crate::host::git::command::{finish, git};
use crate::host::git::error::GitError;
use crate::host::git::reach;
use crate::host::process::program::{self, Limits, Listener, ProgramError};
use crate::host::process::timing::{Who, waiting};

/// The protocols that are spoken, as `GIT_ALLOW_PROTOCOL` has them.
const PROTOCOLS: &str = "file:https:ssh";
/// A slow network is no reason to give up, a silent one is.
const LIMITS: Limits = Limits { silent: Duration::from_secs(180), total: Duration::from_secs(2 * 3600) };
/// How often a lock of another fetch is tried.
const LOOK: Duration = Duration::from_millis(100);
/// In the clone: its address, without a password; written anew with each fetch, so that its time is that of the last one.
const NOTE: &str = "pos-fetched-from";

/// Where the clone of an address is kept; none where the user has no cache folder.
pub(crate) fn place(url: &str) -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "pos-upgrade-tui")?;
    let name = url.rsplit(['/', ':']).find(|part| !part.is_empty()).unwrap_or("source");
    let name = name.strip_suffix(".git").unwrap_or(name);
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect();
    let sum = sha256(url.as_bytes());
    Some(dirs.cache_dir().join("sources").join(format!("{plain}-{}.git", &sum[..16])))
}

/// The address that a clone of ours was fetched from, without a password. Only what stands where that address is kept is ours:
/// any other folder may hold such a note.
pub(crate) fn address_of(clone: &Path) -> Option<String> {
    let text = crate::host::files::read::read_small(&clone.join(NOTE)).ok()?;
    let text = String::from_utf8(text).ok()?.trim().to_owned();
    let is_known = address::address(Path::new(&text)).is_some_and(|known| known.is_ok());
    (is_known && place(&text).is_some_and(|place| place == clone)).then_some(text)
}

/// How long ago a clone was fetched; none where there is none.
pub(crate) fn age(clone: &Path) -> Option<Duration> {
    let fetched = fs::metadata(clone.join(NOTE)).ok()?.modified().ok()?;
    Some(SystemTime::now().duration_since(fetched).unwrap_or_default())
}

/// Fetches what an address has into its clone, which is made where there is none. Blocking, and uses the network.
///
/// # Errors
/// [`GitError`] with git's words; a clone that was there is as it was.
pub(crate) fn fetch(url: &str, clone: &Path, listener: &mut dyn Listener) -> Result<(), GitError> {
    let failed = |e: io::Error| GitError::NoFetch { path: clone.to_owned(), why: e.to_string() };
    let folder = clone.parent().unwrap_or(clone);
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::create(clone.with_extension("lock")).map_err(failed)?;
    // Another fetch may take long: whoever waits for it can give up.
    while let Err(e) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        if e != Errno::WOULDBLOCK && e != Errno::INTR {
            return Err(failed(e.into()));
        }
        if !listener.go_on() {
            return Err(could_not(url, &ProgramError::Cancelled { name: "git fetch".to_owned() }));
        }
        std::thread::sleep(LOOK);
    }
    let scratch = Scratch::new().map_err(failed)?;
    if clone.join(NOTE).is_file() {
        let updated = update(url, clone, scratch.path(), listener);
        if updated.is_ok() || is_whole(clone) || !listener.go_on() {
            return updated;
        }
        // It was damaged since, so it is made anew; what is left of it stays until that is done.
    }
    let draft = clone.with_extension("part");
    remove(&draft).map_err(failed)?;
    fs::create_dir(&draft).map_err(failed)?;
    let mut init = git(&draft);
    // Settings of the user's say nothing about how this one is made.
    init.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    finish(&draft, "init", init.args(["init", "--quiet", "--bare", "--template=", "."]))?;
    let made = update(url, &draft, scratch.path(), listener);
    let made = made.and_then(|()| remove(clone).and_then(|()| fs::rename(&draft, clone)).map_err(failed));
    if made.is_err() {
        let _ = fs::remove_dir_all(&draft);
    }
    made
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Whether git finds all that a clone's branches lead to.
fn is_whole(clone: &Path) -> bool {
    finish(clone, "fsck", git(clone).args(["fsck", "--connectivity-only", "--no-dangling", "--no-progress"])).is_ok()
}

fn update(url: &str, clone: &Path, home: &Path, listener: &mut dyn Listener) -> Result<(), GitError> {
    let failed = |e: io::Error| GitError::NoFetch { path: clone.to_owned(), why: e.to_string() };
    let reach = reach::ready(clone, home, url, PROTOCOLS)?;
    let git_time = waiting(Who::Git);
    // Asked first: where this fails, the clone is as it was.
    let mut ask = reach::again(&reach);
    ask.args(["ls-remote", "--symref", "--", url, "HEAD"]);
    let said = program::run("git ls-remote", &mut ask, LIMITS, listener).map_err(|e| could_not(url, &e))?;
    let (branch, commit) = head_of(&said.lines);
    let mut fetch = reach::again(&reach);
    fetch.args(["fetch", "--progress", "--prune", "--no-write-fetch-head", "--no-tags", "--", url]);
    fetch.args(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]);
    if branch.is_none() && commit.is_some() {
        // No branch may lead to it.
        fetch.arg("HEAD");
    }
    program::run("git fetch", &mut fetch, LIMITS, listener).map_err(|e| could_not(url, &e))?;
    drop(git_time);
    if let Some(head) = branch {
        finish(clone, "symbolic-ref", git(clone).args(["symbolic-ref", "HEAD", head]))?;
    } else if let Some(commit) = commit {
        finish(clone, "update-ref", git(clone).args(["update-ref", "--no-deref", "HEAD", commit]))?;
    }
    fs::write(clone.join(NOTE), address::shown(url) + "\n").map_err(failed)
}

/// The branch that a repository's HEAD leads to, and its commit, as `ls-remote` says; no branch where it is detached.
fn head_of(said: &[String]) -> (Option<&str>, Option<&str>) {
    // A tab may stand as blanks here.
    let lines = || said.iter().filter_map(|line| Some(line.strip_suffix("HEAD")?.trim_end()));
    let mut branches = lines().filter_map(|what| what.strip_prefix("ref: "));
    let is_commit = |what: &&str| what.len() >= 40 && what.bytes().all(|b| b.is_ascii_hexdigit());
    (branches.find(|branch| branch.starts_with("refs/heads/")), lines().find(is_commit))
}

fn could_not(url: &str, error: &ProgramError) -> GitError {
    let why = match error {
        ProgramError::Failed { last, .. } | ProgramError::Ended { last, .. } => {
            telling(last).unwrap_or_else(|| last.lines().last().unwrap_or_default().to_owned())
        }
        other => other.to_string(),
    };
    // git repeats the address that it was given.
    let why = why.replace(url, &address::shown(url));
    GitError::NoFetch { path: address::shown(url).into(), why: format!("could not be fetched: {why}") }
}

/// Of git's last words those that say why; none where none is marked as such. What ssh says, it says in its own words before them.
fn telling(last: &str) -> Option<String> {
    let is_gits = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let lines: Vec<&str> = last.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.iter().position(is_gits)?;
    let is_sshs = lines[first].contains("Could not read from remote repository");
    let before = lines[..first].last().filter(|_| is_sshs);
    Some(
        before.into_iter().chain(lines[first..].iter().filter(|l| is_gits(l))).copied().collect::<Vec<_>>().join(" / "),
    )
}

/// The folder that stands for a source: its own, or that of the clone in the cache.
pub(crate) fn place_of(source: &Path) -> PathBuf {
    let url = address::address(source).and_then(Result::ok);
    url.and_then(place).unwrap_or_else(|| source.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_note_in_a_folder_that_is_not_in_the_cache_is_no_address() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NOTE), "https://h.invalid/x\n").unwrap();
        assert_eq!(address_of(dir.path()), None);
    }

    #[test]
    fn a_detached_head_is_taken_over_and_a_failure_leaves_the_clone() {
        let dir = tempfile::tempdir().unwrap();
        let (remote, clone) = (dir.path().join("remote"), dir.path().join("clones/x.git"));
        let run = |folder: &Path, arguments: &[&str]| {
            let mut command = Command::new("git");
            command.args(["-c", "user.name=a", "-c", "user.email=a@h.invalid"]).current_dir(folder);
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
            let out = command.args(arguments).output().unwrap();
            assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
            String::from_utf8(out.stdout).unwrap().trim().to_owned()
        };
        fs::create_dir(&remote).unwrap();
        run(&remote, &["init", "--quiet", "--initial-branch=main"]);
        run(&remote, &["commit", "--quiet", "--allow-empty", "-m", "one"]);
        let url = format!("file://{}", remote.display());
        let get = || fetch(&url, &clone, &mut program::Deaf);
        get().unwrap();
        assert_eq!(run(&clone, &["symbolic-ref", "HEAD"]), "refs/heads/main");
        run(&remote, &["checkout", "--quiet", "--detach"]);
        run(&remote, &["commit", "--quiet", "--allow-empty", "-m", "two"]);
        let detached = run(&remote, &["rev-parse", "HEAD"]);
        get().unwrap();
        assert_eq!(run(&clone, &["rev-parse", "HEAD"]), detached);
        assert_ne!(run(&clone, &["rev-parse", "main"]), detached, "the branch is where it was");
        fs::rename(&remote, dir.path().join("away")).unwrap();
        assert!(get().is_err());
        assert_eq!(run(&clone, &["rev-parse", "HEAD"]), detached);
        fs::rename(dir.path().join("away"), &remote).unwrap();
        run(&remote, &["checkout", "--quiet", "main"]);
        get().unwrap();
        assert_eq!(run(&clone, &["symbolic-ref", "HEAD"]), "refs/heads/main");
        // Damaged since, it is made anew; without the network what is left of it stays.
        fs::remove_dir_all(clone.join("objects")).unwrap();
        fs::rename(&remote, dir.path().join("away")).unwrap();
        assert!(get().is_err() && clone.join(NOTE).is_file());
        fs::rename(dir.path().join("away"), &remote).unwrap();
        get().unwrap();
        assert_eq!(run(&clone, &["rev-parse", "HEAD"]), run(&remote, &["rev-parse", "HEAD"]));
    }
}
