//! An open folder that nothing can lead out of, and what stands at a path below it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};

use crate::core::blob::sha256;
use crate::core::path::RelPath;
use crate::host::files::crash_points::{
    CREATE, CREATE_FOLDER, MODE, REMOVE_FILE, REMOVE_FOLDER, SYNC_FOLDER, TIME, around,
};
use crate::host::files::error::{Doing, FsError, libc_errno};
use crate::host::files::rename;
use crate::host::platform;

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

    /// Its descriptor.
    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
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
    pub(crate) fn parent_of<'p>(&self, path: &'p RelPath, create: bool) -> Result<(Folder, &'p OsStr), FsError> {
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
        rename::with(&self.fd, name, &to.fd, to_name, how)
    }

    /// Moves `name`, which is ours alone, over nothing: what stands at `to_name` stays, also where it came a moment ago.
    ///
    /// # Errors
    /// The bare error; [`rustix::io::Errno::EXIST`] if something stands there.
    pub fn place(&self, name: &OsStr, to: &Folder, to_name: &OsStr) -> rustix::io::Result<()> {
        rename::over_nothing(&self.fd, name, &to.fd, to_name)
    }

    /// Removes a folder below it by name if there is nothing in it but such folders; false if there is, or it isn't there.
    pub(crate) fn remove_hollow(&self, name: &OsStr) -> bool {
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

    /// Creates a file in it, over nothing, with a time if one is given (nanoseconds since 1970), and makes it durable
    /// (its entry is the caller's to sync).
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn create_file(
        &self,
        name: &OsStr,
        bytes: &[u8],
        mode: u32,
        mtime: Option<i128>,
    ) -> Result<(), FsError> {
        let shown = self.path.join(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        around(CREATE, || {
            let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600)).doing("create", &shown)?;
            let mut file = File::from(fd);
            file.write_all(bytes).doing("write", &shown)?;
            file.set_permissions(fs::Permissions::from_mode(mode)).doing("set mode of", &shown)?;
            if let Some(time) = mtime {
                let times = rustix::fs::Timestamps { last_access: timespec(time), last_modification: timespec(time) };
                rustix::fs::futimens(&file, &times).doing("set time of", &shown)?;
            }
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
        let fd = rustix::fs::openat(&self.fd, name, flags, platform::mode(mode)).doing("create", &shown)?;
        File::from(fd).write_all(bytes).doing("write", shown)
    }

    /// Creates a symbolic link in it, over nothing.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn create_link(&self, name: &OsStr, target: &OsStr) -> Result<(), FsError> {
        rustix::fs::symlinkat(target, &self.fd, name).doing("link", self.path.join(name))
    }

    /// Where a symbolic link in it leads; none if nothing or something else stands there.
    pub(crate) fn link_target(&self, name: &OsStr) -> Option<Vec<u8>> {
        rustix::fs::readlinkat(&self.fd, name, Vec::new()).ok().map(std::ffi::CString::into_bytes)
    }

    /// What kind of thing stands there, itself and not where it leads; none if nothing does.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn kind(&self, name: &OsStr) -> Result<Option<rustix::fs::FileType>, FsError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(platform::file_type(platform::bits(stat.st_mode)))),
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
    pub(crate) fn remove_empty(&self, name: &OsStr) -> Result<bool, FsError> {
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
        let now = rustix::fs::fstat(&self.fd).doing("look at", &self.path)?.st_mode;
        let now = platform::bits(now) & 0o7777;
        if now == mode & 0o7777 {
            return Ok(());
        }
        around(MODE, || rustix::fs::fchmod(&self.fd, platform::mode(mode))).doing("set mode of", &self.path)
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

    /// What tells a thing that stays from one that is exchanged: its inode, and when that was changed or moved last, in
    /// nanoseconds since 1970; none if nothing stands there.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn identity(&self, name: &OsStr) -> Result<Option<(u64, i128)>, FsError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let changed = i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec);
                Ok(Some((stat.st_ino, changed)))
            }
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(e).doing("look at", self.path.join(name)),
        }
    }

    /// Sets the times of a file in it, in nanoseconds since 1970.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn set_mtime(&self, name: &OsStr, nanoseconds: i128) -> Result<(), FsError> {
        let time = timespec(nanoseconds);
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        around(TIME, || rustix::fs::utimensat(&self.fd, name, &times, AtFlags::SYMLINK_NOFOLLOW))
            .doing("set time of", self.path.join(name))
    }
}

/// Nanoseconds since 1970.
pub(crate) fn timespec(nanoseconds: i128) -> rustix::fs::Timespec {
    rustix::fs::Timespec {
        tv_sec: i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(0),
        tv_nsec: i64::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}
