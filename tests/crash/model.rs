//! A file system in memory that keeps only what was made durable, for losing power at any moment.
//!
//! The strictest reading of POSIX that journalling file systems keep to: bytes, mode and time of a file are durable
//! once that file was synced, an entry of a folder once that folder was, a rename once both folders were; a rename
//! happens whole or not at all. Whatever is not durable may have reached the disk or not, each on its own. The idea is
//! that of ALICE (Pillai and others, OSDI 2014).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::trace::Call;

type Id = usize;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Folder { entries: BTreeMap<OsString, Id>, mode: u32, time: (i64, u32) },
    File { bytes: Vec<u8>, mode: u32, time: (i64, u32) },
    Link { target: PathBuf },
}

/// What a call did, by node.
#[derive(Debug, Clone)]
enum Change {
    Enter { folder: Id, name: OsString, id: Id },
    Leave { folder: Id, name: OsString },
    Rename { from: (Id, OsString), to: (Id, OsString), id: Id, back: Option<Id> },
    Append { id: Id, bytes: Vec<u8> },
    Empty { id: Id },
    Mode { id: Id, mode: u32 },
    Time { id: Id, time: (i64, u32) },
}

impl Change {
    /// What has to be synced for it to be durable.
    fn needs(&self) -> BTreeSet<Id> {
        match self {
            Change::Enter { folder, .. } | Change::Leave { folder, .. } => [*folder].into(),
            Change::Rename { from, to, .. } => [from.0, to.0].into(),
            Change::Append { id, .. } | Change::Empty { id } | Change::Mode { id, .. } | Change::Time { id, .. } => {
                [*id].into()
            }
        }
    }
}

/// A tree of files.
#[derive(Debug, Clone)]
pub struct Disk {
    nodes: Vec<Node>,
}

/// What a run did, and what it began with.
pub struct Run {
    root: PathBuf,
    before: Disk,
    /// Every node that there ever was, as it was when it was made.
    made: Vec<Node>,
    steps: Vec<Step>,
}

/// What happened, in order.
#[derive(Debug)]
enum Step {
    Change(Change),
    Sync(Id),
    SyncAll,
}

impl Disk {
    /// Reads a folder.
    pub fn read(root: &Path) -> Self {
        let mut disk = Self { nodes: Vec::new() };
        disk.take_in(root);
        disk
    }

    fn take_in(&mut self, path: &Path) -> Id {
        let meta = fs::symlink_metadata(path).unwrap();
        let (mode, time) = (meta.permissions().mode() & 0o7777, (meta.mtime(), meta.mtime_nsec() as u32));
        let id = self.nodes.len();
        if meta.is_symlink() {
            self.nodes.push(Node::Link { target: fs::read_link(path).unwrap() });
        } else if meta.is_dir() {
            self.nodes.push(Node::Folder { entries: BTreeMap::new(), mode, time });
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let child = self.take_in(&entry.path());
                self.entries(id).insert(entry.file_name(), child);
            }
        } else {
            self.nodes.push(Node::File { bytes: fs::read(path).unwrap(), mode, time });
        }
        id
    }

    fn entries(&mut self, id: Id) -> &mut BTreeMap<OsString, Id> {
        match &mut self.nodes[id] {
            Node::Folder { entries, .. } => entries,
            other => panic!("no folder: {other:?}"),
        }
    }

    fn find(&self, relative: &Path) -> Option<Id> {
        relative.iter().try_fold(0, |id, name| match &self.nodes[id] {
            Node::Folder { entries, .. } => entries.get(name).copied(),
            _ => None,
        })
    }

    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::Enter { folder, name, id } => {
                self.entries(folder).insert(name, id);
            }
            Change::Leave { folder, name } => {
                self.entries(folder).remove(&name);
            }
            Change::Rename { from, to, id, back } => {
                match back {
                    Some(back) => {
                        self.entries(from.0).insert(from.1, back);
                    }
                    None if self.entries(from.0).get(&from.1) == Some(&id) => {
                        self.entries(from.0).remove(&from.1);
                    }
                    None => {}
                }
                self.entries(to.0).insert(to.1, id);
            }
            Change::Append { id, bytes: more } => {
                if let Node::File { bytes, .. } = &mut self.nodes[id] {
                    bytes.extend(more);
                }
            }
            Change::Empty { id } => {
                if let Node::File { bytes, .. } = &mut self.nodes[id] {
                    bytes.clear();
                }
            }
            Change::Mode { id, mode: new } => match &mut self.nodes[id] {
                Node::File { mode, .. } | Node::Folder { mode, .. } => *mode = new,
                Node::Link { .. } => {}
            },
            Change::Time { id, time: new } => match &mut self.nodes[id] {
                Node::File { time, .. } | Node::Folder { time, .. } => *time = new,
                Node::Link { .. } => {}
            },
        }
    }

    /// Writes it out; the folder must not exist.
    pub fn write(&self, to: &Path) {
        self.put(0, to);
    }

    fn put(&self, id: Id, to: &Path) {
        let time = |(seconds, nanoseconds): (i64, u32)| {
            let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
            let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
            rustix::fs::utimensat(rustix::fs::CWD, to, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
        };
        match &self.nodes[id] {
            Node::Link { target } => symlink(target, to).unwrap(),
            Node::File { bytes, mode, time: at } => {
                fs::write(to, bytes).unwrap();
                fs::set_permissions(to, fs::Permissions::from_mode(*mode)).unwrap();
                time(*at);
            }
            Node::Folder { entries, mode, time: at } => {
                fs::create_dir(to).unwrap();
                for (name, child) in entries {
                    self.put(*child, &to.join(name));
                }
                fs::set_permissions(to, fs::Permissions::from_mode(*mode)).unwrap();
                time(*at);
            }
        }
    }
}

