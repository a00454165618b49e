//! What a backup holds: every path of the install, with what brings it back.

use crate::core::path::RelPath;
use crate::host::files::ownership::Owner;
use crate::host::files::walk;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

/// What stood at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// A regular file; its bytes are in the backup.
    File {
        /// Of its content.
        sha256: String,
        /// In bytes.
        size: u64,
        /// Permission bits.
        mode: u32,
        /// Nanoseconds since 1970, as text: JSON numbers are too small.
        mtime: String,
        /// The owner; older backups don't know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        /// The group; likewise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gid: Option<u32>,
    },
    /// A folder.
    Folder {
        /// Permission bits.
        mode: u32,
        /// Nanoseconds since 1970.
        mtime: String,
        /// The owner; older backups don't know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        /// The group; likewise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gid: Option<u32>,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as lossy text.
        target: String,
        /// The very bytes, where the text does not tell them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target_base64: Option<String>,
        /// Nanoseconds since 1970; older backups don't know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mtime: Option<String>,
        /// The owner; older backups don't know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        /// The group; likewise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gid: Option<u32>,
    },
}

impl Entry {
    /// Opens what this is an entry of, below a folder, where it is a file or a folder still and no link leads there.
    ///
    /// # Errors
    /// [`io::Error`].
    pub(crate) fn opened(&self, top: &Path, path: &RelPath) -> io::Result<File> {
        match self {
            Entry::File { .. } => walk::open_unlinked(top, path, false),
            Entry::Folder { .. } => walk::open_unlinked(top, path, true),
            Entry::Link { .. } => Err(io::Error::other("a link has no attributes of its own")),
        }
    }

    /// A link that leads to these bytes.
    pub(crate) fn link(target: &[u8], mtime: Option<String>, owner: Option<Owner>) -> Self {
        let text = String::from_utf8_lossy(target).into_owned();
        // What may stand for lost bytes stands for itself only where that is said.
        let exact = text.contains(LOST);
        let target_base64 = exact.then(|| STANDARD.encode(target));
        Entry::Link { target: text, target_base64, mtime, uid: owner.map(|o| o.uid), gid: owner.map(|o| o.gid) }
    }

    /// Owner and group, if the backup noted them.
    pub(crate) fn owner(&self) -> Option<Owner> {
        let (Entry::File { uid, gid, .. } | Entry::Folder { uid, gid, .. } | Entry::Link { uid, gid, .. }) = self;
        Some(Owner { uid: (*uid)?, gid: (*gid)? })
    }

    /// Where a link leads, byte for byte; none if this is no link, or its backup did not keep that.
    pub fn target(&self) -> Option<Vec<u8>> {
        match self {
            Entry::Link { target_base64: Some(coded), .. } => STANDARD.decode(coded).ok().filter(|t| !t.is_empty()),
            Entry::Link { target, .. } if !target.is_empty() && !target.contains(LOST) => Some(target.clone().into()),
            _ => None,
        }
    }
}

/// What lossy text has where bytes were no text.
const LOST: char = char::REPLACEMENT_CHARACTER;

/// `MANIFEST.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// 1.
    pub schema: u32,
    /// Whose backup.
    pub session_id: String,
    /// The number of that session, by which backups are ordered; 0 in what earlier builds wrote.
    #[serde(default)]
    pub number: u64,
    /// The id of the session before it.
    #[serde(default)]
    pub parent: Option<String>,
    /// The name of the install's folder then; older backups don't know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<RelPath>,
    /// Its modification time before the session wrote anything there, in nanoseconds; older backups don't know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_mtime: Option<String>,
    /// UTC.
    pub created_at: String,
    /// Every path of the install but the ephemeral ones.
    pub entries: BTreeMap<RelPath, Entry>,
    /// The sha256 of the project's `.gitignore`; none if there was none.
    pub project_gitignore: Option<String>,
    /// When that was last changed, in nanoseconds since 1970; older backups don't know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_gitignore_mtime: Option<String>,
    /// The sha256 of what else is kept beside the copies, by name; older backups don't know it.
    #[serde(default)]
    pub beside: BTreeMap<String, String>,
    /// When those that are copies of the project's files were last changed, in nanoseconds since 1970, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beside_mtimes: BTreeMap<String, String>,
}
