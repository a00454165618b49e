//! Files: handles that can't be led out of a folder, durable writes, and what an install holds.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use walkdir::WalkDir;

use super::crash::{
    CREATE, CREATE_FOLDER, MODE, REMOVE_FILE, REMOVE_FOLDER, REMOVE_TREE, REPLACE, REPLACEMENT, SYNC_FOLDER, TIME,
    around,
};
use crate::core::blob::{BlobId, ObjectFormat, sha256};
use crate::core::classify::{Installed, InstalledTree};
use crate::core::layout::layouts;
use crate::core::path::RelPath;

/// An I/O error with what was being done, and to which path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}: {source}")]
pub struct FsError {
    /// `read`, `write`, …
    pub doing: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl FsError {
    /// Whether a link or a file stands where a folder was expected.
    pub fn is_no_folder(&self) -> bool {
        self.is_link() || self.source.raw_os_error() == Some(libc_errno::ENOTDIR)
    }

    /// Whether a link stands where a folder was expected.
    pub fn is_link(&self) -> bool {
        self.source.raw_os_error() == Some(libc_errno::ELOOP)
    }
}

/// Says what was being done when an I/O call failed.
pub trait Doing<T> {
    /// Adds it.
    ///
    /// # Errors
    /// The same error, explained.
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, FsError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, FsError> {
        self.map_err(|e| FsError { doing, path: path.into(), source: e.into() })
    }
}

/// What stands at a path, as far as apply and rollback care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Its content.
        sha256: String,
        /// Permission bits.
        mode: u32,
    },
    /// A folder.
    Folder,
    /// A link or something else.
    Other,
}

/// What [`Folder::read`] found.
#[derive(Debug)]
pub enum Content {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Permission bits.
        mode: u32,
    },
    /// A folder.
    Folder,
    /// A link or something else.
    Other,
}

