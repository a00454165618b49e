//! Session files: the truth in `.upgrade/<uuid>/` (what was approved, written once, and two generations of what changes), and
//! the seed's state file written from it.
//!
//! What was approved is written before the first generation, so a folder that has it alone is that of a session which never
//! began. A generation that is damaged is never followed and never overwritten: [`save`] moves it aside first.
//! What can be told of a session whose generations are damaged is [`crate::host::session::catalog`]'s to say.

use std::fs as stdfs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::core::blob::sha256;
use crate::core::json;
use crate::core::session::{self, Approval, Session};
use crate::host::files::crash_points::{APPROVE, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;
use crate::host::session::damaged::move_aside;
use crate::host::session::shown;
use crate::host::user::key;

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

/// `approval.json`: what was approved, with what tells a whole file from a torn one. The session names the same checksum.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// Of the approval's JSON text.
    sha256: String,
    /// Of that checksum, by the key of the user who approved it. Without it anybody can have written the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<String>,
    approval: Box<RawValue>,
}

/// What the user's key says of an approval with this checksum.
fn users_seal(sum: &str, make: bool) -> Option<String> {
    key::own_seal(&format!("approval {sum}"), make)
}

/// What is read of a session before anything else.
#[derive(Deserialize)]
struct Head {
    schema: u32,
}

/// A session is a few hundred kB; what is much larger is none, and is not read into memory.
const LARGEST: u64 = 256 << 20;
const NAMES: [&str; 2] = ["session.json", "session.1.json"];
const APPROVAL: &str = "approval.json";

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
    /// The newest state is known, but what was approved is damaged or gone, and why.
    Unapproved(Box<Session>, String),
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
            Truth::Sound(session) | Truth::Previous(session, _) | Truth::Unapproved(session, _) => {
                (session.number, &session.after)
            }
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
    Ok(match read_own(folder, name)? {
        None => Slot::Empty,
        Some(Err(why)) => Slot::Damaged(why),
        Some(Ok(bytes)) => slot_of(&bytes, folder, |why| Slot::Damaged(format!("{name} {why}"))),
    })
}

/// The bytes of one of the session's files, if it is there; why it can't be one of them.
fn read_own(folder: &Path, name: &str) -> Result<Option<Result<Vec<u8>, String>>, FsError> {
    let path = folder.join(name);
    match stdfs::symlink_metadata(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).doing("look at", &path),
        Ok(meta) if !meta.is_file() => Ok(Some(Err(format!("{name} is not a file")))),
        Ok(meta) if meta.len() > LARGEST => Ok(Some(Err(format!("{name} is far too large")))),
        Ok(_) => Ok(Some(Ok(stdfs::read(&path).doing("read", &path)?))),
    }
}

/// The text of what was approved, if it is the one with this checksum; none where nothing stands there.
fn approval_text(folder: &Path, sum: &str) -> Result<Option<Result<String, String>>, FsError> {
    let damaged = |why: &str| format!("{APPROVAL} {why}");
    Ok(read_own(folder, APPROVAL)?.map(|bytes| {
        let sealed: Sealed = serde_json::from_slice(&bytes?).map_err(|_| damaged("is damaged"))?;
        let text = sealed.approval.get();
        match sha256(text.as_bytes()) {
            own if own != sealed.sha256 => Err(damaged("does not have the checksum that it names")),
            own if own != sum => Err(damaged("is not that of this session")),
            _ => Ok(text.to_owned()),
        }
    }))
}

/// The session with what was approved, which only schema 1 has in the same text; why that can't be followed.
fn with_approval(session: Box<Session>, folder: &Path) -> Result<(Box<Session>, Option<String>), FsError> {
    let Some(sum) = session.wants_approval() else { return Ok((session, None)) };
    let text = approval_text(folder, sum)?.unwrap_or_else(|| Err(format!("{APPROVAL} is gone")));
    let approval = text.and_then(|text| {
        let approval = serde_json::from_str::<Approval>(&text).map_err(|_| format!("{APPROVAL} holds no approval"))?;
        approval.check().map_err(|why| format!("{APPROVAL} can't be trusted: {why}"))?;
        Ok(approval)
    });
    Ok(match approval {
        Ok(approval) => (Box::new(session.attach(approval)), None),
        Err(why) => (session, Some(why)),
    })
}

