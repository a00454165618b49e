//! Session files: the truth in `.upgrade/<uuid>/` (two generations), and the seed's state file written from it.
//!
//! A generation that is damaged is never followed and never overwritten: [`save`] moves it aside first.
//! What can be told of a session whose generations are damaged is [`crate::host::session::catalog`]'s to say.

use std::fs as stdfs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::core::blob::sha256;
use crate::core::session::{Session, stamp_of};
use crate::host::files::crash_points::{MOVE_ASIDE, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs;
use crate::host::files::rename;

/// `session.json`: the session with what tells a whole file from a torn one, and the newer from the older.
#[derive(Serialize, Deserialize)]
struct Generation {
    sequence: u64,
    /// Of the session's JSON text.
    sha256: String,
    /// Of number and checksum together: a damaged number must not make an old generation the newest.
    seal: String,
    session: Box<RawValue>,
}

fn seal(sequence: u64, sum: &str) -> String {
    sha256(format!("{sequence} {sum}").as_bytes())
}

/// What is read of a session before anything else.
#[derive(Deserialize)]
struct Head {
    schema: u32,
}

/// The version of the session's format that this program reads and writes.
const SCHEMA: u32 = 1;
/// A session is a few hundred kB; what is much larger is none, and is not read into memory.
const LARGEST: u64 = 256 << 20;
const NAMES: [&str; 2] = ["session.json", "session.1.json"];

/// What stands in the place of one generation.
enum Slot {
    Empty,
    /// Its sequence number, the checksum, the session.
    Sound(u64, String, Box<Session>),
    Damaged(String),
    /// Whole, but of another version of this program.
    Foreign(u32),
}

/// What the two generations of a session say together.
#[derive(Debug)]
pub enum Truth {
    /// The newest state is known.
    Sound(Box<Session>),
    /// One generation is damaged or gone: this is the other, which may be one step behind.
    Previous(Box<Session>, String),
    /// Neither can be followed, and why.
    Damaged(String),
    /// Written by another version of this program, in this schema.
    Foreign(u32),
    /// They may be whole, but can't be read now. That is not the same as damaged: the reason may pass.
    Unreadable(FsError),
}

impl Truth {
    /// The number and the earlier sessions that the files tell; 0 and none where they tell nothing.
    pub fn order(&self) -> (u64, &[String]) {
        match self {
            Truth::Sound(session) | Truth::Previous(session, _) => (session.number, &session.after),
            Truth::Damaged(_) | Truth::Foreign(_) | Truth::Unreadable(_) => (0, &[]),
        }
    }
}

/// Where sessions live in an install.
pub fn folder(install: &Path, session_id: &str) -> PathBuf {
    install.join(".upgrade").join(session_id)
}

/// A generation; an error where it can't be told, for a reason that may pass, what stands there.
fn read_slot(folder: &Path, name: &str) -> Result<Slot, FsError> {
    let path = folder.join(name);
    let damaged = |why: &str| Slot::Damaged(format!("{name} {why}"));
    match stdfs::symlink_metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Slot::Empty),
        Err(e) => return Err(e).doing("look at", &path),
        Ok(meta) if !meta.is_file() => return Ok(damaged("is not a file")),
        Ok(meta) if meta.len() > LARGEST => return Ok(damaged("is far too large")),
        Ok(_) => {}
    }
    let bytes = stdfs::read(&path).doing("read", &path)?;
    Ok(slot_of(&bytes, folder, damaged))
}

