//! Marks the server's search index as out of date, and orders a new one.

use rustix::fs::RenameFlags;

use std::ffi::OsString;
use std::path::Path;

use crate::core::index::{Places, Trust, is_marked, outdated};
use crate::core::path::RelPath;
use crate::host::files::crash_points::{REPLACE, around};
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::folder::{Content, Folder};
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install;
use crate::host::install::locked::LockedInstall;
use crate::host::process::proc::new_file_mode;
use crate::host::server::generation::layout_of;

/// Where this install's server keeps what it searches.
pub(crate) fn places(install: &Path) -> Places {
    let server = layout_of(install);
    let config = read::read_at_most(&server.index.config.under(install), read::SETTINGS).ok();
    Places::of(server, config.as_deref(), install)
}

/// Makes the server look at all standards again the next time that it is asked for a new index or sees a file change.
/// Without that it goes by times alone, and finds pages that are gone. False if there is no index in the install.
///
/// Only the note in the index is written, never the index itself: offline a server could not build it anew.
///
/// # Errors
/// [`FsError`]; the note is then as it was.
pub(crate) fn outdate(install: &LockedInstall, places: &Places, trust: Trust) -> Result<bool, FsError> {
    if places.parts().next().is_some() {
        return remove_parts(install, places);
    }
    let (Some(note), Some(layout)) = (places.note(), places.note_layout()) else {
        let source =
            std::io::Error::other("by it the search index lies outside of the install, where nothing is written");
        return Err(FsError { doing: "follow", path: layout_of(install).index.config.under(install), source });
    };
    let root = Folder::open(install)?;
    let (bytes, mode) = match root.read(&note)? {
        Content::File { bytes, mode } => (bytes, mode),
        Content::Absent => return Ok(false),
        Content::Folder | Content::Other => {
            let source = std::io::Error::other("it is no file of the server's, or lies behind a link");
            return Err(FsError { doing: "write", path: note.under(install), source });
        }
    };
    let (folder, name) = root.parent_of(&note, false)?;
    let there = |name: &str| {
        let page = places.noted(name).filter(|path| places.is_page(path));
        page.is_some_and(|path| matches!(root.read(&path), Ok(Content::File { .. })))
    };
    match outdated(layout, &bytes, trust, there) {
        Some(new) if new == bytes => {}
        Some(new) => {
            let draft = OsString::from(format!("{}index", fs::TEMPORARY));
            // What a crash left.
            if folder.kind(&draft)?.is_some() {
                folder.remove(&draft)?;
            }
            folder.create_file(&draft, &new, mode, None)?;
            around(REPLACE, || folder.rename(&draft, &folder, name, RenameFlags::empty()))
                .doing("replace", note.under(install))?;
            folder.sync()?;
        }
        // Without a note the server takes every file for a changed one.
        None => {
            folder.remove(name)?;
            folder.sync()?;
        }
    }
    Ok(true)
}

/// Removes the index of a server that keeps no note by which it could be told what changed: it builds a new one when it
/// starts. One that runs goes on with what it has in memory, so this is for when none does.
fn remove_parts(install: &Path, places: &Places) -> Result<bool, FsError> {
    let mut was_there = false;
    for part in places.parts() {
        // Nothing behind a link is ours.
        match Folder::open(install)?.below(&part, false) {
            Ok(_) => fs::remove_tree(&part.under(install))?,
            Err(e) if is_gone(&e) => continue,
            Err(e) => return Err(e),
        }
        was_there = true;
    }
    Ok(was_there)
}

/// Whether a server has built the index since an upgrade marked it, or none ever marked it.
pub(crate) fn is_built(install: &Path, places: &Places) -> bool {
    let note = places.note().and_then(|note| Folder::open(install).ok()?.read(&note).ok());
    match (note, places.note_layout()) {
        (Some(Content::File { bytes, .. }), Some(layout)) => !is_marked(layout, &bytes),
        _ => places.parts().any(|part| part.under(install).is_dir()),
    }
}

/// That the server may go on finding pages that are gone, and what to do about it.
pub(crate) fn problem(install: &Path, places: &Places, error: &FsError) -> String {
    let shown = |path: RelPath| format!("{}/{path}", install::name_of(install));
    let name = places.note_layout().map(|note| &note.name);
    let unplaced = || name.map_or_else(|| "the index".to_owned(), |name| format!("{name} in its folder"));
    let note = places.note().map_or_else(unplaced, shown);
    let flag = places.flag().map(|flag| format!("create the file {}, and ", shown(flag))).unwrap_or_default();
    format!(
        "{error}: a search may find pages that are gone, while the files themselves are in place; remove {note}, \
         {flag}restart the server"
    )
}

