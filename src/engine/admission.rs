//! Whether a session may run now, and its place among the others.

use crate::core::baseline;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::release_history::short;
use crate::core::session::{Session, Status};
use crate::engine::exit_of_run::log_command;
use crate::engine::planning::make_plan::{self, PlanningError};
use crate::engine::planning::other_upgrades;
use crate::engine::refusal::{About, Problem};
use crate::engine::report::documents;
use crate::engine::session::word;
use crate::host::session::catalog::{self, Found};

/// Why a session is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Anew,
    Resume,
    /// The same, after the user said yes to its source.
    ResumeNamed,
    Discard,
    RollBack,
}

/// Going back over a later upgrade would mix the files of two releases, whatever the clock says about the two.
pub(crate) fn followed_by(session: &Session, later: &Session) -> Problem {
    Problem {
        code: Code::LaterUpgrade,
        about: About::Install,
        exit_code: Exit::Refused,
        what: format!(
            "session {} was followed by session {} ({}), which must be rolled back first; nothing was changed",
            session.session_id,
            later.session_id,
            later.status().words()
        ),
        next: Next::RollbackOf(&later.session_id).of(&session.project),
    }
}

/// Whether another release came into the install since this session ended, by git or by hand. Its files are not in the
/// session's backup, so going back would mix the two.
///
/// # Errors
/// [`Problem`] if so, or where it can't be told.
pub(crate) fn overtaken(session: &Session) -> Result<(), Problem> {
    let ended = session.status() == Status::Completed && !session.rolling_back();
    if !ended || session.resolving() || session.rebuilt() || !session.applied() {
        return Ok(());
    }
    // What is no file tells nothing of a release: the rollback sets it aside like all else that stands in its way.
    if documents::is_something_else(&session.install.join(baseline::FILE)) {
        return Ok(());
    }
    let problem = |what: String, next: String| {
        Err(Problem {
            code: Code::WouldMix,
            about: About::Install,
            exit_code: Exit::Refused,
            what: format!("{what}; nothing was changed"),
            next,
        })
    };
    if session.uninstalling() {
        // Whatever release stands there now came since.
        return match make_plan::read_baseline(&session.install) {
            Ok(None) => Ok(()),
            Ok(Some(baseline)) => problem(
                format!(
                    "session {} took the install out, but release {} was installed since: going back would mix it with what \
                     was there before",
                    session.session_id,
                    short(&baseline.release)
                ),
                "keep what is installed, or take it out first: pos-upgrade-tui uninstall".into(),
            ),
            Err(e) => problem(e.to_string(), "mend that, then try again".into()),
        };
    }
    match make_plan::read_baseline(&session.install) {
        Ok(Some(baseline)) if baseline.release != session.source_commit() => problem(
            format!(
                "session {} installed release {}, but the install is of release {} since, which came by git or by \
                 hand: going back would mix two releases",
                session.session_id,
                short(session.source_commit()),
                short(&baseline.release)
            ),
            format!("go back with git: {}", log_command(session)),
        ),
        Err(e @ PlanningError::Merged { .. }) => {
            problem(format!("{e}: going back would mix two releases"), Next::Reconcile(None).of(&session.project))
        }
        Err(PlanningError::Fs(e)) => problem(e.to_string(), "mend that, then try again".into()),
        _ => Ok(()),
    }
}

/// A new session begins only where none is unfinished; an old one is only taken up as it was when it was read. `found` are
/// the sessions as they are under the lock.
pub(crate) fn still_the_same(session: &Session, how: Begin, found: &Found) -> Result<(), Problem> {
    if how == Begin::Anew {
        let in_the_way = other_upgrades::in_the_way(&session.install, found);
        return in_the_way.map_or(Ok(()), |problem| Err(problem.unchanged()));
    }
    if let Some(damage) = found.lost() {
        let what = format!("{}; nothing was changed", damage.describe());
        return Err(Problem {
            code: Code::SessionDamaged,
            about: About::Install,
            exit_code: Exit::Refused,
            what,
            next: damage.next(),
        });
    }
    if let Some(later) = found.later(&session.session_id).filter(|_| how == Begin::RollBack) {
        return Err(followed_by(session, later));
    }
    if how == Begin::RollBack {
        overtaken(session)?;
    }
    if found.sessions.iter().any(|now| now == session) {
        return match how == Begin::Resume && word::is_missing(session) {
            true => Err(word::missing(session)),
            false => Ok(()),
        };
    }
    Err(Problem {
        code: Code::Unfinished,
        about: About::Install,
        exit_code: Exit::Locked,
        what: format!("session {} was changed by another process meanwhile; nothing was changed", session.session_id),
        next: Next::Status.of(&session.project),
    })
}

/// Gives a new session its place behind all others, and a stamp that no other has.
pub(crate) fn take_place(session: &mut Session, how: Begin, found: &Found) -> Result<(), Problem> {
    if how != Begin::Anew {
        return Ok(());
    }
    let place = catalog::next_place(&session.install, found);
    let taken = place.and_then(|(number, after)| {
        let stamp = catalog::free_stamp(&session.install, found, jiff::Timestamp::now())?;
        Ok((number, after, stamp))
    });
    match taken {
        Ok((number, after, stamp)) => (session.number, session.after, session.stamp) = (number, after, stamp),
        Err(e) => {
            let what = format!("{e}, so it can't be told what was done here before; nothing was changed");
            let next = format!("mend that, then: {}", Next::Status.of(&session.project));
            return Err(Problem {
                code: Code::NothingToGoOnWith,
                about: About::Install,
                exit_code: Exit::Refused,
                what,
                next,
            });
        }
    }
    Ok(())
}
