//! What can't be changed or replaced although its mode allows it: files and folders with an attribute that forbids it
//! (`chattr +i`, `chattr +a`), and places where something is mounted.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::host::platform;

/// An attribute that forbids changes, by its letter in `lsattr` and `chattr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attribute {
    /// Nothing of it can be changed.
    Immutable,
    /// It can only grow: it can't be replaced or removed, and nothing in it can be.
    AppendOnly,
}

impl Attribute {
    /// Its letter.
    pub(crate) fn letter(self) -> char {
        match self {
            Attribute::Immutable => 'i',
            Attribute::AppendOnly => 'a',
        }
    }
}

/// The attribute that forbids changing what stands at a path, which is not followed if it is a link; none where there is
/// none, or the file system tells of none.
pub(crate) fn attribute(path: &Path) -> Option<Attribute> {
    let seal = platform::seal(path);
    match () {
        () if seal.immutable => Some(Attribute::Immutable),
        () if seal.append_only => Some(Attribute::AppendOnly),
        () => None,
    }
}

/// Whether something is mounted at a path: another file system, a folder or a file from elsewhere. Of systems that don't
/// say so, only another file system is known.
pub(crate) fn is_mounted_at(path: &Path) -> bool {
    platform::is_mounted_at(path)
}

/// Whether a file is somebody else's and lies in a somebody else's folder with the sticky bit: then only its owner, the
/// folder's, and root may replace or remove it.
pub(crate) fn is_kept_by_others(path: &Path) -> bool {
    let me = rustix::process::geteuid();
    if me.is_root() {
        return false;
    }
    let Some(folder) = path.parent().and_then(|folder| std::fs::metadata(folder).ok()) else { return false };
    let Ok(file) = std::fs::symlink_metadata(path) else { return false };
    folder.mode() & 0o1000 != 0 && file.uid() != me.as_raw() && folder.uid() != me.as_raw()
}
