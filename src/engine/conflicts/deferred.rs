//! Conflicts that are put off: their bytes are kept in the install, and on a later day they are settled by a session of
//! their own, with its own backup, journal and rollback.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::layout::layouts;
use crate::core::os_text;
use crate::core::outcome::{Sides, merge_of};
use crate::core::parked::{self, Parked};
use crate::core::plan::{FileEntry, Kind, Only, Plan, PlanInstall, PlanSource, ReleaseEvidence, Summary};
use crate::core::release_history::short;
use crate::core::session::{Decision, Session};
use crate::engine::planning::make_plan;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::error::FsError;
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;

/// The folder of the kept bytes, by blob id.
const FOLDER: &str = ".upgrade/parked";

/// The conflicts of an install that wait, sorted by path. One whose question is gone, since the file is now what the
/// source shipped, doesn't. Blocking.
///
/// # Errors
/// [`FsError`] where it can't be told what stands there now.
pub(crate) fn waiting(install: &Path, sessions: &[Session]) -> Result<Vec<Parked>, FsError> {
    let live = Folder::open(install)?;
    let mut waiting = Vec::new();
    for parked in parked::after(sessions.iter()).into_values() {
        let open = match (make_plan::mine(&live, &parked.path)?, &parked.theirs) {
            (Some(mine), Some(theirs)) => BlobId::of(&mine, theirs.format()) != *theirs,
            (None, None) => false,
            _ => true,
        };
        if open {
            waiting.push(parked);
        }
    }
    Ok(waiting)
}

/// Where the source's version of a parked conflict is kept, for people who want to look at it.
pub(crate) fn theirs_path(install: &Path, parked: &Parked) -> Option<std::path::PathBuf> {
    Some(install.join(FOLDER).join(parked.theirs.as_ref()?.to_string()))
}

/// Keeps the bytes of what this session puts off, before anything is applied: on the later day there need be no source.
///
/// # Errors
/// [`Stop::Failed`].
pub(crate) fn keep(run: &Run, sides: impl Fn(&FileEntry) -> Result<Sides, Stop>) -> Result<(), Stop> {
    let install = run.lock.install();
    let parked = |e: &&FileEntry| matches!(run.session.answers().get(&e.path), Some(Decision::Park));
    let entries: Vec<&FileEntry> = run.session.plan().files.iter().filter(parked).collect();
    if entries.is_empty() {
        return Ok(());
    }
    // What stands there may be a link: it is replaced, never written through.
    let folder = Folder::open(&install.make_folder(FOLDER)?)?;
    for entry in entries {
        let sides = sides(entry)?;
        for (id, bytes) in [(&entry.base, &sides.base), (&entry.theirs, &sides.theirs)] {
            let (Some(id), Some(bytes)) = (id, bytes) else { continue };
            if kept(install, id)?.is_some() {
                continue;
            }
            let name = &OsString::from(id.to_string());
            if folder.kind(name)?.is_some() {
                folder.remove(name)?;
            }
            folder.create_file(name, bytes, 0o600, None)?;
        }
    }
    Ok(folder.sync()?)
}

fn kept(install: &Path, id: &BlobId) -> Result<Option<Arc<[u8]>>, FsError> {
    make_plan::kept(&install.join(FOLDER).join(id.to_string()), id)
}

/// The texts of a parked conflict.
///
/// # Errors
/// [`Stop::Failed`] where the kept bytes are gone.
pub(crate) fn sides(install: &Path, entry: &FileEntry) -> Result<Sides, Stop> {
    let text = |id: &BlobId| match kept(install, id)? {
        Some(text) => Ok(Some(text)),
        None => make_plan::kept_base(install, id),
    };
    let theirs = match &entry.theirs {
        None => None,
        Some(id) => Some(text(id)?.ok_or_else(|| {
            Stop::failed(format!("{}: the version that was kept of it is gone or damaged", entry.path))
        })?),
    };
    let mine = make_plan::mine(&Folder::open(install)?, &entry.path)?;
    let base = entry.base.as_ref().map(text).transpose()?.flatten();
    Ok(Sides { base, mine, theirs })
}

