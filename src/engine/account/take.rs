//! Takes an account: reads the backup's manifest, the journals and the install as it stands. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::core::account::{self, Account, After, Back, Texts, Thing, Things};
use crate::core::blob::BlobId;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::plan::FileEntry;
use crate::core::session::{Session, Status};
use crate::engine::planning::make_plan;
use crate::engine::rollback::set_aside;
use crate::host::backup::copy::{self, Backup, BackupError, Entry};
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::folder::{Folder, Found};
use crate::host::files::fs;
use crate::host::files::journal::{FOLDERS, Journal, State};
use crate::host::files::{parallel, walk};
use crate::host::server;
use crate::host::session::store;

/// Why no account can be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// The session made no backup.
    #[error("session {0} has no backup, so what stood there before can't be told")]
    NoBackup(String),
    /// Its backup can't be used, or was pruned.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The install can't be read.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// How far the session is of which the account is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The content is in place, the server's files are still to come.
    Content,
    /// All is in place.
    Applied,
    /// The upgrade, or its rollback, has ended.
    Ended,
}

/// Contents, from the backup, the install and the kept releases. What can't be read is none: then nothing is claimed of it.
struct Store<'a> {
    install: &'a Path,
    backup: &'a Backup,
    live: Folder,
}

impl Texts for Store<'_> {
    fn before(&self, path: &RelPath) -> Option<Arc<[u8]>> {
        self.backup.bytes(path).ok().map(Into::into)
    }

    fn now(&self, path: &RelPath) -> Option<Arc<[u8]>> {
        make_plan::mine(&self.live, path).ok().flatten()
    }

    fn blob(&self, id: &BlobId) -> Option<Arc<[u8]>> {
        make_plan::kept_base(self.install, id).ok().flatten()
    }
}

/// The backup of a session.
///
/// # Errors
/// [`AccountError`].
pub(crate) fn backup_of(session: &Session) -> Result<Backup, AccountError> {
    let name = session.backup.as_ref().ok_or_else(|| AccountError::NoBackup(session.session_id.clone()))?;
    Ok(Backup::open(&copy::folder_of(&session.install).join(name))?)
}

/// The account of a session after its upgrade, or after its rollback. Blocking.
///
/// # Errors
/// [`AccountError`].
pub(crate) fn of(session: &Session, when: When) -> Result<Account, AccountError> {
    let backup = backup_of(session)?;
    let mut account = match session.status() == Status::RolledBack {
        true => back(session, &backup, &BTreeSet::new(), when)?,
        false => after(session, &backup, when)?,
    };
    if when == When::Ended {
        // The backup was verified when it was made; that may be long ago.
        for item in account.items.iter_mut().filter(|item| item.in_backup) {
            let is_file = matches!(backup.manifest.entries.get(&item.path), Some(Entry::File { .. }));
            if is_file && backup.bytes(&item.path).is_err() {
                item.note = Some("its copy in the backup is damaged or gone".to_owned());
            }
        }
    }
    Ok(account)
}

fn after(session: &Session, backup: &Backup, when: When) -> Result<Account, AccountError> {
    let install = &session.install;
    let pristine = pristine(session);
    let moved_to = session.plan().files.iter().filter(|f| !account::is_pristine(f)).map(|f| f.path.clone());
    let before = before(backup);
    let places: BTreeSet<RelPath> = before.keys().filter(|p| !pristine.contains(p)).cloned().chain(moved_to).collect();
    let wrote = ["content", "server"].into_iter().flat_map(|name| traces(session, name));
    let wrote = wrote.map(|(path, state)| match state {
        State::File { sha256, .. } => (path, Some(sha256)),
        State::Absent => (path, None),
    });
    let config = &server::layout_of(install).index.config;
    let renamed = session.folder_before.clone().map(|from| (from, layouts().newest().folder.clone()));
    Ok(account::after(&After {
        session,
        before: &before,
        now: &now(install, &places)?,
        wrote: &wrote.collect(),
        rescued: &rescued(session)?,
        ended: when == When::Ended,
        without_server: when == When::Content,
        renamed: renamed.map(|(from, to)| (config_before(session).unwrap_or(config).clone(), from, to)),
        texts: &Store { install, backup, live: Folder::open(install)? },
    }))
}

/// The config of the server that the install had before: that is the one with the folder's name in it.
fn config_before(session: &Session) -> Option<&'static RelPath> {
    let generation = layouts().generation(&session.plan().install.generation)?;
    Some(&generation.server().index.config)
}

