//! A verified copy of the whole install, and the manifest that says what was where.

use std::collections::BTreeMap;
use std::fs as stdfs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

pub use super::manifest::{Entry, Manifest};
use super::scope;
use crate::core::blob::{hex, sha256};
use crate::core::json;
use crate::core::path::RelPath;
use crate::core::visible::{self, Shown as _};
use crate::host::files::attributes;
use crate::host::files::batch::Batch;
use crate::host::files::crash_points::{BACK_UP, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs;
use crate::host::files::ownership::Owner;
use crate::host::files::parallel;
use crate::host::files::read;
use crate::host::files::walk;
use crate::host::install::locked::LockedInstall;
use crate::host::platform;

/// The manifest's name in the backup's folder.
pub const MANIFEST: &str = "MANIFEST.json";
/// The manifest's own checksum, as `sha256sum -c` reads it: a damaged path in it would make a rollback remove a file.
const SUM: &str = "MANIFEST.json.sha256";
const FILES: &str = "files";
const GITIGNORE: &str = "project.gitignore";

/// Why there is no good backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Read back, it isn't what was written.
    #[error("{}: read back from the backup, it is not what was copied", .0.shown())]
    Differs(PathBuf),
    /// Nothing stands there any more: upgrades and people prune backups.
    #[error("{}: this backup is gone: it was pruned, or taken away", .0.shown())]
    Gone(PathBuf),
    /// No manifest, or one that can't be read.
    #[error("{}: not a usable backup ({})", .path.shown(), visible::line(.problem))]
    Unusable {
        /// The backup's folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl BackupError {
    /// Whether a copy is gone, changed or on a bad spot of the disk: trying again does not help. Permissions are no damage.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Differs(_) => true,
            Self::Unusable { .. } | Self::Gone(_) => false,
            Self::Fs(e) => {
                e.source.kind() == std::io::ErrorKind::NotFound
                    || e.is_no_folder()
                    || e.source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
            }
        }
    }
}

/// A backup on disk.
#[derive(Debug)]
pub struct Backup {
    /// Its folder.
    pub folder: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
}

/// Where an install's backups are.
pub fn folder_of(install: &Path) -> PathBuf {
    install.join(".backups")
}

/// Copies the install into `folder`, hashing in the same pass, and writes the manifest last.
///
/// # Errors
/// [`BackupError`]; then the folder has no manifest and counts as no backup.
pub fn create(
    install: &LockedInstall,
    project: &Path,
    folder: &Path,
    session_id: &str,
    created_at: &str,
    progress: &(dyn Fn(u64, &RelPath) + Sync),
) -> Result<Backup, BackupError> {
    let files = install.make_folder(folder.join(FILES))?;
    let paths = scope::walk(install)?;
    let batch = Batch::begin(&files)?;
    for (path, _) in paths.iter().filter(|(_, kind)| kind.is_dir()) {
        walk::make_folder(&files, path)?;
    }
    let done = AtomicU64::new(0);
    let entries = parallel::in_parallel(&paths, |(path, kind)| {
        let from = path.under(install);
        let meta = walk::metadata(install, path).doing("look at", &from)?;
        if platform::file_type(meta.mode()) != *kind {
            // A manifest of two moments would bring back what never was.
            let source = std::io::Error::other("something else came to stand there meanwhile");
            return Err(FsError { doing: "copy", path: from, source });
        }
        let mtime = fs::mtime_of(&meta).to_string();
        let mode = meta.permissions().mode() & 0o7777;
        let (uid, gid) = (Some(meta.uid()), Some(meta.gid()));
        let entry = if kind.is_dir() {
            Entry::Folder { mode, mtime, uid, gid }
        } else if kind.is_symlink() {
            let target = walk::link_target(install, path).doing("read link", &from)?;
            Entry::link(&target, Some(mtime), Some(Owner { uid: meta.uid(), gid: meta.gid() }))
        } else if kind.is_file() {
            let (sha256, size) = around(BACK_UP, || copy(install, &files, path, &batch))?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, path);
            Entry::File { sha256, size, mode, mtime, uid, gid }
        } else {
            let source = std::io::Error::other("it is a socket, pipe or device");
            return Err(FsError { doing: "copy", path: from, source });
        };
        Ok::<_, FsError>((path.clone(), entry))
    })?;
    for (path, _) in paths.iter().filter(|(_, kind)| kind.is_dir()) {
        // Only now: a list for what is made in a folder is none for the copies.
        let opened = |top: &Path| walk::open_unlinked(top, path, true);
        if let (Ok(from), Ok(to)) = (opened(install), opened(&files)) {
            attributes::put(&to, &attributes::of(&from), 0o700);
        }
        batch.folder(|| walk::sync_folder(&files, path))?;
    }
    batch.finish()?;
    let gitignore = read::read_if_there(&project.join(".gitignore"))?;
    let changed = std::fs::symlink_metadata(project.join(".gitignore")).ok().filter(|_| gitignore.is_some());
    if let Some(bytes) = &gitignore {
        fs::write_durable(&folder.join(GITIGNORE), bytes, 0o644)?;
    }
    let manifest = Manifest {
        schema: 1,
        session_id: session_id.to_owned(),
        number: 0,
        parent: None,
        folder: install.file_name().and_then(|name| RelPath::new(name.as_encoded_bytes()).ok()),
        folder_mtime: None,
        created_at: created_at.to_owned(),
        entries: entries.into_iter().collect(),
        project_gitignore: gitignore.map(|b| sha256(&b)),
        project_gitignore_mtime: changed.map(|meta| fs::mtime_of(&meta).to_string()),
        beside: BTreeMap::new(),
        beside_mtimes: BTreeMap::new(),
    };
    Ok(Backup { folder: folder.to_owned(), manifest })
}

