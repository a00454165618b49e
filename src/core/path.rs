//! Paths inside an install or a source tree, checked once where they enter the program.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A relative path that can't leave the folder it is joined to: no `..`, no root, no empty or `.` part, no NUL.
///
/// Bytes, not text, since file names need not be UTF-8. In JSON it is the plain string; a name that is not UTF-8
/// (or begins with `base64:`) is written as `base64:<its bytes>`, so that it comes back unchanged. A copy shares the bytes:
/// history, tree, plan and baseline all name the same files.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<[u8]>);

/// A path that points out of its folder, or isn't one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unsafe path {0:?}: it must be relative and may not contain `..`, `.` or empty parts")]
pub struct UnsafePath(pub String);

impl RelPath {
    /// Checks `bytes` and keeps them.
    ///
    /// # Errors
    /// [`UnsafePath`] for anything that could lead out of the folder it is joined to.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, UnsafePath> {
        let bytes = bytes.into();
        let fine = !bytes.is_empty()
            && !bytes.contains(&0)
            && bytes.split(|b| *b == b'/').all(|part| !part.is_empty() && part != b"." && part != b"..");
        if fine { Ok(Self(bytes.into())) } else { Err(UnsafePath(String::from_utf8_lossy(&bytes).into_owned())) }
    }

    /// The raw bytes, parts separated by `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a path of the operating system.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// `folder` with this path behind it.
    pub fn under(&self, folder: &Path) -> PathBuf {
        folder.join(self.as_path())
    }

    /// The text, if the name is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The parts from the outermost folder to the name.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/')
    }

    /// The last part.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or(&self.0)
    }

    /// The folder this is in, or none at the top.
    pub fn parent(&self) -> Option<RelPath> {
        let cut = self.0.iter().rposition(|b| *b == b'/')?;
        Some(Self(self.0[..cut].into()))
    }

    /// Whether this is `folder` or lies below it.
    pub(crate) fn is_within(&self, folder: &RelPath) -> bool {
        self.strip(folder).is_some() || self == folder
    }

    /// What is left behind `folder/`, if this lies below it.
    pub(crate) fn strip(&self, folder: &RelPath) -> Option<&[u8]> {
        self.0.strip_prefix(folder.as_bytes())?.strip_prefix(b"/")
    }

    /// `self/rest`.
    ///
    /// # Errors
    /// [`UnsafePath`] if `rest` is unsafe.
    pub fn join(&self, rest: &[u8]) -> Result<RelPath, UnsafePath> {
        Self::new([&self.0, &b"/"[..], rest].concat())
    }

    /// The base64 form, for names that aren't UTF-8.
    pub fn base64(&self) -> Option<String> {
        self.to_str().is_none().then(|| STANDARD.encode(&self.0))
    }
}

impl fmt::Display for RelPath {
    /// For people: on one line, and nothing in a name can inject escapes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::visible::line_of(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl std::str::FromStr for RelPath {
    type Err = UnsafePath;
    fn from_str(text: &str) -> Result<Self, UnsafePath> {
        match text.strip_prefix("base64:") {
            Some(coded) => Self::new(STANDARD.decode(coded).map_err(|_| UnsafePath(text.to_owned()))?),
            None => Self::new(text),
        }
    }
}

/// A string.
impl schemars::JsonSchema for RelPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RelPath".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_str() {
            Some(text) if !text.starts_with("base64:") => serializer.serialize_str(text),
            _ => serializer.serialize_str(&format!("base64:{}", STANDARD.encode(&self.0))),
        }
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_leave_the_folder() {
        for bad in ["", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/.", "a/", "a\0b"] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
        assert!("base64:Li4vYQ==".parse::<RelPath>().is_err(), "../a in base64");
    }

    #[test]
    fn json_keeps_every_name() {
        for name in [&b"a b/\"c\"\n.md"[..], b"\xff\xfe/x", b"base64:AAAA", "größe".as_bytes()] {
            let path = RelPath::new(name).unwrap();
            let back: RelPath = serde_json::from_str(&serde_json::to_string(&path).unwrap()).unwrap();
            assert_eq!(path, back);
        }
    }

    #[test]
    fn display_shows_control_characters() {
        assert_eq!(RelPath::new("a\u{1b}[31m").unwrap().to_string(), "a\\u{1b}[31m");
    }
}
