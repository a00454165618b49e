//! Files: durable writes, our own files and trees, and what an install holds.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub(crate) use crate::core::visible::line as visible;
use crate::host::files::crash_points::{CREATE, CREATE_FOLDER, REMOVE_FILE, REMOVE_TREE, REPLACE, REPLACEMENT, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::folder::Folder;
use crate::host::files::folder::timespec;
use crate::host::platform;

/// How the names of half-written replacements begin.
pub(crate) const TEMPORARY: &str = ".pos-upgrade-tmp-";

/// Creates a new file with these bytes, mode and (if given, in nanoseconds since 1970) modification time, and begins to
/// write it out. It is durable once the caller has synced it, and its folder.
///
/// # Errors
/// [`FsError`].
pub(crate) fn create_early(path: &Path, bytes: &[u8], mode: u32, mtime: Option<i128>) -> Result<File, FsError> {
    around(CREATE, || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path).doing("create", path)?;
        file.write_all(bytes).doing("write", path)?;
        // The mode given at creation is cut by the umask.
        file.set_permissions(fs::Permissions::from_mode(mode)).doing("set mode of", path)?;
        set_time(&file, path, mtime)?;
        // Waits for nothing: the first sync of many then finds the blocks of all given out, and the others find their
        // work done. Best effort.
        platform::drop_cached(&file);
        Ok(file)
    })
}

fn set_time(file: &File, path: &Path, mtime: Option<i128>) -> Result<(), FsError> {
    let Some(time) = mtime else { return Ok(()) };
    let times = rustix::fs::Timestamps { last_access: timespec(time), last_modification: timespec(time) };
    rustix::fs::futimens(file, &times).doing("set time of", path)
}

/// A modification time in nanoseconds.
pub(crate) fn mtime_of(meta: &fs::Metadata) -> i128 {
    use std::os::unix::fs::MetadataExt as _;
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

/// Gives a file the time of its last change back, in nanoseconds since 1970; a link is not followed.
///
/// # Errors
/// [`FsError`].
pub(crate) fn set_mtime(path: &Path, nanoseconds: i128) -> Result<(), FsError> {
    let folder = Folder::open(path.parent().unwrap_or(Path::new(".")))?;
    let name = path.file_name().unwrap_or_default();
    match folder.mtime(name)? {
        Some(now) if now == nanoseconds => Ok(()),
        _ => folder.set_mtime(name, nanoseconds),
    }
}

/// Replaces a file of our own as a whole: temporary file beside it, sync, rename, sync of the folder. It stays with its
/// owner and group, as far as this user may say so.
///
/// # Errors
/// [`FsError`].
pub(crate) fn write_durable(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    write_durable_as_of(path, bytes, mode, None)
}

/// The same with the time of its last change, in nanoseconds since 1970, where one is given.
///
/// # Errors
/// [`FsError`].
pub(crate) fn write_durable_as_of(path: &Path, bytes: &[u8], mode: u32, mtime: Option<i128>) -> Result<(), FsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = around(REPLACEMENT, || {
        let temporary = temporary(folder, path, bytes, mode)?;
        if mtime.is_some() {
            set_time(temporary.as_file(), path, mtime)?;
            temporary.as_file().sync_all().doing("sync", path)?;
        }
        Ok::<_, FsError>(temporary)
    })?;
    around(REPLACE, || temporary.persist(path)).map_err(|e| e.error).doing("replace", path)?;
    sync_folder(folder)
}

/// Makes a new file, durable, over nothing: whole or not at all, as [`write_durable`] does. False if something stands
/// there, which then stays.
///
/// # Errors
/// [`FsError`].
pub(crate) fn create_durable(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, FsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = around(REPLACEMENT, || temporary(folder, path, bytes, mode))?;
    match around(REPLACE, || temporary.persist_noclobber(path)) {
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        placed => placed.map_err(|e| e.error).doing("create", path)?,
    };
    sync_folder(folder)?;
    Ok(true)
}

/// The temporary file that will stand at `path`, whole and durable.
fn temporary(folder: &Path, path: &Path, bytes: &[u8], mode: u32) -> Result<tempfile::NamedTempFile, FsError> {
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .doing("create a file in", folder)?;
    temporary.write_all(bytes).doing("write", path)?;
    crate::host::files::ownership::as_of(path, temporary.as_file());
    temporary.as_file().set_permissions(fs::Permissions::from_mode(mode)).doing("set mode of", path)?;
    temporary.as_file().sync_all().doing("sync", path)?;
    Ok(temporary)
}

/// Makes a folder's entries durable.
///
/// # Errors
/// [`FsError`].
pub fn sync_folder(path: &Path) -> Result<(), FsError> {
    Folder::open(path)?.sync()
}

/// Makes all that was written to the file system of a folder durable: for a tree of many files that somebody else wrote.
///
/// # Errors
/// [`FsError`].
pub fn sync_all_of(path: &Path) -> Result<(), FsError> {
    let folder = File::open(path).doing("open", path)?;
    platform::sync_file_system(&folder).doing("sync", path)
}

/// Creates folders as needed, each durable before the next: what is made durable in them later is found again.
///
/// # Errors
/// [`FsError`].
pub(crate) fn create_folders(path: &Path) -> Result<(), FsError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_folders(parent)?;
    create_folder(path, parent)
}

