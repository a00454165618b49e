//! A session whose own files are damaged, made of what else is left of it.

use std::path::PathBuf;

use super::approval::Approval;
use super::saved::Session;
use super::state::{End, SoFar, State};
use super::times::time_of;
use crate::core::path::RelPath;
use crate::core::phase::Phase;

/// What is left of a session whose own files are damaged.
#[derive(Debug, Clone)]
pub struct Remains {
    /// Its id, which is its folder's name.
    pub(crate) session_id: String,
    /// The install it lies in.
    pub(crate) install: PathBuf,
    /// What is wrong with its files.
    pub(crate) why: String,
    /// When it began, as its id has it.
    pub(crate) began: jiff::Timestamp,
    /// Its stamp: its backup's, else that of its beginning.
    pub(crate) stamp: String,
    /// Its journals were begun, so the install may be changed.
    pub(crate) applied: bool,
    /// How it ended, by what only its end writes.
    pub(crate) ended: Option<End>,
    /// The name of its backup.
    pub(crate) backup: Option<String>,
    /// Its number, 0 if it is not known.
    pub(crate) number: u64,
    /// The id of the session before it.
    pub(crate) parent: Option<String>,
    /// The environment that it built.
    pub(crate) venv_generation: Option<String>,
    /// The name that the install's folder had when the backup was made, if it has another one now.
    pub(crate) folder_before: Option<RelPath>,
    /// Lines that were appended to the project's `.gitignore` since its backup.
    pub(crate) gitignore_added: Vec<String>,
}

/// A session made of what is left: good for a rollback, not for going on.
pub(crate) fn rebuilt(left: Remains) -> Session {
    let reason = Some(format!("its files were damaged ({}); rebuilt from journal and backup", left.why));
    let so_far = SoFar { applied: left.applied, reason };
    let project = left.install.parent().unwrap_or(&left.install).to_owned();
    let mut session = Session::blank(left.session_id, project, left.install, left.stamp, time_of(left.began));
    session.state = match left.ended {
        Some(end) => State::Ended { end, so_far },
        None => State::RollbackPaused(so_far),
    };
    session.current_phase = if left.applied { Phase::Content } else { Phase::PreFlight };
    session.number = left.number;
    session.after = left.parent.into_iter().collect();
    session.backup = left.backup;
    session.venv_generation = left.venv_generation;
    session.folder_before = left.folder_before;
    session.gitignore_added = left.gitignore_added;
    session.approved = Approval::default().into();
    session
}
