//! How git is started: without anything that the caller's environment says to it, and with whatever would start
//! another program switched off.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::host::git::error::GitError;
use crate::host::process::children;
use crate::host::process::output::{Answer, Bounds, OutputError, SHORT, output};
use crate::host::process::timing::{Who, waiting};

/// Settings that make git start a program, or wait for one, with the value that makes it start none.
const OFF: [&str; 11] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.alternateRefsCommand=:",
    "credential.helper=",
    "log.showSignature=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    // Not a program, but a note that a source could forge: who is whose parent.
    "core.commitGraph=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
];

/// Variables besides `GIT_*` that name a program which git would start.
const PROGRAMS: [&str; 5] = ["PAGER", "EDITOR", "VISUAL", "SSH_ASKPASS", "LESSOPEN"];

/// A `git` command that starts nobody else's program, takes no lock, and fetches nothing by itself. It reads the
/// settings of the repository in `dir`; see [`super::view`] for one that doesn't.
pub(crate) fn git(dir: &Path) -> Command {
    let mut command = bare(dir);
    command.env("GIT_NO_REPLACE_OBJECTS", "1");
    command
}

/// The same for the user's own repository and settings: what the caller's environment says of who he is, and which
/// files his settings are in, counts.
pub(crate) fn git_as_user(dir: &Path) -> Command {
    let mut command = keep(git(dir), |name| {
        is_settings_file(name) || name.starts_with("GIT_AUTHOR_") || name.starts_with("GIT_COMMITTER_")
    });
    // What he sees as his last commit is what the next one is made from.
    command.env_remove("GIT_NO_REPLACE_OBJECTS");
    command
}

/// The same for fetching, which a person asked for: his own way to reach other machines counts.
pub(super) fn git_to_fetch(dir: &Path) -> Command {
    let keeps = ["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "SSH_ASKPASS"];
    keep(git(dir), |name| keeps.contains(&name) || name.starts_with("GIT_SSL_") || name.starts_with("GIT_HTTP_"))
}

/// The same for reading settings: those files of the user's count that the environment names.
pub(super) fn git_for_settings(dir: &Path) -> Command {
    keep(git(dir), is_settings_file)
}

fn is_settings_file(name: &str) -> bool {
    matches!(name, "GIT_CONFIG_GLOBAL" | "GIT_CONFIG_SYSTEM" | "GIT_CONFIG_NOSYSTEM")
}

fn bare(dir: &Path) -> Command {
    let mut command = children::helper("git");
    command.current_dir(dir).args(OFF.iter().flat_map(|setting| ["-c", setting]));
    for (name, _) in foreign() {
        command.env_remove(name);
    }
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_PAGER", "cat")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// What the caller's environment says to git. Some of it leads to another repository (`GIT_DIR`, while a hook runs),
/// some names programs, some changes what objects are.
fn foreign() -> impl Iterator<Item = (OsString, OsString)> {
    let says = |name: &OsString| {
        name.to_str().is_some_and(|name| name.starts_with("GIT_") || PROGRAMS.contains(&name))
            || name.as_encoded_bytes().starts_with(b"GIT_")
    };
    std::env::vars_os().filter(move |(name, _)| says(name))
}

fn keep(mut command: Command, wanted: impl Fn(&str) -> bool) -> Command {
    for (name, value) in foreign().filter(|(name, _)| name.to_str().is_some_and(&wanted)) {
        command.env(name, value);
    }
    command
}

/// What git answers is held in memory: the whole history of praxis-os takes a hundredth of that.
const ANSWER: Bounds = Bounds { answer: 128 << 20, time: None };

/// Runs git to its end.
///
/// # Errors
/// [`GitError::NoGit`], and [`GitError::Failed`] where it prints without end.
pub(crate) fn answer(path: &Path, name: &str, command: &mut Command) -> Result<Answer, GitError> {
    bounded(path, name, command, None, ANSWER)
}

/// [`answer`], where that is a few lines, and comes at once.
pub(super) fn short_answer(path: &Path, name: &str, command: &mut Command) -> Result<Answer, GitError> {
    bounded(path, name, command, None, SHORT)
}

/// What git says of its version.
///
/// # Errors
/// Why it can't, in words.
pub(crate) fn version() -> Result<String, String> {
    let here = Path::new("/");
    let answer = short_answer(here, "version", git(here).arg("version")).map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&answer.stdout);
    Ok(said.lines().next().unwrap_or_default().trim_start_matches("git version ").to_owned())
}

fn bounded(
    path: &Path,
    name: &str,
    command: &mut Command,
    input: Option<Vec<u8>>,
    bounds: Bounds,
) -> Result<Answer, GitError> {
    let _git = waiting(Who::Git);
    output(command, input, bounds).map_err(|e| match e {
        OutputError::Start(e) => GitError::NoGit(e),
        ended @ OutputError::Ended(_) => {
            GitError::Failed { path: path.to_owned(), command: name.to_owned(), said: ended.to_string() }
        }
    })
}

/// Runs a command to its end; what it printed.
///
/// # Errors
/// [`GitError::Failed`] with git's words, [`GitError::NoGit`].
pub(super) fn finish(path: &Path, name: &str, command: &mut Command) -> Result<Vec<u8>, GitError> {
    printed(path, name, answer(path, name, command)?)
}

/// The same with something to read.
///
/// # Errors
/// As [`finish`].
pub(super) fn finish_with(path: &Path, name: &str, command: &mut Command, input: &[u8]) -> Result<Vec<u8>, GitError> {
    printed(path, name, bounded(path, name, command, Some(input.to_vec()), ANSWER)?)
}

fn printed(path: &Path, name: &str, answer: Answer) -> Result<Vec<u8>, GitError> {
    if answer.status.success() {
        return Ok(answer.stdout);
    }
    let said = if answer.stderr.is_empty() { &answer.stdout } else { &answer.stderr };
    Err(GitError::Failed { path: path.to_owned(), command: name.to_owned(), said: last_lines(said) })
}

/// What git gave up for; without such a line, the last that it said.
pub(super) fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let said = || text.lines().filter(|l| !l.trim().is_empty());
    let telling = |l: &&str| l.starts_with("fatal:") || l.starts_with("error:");
    let lines: Vec<&str> = match said().filter(telling).count() {
        0 => said().rev().take(3).collect(),
        _ => said().filter(telling).rev().take(3).collect(),
    };
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}
