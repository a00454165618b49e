//! One upgrade at a time: `flock` on the permanent `.upgrade/lock`, and `.upgrade-lock` to explain it to people.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::fs::{self, Doing, FsError};
use super::process;

/// What the explaining file says. The seed's three keys, and what tells a living holder from a dead one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockNote {
    /// Whose session.
    pub session_id: String,
    /// UTC.
    pub started_at: String,
    /// Which process.
    pub pid: u32,
    /// When that process started, in clock ticks since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_start: Option<u64>,
    /// Which boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Which machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Why the lock can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A living process holds it.
    #[error("another upgrade is running on this install ({0})")]
    Held(String),
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// The held lock. Dropped (or its process dead), it is free again.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    note: PathBuf,
}

fn note_path(install: &Path) -> PathBuf {
    install.join(".upgrade-lock")
}

impl Lock {
    /// Takes the lock, without waiting.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder as far as it is known.
    pub fn acquire(install: &Path) -> Result<Self, LockError> {
        let folder = install.join(".upgrade");
        fs::create_folders(&folder)?;
        let path = folder.join("lock");
        // Never unlinked: a second file of this name would be a second lock.
        let file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .mode(0o600)
            .open(&path)
            .doing("open lock", &path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(LockError::Held(holder(install)));
        }
        if let Some(note) = read_note(install).filter(LockNote::holder_lives) {
            return Err(LockError::Held(note.describe()));
        }
        Ok(Self { _file: file, note: note_path(install) })
    }

    /// Writes the explaining file.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn explain(&self, session_id: &str, started_at: &str) -> Result<(), FsError> {
        let pid = std::process::id();
        let note = LockNote {
            session_id: session_id.to_owned(),
            started_at: started_at.to_owned(),
            pid,
            process_start: process::start_ticks(pid),
            boot_id: process::boot_id(),
            host: Some(host_name()),
        };
        let mut text = serde_json::to_vec_pretty(&note).unwrap_or_default();
        text.push(b'\n');
        fs::write_durable(&self.note, &text, 0o644)
    }

    /// Removes the explaining file; the lock itself is held until it is dropped.
    pub fn unexplain(&self) {
        // Gone already is as good.
        let _ = fs::remove_file(&self.note);
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn read_note(install: &Path) -> Option<LockNote> {
    serde_json::from_slice(&std::fs::read(note_path(install)).ok()?).ok()
}

fn holder(install: &Path) -> String {
    read_note(install).map_or_else(|| "its process has not said more yet".to_owned(), |n| n.describe())
}

/// Who holds the lock now, without taking or creating it; none if it is free.
pub fn held_by(install: &Path) -> Option<String> {
    if let Ok(file) = File::open(install.join(".upgrade/lock"))
        && flock(&file, FlockOperation::NonBlockingLockShared).is_err()
    {
        return Some(holder(install));
    }
    read_note(install).filter(LockNote::holder_lives).map(|n| n.describe())
}

impl LockNote {
    /// Whether the process that wrote the note (another than this one) still lives here. A process that started after
    /// the note was written only has its number.
    fn holder_lives(&self) -> bool {
        if self.pid == std::process::id() || self.pid == 0 {
            return false;
        }
        if self.host.as_ref().is_some_and(|host| *host != host_name()) {
            // Another machine or container: nobody here can tell.
            return true;
        }
        if self.boot_id.is_some() && self.boot_id != process::boot_id() {
            return false;
        }
        match (process::start_ticks(self.pid), self.process_start) {
            (None, _) => false,
            (Some(now), Some(then)) => now == then,
            (Some(_), None) => {
                let written = self.started_at.parse::<jiff::Timestamp>().ok();
                match (written, process::started_at(self.pid)) {
                    // A second of grace: both clocks are read with rounding.
                    (Some(written), Some(started)) => started.as_second() <= written.as_second() + 1,
                    _ => true,
                }
            }
        }
    }

    fn describe(&self) -> String {
        let note = format!("pid {}, session {}, since {}", self.pid, self.session_id, self.started_at);
        match self.host.as_ref().filter(|host| **host != host_name()) {
            // What can't be checked from here is only undone by a person.
            Some(host) => fs::visible(&format!(
                "{note}, on {host}, which can't be asked from here; if it is gone, remove .praxis-os/.upgrade-lock"
            )),
            None => fs::visible(&note),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::acquire(dir.path()).unwrap();
        first.explain("s1", "2026-11-22T10:00:00Z").unwrap();
        assert!(matches!(Lock::acquire(dir.path()), Err(LockError::Held(_))));
        assert!(held_by(dir.path()).unwrap().contains("s1"));
        first.unexplain();
        drop(first);
        assert!(held_by(dir.path()).is_none());
        Lock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_note_of_another_machine_is_never_assumed_dead() {
        let dir = tempfile::tempdir().unwrap();
        let note = "{\"session_id\":\"x\",\"started_at\":\"2020-01-01T00:00:00Z\",\"pid\":4194000,\"boot_id\":\"other\",\"host\":\"elsewhere\"}";
        std::fs::write(dir.path().join(".upgrade-lock"), note).unwrap();
        assert!(matches!(Lock::acquire(dir.path()), Err(LockError::Held(_))));
        let held = held_by(dir.path()).unwrap();
        assert!(held.contains("elsewhere") && held.contains("remove .praxis-os/.upgrade-lock"), "{held}");
        std::fs::write(dir.path().join(".upgrade-lock"), note.replace("elsewhere", &host_name())).unwrap();
        assert!(Lock::acquire(dir.path()).is_ok(), "another boot of this machine is over");
    }

    #[test]
    fn a_note_of_a_living_process_counts_and_a_reused_number_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let note = |started_at: &str| {
            let text = format!("{{\"session_id\":\"x\",\"started_at\":\"{started_at}\",\"pid\":{}}}", child.id());
            std::fs::write(dir.path().join(".upgrade-lock"), text).unwrap();
        };
        note(&jiff::Timestamp::now().to_string());
        assert!(matches!(Lock::acquire(dir.path()), Err(LockError::Held(_))));
        note("2020-01-01T00:00:00Z");
        assert!(Lock::acquire(dir.path()).is_ok(), "that process started long after the note");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
