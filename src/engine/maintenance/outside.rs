//! Names of what moved, written into files of the project that a person named, and taken back. What stood there is kept in
//! the install first.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::blob::sha256;
use crate::core::error_code::Code;
use crate::core::json;
use crate::core::layout::layouts;
use crate::core::merge::without_change;
use crate::core::os_text;
use crate::core::path::RelPath;
use crate::core::references::{Moves, names_back, rewritten};
use crate::core::session::{is_stamp, stamp_of, time_of};
use crate::core::visible::{self, Shown as _};
use crate::engine::maintenance::locked;
use crate::engine::planning::editors::read;
use crate::engine::planning::outside::{Outside, instructs};
use crate::engine::refusal::{Problem, problem, usage};
use crate::engine::report::documents::mode_of;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;

/// Where it is kept, within the install.
const KEPT: &str = ".upgrade/outside";
/// The note there: which files, and what they were and became.
const NOTE: &str = "written.json";

/// A file as it is and as it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Within the project.
    pub(crate) path: RelPath,
    /// Its bytes now.
    pub(crate) now: Vec<u8>,
    /// Its bytes then.
    pub(crate) then: Vec<u8>,
    /// How many names are replaced; 0 on the way back.
    pub(crate) replaced: usize,
    /// Names that stay, with the number of their lines.
    pub(crate) left: Vec<(u64, String)>,
}

/// `written.json`: what was written at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    schema: u32,
    written_at: String,
    files: Vec<Kept>,
}

/// A file of it. Its texts lie beside the note as `<number>.old` and `<number>.new`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    number: usize,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    /// Of the bytes before and after.
    old: String,
    new: String,
}

impl Kept {
    fn path(&self) -> Option<RelPath> {
        RelPath::new(os_text::exact(&self.path, self.path_base64.as_deref()).as_bytes()).ok()
    }
}

/// What becomes of the files that a person named, as far as they are among those that were listed.
///
/// # Errors
/// [`Problem`] with every file that can't be written; then nothing was changed.
pub(crate) fn changes(
    project: &Path,
    listed: &Outside,
    moves: &Moves,
    named: &[PathBuf],
) -> Result<Vec<Change>, Problem> {
    let (mut changes, mut wrong) = (Vec::<Change>::new(), Vec::new());
    for name in named {
        let path = match within(project, name) {
            Ok(path) => path,
            Err(why) => {
                wrong.push(format!("{}: {why}", name.shown()));
                continue;
            }
        };
        if changes.iter().any(|change| change.path == path) {
            continue;
        }
        match change(project, listed, moves, &path) {
            Ok(change) => changes.push(change),
            Err(why) => wrong.push(format!("{}: {why}", path.under(project).shown())),
        }
    }
    if wrong.is_empty() {
        return Ok(changes);
    }
    Err(problem(
        Code::NotWritten,
        format!("{}\nnothing was changed", wrong.join("\n")),
        "name only files that are listed, each by its path in the project: pos-upgrade-tui outside",
    ))
}

/// A path as people type it, relative to the project.
fn within(project: &Path, named: &Path) -> Result<RelPath, String> {
    let inside = named.strip_prefix(project).unwrap_or(named);
    let plain = inside.strip_prefix(".").unwrap_or(inside);
    RelPath::new(plain.as_os_str().as_bytes()).map_err(|_| "it is outside of the project".to_owned())
}

/// Whether a place is not for these commands: installs, and git's own folder.
fn is_closed(path: &RelPath) -> bool {
    let top = path.parts().next().unwrap_or_default();
    layouts().folders().into_iter().any(|folder| folder.as_bytes() == top) || path.parts().any(|part| part == b".git")
}

fn change(project: &Path, listed: &Outside, moves: &Moves, path: &RelPath) -> Result<Change, String> {
    if is_closed(path) {
        return Err("it is part of an install, or of git's own folder".to_owned());
    }
    let now = match read(project, path) {
        Some(read) => read?,
        None => return Err("there is no such file".to_owned()),
    };
    if !listed.references.iter().any(|line| line.path == *path) {
        return Err("nothing in it names what moved, moves or goes".to_owned());
    }
    let done = rewritten(path.name(), &now, moves, instructs(path)).map_err(|e| e.to_string())?;
    if done.bytes == now {
        return Err("all that it names is gone, with nothing in its place: change it with your editor".to_owned());
    }
    Ok(Change { path: path.clone(), now, then: done.bytes, replaced: done.replaced, left: done.left })
}

