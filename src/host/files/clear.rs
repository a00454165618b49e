//! Empties large trees on all processors: a rollback gives up an environment of thousands of files.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, unlinkat};

/// A folder to empty: the folder that holds it, open, and its name there.
type Job = (Arc<OwnedFd>, OsString);

/// Folders that wait, and how many are being worked on.
#[derive(Default)]
struct Queue {
    waiting: Vec<Job>,
    busy: usize,
}

/// Removes the files and links below a folder, side by side; folders stay, empty. Best effort: who removes the folders
/// afterwards meets what could not be removed. No link is followed.
pub(crate) fn files_below(path: &Path) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if threads < 2 {
        return;
    }
    let Ok(top) = openat(CWD, path, flags, Mode::empty()) else { return };
    let queue = Mutex::new(Queue { waiting: vec![(Arc::new(top), OsString::from("."))], busy: 0 });
    let changed = Condvar::new();
    let work = || {
        let mut held = queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // The last come is done first: few folders are open at once.
            if let Some((parent, name)) = held.waiting.pop() {
                held.busy += 1;
                drop(held);
                let found = openat(&*parent, &name, flags, Mode::empty()).map(empty).unwrap_or_default();
                held = queue.lock().unwrap_or_else(PoisonError::into_inner);
                held.busy -= 1;
                held.waiting.extend(found);
                changed.notify_all();
            } else if held.busy == 0 {
                return;
            } else {
                held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
}

/// Removes all of a folder but its folders, and gives those.
fn empty(folder: OwnedFd) -> Vec<Job> {
    let Ok(entries) = Dir::read_from(&folder) else { return Vec::new() };
    let folder = Arc::new(folder);
    let mut folders = Vec::new();
    for entry in entries.flatten() {
        let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
        if name == "." || name == ".." {
            continue;
        }
        // Where the kind is not told, the kernel refuses to unlink a folder; then it is one.
        if entry.file_type() == FileType::Directory
            || unlinkat(folder.as_fd(), &name, AtFlags::empty()).is_err_and(|e| e == rustix::io::Errno::ISDIR)
        {
            folders.push((Arc::clone(&folder), name));
        }
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn all_files_go_and_nothing_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "k").unwrap();
        for number in 0..300 {
            let folder = tree.join(format!("{}/{}", number % 7, number % 5));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(number.to_string()), "x").unwrap();
        }
        symlink(&outside, tree.join("3/out")).unwrap();
        symlink("nowhere", tree.join("3/dangling")).unwrap();
        files_below(&tree);
        if std::thread::available_parallelism().unwrap().get() > 1 {
            let left = walkdir::WalkDir::new(&tree).into_iter().flatten().filter(|e| !e.file_type().is_dir()).count();
            assert_eq!(left, 0);
        }
        assert!(outside.join("kept").exists());
        // A link in its own place is not followed either.
        symlink(&outside, dir.path().join("link")).unwrap();
        files_below(&dir.path().join("link"));
        assert!(outside.join("kept").exists());
    }
}
