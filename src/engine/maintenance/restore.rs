//! Brings one file of a backup back.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::core::error_code::Code;
use crate::core::index::Trust;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::backups;
use crate::engine::maintenance::locked;
use crate::engine::refusal::{Problem, problem, usage};
use crate::host::backup::copy;
use crate::host::backup::copy::Backup;
use crate::host::backup::owners;
use crate::host::backup::retention::Kept;
use crate::host::files::fs::visible;
use crate::host::files::restore;
use crate::host::files::restore::{RestoreError, Restored};
use crate::host::install;
use crate::host::install::locked::LockedInstall;
use crate::host::server::search_index;
use crate::host::session::catalog;

/// What was done.
#[derive(Debug)]
pub(crate) struct BroughtBack {
    /// The file, relative to the install.
    pub(crate) path: RelPath,
    /// The backup's name.
    pub(crate) from: String,
    /// False where it was as in the backup already.
    pub(crate) changed: bool,
    /// Where that is now which stood there before, relative to the install.
    pub(crate) rescued: Option<RelPath>,
    /// What could not be done besides.
    pub(crate) warnings: Vec<String>,
}

/// Brings a file back, out of the backup of this name or the newest one. `named` is a path as people type it: relative
/// to the install or the project, or absolute. What stands there now is kept among the rescued files.
///
/// # Errors
/// [`Problem`]; then nothing was changed.
pub(crate) fn bring_back(
    install: &Path,
    named: &Path,
    from: Option<&str>,
    note: &mut dyn FnMut(&str),
) -> Result<BroughtBack, Problem> {
    let path = relative(install, named)?;
    let all = backups::all(install)?;
    let name = match from {
        Some(name) => backups::of_name(install, &all, name)?,
        None => newest(install, &all)?,
    };
    let backup = Backup::open(&copy::folder_of(install).join(name)).map_err(|e| {
        problem(Code::BadBackup, format!("{e}; nothing was changed"), "name another backup: pos-upgrade-tui backups")
    })?;
    let lock = locked::without_session(install, note)?;
    let locked = lock.install();
    catalog::sweep(install.parent().unwrap_or(install), locked).iter().for_each(|line| note(line));
    let rescue = locked::rescue_folder(install)?;
    let done = restore::restore(locked, &backup, &path, &rescue).map_err(|e| refusal(install, &path, name, &e))?;
    let came_back = (done != Restored::Same).then_some((&path, &path));
    let wrong = owners::give_back(locked, &backup, came_back.into_iter());
    let mut warnings: Vec<String> = owners::not_kept(&wrong).into_iter().collect();
    let (changed, rescued) = match done {
        Restored::Same => (false, None),
        Restored::Back(rescued) => (true, rescued),
    };
    if changed {
        warnings.extend(outdate_index(locked, &path));
    }
    Ok(BroughtBack { path, from: name.to_owned(), changed, rescued, warnings })
}

/// The newest backup that can be used.
fn newest<'a>(install: &Path, all: &'a [Kept]) -> Result<&'a str, Problem> {
    let newest = all.iter().rev().find(|b| b.complete || b.unreadable).ok_or_else(|| {
        let what = format!("{}: there is no backup to restore from; nothing was changed", install.shown());
        problem(Code::NoSuchBackup, what, "pos-upgrade-tui backups")
    })?;
    // What can't be read now may be the newest.
    if newest.unreadable {
        let why = newest.problem.as_deref().unwrap_or_default();
        let what = format!("the newest backup, {}, can't be read ({why}); nothing was changed", newest.name);
        return Err(problem(Code::BadBackup, what, "mend that, or name another one: --from BACKUP"));
    }
    Ok(&newest.name)
}

/// A page that comes back has its old time, by which the server would not read it again. What went wrong with that.
fn outdate_index(install: &LockedInstall, path: &RelPath) -> Option<String> {
    let places = search_index::places(install);
    if !places.is_page(path) {
        return None;
    }
    let outdated = search_index::outdate(install, &places, Trust::Files);
    let asked =
        outdated.and_then(|is_outdated| if is_outdated { search_index::ask_for_rebuild(install) } else { Ok(()) });
    asked.err().map(|e| search_index::problem(install, &places, &e))
}

/// A path as people type it, relative to the install.
fn relative(install: &Path, named: &Path) -> Result<RelPath, Problem> {
    let inside = named
        .strip_prefix(install)
        .or_else(|_| named.strip_prefix(install.file_name().unwrap_or_default()))
        .unwrap_or(named);
    RelPath::new(inside.as_os_str().as_bytes()).map_err(|e| {
        usage(
            Code::NotInBackup,
            format!("{}; nothing was changed", visible(&e.to_string())),
            format!("name a file relative to {}, such as standards/universal/x.md", install::name_of(install)),
        )
    })
}

fn refusal(install: &Path, path: &RelPath, name: &str, error: &RestoreError) -> Problem {
    let what = format!("{}: {error} (backup {name}); nothing was changed", install.shown());
    let next = match error {
        RestoreError::NotThere(_) => match backups::that_hold(install, path).first() {
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
    problem(Code::NotInBackup, what, next)
}