fn slot_of(bytes: &[u8], folder: &Path, damaged: impl Fn(&str) -> Slot) -> Slot {
    let Ok(generation) = serde_json::from_slice::<Generation>(bytes) else { return damaged("is damaged") };
    let text = generation.session.get();
    if sha256(text.as_bytes()) != generation.sha256 || seal(generation.sequence, &generation.sha256) != generation.seal
    {
        return damaged("does not have the checksum that it names");
    }
    let session = match serde_json::from_str::<Head>(text) {
        Ok(Head { schema: 1 }) => session::from_schema_1(text),
        Ok(Head { schema: session::SCHEMA }) => serde_json::from_str::<Session>(text).map_err(|e| e.to_string()),
        Ok(Head { schema }) => return Slot::Foreign(schema),
        Err(_) => return damaged("holds no session"),
    };
    let Ok(session) = session else { return damaged("holds no session") };
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
    let (session, behind) = match newest(&folder) {
        Truth::Sound(session) => (session, None),
        Truth::Previous(session, why) => (session, Some(why)),
        other => return other,
    };
    match (with_approval(at_home(session, install), &folder), behind) {
        (Err(e), _) => Truth::Unreadable(e),
        (Ok((session, None)), None) => Truth::Sound(session),
        (Ok((session, None)), Some(why)) => Truth::Previous(session, why),
        (Ok((session, Some(lost))), None) => Truth::Unapproved(session, lost),
        (Ok((session, Some(lost))), Some(why)) => Truth::Unapproved(session, format!("{why}, {lost}")),
    }
}

/// What the two generations say, without what was approved.
fn newest(folder: &Path) -> Truth {
    let (one, two) = match NAMES.map(|name| read_slot(folder, name)) {
        [Ok(one), Ok(two)] => (one, two),
        // The other may be a step behind: what stands in the unreadable one may be the end of the session.
        [Err(e), _] | [_, Err(e)] => return Truth::Unreadable(e),
    };
    match (one, two) {
        (Slot::Foreign(schema), _) | (_, Slot::Foreign(schema)) => Truth::Foreign(schema),
        (Slot::Sound(a, sum, one), Slot::Sound(b, other, two)) => match a.cmp(&b) {
            std::cmp::Ordering::Less => Truth::Sound(two),
            std::cmp::Ordering::Greater => Truth::Sound(one),
            std::cmp::Ordering::Equal if sum == other => Truth::Sound(one),
            std::cmp::Ordering::Equal => {
                Truth::Damaged(format!("both generations have the number {a} and say different things"))
            }
        },
        // The first save makes only one generation; after it there are always two.
        (Slot::Sound(1, _, session), Slot::Empty) => Truth::Sound(session),
        (Slot::Sound(_, _, session), Slot::Empty) => Truth::Previous(session, format!("{} is gone", NAMES[1])),
        (Slot::Empty, Slot::Sound(_, _, session)) => Truth::Previous(session, format!("{} is gone", NAMES[0])),
        (Slot::Sound(_, _, session), Slot::Damaged(why)) | (Slot::Damaged(why), Slot::Sound(_, _, session)) => {
            Truth::Previous(session, why)
        }
        (Slot::Damaged(one), Slot::Damaged(two)) => Truth::Damaged(format!("{one}, {two}")),
        (Slot::Damaged(why), Slot::Empty) | (Slot::Empty, Slot::Damaged(why)) => Truth::Damaged(why),
        (Slot::Empty, Slot::Empty) => Truth::Damaged("there is no session.json".into()),
    }
}

/// Saves the session: over the older generation, so that the newer one survives a crash in the middle, and behind what was
/// approved, which it names. Returns the damaged files that stood in the way, by the names that they have now.
///
/// # Errors
/// [`FsError`].
pub fn save(install: &LockedInstall, session: &Session) -> Result<Vec<PathBuf>, FsError> {
    let folder = install.make_folder(folder(install, &session.session_id))?;
    let (slots, mut moved) = clear_damaged(install, &folder)?;
    moved.extend(save_approval(install, session, &folder)?);
    let newest = slots.iter().enumerate().filter_map(|(slot, sequence)| Some((sequence.as_ref()?, slot))).max();
    let (slot, sequence) = newest.map_or((0, 1), |(sequence, slot)| (1 - slot, sequence.saturating_add(1)));
    let path = folder.join(NAMES[slot]);
    let text = json::compact(session).doing("write", &path)?;
    let sum = sha256(text.as_bytes());
    let raw = RawValue::from_string(text).doing("write", &path)?;
    let generation = Generation { sequence, seal: seal(sequence, &sum), sha256: sum, session: raw };
    let text = json::compact(&generation).doing("write", &path)?;
    fs::write_durable(&path, text.as_bytes(), 0o600)?;
    shown::write(install, session)?;
    Ok(moved)
}