fn slot_of(bytes: &[u8], folder: &Path, damaged: impl Fn(&str) -> Slot) -> Slot {
    let Ok(generation) = serde_json::from_slice::<Generation>(bytes) else { return damaged("is damaged") };
    let text = generation.session.get();
    if sha256(text.as_bytes()) != generation.sha256 || seal(generation.sequence, &generation.sha256) != generation.seal
    {
        return damaged("does not have the checksum that it names");
    }
    match serde_json::from_str::<Head>(text) {
        Ok(Head { schema: SCHEMA }) => {}
        Ok(Head { schema }) => return Slot::Foreign(schema),
        Err(_) => return damaged("holds no session"),
    }
    let Ok(session) = serde_json::from_str::<Session>(text) else { return damaged("holds no session") };
    let home = folder.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    match session.check(home) {
        Ok(()) => Slot::Sound(generation.sequence, generation.sha256, Box::new(session)),
        Err(why) => damaged(&format!("can't be trusted: {why}")),
    }
}

/// The session as found here: a project that was moved or copied takes its sessions along, and what they name must be
/// the folder they lie in, never the one they were made in.
fn at_home(mut session: Box<Session>, install: &Path) -> Box<Session> {
    session.install = install.to_owned();
    session.project = install.parent().unwrap_or(install).to_owned();
    session
}

/// What the files of one session say.
pub fn read(install: &Path, session_id: &str) -> Truth {
    let folder = folder(install, session_id);
    let (one, two) = match NAMES.map(|name| read_slot(&folder, name)) {
        [Ok(one), Ok(two)] => (one, two),
        // The other may be a step behind: what stands in the unreadable one may be the end of the session.
        [Err(e), _] | [_, Err(e)] => return Truth::Unreadable(e),
    };
    match (one, two) {
        (Slot::Foreign(schema), _) | (_, Slot::Foreign(schema)) => Truth::Foreign(schema),
        (Slot::Sound(a, sum, one), Slot::Sound(b, other, two)) => match a.cmp(&b) {
            std::cmp::Ordering::Less => Truth::Sound(at_home(two, install)),
            std::cmp::Ordering::Greater => Truth::Sound(at_home(one, install)),
            std::cmp::Ordering::Equal if sum == other => Truth::Sound(at_home(one, install)),
            std::cmp::Ordering::Equal => {
                Truth::Damaged(format!("both generations have the number {a} and say different things"))
            }
        },
        // The first save makes only one generation; after it there are always two.
        (Slot::Sound(1, _, session), Slot::Empty) => Truth::Sound(at_home(session, install)),
        (Slot::Sound(_, _, session), Slot::Empty) => {
            Truth::Previous(at_home(session, install), format!("{} is gone", NAMES[1]))
        }
        (Slot::Empty, Slot::Sound(_, _, session)) => {
            Truth::Previous(at_home(session, install), format!("{} is gone", NAMES[0]))
        }
        (Slot::Sound(_, _, session), Slot::Damaged(why)) | (Slot::Damaged(why), Slot::Sound(_, _, session)) => {
            Truth::Previous(at_home(session, install), why)
        }
        (Slot::Damaged(one), Slot::Damaged(two)) => Truth::Damaged(format!("{one}, {two}")),
        (Slot::Damaged(why), Slot::Empty) | (Slot::Empty, Slot::Damaged(why)) => Truth::Damaged(why),
        (Slot::Empty, Slot::Empty) => Truth::Damaged("there is no session.json".into()),
    }
}

/// Saves the session: over the older generation, so that the newer one survives a crash in the middle. Returns the
/// damaged files that stood in the way, by the names that they have now.
///
/// # Errors
/// [`FsError`].
pub fn save(session: &Session) -> Result<Vec<PathBuf>, FsError> {
    let folder = folder(&session.install, &session.session_id);
    fs::create_folders(&folder)?;
    let (slots, moved) = clear_damaged(&folder)?;
    let newest = slots.iter().enumerate().filter_map(|(slot, sequence)| Some((sequence.as_ref()?, slot))).max();
    let (slot, sequence) = newest.map_or((0, 1), |(sequence, slot)| (1 - slot, sequence.saturating_add(1)));
    // A session is made of plain data: it always has a JSON form.
    let text = serde_json::to_string(session).unwrap_or_default();
    let Ok(raw) = RawValue::from_string(text.clone()) else { return Ok(moved) };
    let sum = sha256(text.as_bytes());
    let generation = Generation { sequence, seal: seal(sequence, &sum), sha256: sum, session: raw };
    let bytes = serde_json::to_vec(&generation).unwrap_or_default();
    fs::write_durable(&folder.join(NAMES[slot]), &bytes, 0o600)?;
    show(session)?;
    Ok(moved)
}