/// The account after a rollback. `known` paths were changed, too, besides those that the journals tell.
///
/// # Errors
/// [`AccountError`].
pub(crate) fn back(
    session: &Session,
    backup: &Backup,
    known: &BTreeSet<RelPath>,
    when: When,
) -> Result<Account, AccountError> {
    let install = &session.install;
    let before = before(backup);
    let touched = FOLDERS.into_iter().flat_map(|name| traces(session, name)).map(|(path, _)| path);
    let touched = touched.chain(known.iter().cloned()).chain(session.lost.iter().cloned());
    Ok(account::back(&Back {
        session,
        before: &before,
        now: &now(install, &before.keys().cloned().collect())?,
        touched: &touched.collect(),
        rescued: &rescued(session)?,
        ended: when == When::Ended,
        texts: &Store { install, backup, live: Folder::open(install)? },
    }))
}

/// What a journal of the session puts at each path, as far as that can be told.
fn traces(session: &Session, name: &str) -> Vec<(RelPath, State)> {
    let folder = store::folder(&session.install, &session.session_id).join(name);
    Journal::traces(&folder).unwrap_or_default()
}

/// Where files of releases stood.
pub(crate) fn pristine(session: &Session) -> BTreeSet<RelPath> {
    let entries = session.plan().files.iter().filter(|f| f.mine.is_some() && account::is_pristine(f));
    entries.map(|f: &FileEntry| f.from.as_ref().unwrap_or(&f.path).clone()).collect()
}

/// Files and links of the user's that the backup has and that do not stand there now.
///
/// # Errors
/// [`AccountError`].
pub(crate) fn gone(session: &Session) -> Result<Vec<RelPath>, AccountError> {
    let pristine = pristine(session);
    let mut gone = Vec::new();
    for path in before(&backup_of(session)?).into_keys().filter(|path| !pristine.contains(path)) {
        match walk::metadata(&session.install, &path) {
            Ok(meta) if !meta.is_dir() => {}
            Err(e) if !fs::is_absence(&e) => return Err(e).doing("look at", path.under(&session.install))?,
            _ => gone.push(path),
        }
    }
    Ok(gone)
}

/// The files and links of a backup.
pub(crate) fn before(backup: &Backup) -> Things {
    let thing = |entry: &Entry| match entry {
        Entry::File { sha256, mode, .. } => Some(Thing::File { sha256: sha256.clone(), mode: *mode }),
        Entry::Link { .. } => Some(Thing::Link(entry.target())),
        Entry::Folder { .. } => None,
    };
    backup.manifest.entries.iter().filter_map(|(path, entry)| Some((path.clone(), thing(entry)?))).collect()
}

/// What stands at paths of the install. What can't be read any more is something else: somebody made it so.
fn now(install: &Path, paths: &BTreeSet<RelPath>) -> Result<Things, FsError> {
    let live = Folder::open(install)?;
    let paths: Vec<&RelPath> = paths.iter().collect();
    let found = parallel::in_parallel(&paths, |path| {
        Ok::<_, FsError>(match live.look(path) {
            Ok(Found::Absent | Found::Folder) => None,
            Ok(Found::File { sha256, mode }) => Some(Thing::File { sha256, mode }),
            Err(_) => Some(Thing::Other),
            Ok(Found::Other) => {
                let at = live.parent_of(path, false).ok();
                let target = at.and_then(|(folder, name)| folder.link_target(name));
                Some(target.map_or(Thing::Other, |target| Thing::Link(Some(target))))
            }
        })
    })?;
    Ok(paths.into_iter().cloned().zip(found).filter_map(|(path, thing)| Some((path, thing?))).collect())
}

/// What the session set aside, by its checksum.
fn rescued(session: &Session) -> Result<BTreeMap<String, RelPath>, FsError> {
    let mut found = BTreeMap::new();
    let forward = RelPath::new(format!("rescued/{}", session.stamp)).ok();
    for folder in forward.into_iter().chain(set_aside::rescue_folder(session).ok()) {
        let top = folder.under(&session.install);
        if !fs::is_there(&top)? {
            continue;
        }
        // What can't be read can't be told to be the user's.
        let all = walk::below(&top, |path| walk::is_readable(&top, path)).unwrap_or_default();
        for (path, kind) in all {
            let (true, Ok(sum)) = (kind.is_file(), copy::sum_below(&top, &path)) else { continue };
            if let Ok(path) = folder.join(path.as_bytes()) {
                found.insert(sum, path);
            }
        }
    }
    Ok(found)
}
