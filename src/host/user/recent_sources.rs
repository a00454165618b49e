//! The sources that upgrades were completed from lately, in the user's state folder: a convenience, so that nothing here
//! is an error. A list that can't be read is empty, one that can't be written is forgotten.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::json;
use crate::core::os_text;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::git::address;
use crate::host::user::own_lock;

/// How many are kept.
const KEPT: usize = 8;
const FILE: &str = "sources.json";

/// `sources.json`: `{"schema":1,"sources":["/home/ada/src/praxis-os"]}`, the last one first. What is not UTF-8 stands as
/// [`os_text::encode`] writes it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    schema: u32,
    sources: Vec<String>,
}

/// The user's state folder for this program, where the system has one; else that for data.
pub fn folder() -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "pos-upgrade-tui")?;
    Some(dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_owned())
}

/// The sources used lately, the last one first; those that are gone are left out, what an address has is not asked.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    read(folder)
        .sources
        .into_iter()
        .map(|text| PathBuf::from(os_text::decode(&text)))
        .filter(|p| address::is_address(p) || p.is_absolute() && p.is_dir())
        .collect()
}

/// Puts a source to the front of the list.
pub fn remember(folder: &Path, source: &Path) {
    if !source.is_absolute() && !address::is_address(source) {
        return;
    }
    let text = os_text::encode(source);
    if read(folder).sources.first().is_some_and(|first| *first == text) {
        return;
    }
    let _alone = own_lock::alone(folder, "sources.lock").ok();
    let mut list = read(folder);
    list.sources.retain(|s| *s != text);
    list.sources.insert(0, text);
    list.sources.truncate(KEPT);
    let Ok(text) = json::compact(&List { schema: 1, ..list }) else { return };
    if std::fs::create_dir_all(folder).is_ok() {
        let _ = fs::write_durable(&folder.join(FILE), text.as_bytes(), 0o600);
    }
}

fn read(folder: &Path) -> List {
    let bytes = read::read_small(&folder.join(FILE)).unwrap_or_default();
    serde_json::from_slice::<List>(&bytes).ok().filter(|l| l.schema == 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn the_last_used_comes_first_and_nothing_is_listed_twice() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state/deep");
        let made: Vec<PathBuf> = (0..KEPT + 2)
            .map(|i| {
                dir.path().join(OsStr::from_bytes(
                    format!("clone {i}").as_bytes().iter().chain(b"\xe9\n").copied().collect::<Vec<_>>().as_slice(),
                ))
            })
            .collect();
        for path in &made {
            std::fs::create_dir(path).unwrap();
            remember(&state, path);
        }
        remember(&state, &made[5]);
        let found = sources(&state);
        assert_eq!((found.len(), &found[0], &found[1]), (KEPT, &made[5], &made[KEPT + 1]));
        assert_eq!(found.iter().filter(|p| **p == made[5]).count(), 1);
        std::fs::remove_dir(&made[5]).unwrap();
        assert_eq!(sources(&state)[0], made[KEPT + 1], "one that is gone");
    }

    #[test]
    fn a_damaged_list_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", "{\"schema\":2,\"sources\":[\"/\"]}", "{\"schema\":1,\"sources\":[\"relative\"]}"] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            assert!(sources(dir.path()).is_empty(), "{text}");
        }
        remember(dir.path(), Path::new("relative"));
        assert!(sources(dir.path()).is_empty());
        remember(dir.path(), dir.path());
        assert_eq!(sources(dir.path()), [dir.path()]);
    }
}
