//! The search index in an upgrade and its rollback. While no server runs the index of before goes aside as a whole, and a
//! copy takes its place, so that the new server has one to begin with. A rollback brings the old one back beside the pages
//! that it was built from: the old server then has nothing to build.
//!
//! All stands in the session's folder: `record.json`, `old/N`, `new/N`, `dropped/N`, where N is the number of a place.
//! Which of them exist tells where the index stands, also after a crash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::index::Places;
use crate::core::json;
use crate::core::path::RelPath;
use crate::host::files::crash_points::{INDEX, around};
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::folder::Folder;
use crate::host::files::tree::copy_tree;
use crate::host::files::{fs, read, rename, walk};
use crate::host::install::locked::LockedInstall;
use crate::host::platform;
use crate::host::server::search_index;

const RECORD: &str = "record.json";
const OLD: &str = "old";
const NEW: &str = "new";
const DROPPED: &str = "dropped";
/// How often it is copied anew because a server wrote to it meanwhile.
const TRIES: usize = 3;

/// What is there of each file: its size, and when it was changed, in nanoseconds.
type Listing = BTreeMap<RelPath, (u64, String)>;

/// How the index was before the upgrade.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its folders; the number of one is its name aside.
    places: Vec<RelPath>,
    /// Where an index stood. The other places are those of the new server alone.
    there: Vec<bool>,
    /// The new server has its index elsewhere, and never touches the old one.
    stays: bool,
    /// What waits for the new server was built by itself, from the pages that it will have.
    pub(crate) rehearsed: bool,
    /// The pages that it was built from.
    pages: Listing,
    /// What the copy of each place was made of; empty where there is none.
    copied: Vec<Listing>,
}

/// Notes how the index is, and copies it for the new server, as long as nothing has changed. `next` is where the new server
/// will have its index; `copy` where it could go on with the old one. None where there is none that could be moved: behind a
/// link, on another file system, outside of the install.
///
/// # Errors
/// [`FsError`].
pub(crate) fn note(
    install: &LockedInstall,
    folder: &Path,
    next: &Places,
    copy: bool,
) -> Result<Option<Record>, FsError> {
    fs::remove_tree(folder)?;
    let now = search_index::places(install);
    let wanted = folders_of(next);
    let stays = folders_of(&now) != wanted;
    let mut there = Vec::new();
    for place in &wanted {
        if !can_move(install, place)? {
            return Ok(None);
        }
        there.push(fs::is_there(&place.under(install))?);
    }
    let none = vec![Listing::new(); wanted.len()];
    let pages = pages(install, &now)?;
    let mut record = Record { places: wanted, there, stays, rehearsed: false, pages, copied: none };
    fs::create_folders(&folder.join(NEW))?;
    for (number, place) in record.places.iter().enumerate().filter(|(number, _)| copy && record.there[*number]) {
        record.copied[number] = copied(install, folder, place, number)?;
    }
    save(folder, &record)?;
    Ok(Some(record))
}

impl Record {
    /// Whether the pages are those of when this was noted.
    pub(crate) fn is_of_pages(&self, install: &Path) -> bool {
        pages(install, &search_index::places(install)).is_ok_and(|now| now == self.pages)
    }
}

/// The folders that an index consists of.
fn folders_of(places: &Places) -> Vec<RelPath> {
    let whole = places.index.clone().filter(|_| places.note_layout().is_some());
    whole.into_iter().chain(places.parts()).collect()
}

/// Where the new server's index is built before anything changes: a folder for each place, with a copy of the old one where
/// there is one.
///
/// # Errors
/// [`FsError`].
pub(crate) fn to_build_in(folder: &Path, record: &Record) -> Result<Vec<(RelPath, PathBuf)>, FsError> {
    let made = record.places.iter().enumerate().map(|(number, place)| {
        let new = folder.join(NEW).join(number.to_string());
        fs::create_folders(&new)?;
        Ok((place.clone(), new))
    });
    made.collect()
}

