//! What can be told of an install's sessions, also where their files are damaged: the other generation first, else
//! what journals and backup say, which is enough for going back. Looking at it only reads; [`settle`] and [`sweep`] clear
//! away, for who holds the lock.

use std::path::{Path, PathBuf};

use super::backup::{self, Backup};
use super::fs::{self, FsError};
use super::journal::{self, Journal};
use super::restore;
use super::store::{self, Truth};
use crate::core::os_text;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::plan::{Plan, PlanInstall, PlanSource, ReleaseEvidence, Summary};
use crate::core::session::{OnConflict, Session, Status, stamp_of, time_of};
use crate::core::settings::Options;
use crate::core::visible::Shown as _;

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
    pub fn describe(&self) -> String {
        let how = match self.used {
            Used::Previous => "the generation before it is used",
            Used::Rebuilt => "the session was rebuilt from its journal and backup, and can only be rolled back",
            Used::Over => "a later upgrade was begun since, so nothing depends on it",
            Used::Nothing => "neither going on nor rolling back is possible",
        };
        format!("{}: the files of this session are damaged ({}); {how}", self.folder.shown(), self.what)
    }

    /// What to do where [`Used::Nothing`] is left.
    pub fn next(&self) -> String {
        match self.used {
            Used::Nothing => {
                format!("look at .praxis-os/.backups, then move it aside: mv {0} {0}.damaged", quoted(&self.folder))
            }
            _ => "undo it: pos-upgrade-tui rollback".to_owned(),
        }
    }
}

/// All that is known of an install's sessions.
#[derive(Debug, Default)]
pub struct Found {
    /// Oldest first.
    pub sessions: Vec<Session>,
    /// Those with damaged files, oldest first; what could be saved of them stands in `sessions` too.
    pub damages: Vec<Damage>,
}

impl Found {
    /// The session that is not finished; at most one can be.
    pub fn unfinished(&self) -> Option<&Session> {
        self.sessions.iter().rev().find(|s| s.is_unfinished())
    }

    /// The damage that stands in the way of everything: nothing can be told of the last session.
    pub fn lost(&self) -> Option<&Damage> {
        self.damages.iter().find(|d| d.used == Used::Nothing)
    }

    /// The damage of one session.
    pub fn damage(&self, session_id: &str) -> Option<&Damage> {
        self.damages.iter().find(|d| d.session_id == session_id)
    }
}

