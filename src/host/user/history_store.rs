//! Every upgrade and rollback of this user on this machine: one SQLite file in the user's data folder, which many processes
//! may write at once. It is a convenience: what it holds comes from the sessions of the installs, and a damaged one is set
//! aside and made anew.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use crate::core::past_upgrade::PastUpgrade;
use crate::core::visible::Shown as _;
use crate::host::user::own_lock;

/// The file's name in the user's data folder.
const FILE: &str = "history.db";
/// The version of the table, as `user_version` of the file has it.
const SCHEMA: i64 = 1;
/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS upgrades (
    id TEXT PRIMARY KEY, project BLOB NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, unfinished INTEGER NOT NULL,
    started_at TEXT, ended_at TEXT NOT NULL, exit INTEGER, row TEXT NOT NULL) STRICT";

/// A row that has come to a later state is never put back by who read an earlier one; a moment and a code that only the run
/// itself knew stay.
const UPSERT: &str = "INSERT INTO upgrades (id, project, kind, status, unfinished, started_at, ended_at, exit, row)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (id) DO UPDATE SET project = excluded.project, kind = excluded.kind, status = excluded.status,
        unfinished = excluded.unfinished, started_at = coalesce(excluded.started_at, started_at),
        ended_at = excluded.ended_at, exit = coalesce(excluded.exit, exit), row = excluded.row
    WHERE ?10 OR excluded.ended_at > ended_at OR (excluded.ended_at = ended_at AND excluded.unfinished <= unfinished)";

/// Why the store can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The user has no data folder.
    #[error("this user has no folder for data")]
    NoFolder,
    /// The folder or a file in it.
    #[error("{}: {why}", path.shown())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: std::io::Error,
    },
    /// SQLite's words.
    #[error("{}: {why}", path.shown())]
    Sql {
        /// The store.
        path: PathBuf,
        /// The words.
        why: rusqlite::Error,
    },
    /// A later version of this program wrote it.
    #[error("{}: a later version of this program wrote it (version {version})", path.shown())]
    Later {
        /// The store.
        path: PathBuf,
        /// Of its table.
        version: i64,
    },
}

/// The user's data folder for this program.
pub(crate) fn folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "pos-upgrade-tui").map(|dirs| dirs.data_local_dir().to_owned())
}

/// Puts rows in, or brings those that are there up to date: all or none. With `sure` nobody can know better, because the
/// install's lock is held.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn put(rows: &[PastUpgrade], sure: bool) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let folder = folder().ok_or(StoreError::NoFolder)?;
    with(&folder, |store| {
        let change = store.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for row in rows {
            let json = |e: serde_json::Error| rusqlite::Error::ToSqlConversionFailure(Box::new(e));
            let text = serde_json::to_string(row).map_err(json)?;
            let kind = serde_json::to_value(row.kind).map_err(json)?;
            change.execute(
                UPSERT,
                params![
                    row.id,
                    row.project.as_os_str().as_encoded_bytes(),
                    kind.as_str(),
                    row.status.word(),
                    row.is_unfinished(),
                    row.started_at,
                    row.ended_at,
                    row.exit,
                    text,
                    sure,
                ],
            )?;
        }
        change.commit()
    })
}

/// All rows, the newest first; none where there is no store.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn all() -> Result<Vec<PastUpgrade>, StoreError> {
    let folder = folder().ok_or(StoreError::NoFolder)?;
    if !folder.join(FILE).exists() {
        return Ok(Vec::new());
    }
    with(&folder, |store| {
        // Of those that began within one second, the one that was noted last.
        let mut wanted = store.prepare(
            "SELECT row, started_at, exit FROM upgrades ORDER BY COALESCE(started_at, ended_at) DESC, rowid DESC",
        )?;
        let rows = wanted.query_map([], |row| {
            let text: String = row.get(0)?;
            let known = serde_json::from_str::<PastUpgrade>(&text).ok();
            let (started_at, exit) = (row.get(1)?, row.get(2)?);
            // One that this version can't read is left to the one that wrote it.
            Ok(known.map(|known| PastUpgrade { started_at, exit, ..known }))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    })
}

/// Uses the store; one that is damaged is set aside, and a new one is used.
fn with<T>(folder: &Path, mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
    let path = folder.join(FILE);
    let mut attempt = || {
        let mut store = open(folder)?;
        work(&mut store).map_err(|why| StoreError::Sql { path: path.clone(), why })
    };
    match attempt() {
        Err(e) if is_damage(&e) => {
            set_aside(folder)?;
            attempt()
        }
        other => other,
    }
}

fn is_damage(error: &StoreError) -> bool {
    let StoreError::Sql { why, .. } = error else { return false };
    matches!(why.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The right to make the store or to set it aside.
fn alone(folder: &Path) -> Result<File, StoreError> {
    let name = "history.lock";
    own_lock::alone(folder, name).map_err(|why| StoreError::File { path: folder.join(name), why })
}

fn open(folder: &Path) -> Result<Connection, StoreError> {
    let path = folder.join(FILE);
    fs::create_dir_all(folder).map_err(|why| StoreError::File { path: folder.to_owned(), why })?;
    // Two that make it at once, or change how it is kept, would be told that it is busy.
    let _alone = alone(folder)?;
    // Nobody else's to read: SQLite would make it for all.
    let mut own = OpenOptions::new();
    own.create(true).truncate(false).write(true).mode(0o600);
    own.open(&path).map_err(|why| StoreError::File { path: path.clone(), why })?;
    let sql = |why| StoreError::Sql { path: path.clone(), why };
    let store = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql)?;
    store.busy_timeout(PATIENCE).map_err(sql)?;
    let version: i64 = store.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql)?;
    if version > SCHEMA {
        return Err(StoreError::Later { path, version });
    }
    let mode: String = store.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(sql)?;
    if mode != "wal" {
        store.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).map_err(sql)?;
    }
    store.pragma_update(None, "synchronous", "full").map_err(sql)?;
    if version < SCHEMA {
        store
            .execute_batch(&format!("BEGIN IMMEDIATE; {TABLE}; PRAGMA user_version = {SCHEMA}; COMMIT"))
            .map_err(sql)?;
    }
    Ok(store)
}

/// Renames a damaged store with what belongs to it. Whoever comes second finds a sound one and leaves it.
fn set_aside(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(FILE);
    let _alone = alone(folder)?;
    let sound = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|store| {
        store.busy_timeout(PATIENCE)?;
        store.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    });
    if sound.is_ok_and(|word| word == "ok") {
        return Ok(());
    }
    let taken = |n: &u32| folder.join(format!("{FILE}.damaged-{n}")).symlink_metadata().is_ok();
    let Some(free) = (1..u32::MAX).find(|n| !taken(n)) else { return Ok(()) };
    // What belongs to it goes first: a new store must never be read with another one's log.
    for part in ["-wal", "-shm", ""] {
        let from = folder.join(format!("{FILE}{part}"));
        match fs::rename(&from, folder.join(format!("{FILE}.damaged-{free}{part}"))) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::File { path: from, why });
            }
            _ => {}
        }
    }
    Ok(())
}
