//! Whether an install was taken out, and what is said then. Reads only.

use std::path::Path;

use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::plan::Kind;
use crate::core::session::{Session, Status};
use crate::core::visible::Shown as _;
use crate::engine::refusal::{Problem, problem};
use crate::host::session::catalog::Found;

/// The uninstall that was the last thing done to an install, if nothing of what it took out stands there again.
pub(crate) fn done<'f>(install: &Path, found: &'f Found) -> Option<&'f Session> {
    let last = found.sessions.iter().rev().find(|session| !session.is_back())?;
    let is_over = last.uninstalling() && last.status() == Status::Completed;
    let gone =
        || last.plan().files.iter().filter(|file| file.kind == Kind::Remove).map(|file| file.path.under(install));
    (is_over && !gone().any(|path| path.symlink_metadata().is_ok())).then_some(last)
}

/// What is said to who wants to work on an install that was taken out.
pub(crate) fn is_out(install: &Path, session: &Session) -> Problem {
    let what = format!(
        "{}: what releases put here was taken out ({}), so there is nothing to work on",
        install.shown(),
        session.updated_at
    );
    let back = Next::RollbackOf(&session.session_id).of(&session.project);
    problem(Code::Uninstalled, what, format!("have it back: {back}, or install praxis-os anew with its own installer"))
}
