//! What can be told of an install's sessions, also where their files are damaged: the other generation first, else
//! what journals and backup say, which is enough for going back. Looking at it only reads; [`settle`] and [`sweep`] clear
//! away, for who holds the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::layout::layouts;
use crate::core::order::{self, Known, Place};
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::session::{self, Facts, Remains, Session, Status, stamp_of};
use crate::core::visible::Shown as _;
use crate::host::backup::copy;
use crate::host::backup::copy::{Backup, BackupError};
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::journal;
use crate::host::files::journal::Journal;
use crate::host::files::read;
use crate::host::files::restore;
use crate::host::install::locked::LockedInstall;
use crate::host::session::ended;
use crate::host::session::store;
use crate::host::session::store::Truth;

/// What a damaged session is replaced by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// Its other generation, which may be one step behind.
    Previous,
    /// What journals and backup tell: it can be rolled back.
    Rebuilt,
    /// Nothing, and nothing is needed: a later upgrade was begun, so this one had ended.
    Over,
    /// Nothing: a person must look.
    Nothing,
    /// Nothing, because it can't be read now: whether an upgrade is unfinished can't be told.
    Unreadable,
}

/// A session whose files are damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Whose.
    pub session_id: String,
    /// Where its files are.
    pub folder: PathBuf,
    /// What is wrong with them.
    pub what: String,
    /// What is used instead.
    pub used: Used,
}

impl Damage {
    /// In a sentence for people.
    pub(crate) fn describe(&self) -> String {
        let how = match self.used {
            Used::Previous => "the generation before it is used",
            Used::Rebuilt => "the session was rebuilt from its journal and backup, and can only be rolled back",
            Used::Over => "a later upgrade was begun since, so nothing depends on it",
            Used::Nothing => "neither going on nor rolling back is possible",
            Used::Unreadable => {
                return format!("which upgrades were made here, and how they ended, can't be told: {}", self.what);
            }
        };
        format!("{}: the files of this session are damaged ({}); {how}", self.folder.shown(), self.what)
    }

    /// What to do where [`Used::Nothing`] is left.
    pub fn next(&self) -> String {
        match self.used {
            Used::Nothing => {
                format!("look at its .backups, then move it aside: mv {0} {0}.damaged", quoted(&self.folder))
            }
            Used::Unreadable => format!(
                "mend that (for permissions: chmod u+rwX {}), then look again: pos-upgrade-tui status",
                quoted(&self.folder)
            ),
            _ => "undo it: pos-upgrade-tui rollback".to_owned(),
        }
    }
}

/// All that is known of an install's sessions.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Oldest first.
    pub sessions: Vec<Session>,
    /// Those with damaged files, oldest first; what could be saved of them stands in `sessions` too.
    pub damages: Vec<Damage>,
    /// The place of each in the order, also of those of which nothing can be told.
    pub places: BTreeMap<String, Place>,
    /// The greatest number that any session has.
    highest: u64,
}

impl Found {
    /// The session that is not finished; at most one can be.
    pub fn unfinished(&self) -> Option<&Session> {
        self.sessions.iter().rev().find(|s| s.is_unfinished())
    }

    /// The damage that stands in the way of everything: nothing can be told of the last session.
    pub fn lost(&self) -> Option<&Damage> {
        self.damages.iter().find(|d| matches!(d.used, Used::Nothing | Used::Unreadable))
    }

    /// The last session after this one of which something is left in the install.
    pub fn later(&self, session_id: &str) -> Option<&Session> {
        self.sessions.iter().rev().take_while(|s| s.session_id != session_id).find(|s| !s.is_back())
    }

    /// The last session before this one of which something is left in the install.
    pub fn earlier(&self, session_id: &str) -> Option<&Session> {
        self.sessions.iter().rev().skip_while(|s| s.session_id != session_id).skip(1).find(|s| !s.is_back())
    }

