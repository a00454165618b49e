//! By whose word a session runs. Whoever can write the project can write a session into it, whole and with every checksum in
//! order, and the source that it names may be theirs.

use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::session::Session;
use crate::core::visible::Shown as _;
use crate::engine::refusal;
use crate::engine::refusal::Problem;
use crate::host::session::store;

/// What runs in a session must be the user's word: they started it here, or have named its source. Going back runs nothing of
/// the source. One that says that it only settles what was put off may have packages fetched that the source names.
pub(crate) fn is_missing(session: &Session) -> bool {
    !session.rolling_back() && !session.rebuilt() && !store::is_vouched(session)
}

/// A session whose source nobody but the project's own files names.
pub(crate) fn missing(session: &Session) -> Problem {
    refusal::usage(
        Code::SourceNotNamedByYou,
        format!(
            "{}: only the files of session {} in the project name this source, and its code would run here; nothing was \
             changed",
            session.source().shown(),
            session.session_id
        ),
        format!(
            "if you trust it, name it yourself: {}, else go back: {}",
            Next::ResumeFrom(session.source()).of(&session.project),
            Next::Rollback.of(&session.project)
        ),
    )
}
