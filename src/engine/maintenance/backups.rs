//! The backups of an install: which there are, whether they are sound, and removing old ones.

use std::path::Path;

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::locked;
use crate::engine::refusal::{About, Problem, problem, usage};
use crate::host::backup::copy;
use crate::host::backup::copy::Backup;
use crate::host::backup::retention;
use crate::host::backup::retention::{Examined, Kept, Pruned};
use crate::host::files::fs::visible;
use crate::host::session::catalog;
use crate::host::session::catalog::Found;
use crate::host::session::lock::Lock;

/// The backups, oldest first.
///
/// # Errors
/// [`Problem`] naming what can't be read: no list may pass for an empty one.
pub(crate) fn all(install: &Path) -> Result<Vec<Kept>, Problem> {
    retention::list(install).map_err(|what| unreadable(install, &what))
}

fn unreadable(install: &Path, what: &str) -> Problem {
    let next = format!("mend that (for permissions: chmod u+rwX {})", install.join(".backups").shown());
    problem(Code::Files, format!("{}: {what}; nothing was changed", install.shown()), next)
}

/// Reads one backup, or all that were made to their end, and compares what is read with their manifests.
///
/// # Errors
/// [`Problem`] for a list that can't be read, and a name that no backup has.
pub(crate) fn examine(install: &Path, named: Option<&str>) -> Result<Vec<Examined>, Problem> {
    let all = all(install)?;
    let names: Vec<&str> = match named {
        Some(name) => vec![of_name(install, &all, name)?],
        // One that was never finished is none, so it can't be damaged.
        None => all.iter().filter(|b| b.complete || !b.unfinished).map(|b| b.name.as_str()).collect(),
    };
    Ok(names.into_iter().map(|name| retention::examine(install, name)).collect())
}

/// The backup of this name.
///
/// # Errors
/// [`Problem`], exit code 2, naming how to see which there are.
pub(crate) fn of_name<'a>(install: &Path, all: &'a [Kept], name: &str) -> Result<&'a str, Problem> {
    all.iter().find(|b| b.name == name).map(|b| b.name.as_str()).ok_or_else(|| {
        usage(
            Code::NoSuchBackup,
            format!("{}: there is no backup {}; nothing was changed", install.shown(), visible(name)),
            "see which there are: pos-upgrade-tui backups",
        )
    })
}

/// For messages: the backups that hold a path, newest first.
pub(crate) fn that_hold(install: &Path, path: &RelPath) -> Vec<String> {
    // Only a hint.
    let all = retention::list(install).unwrap_or_default().into_iter().rev().filter(|b| b.complete);
    let open = |name: &String| Backup::open(&copy::folder_of(install).join(name));
    all.map(|b| b.name).filter(|name| open(name).is_ok_and(|b| b.manifest.entries.contains_key(path))).collect()
}

/// What may be removed. The lock is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Prunable {
    /// All backups, oldest first.
    pub(crate) all: Vec<Kept>,
    /// The names of those that may go.
    pub(crate) names: Vec<String>,
    /// The sessions that they belong to.
    found: Found,
    lock: Lock,
}

impl Prunable {
    /// Looks which backups may go when the newest `keep` stay. Takes the lock.
    ///
    /// # Errors
    /// [`Problem`]; then nothing was changed.
    pub(crate) fn find(install: &Path, keep: usize, note: &mut dyn FnMut(&str)) -> Result<Self, Problem> {
        let lock = locked::lock(install, note)?;
        // Without knowing what the last session needs, nothing can be said not to be needed.
        let found = catalog::survey(install);
        if let Some(damage) = found.lost() {
            let what = format!("{}; nothing was changed", damage.describe());
            return Err(Problem {
                code: Code::SessionDamaged,
                about: About::Install,
                exit_code: Exit::Locked,
                what,
                next: damage.next(),
            });
        }
        let all = retention::list_of(install, &found).map_err(|what| unreadable(install, &what))?;
        // A whole manifest is not enough here: the one that stays for certain must be readable to its last byte.
        let complete = all.iter().rev().filter(|b| b.complete);
        let newest_sound = complete.map(|b| b.name.clone()).find(|name| retention::examine(install, name).sound);
        let protected: Vec<String> = newest_sound.into_iter().collect();
        let names = retention::prunable(install, &found, keep, &protected).map_err(|what| {
            problem(Code::NotPruned, format!("{what}; nothing was changed"), "pos-upgrade-tui backups")
        })?;
        Ok(Self { all, names, found, lock })
    }

    /// The backups that go, oldest first.
    pub(crate) fn going(&self) -> impl Iterator<Item = &Kept> {
        self.all.iter().filter(|b| self.names.contains(&b.name))
    }

    /// Removes them.
    ///
    /// # Errors
    /// [`Problem`]; some may be gone then.
    pub(crate) fn remove(&self) -> Result<Pruned, Problem> {
        retention::prune(self.lock.install(), &self.found, &self.names).map_err(|e| {
            let what = format!("{e}; what was removed before that is gone, the install itself is untouched");
            problem(Code::NotPruned, what, "see what is left: pos-upgrade-tui backups")
        })
    }
}
