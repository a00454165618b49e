//! The state files of servers as they were before an upgrade, kept in its session's folder.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;
use crate::host::process::proc;

use super::find::copy_state;

/// No state file is larger.
const LARGEST: u64 = 1 << 20;

/// What stood in a state file's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// A file, of which this is a copy.
    File(PathBuf),
    /// Something that was not kept.
    Other,
}

/// The paths of all servers' state files.
pub fn state_files() -> impl Iterator<Item = RelPath> {
    let all: std::collections::BTreeSet<RelPath> =
        layouts().servers().map(|layout| layout.state_file.clone()).collect();
    all.into_iter()
}

/// Keeps what stands there in a folder, unless that is there already.
///
/// # Errors
/// [`FsError`]; then there is no such folder.
pub fn keep(install: &LockedInstall, folder: &Path) -> Result<(), FsError> {
    if fs::is_there(folder)? {
        return Ok(());
    }
    let draft = folder.with_extension("new");
    fs::remove_tree(&draft)?;
    install.make_folder(&draft)?;
    for path in state_files() {
        let (from, to) = (path.under(install), path.under(&draft));
        let Ok(meta) = std::fs::symlink_metadata(&from) else { continue };
        install.make_folder(to.parent().unwrap_or(&draft))?;
        if !meta.is_file() || meta.len() > LARGEST || copy_state(install, &from, &to).is_err() {
            // A folder says that it was something else.
            install.make_folder(&to)?;
        }
    }
    std::fs::rename(&draft, folder).doing("move", &draft)
}

/// What was kept of a state file.
///
/// # Errors
/// [`FsError`].
pub fn before(folder: &Path, path: &RelPath) -> Result<Before, FsError> {
    let copy = path.under(folder);
    match std::fs::symlink_metadata(&copy) {
        Ok(meta) if meta.is_file() => Ok(Before::File(copy)),
        Ok(_) => Ok(Before::Other),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Before::Nothing),
        Err(e) => Err(e).doing("look at", &copy),
    }
}

/// Half-written state files, `<name>.<pid>`, of processes that have ended.
pub fn left_by_the_dead(install: &Path) -> Vec<RelPath> {
    let mut left = Vec::new();
    for state in state_files() {
        let place = state.under(install);
        let Ok(entries) = std::fs::read_dir(place.parent().unwrap_or(install)) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir())) {
            let name = entry.file_name();
            let pid = name.as_bytes().strip_prefix(state.name()).and_then(|rest| rest.strip_prefix(b"."));
            let pid =
                pid.and_then(|pid| std::str::from_utf8(pid).ok()).filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()));
            if let Some(Ok(pid)) = pid.map(str::parse::<u32>)
                && proc::look(pid).is_none()
                && let Some(path) = match state.parent() {
                    Some(parent) => parent.join(name.as_bytes()).ok(),
                    None => RelPath::new(name.as_bytes()).ok(),
                }
            {
                left.push(path);
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_there_is_kept_once() {
        let dir = tempfile::tempdir().unwrap();
        let (install, folder) = (dir.path().join("i"), dir.path().join("i/kept"));
        std::fs::create_dir(&install).unwrap();
        let path = state_files().next().unwrap();
        for (put, look) in [(None, Before::Nothing), (Some("{}"), Before::File(path.under(&folder)))] {
            if let Some(text) = put {
                std::fs::write(path.under(&install), text).unwrap();
            }
            keep(&LockedInstall::of_test(&install), &folder).unwrap();
            std::fs::write(path.under(&install), "later").unwrap();
            keep(&LockedInstall::of_test(&install), &folder).unwrap();
            assert_eq!(before(&folder, &path).unwrap(), look);
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::remove_file(path.under(&install)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path.under(&install)).unwrap();
        keep(&LockedInstall::of_test(&install), &folder).unwrap();
        assert_eq!(before(&folder, &path).unwrap(), Before::Other);
    }

    #[test]
    fn only_files_of_the_dead_are_left() {
        let dir = tempfile::tempdir().unwrap();
        let name = state_files().next().unwrap().to_string();
        let own = std::process::id();
        for end in ["4194305".to_owned(), own.to_string(), "old".to_owned(), "-1".to_owned(), String::new()] {
            std::fs::write(dir.path().join(format!("{name}.{end}")), "").unwrap();
        }
        std::fs::create_dir(dir.path().join(format!("{name}.4194306"))).unwrap();
        let left: Vec<String> = left_by_the_dead(dir.path()).iter().map(ToString::to_string).collect();
        assert_eq!(left, [format!("{name}.4194305")]);
    }
}