    /// The same with one session as it stands, which its runner has saved. Only for who holds the lock: nobody else changes
    /// any meanwhile.
    #[must_use]
    pub(crate) fn with(&self, own: &Session) -> Self {
        let mut found = self.clone();
        found.damages.retain(|damage| damage.session_id != own.session_id);
        match found.sessions.iter_mut().find(|session| session.session_id == own.session_id) {
            Some(session) => session.clone_from(own),
            None => found.sessions.push(own.clone()),
        }
        found.places.entry(own.session_id.clone()).or_insert_with(|| Place::numbered(own.number, &own.session_id));
        found.highest = found.highest.max(own.number);
        found
    }

    fn unreadable(install: &Path, error: &FsError) -> Self {
        let inside = error.path.starts_with(install);
        let folder = if inside { error.path.clone() } else { install.join(".upgrade") };
        let what = error.to_string();
        let damage = Damage { session_id: String::new(), folder, what, used: Used::Unreadable };
        Found { damages: vec![damage], ..Found::default() }
    }

    /// The damage of one session.
    pub fn damage(&self, session_id: &str) -> Option<&Damage> {
        self.damages.iter().find(|d| d.session_id == session_id)
    }
}

/// Looks at all sessions of an install. What can't be read is never taken for what is not there: then nothing is told
/// but that, as [`Used::Unreadable`].
pub fn survey(install: &Path) -> Found {
    try_survey(install).unwrap_or_else(|e| Found::unreadable(install, &e))
}

fn try_survey(install: &Path) -> Result<Found, FsError> {
    let mut truths = Vec::new();
    for id in store::ids(install)? {
        if leaves_a_trace(install, &id)? {
            let truth = match store::read(install, &id) {
                Truth::Unreadable(e) => return Err(e),
                truth => truth,
            };
            truths.push((id, truth));
        }
    }
    let mut found = Found { places: places(install, &truths)?, ..Found::default() };
    found.highest = truths.iter().map(|(_, truth)| truth.order().0).max().unwrap_or(0);
    truths.sort_by(|(a, _), (b, _)| found.places.get(a).cmp(&found.places.get(b)));
    let count = truths.len();
    for (at, (id, truth)) in truths.into_iter().enumerate() {
        // No upgrade begins while another is unfinished.
        take_in(install, &mut found, &id, truth, at + 1 == count)?;
    }
    Ok(found)
}

/// A stamp for a session that begins now, from `now` on: no backup, environment or rescued file of an earlier session has
/// it, also where two begin in one second or the clock was set back. Only for who holds the lock.
///
/// # Errors
/// [`FsError`] where it can't be told which are taken.
pub(crate) fn free_stamp(install: &Path, found: &Found, now: jiff::Timestamp) -> Result<String, FsError> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for folder in [copy::folder_of(install), install.join("rescued"), install.join("venvs")] {
        for entry in fs::entries_in(&folder)? {
            taken.extend(entry.file_name().to_str().and_then(|name| name.get(..17)).map(ToOwned::to_owned));
        }
    }
    taken.extend(found.sessions.iter().map(|s| s.stamp.clone()));
    let mut time = now;
    while taken.contains(&stamp_of(time)) {
        match time.checked_add(jiff::SignedDuration::from_secs(1)) {
            Ok(next) => time = next,
            Err(_) => break,
        }
    }
    Ok(stamp_of(time))
}