fn copy(install: &Path, files: &Path, path: &RelPath, batch: &Batch) -> Result<(String, u64), FsError> {
    let (from, to) = (&path.under(install), &path.under(files));
    let mut source = walk::open_file(install, path).doing("read", from)?;
    // Only the owner reads a backup: it may hold what the user keeps private. The mode is in the manifest.
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
    let mut target = walk::open(files, path, flags, platform::mode(0o600)).doing("create", to)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    let is_shared = platform::share_blocks(&source, &target);
    loop {
        // Whoever writes on after the blocks were shared changes his own file alone: the sum is that of the copy.
        let n = if is_shared { target.read(&mut buffer) } else { source.read(&mut buffer) }.doing("read", from)?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        if !is_shared {
            target.write_all(&buffer[..n]).doing("write", to)?;
        }
        size += n as u64;
    }
    // What can't be taken along here is told before anything is replaced.
    attributes::put(&target, &attributes::of(&source), 0o600);
    batch.file(&target, to)?;
    Ok((hex(&hasher.finalize()), size))
}

/// The sha256 of a file, read past the page cache as far as that can be had.
///
/// # Errors
/// [`FsError`].
pub(crate) fn sum_from_disk(path: &Path) -> Result<String, FsError> {
    sum(read::open_own(path).doing("read back", path)?, path)
}

/// The same for a file below a folder.
///
/// # Errors
/// [`FsError`].
pub(crate) fn sum_below(top: &Path, path: &RelPath) -> Result<String, FsError> {
    let shown = path.under(top);
    sum(walk::open_file(top, path).doing("read back", &shown)?, &shown)
}

fn sum(mut file: stdfs::File, path: &Path) -> Result<String, FsError> {
    // What isn't in the cache is read from the disk.
    platform::drop_cached(&file);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = file.read(&mut buffer).doing("read back", path)?;
        if n == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..n]);
    }
}

impl Backup {
    /// Where the copies are.
    pub fn files(&self) -> PathBuf {
        self.folder.join(FILES)
    }

