//! `unlock`: a person says that an upgrade is over which nobody here can ask.

use crate::cli::args::Common;
use crate::cli::ask::ask;
use crate::cli::output;
use crate::cli::refusal::Refusal;
use crate::cli::settings;
use crate::core::os_text::quoted;
use crate::core::visible::Shown as _;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::fs::visible;
use crate::host::session::lock;
use crate::host::session::lock::LockError;

/// Exit code while a living process has the lock.
const LOCKED: u8 = 7;

/// Runs the subcommand. Removes `.upgrade-lock` and nothing else.
///
/// # Errors
/// [`Refusal`]; then the lock is as it was.
pub fn run(common: &Common, session: &str) -> Result<u8, Refusal> {
    let project = settings::project(common)?;
    let install = project.join(".praxis-os");
    let path = lock::note_path(&install);
    let untold = |e: FsError| Refusal::refused(format!("{e}; nothing was changed"), "mend that, then try again");
    let Some(note) = lock::read_note(&install).map_err(untold)? else {
        let what = match fs::is_there(&path).map_err(untold)? {
            true => format!("{}: says nothing that can be read, and keeps nobody out", path.shown()),
            false => format!("nothing to unlock: {} is not locked", install.shown()),
        };
        return Ok(output::nothing_to_do(&what, common.json));
    };
    if note.session_id != session {
        return Err(Refusal::usage(
            format!(
                "the lock of {} is not of session {}, but of: {}; nothing was changed",
                install.shown(),
                visible(session),
                note.describe()
            ),
            format!("if that is over: pos-upgrade-tui unlock {}", visible(&note.session_id)),
        ));
    }
    let held = |who: &str| Refusal {
        exit_code: LOCKED,
        what: format!("{}: an upgrade is running here ({who}); nothing was changed", install.shown()),
        next: "wait for it to end, then look again: pos-upgrade-tui status".into(),
    };
    if let Some(holder) = lock::held_by(&install).filter(|h| h.unlock.is_none()) {
        return Err(held(&holder.who));
    }
    if !common.json {
        say!("{}\n  locked by: {}", path.shown(), note.describe());
        say!("  If that upgrade still runs, unlocking lets two of them change the install at once.");
    }
    ask(common, "Is it over? Remove the lock?", &format!("unlock {}", visible(session)))?;
    match lock::remove_note(&install) {
        Ok(ended) => ended.iter().for_each(|line| complain!("{line}")),
        Err(LockError::Held(holder)) => return Err(held(&holder.who)),
        Err(LockError::Place(odd)) => {
            return Err(Refusal::refused(format!("{}; nothing was changed", odd.describe()), odd.next()));
        }
        Err(LockError::Fs(e)) => {
            return Err(Refusal::refused(format!("{e}; nothing was changed"), "pos-upgrade-tui status"));
        }
    }
    let message = format!(
        "{} is unlocked; see how it stands: pos-upgrade-tui status --project {}",
        install.shown(),
        quoted(&project)
    );
    Ok(output::done(&message, common.json))
}