/// Adds what the files of one session say.
fn take_in(install: &Path, found: &mut Found, id: &str, truth: Truth, last: bool) -> Result<(), FsError> {
    let folder = store::folder(install, id);
    let damage = |what: String, used: Used| Damage { session_id: id.to_owned(), folder: folder.clone(), what, used };
    match truth {
        Truth::Sound(session) => found.sessions.push(if last { with_facts(*session)? } else { *session }),
        Truth::Previous(session, why) if last => {
            found.sessions.push(with_facts(*session)?);
            found.damages.push(damage(why, Used::Previous));
        }
        Truth::Previous(mut session, why) => {
            session.overtaken();
            found.sessions.push(*session);
            found.damages.push(damage(why, Used::Over));
        }
        Truth::Unapproved(session, why) if last => {
            found.sessions.push(with_facts(session.without_approval(&why))?);
            found.damages.push(damage(why, Used::Rebuilt));
        }
        Truth::Unapproved(mut session, why) => {
            session.overtaken();
            found.sessions.push(session.without_approval(&why));
            found.damages.push(damage(why, Used::Over));
        }
        Truth::Damaged(why) if last => match rebuilt(install, id, &why)? {
            Some(session) => {
                found.sessions.push(session);
                found.damages.push(damage(why, Used::Rebuilt));
            }
            None => found.damages.push(damage(format!("{why}, and it has no backup"), Used::Nothing)),
        },
        Truth::Foreign(schema) if last => {
            let why = format!("another version of this program wrote them, in schema {schema}; use that one");
            found.damages.push(damage(why, Used::Nothing));
        }
        // Its files were moved aside already.
        Truth::Damaged(_) if !store::has_files(&folder)? => {}
        Truth::Damaged(why) => found.damages.push(damage(why, Used::Over)),
        Truth::Foreign(_) => {}
        Truth::Unreadable(e) => return Err(e),
    }
    Ok(())
}

/// The places of sessions: by the numbers in their files, else in their backups, else as later ones name them.
fn places(install: &Path, truths: &[(String, Truth)]) -> Result<BTreeMap<String, Place>, FsError> {
    let mut known = Vec::new();
    for (id, truth) in truths {
        let (mut number, after) = truth.order();
        if matches!(truth, Truth::Damaged(_)) {
            number = backup_of(install, id)?.map_or(0, |(_, backup)| backup.manifest.number);
        }
        known.push(Known { id, number, after });
    }
    Ok(order::places(&known))
}

/// The number of a session that begins now, and the ids of all that came before it. Only for who holds the lock.
///
/// # Errors
/// [`FsError`] where backups of earlier ones can't be read: the new one must not pass for an earlier one.
pub(crate) fn next_place(install: &Path, found: &Found) -> Result<(u64, Vec<String>), FsError> {
    let mut highest = found.highest.max(found.places.len() as u64);
    // Sessions may be gone that backups still know of.
    for (name, _) in copy::list(install)? {
        match Backup::open(&copy::folder_of(install).join(name)) {
            Ok(backup) => highest = highest.max(backup.manifest.number),
            Err(BackupError::Fs(e)) => return Err(e),
            Err(_) => {}
        }
    }
    let mut after: Vec<(&Place, &String)> = found.places.iter().map(|(id, place)| (place, id)).collect();
    after.sort();
    Ok((highest.saturating_add(1), after.into_iter().map(|(_, id)| id.clone()).collect()))
}

/// Moves damaged files of sessions that have ended out of the way, and saves again what is known of them; a line for
/// each file. Only for who holds the lock. The session `own` is its runner's to save.
///
/// # Errors
/// [`FsError`].
pub fn settle(install: &LockedInstall, found: &Found, own: &str) -> Result<Vec<String>, FsError> {
    let mut lines = Vec::new();
    let mendable = |d: &&Damage| d.session_id != own && !matches!(d.used, Used::Nothing | Used::Unreadable);
    for damage in found.damages.iter().filter(mendable) {
        let session = found.sessions.iter().find(|s| s.session_id == damage.session_id);
        let moved = match session {
            Some(session) if session.is_unfinished() => continue,
            Some(session) => store::save(install, session)?,
            None => store::clear(install, &store::folder(install, &damage.session_id))?,
        };
        let line = |path: &PathBuf| format!("a damaged file of an earlier session was moved aside: {}", path.shown());
        lines.extend(moved.iter().map(line));
    }
    Ok(lines)
}

/// A folder that was made and never written to is no session.
fn leaves_a_trace(install: &Path, id: &str) -> Result<bool, FsError> {
    Ok(store::has_files(&store::folder(install, id))? || has_journals(install, id)?)
}

