//! The lock of an install for what is done besides upgrades, and the folder for what stands in the way then.

use std::path::Path;

use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::session::stamp_of;
use crate::core::visible::Shown as _;
use crate::engine::planning::other_upgrades;
use crate::engine::refusal::{About, Problem, problem};
use crate::host::files::fs;
use crate::host::session::lock::{Lock, LockError};

/// The lock, for a moment. What a dead holder had left, and was ended, goes to `note`.
///
/// # Errors
/// [`Problem`], exit code 7 where somebody else has it.
pub(crate) fn lock(install: &Path, note: &mut dyn FnMut(&str)) -> Result<Lock, Problem> {
    let lock = Lock::acquire(install).map_err(|e| refusal(install, &e))?;
    lock.ended().iter().for_each(|line| note(line));
    Ok(lock)
}

/// The lock of an install that no unfinished upgrade has a claim on.
///
/// # Errors
/// Those of [`lock`], and [`Problem`] with exit code 7 for an unfinished upgrade.
pub(crate) fn without_session(install: &Path, note: &mut dyn FnMut(&str)) -> Result<Lock, Problem> {
    let lock = lock(install, note)?;
    match other_upgrades::session_in_the_way(install) {
        None => Ok(lock),
        Some(problem) => Err(problem.unchanged()),
    }
}

/// What a person is told of a lock that can't be had.
pub(crate) fn refusal(install: &Path, error: &LockError) -> Problem {
    let next = |command: Next<'_>| command.of(install.parent().unwrap_or(install));
    match error {
        LockError::Held(holder) => Problem {
            code: Code::OtherUpgrade,
            about: About::Install,
            exit_code: Exit::Locked,
            what: format!("{}: {error}; nothing was changed", install.shown()),
            next: other_upgrades::wait_or_unlock(holder),
        },
        LockError::Place(odd) => problem(Code::OddPlace, format!("{error}; nothing was changed"), odd.next()),
        LockError::Fs(_) => {
            problem(Code::Files, format!("{}: {error}; nothing was changed", install.shown()), next(Next::Status))
        }
    }
}

/// A folder among the rescued files that nothing is in yet.
///
/// # Errors
/// [`Problem`] where it can't be told which there are.
pub(crate) fn rescue_folder(install: &Path) -> Result<RelPath, Problem> {
    let stamp = stamp_of(jiff::Timestamp::now());
    let untold =
        |what: String| problem(Code::Files, format!("{what}; nothing was changed"), "mend that, then try again");
    let mut name = stamp.clone();
    let mut number = 1_u32;
    while fs::is_there(&install.join("rescued").join(&name)).map_err(|e| untold(e.to_string()))? {
        number += 1;
        name = format!("{stamp}-{number}");
    }
    RelPath::new(format!("rescued/{name}")).map_err(|e| untold(e.to_string()))
}