/// Removes all of a session that only tried something, and changed nothing: it is no upgrade that anybody has to know of.
///
/// # Errors
/// [`FsError`].
pub(crate) fn forget(install: &LockedInstall, session: &Session) -> Result<(), FsError> {
    shown::forget(install, session)?;
    fs::remove_tree(&folder(install, &session.session_id))
}

/// Writes what was approved where it does not stand yet: at the first save, at the first one behind an earlier build, and
/// where it was damaged meanwhile. Returns what stood in its place, by the name that it has now.
fn save_approval(install: &LockedInstall, session: &Session, folder: &Path) -> Result<Option<PathBuf>, FsError> {
    let Some(sum) = session.approval() else { return Ok(None) };
    let path = folder.join(APPROVAL);
    let moved = match approval_text(folder, sum)? {
        Some(Ok(_)) => return Ok(None),
        Some(Err(_)) => Some(move_aside(install, &path)?),
        None => None,
    };
    // Whoever saves it again does not say that the user approved it: it may be somebody else's.
    write_approval(session, &path, None)?;
    Ok(moved)
}

fn write_approval(session: &Session, path: &Path, seal: Option<String>) -> Result<(), FsError> {
    let (text, sha256) = session.approved().sealed().doing("write", path)?;
    let approval = RawValue::from_string(text).doing("write", path)?;
    let text = json::compact(&Sealed { sha256, seal, approval }).doing("write", path)?;
    around(APPROVE, || fs::write_durable(path, text.as_bytes(), 0o600))
}

/// Writes down, with the seal of the user's own key, that the user approved this session and its source: by starting it, or
/// by naming the source again. Only for who holds the lock. Where no folder can hold a key there is no seal, and whoever
/// goes on later is asked.
///
/// # Errors
/// [`FsError`].
pub(crate) fn vouch(install: &LockedInstall, session: &Session) -> Result<(), FsError> {
    let folder = folder(install, &session.session_id);
    let Some(sum) = session.approval().filter(|_| !is_vouched(session)) else { return Ok(()) };
    let path = install.make_folder(&folder)?.join(APPROVAL);
    if fs::is_there(&path)? && approval_text(&folder, sum)?.is_none_or(|text| text.is_err()) {
        move_aside(install, &path)?;
    }
    write_approval(session, &path, users_seal(sum, true))
}

/// Whether the user approved what the session would go on with, here and with this program. What can't be read says no.
pub(crate) fn is_vouched(session: &Session) -> bool {
    let folder = folder(&session.install, &session.session_id);
    let Ok(Some(Ok(bytes))) = read_own(&folder, APPROVAL) else { return false };
    let sealed = serde_json::from_slice::<Sealed>(&bytes).ok();
    let Some((sealed, sum)) = sealed.zip(session.approval()) else { return false };
    let theirs = sealed.approval.get();
    sealed.sha256 == sum
        && sha256(theirs.as_bytes()) == sum
        && sealed.seal.is_some()
        && sealed.seal == users_seal(sum, false)
}

/// Moves what can't be followed out of the way of the next generation, and tells the numbers of those that stay. Two
/// that contradict each other go both: whoever saves now knows better.
fn clear_damaged(install: &LockedInstall, folder: &Path) -> Result<([Option<u64>; 2], Vec<PathBuf>), FsError> {
    // What can't be read now may be whole: nothing is moved then.
    let slots = [read_slot(folder, NAMES[0])?, read_slot(folder, NAMES[1])?];
    let contradict = matches!(&slots, [Slot::Sound(a, x, _), Slot::Sound(b, y, _)] if a == b && x != y);
    let mut moved = Vec::new();
    let mut numbers = [None, None];
    for (at, slot) in slots.iter().enumerate() {
        match slot {
            Slot::Sound(number, ..) if !contradict => numbers[at] = Some(*number),
            Slot::Empty => {}
            _ => moved.push(move_aside(install, &folder.join(NAMES[at]))?),
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
pub fn clear(install: &LockedInstall, folder: &Path) -> Result<Vec<PathBuf>, FsError> {
    clear_damaged(install, folder).map(|(_, moved)| moved)
}

/// Whether a session's folder holds anything in the place of a generation.
///
/// # Errors
/// [`FsError`] where that can't be told.
pub(crate) fn has_files(folder: &Path) -> Result<bool, FsError> {
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
