//! Takes a lock's note away, because a person says that the upgrade is over which nobody here can ask.

use std::path::Path;

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::visible::Shown as _;
use crate::engine::refusal::{About, Problem, problem, usage};
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::fs::visible;
use crate::host::session::lock;
use crate::host::session::lock::{LockError, LockNote};

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// No lock that keeps anybody out; why, in a sentence.
    Nothing(String),
    /// The note of the session that was named. Nobody here can tell whether it still runs.
    Note(LockNote),
}

/// Looks whether the lock is that of a session, and not of a living process. Reads only.
///
/// # Errors
/// [`Problem`], exit code 7 where a living process has the lock, 2 where another session is noted.
pub(crate) fn look(install: &Path, session: &str) -> Result<Found, Problem> {
    let untold = |e: FsError| problem(Code::Files, format!("{e}; nothing was changed"), "mend that, then try again");
    let path = lock::note_path(install);
    let Some(note) = lock::read_note(install).map_err(untold)? else {
        return Ok(Found::Nothing(match fs::is_there(&path).map_err(untold)? {
            true => format!("{}: says nothing that can be read, and keeps nobody out", path.shown()),
            false => format!("nothing to unlock: {} is not locked", install.shown()),
        }));
    };
    if note.session_id != session {
        return Err(usage(
            Code::NoSuchSession,
            format!(
                "the lock of {} is not of session {}, but of: {}; nothing was changed",
                install.shown(),
                visible(session),
                note.describe()
            ),
            format!("if that is over: pos-upgrade-tui unlock {}", visible(&note.session_id)),
        ));
    }
    match lock::held_by(install).filter(|holder| holder.unlock.is_none()) {
        Some(holder) => Err(held(install, &holder.who)),
        None => Ok(Found::Note(note)),
    }
}

/// Removes the note and nothing else. What a dead holder had left here is ended: a line each.
///
/// # Errors
/// [`Problem`]; then the lock is as it was.
pub(crate) fn remove(install: &Path) -> Result<Vec<String>, Problem> {
    lock::remove_note(install).map_err(|e| match e {
        LockError::Held(holder) => held(install, &holder.who),
        LockError::Place(odd) => {
            problem(Code::OddPlace, format!("{}; nothing was changed", odd.describe()), odd.next())
        }
        LockError::Fs(e) => problem(Code::Files, format!("{e}; nothing was changed"), "pos-upgrade-tui status"),
    })
}

fn held(install: &Path, who: &str) -> Problem {
    Problem {
        code: Code::OtherUpgrade,
        about: About::Install,
        exit_code: Exit::Locked,
        what: format!("{}: an upgrade is running here ({who}); nothing was changed", install.shown()),
        next: "wait for it to end, then look again: pos-upgrade-tui status".into(),
    }
}