/// Writes them; what stood there is kept first. Returns the stamp under which that is.
///
/// # Errors
/// [`Problem`]: somebody else works here, a file was changed meanwhile, or the disk refuses. It says what was written.
pub(crate) fn write(
    project: &Path,
    install: &Path,
    changes: &[Change],
    note: &mut dyn FnMut(&str),
) -> Result<String, Problem> {
    let lock = locked::without_session(install, note)?;
    sweep(project, changes);
    unchanged(project, changes)?;
    let stamp = free_stamp(install).map_err(|e| untouched(&e))?;
    let folder = install.join(KEPT).join(&stamp);
    keep(lock.install(), &folder, changes).map_err(|e| {
        // Half of it says nothing to anybody.
        let _ = fs::remove_tree(&folder);
        untouched(&e)
    })?;
    put(project, changes, &format!("take them back: pos-upgrade-tui outside --undo {stamp}"))?;
    Ok(stamp)
}

fn untouched(error: &FsError) -> Problem {
    problem(Code::NotWritten, format!("{error}; nothing was changed"), "mend that, then try again")
}

/// What a kill left of half-written files beside those that are written now.
fn sweep(project: &Path, changes: &[Change]) {
    for change in changes {
        // Behind a link is nothing of ours; whether there is one is looked at when the file is read.
        if matches!(read(project, &change.path), Some(Ok(_))) {
            fs::sweep(change.path.under(project).parent().unwrap_or(project));
        }
    }
}

/// Whether all of them still are as they were shown.
fn unchanged(project: &Path, changes: &[Change]) -> Result<(), Problem> {
    let is_other = |change: &&Change| !matches!(read(project, &change.path), Some(Ok(bytes)) if bytes == change.now);
    let other: Vec<String> =
        changes.iter().filter(is_other).map(|change| change.path.under(project).shown().to_string()).collect();
    if other.is_empty() {
        return Ok(());
    }
    let what = format!("{}: changed since it was shown; nothing was changed", other.join(", "));
    Err(problem(Code::PlanOutdated, what, "look again: pos-upgrade-tui outside"))
}

/// A name that nothing has yet.
fn free_stamp(install: &Path) -> Result<String, FsError> {
    let stamp = stamp_of(jiff::Timestamp::now());
    let mut name = stamp.clone();
    let mut number = 1_u32;
    while fs::is_there(&install.join(KEPT).join(&name))? {
        number += 1;
        name = format!("{stamp}-{number}");
    }
    Ok(name)
}

fn keep(install: &LockedInstall, folder: &Path, changes: &[Change]) -> Result<(), FsError> {
    install.make_folder(folder)?;
    let mut files = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        fs::write_durable(&folder.join(format!("{number}.old")), &change.now, 0o600)?;
        fs::write_durable(&folder.join(format!("{number}.new")), &change.then, 0o600)?;
        files.push(Kept {
            number,
            path: String::from_utf8_lossy(change.path.as_bytes()).into_owned(),
            path_base64: change.path.base64(),
            old: sha256(&change.now),
            new: sha256(&change.then),
        });
    }
    save(install, folder, &Note { schema: 1, written_at: time_of(jiff::Timestamp::now()), files })
}

fn save(_: &LockedInstall, folder: &Path, note: &Note) -> Result<(), FsError> {
    use crate::host::files::error::Doing as _;
    let path = folder.join(NOTE);
    let text = json::pretty(note).doing("write", &path)? + "\n";
    fs::write_durable(&path, text.as_bytes(), 0o600)
}

fn put(project: &Path, changes: &[Change], next: &str) -> Result<(), Problem> {
    for (done, change) in changes.iter().enumerate() {
        let place = change.path.under(project);
        let written = match read(project, &change.path) {
            Some(Ok(bytes)) if bytes == change.now => {
                fs::write_durable(&place, &change.then, mode_of(&place)).map_err(|e| e.to_string())
            }
            _ => Err(format!("{}: changed since it was shown", place.shown())),
        };
        if let Err(why) = written {
            let what = format!("{why}; {done} of {} files were written", changes.len());
            return Err(problem(Code::NotWritten, what, if done == 0 { "mend that, then try again" } else { next }));
        }
    }
    Ok(())
}

