//! A folder that keeps changing places with a link to the outside while an upgrade, a rollback or a restore runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::common::snapshot;
use crate::escape::world::{Case, World};

const ROUNDS: usize = 20;
/// Folders that the upgrade changes files in, or above them.
const PLACES: [&str; 4] = ["standards/universal", "workflows", "scripts", "standards"];

/// Exchanges two paths until it is stopped; then the folder is where it was.
struct Swapper {
    stop: Arc<AtomicBool>,
    swaps: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    /// The link leads to a copy of the folder, so that whoever follows it finds all that it looks for.
    fn start(case: &Case<'_>, place: &str, round: usize) -> Self {
        let folder = case.install().join(place);
        let outside = case.outside().join("mirror");
        let copied = std::process::Command::new("cp").arg("-a").arg(&folder).arg(&outside).status().unwrap();
        assert!(copied.success());
        // Beside all that is compared: while the link stands there, the folder is here.
        let link = case.root.with_extension("parked");
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        let (stop, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (stop.clone(), swaps.clone());
        let exchange = move || match renameat_with(CWD, &link, CWD, &folder, RenameFlags::EXCHANGE) {
            Ok(()) => true,
            // A rollback set the link aside, as it does with all that stands in its way: the folder comes back.
            Err(Errno::NOENT) => {
                let _ = renameat_with(CWD, &link, CWD, &folder, RenameFlags::NOREPLACE);
                false
            }
            Err(e) => panic!("{e}"),
        };
        // Sometimes so fast that it falls between two calls, sometimes so slow that a whole step sees the link.
        let pause = std::time::Duration::from_micros([0, 20, 200, 2_000, 10_000][round % 5]);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                if !exchange() {
                    return;
                }
                std::thread::sleep(pause);
                if !exchange() {
                    return;
                }
                counted.fetch_add(2, Ordering::SeqCst);
                std::thread::sleep(pause);
            }
        });
        Self { stop, swaps, thread: Some(thread) }
    }

    fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
        self.swaps.load(Ordering::SeqCst)
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// All but the times of folders: the swapper changes those above it.
fn timeless(install: &Path) -> BTreeMap<String, String> {
    let mut all = snapshot(install);
    all.remove("UPDATE_LOG.txt");
    for (_, state) in all.iter_mut().filter(|(_, s)| s.starts_with("folder")) {
        *state = state.split(' ').take(2).collect::<Vec<_>>().join(" ");
    }
    all
}

fn different<T: PartialEq + std::fmt::Debug>(case: &Case<'_>, old: &BTreeMap<String, T>, now: &BTreeMap<String, T>) {
    let paths: std::collections::BTreeSet<_> = old.keys().chain(now.keys()).collect();
    let differ: Vec<_> = paths.iter().filter(|p| old.get(**p) != now.get(**p)).collect();
    let shown: Vec<_> = differ.iter().take(5).map(|p| (p, old.get(**p), now.get(**p))).collect();
    case.expect(differ.is_empty(), &format!("{} paths are not as they were: {shown:#?}", differ.len()));
}

#[derive(Default)]
struct Tally {
    swaps: u64,
    codes: BTreeMap<i32, u32>,
}

impl Tally {
    fn add(&mut self, swaps: u64, code: i32) {
        self.swaps += swaps;
        *self.codes.entry(code).or_default() += 1;
    }

    fn tell(&self, what: &str) {
        println!("{what}: {ROUNDS} rounds, {} swaps, 0 escapes, exit codes {:?}", self.swaps, self.codes);
        assert!(self.swaps > 100, "nothing was swapped");
    }
}

/// Runs a command while the folder is swapped; outside must stay.
fn swapped(case: &Case<'_>, place: &str, round: usize, arguments: &[&str], tally: &mut Tally) {
    let swapper = Swapper::start(case, place, round);
    let (code, _) = case.run(&[arguments]).remove(0);
    tally.add(swapper.stop(), code);
}

/// All rounds, each in a case of its own.
fn rounds(world: &World, what: &str, round_of: impl Fn(&Case<'_>, &str, usize, &mut Tally)) {
    let mut tally = Tally::default();
    for round in 0..ROUNDS {
        let place = PLACES[round / 5];
        let case = world.case(format!("round {round}, {place}"));
        round_of(&case, place, round, &mut tally);
        std::fs::remove_dir_all(&case.root).unwrap();
    }
    tally.tell(what);
    world.done(&format!("swaps during {what}"), 20);
}

/// Goes back with nobody in the way any more.
fn recovered(case: &Case<'_>, old: &BTreeMap<String, String>) {
    for (code, said) in case.run(&[&["rollback", "--yes"], &["rollback", "--yes"]]) {
        case.expect(code == 0, &said);
    }
    different(case, old, &timeless(&case.install()));
}

#[test]
fn during_an_upgrade() {
    rounds(&World::new(), "an upgrade", |case, place, round, tally| {
        let old = timeless(&case.install());
        swapped(case, place, round, &case.upgrade(), tally);
        recovered(case, &old);
    });
}

/// An upgrade that died in the middle: all that is left to do is to apply.
#[test]
fn during_a_resumed_apply() {
    let old_world = World::new();
    let old = timeless(&old_world.case("old").install());
    rounds(&World::broken(), "a resumed apply", |case, place, round, tally| {
        swapped(case, place, round, &["resume"], tally);
        for (code, said) in case.run(&[&["rollback", "--yes"], &["rollback", "--yes"]]) {
            case.expect(code == 0, &said);
        }
        let now = timeless(&case.install());
        let bare = |all: &BTreeMap<String, String>| -> BTreeMap<String, Vec<String>> {
            let without_time = |s: &String| {
                s.split(' ').filter(|w| !w.starts_with('(') && !w.ends_with(')')).map(str::to_owned).collect()
            };
            all.iter().map(|(p, s)| (p.clone(), without_time(s))).collect()
        };
        different(case, &bare(&old), &bare(&now));
    });
}

#[test]
fn during_a_rollback() {
    rounds(&World::new(), "a rollback", |case, place, round, tally| {
        let old = timeless(&case.install());
        assert_eq!(case.run(&[&case.upgrade()]).remove(0).0, 0);
        swapped(case, place, round, &["rollback", "--yes"], tally);
        recovered(case, &old);
    });
}

#[test]
fn during_a_restore() {
    let world = World::upgraded();
    let mut tally = Tally::default();
    for round in 0..ROUNDS {
        let case = world.case(format!("round {round}"));
        let path = "scripts/check-links.py";
        let live = case.install().join(path);
        std::fs::write(&live, "mine").unwrap();
        swapped(&case, "scripts", round, &["restore", path], &mut tally);
        let saved = std::fs::read(case.backup().join("files").join(path)).unwrap();
        let now = std::fs::read(&live).unwrap();
        case.expect(now == b"mine" || now == saved, "neither");
        let rescued: Vec<PathBuf> = walkdir::WalkDir::new(case.install().join("rescued"))
            .into_iter()
            .flatten()
            .filter(|e| e.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect();
        let kept = rescued.iter().any(|path| std::fs::read(path).unwrap() == b"mine");
        case.expect(now == b"mine" || kept, "lost");
        std::fs::remove_dir_all(&case.root).unwrap();
    }
    tally.tell("a restore");
    world.done("swaps during a restore", 20);
}