/// Whether a session came so far that it may have changed the install.
fn has_journals(install: &Path, id: &str) -> Result<bool, FsError> {
    let folder = store::folder(install, id);
    for journal in journal::FOLDERS {
        if Journal::was_begun(&folder.join(journal))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the disk proves outweighs what a session says that may be a step behind: after the commit of the content the
/// install may be changed, and after the commit of a rollback there is no way but back.
fn with_facts(mut session: Session) -> Result<Session, FsError> {
    let folder = store::folder(&session.install, &session.session_id);
    let open = session.is_unfinished();
    let may_go_back = open || session.status() == Status::Completed;
    let rollback_committed = may_go_back && Journal::was_committed(&folder.join("rollback"))?;
    let content_committed = open && !rollback_committed && Journal::was_committed(&folder.join("content"))?;
    session.reconcile(Facts { rollback_committed, content_committed });
    if session.rolling_back() && session.backup.is_none() {
        session.backup = backup_of(&session.install, &session.session_id)?.map(|(name, _)| name);
    }
    Ok(session)
}

/// The backup that a session made, by what its manifest says.
fn backup_of(install: &Path, session_id: &str) -> Result<Option<(String, Backup)>, FsError> {
    for (name, _) in copy::list(install)?.into_iter().rev().filter(|(_, good)| *good) {
        match Backup::open(&copy::folder_of(install).join(&name)) {
            Ok(backup) if backup.manifest.session_id == session_id => return Ok(Some((name, backup))),
            // It may be the one.
            Err(BackupError::Fs(e)) => return Err(e),
            _ => {}
        }
    }
    Ok(None)
}

/// A session made of what is left; none if the install was changed and there is no backup to go back to.
fn rebuilt(install: &Path, id: &str, why: &str) -> Result<Option<Session>, FsError> {
    let applied = has_journals(install, id)?;
    let backup = backup_of(install, id)?;
    if applied && backup.is_none() {
        return Ok(None);
    }
    let Some(began) = time_in(id) else { return Ok(None) };
    let stamp = backup.as_ref().and_then(|(name, _)| name.get(..17)).map(ToOwned::to_owned);
    let stamp = stamp.unwrap_or_else(|| stamp_of(began));
    let ended = if applied { ended::read(install, id)? } else { None };
    let gitignore_added = match &backup {
        Some((_, backup)) => gitignore_lines(install, backup)?,
        None => Vec::new(),
    };
    let venv_generation = crate::host::python::venv::has_generation(install, &stamp).then(|| stamp.clone());
    Ok(Some(session::rebuilt(Remains {
        session_id: id.to_owned(),
        install: install.to_owned(),
        why: why.to_owned(),
        began,
        applied,
        ended,
        number: backup.as_ref().map_or(0, |(_, b)| b.manifest.number),
        parent: backup.as_ref().and_then(|(_, b)| b.manifest.parent.clone()),
        gitignore_added,
        folder_before: backup
            .as_ref()
            .and_then(|(_, b)| b.manifest.folder.clone())
            .filter(|name| install.file_name().is_some_and(|now| now.as_encoded_bytes() != name.as_bytes())),
        backup: backup.map(|(name, _)| name),
        stamp,
        venv_generation,
    })))
}

/// When a session began, as its id has it.
fn time_in(id: &str) -> Option<jiff::Timestamp> {
    let (seconds, _) = uuid::Uuid::try_parse(id).ok()?.get_timestamp().map(|t| t.to_unix()).unwrap_or_default();
    jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

/// The lines that were appended to the project's `.gitignore` since the backup, if they all are about the install.
fn gitignore_lines(install: &Path, backup: &Backup) -> Result<Vec<String>, FsError> {
    let path = install.parent().unwrap_or(install).join(".gitignore");
    let Some(now) = read::read_if_there(&path)? else { return Ok(Vec::new()) };
    let before = match backup.gitignore() {
        Ok(before) => before.unwrap_or_default(),
        Err(BackupError::Fs(e)) => return Err(e),
        // The rollback refuses to use it, and says so.
        Err(_) => return Ok(Vec::new()),
    };
    let Some(added) = now.strip_prefix(&before[..]) else { return Ok(Vec::new()) };
    let lines = added.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let lines: Vec<&[u8]> = lines.filter(|l| !l.trim_ascii().is_empty()).collect();
    // Ours are plain text; what is not is somebody else's.
    let ours = |line: &[u8]| {
        String::from_utf8(line.to_vec())
            .ok()
            .filter(|l| layouts().folders().into_iter().any(|folder| l.starts_with(&format!("{folder}/"))))
    };
    let texts: Option<Vec<String>> = lines.into_iter().map(ours).collect();
    Ok(texts.unwrap_or_default())
}

/// Removes the half-written replacements that a crash left where this program writes, and sets aside what is the
/// user's of a restore that was cut off, a line for each. Only under the lock.
pub fn sweep(project: &Path, install: &LockedInstall) -> Vec<String> {
    let notes = install.join(".upgrade");
    for folder in [project.to_owned(), install.to_path_buf(), install.join(".cache"), install.join(".cache/state")] {
        fs::sweep(&folder);
    }
    let editors = layouts().outside.editors.iter().filter_map(|editor| Some(editor.path.parent()?.under(project)));
    let rules = layouts().outside.rules.iter().map(|rule| rule.under(project));
    let rules = rules.flat_map(|rule| [rule.clone(), rule.join("rules"), rule.with_file_name("")]);
    // What is behind a link is not ours.
    for folder in
        editors.chain(rules).filter(|folder| std::fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir()))
    {
        fs::sweep(&folder);
    }
    // The notes of sessions are a few files each, and so are their journals.
    for entry in walkdir::WalkDir::new(&notes).max_depth(2).into_iter().flatten().filter(|e| e.file_type().is_dir()) {
        fs::sweep(entry.path());
    }
    let stamp = stamp_of(jiff::Timestamp::now());
    let settled = RelPath::new(format!("rescued/{stamp}-restore")).map(|rescue| restore::settle(install, &rescue));
    match settled {
        Ok(Ok(rescued)) => {
            let line = |(path, to)| format!("{path}: restoring it was cut off; what stood there is now in {to}");
            rescued.into_iter().map(line).collect()
        }
        // Nothing is lost: it is tried again next time.
        Ok(Err(e)) => vec![format!("what a cut-off restore left is still in .upgrade/restore: {e}")],
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::session::example;
    use crate::host::session::lock::Lock;

    #[test]
    fn what_was_found_with_a_saved_session_is_what_would_be_found() {
        let folder = tempfile::tempdir().unwrap();
        let install = folder.path().join(".praxis-os");
        std::fs::create_dir(&install).unwrap();
        let lock = Lock::acquire(&install).unwrap();
        let saved = |id: u64, number: u64| {
            let mut session = example();
            session.session_id = format!("01930000-0000-7000-8000-{id:012}");
            (session.install, session.number) = (install.clone(), number);
            session.stamp = format!("2025-01-0{number}-000000");
            session.created_at = "2025-01-01T00:00:00Z".into();
            session.updated_at.clone_from(&session.created_at);
            store::save(lock.install(), &session).unwrap();
            session
        };
        // Names that sort otherwise than the sessions came.
        let mut own = saved(7, 1);
        let before = survey(&install);
        saved(9, 2);
        let known = survey(&install);
        let (later, mut changed) = (saved(3, 3), saved(9, 2));
        changed.stamp = "2026-01-01-000000".into();
        own.stamp = "2026-01-02-000000".into();
        let told = |found: &Found| {
            let sessions = found.sessions.iter().map(|s| (s.session_id.clone(), s.stamp.clone()));
            (sessions.collect::<Vec<_>>(), found.places.keys().cloned().collect::<Vec<_>>(), found.highest)
        };
        assert_eq!(told(&known.with(&later)), told(&survey(&install)));
        for (found, session) in [(&before, &own), (&known, &changed)] {
            assert_eq!(found.with(session).places, found.places, "a known one keeps its place");
            assert!(found.with(session).sessions.iter().any(|s| s.stamp == session.stamp));
            assert_eq!(found.with(session).sessions.len(), found.sessions.len());
        }
    }
}
