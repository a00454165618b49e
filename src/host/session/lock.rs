//! One upgrade at a time: `flock` on the permanent `.upgrade/lock`, and `.upgrade-lock` to explain it to people.
//!
//! The kernel gives the lock back when its holder dies, whatever it died of. The note outlives it, and lists the marks of
//! the processes that it left behind, so that whoever comes next can end them ([`crate::host::process::children`]). Files are opened close-on-exec (Rust's
//! standard library sees to that), so no program that a holder starts can hold the lock in its place.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::core::json;
use crate::host::files::crash_points;
use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs;
use crate::host::files::own_places;
use crate::host::files::own_places::Odd;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;
use crate::host::process::children;
use crate::host::process::children::{Mark, Marks};
use crate::host::process::proc;
use crate::host::session::lock_holder::host_name;
pub(crate) use crate::host::session::lock_holder::note_path;
pub(crate) use crate::host::session::lock_holder::read_note;
pub use crate::host::session::lock_holder::{ChildNote, Holder, LockNote};

/// Somebody who only looks holds the lock for a moment; that is waited for.
const A_LOOK: Duration = Duration::from_millis(200);

/// Why the lock can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A living process holds it, or one that can't be asked from here.
    #[error("another upgrade is running on this install ({0})")]
    Held(Held),
    /// One of the folders that everything is written to leads out of the install.
    #[error("{}", .0.describe())]
    Place(Odd),
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// Who is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// In words.
    pub who: String,
    /// The session to name to `unlock`, where nobody here can tell whether it still runs.
    pub unlock: Option<String>,
    /// Whether anybody is can't be told, and why is in `who`.
    pub untold: bool,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.who)
    }
}

/// The held lock. Dropped (or its process dead), it is free again.
#[derive(Debug)]
pub struct Lock {
    install: LockedInstall,
    note: Option<LockNote>,
    /// Those of its marks that programs carry which are only asked something.
    helpers: Vec<String>,
    ended: Vec<String>,
    /// The time of the install's folder before anything was written into it, in nanoseconds.
    found_at: Option<i128>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.note.is_some() {
            children::begin(None);
        }
    }
}

impl Lock {
    /// Takes the lock, without waiting for anybody who works. Children of a dead holder are ended first: they work on
    /// files that are about to be removed.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder as far as it is known.
    pub fn acquire(install: &Path) -> Result<Self, LockError> {
        if let Some(odd) = own_places::odd_folders(install).into_iter().next() {
            return Err(LockError::Place(odd));
        }
        Self::acquire_to_go_back(install)
    }

    /// The same for a rollback, which sets aside what stands at [`own_places::MADE_AGAIN`] before it writes anything.
    ///
    /// # Errors
    /// As [`Lock::acquire`], but not for those places.
    pub(crate) fn acquire_to_go_back(install: &Path) -> Result<Self, LockError> {
        let found_at = std::fs::metadata(install).ok().map(|meta| fs::mtime_of(&meta));
        let mut file = open(install)?;
        let begun = Instant::now();
        let taken = loop {
            match LockedInstall::take(install, file) {
                Ok(taken) => break taken,
                Err(busy) => file = busy,
            }
            let note = read_note(install)?;
            if begun.elapsed() > A_LOOK || note.as_ref().is_some_and(|n| n.holder() == Holder::Alive) {
                return Err(LockError::Held(locked(note.as_ref())));
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let Some(locked) = taken else {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(LockError::Fs(FsError { doing: "lock", path: install.to_owned(), source }));
        };
        let note = read_note(install)?;
        let ended = match note.as_ref().map(|note| (note, note.holder())) {
            Some((note, Holder::Alive | Holder::Unverifiable)) => return Err(LockError::Held(held(Some(note)))),
            Some((note, Holder::Dead)) => note.end_children(install),
            None => Vec::new(),
        };
        Ok(Self { install: locked, note: None, helpers: Vec::new(), ended, found_at })
    }

    /// The time that the install's folder had when the lock was taken, in nanoseconds: the lock's own files change it.
    pub(crate) fn found_at(&self) -> Option<i128> {
        self.found_at
    }

    /// What was ended when the lock was taken over from a dead holder: a line each.
    pub fn ended(&self) -> &[String] {
        &self.ended
    }

    /// Writes the explaining file. From here on all programs that this process starts are marked as its own.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn explain(&mut self, session_id: &str, started_at: &str) -> Result<(), FsError> {
        let pid = std::process::id();
        let before = self.note.take();
        let (children, mut marks) = before.map(|n| (n.children, n.marks)).unwrap_or_default();
        let own = Marks::new(&self.install);
        marks.extend(own.iter().flat_map(|m| [m.helpers.token.clone(), m.work.token.clone()]));
        self.helpers.extend(own.iter().map(|m| m.helpers.token.clone()));
        self.note = Some(LockNote {
            session_id: session_id.to_owned(),
            started_at: started_at.to_owned(),
            pid,
            process_start: proc::start_ticks(pid),
            boot_id: proc::boot_id(),
            host: Some(host_name()),
            pid_namespace: proc::pid_namespace(),
            children,
            marks,
        });
        self.write()?;
        children::begin(own);
        Ok(())
    }

    /// The install has another name from here on. The file that is locked went along, and so did the note; what is started
    /// from now on is marked as this install's.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn moved_to(&mut self, install: &Path) -> Result<(), FsError> {
        self.install.moved_to(install);
        match self.note.as_ref().map(|note| (note.session_id.clone(), note.started_at.clone())) {
            Some((session_id, started_at)) => self.explain(&session_id, &started_at),
            None => Ok(()),
        }
    }

