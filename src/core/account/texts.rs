//! What an account is made from: what stands at a path, and the texts, one at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::blob::BlobId;
use crate::core::path::RelPath;

/// What stands at a path. Folders don't count: nobody's words are in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    /// A regular file.
    File {
        /// Of its content, as hexadecimal digits.
        sha256: String,
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link, with the bytes of where it leads; none where these are not known.
    Link(Option<Vec<u8>>),
    /// Something else.
    Other,
}

/// What stands at the paths of an install. A path that is not in it has nothing.
pub(crate) type Things = BTreeMap<RelPath, Thing>;

impl Thing {
    /// Whether this has the content of another one, whatever its mode.
    pub(crate) fn is(&self, other: &Thing) -> bool {
        match (self, other) {
            (Thing::File { sha256: one, .. }, Thing::File { sha256: two, .. }) => one == two,
            (Thing::Link(one), Thing::Link(two)) => one.is_none() || two.is_none() || one == two,
            _ => false,
        }
    }

    /// The checksum of a file.
    pub(crate) fn sum(&self) -> Option<&str> {
        match self {
            Thing::File { sha256, .. } => Some(sha256),
            _ => None,
        }
    }

    /// The permission bits of a file.
    pub(crate) fn mode(&self) -> Option<u32> {
        match self {
            Thing::File { mode, .. } => Some(*mode),
            _ => None,
        }
    }
}

/// Where texts come from. Only those of files that were merged are read.
pub(crate) trait Texts {
    /// The user's text as it was before.
    fn before(&self, path: &RelPath) -> Option<Arc<[u8]>>;
    /// What stands there now.
    fn now(&self, path: &RelPath) -> Option<Arc<[u8]>>;
    /// A text of a release; none if it is not kept.
    fn blob(&self, id: &BlobId) -> Option<Arc<[u8]>>;
}