/// Creates one folder in another one, which must be there.
///
/// # Errors
/// [`FsError`].
pub(crate) fn create_folder_in(parent: &Path, name: &str) -> Result<(), FsError> {
    let path = parent.join(name);
    if path.is_dir() { Ok(()) } else { create_folder(&path, parent) }
}

fn create_folder(path: &Path, parent: &Path) -> Result<(), FsError> {
    match around(CREATE_FOLDER, || fs::create_dir(path)) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.doing("create folder", path)?,
    }
    sync_folder(parent)
}

/// Removes a folder with all that is in it. Nothing there is as good.
///
/// # Errors
/// [`FsError`].
pub(crate) fn remove_tree(path: &Path) -> Result<(), FsError> {
    let removed = around(REMOVE_TREE, || {
        crate::host::files::clear::files_below(path);
        fs::remove_dir_all(path)
    });
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.doing("remove", path),
    }
}

/// Removes a file of our own. Nothing there is as good.
///
/// # Errors
/// [`FsError`].
pub fn remove_file(path: &Path) -> Result<(), FsError> {
    match around(REMOVE_FILE, || fs::remove_file(path)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.doing("remove", path),
    }
}

/// Removes what a crash left of half-written replacements in a folder of ours. Only while nobody else can be writing
/// there: under the lock.
pub fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_bytes().starts_with(TEMPORARY.as_bytes()) {
            // Tried again next time.
            let _ = remove_file(&entry.path());
        }
    }
}

/// Whether an error says that nothing stands there.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether anything stands at a path, also a link that leads nowhere.
///
/// # Errors
/// [`FsError`] where that can't be told.
pub fn is_there(path: &Path) -> Result<bool, FsError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if is_absence(&e) => Ok(false),
        Err(e) => Err(e).doing("look at", path),
    }
}

/// The names of all that is in a folder; none where there is no such folder.
///
/// # Errors
/// [`FsError`] where that can't be told: what can't be listed is not empty.
pub(crate) fn entries_in(folder: &Path) -> Result<Vec<fs::DirEntry>, FsError> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.doing("list", folder)).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e).doing("list", folder),
    }
}

/// The names of the folders in a folder. A link is none: what is behind it is somebody else's.
///
/// # Errors
/// Those of [`entries_in`].
pub(crate) fn folders_in(folder: &Path) -> Result<Vec<String>, FsError> {
    let mut names = Vec::new();
    for entry in entries_in(folder)? {
        if entry.file_type().doing("look at", entry.path())?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Free bytes for us on the file system that holds `path`.
///
/// # Errors
/// [`FsError`].
pub(crate) fn free_space(path: &Path) -> Result<u64, FsError> {
    let stat = rustix::fs::statvfs(path).doing("ask for free space at", path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// How many more files and folders can be made on the file system that holds `path`; none if it does not count them.
///
/// # Errors
/// [`FsError`].
pub fn free_inodes(path: &Path) -> Result<Option<u64>, FsError> {
    let stat = rustix::fs::statvfs(path).doing("ask for free inodes at", path)?;
    Ok((stat.f_files > 0).then_some(stat.f_favail))
}

/// Whether names that differ in case only lead to the same file in this install, which has a folder of ours.
pub(crate) fn folds_case(install: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |name: &str| fs::symlink_metadata(install.join(name)).map(|m| (m.dev(), m.ino())).ok();
    identity(".upgrade").is_some_and(|ours| identity(".UPGRADE") == Some(ours))
}

/// Whether we may create and remove entries in a folder.
///
/// # Errors
/// [`FsError`] with the reason if not.
pub(crate) fn check_writable(path: &Path) -> Result<(), FsError> {
    use rustix::fs::Access;
    rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).doing("write in", path)
}

/// Whether we may pass through a folder to what is in it.
pub(crate) fn can_be_walked(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::EXEC_OK).is_ok()
}

/// A size for people: `45.2 MB`.
pub(crate) fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::path::RelPath;
    use crate::host::files::folder::Found;
    use crate::host::files::parallel::in_parallel;

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_link_can_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("..", inside.join("up")).unwrap();
        std::os::unix::fs::symlink("../secret", inside.join("link")).unwrap();
        let folder = Folder::open(&inside).unwrap();
        assert_eq!(folder.look(&rel("up/secret")).unwrap(), Found::Other);
        fs::write(inside.join("file"), "f").unwrap();
        assert_eq!(folder.look(&rel("file/none")).unwrap(), Found::Absent);
        assert_eq!(folder.look(&rel("link")).unwrap(), Found::Other);
        assert!(folder.below(&rel("up/new"), true).is_err());
        assert!(!dir.path().join("new").exists());
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(human_size(999), "999 B");
        assert_eq!(human_size(45_200_000), "45.2 MB");
    }

    #[test]
    fn parallel_work_keeps_order_and_reports_errors() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(in_parallel(&items, |i| Ok::<_, ()>(i * 2)).unwrap()[99], 198);
        assert!(in_parallel(&items, |i| if *i == 50 { Err("no") } else { Ok(()) }).is_err());
    }
}
