//! A view of a project in which an upgrade has happened already, for this process and those that it starts: a mount
//! namespace of its own with an overlay at the install's place. What is written there lands in a folder beside, so the real
//! install does not change, while every path is the one that the upgraded install will have.
//!
//! The idea of trying a whole system in an overlay before it is switched to is that of `systemd-sysext` and `mock`.

use std::ffi::OsStr;
use std::fs as stdfs;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::{getegid, geteuid};

use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::host::files::error::FsError;
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::files::journal::Journal;
use crate::host::platform::without::is_without;
use crate::host::platform::{LOOK_ONLY, private_mounts};
use crate::host::process::proc;
use crate::host::python::venv;
use crate::host::session::lock_holder;

/// Says to a process and to those that it starts that they see such a view.
pub(crate) const INSIDE: &str = "POS_UPGRADE_TUI_REHEARSAL";
/// The hidden command that sees one.
pub(crate) const COMMAND: &str = "rehearse";
const UPPER: &str = "upper";
const WORK: &str = "work";
/// Own folders of the install in which there is nothing that a server could reach outside by.
const NOT_LOOKED_AT: [&str; 4] = ["venv", "venvs", ".upgrade", ".backups"];

/// Why there can be no view here. It says nothing about the release.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Impossible(pub(crate) String);

impl From<private_mounts::Refused> for Impossible {
    fn from(why: private_mounts::Refused) -> Self {
        Impossible(why)
    }
}

impl From<FsError> for Impossible {
    fn from(e: FsError) -> Self {
        Impossible(e.to_string())
    }
}

/// Where what is made.
#[derive(Debug)]
pub(crate) struct Places<'p> {
    /// The project.
    pub project: &'p Path,
    /// Where the install is.
    pub live: &'p Path,
    /// Where it will be.
    pub install: &'p Path,
    /// An empty folder in the session's folder, for what is written.
    pub folder: &'p Path,
}

/// Makes the folders that [`enter`] needs.
///
/// # Errors
/// [`FsError`].
pub(crate) fn prepare(folder: &Path) -> Result<(), FsError> {
    clear(folder)?;
    fs::create_folders(&folder.join(UPPER))?;
    fs::create_folders(&folder.join(WORK))
}

/// Removes what a view left. The kernel makes a folder that nobody may enter.
///
/// # Errors
/// [`FsError`].
pub(crate) fn clear(folder: &Path) -> Result<(), FsError> {
    let inner = folder.join(WORK).join(WORK);
    if let Ok(meta) = stdfs::symlink_metadata(&inner)
        && meta.is_dir()
    {
        let _ = stdfs::set_permissions(&inner, std::os::unix::fs::PermissionsExt::from_mode(0o700));
    }
    fs::remove_tree(folder)
}

/// What keeps a release from being tried where the install is. It says nothing about the release.
#[derive(Debug)]
pub(crate) enum Hindrance {
    /// It can't be tried at all: a link leads out of the install, through which the real thing would be changed.
    Anywhere(String),
    /// It can be tried in a copy only: there can be no view.
    InPlace(String),
}

/// Looks through the install, once, for what keeps a release from being tried there: links that lead out; mounts in it,
/// files of somebody else's, a file system that nothing can be laid over.
pub(crate) fn hindrance(install: &Path) -> Option<Hindrance> {
    if is_without("rehearsal") {
        return Some(Hindrance::Anywhere("no private mounts here".into()));
    }
    let top = match canonical(install) {
        Ok(top) => top,
        Err(why) => return Some(Hindrance::Anywhere(why.to_string())),
    };
    let mut in_place = no_view_of(&top).err().map(|why| why.to_string());
    let (uid, gid) = (geteuid(), getegid());
    for entry in looked_at(&top) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => return Some(Hindrance::Anywhere(e.to_string())),
        };
        let leads = |to: PathBuf| to.is_dir() && !to.starts_with(&top);
        if entry.path_is_symlink() && stdfs::canonicalize(entry.path()).is_ok_and(leads) {
            return Some(Hindrance::Anywhere(format!("{} leads out of the install", entry.path().shown())));
        }
        // Root has no namespace of users, so all owners are what they are.
        if uid.is_root() || in_place.is_some() {
            continue;
        }
        in_place = match entry.metadata() {
            Ok(meta) if meta.uid() == uid.as_raw() && meta.gid() == gid.as_raw() => None,
            Ok(_) => Some(format!("{} has another owner or group", entry.path().shown())),
            Err(e) => Some(e.to_string()),
        };
    }
    in_place.map(Hindrance::InPlace)
}

