//! Named crash points, for tests: where a process may die before or after a step that changes the disk.
//!
//! In builds with debug assertions `POS_CRASH_AT=N` ends the process at the N-th point that it passes (from 1), and
//! `POS_CRASH_AT="NAME before"` (or `after`) the first time that it comes to that one, `"NAME before 3"` the third time, as
//! a crash would: no destructors, no buffers written. `POS_CRASH_LOG=FILE` notes every point that is passed, a line each. In release builds there is nothing of it. The idea is that of FreeBSD's and etcd's
//! fail points.

/// A step that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point(pub &'static str);

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        $($(#[$doc])* pub const $name: Point = Point($word);)*
        /// All of them.
        pub const ALL: &[Point] = &[$($name),*];
    };
}

points! {
    /// A new file with its bytes.
    CREATE = "file.create";
    /// The bytes of a new file, made durable.
    SYNC_FILE = "file.sync";
    /// All that was written to a file system, made durable.
    SYNC_ALL = "all.sync";
    /// The temporary file that will replace one of ours.
    REPLACEMENT = "replace.write";
    /// Its rename over the old one.
    REPLACE = "replace.rename";
    /// A folder's entries, made durable.
    SYNC_FOLDER = "folder.sync";
    /// New folders.
    CREATE_FOLDER = "folder.create";
    /// An emptied folder goes.
    REMOVE_FOLDER = "folder.remove";
    /// Permission bits.
    MODE = "mode.set";
    /// A modification time.
    TIME = "time.set";
    /// A live file changes places with its staged successor, or goes to the staging.
    EXCHANGE = "journal.exchange";
    /// What the user wrote meanwhile is put aside.
    RESCUE = "journal.rescue";
    /// Staged bytes are given up, in one rename.
    RELEASE = "journal.release";
    /// A folder with all that is in it goes.
    REMOVE_TREE = "tree.remove";
    /// One of our own files goes.
    REMOVE_FILE = "file.remove";
    /// A file is copied into the backup.
    BACK_UP = "backup.copy";
    /// The bytes of the installed release are kept for the next upgrade.
    KEEP = "base.keep";
    /// A file or link of a backup takes its place, or the one where it waits for that.
    RESTORE = "restore.rename";
    /// What stood where a file was restored is set aside.
    SET_ASIDE = "restore.aside";
    /// A damaged file is moved out of the way.
    MOVE_ASIDE = "damaged.aside";
    /// The install's folder gets another name, or what stood at that place goes aside.
    FOLDER = "folder.rename";
    /// What was approved is written, before the first save of its session.
    APPROVE = "session.approve";
    /// The link that the environment will be switched with.
    LINK = "venv.link";
    /// The environment is switched to another generation, or back.
    SWITCH = "venv.switch";
    /// A part of the search index goes aside, takes its place, or comes back.
    INDEX = "index.rename";
    /// A program starts that may outlive this process.
    START = "child.start";
    /// Such a program is about to be ended, or has ended.
    END = "child.end";
    /// A server is left to run on: from here on it is the user's.
    HAND_OVER = "child.hand_over";
}

/// Does a step, with a crash point before and one after it.
pub fn around<T>(point: Point, step: impl FnOnce() -> T) -> T {
    pass(point, "before");
    let out = step();
    pass(point, "after");
    out
}

#[cfg(not(debug_assertions))]
fn pass(_: Point, _: &str) {}

#[cfg(debug_assertions)]
fn pass(point: Point, when: &str) {
    use std::collections::BTreeMap;
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{LazyLock, Mutex, PoisonError};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static TIMES: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    static CRASH_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("POS_CRASH_AT").ok());
    static LOG: LazyLock<Option<std::fs::File>> = LazyLock::new(|| {
        let path = std::env::var_os("POS_CRASH_LOG")?;
        std::fs::OpenOptions::new().create(true).append(true).open(path).ok()
    });
    let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    let name = format!("{} {when}", point.0);
    if let Some(mut log) = LOG.as_ref() {
        // In one piece: several threads pass at once.
        let _ = log.write_all(format!("{name}\n").as_bytes());
    }
    let time = {
        let mut times = TIMES.lock().unwrap_or_else(PoisonError::into_inner);
        let time = times.entry(name.clone()).or_insert(0u32);
        *time += 1;
        *time
    };
    let here = |at: &String| *at == number.to_string() || *at == name || *at == format!("{name} {time}");
    if CRASH_AT.as_ref().is_some_and(here) {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_point_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = ALL.iter().map(|p| p.0).collect();
        assert_eq!(names.len(), ALL.len());
        assert_eq!(around(CREATE, || 7), 7);
    }
}
