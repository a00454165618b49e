//! Blob ids: the names that git gives to bytes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How a repository names its objects (`git rev-parse --show-object-format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectFormat {
    /// 40 hex digits, the default.
    Sha1,
    /// 64 hex digits.
    Sha256,
}

/// The id of a blob, written as hex digits, in whichever format its repository uses. Each file of a history has one: none
/// takes memory of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct BlobId {
    /// The sum, and zeros behind it.
    bytes: [u8; LONGEST],
    length: u8,
}

/// The bytes of a sha256.
const LONGEST: usize = 32;

impl From<BlobId> for String {
    fn from(id: BlobId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for BlobId {
    type Error = String;
    /// Ids name files in `.upgrade/base`, so what is read must be one.
    fn try_from(text: String) -> Result<Self, String> {
        Self::from_hex(&text).ok_or_else(|| format!("{text:?} is not a blob id"))
    }
}

impl BlobId {
    /// Takes hex digits as git prints them; none unless they have the length of a full id.
    pub(crate) fn from_hex(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if !matches!(digits.len(), 40 | 64) {
            return None;
        }
        let mut bytes = [0; LONGEST];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
            *byte = u8::try_from(high? << 4 | low?).ok()?;
        }
        Some(Self { bytes, length: u8::try_from(digits.len() / 2).ok()? })
    }

    fn of_sum(sum: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes.iter_mut().zip(sum).for_each(|(to, from)| *to = *from);
        Self { bytes, length: u8::try_from(sum.len()).unwrap_or_default() }
    }

    /// The id git would give to `bytes`.
    pub fn of(bytes: &[u8], format: ObjectFormat) -> Self {
        Self::of_object("blob", bytes, format)
    }

    /// The id git would give to an object of any kind (`blob`, `tree`, `commit`, `tag`).
    pub(crate) fn of_object(kind: &str, bytes: &[u8], format: ObjectFormat) -> Self {
        let head = format!("{kind} {}\0", bytes.len());
        match format {
            ObjectFormat::Sha1 => Self::of_sum(&Sha1::new().chain_update(head).chain_update(bytes).finalize()),
            ObjectFormat::Sha256 => Self::of_sum(&Sha256::new().chain_update(head).chain_update(bytes).finalize()),
        }
    }

    /// The format that it is written in, by its length.
    pub fn format(&self) -> ObjectFormat {
        if usize::from(self.length) == LONGEST { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 }
    }

    /// All zeros is how git writes "no such file" in a raw diff.
    pub fn is_null(&self) -> bool {
        self.bytes.iter().all(|b| *b == 0)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(self.bytes.get(..usize::from(self.length)).unwrap_or_default()))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.bytes[..5]))
    }
}

/// Lower-case hex digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(digits);
    text
}

/// The sha256 of `bytes` as hex digits: how backups and journals name content.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A blob of this many bytes or more is no git-lfs pointer: their specification allows no longer ones.
pub(crate) const LFS_POINTER_LIMIT: usize = 1024;

/// Whether these bytes stand for a file whose content git-lfs keeps outside of git.
pub(crate) fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() < LFS_POINTER_LIMIT
        && bytes.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
        && bytes.split(|b| *b == b'\n').any(|line| line.starts_with(b"oid sha256:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_told_from_words_about_pointers() {
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "a".repeat(64));
        assert!(is_lfs_pointer(pointer.as_bytes()));
        assert!(!is_lfs_pointer(b""));
        assert!(!is_lfs_pointer(b"version https://git-lfs.github.com/spec/v1\nsays what a pointer is\n"));
        assert!(!is_lfs_pointer(format!("# Pointers\n\n{pointer}").as_bytes()));
        assert!(!is_lfs_pointer(format!("{pointer}{}", "x".repeat(LFS_POINTER_LIMIT)).as_bytes()));
    }

    #[test]
    fn ids_are_those_of_git() {
        let id = |format| BlobId::of(b"hello\n", format).to_string();
        assert_eq!(id(ObjectFormat::Sha1), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(id(ObjectFormat::Sha256), "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4");
    }

    #[test]
    fn short_ids_are_refused() {
        assert!(BlobId::from_hex("ce01362").is_none());
        assert!(BlobId::from_hex(&"0".repeat(40)).unwrap().is_null());
    }
}
