//! What an install's files were when they were hashed last: one with the same size, times, inode and device has the same
//! bytes. Git's index works so, and `racy-git` of its documentation says what can go wrong. It only tells what an install
//! looks like; what is applied or verified is hashed again.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::classify::Installed;
use crate::core::path::RelPath;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;
use crate::host::platform;

/// Below an install.
const FILE: &str = ".upgrade/stat-cache";
const HEAD: &str = "stat-cache 1";
/// Longer than the clock of any file system stands still. What was changed so shortly before it was hashed may have been
/// changed again with the same time.
const TICK: Duration = Duration::from_millis(100);

/// What the system says of a file without reading it. Times are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    size: u64,
    inode: u64,
    device: u64,
    modified: i128,
    /// Nobody can set this one.
    changed: i128,
}

impl Stat {
    pub(crate) fn of(meta: &Metadata) -> Self {
        let changed = i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec());
        Self { size: meta.size(), inode: meta.ino(), device: meta.dev(), modified: fs::mtime_of(meta), changed }
    }
}

/// The ids of an install's files, by what the system said of them.
#[derive(Debug, Default)]
pub(crate) struct StatCache {
    files: HashMap<RelPath, (Stat, Installed)>,
}

impl StatCache {
    /// What was hashed since `began`.
    pub(crate) fn of(began: SystemTime, hashed: impl Iterator<Item = (RelPath, Stat, Installed)>) -> Self {
        let sure = began.checked_sub(TICK).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let sure = sure.map_or(0, |time| i128::try_from(time.as_nanos()).unwrap_or(0));
        let settled = hashed.filter(|(_, stat, _)| stat.modified < sure && stat.changed < sure);
        Self { files: settled.map(|(path, stat, installed)| (path, (stat, installed))).collect() }
    }

    /// That of an install, for ids of this format. One that is damaged, or of another format, or on a file system whose times
    /// tell nothing, is empty: then each file is hashed.
    pub(crate) fn read(install: &Path, format: ObjectFormat) -> Self {
        if !platform::keeps_times(install) {
            return Self::default();
        }
        let bytes = read::read_own_note_if_there(&install.join(FILE)).ok().flatten();
        bytes.and_then(|bytes| parsed(std::str::from_utf8(&bytes).ok()?, format)).unwrap_or_default()
    }

    /// The ids of a file of which the system says this now; none if it is not known to be the same.
    pub(crate) fn find(&self, path: &RelPath, now: &Metadata) -> Option<Installed> {
        let (stat, installed) = self.files.get(path).filter(|_| now.is_file())?;
        (*stat == Stat::of(now)).then(|| Installed { executable: now.mode() & 0o100 != 0, ..installed.clone() })
    }

    /// Whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Keeps it for the next command.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn write(&self, install: &LockedInstall, format: ObjectFormat) -> Result<(), FsError> {
        install.make_folder(".upgrade")?;
        let mut text = format!("{HEAD} {format:?} {}\n", self.files.len());
        for (path, (stat, installed)) in &self.files {
            let lf = installed.blob_with_lf.as_ref().map_or_else(|| "-".to_owned(), BlobId::to_string);
            let Stat { size, inode, device, modified, changed } = stat;
            let path = serde_json::to_string(path).unwrap_or_default();
            text.push_str(&format!("{} {lf} {size} {inode} {device} {modified} {changed} {path}\n", installed.blob));
        }
        fs::write_durable(&install.join(FILE), text.as_bytes(), 0o644)
    }
}

fn parsed(text: &str, format: ObjectFormat) -> Option<StatCache> {
    let (head, rest) = text.split_once('\n')?;
    let count: usize = head.strip_prefix(&format!("{HEAD} {format:?} "))?.parse().ok()?;
    let files: HashMap<RelPath, (Stat, Installed)> = rest.lines().map(file).collect::<Option<_>>()?;
    (files.len() == count && (rest.is_empty() || rest.ends_with('\n'))).then_some(StatCache { files })
}