/// The plan that settles what waits; none if nothing waits. Blocking.
///
/// # Errors
/// A sentence naming what can't be read.
pub(crate) fn plan(install: &Path, sessions: &[Session]) -> Result<Option<Plan>, String> {
    planned(install, sessions).map_err(|stop| match stop {
        Stop::Failed { what, .. } => what,
        _ => "it was stopped".to_owned(),
    })
}

fn planned(install: &Path, sessions: &[Session]) -> Result<Option<Plan>, Stop> {
    let waiting = waiting(install, sessions)?;
    let Some(last) = waiting.iter().max_by_key(|p| p.order) else { return Ok(None) };
    let from = sessions.get(last.order);
    let baseline = make_plan::read_baseline(install).map_err(Stop::failed)?;
    let live = Folder::open(install)?;
    let mut files = Vec::new();
    for parked in &waiting {
        files.push(entry(install, &live, parked)?);
    }
    let is_server = |f: &FileEntry| layouts().is_server(&f.path);
    let (generation, layout) = make_plan::layout_of(install).map_err(Stop::failed)?;
    Ok(Some(Plan {
        schema: 1,
        source: PlanSource {
            path: from.map(|s| s.source().to_string_lossy().into_owned()).unwrap_or_default(),
            path_base64: from.and_then(|s| os_text::base64(s.source())),
            version: from.map(|s| s.source_version().to_owned()).unwrap_or_default(),
            commit: last.commit.clone(),
            shallow: false,
            partial: false,
            generation: generation.name.clone(),
        },
        install: PlanInstall {
            release_evidence: if baseline.is_some() { ReleaseEvidence::Baseline } else { ReleaseEvidence::None },
            release: baseline.map(|b| b.release),
            ..PlanInstall::laid_out(install, &generation.name, &layout.name)
        },
        // Only where server code is among them does the server have to be stopped and proven again.
        only: if files.iter().any(is_server) { None } else { Some(Only::Content) },
        summary: Summary::of(&files),
        files,
    }))
}

fn entry(install: &Path, live: &Folder, parked: &Parked) -> Result<FileEntry, Stop> {
    let format = parked.theirs.as_ref().or(parked.base.as_ref()).map_or(ObjectFormat::Sha1, BlobId::format);
    let mut entry = FileEntry {
        path: parked.path.clone(),
        path_base64: None,
        kind: Kind::Conflict,
        from: None,
        source_path: None,
        base: parked.base.clone(),
        mine: make_plan::mine(live, &parked.path)?.map(|bytes| BlobId::of(&bytes, format)),
        theirs: parked.theirs.clone(),
        conflict_hunks: 0,
        reason: format!("put off in the upgrade of {} to {}", parked.since, short(&parked.commit)),
        executable: parked.executable,
    };
    entry.conflict_hunks = merge_of(&entry.path, &sides(install, &entry)?).map_or(0, |m| m.conflicts());
    Ok(entry)
}

/// Removes kept bytes that no session could ask about any more.
pub(crate) fn sweep(install: &LockedInstall, sessions: &[Session]) {
    // What can't be listed now is swept next time.
    let names = fs::entries_in(&install.join(FOLDER)).unwrap_or_default().into_iter();
    let parked = |s: &Session, e: &FileEntry| matches!(s.answers().get(&e.path), Some(Decision::Park));
    let ours = |name: &std::ffi::OsString| name.to_str().is_some_and(|n| BlobId::from_hex(n).is_some());
    for name in names.map(|e| e.file_name()).filter(ours) {
        let wanted = |e: &FileEntry| [&e.base, &e.theirs].into_iter().flatten().any(|id| *name == *id.to_string());
        // A rollback of the session that settled it asks again.
        let needed = sessions.iter().any(|s| s.plan().files.iter().any(|e| parked(s, e) && wanted(e)));
        if !needed && let Ok(folder) = Folder::open(&install.join(FOLDER)) {
            let _ = folder.remove(&name);
        }
    }
}