/// Looks at all sessions of an install.
pub fn survey(install: &Path) -> Found {
    let mut found = Found::default();
    let ids: Vec<String> = store::ids(install).into_iter().filter(|id| leaves_a_trace(install, id)).collect();
    for (at, id) in ids.iter().enumerate() {
        // No upgrade begins while another is unfinished.
        let last = at + 1 == ids.len();
        let damage = |what: String, used: Used| Damage {
            session_id: id.clone(),
            folder: store::folder(install, id),
            what,
            used,
        };
        match store::read(install, id) {
            Truth::Sound(session) => found.sessions.push(if last { with_facts(*session) } else { *session }),
            Truth::Previous(session, why) if last => {
                found.sessions.push(with_facts(*session));
                found.damages.push(damage(why, Used::Previous));
            }
            Truth::Previous(mut session, why) => {
                if session.is_unfinished() {
                    (session.status, session.rolling_back) = (Status::Failed, false);
                    session.reason = Some("its last state is damaged; a later upgrade was begun since".into());
                }
                found.sessions.push(*session);
                found.damages.push(damage(why, Used::Over));
            }
            Truth::Damaged(why) if last => match rebuilt(install, id, &why) {
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
            Truth::Damaged(_) if !store::has_files(&store::folder(install, id)) => {}
            Truth::Damaged(why) => found.damages.push(damage(why, Used::Over)),
            Truth::Foreign(_) => {}
        }
    }
    found
}

/// Moves damaged files of sessions that have ended out of the way, and saves again what is known of them; a line for
/// each file. Only for who holds the lock. The session `own` is its runner's to save.
///
/// # Errors
/// [`FsError`].
pub fn settle(install: &Path, found: &Found, own: &str) -> Result<Vec<String>, FsError> {
    let mut lines = Vec::new();
    for damage in found.damages.iter().filter(|d| d.session_id != own && d.used != Used::Nothing) {
        let session = found.sessions.iter().find(|s| s.session_id == damage.session_id);
        let moved = match session {
            Some(session) if session.is_unfinished() => continue,
            Some(session) => store::save(session)?,
            None => store::clear(&store::folder(install, &damage.session_id))?,
        };
        let line = |path: &PathBuf| format!("a damaged file of an earlier session was moved aside: {}", path.shown());
        lines.extend(moved.iter().map(line));
    }
    Ok(lines)
}

/// A folder that was made and never written to is no session.
fn leaves_a_trace(install: &Path, id: &str) -> bool {
    let folder = store::folder(install, id);
    store::has_files(&folder) || journal::FOLDERS.iter().any(|j| Journal::was_begun(&folder.join(j)))
}

/// What the disk proves outweighs what a session says that may be a step behind: after the commit of the content the
/// install may be changed, and after the commit of a rollback there is no way but back.
fn with_facts(mut session: Session) -> Session {
    let folder = store::folder(&session.install, &session.session_id);
    let open = session.is_unfinished();
    if (open || session.status == Status::Completed) && Journal::was_committed(&folder.join("rollback")) {
        (session.applied, session.rolling_back, session.status) = (true, true, Status::Running);
    } else if open && Journal::was_committed(&folder.join("content")) {
        session.applied = true;
        if !session.completed_phases.contains(&Phase::Backup) {
            // Another backup would be one of the half-changed install.
            session.rolling_back = true;
        }
    }
    if session.rolling_back && session.backup.is_none() {
        session.backup = backup_of(&session.install, &session.session_id).map(|(name, _)| name);
    }
    session
}

/// The backup that a session made, by what its manifest says.
fn backup_of(install: &Path, session_id: &str) -> Option<(String, Backup)> {
    let good = backup::list(install).into_iter().rev().filter(|(_, good)| *good);
    let open = |name: String| Some((name.clone(), Backup::open(&backup::folder_of(install).join(&name)).ok()?));
    good.filter_map(|(name, _)| open(name)).find(|(_, backup)| backup.manifest.session_id == session_id)
}

/// A session made of what is left; none if the install was changed and there is no backup to go back to.
fn rebuilt(install: &Path, id: &str, why: &str) -> Option<Session> {
    let folder = store::folder(install, id);
    let applied = journal::FOLDERS.iter().any(|j| Journal::was_begun(&folder.join(j)));
    let backup = backup_of(install, id);
    if applied && backup.is_none() {
        return None;
    }
    let (seconds, _) = uuid::Uuid::try_parse(id).ok()?.get_timestamp().map(|t| t.to_unix()).unwrap_or_default();
    let began = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    let stamp = backup.as_ref().and_then(|(name, _)| name.get(..17)).map(ToOwned::to_owned);
    let stamp = stamp.unwrap_or_else(|| stamp_of(began));
    let ended = if applied { end_in_log(install, id) } else { None };
    let venv_generation = super::venv::has_generation(install, &stamp).then(|| stamp.clone());
    Some(Session {
        schema: 1,
        session_id: id.to_owned(),
        status: ended.unwrap_or(Status::Interrupted),
        reason: Some(format!("its files were damaged ({why}); rebuilt from journal and backup")),
        project: install.parent().unwrap_or(install).to_owned(),
        install: install.to_owned(),
        source: PathBuf::new(),
        source_commit: String::new(),
        source_version: String::new(),
        from_release: None,
        created_at: time_of(began),
        updated_at: time_of(began),
        current_phase: if applied { Phase::Content } else { Phase::PreFlight },
        completed_phases: Vec::new(),
        phase_artifacts: Default::default(),
        answers: Default::default(),
        prompts: 0,
        answered_by: Default::default(),
        answers_done: false,
        rules: Vec::new(),
        on_conflict: OnConflict::Ask,
        applied,
        counted: (0, 0),
        rolling_back: ended.is_none(),
        documents: Default::default(),
        asked: None,
        chosen: Default::default(),
        options: Options::default(),
        plan: no_plan(install),
        gitignore_added: backup.as_ref().map(|(_, b)| gitignore_lines(install, b)).unwrap_or_default(),
        backup: backup.map(|(name, _)| name),
        stamp,
        server: None,
        venv_generation,
        rebuilt: true,
        set_aside: Vec::new(),
        resolving: false,
    })
}

fn no_plan(install: &Path) -> Plan {
    let unknown = String::new;
    Plan {
        schema: 1,
        source: PlanSource {
            path: unknown(),
            path_base64: None,
            version: unknown(),
            commit: unknown(),
            shallow: false,
        },
        install: PlanInstall {
            path: install.to_string_lossy().into_owned(),
            path_base64: os_text::base64(install),
            layout: unknown(),
            release: None,
            release_evidence: ReleaseEvidence::None,
        },
        only: None,
        summary: Summary::default(),
        files: Vec::new(),
    }
}

/// How a session ended, by the lines that only its end writes.
fn end_in_log(install: &Path, id: &str) -> Option<Status> {
    let log = std::fs::read(install.join("UPDATE_LOG.txt")).ok()?;
    let log = String::from_utf8_lossy(&log).into_owned();
    let end = |line: &str| match line.rsplit(" | ").next()? {
        text if text.starts_with(&format!("rolled back, session {id}")) => Some(Status::RolledBack),
        text if text == format!("validated, session {id}") => Some(Status::Completed),
        _ => None,
    };
    log.lines().rev().find_map(end)
}

/// The lines that were appended to the project's `.gitignore` since the backup, if they all are about the install.
fn gitignore_lines(install: &Path, backup: &Backup) -> Vec<String> {
    let path = install.parent().unwrap_or(install).join(".gitignore");
    let Ok(Some(now)) = fs::read_if_there(&path) else { return Vec::new() };
    let before = backup.gitignore().ok().flatten().unwrap_or_default();
    let Some(added) = now.strip_prefix(&before[..]) else { return Vec::new() };
    let added = String::from_utf8_lossy(added).into_owned();
    let lines: Vec<String> = added.lines().filter(|l| !l.trim().is_empty()).map(ToOwned::to_owned).collect();
    if lines.iter().all(|l| l.starts_with(".praxis-os/")) { lines } else { Vec::new() }
}

/// Removes the half-written replacements that a crash left where this program writes, and sets aside what is the
/// user's of a restore that was cut off, a line for each. Only under the lock.
pub fn sweep(project: &Path, install: &Path) -> Vec<String> {
    let notes = install.join(".upgrade");
    for folder in [project.to_owned(), install.to_owned(), install.join(".cache"), install.join(".cache/state")] {
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