/// An open folder. Paths below it are walked part by part without following links, so nothing that is moved or linked
/// meanwhile can lead out of it.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// How the names of half-written replacements begin.
const TEMPORARY: &str = ".pos-upgrade-tmp-";

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::RDONLY);

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let fd = rustix::fs::open(path, FOLDER, Mode::empty()).doing("open folder", path)?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Its path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder below, made if it isn't there and `create` says so.
    ///
    /// # Errors
    /// [`FsError`], also where a link stands in the way.
    pub fn below(&self, path: &RelPath, create: bool) -> Result<Folder, FsError> {
        let mut here: Option<Folder> = None;
        for part in path.parts() {
            let at = here.as_ref().unwrap_or(self);
            let name = OsStr::from_bytes(part);
            let shown = at.path.join(name);
            let open = || rustix::fs::openat(&at.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
            let fd = match open() {
                Err(rustix::io::Errno::NOENT) if create => {
                    let made = around(CREATE_FOLDER, || rustix::fs::mkdirat(&at.fd, name, Mode::from_raw_mode(0o777)));
                    match made {
                        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                        Err(e) => return Err(e).doing("create folder", shown),
                    }
                    at.sync()?;
                    open().doing("open folder", &shown)?
                }
                // The kernel says the same of a file and of a link; what is behind a link is not nothing, also where it
                // has become a folder again by now.
                Err(rustix::io::Errno::NOTDIR)
                    if matches!(at.kind(name), Ok(Some(FileType::Symlink | FileType::Directory))) =>
                {
                    return Err(rustix::io::Errno::LOOP).doing("open folder", shown);
                }
                other => other.doing("open folder", &shown)?,
            };
            here = Some(Folder { fd, path: shown });
        }
        here.map_or_else(|| Folder::open(&self.path), Ok)
    }

    /// The folder of a path and its last part.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn parent_of<'p>(&self, path: &'p RelPath, create: bool) -> Result<(Folder, &'p OsStr), FsError> {
        let name = OsStr::from_bytes(path.name());
        match path.parent() {
            Some(parent) => Ok((self.below(&parent, create)?, name)),
            None => {
                let fd = self.fd.try_clone().doing("open folder", &self.path)?;
                Ok((Folder { fd, path: self.path.clone() }, name))
            }
        }
    }

    /// What stands at a path below.
    ///
    /// # Errors
    /// [`FsError`] if it is there but can't be read.
    pub fn look(&self, path: &RelPath) -> Result<Found, FsError> {
        match self.read(path)? {
            Content::File { bytes, mode } => Ok(Found::File { sha256: sha256(&bytes), mode }),
            Content::Folder => Ok(Found::Folder),
            Content::Other => Ok(Found::Other),
            Content::Absent => Ok(Found::Absent),
        }
    }

    /// The bytes and permission bits of a regular file below.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn read(&self, path: &RelPath) -> Result<Content, FsError> {
        let shown = path.under(&self.path);
        let (folder, name) = match self.parent_of(path, false) {
            Ok(found) => found,
            Err(e) if matches!(e.source.raw_os_error(), Some(libc_errno::ENOENT | libc_errno::ENOTDIR)) => {
                return Ok(Content::Absent);
            }
            // A link among the parents.
            Err(e) if e.source.raw_os_error() == Some(libc_errno::ELOOP) => return Ok(Content::Other),
            Err(e) => return Err(e),
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut file = match rustix::fs::openat(&folder.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(Content::Absent),
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Ok(Content::Other),
            Err(e) => return Err(e).doing("read", shown),
        };
        let meta = file.metadata().doing("read", &shown)?;
        if meta.is_dir() {
            return Ok(Content::Folder);
        }
        if !meta.is_file() {
            return Ok(Content::Other);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
        file.read_to_end(&mut bytes).doing("read", shown)?;
        Ok(Content::File { bytes, mode: meta.permissions().mode() & 0o7777 })
    }

    /// Moves `name` here to `to_name` in another folder. `Exchange` swaps the two, `NoReplace` refuses to overwrite.
    ///
    /// # Errors
    /// The bare error: the caller knows what its kinds mean.
    pub fn rename(&self, name: &OsStr, to: &Folder, to_name: &OsStr, how: RenameFlags) -> rustix::io::Result<()> {
        rustix::fs::renameat_with(&self.fd, name, &to.fd, to_name, how)
    }

    /// Removes a folder below it by name if there is nothing in it but such folders; false if there is, or it isn't there.
    pub fn remove_hollow(&self, name: &OsStr) -> bool {
        if self.remove_empty(name).unwrap_or(false) {
            return true;
        }
        let Ok(fd) = rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) else { return false };
        let Ok(entries) = rustix::fs::Dir::read_from(&fd) else { return false };
        let inner = Folder { fd, path: self.path.join(name) };
        let all = entries.flatten().map(|e| OsStr::from_bytes(e.file_name().to_bytes()).to_owned());
        let all: Vec<_> = all.filter(|n| n != "." && n != "..").collect();
        all.iter().all(|name| inner.remove_hollow(name)) && self.remove_empty(name).unwrap_or(false)
    }

    /// Creates a file in it, over nothing, and makes its bytes durable (the entry is the caller's to sync).
    ///
    /// # Errors
    /// [`FsError`].
    pub fn create_file(&self, name: &OsStr, bytes: &[u8], mode: u32) -> Result<(), FsError> {
        let shown = self.path.join(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        around(CREATE, || {
            let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600)).doing("create", &shown)?;
            let mut file = File::from(fd);
            file.write_all(bytes).doing("write", &shown)?;
            file.set_permissions(fs::Permissions::from_mode(mode)).doing("set mode of", &shown)?;
            file.sync_all().doing("sync", &shown)
        })
    }

    /// Puts a file of our own in it, not made durable; what stands there, if it is no folder, goes.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn put(&self, name: &OsStr, bytes: &[u8], mode: u32) -> Result<(), FsError> {
        let shown = self.path.join(name);
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(e) => return Err(e).doing("replace", shown),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode)).doing("create", &shown)?;
        File::from(fd).write_all(bytes).doing("write", shown)
    }

    /// Creates a symbolic link in it, over nothing.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn create_link(&self, name: &OsStr, target: &OsStr) -> Result<(), FsError> {
        rustix::fs::symlinkat(target, &self.fd, name).doing("link", self.path.join(name))
    }

    /// Where a symbolic link in it leads; none if nothing or something else stands there.
    pub fn link_target(&self, name: &OsStr) -> Option<Vec<u8>> {
        rustix::fs::readlinkat(&self.fd, name, Vec::new()).ok().map(std::ffi::CString::into_bytes)
    }

    /// What kind of thing stands there, itself and not where it leads; none if nothing does.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn kind(&self, name: &OsStr) -> Result<Option<rustix::fs::FileType>, FsError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(rustix::fs::FileType::from_raw_mode(stat.st_mode))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(e).doing("look at", self.path.join(name)),
        }
    }

    /// Removes a file or link in it.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn remove(&self, name: &OsStr) -> Result<(), FsError> {
        around(REMOVE_FILE, || rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()))
            .doing("remove", self.path.join(name))
    }

    /// Removes an empty folder below it by name; false if it isn't empty or isn't there.
    ///
    /// # Errors
    /// [`FsError`] if it is empty and stays.
    pub fn remove_empty(&self, name: &OsStr) -> Result<bool, FsError> {
        use rustix::io::Errno;
        match around(REMOVE_FOLDER, || rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)) {
            Ok(()) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(e) => Err(e).doing("remove folder", self.path.join(name)),
        }
    }

    /// Makes the folder's entries durable.
    ///
    /// # Errors
    /// [`FsError`]; final: what the disk holds is then unknown.
    pub fn sync(&self) -> Result<(), FsError> {
        around(SYNC_FOLDER, || rustix::fs::fsync(&self.fd)).doing("sync folder", &self.path)
    }

    /// Sets its permission bits, if they are others.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn set_mode(&self, mode: u32) -> Result<(), FsError> {
        let now = rustix::fs::fstat(&self.fd).doing("look at", &self.path)?.st_mode & 0o7777;
        if now == mode & 0o7777 {
            return Ok(());
        }
        around(MODE, || rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode & 0o7777)))
            .doing("set mode of", &self.path)
    }

    /// When what stands there was changed last, in nanoseconds since 1970; none if nothing does.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn mtime(&self, name: &OsStr) -> Result<Option<i128>, FsError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(e).doing("look at", self.path.join(name)),
        }
    }

    /// Sets the times of a file in it, in nanoseconds since 1970.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn set_mtime(&self, name: &OsStr, nanoseconds: i128) -> Result<(), FsError> {
        let time = timespec(nanoseconds);
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        around(TIME, || rustix::fs::utimensat(&self.fd, name, &times, AtFlags::SYMLINK_NOFOLLOW))
            .doing("set time of", self.path.join(name))
    }
}