    /// Keeps a file beside the copies, and its sum for the manifest, which is to be written behind it.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn keep_beside(&mut self, _: &LockedInstall, name: &str, bytes: &[u8]) -> Result<PathBuf, FsError> {
        let path = self.folder.join(name);
        fs::write_durable(&path, bytes, 0o600)?;
        self.manifest.beside.insert(name.to_owned(), sha256(bytes));
        Ok(path)
    }

    /// Keeps a file of the project's beside the copies, with the time of its last change.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn keep_of_project(
        &mut self,
        install: &LockedInstall,
        name: &str,
        bytes: &[u8],
        from: &Path,
    ) -> Result<PathBuf, FsError> {
        if let Ok(meta) = std::fs::symlink_metadata(from) {
            self.manifest.beside_mtimes.insert(name.to_owned(), fs::mtime_of(&meta).to_string());
        }
        self.keep_beside(install, name, bytes)
    }

    /// When a file of the project's was last changed, if it has these bytes again.
    pub fn time_of(&self, name: &str, bytes: &[u8]) -> Option<i128> {
        let same = self.manifest.beside.get(name).is_some_and(|sum| *sum == sha256(bytes));
        self.manifest.beside_mtimes.get(name).filter(|_| same)?.parse().ok()
    }

    /// The files beside the copies, by name and sum: the project's `.gitignore` and what else was kept.
    pub fn beside(&self) -> impl Iterator<Item = (PathBuf, &String)> {
        let gitignore = self.manifest.project_gitignore.iter().map(|sum| (GITIGNORE, sum));
        let others = self.manifest.beside.iter().map(|(name, sum)| (name.as_str(), sum));
        gitignore.chain(others).map(|(name, sum)| (self.folder.join(name), sum))
    }

    /// Writes the manifest: from here on it is a backup.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn write_manifest(&self, _: &LockedInstall) -> Result<(), FsError> {
        let path = self.folder.join(MANIFEST);
        let text = json::pretty(&self.manifest).doing("write", &path)?;
        fs::write_durable(&self.folder.join(SUM), sum_line(text.as_bytes()).as_bytes(), 0o600)?;
        fs::write_durable(&path, text.as_bytes(), 0o600)?;
        fs::sync_folder(self.folder.parent().unwrap_or(&self.folder))
    }

    /// Opens a backup by its folder.
    ///
    /// # Errors
    /// [`BackupError::Unusable`].
    pub fn open(folder: &Path) -> Result<Self, BackupError> {
        let unusable = |problem: String| BackupError::Unusable { path: folder.to_owned(), problem };
        let Some(bytes) = read::read_note_if_there(&folder.join(MANIFEST))? else {
            return Err(match fs::is_there(folder)? {
                true => unusable("it has no manifest".into()),
                false => BackupError::Gone(folder.to_owned()),
            });
        };
        if let Some(sum) = read::read_note_if_there(&folder.join(SUM))?
            && sum != sum_line(&bytes).as_bytes()
        {
            return Err(unusable(format!("{MANIFEST} does not have the checksum that {SUM} names")));
        }
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|e| unusable(e.to_string()))?;
        if manifest.schema != 1 {
            return Err(unusable(format!("its schema {} is not known", manifest.schema)));
        }
        // They are joined to the folder's path.
        if manifest.beside.keys().any(|name| name.contains('/') || name.starts_with('.') || name.is_empty()) {
            return Err(unusable("\"beside\" is not what this program writes".into()));
        }
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// Reads every file back past the page cache and compares.
    ///
    /// # Errors
    /// [`BackupError::Differs`] for the first that isn't what was copied.
    pub fn verify(&self) -> Result<u64, BackupError> {
        let files: Vec<(&RelPath, &String)> = self
            .manifest
            .entries
            .iter()
            .filter_map(|(p, e)| if let Entry::File { sha256, .. } = e { Some((p, sha256)) } else { None })
            .collect();
        parallel::in_parallel(&files, |(path, expected)| {
            let sum = sum_below(&self.files(), path)?;
            let copy = || path.under(&self.files());
            if sum == **expected { Ok(()) } else { Err(BackupError::Differs(copy())) }
        })?;
        for (path, expected) in self.beside() {
            if sum_from_disk(&path)? != *expected {
                return Err(BackupError::Differs(path));
            }
        }
        Ok(files.len() as u64)
    }

    /// The attributes of files and folders that the backup does not have, where an upgrade that replaces one would lose them.
    pub(crate) fn attributes_left_out(&self, install: &Path) -> BTreeMap<RelPath, Vec<String>> {
        let mut left = BTreeMap::new();
        for (path, entry) in &self.manifest.entries {
            let Ok(live) = entry.opened(install, path).map(|one| attributes::of(&one)) else { continue };
            if live.is_empty() {
                continue;
            }
            let copy = entry.opened(&self.files(), path).map(|one| attributes::of(&one)).unwrap_or_default();
            let names: Vec<String> =
                live.keys().filter(|name| !copy.contains_key(*name)).map(|name| attributes::words(name)).collect();
            if !names.is_empty() {
                left.insert(path.clone(), names);
            }
        }
        left
    }

    /// Files and their bytes.
    pub fn size(&self) -> (u64, u64) {
        let sizes = self.manifest.entries.values().filter_map(|e| match e {
            Entry::File { size, .. } => Some(*size),
            Entry::Link { .. } => Some(0),
            Entry::Folder { .. } => None,
        });
        sizes.fold((0, 0), |(n, sum), size| (n + 1, sum + size))
    }

    /// The bytes of a backed-up file, checked against the manifest.
    ///
    /// # Errors
    /// [`BackupError`] if they are gone or changed.
    pub fn bytes(&self, path: &RelPath) -> Result<Vec<u8>, BackupError> {
        let copy = path.under(&self.folder.join(FILES));
        let bytes = walk::open_file(&self.files(), path).and_then(read::read_all).doing("read", &copy)?;
        match self.manifest.entries.get(path) {
            Some(Entry::File { sha256: expected, .. }) if sha256(&bytes) == *expected => Ok(bytes),
            _ => Err(BackupError::Differs(copy)),
        }
    }

    /// The project's `.gitignore` as it was, checked against the manifest; none if there was none.
    ///
    /// # Errors
    /// [`BackupError`] if it is gone or changed.
    pub fn gitignore(&self) -> Result<Option<Vec<u8>>, BackupError> {
        let Some(expected) = &self.manifest.project_gitignore else { return Ok(None) };
        let path = self.folder.join(GITIGNORE);
        match read::read_own_if_there(&path)? {
            Some(bytes) if sha256(&bytes) == *expected => Ok(Some(bytes)),
            _ => Err(BackupError::Differs(path)),
        }
    }
}