    /// The install, for whoever writes into it.
    pub fn install(&self) -> &LockedInstall {
        &self.install
    }

    /// A mark of its own for a program that may be handed over later, noted before the program is started. None where
    /// there is no note: then nobody would look for it.
    ///
    /// # Errors
    /// [`FsError`]; then it must not be started.
    pub fn mark(&mut self) -> Result<Option<Mark>, FsError> {
        let Some(mark) = Mark::new(&self.install).filter(|_| self.note.is_some()) else { return Ok(None) };
        if let Some(note) = &mut self.note {
            note.marks.push(mark.token.clone());
        }
        self.write()?;
        Ok(Some(mark))
    }

    /// Takes a mark out of the note: whoever carries it lives on when this process ends, whatever it ends of.
    ///
    /// # Errors
    /// [`FsError`]; then whoever takes the lock over would end it.
    pub fn hand_over(&mut self, mark: &Mark, pid: u32) -> Result<(), FsError> {
        if let Some(note) = &mut self.note {
            note.marks.retain(|token| *token != mark.token);
            note.children.retain(|child| child.pid != pid);
        }
        crash_points::around(crash_points::HAND_OVER, || self.write())
    }

    /// Adds a process that was started, and forgets those that have ended.
    ///
    /// # Errors
    /// [`FsError`]; then it would live on if this process died now.
    pub(crate) fn note_child(&mut self, pid: u32) -> Result<(), FsError> {
        if let (Some(note), Some(start)) = (&mut self.note, proc::start_ticks(pid)) {
            note.children.retain(|child| proc::start_ticks(child.pid) == Some(child.start));
            note.children.push(ChildNote { pid, start });
        }
        self.write()
    }

    fn write(&self) -> Result<(), FsError> {
        let Some(note) = &self.note else { return Ok(()) };
        let path = note_path(&self.install);
        fs::write_durable(&path, json::pretty(note).doing("write", &path)?.as_bytes(), 0o644)
    }

    /// Removes the explaining file; the lock itself is held until it is dropped. What is still marked is ended first:
    /// without the note nobody would find it.
    pub fn unexplain(&mut self) {
        if let Some(note) = self.note.take() {
            children::begin(None);
            let work: Vec<String> = note.marks.into_iter().filter(|token| !self.helpers.contains(token)).collect();
            children::end(&self.install, &work);
        }
        // Gone already is as good.
        let _ = fs::remove_file(&note_path(&self.install));
    }
}

/// Opens the lock's file. It is never unlinked: a second file of this name would be a second lock.
fn open(install: &Path) -> Result<File, LockError> {
    // Whoever has the lock writes to these places.
    if let Some(odd) = own_places::odd_folders_to_keep(install).into_iter().next() {
        return Err(LockError::Place(odd));
    }
    let folder = install.join(".upgrade");
    // Never the install itself: an upgrade may have given it another name since it was looked for.
    fs::create_folder_in(install, ".upgrade")?;
    let path = folder.join("lock");
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).read(true).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    Ok(options.open(&path).doing("open lock", &path)?)
}

fn held(note: Option<&LockNote>) -> Held {
    match note {
        Some(note) => {
            let unlock = (note.holder() == Holder::Unverifiable).then(|| fs::visible(&note.session_id));
            Held { who: note.describe(), unlock, untold: false }
        }
        None => Held { who: "its process has not said more yet".to_owned(), unlock: None, untold: false },
    }
}

/// The lock itself is held: whoever wrote the note, somebody lives who has it, and nothing can be unlocked.
fn locked(note: Option<&LockNote>) -> Held {
    Held { unlock: None, ..held(note) }
}

