//! Session files: the truth in `.upgrade/<uuid>/` (two generations), and the seed's state file written from it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fs::{self, FsError};
use crate::core::blob::sha256;
use crate::core::session::Session;

/// A session that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Both generations are damaged.
    #[error("{0}: both generations of this session are damaged")]
    Damaged(PathBuf),
}

/// `session.json`: the session with what tells a whole file from a torn one, and the newer from the older.
#[derive(Serialize, Deserialize)]
struct Generation {
    sequence: u64,
    /// Of the session's JSON text.
    sha256: String,
    session: Box<RawValue>,
}

/// Where sessions live in an install.
pub fn folder(install: &Path, session_id: &str) -> PathBuf {
    install.join(".upgrade").join(session_id)
}

const NAMES: [&str; 2] = ["session.json", "session.1.json"];

fn read(path: &Path) -> Option<(u64, Session)> {
    let bytes = std::fs::read(path).ok()?;
    let generation: Generation = serde_json::from_slice(&bytes).ok()?;
    let text = generation.session.get();
    if sha256(text.as_bytes()) != generation.sha256 {
        return None;
    }
    Some((generation.sequence, serde_json::from_str(text).ok()?))
}

/// The session as found here: a project that was moved or copied takes its sessions along, and what they name must be
/// the folder they lie in, never the one they were made in.
fn at_home(mut session: Session, install: &Path) -> Session {
    session.install = install.to_owned();
    session.project = install.parent().unwrap_or(install).to_owned();
    session
}

fn newest(folder: &Path) -> Option<(usize, u64, Session)> {
    let found = NAMES.iter().enumerate().filter_map(|(i, name)| read(&folder.join(name)).map(|(n, s)| (i, n, s)));
    found.max_by_key(|(_, sequence, _)| *sequence)
}

/// Saves the session: over the older generation, so that the newer one survives a crash in the middle.
///
/// # Errors
/// [`FsError`].
pub fn save(session: &Session) -> Result<(), FsError> {
    let folder = folder(&session.install, &session.session_id);
    fs::create_folders(&folder)?;
    let (slot, sequence) = newest(&folder).map_or((0, 1), |(slot, sequence, _)| (1 - slot, sequence + 1));
    // A session is made of plain data: it always has a JSON form.
    let text = serde_json::to_string(session).unwrap_or_default();
    let Ok(raw) = RawValue::from_string(text.clone()) else { return Ok(()) };
    let generation = Generation { sequence, sha256: sha256(text.as_bytes()), session: raw };
    let bytes = serde_json::to_vec(&generation).unwrap_or_default();
    fs::write_durable(&folder.join(NAMES[slot]), &bytes, 0o600)?;
    let state = session.install.join(".cache/state");
    fs::create_folders(&state)?;
    let mut shown = serde_json::to_vec_pretty(&session.state_file()).unwrap_or_default();
    shown.push(b'\n');
    fs::write_durable(&state.join(format!("{}.json", session.session_id)), &shown, 0o644)
}

/// Loads a session's newest sound generation.
///
/// # Errors
/// [`StoreError::Damaged`] if neither is sound.
pub fn load(install: &Path, session_id: &str) -> Result<Session, StoreError> {
    let folder = folder(install, session_id);
    newest(&folder).map(|(_, _, s)| at_home(s, install)).ok_or(StoreError::Damaged(folder))
}

/// All sessions of an install, oldest first, as far as they can be read; the folders of those that can't.
pub fn all(install: &Path) -> (Vec<Session>, Vec<PathBuf>) {
    let (mut sound, mut damaged) = (Vec::new(), Vec::new());
    let Ok(entries) = std::fs::read_dir(install.join(".upgrade")) else { return (sound, damaged) };
    for entry in entries.flatten() {
        let folder = entry.path();
        let name = entry.file_name();
        let is_session = name.to_str().is_some_and(|n| uuid::Uuid::try_parse(n).is_ok());
        if !is_session || NAMES.iter().all(|n| !folder.join(n).exists()) {
            continue;
        }
        match newest(&folder) {
            Some((_, _, session)) => sound.push(at_home(session, install)),
            None => damaged.push(folder),
        }
    }
    // Version 7 uuids sort by time.
    sound.sort_by(|a, b| a.session_id.cmp(&b.session_id));
    (sound, damaged)
}