/// Leaves the flag that makes the server rebuild its index, if the install has the folder for it.
///
/// # Errors
/// [`FsError`].
pub(crate) fn ask_for_rebuild(install: &LockedInstall) -> Result<(), FsError> {
    let Some(flag) = places(install).flag() else { return Ok(()) };
    match Folder::open(install)?.parent_of(&flag, false) {
        Ok((folder, name)) => folder.put(name, b"", new_file_mode()),
        // No folder of ours: a link leads the watcher, but not us.
        Err(e) if is_gone(&e) => Ok(()),
        Err(e) => Err(e),
    }
}

/// Takes a flag away that no server took.
///
/// # Errors
/// [`FsError`].
pub(crate) fn take_back(install: &LockedInstall, flag: &RelPath) -> Result<(), FsError> {
    match Folder::open(install)?.parent_of(flag, false).and_then(|(folder, name)| folder.remove(name)) {
        Err(e) if !is_gone(&e) => Err(e),
        _ => Ok(()),
    }
}

fn is_gone(e: &FsError) -> bool {
    e.is_no_folder() || e.source.kind() == std::io::ErrorKind::NotFound
}

/// Lets a server that watches the standards see a change, where there was one while it did not look: a page gets the
/// time that it has.
pub(crate) fn nudge(install: &LockedInstall, page: &RelPath) {
    let _ = Folder::open(install).and_then(|root| {
        let (folder, name) = root.parent_of(page, false)?;
        folder.mtime(name)?.map_or(Ok(()), |time| folder.set_mtime(name, time))
    });
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use serde_json::{Value, json};

    use super::*;

    fn installed(note: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("standards")).unwrap();
        fs::create_dir_all(dir.path().join(".cache/vector_index")).unwrap();
        fs::write(dir.path().join("standards/a.md"), "# A\n").unwrap();
        fs::write(dir.path().join(".cache/vector_index/metadata.json"), note).unwrap();
        dir
    }

    fn locked(dir: &tempfile::TempDir) -> LockedInstall {
        LockedInstall::of_test(dir.path())
    }

    fn names(folder: &Path) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect()
    }

    #[test]
    fn a_note_is_replaced_or_taken_away() {
        let note = json!({"build_time": "2025-10-29T10:00:00", "files_mtimes": {"standards/a.md": 1.5}, "more": [1]});
        let dir = installed(note.to_string().as_bytes());
        let (install, folder) = (&LockedInstall::of_test(dir.path()), dir.path().join(".cache/vector_index"));
        fs::write(folder.join(".pos-upgrade-tmp-index"), "cut off").unwrap();
        fs::write(folder.join("rows.lance"), "rows").unwrap();
        for _ in 0..2 {
            assert!(outdate(install, &places(install), Trust::Files).unwrap());
            let said: Value = serde_json::from_slice(&fs::read(folder.join("metadata.json")).unwrap()).unwrap();
            assert_eq!((&said["files_mtimes"]["standards/a.md"], &said["more"]), (&json!(-1), &json!([1])));
        }
        fs::write(folder.join("metadata.json"), "{\"build").unwrap();
        assert!(outdate(install, &places(install), Trust::Nothing).unwrap());
        assert_eq!(names(&folder), ["rows.lance"]);
        assert!(!outdate(install, &places(install), Trust::Nothing).unwrap(), "nothing is left to outdate");
    }

    #[test]
    fn no_link_leads_out() {
        let (dir, other) = (installed(b"{}"), installed(b"theirs"));
        let note = dir.path().join(".cache/vector_index/metadata.json");
        let theirs = other.path().join(".cache/vector_index/metadata.json");
        fs::remove_file(&note).unwrap();
        symlink(&theirs, &note).unwrap();
        assert!(outdate(&locked(&dir), &places(dir.path()), Trust::Nothing).is_err());
        fs::remove_dir_all(dir.path().join(".cache/vector_index")).unwrap();
        symlink(theirs.parent().unwrap(), dir.path().join(".cache/vector_index")).unwrap();
        assert!(outdate(&locked(&dir), &places(dir.path()), Trust::Nothing).is_err());
        assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
        let config = json!({"rag": {"index_path": theirs.parent().unwrap(), "standards_path": other.path()}});
        fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
        let outside = outdate(&locked(&dir), &places(dir.path()), Trust::Nothing).unwrap_err();
        let said = problem(Path::new("/p/.praxis-os"), &places(dir.path()), &outside);
        assert!(said.contains("config.json") && said.contains("remove metadata.json in its folder, restart"), "{said}");
        ask_for_rebuild(&locked(&dir)).unwrap();
        assert_eq!(names(&other.path().join("standards")), ["a.md"]);
        assert_eq!(names(other.path()).len(), 2);
    }

    #[test]
    fn a_nudge_keeps_the_time() {
        let dir = installed(b"");
        let page = dir.path().join("standards/a.md");
        let before = fs::metadata(&page).unwrap().modified().unwrap();
        nudge(&locked(&dir), &"standards/a.md".parse().unwrap());
        nudge(&locked(&dir), &"standards/none.md".parse().unwrap());
        assert_eq!(fs::metadata(&page).unwrap().modified().unwrap(), before);
    }
}