/// What undoing would do.
#[derive(Debug)]
pub(crate) struct Undo {
    /// When it was written.
    pub(crate) stamp: String,
    /// What is put back.
    pub(crate) back: Vec<Change>,
    /// What stays as it is, and why.
    pub(crate) stays: Vec<String>,
    /// The files that are still noted if all of this is done.
    rest: Note,
}

/// What is to be put back of what was written at a time, or last.
///
/// # Errors
/// [`Problem`] where nothing was written, or what was kept can't be read.
pub(crate) fn undo(project: &Path, install: &Path, stamp: Option<&str>) -> Result<Undo, Problem> {
    let all = install.join(KEPT);
    let mut stamps = fs::folders_in(&all).map_err(|e| untouched(&e))?;
    stamps.retain(|name| is_stamp(name));
    stamps.sort_by_key(|name| order(name));
    let nothing = |what: &str| {
        let known = if stamps.is_empty() { String::new() } else { format!(" (there are {})", stamps.join(", ")) };
        usage(
            Code::NoSuchName,
            format!("{}: {what}{known}; nothing was changed", install.shown()),
            "pos-upgrade-tui outside",
        )
    };
    let stamp = match stamp {
        Some(stamp) => stamps.iter().find(|known| *known == stamp).ok_or_else(|| nothing("nothing was written then")),
        None => stamps.last().ok_or_else(|| nothing("nothing was written outside of the install")),
    }?;
    let folder = all.join(stamp);
    let note = read::read_own_note_if_there(&folder.join(NOTE)).map_err(|e| untouched(&e))?;
    let note: Note = note.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(|| {
        let what = format!("{}: what it notes can't be read; nothing was changed", folder.shown());
        problem(Code::NotWritten, what, "the files as they were lie in it as *.old")
    })?;
    let mut undo = Undo { stamp: stamp.clone(), back: Vec::new(), stays: Vec::new(), rest: note.clone() };
    undo.rest.files.clear();
    for kept in note.files {
        match back(project, &folder, &kept) {
            Ok(Some(change)) => undo.back.push(change),
            Ok(None) => {}
            Err(why) => {
                let old = folder.join(format!("{}.old", kept.number));
                undo.stays.push(format!("{}: {why}; as it was: {}", visible::line(&kept.path), old.shown()));
                undo.rest.files.push(kept);
            }
        }
    }
    Ok(undo)
}

/// Stamps of one second are told apart by the number behind them.
fn order(stamp: &str) -> (String, u32) {
    let (front, back) = stamp.split_at(stamp.len().min(17));
    (front.to_owned(), back.trim_start_matches('-').parse().unwrap_or(1))
}

/// One file on its way back; none where it is back already.
fn back(project: &Path, folder: &Path, kept: &Kept) -> Result<Option<Change>, String> {
    let path = kept.path().filter(|path| !is_closed(path)).ok_or("its path is none of the project's")?;
    let text = |end: &str, sum: &str| {
        let bytes = read::read_own(&folder.join(format!("{}.{end}", kept.number))).ok();
        bytes.filter(|bytes| sha256(bytes) == sum).ok_or("what was kept of it is damaged")
    };
    let (old, new) = (text("old", &kept.old)?, text("new", &kept.new)?);
    let now = match read(project, &path) {
        Some(read) => read?,
        None => return Err("it is gone".to_owned()),
    };
    if now == old {
        return Ok(None);
    }
    // A rollback takes its lines of `.gitignore` away right beside such a name.
    let then = without_change(&old, &new, &now).or_else(|why| names_back(&old, &new, &now).ok_or(why))?;
    Ok((then != now).then_some(Change { path, now, then, replaced: 0, left: Vec::new() }))
}

/// Puts them back. What stays as it is remains noted.
///
/// # Errors
/// As [`write()`].
pub(crate) fn put_back(project: &Path, install: &Path, undo: &Undo, note: &mut dyn FnMut(&str)) -> Result<(), Problem> {
    let lock = locked::without_session(install, note)?;
    sweep(project, &undo.back);
    unchanged(project, &undo.back)?;
    put(project, &undo.back, "go on with it: pos-upgrade-tui outside --undo")?;
    let folder = install.join(KEPT).join(&undo.stamp);
    let settled =
        if undo.rest.files.is_empty() { fs::remove_tree(&folder) } else { save(lock.install(), &folder, &undo.rest) };
    settled.map_err(|e| {
        problem(Code::NotWritten, format!("{e}; the files are back"), "mend that, then pos-upgrade-tui outside --undo")
    })
}