/// What stands beside the manifest, as `sha256sum -c` reads it.
fn sum_line(manifest: &[u8]) -> String {
    format!("{}  {MANIFEST}\n", sha256(manifest))
}

/// An install's backups as `(name, has a manifest)`, sorted by name, which is not the order they were made in: see
/// [`crate::host::backup::retention::list`].
///
/// # Errors
/// [`FsError`] where that can't be told: a folder that can't be read is not an empty one.
pub fn list(install: &Path) -> Result<Vec<(String, bool)>, FsError> {
    let folder = folder_of(install);
    let mut found = Vec::new();
    for name in fs::folders_in(&folder)? {
        let has_manifest = fs::is_there(&folder.join(&name).join(MANIFEST))?;
        found.push((name, has_manifest));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_backup_did_not_note_is_not_known() {
        let old = r#"{"type":"file","sha256":"a","size":1,"mode":420,"mtime":"1"}"#;
        assert_eq!(serde_json::from_str::<Entry>(old).unwrap().owner(), None);
        let dir = tempfile::tempdir().unwrap();
        stdfs::write(dir.path().join("f"), "").unwrap();
        let made = create(
            &LockedInstall::of_test(dir.path()),
            dir.path(),
            &dir.path().join(".backups/b"),
            "s",
            "now",
            &|_, _| {},
        )
        .unwrap();
        let text = serde_json::to_string(&made.manifest).unwrap();
        let read: Manifest = serde_json::from_str(&text).unwrap();
        let meta = stdfs::metadata(dir.path().join("f")).unwrap();
        let entry = &read.entries[&RelPath::new("f").unwrap()];
        assert_eq!(entry.owner(), Some(Owner { uid: meta.uid(), gid: meta.gid() }));
    }

    #[test]
    fn where_a_link_leads_is_kept_byte_for_byte() {
        for target in [&b"a b/c"[..], b"\xff/x", "\u{fffd}".as_bytes(), b"../\n"] {
            let entry = Entry::link(target, None, None);
            let back: Entry = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
            assert_eq!(back.target().as_deref(), Some(target));
        }
        let old = |text: &str| serde_json::from_str::<Entry>(&format!("{{\"type\":\"link\",\"target\":\"{text}\"}}"));
        assert_eq!(old("x").unwrap().target().as_deref(), Some(&b"x"[..]));
        assert_eq!(old("\u{fffd}").unwrap().target(), None, "an older backup lost it");
    }

    #[test]
    fn a_backup_is_verified_and_a_changed_one_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let install = LockedInstall::of_test(&dir.path().join(".praxis-os"));
        stdfs::create_dir_all(install.join("standards/a")).unwrap();
        stdfs::create_dir_all(install.join("venv/bin")).unwrap();
        stdfs::write(install.join("standards/a/x.md"), "text").unwrap();
        stdfs::write(install.join("venv/bin/python"), "no").unwrap();
        std::os::unix::fs::symlink("a/x.md", install.join("standards/l")).unwrap();
        let folder = folder_of(&install).join("2026-11-22-103045");
        let backup = create(&install, dir.path(), &folder, "s", "now", &|_, _| {}).unwrap();
        assert!(Backup::open(&folder).is_err(), "no backup before its manifest");
        backup.write_manifest(&install).unwrap();
        let backup = Backup::open(&folder).unwrap();
        assert_eq!((backup.verify().unwrap(), backup.size()), (1, (2, 4)));
        assert!(!backup.manifest.entries.keys().any(|p| p.to_string().starts_with("venv")));
        stdfs::write(folder.join("files/standards/a/x.md"), "texT").unwrap();
        assert!(matches!(backup.verify(), Err(BackupError::Differs(_))));
    }
}
