//! How a task ended, with what it found.

use crate::core::phase::NotApplicable;
use crate::core::task::Task;
use crate::engine::events::Outcome;
use crate::engine::session::stop::Stop;
use crate::host::process::timing::Who;

/// How a task ended, with what it found.
pub(crate) struct Told<T> {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    pub(crate) value: T,
}

/// What a task gives back: how it ended, or why it did not.
pub(crate) type TaskResult<T> = Result<Told<T>, Stop>;

/// A task that was done.
pub(crate) fn done<T>(detail: impl Into<String>, value: T) -> TaskResult<T> {
    Ok(Told { outcome: Outcome::Done, detail: detail.into(), value })
}

/// A task that was done, with something to look at.
pub(crate) fn warned<T>(detail: impl Into<String>, value: T) -> TaskResult<T> {
    Ok(Told { outcome: Outcome::Warning, detail: detail.into(), value })
}

/// A task that did not apply.
pub(crate) fn not_applicable<T>(why: NotApplicable, value: T) -> TaskResult<T> {
    Ok(Told { outcome: Outcome::NotApplicable, detail: why.reason().to_owned(), value })
}

/// Tasks that do little but wait for somebody.
pub(crate) fn spent_on(task: Task) -> Option<Who> {
    match task {
        Task::Rehearsal
        | Task::StopServer
        | Task::StartServer
        | Task::Health
        | Task::Tools
        | Task::Smoke
        | Task::Browser
        | Task::Watcher
        | Task::Index => Some(Who::Server),
        Task::UnitTests => Some(Who::Programs),
        _ => None,
    }
}