/// What the file system and its mounts say against a view.
///
/// # Errors
/// [`Impossible`], naming the first.
fn no_view_of(top: &Path) -> Result<(), Impossible> {
    if is_without("views") {
        return Err(Impossible("no private mounts here".into()));
    }
    if private_mounts::is_overlay(top)? {
        return Err(Impossible("the install is on an overlay itself".into()));
    }
    match private_mounts::mounted_within(top) {
        Some(place) => Err(Impossible(format!("{} is a mount", place.shown()))),
        None => Ok(()),
    }
}

/// An install by its real path.
///
/// # Errors
/// [`Impossible`].
pub(crate) fn canonical(install: &Path) -> Result<PathBuf, Impossible> {
    stdfs::canonicalize(install).map_err(|e| Impossible(format!("{}: {e}", install.shown())))
}

/// All of an install but environments and what is ours.
pub(crate) fn looked_at(top: &Path) -> impl Iterator<Item = walkdir::Result<walkdir::DirEntry>> {
    let skip = |e: &walkdir::DirEntry| e.depth() == 1 && NOT_LOOKED_AT.iter().any(|name| e.file_name() == *name);
    walkdir::WalkDir::new(top).into_iter().filter_entry(move |e| !skip(e))
}

/// Enters the view: from here on this process and its children see it. There must be one thread only.
///
/// # Errors
/// [`Impossible`]; the process is of no use then.
pub(crate) fn enter(places: &Places<'_>) -> Result<(), Impossible> {
    private_mounts::own()?;
    // Mounted by relative names: a path may have characters that mean something to the kernel.
    std::env::set_current_dir(places.folder).map_err(|e| Impossible(e.to_string()))?;
    if places.live != places.install {
        project_without(places)?;
    }
    private_mounts::overlay("../../..", UPPER, WORK, places.install)?;
    // What is ours nobody sees.
    Ok(private_mounts::tmpfs(&places.install.join(".upgrade"))?)
}

/// Tries whether there could be a view of an install: what would be written lands in memory, and all of it is gone when this
/// process ends. There must be one thread only.
///
/// # Errors
/// [`Impossible`]; the process is of no use afterwards, either way.
pub(crate) fn try_here(install: &Path) -> Result<(), Impossible> {
    let failed = |e: std::io::Error| Impossible(e.to_string());
    private_mounts::own()?;
    std::env::set_current_dir(install).map_err(failed)?;
    let memory = std::env::temp_dir();
    private_mounts::tmpfs(&memory)?;
    let [upper, work, seen] = [UPPER, WORK, "seen"].map(|name| memory.join(name));
    for folder in [&upper, &work, &seen] {
        stdfs::create_dir(folder).map_err(failed)?;
    }
    Ok(private_mounts::overlay(".", &upper.to_string_lossy(), &work.to_string_lossy(), &seen)?)
}

/// The project as it will be when the install's folder has its new name: a folder in memory, in which all else is the real
/// thing.
fn project_without(places: &Places<'_>) -> Result<(), Impossible> {
    let real = rustix::fs::open(places.project, LOOK_ONLY | OFlags::DIRECTORY, Mode::empty())
        .map_err(|e| Impossible(format!("the project can't be opened: {e}")))?;
    private_mounts::tmpfs(places.project)?;
    let real = PathBuf::from(format!("/proc/self/fd/{}", real.as_raw_fd()));
    let failed = |e: std::io::Error| Impossible(e.to_string());
    for entry in stdfs::read_dir(&real).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, kind) = (entry.file_name(), entry.file_type().map_err(failed)?);
        let at = places.project.join(&name);
        if Some(name.as_os_str()) == places.live.file_name() || at == places.install {
            continue;
        }
        if kind.is_symlink() {
            symlink(stdfs::read_link(entry.path()).map_err(failed)?, &at).map_err(failed)?;
            continue;
        }
        if kind.is_dir() {
            stdfs::create_dir(&at).map_err(failed)?;
        } else {
            stdfs::write(&at, "").map_err(failed)?;
        }
        private_mounts::bind(&entry.path(), &at, "a part of the project can't be shown")?;
    }
    stdfs::create_dir(places.install).map_err(failed)
}