/// The few error numbers that are told apart by value.
mod libc_errno {
    pub const ENOENT: i32 = rustix::io::Errno::NOENT.raw_os_error();
    pub const ENOTDIR: i32 = rustix::io::Errno::NOTDIR.raw_os_error();
    pub const ELOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();
}

/// Creates a new file with these bytes, mode and (if given, in nanoseconds since 1970) modification time, and begins to
/// write it out. It is durable once the caller has synced it, and its folder.
///
/// # Errors
/// [`FsError`].
pub fn create_early(path: &Path, bytes: &[u8], mode: u32, mtime: Option<i128>) -> Result<File, FsError> {
    around(CREATE, || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path).doing("create", path)?;
        file.write_all(bytes).doing("write", path)?;
        // The mode given at creation is cut by the umask.
        file.set_permissions(fs::Permissions::from_mode(mode)).doing("set mode of", path)?;
        if let Some(time) = mtime {
            let times = rustix::fs::Timestamps { last_access: timespec(time), last_modification: timespec(time) };
            rustix::fs::futimens(&file, &times).doing("set time of", path)?;
        }
        // Waits for nothing: the first sync of many then finds the blocks of all given out, and the others find their
        // work done. Best effort.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(file)
    })
}

/// Nanoseconds since 1970.
fn timespec(nanoseconds: i128) -> rustix::fs::Timespec {
    rustix::fs::Timespec {
        tv_sec: i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(0),
        tv_nsec: i64::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}

/// Replaces a file of our own as a whole: temporary file beside it, sync, rename, sync of the folder.
///
/// # Errors
/// [`FsError`].
pub fn write_durable(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = around(REPLACEMENT, || {
        let mut temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(fs::Permissions::from_mode(mode))
            .tempfile_in(folder)
            .doing("create a file in", folder)?;
        temporary.write_all(bytes).doing("write", path)?;
        temporary.as_file().set_permissions(fs::Permissions::from_mode(mode)).doing("set mode of", path)?;
        temporary.as_file().sync_all().doing("sync", path)?;
        Ok::<_, FsError>(temporary)
    })?;
    around(REPLACE, || temporary.persist(path)).map_err(|e| e.error).doing("replace", path)?;
    sync_folder(folder)
}

/// Makes a folder's entries durable.
///
/// # Errors
/// [`FsError`].
pub fn sync_folder(path: &Path) -> Result<(), FsError> {
    Folder::open(path)?.sync()
}

/// Creates folders as needed, each durable before the next: what is made durable in them later is found again.
///
/// # Errors
/// [`FsError`].
pub fn create_folders(path: &Path) -> Result<(), FsError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_folders(parent)?;
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
pub fn remove_tree(path: &Path) -> Result<(), FsError> {
    match around(REMOVE_TREE, || fs::remove_dir_all(path)) {
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

/// Opens a file of our own for reading: no link, and nothing that could keep the reader waiting or never end.
///
/// # Errors
/// [`io::Error`], also where something other than a regular file stands there.
pub fn open_own(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::NOFOLLOW)
}

/// The bytes of a file of our own; see [`open_own`].
///
/// # Errors
/// [`io::Error`].
pub fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    read_all(open_own(path)?)
}

fn open_regular(path: &Path, more: OFlags) -> io::Result<File> {
    // Opening a pipe would wait for somebody who writes into it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | more;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok(file),
        false if meta.is_dir() => Err(rustix::io::Errno::ISDIR.into()),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

fn read_all(mut file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |m| usize::try_from(m.len()).unwrap_or(0)));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a text or byte file, also where a link leads to it; none if it isn't there.
///
/// # Errors
/// [`FsError`], also for what is no regular file.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    match open_regular(path, OFlags::empty()).and_then(read_all) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e).doing("read", path),
    }
}