/// Removes the copies that wait for the new server; whether one was there.
///
/// # Errors
/// [`FsError`].
pub(crate) fn drop_copies(folder: &Path, mut record: Record) -> Result<bool, FsError> {
    if record.copied.iter().all(BTreeMap::is_empty) {
        return Ok(false);
    }
    fs::remove_tree(&folder.join(NEW))?;
    fs::create_folders(&folder.join(NEW))?;
    record.copied = vec![Listing::new(); record.places.len()];
    save(folder, &record)?;
    Ok(true)
}

/// Notes that what waits was built by the new server, and makes it durable.
///
/// # Errors
/// [`FsError`].
pub(crate) fn is_rehearsed(folder: &Path, mut record: Record) -> Result<(), FsError> {
    fs::sync_all_of(folder)?;
    record.rehearsed = true;
    save(folder, &record)
}

fn save(folder: &Path, record: &Record) -> Result<(), FsError> {
    let path = folder.join(RECORD);
    fs::write_durable(&path, json::compact(record).doing("write", &path)?.as_bytes(), 0o600)
}

/// What was noted; none if nothing was.
pub(crate) fn noted(folder: &Path) -> Option<Record> {
    serde_json::from_slice(&read::read_if_there(&folder.join(RECORD)).ok()??).ok()
}

/// Whether a place of the index can be renamed to the session's folder and back: it is a folder within the install, or will be
/// one, and no mount lies between. A mount of the same file system has the same device, but a number of its own.
fn can_move(install: &Path, place: &RelPath) -> Result<bool, FsError> {
    let mount = |path: &Path| platform::mount_of(path).doing("look at", path);
    let root = Folder::open(install)?;
    let mut at = Some(place.clone());
    while let Some(folder) = at {
        let path = folder.under(install);
        if fs::is_there(&path)? {
            return Ok(root.below(&folder, false).is_ok() && mount(&path)? == mount(install)?);
        }
        at = folder.parent();
    }
    Ok(true)
}

/// Copies a place until nothing changes meanwhile; what the copy was made of.
fn copied(install: &LockedInstall, folder: &Path, place: &RelPath, number: usize) -> Result<Listing, FsError> {
    let (from, to) = (place.under(install), folder.join(NEW).join(number.to_string()));
    for _ in 0..TRIES {
        fs::remove_tree(&to)?;
        let before = listing(&from)?;
        // A file that goes meanwhile is as good as one that changes.
        if copy_tree(&from, &to).is_ok() && listing(&from)? == before {
            return Ok(before);
        }
    }
    // A server is at work on it: it is copied when that has ended.
    fs::remove_tree(&to)?;
    Ok(Listing::new())
}

/// The files below a folder.
fn listing(top: &Path) -> Result<Listing, FsError> {
    let all = walk::below(top, |_| true)?.into_iter().filter(|(_, kind)| !kind.is_dir());
    let looked = all.filter_map(|(path, _)| {
        let meta = std::fs::symlink_metadata(path.under(top)).ok()?;
        Some((path, (meta.len(), fs::mtime_of(&meta).to_string())))
    });
    Ok(looked.collect())
}

/// The pages that a server searches.
fn pages(install: &Path, places: &Places) -> Result<Listing, FsError> {
    let Some(standards) = &places.standards else { return Ok(Listing::new()) };
    let all = listing(&standards.under(install))?.into_iter();
    let of_install = all.filter_map(|(path, state)| Some((standards.join(path.as_bytes()).ok()?, state)));
    Ok(of_install.filter(|(path, _)| places.is_page(path)).collect())
}

/// The index of before goes aside, and the copy takes its place. Only while no server runs. Can be repeated after a crash.
///
/// # Errors
/// [`FsError`].
pub(crate) fn aside(install: &LockedInstall, folder: &Path, record: &Record, copy: bool) -> Result<(), FsError> {
    fs::create_folders(&folder.join(OLD))?;
    for (number, place) in record.places.iter().enumerate() {
        let [old, new] = [OLD, NEW].map(|name| folder.join(name).join(number.to_string()));
        let live = place.under(install);
        if record.there[number] && !fs::is_there(&old)? {
            if !fs::is_there(&live)? {
                continue;
            }
            let is_current = || Ok::<_, FsError>(fs::is_there(&new)? && listing(&live)? == record.copied[number]);
            if copy && !record.rehearsed && !is_current()? {
                copied(install, folder, place, number)?;
            }
            change_places(&live, &old)?;
        }
        if (record.there[number] || record.rehearsed) && fs::is_there(&new)? && !fs::is_there(&live)? {
            if let Some(parent) = live.parent() {
                fs::create_folders(parent)?;
            }
            change_places(&new, &live)?;
        }
    }
    Ok(())
}

