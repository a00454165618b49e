//! The phrases that more than one text of an upgrade has.

use crate::core::command_line::Next;
use crate::core::release_history::short;
use crate::core::session::Session;

/// One line that says from where to where.
pub(crate) fn from_to(session: &Session) -> String {
    let from = session.from_release().map_or("an unknown release", short);
    if session.uninstalling() {
        return format!("{from} -> taken out");
    }
    format!("{from} -> {}", short(session.source_commit()))
}

/// The command that takes this session back.
pub(crate) fn undo_command(session: &Session) -> String {
    Next::Rollback.of(&session.project)
}

/// The command that takes it back though something stands in the way.
pub(crate) fn set_aside_command(session: &Session) -> String {
    Next::SetAside.of(&session.project)
}
