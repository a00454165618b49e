//! Clones of sources that are named by their address, in the user's cache folder: bare ones, fetched before each use. Two at
//! once wait for each other by a lock; what is half made is never seen.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

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

/// The address that a clone of ours was fetched from, without a password.
pub(crate) fn address_of(clone: &Path) -> Option<String> {
    let text = crate::host::files::read::read_small(&clone.join(NOTE)).ok()?;
    let text = String::from_utf8(text).ok()?.trim().to_owned();
    address::address(Path::new(&text)).is_some_and(|known| known.is_ok()).then_some(text)
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
    flock(&lock, FlockOperation::LockExclusive).map_err(|e| failed(e.into()))?;
    let scratch = Scratch::new().map_err(failed)?;
    if clone.join(NOTE).is_file() {
        return update(url, clone, scratch.path(), listener);
    }
    let draft = clone.with_extension("part");
    for left in [&draft, &clone.to_owned()] {
        match fs::remove_dir_all(left) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
    }
    fs::create_dir(&draft).map_err(failed)?;
    let mut init = git(&draft);
    // Settings of the user's say nothing about how this one is made.
    init.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    finish(&draft, "init", init.args(["init", "--quiet", "--bare", "--template=", "."]))?;
    let made = update(url, &draft, scratch.path(), listener);
    let made = made.and_then(|()| fs::rename(&draft, clone).map_err(failed));
    if made.is_err() {
        let _ = fs::remove_dir_all(&draft);
    }
    made
}

fn update(url: &str, clone: &Path, home: &Path, listener: &mut dyn Listener) -> Result<(), GitError> {
    let failed = |e: io::Error| GitError::NoFetch { path: clone.to_owned(), why: e.to_string() };
    let reach = reach::ready(clone, home, url, PROTOCOLS)?;
    let mut fetch = reach::again(&reach);
    fetch.args(["fetch", "--progress", "--prune", "--no-write-fetch-head", "--no-tags", "--", url]);
    fetch.args(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]);
    let git_time = waiting(Who::Git);
    program::run("git fetch", &mut fetch, LIMITS, listener).map_err(|e| could_not(url, &e))?;
    drop(git_time);
    let mut ask = reach::again(&reach);
    let said = finish(clone, "ls-remote", ask.args(["ls-remote", "--symref", "--", url, "HEAD"]))?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let head = said.lines().find_map(|line| line.strip_prefix("ref: ")?.split('\t').next());
    if let Some(head) = head.filter(|head| head.starts_with("refs/heads/")) {
        finish(clone, "symbolic-ref", git(clone).args(["symbolic-ref", "HEAD", head]))?;
    }
    fs::write(clone.join(NOTE), address::shown(url) + "\n").map_err(failed)
}

fn could_not(url: &str, error: &ProgramError) -> GitError {
    let why = match error {
        ProgramError::Failed { last, .. } | ProgramError::Ended { last, .. } => {
            let telling = last.lines().filter(|l| l.starts_with("fatal:") || l.starts_with("error:"));
            let lines: Vec<&str> = telling.collect();
            if lines.is_empty() { last.lines().last().unwrap_or_default().to_owned() } else { lines.join(" / ") }
        }
        other => other.to_string(),
    };
    // git repeats the address that it was given.
    let why = why.replace(url, &address::shown(url));
    GitError::NoFetch { path: address::shown(url).into(), why: format!("could not be fetched: {why}") }
}

/// The folder that stands for a source: its own, or that of the clone in the cache.
pub(crate) fn place_of(source: &Path) -> PathBuf {
    let url = address::address(source).and_then(Result::ok);
    url.and_then(place).unwrap_or_else(|| source.to_owned())
}
