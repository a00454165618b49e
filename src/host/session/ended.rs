//! How a session ended, in a file of its own: where the session's files are damaged, it still is known whether anything of
//! it is in the install.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::document;
use crate::core::json;
use crate::core::session::End;
use crate::core::update_log::Ending;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;
use crate::host::session::store;

/// `ended.json` in the session's folder.
#[derive(Serialize, Deserialize)]
struct Note {
    schema: u32,
    end: End,
}

fn file(install: &Path, id: &str) -> PathBuf {
    store::folder(install, id).join("ended.json")
}

/// Notes how a session ended, after it had changed the install.
///
/// # Errors
/// [`FsError`].
pub(crate) fn note(install: &LockedInstall, id: &str, end: End) -> Result<(), FsError> {
    let path = file(install, id);
    let text = json::compact(&Note { schema: 1, end }).doing("write", &path)?;
    fs::write_durable(&path, text.as_bytes(), 0o600)
}

/// How a session ended that had changed the install, as far as that is known. One of an earlier build has no note: then the
/// lines of `UPDATE_LOG.txt` tell, which only an end writes.
///
/// # Errors
/// [`FsError`] where that is there and can't be read.
pub(crate) fn read(install: &Path, id: &str) -> Result<Option<End>, FsError> {
    let text = read::read_own_note_if_there(&file(install, id))?;
    let note = text.and_then(|text| serde_json::from_slice::<Note>(&text).ok());
    // The other ends leave nothing changed.
    match note.map(|note| note.end).filter(|end| matches!(end, End::Completed | End::RolledBack)) {
        Some(end) => Ok(Some(end)),
        None => in_log(install, id),
    }
}

fn in_log(install: &Path, id: &str) -> Result<Option<End>, FsError> {
    let Some(log) = read::read_if_there(&install.join("UPDATE_LOG.txt"))? else { return Ok(None) };
    Ok(document::text(&log).lines().rev().find_map(|line| Ending::of_line(line)?.of_session(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_outweighs_the_log_and_the_log_stands_in_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let (install, id) = (&LockedInstall::of_test(dir.path()), "0192e4a0-0000-7000-8000-000000000000");
        std::fs::create_dir_all(store::folder(install, id)).unwrap();
        assert_eq!(read(install, id).unwrap(), None);
        std::fs::write(install.join("UPDATE_LOG.txt"), format!("2026-11-22 | 1 | validated, session {id}\n")).unwrap();
        assert_eq!(read(install, id).unwrap(), Some(End::Completed), "as earlier builds leave it");
        note(install, id, End::RolledBack).unwrap();
        assert_eq!(read(install, id).unwrap(), Some(End::RolledBack));
        std::fs::remove_file(install.join("UPDATE_LOG.txt")).unwrap();
        assert_eq!(read(install, id).unwrap(), Some(End::RolledBack), "whoever takes the log away");
        for other in [&b"[[["[..], br#"{"schema":1,"end":"aborted"}"#, b"{}"] {
            std::fs::write(file(install, id), other).unwrap();
            assert_eq!(read(install, id).unwrap(), None, "nothing that only an end of a change writes");
        }
    }
}
