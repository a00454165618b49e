//! What can't be changed or replaced although its mode allows it: files and folders with an attribute that forbids it
//! (`chattr +i`, `chattr +a`), and places where something is mounted.

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
