//! `restore`: one file of a backup.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::backups as listed;
use crate::cli::backups::that_hold;
use crate::cli::diff;
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::settings;
use crate::core::index::Trust;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::session::stamp_of;
use crate::core::visible::Shown as _;
use crate::engine::planning::inspect;
use crate::host::backup::copy;
use crate::host::backup::copy::Backup;
use crate::host::backup::owners;
use crate::host::backup::retention::Kept;
use crate::host::files::fs::{is_there, visible};
use crate::host::files::restore;
use crate::host::files::restore::{RestoreError, Restored};
use crate::host::server::search_index;
use crate::host::session::catalog;
use crate::host::session::lock::{Lock, LockError};

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub fn run(common: &Common, named: &Path, from: Option<&str>) -> Result<u8, Refusal> {
    let install = settings::install(common)?;
    let path = relative(&install, named)?;
    let all = listed::all(&install)?;
    let name = match from {
        Some(name) => backup_named(&install, &all, name)?,
        // What can't be read now may be the newest.
        None if all.iter().rev().find(|b| b.complete || b.unreadable).is_some_and(|b| b.unreadable) => {
            let unreadable = all.iter().rev().find(|b| b.unreadable);
            let (name, problem) = unreadable.map_or(("", ""), |b| (&b.name, b.problem.as_deref().unwrap_or_default()));
            let what = format!("the newest backup, {name}, can't be read ({problem}); nothing was changed");
            return Err(Refusal::refused(what, "mend that, or name another one: --from BACKUP"));
        }
        None => all.iter().rev().find(|b| b.complete).map(|b| b.name.as_str()).ok_or_else(|| {
            let what = format!("{}: there is no backup to restore from; nothing was changed", install.shown());
            Refusal::refused(what, "pos-upgrade-tui backups")
        })?,
    };
    let backup = Backup::open(&copy::folder_of(&install).join(name)).map_err(|e| {
        Refusal::refused(format!("{e}; nothing was changed"), "name another backup: pos-upgrade-tui backups")
    })?;
    let _lock = locked(&install)?;
    catalog::sweep(install.parent().unwrap_or(&install), &install).iter().for_each(|line| complain!("{line}"));
    let rescue = rescue_folder(&install)?;
    let done = restore::restore(&install, &backup, &path, &rescue).map_err(|e| refusal(&install, &path, name, &e))?;
    let rescued = match &done {
        Restored::Same => {
            let message = format!("nothing to do: {} is as it was in {name}", diff::path(&path));
            if !common.json {
                owners::give_back(&install, &backup, std::iter::once((&path, &path)));
                return Ok(output::nothing_to_do(&message, false));
            }
            None
        }
        Restored::Back(rescued) => rescued.as_ref(),
    };
    let wrong = owners::give_back(&install, &backup, std::iter::once((&path, &path)));
    if let Some(what) = owners::not_kept(&wrong) {
        complain!("{what}");
    }
    if done != Restored::Same {
        outdate_index(&install, &path);
    }
    if common.json {
        let changed = done != Restored::Same;
        let line = json!({"schema": 1, "path": path, "from": name, "changed": changed, "rescued": rescued});
        print::json(&line);
        return Ok(0);
    }
    say!("{} is back as it was in {name}", path.under(&install).shown());
    if let Some(to) = rescued {
        say!("  what stood there is now in .praxis-os/{to}");
    }
    Ok(0)
}

/// A page that comes back has its old time, by which the server would not read it again.
fn outdate_index(install: &Path, path: &RelPath) {
    let places = search_index::places(install);
    if !places.is_page(path) {
        return;
    }
    match search_index::outdate(install, &places, Trust::Files) {
        Ok(false) => {}
        Ok(true) => {
            if let Err(e) = search_index::ask_for_rebuild(install) {
                complain!("{}", search_index::problem(&places, &e));
            }
        }
        Err(e) => complain!("{}", search_index::problem(&places, &e)),
    }
}