impl Run {
    /// Follows the calls of a run that began with `before` in the folder `root`. Calls on other folders don't count.
    pub fn new(root: &Path, before: Disk, calls: &[Call]) -> Self {
        let made = before.nodes.clone();
        let mut run = Self { root: root.to_owned(), before: before.clone(), made, steps: Vec::new() };
        let mut live = before;
        for call in calls {
            run.follow(&mut live, call);
        }
        run
    }

    fn inside<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(&self.root).ok()
    }

    fn step(&mut self, live: &mut Disk, change: Change) {
        live.apply(&change);
        self.steps.push(Step::Change(change));
    }

    fn place(live: &Disk, relative: &Path) -> (Id, OsString) {
        let folder = live.find(relative.parent().unwrap_or(Path::new(""))).expect("its folder is there");
        (folder, relative.file_name().map(OsStr::to_owned).expect("a name"))
    }

    fn enter(&mut self, live: &mut Disk, relative: &Path, node: Node) {
        let id = live.nodes.len();
        live.nodes.push(node.clone());
        self.made.push(node);
        let (folder, name) = Self::place(live, relative);
        self.step(live, Change::Enter { folder, name, id });
    }

    fn follow(&mut self, live: &mut Disk, call: &Call) {
        let now = (1_700_000_000, 0);
        match call {
            Call::Open { path, create, empty, mode } => {
                let Some(relative) = self.inside(path).map(Path::to_owned) else { return };
                match live.find(&relative) {
                    Some(id) if *empty => self.step(live, Change::Empty { id }),
                    Some(_) => {}
                    None => {
                        assert!(create, "{path:?} is opened and not there");
                        self.enter(live, &relative, Node::File { bytes: Vec::new(), mode: *mode, time: now });
                    }
                }
            }
            Call::Write { path, bytes } => {
                let Some(id) = self.inside(path).and_then(|p| live.find(p)) else { return };
                self.step(live, Change::Append { id, bytes: bytes.clone() });
            }
            Call::Mkdir { path } => {
                let Some(relative) = self.inside(path).map(Path::to_owned) else { return };
                self.enter(live, &relative, Node::Folder { entries: BTreeMap::new(), mode: 0o755, time: now });
            }
            Call::Symlink { target, path } => {
                let Some(relative) = self.inside(path).map(Path::to_owned) else { return };
                self.enter(live, &relative, Node::Link { target: target.clone() });
            }
            Call::Rename { from, to, exchange } => {
                let (Some(old), Some(new)) = (self.inside(from), self.inside(to)) else { return };
                let id = live.find(old).expect("what is renamed is there");
                let back = if *exchange { live.find(new) } else { None };
                let (from, to) = (Self::place(live, old), Self::place(live, new));
                self.step(live, Change::Rename { from, to, id, back });
            }
            Call::Unlink { path } => {
                let Some(relative) = self.inside(path) else { return };
                let (folder, name) = Self::place(live, relative);
                self.step(live, Change::Leave { folder, name });
            }
            Call::Mode { path, mode } => {
                let Some(id) = self.inside(path).and_then(|p| live.find(p)) else { return };
                self.step(live, Change::Mode { id, mode: *mode });
            }
            Call::Time { path, seconds, nanoseconds } => {
                let Some(id) = self.inside(path).and_then(|p| live.find(p)) else { return };
                self.step(live, Change::Time { id, time: (*seconds, *nanoseconds) });
            }
            Call::Sync { path } => {
                let Some(id) = self.inside(path).and_then(|p| live.find(p)) else { return };
                self.steps.push(Step::Sync(id));
            }
            Call::SyncAll { path } => {
                if self.inside(path).is_some() {
                    self.steps.push(Step::SyncAll);
                }
            }
        }
    }

    /// The step before a moment, for messages.
    pub fn last(&self, moment: usize) -> String {
        moment.checked_sub(1).map_or("nothing".to_owned(), |at| format!("{:.80?}", self.steps[at]))
    }

    /// How many moments there are at which power can be lost.
    pub fn moments(&self) -> usize {
        self.steps.len() + 1
    }

    /// How many changes are not durable when power is lost after so many steps.
    pub fn pending(&self, moment: usize) -> usize {
        self.split(moment).1.len()
    }

    /// Durable and other changes among the first steps, by position.
    fn split(&self, moment: usize) -> (Vec<usize>, Vec<usize>) {
        let (mut synced, mut all): (BTreeSet<Id>, bool) = (BTreeSet::new(), false);
        let (mut durable, mut pending) = (Vec::new(), Vec::new());
        for (at, step) in self.steps[..moment].iter().enumerate().rev() {
            match step {
                Step::Sync(id) => drop(synced.insert(*id)),
                Step::SyncAll => all = true,
                Step::Change(change) if all || change.needs().is_subset(&synced) => durable.push(at),
                Step::Change(_) => pending.push(at),
            }
        }
        pending.reverse();
        (durable, pending)
    }

    /// The disk when power is lost after so many steps. `survives` is asked for each change that is not durable, by its
    /// position among those.
    pub fn lose_power(&self, moment: usize, mut survives: impl FnMut(usize) -> bool) -> Disk {
        let (durable, pending) = self.split(moment);
        let mut kept: Vec<usize> = durable;
        kept.extend(pending.iter().enumerate().filter(|(n, _)| survives(*n)).map(|(_, at)| *at));
        kept.sort_unstable();
        let mut disk = self.before.clone();
        disk.nodes.extend_from_slice(&self.made[disk.nodes.len()..]);
        for at in kept {
            if let Step::Change(change) = &self.steps[at] {
                disk.apply(change);
            }
        }
        disk
    }
}

