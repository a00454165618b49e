//! Other upgrades of the same install: one that runs, and one that is not over.

use std::path::Path;

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::visible::Shown as _;
use crate::engine::refusal::{About, Problem, problem};
use crate::host::session::catalog::{Found, Used};
use crate::host::session::{catalog, lock};

/// Whether this upgrade is alone: the check of pre-flight.
///
/// # Errors
/// [`Problem`] naming the other one, and what to do about it.
pub(crate) fn concurrent(install: &Path, found: &Found, own: bool) -> Result<(String, ()), Problem> {
    if own {
        return Ok(("this one only".into(), ()));
    }
    if let Some(holder) = lock::held_by(install) {
        if holder.untold {
            let what = format!("{}: whether an upgrade is running here can't be told: {holder}", install.shown());
            return Err(problem(Code::OtherUpgrade, what, wait_or_unlock(&holder)));
        }
        return Err(Problem {
            code: Code::OtherUpgrade,
            about: About::Install,
            exit_code: Exit::Locked,
            what: format!("{}: another upgrade is running here ({holder})", install.shown()),
            next: wait_or_unlock(&holder),
        });
    }
    match in_the_way(install, found) {
        Some(problem) => Err(problem),
        None => Ok(("none".into(), ())),
    }
}

/// What to do about a lock that is held.
pub(crate) fn wait_or_unlock(holder: &lock::Held) -> String {
    match &holder.unlock {
        None if holder.untold => "mend that, then look again: pos-upgrade-tui status".into(),
        Some(session) => format!("if you know that it is over: pos-upgrade-tui unlock {session}"),
        None => "wait for it to end, then try again: pos-upgrade-tui status".into(),
    }
}

/// An earlier session that must be settled before another can begin.
pub(crate) fn session_in_the_way(install: &Path) -> Option<Problem> {
    in_the_way(install, &catalog::survey(install))
}

/// The same for who has looked at the sessions already.
pub(crate) fn in_the_way(install: &Path, found: &Found) -> Option<Problem> {
    let problem = |what: String, next: String| {
        Some(Problem { code: Code::Unfinished, about: About::Install, exit_code: Exit::Locked, what, next })
    };
    if let Some(damage) = found.lost() {
        let in_the_way = problem(damage.describe(), damage.next());
        // Nobody is known to be in the way: the disk refuses.
        let exit_code = if damage.used == Used::Unreadable { Exit::Refused } else { Exit::Locked };
        return in_the_way.map(|p| Problem { exit_code, ..p });
    }
    let session = found.unfinished()?;
    match found.damage(&session.session_id) {
        Some(damage) if session.rebuilt() => problem(damage.describe(), damage.next()),
        damage => problem(
            format!("{}: session {} is not finished", install.shown(), session.session_id)
                + &damage.map(|d| format!("\n{}", d.describe())).unwrap_or_default(),
            "go on with it: pos-upgrade-tui resume, or undo it: pos-upgrade-tui rollback".into(),
        ),
    }
}
