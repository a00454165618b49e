//! Who holds a lock file of another program: by the kernel's list of locks, or by the number that stands in the file. The file
//! is never locked here: a program that starts at that very moment would take us for another of its kind.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::host::files::read;
use crate::host::platform;
use crate::host::process::proc;

/// What a lock file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockFile {
    /// There is none.
    Absent,
    /// It is there, and nobody holds it.
    Left,
    /// A living process holds it: its number.
    Held(u32),
    /// Somebody holds it who can't be seen from here, as from within a container.
    HeldUnseen,
}

/// Looks at a lock file. A link is none: no program makes its lock one.
pub(crate) fn look(path: &Path) -> LockFile {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return LockFile::Absent };
    if !meta.is_file() {
        return LockFile::Absent;
    }
    let table = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let holders = table.lines().filter_map(holder).filter(|(_, _, inode)| *inode == meta.ino());
    let mut unseen = false;
    for (pid, device, _) in holders {
        let same = device == platform::device_of(&meta);
        match u32::try_from(pid).ok().filter(|pid| *pid > 0) {
            // Some file systems have another device in this list than elsewhere.
            Some(pid) if same || has_open(pid, path) => return LockFile::Held(pid),
            None if same => unseen = true,
            _ => {}
        }
    }
    match named(path, &meta) {
        Some(pid) => LockFile::Held(pid),
        None if unseen => proc::all().find(|pid| has_open(*pid, path)).map_or(LockFile::HeldUnseen, LockFile::Held),
        None => LockFile::Left,
    }
}

/// Process, device and inode of a line of `/proc/locks`; none for one that only waits.
fn holder(line: &str) -> Option<(i64, (u64, u64), u64)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if fields.get(1) == Some(&"->") {
        return None;
    }
    let mut file = fields.get(5)?.split(':');
    let mut device = || u64::from_str_radix(file.next()?, 16).ok();
    let device = (device()?, device()?);
    Some((fields.get(4)?.parse().ok()?, device, file.next()?.parse().ok()?))
}

fn has_open(pid: u32, path: &Path) -> bool {
    let Ok(path) = std::fs::canonicalize(path) else { return false };
    proc::descriptors(pid).values().any(|open| Path::new(&open.leads) == path)
}

/// The living process whose number stands first in the file. One that began after the file was written got the number
/// later.
fn named(path: &Path, meta: &std::fs::Metadata) -> Option<u32> {
    let text = String::from_utf8(read::read_small(path).ok()?).ok()?;
    let pid: u32 = text.split_ascii_whitespace().next()?.parse().ok()?;
    let began = proc::started_at(pid)?;
    // The clock may be set a little meanwhile.
    (began.as_second() <= meta.mtime() + 2).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FlockOperation, flock};

    #[test]
    fn lines_of_the_kernel_are_read() {
        let line = "1: FLOCK  ADVISORY  WRITE 708 fe:01:1234 0 EOF";
        assert_eq!(holder(line), Some((708, (254, 1), 1234)));
        assert_eq!(holder("7: OFDLCK ADVISORY  READ -1 00:0b:5 0 0"), Some((-1, (0, 11), 5)));
        assert_eq!(holder("1: -> FLOCK  ADVISORY  WRITE 709 fe:01:1234 0 EOF"), None);
        assert_eq!(holder("nothing"), None);
    }

    #[test]
    fn a_lock_is_held_as_long_as_somebody_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert_eq!(look(&path), LockFile::Absent);
        let file = std::fs::File::create(&path).unwrap();
        assert_eq!(look(&path), LockFile::Left);
        flock(&file, FlockOperation::LockExclusive).unwrap();
        assert_eq!(look(&path), LockFile::Held(std::process::id()));
        drop(file);
        // A process that another test has forked and that has not become its program yet has a copy of everything.
        let free = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            look(&path) == LockFile::Left
        });
        assert!(free);

        // By number.
        std::fs::write(&path, format!("{} 1764212345\n", std::process::id())).unwrap();
        assert_eq!(look(&path), LockFile::Held(std::process::id()));
        let before = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
        assert_eq!(look(&path), LockFile::Left, "the number went to another process");
        for text in ["", "x", "-1", "4294967295", "99999999999999"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(look(&path), LockFile::Left, "{text}");
        }
        std::os::unix::fs::symlink("/proc/1/cmdline", dir.path().join("link")).unwrap();
        assert_eq!(look(&dir.path().join("link")), LockFile::Absent);
    }
}