/// A path as people type it: relative to the install or the project, or absolute.
fn relative(install: &Path, named: &Path) -> Result<RelPath, Refusal> {
    let inside = named.strip_prefix(install).or_else(|_| named.strip_prefix(".praxis-os")).unwrap_or(named);
    RelPath::new(inside.as_os_str().as_bytes()).map_err(|e| {
        Refusal::usage(
            format!("{}; nothing was changed", visible(&e.to_string())),
            "name a file relative to .praxis-os, such as standards/universal/x.md",
        )
    })
}

/// The lock, for a moment.
///
/// # Errors
/// [`Refusal`], exit code 7.
pub fn lock(install: &Path) -> Result<Lock, Refusal> {
    let lock = Lock::acquire(install).map_err(|e| match &e {
        LockError::Held(holder) => Refusal {
            exit_code: 7,
            what: format!("{}: {e}; nothing was changed", install.shown()),
            next: inspect::wait_or_unlock(holder),
        },
        LockError::Place(odd) => Refusal::refused(format!("{e}; nothing was changed"), odd.next()),
        LockError::Fs(_) => Refusal::refused(format!("{e}; nothing was changed"), "pos-upgrade-tui status"),
    })?;
    lock.ended().iter().for_each(|line| complain!("{line}"));
    Ok(lock)
}

/// The lock of an install that no unfinished upgrade has a claim on.
///
/// # Errors
/// [`Refusal`], exit code 7.
pub fn locked(install: &Path) -> Result<Lock, Refusal> {
    let lock = lock(install)?;
    match inspect::session_in_the_way(install) {
        None => Ok(lock),
        Some(problem) => Err(Refusal {
            exit_code: problem.exit_code,
            what: format!("{}; nothing was changed", problem.what),
            next: problem.next,
        }),
    }
}

/// The backup of this name.
///
/// # Errors
/// [`Refusal`] naming how to see which there are.
pub fn backup_named<'a>(install: &Path, all: &'a [Kept], name: &str) -> Result<&'a str, Refusal> {
    all.iter().find(|b| b.name == name).map(|b| b.name.as_str()).ok_or_else(|| {
        Refusal::usage(
            format!("{}: there is no backup {}; nothing was changed", install.shown(), visible(name)),
            "see which there are: pos-upgrade-tui backups",
        )
    })
}

/// A folder among the rescued files that nothing is in yet.
///
/// # Errors
/// [`Refusal`] where it can't be told which there are.
pub fn rescue_folder(install: &Path) -> Result<RelPath, Refusal> {
    let stamp = stamp_of(jiff::Timestamp::now());
    let untold = |what: String| Refusal::refused(format!("{what}; nothing was changed"), "mend that, then try again");
    let mut name = stamp.clone();
    let mut number = 1_u32;
    while is_there(&install.join("rescued").join(&name)).map_err(|e| untold(e.to_string()))? {
        number += 1;
        name = format!("{stamp}-{number}");
    }
    RelPath::new(format!("rescued/{name}")).map_err(|e| untold(e.to_string()))
}

fn refusal(install: &Path, path: &RelPath, name: &str, error: &RestoreError) -> Refusal {
    let what = format!("{}: {error} (backup {name}); nothing was changed", install.shown());
    let next = match error {
        RestoreError::NotThere(_) => match that_hold(install, path).first() {
            Some(other) => {
                format!("a backup that has it: pos-upgrade-tui restore {} --from {other}", quoted(path.as_path()))
            }
            None => format!("see what it holds: {}", quoted(copy::folder_of(install).join(name).join("files"))),
        },
        RestoreError::Backup(_) => format!("see what is sound in it: pos-upgrade-tui backups verify {name}"),
        RestoreError::Blocked(_) => format!("move it aside: mv {0} {0}.old", quoted(path.under(install))),
        RestoreError::IsFolder(_) => "name one file; there may be several in it".to_owned(),
        RestoreError::Fs(_) | RestoreError::UnknownTarget(_) => "mend that, then try again".to_owned(),
    };
    Refusal::refused(what, next)
}
