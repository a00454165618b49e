//! A secret of the user's own, in their state folder and out of reach of any project. What is sealed with it was written by
//! this program for this user: whoever can write a project can copy a seal, but not make one.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::core::blob::sha256;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::user::recent_sources;

/// Its file in the state folder.
const KEY: &str = "mark.key";
/// Its length, in hexadecimal digits.
const DIGITS: usize = 64;

/// What only who has the key can say of these words.
pub fn seal(key: &str, words: &str) -> String {
    let inner = sha256(format!("{key} {words}").as_bytes());
    sha256(format!("{key} {inner}").as_bytes())
}

/// The seal of the user's own key over these words; none where no folder can hold a key, for then anybody could make it.
pub(crate) fn own_seal(words: &str, make: bool) -> Option<String> {
    Some(own(make)).filter(|key| !key.is_empty()).map(|key| seal(&key, words))
}

/// The user's key; made if there is none and `make` says so. Where no folder can hold one it is empty: the seal then says less, but still
/// nobody has it whom we did not start.
pub fn own(make: bool) -> String {
    static KNOWN: LazyLock<Mutex<Option<String>>> = LazyLock::new(|| Mutex::new(None));
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_none() {
        // The library's own tests leave the real home alone.
        *known = match cfg!(test) {
            true => random(),
            false => recent_sources::folder().and_then(|folder| read_key(&folder).or_else(|| make_key(&folder, make))),
        };
    }
    known.clone().unwrap_or_default()
}

fn read_key(folder: &Path) -> Option<String> {
    let path = folder.join(KEY);
    // One that others can read or write is no secret.
    let meta = std::fs::symlink_metadata(&path).ok().filter(|m| m.mode() & 0o077 == 0)?;
    let text = read::read_own(&path).ok().filter(|_| meta.uid() == rustix::process::geteuid().as_raw())?;
    String::from_utf8(text).ok().filter(|text| text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn make_key(folder: &Path, make: bool) -> Option<String> {
    let text = random().filter(|_| make)?;
    std::fs::create_dir_all(folder).ok()?;
    let mut file = tempfile::NamedTempFile::new_in(folder).ok()?;
    file.write_all(text.as_bytes()).ok()?;
    let path = folder.join(KEY);
    if file.persist_noclobber(&path).is_ok() {
        return Some(text);
    }
    // Another process was faster. What can't be used is replaced, because no process lives by it.
    read_key(folder).or_else(|| {
        std::fs::remove_file(&path).ok()?;
        fs::write_durable(&path, text.as_bytes(), 0o600).ok()?;
        Some(text)
    })
}

/// As many random digits as a key has; none where the system gives none.
pub fn random() -> Option<String> {
    let mut bytes = [0; DIGITS / 2];
    std::fs::File::open("/dev/urandom").ok()?.read_exact(&mut bytes).ok()?;
    Some(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_key_is_made_once_and_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!((read_key(dir.path()), make_key(dir.path(), false)), (None, None));
        let key = make_key(dir.path(), true).unwrap();
        assert_eq!(read_key(dir.path()).as_ref(), Some(&key));
        assert_eq!(make_key(dir.path(), true).as_ref(), Some(&key), "who comes second takes that of the first");
        let path = dir.path().join(KEY);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read_key(dir.path()), None, "others could have read it");
        assert_ne!(make_key(dir.path(), true), Some(key));
        assert!(read_key(dir.path()).is_some());
    }
}