/// Who holds the lock now, without taking or creating it; none if it is free. What can't be read is not free: it is
/// [`Held::untold`].
pub fn held_by(install: &Path) -> Option<Held> {
    let untold = |e: FsError| Held { who: e.to_string(), unlock: None, untold: true };
    match (is_locked(install), read_note(install)) {
        (Ok(true), note) => Some(locked(note.ok().flatten().as_ref())),
        (Err(e), _) | (_, Err(e)) => Some(untold(e)),
        (Ok(false), Ok(note)) => note.filter(|n| n.holder() != Holder::Dead).map(|n| held(Some(&n))),
    }
}

/// Whether a living process of this machine holds the lock itself.
fn is_locked(install: &Path) -> Result<bool, FsError> {
    let path = install.join(".upgrade/lock");
    let file = match read::open_own(&path) {
        Ok(file) => file,
        Err(e) if fs::is_absence(&e) => return Ok(false),
        // Something else stands there, which nobody can have locked; whoever takes the lock is told.
        Err(e) => match std::fs::symlink_metadata(&path) {
            Ok(meta) if !meta.is_file() => return Ok(false),
            _ => return Err(e).doing("open", path),
        },
    };
    Ok(flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// Removes the explaining file of a holder that can't be asked, because a person says that it is over. The lock itself
/// is taken for it, so nobody who lives here can hold it. What a dead one left behind here is ended: a line each.
///
/// # Errors
/// [`LockError::Held`] where a living process has the lock.
pub(crate) fn remove_note(install: &Path) -> Result<Vec<String>, LockError> {
    let file = open(install)?;
    let note = read_note(install)?;
    let taken = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    if !taken || note.as_ref().is_some_and(|n| n.holder() == Holder::Alive) {
        return Err(LockError::Held(locked(note.as_ref())));
    }
    let ended = note.map(|note| note.end_children(install)).unwrap_or_default();
    let path = note_path(install);
    std::fs::remove_file(&path).doing("remove", &path)?;
    fs::sync_folder(install)?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = Lock::acquire(dir.path()).unwrap();
        first.explain("s1", "2026-11-22T10:00:00Z").unwrap();
        assert!(matches!(Lock::acquire(dir.path()), Err(LockError::Held(_))));
        assert!(held_by(dir.path()).unwrap().who.contains("s1"));
        first.unexplain();
        drop(first);
        // A process that another test has forked and that has not become its program yet has a copy of everything.
        let free = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            held_by(dir.path()).is_none()
        });
        assert!(free);
        Lock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_note_of_another_machine_is_never_assumed_dead() {
        let dir = tempfile::tempdir().unwrap();
        let note = "{\"session_id\":\"x\",\"started_at\":\"2020-01-01T00:00:00Z\",\"pid\":4194000,\"boot_id\":\"other\",\"host\":\"elsewhere\"}";
        std::fs::write(dir.path().join(".upgrade-lock"), note).unwrap();
        assert!(matches!(Lock::acquire(dir.path()), Err(LockError::Held(_))));
        let held = held_by(dir.path()).unwrap();
        assert!(held.who.contains("elsewhere"), "{held}");
        assert_eq!(held.unlock.as_deref(), Some("x"));
        std::fs::write(dir.path().join(".upgrade-lock"), note.replace("elsewhere", &host_name())).unwrap();
        assert!(Lock::acquire(dir.path()).is_ok(), "another boot of this machine is over");
    }

    #[test]
    fn a_note_of_a_living_process_counts_and_a_reused_number_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let note = |started_at: &str| {
            let text = format!("{{\"session_id\":\"x\",\"started_at\":\"{started_at}\",\"pid\":{}}}", child.id());
            std::fs::write(dir.path().join(".upgrade-lock"), text).unwrap();
        };
        note(&jiff::Timestamp::now().to_string());
        assert!(matches!(Lock::acquire(dir.path()), Err(LockError::Held(_))));
        note("2020-01-01T00:00:00Z");
        assert!(Lock::acquire(dir.path()).is_ok(), "that process started long after the note");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_note_of_a_container_can_not_be_checked() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = Lock::acquire(dir.path()).unwrap();
        lock.explain("s1", "2026-11-22T10:00:00Z").unwrap();
        drop(lock);
        let own = read_note(dir.path()).unwrap().unwrap();
        assert_eq!(own.holder(), Holder::Dead, "this process does not stand in its own way");
        let write = |note: &LockNote| std::fs::write(note_path(dir.path()), serde_json::to_vec(note).unwrap()).unwrap();
        write(&LockNote { pid_namespace: Some("pid:[1]".into()), ..own.clone() });
        assert!(matches!(Lock::acquire(dir.path()), Err(LockError::Held(Held { unlock: Some(_), .. }))));
        remove_note(dir.path()).unwrap();
        assert!(dir.path().join(".upgrade/lock").exists() && !note_path(dir.path()).exists());
        Lock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_that_is_held_is_not_offered_for_unlocking() {
        let dir = tempfile::tempdir().unwrap();
        let holder = Lock::acquire(dir.path()).unwrap();
        let note = "{\"session_id\":\"x\",\"started_at\":\"2020-01-01T00:00:00Z\",\"pid\":7,\"boot_id\":\"b\",\"host\":\"far\"}";
        std::fs::write(note_path(dir.path()), note).unwrap();
        let Err(LockError::Held(held)) = Lock::acquire(dir.path()) else { panic!("it is held") };
        assert_eq!((held.unlock, held_by(dir.path()).unwrap().unlock), (None, None));
        assert!(matches!(remove_note(dir.path()), Err(LockError::Held(Held { unlock: None, .. }))));
        drop(holder);
        assert_eq!(held_by(dir.path()).unwrap().unlock.as_deref(), Some("x"));
    }

    #[test]
    fn what_a_dead_holder_left_is_ended_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = Lock::acquire(dir.path()).unwrap();
        lock.explain("s1", "2026-11-22T10:00:00Z").unwrap();
        let mut left = children::command("sleep").arg("60").spawn().unwrap();
        lock.note_child(left.id()).unwrap();
        let handed_over = lock.mark().unwrap().unwrap();
        let mut server = std::process::Command::new("sleep");
        handed_over.put(server.arg("60"));
        let mut server = server.spawn().unwrap();
        lock.hand_over(&handed_over, server.id()).unwrap();
        drop(lock);
        let mut innocent = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut note = read_note(dir.path()).unwrap().unwrap();
        assert_eq!((note.children.len(), note.marks.len()), (1, 2));
        // The number of somebody else, with the right start; and a holder that is no more.
        note.children.push(ChildNote { pid: innocent.id(), start: proc::start_ticks(innocent.id()).unwrap() });
        note.pid = u32::MAX - 1;
        std::fs::write(note_path(dir.path()), serde_json::to_vec(&note).unwrap()).unwrap();
        let lock = Lock::acquire(dir.path()).unwrap();
        assert_eq!(lock.ended().len(), 1, "{:?}", lock.ended());
        assert!(lock.ended()[0].contains(&format!("pid {}", left.id())), "{:?}", lock.ended());
        assert!(!left.wait().unwrap().success());
        for one in [&mut innocent, &mut server] {
            assert!(one.try_wait().unwrap().is_none(), "it still lives");
            one.kill().unwrap();
            one.wait().unwrap();
        }
    }

    #[test]
    fn the_children_of_another_boot_are_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let mut innocent = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let start = proc::start_ticks(innocent.id()).unwrap();
        let text = format!(
            "{{\"session_id\":\"x\",\"started_at\":\"2020-01-01T00:00:00Z\",\"pid\":4194000,\"boot_id\":\"other\",\"children\":[{{\"pid\":{},\"start\":{start}}}]}}",
            innocent.id()
        );
        std::fs::write(note_path(dir.path()), text).unwrap();
        assert!(Lock::acquire(dir.path()).unwrap().ended().is_empty());
        assert!(innocent.try_wait().unwrap().is_none());
        innocent.kill().unwrap();
        innocent.wait().unwrap();
    }

    #[test]
    fn who_only_looks_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        drop(Lock::acquire(dir.path()).unwrap());
        let looking = File::open(dir.path().join(".upgrade/lock")).unwrap();
        flock(&looking, FlockOperation::NonBlockingLockShared).unwrap();
        let looker = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(looking);
        });
        Lock::acquire(dir.path()).unwrap();
        looker.join().unwrap();
    }

    #[test]
    fn no_program_that_is_started_inherits_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(dir.path()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // Its program must run: until then it still has the files of this one.
        while proc::look(child.id()).is_none_or(|p| p.command.first().map(String::as_str) != Some("sleep")) {}
        let open: Vec<std::path::PathBuf> = std::fs::read_dir(format!("/proc/{}/fd", child.id()))
            .unwrap()
            .flatten()
            .filter_map(|e| std::fs::read_link(e.path()).ok())
            .collect();
        assert!(!open.is_empty() && !open.iter().any(|p| p.starts_with(dir.path())), "{open:?}");
        drop(lock);
        Lock::acquire(dir.path()).expect("free, though the child lives");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
