//! What earlier builds kept beside the session: `drafts.json` in its folder. It is taken into the session, and goes then.

use std::path::PathBuf;

use crate::core::session::{Draft, Earlier, Session};
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;
use crate::host::session::store;

fn file(session: &Session) -> PathBuf {
    store::folder(&session.install, &session.session_id).join("drafts.json")
}

/// Takes it into the session, of the conflicts that a person decides; whether it was there. It stays until the session is
/// saved.
///
/// # Errors
/// [`FsError`] where it is there and can't be read. A damaged one has none, which costs questions but no bytes.
pub(super) fn take_in(session: &mut Session) -> Result<bool, FsError> {
    let Some(text) = read::read_own_note_if_there(&file(session))? else { return Ok(false) };
    let asks = |path: &_| session.asks_about(path);
    let mut decisions = session.decisions.clone();
    let gone = decisions.take_in(Earlier::parse(&text), asks);
    session.decisions = decisions;
    session.prompts = session.prompts.saturating_sub(gone);
    Ok(true)
}

/// Removes it. Left there, it would outweigh what is decided later.
///
/// # Errors
/// [`FsError`].
pub(super) fn remove(_: &LockedInstall, session: &Session) -> Result<(), FsError> {
    fs::remove_file(&file(session))
}

/// What is settled in a session without being an answer yet. Blocking.
///
/// # Errors
/// [`FsError`] where what an earlier build kept is there and can't be read.
pub(crate) fn drafts(session: &Session) -> Result<Vec<Draft>, FsError> {
    let mut session = session.clone();
    take_in(&mut session)?;
    Ok(session.decisions.drafts())
}