/// Puts what a journal will put in place into the view: copies, so that nobody can write to what is staged.
///
/// # Errors
/// [`Impossible`].
pub(crate) fn put_in_place(install: &Path, journal: &Journal) -> Result<(), Impossible> {
    let root = Folder::open(install)?;
    for (path, waits) in journal.waiting() {
        match waits {
            Some(Some(file)) => {
                let (folder, name) = root.parent_of(path, true)?;
                if folder.kind(name)?.is_some() {
                    folder.remove(name)?;
                }
                folder.create_file(name, &file.bytes, file.mode, file.mtime)?;
            }
            Some(None) => remove(&root, path)?,
            None => return Err(Impossible(format!("what is staged for {path} can't be read"))),
        }
    }
    Ok(())
}

fn remove(root: &Folder, path: &RelPath) -> Result<(), FsError> {
    let Ok((folder, name)) = root.parent_of(path, false) else { return Ok(()) };
    if folder.kind(name)?.is_some() {
        folder.remove(name)?;
    }
    let mut above = path.parent();
    while let Some(folder) = above {
        let emptied = root.parent_of(&folder, false).and_then(|(parent, name)| parent.remove_empty(name));
        if !emptied.unwrap_or(false) {
            break;
        }
        above = folder.parent();
    }
    Ok(())
}

/// Makes the environment that was built the one that the server starts with.
///
/// # Errors
/// [`Impossible`].
pub(crate) fn use_environment(install: &Path, name: &str) -> Result<(), Impossible> {
    let (live, built) = (venv::live(install), venv::generation(install, name));
    if stdfs::symlink_metadata(&live).is_ok_and(|meta| meta.is_symlink()) {
        let root = Folder::open(install)?;
        let link = OsStr::new("venv");
        root.remove(link)?;
        let target = Path::new("venvs").join(name);
        return Ok(root.create_link(link, target.as_os_str())?);
    }
    // The view's own folder: what is written there goes beside, too.
    Ok(private_mounts::bind(&built, &live, "the new environment can't be shown")?)
}

/// Lets what is written below a place of the view land in a folder. `real` counts from the folder that [`enter`] began in.
///
/// # Errors
/// [`Impossible`].
pub(crate) fn lead_to(install: &Path, place: &RelPath, real: &Path) -> Result<(), Impossible> {
    fs::create_folders(&place.under(install))?;
    Ok(private_mounts::bind(real, &place.under(install), "the search index can't be shown")?)
}

/// Takes away what tells of those that work on the real install: the state files of servers, and locks by which only one can
/// run.
///
/// # Errors
/// [`FsError`].
pub(crate) fn forget_the_running(install: &Path) -> Result<(), FsError> {
    let root = Folder::open(install)?;
    let states = layouts().servers().map(|server| server.state_file.clone());
    let locks = layouts().leftovers.server_locks.iter().cloned().chain(RelPath::new(lock_holder::NAME).ok());
    for path in states.chain(locks) {
        let Ok((folder, name)) = root.parent_of(&path, false) else { continue };
        if folder.kind(name)?.is_some() {
            folder.remove(name)?;
        }
    }
    Ok(())
}

/// Whether this process sees such a view.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some_and(|value| value.as_bytes() == b"1")
}

/// Whether a process sees the other side: a view where we see the real thing, or the real thing where we see a view.
pub(crate) fn is_apart(process: &proc::Process) -> bool {
    process.env.contains_key(INSIDE) != is_inside()
}