/// How the index came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// It was never aside: what stands there is of the new server, or was not touched.
    NotAside,
    /// It is back, and of the pages that stand there now.
    Fits,
    /// It is back, but pages were changed since.
    Differs,
}

/// The index of before comes back; what the new server had goes. Only while no server runs, when the pages are back. Can be
/// repeated after a crash.
///
/// # Errors
/// [`FsError`].
pub(crate) fn back(install: &LockedInstall, folder: &Path) -> Result<Back, FsError> {
    let Some(record) = noted(folder) else { return Ok(Back::NotAside) };
    let dropped = folder.join(DROPPED);
    let mut was_aside = record.stays || fs::is_there(&dropped)?;
    for (number, place) in record.places.iter().enumerate() {
        let [old, new, to] = [OLD, NEW, DROPPED].map(|name| folder.join(name).join(number.to_string()));
        let live = place.under(install);
        // What was built before the switch has taken its place where it waits no more.
        let came = !record.there[number] && record.rehearsed && !fs::is_there(&new)? && !fs::is_there(&to)?;
        if !fs::is_there(&old)? && !came {
            continue;
        }
        was_aside = true;
        fs::create_folders(&dropped)?;
        if fs::is_there(&live)? {
            fs::remove_tree(&to)?;
            change_places(&live, &to)?;
        }
        if let Some(parent) = live.parent() {
            fs::create_folders(parent)?;
        }
        if fs::is_there(&old)? {
            change_places(&old, &live)?;
        }
    }
    if !was_aside {
        return Ok(Back::NotAside);
    }
    Ok(if record.is_of_pages(install) { Back::Fits } else { Back::Differs })
}

/// A rename onto nothing, durable in both folders.
fn change_places(from: &Path, to: &Path) -> Result<(), FsError> {
    around(INDEX, || rename::path_over_nothing(from, to)).doing("move", from)?;
    for parent in [from, to].into_iter().filter_map(Path::parent) {
        fs::sync_folder(parent)?;
    }
    Ok(())
}

/// Removes what is kept of the index of every session but one: nobody goes back behind a later upgrade before that one is
/// taken back, and then the index is built anew.
pub(crate) fn forget_others(install: &LockedInstall, own: &str) {
    let sessions = std::fs::read_dir(install.join(".upgrade")).into_iter().flatten().flatten();
    for session in sessions.filter(|session| session.file_name() != own) {
        let _ = fs::remove_tree(&session.path().join(FOLDER));
    }
}

/// Its folder in a session's.
pub(crate) const FOLDER: &str = "index";

