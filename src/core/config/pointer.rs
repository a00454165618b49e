//! JSON pointers (RFC 6901): how a key is named, whatever the file's format.

/// The pointer of a key below another.
pub(crate) fn below(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}
