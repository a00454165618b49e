//! `.upgrade-lock` explains the lock to people: who holds it, and what tells a living holder from a dead one.

use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::process::children;
use crate::host::process::proc;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

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
    pub(crate) process_start: Option<u64>,
    /// Which boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Which machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// In which pid namespace the pids count: a container has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_namespace: Option<String>,
    /// Processes that would live on if the holder died: for people. A number here ends nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ChildNote>,
    /// The tokens of the marks that such processes carry, noted before they are started ([`children`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
}

/// A process that the holder started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildNote {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

/// Whether the process that wrote a note can still be at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// It lives here.
    Alive,
    /// It ended.
    Dead,
    /// It ran on another machine or in a container: nobody here can tell.
    Unverifiable,
}

/// Its name in the install.
pub(crate) const NAME: &str = ".upgrade-lock";

/// Where the explaining file is.
pub(crate) fn note_path(install: &Path) -> PathBuf {
    install.join(NAME)
}

impl LockNote {
    /// Whether the process that wrote the note (another than this one) still lives here. A process that started after
    /// the note was written only has its number.
    pub fn holder(&self) -> Holder {
        let (boot, namespace) = (proc::boot_id(), proc::pid_namespace());
        let other = |theirs: &Option<String>, ours: &Option<String>| theirs.is_some() && theirs != ours;
        // The same kernel and the same numbers: whatever the machine is called by now.
        let here = boot.is_some() && self.boot_id == boot && namespace.is_some() && self.pid_namespace == namespace;
        if !here {
            if other(&self.host, &Some(host_name())) {
                return Holder::Unverifiable;
            }
            match (&self.boot_id, &boot) {
                // A container may hide which boot this is.
                (Some(_), None) => return Holder::Unverifiable,
                (Some(then), Some(now)) if then != now => return Holder::Dead,
                _ if other(&self.pid_namespace, &namespace) => return Holder::Unverifiable,
                _ => {}
            }
        }
        if self.pid == std::process::id() || self.pid == 0 {
            return Holder::Dead;
        }
        let lives = match (proc::start_ticks(self.pid), self.process_start) {
            (None, _) => false,
            (Some(now), Some(then)) => now == then,
            (Some(_), None) => {
                let written = self.started_at.parse::<jiff::Timestamp>().ok();
                match (written, proc::started_at(self.pid)) {
                    // A second of grace: both clocks are read with rounding.
                    (Some(written), Some(started)) => started.as_second() <= written.as_second() + 1,
                    _ => true,
                }
            }
        };
        if lives { Holder::Alive } else { Holder::Dead }
    }

    /// Ends what a dead holder left behind: what carries its marks. A line for each that was ended.
    pub(super) fn end_children(&self, install: &Path) -> Vec<String> {
        // Of another boot or container none can be seen here.
        if self.boot_id.is_none() || self.boot_id != proc::boot_id() {
            return Vec::new();
        }
        let ended = children::end(install, &self.marks).into_iter();
        ended.map(|line| format!("{line}, left by the upgrade that died as pid {}", self.pid)).collect()
    }

    /// Who wrote it, in words.
    pub(crate) fn describe(&self) -> String {
        let note = format!("pid {}, session {}, since {}", self.pid, self.session_id, self.started_at);
        let host = self.host.as_deref().unwrap_or("another machine");
        match self.holder() {
            Holder::Unverifiable if host == host_name() => {
                fs::visible(&format!("{note}, in another container of {host}, which can't be asked from here"))
            }
            Holder::Unverifiable => fs::visible(&format!("{note}, on {host}, which can't be asked from here")),
            _ => fs::visible(&note),
        }
    }
}

pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The explaining file, if there is one that can be read.
///
/// # Errors
/// [`FsError`] where one stands there that can't be read: it may be that of somebody who works.
pub(crate) fn read_note(install: &Path) -> Result<Option<LockNote>, FsError> {
    let text = read::read_own_small_if_there(&note_path(install))?;
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}