/// Removes all that is kept: what a rollback took out of its place, or copies that nobody will use.
pub(crate) fn forget(folder: &Path) {
    let _: Result<(), FsError> = fs::remove_tree(folder);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::layout::layouts;
    use std::fs as stdfs;

    fn install() -> (tempfile::TempDir, LockedInstall, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path().join(".praxis-os");
        stdfs::create_dir_all(install.join("standards/universal")).unwrap();
        stdfs::create_dir_all(install.join("mcp_server")).unwrap();
        stdfs::create_dir_all(install.join(".cache/vector_index/rows")).unwrap();
        stdfs::write(install.join("standards/universal/a.md"), "a").unwrap();
        stdfs::write(install.join(".cache/vector_index/metadata.json"), "{}").unwrap();
        stdfs::write(install.join(".cache/vector_index/rows/1"), "old").unwrap();
        let folder = install.join(".upgrade/session/index");
        stdfs::create_dir_all(folder.parent().unwrap()).unwrap();
        (dir, LockedInstall::of_test(&install), folder)
    }

    fn row(install: &Path) -> String {
        stdfs::read_to_string(install.join(".cache/vector_index/rows/1")).unwrap()
    }

    #[test]
    fn there_and_back() {
        let (_dir, install, folder) = install();
        let before = listing(&install.join(".cache")).unwrap();
        let record = note(&install, &folder, &search_index::places(&install), true).unwrap().unwrap();
        for _ in 0..2 {
            aside(&install, &folder, &record, true).unwrap();
            assert_eq!(row(&install), "old");
            assert_eq!(listing(&install.join(".cache")).unwrap(), before, "the copy has the same times");
        }
        stdfs::write(install.join(".cache/vector_index/rows/1"), "new").unwrap();
        for _ in 0..2 {
            assert_eq!(back(&install, &folder).unwrap(), Back::Fits);
            assert_eq!(row(&install), "old");
            assert_eq!(listing(&install.join(".cache")).unwrap(), before);
        }
        stdfs::write(install.join("standards/universal/a.md"), "edited").unwrap();
        assert_eq!(back(&install, &folder).unwrap(), Back::Differs);
    }

    #[test]
    fn what_a_server_wrote_behind_the_copy_is_copied_too() {
        let (_dir, install, folder) = install();
        let record = note(&install, &folder, &search_index::places(&install), true).unwrap().unwrap();
        stdfs::write(install.join(".cache/vector_index/rows/1"), "newer").unwrap();
        aside(&install, &folder, &record, true).unwrap();
        assert_eq!(row(&install), "newer");
    }

    #[test]
    fn each_state_between_two_renames_goes_on_and_back() {
        for undone in 0..3 {
            let (_dir, install, folder) = install();
            let record = note(&install, &folder, &search_index::places(&install), true).unwrap().unwrap();
            let live = install.join(".cache/vector_index");
            if undone > 0 {
                stdfs::create_dir_all(folder.join(OLD)).unwrap();
                stdfs::rename(&live, folder.join("old/0")).unwrap();
            }
            if undone > 1 {
                stdfs::rename(folder.join("new/0"), &live).unwrap();
            }
            if undone == 0 {
                assert_eq!(back(&install, &folder).unwrap(), Back::NotAside);
            }
            aside(&install, &folder, &record, true).unwrap();
            assert_eq!(row(&install), "old");
            assert_eq!(back(&install, &folder).unwrap(), Back::Fits);
            assert_eq!(row(&install), "old");
        }
    }

    #[test]
    fn what_lies_behind_a_link_or_stays_is_not_moved() {
        let (dir, install, folder) = install();
        let next = Places::of(layouts().servers().next().unwrap(), None, &install);
        let record = note(&install, &folder, &next, true).unwrap().unwrap();
        aside(&install, &folder, &record, true).unwrap();
        assert_eq!(row(&install), "old");
        assert!(!folder.join("old/0").exists() && !folder.join("new/0").exists());
        assert_eq!(back(&install, &folder).unwrap(), Back::Fits);
        // The same with an index that the new server built before.
        let record = note(&install, &folder, &next, true).unwrap().unwrap();
        for (_, new) in to_build_in(&folder, &record).unwrap() {
            stdfs::write(new.join("rows"), "new").unwrap();
        }
        is_rehearsed(&folder, record).unwrap();
        let record = noted(&folder).unwrap();
        aside(&install, &folder, &record, false).unwrap();
        let built = record.places[0].under(&install);
        assert!(built.join("rows").exists() && row(&install) == "old");
        for _ in 0..2 {
            assert_eq!(back(&install, &folder).unwrap(), Back::Fits);
            assert!(!built.exists() && row(&install) == "old");
        }
        stdfs::rename(install.join(".cache"), dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("../elsewhere", install.join(".cache")).unwrap();
        assert!(note(&install, &folder, &search_index::places(&install), true).unwrap().is_none());
        assert_eq!(back(&install, &folder).unwrap(), Back::NotAside);
    }
}