#[test]
fn what_was_not_synced_can_be_lost() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("old"), "old").unwrap();
    let path = |name: &str| root.join(name);
    let calls = [
        Call::Open { path: path("new"), create: true, empty: true, mode: 0o644 },
        Call::Write { path: path("new"), bytes: b"new".to_vec() },
        Call::Rename { from: path("new"), to: path("old"), exchange: false },
        Call::Sync { path: root.clone() },
    ];
    let run = Run::new(&root, Disk::read(&root), &calls);
    let text = |disk: &Disk| {
        let id = disk.find(Path::new("old")).unwrap();
        match &disk.nodes[id] {
            Node::File { bytes, .. } => String::from_utf8(bytes.clone()).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(text(&run.lose_power(3, |_| false)), "old");
    // Renamed before its bytes were synced: the folder knows it, the bytes are lost.
    assert_eq!(text(&run.lose_power(4, |_| false)), "");
    assert_eq!(text(&run.lose_power(4, |_| true)), "new");
    assert_eq!((run.moments(), run.pending(4)), (5, 1));
    let all = [&calls[..], &[Call::SyncAll { path: root.clone() }]].concat();
    let run = Run::new(&root, Disk::read(&root), &all);
    assert_eq!((text(&run.lose_power(5, |_| false)).as_str(), run.pending(5)), ("new", 0));
}