/// Looks at everything in an install that releases may have put there, hashing each file once.
///
/// # Errors
/// [`FsError`] for the first file that can't be read.
pub fn scan(install: &Path, format: ObjectFormat) -> Result<InstalledTree, FsError> {
    let mut tree = InstalledTree::default();
    let mut paths = Vec::new();
    let relative = |path: &Path| {
        let rest = path.strip_prefix(install).ok()?;
        RelPath::new(rest.as_os_str().as_bytes()).ok()
    };
    let mut skipped = BTreeSet::new();
    let own = |path: &RelPath| layouts().is_own(path) && !layouts().is_config(path);
    let mut wanted = |path: &Path| match relative(path) {
        Some(path) if layouts().is_ephemeral(&path) || own(&path) => {
            skipped.insert(path);
            false
        }
        _ => true,
    };
    let walk = WalkDir::new(install).follow_links(false).into_iter().filter_entry(|e| wanted(e.path()));
    for entry in walk {
        let entry = entry.map_err(|e| {
            let path = e.path().unwrap_or(install).to_owned();
            FsError { doing: "look at", path, source: e.into() }
        })?;
        let Some(path) = relative(entry.path()) else { continue };
        let kind = entry.file_type();
        if kind.is_dir() {
            tree.folders.insert(path);
        } else if kind.is_symlink() {
            tree.links.insert(path);
        } else if kind.is_file() {
            paths.push(path);
        } else {
            tree.special.insert(path);
        }
    }
    let found = in_parallel(&paths, |path| hash_installed(&path.under(install), format))?;
    tree.files = paths.into_iter().zip(found).collect();
    tree.skipped = skipped;
    Ok(tree)
}

fn hash_installed(path: &Path, format: ObjectFormat) -> Result<Installed, FsError> {
    let bytes = fs::read(path).doing("read", path)?;
    let mode = fs::symlink_metadata(path).doing("read", path)?.permissions().mode();
    let lf = with_lf(&bytes).map(|text| BlobId::of(&text, format));
    Ok(Installed { blob: BlobId::of(&bytes, format), blob_with_lf: lf, executable: mode & 0o100 != 0 })
}

/// The text with CRLF read as LF; none if it has no CRLF or is binary.
fn with_lf(bytes: &[u8]) -> Option<Vec<u8>> {
    let crlf = bytes.windows(2).any(|w| w == b"\r\n") && !crate::core::merge::is_binary(bytes);
    crlf.then(|| {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes.iter().peekable();
        while let Some(byte) = rest.next() {
            if !(*byte == b'\r' && rest.peek() == Some(&&b'\n')) {
                out.push(*byte);
            }
        }
        out
    })
}

/// Runs `work` for every item on all processors and keeps the order; the first error wins.
///
/// # Errors
/// Whatever `work` returns.
pub fn in_parallel<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<R, E>)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let result = work(item);
                    let failed = result.is_err();
                    if let Ok(mut all) = results.lock() {
                        all.push((at, result));
                    }
                    if failed {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut all = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Free bytes for us on the file system that holds `path`.
///
/// # Errors
/// [`FsError`].
pub fn free_space(path: &Path) -> Result<u64, FsError> {
    let stat = rustix::fs::statvfs(path).doing("ask for free space at", path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether names that differ in case only lead to the same file in this install, which has a folder of ours.
pub fn folds_case(install: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |name: &str| fs::symlink_metadata(install.join(name)).map(|m| (m.dev(), m.ino())).ok();
    identity(".upgrade").is_some_and(|ours| identity(".UPGRADE") == Some(ours))
}

/// Whether we may create and remove entries in a folder.
///
/// # Errors
/// [`FsError`] with the reason if not.
pub fn check_writable(path: &Path) -> Result<(), FsError> {
    use rustix::fs::Access;
    rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).doing("write in", path)
}

/// A size for people: `45.2 MB`.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Text for a screen or log: control characters made visible, so that no output can inject escapes.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