fn file(line: &str) -> Option<(RelPath, (Stat, Installed))> {
    let mut fields = line.splitn(8, ' ');
    let mut next = || fields.next();
    let (blob, lf) = (BlobId::from_hex(next()?)?, next()?);
    let blob_with_lf = if lf == "-" { None } else { Some(BlobId::from_hex(lf)?) };
    let (size, inode, device) = (next()?.parse().ok()?, next()?.parse().ok()?, next()?.parse().ok()?);
    let (modified, changed) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let path = serde_json::from_str(next()?).ok()?;
    let installed = Installed { blob, blob_with_lf, executable: false };
    Some((path, (Stat { size, inode, device, modified, changed }, installed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn stat(path: &Path) -> Metadata {
        std::fs::symlink_metadata(path).unwrap()
    }

    fn installed(text: &str) -> Installed {
        Installed { blob: BlobId::of(text.as_bytes(), ObjectFormat::Sha1), blob_with_lf: None, executable: false }
    }

    fn one(dir: &Path, name: &str, text: &str, began: SystemTime) -> StatCache {
        std::fs::write(dir.join(name), text).unwrap();
        let hashed = (RelPath::new(name).unwrap(), Stat::of(&stat(&dir.join(name))), installed(text));
        StatCache::of(began, std::iter::once(hashed))
    }

    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_changed_in_the_moment_of_hashing_is_not_remembered() {
        let dir = tempfile::tempdir().unwrap();
        assert!(one(dir.path(), "a", "text", SystemTime::now()).is_empty());
        let cache = one(dir.path(), "a", "text", later());
        let path = RelPath::new("a").unwrap();
        assert_eq!(cache.find(&path, &stat(&dir.path().join("a"))), Some(installed("text")));
        assert!(cache.find(&RelPath::new("b").unwrap(), &stat(&dir.path().join("a"))).is_none());
    }

    #[test]
    fn no_change_goes_unnoticed() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("a");
        let path = RelPath::new("a").unwrap();
        let old = |cache: &StatCache| cache.find(&path, &stat(&at)).is_some();
        let cache = one(dir.path(), "a", "text", later());
        let time = stat(&at).modified().unwrap();
        // The same length, and the old time put back.
        std::fs::write(&at, "TEXT").unwrap();
        std::fs::File::open(&at).unwrap().set_modified(time).unwrap();
        assert!(!old(&cache));
        // Another file with the old time and length in its place.
        let cache = one(dir.path(), "a", "text", later());
        std::fs::write(dir.path().join("b"), "TEXT").unwrap();
        std::fs::File::open(dir.path().join("b")).unwrap().set_modified(stat(&at).modified().unwrap()).unwrap();
        std::fs::rename(dir.path().join("b"), &at).unwrap();
        assert!(!old(&cache));
        // A link, a folder.
        let cache = one(dir.path(), "c", "text", later());
        let path = RelPath::new("c").unwrap();
        assert!(cache.find(&path, &stat(dir.path())).is_none());
        assert!(cache.find(&path, &stat(&dir.path().join("c"))).is_some());
    }

    #[test]
    fn it_comes_back_as_it_was_and_a_damaged_one_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let install = LockedInstall::of_test(dir.path());
        let cache = one(dir.path(), "a \"b\"\n", "text", later());
        cache.write(&install, ObjectFormat::Sha1).unwrap();
        let file = dir.path().join(FILE);
        let text = std::fs::read_to_string(&file).unwrap();
        let path = RelPath::new("a \"b\"\n").unwrap();
        let back = parsed(&text, ObjectFormat::Sha1).unwrap();
        assert_eq!(back.find(&path, &stat(&dir.path().join("a \"b\"\n"))), Some(installed("text")));
        assert!(parsed(&text, ObjectFormat::Sha256).is_none(), "ids of another kind");
        for cut in 0..text.len() {
            assert!(parsed(&text[..cut], ObjectFormat::Sha1).is_none(), "{cut}");
        }
        for (from, to) in [("stat-cache 1", "stat-cache 2"), (" - ", " x "), ("Sha1 1", "Sha1 2")] {
            assert!(parsed(&text.replace(from, to), ObjectFormat::Sha1).is_none(), "{to}");
        }
        // The paths of a forged one lead nowhere.
        assert!(parsed(&text.replace("a \\\"b\\\"\\n", "../a"), ObjectFormat::Sha1).is_none());
    }
}