/// Writes the state file that others read, always anew: the server writes such files with its own fields alone.
fn show(session: &Session) -> Result<(), FsError> {
    let folder = session.install.join(".cache/state");
    fs::create_folders(&folder)?;
    let path = folder.join(format!("{}.json", session.session_id));
    if path.is_dir() {
        move_aside(&path)?;
    }
    let mut shown = serde_json::to_vec_pretty(&session.state_file()).unwrap_or_default();
    shown.push(b'\n');
    fs::write_durable(&path, &shown, 0o644)
}

/// Moves what can't be followed out of the way of the next generation, and tells the numbers of those that stay. Two
/// that contradict each other go both: whoever saves now knows better.
fn clear_damaged(folder: &Path) -> Result<([Option<u64>; 2], Vec<PathBuf>), FsError> {
    // What can't be read now may be whole: nothing is moved then.
    let slots = [read_slot(folder, NAMES[0])?, read_slot(folder, NAMES[1])?];
    let contradict = matches!(&slots, [Slot::Sound(a, x, _), Slot::Sound(b, y, _)] if a == b && x != y);
    let mut moved = Vec::new();
    let mut numbers = [None, None];
    for (at, slot) in slots.iter().enumerate() {
        match slot {
            Slot::Sound(number, ..) if !contradict => numbers[at] = Some(*number),
            Slot::Empty => {}
            _ => moved.push(move_aside(&folder.join(NAMES[at]))?),
        }
    }
    if !moved.is_empty() {
        fs::sync_folder(folder)?;
    }
    Ok((numbers, moved))
}

/// Moves all of a session's damaged generations aside.
///
/// # Errors
/// [`FsError`].
pub fn clear(folder: &Path) -> Result<Vec<PathBuf>, FsError> {
    clear_damaged(folder).map(|(_, moved)| moved)
}

/// Renames a damaged file (or whatever stands there) to `<name>.damaged-<stamp>`, over nothing.
///
/// # Errors
/// [`FsError`].
pub fn move_aside(path: &Path) -> Result<PathBuf, FsError> {
    let stamp = stamp_of(jiff::Timestamp::now());
    for number in 1..1000 {
        let more = if number == 1 { String::new() } else { format!("-{number}") };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".damaged-{stamp}{more}"));
        let target = path.with_file_name(name);
        match around(MOVE_ASIDE, || rename::path_over_nothing(path, &target)) {
            Ok(()) => return Ok(target),
            Err(Errno::EXIST) => {}
            Err(e) => return Err(e).doing("move aside", path),
        }
    }
    Err(Errno::EXIST).doing("move aside", path)
}

/// Whether a session's folder holds anything in the place of a generation.
///
/// # Errors
/// [`FsError`] where that can't be told.
pub fn has_files(folder: &Path) -> Result<bool, FsError> {
    for name in NAMES {
        if fs::is_there(&folder.join(name))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ids of all sessions that an install has folders of, sorted by id, which is not the order they were made in: see
/// [`crate::host::session::catalog::survey`].
///
/// # Errors
/// [`FsError`] where that can't be told: a folder that can't be read is not an empty one.
pub fn ids(install: &Path) -> Result<Vec<String>, FsError> {
    let is_session = |name: &String| uuid::Uuid::try_parse(name).is_ok_and(|id| id.to_string() == *name);
    let mut ids: Vec<String> = fs::folders_in(&install.join(".upgrade"))?.into_iter().filter(is_session).collect();
    ids.sort();
    Ok(ids)
}
