//! Where the system can neither exchange two files nor refuse to overwrite one: what is done instead, on any file system,
//! and each file waited for by itself (`POS_WITHOUT`, see `src/host/files/rename.rs`), killed at every call of it; and what the user writes in the one moment when
//! nothing stands at a path.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::text;
use crate::crash::many::{Slot, each, shard};
use crate::crash::strace::{self, Call};
use crate::crash::world::{Case, Small};

const EXCHANGE: (&str, &str) = ("POS_WITHOUT", "exchange,syncfs");
const LINKS: (&str, &str) = ("POS_WITHOUT", "exchange,links,syncfs");
/// In how many parts one day's run is one.
const PARTS: usize = 18;
const MINE: &str = "written in that moment\n";

fn without(what: (&'static str, &'static str)) -> Small {
    let mut small = Small::new();
    small.environment = vec![what];
    small
}

#[test]
fn there_and_back() {
    for what in [EXCHANGE, LINKS] {
        let small = without(what);
        let case = small.case(&small.pristine);
        let (code, said) = text(&small.run(&case.project, &small.upgrade()));
        assert_eq!(code, 0, "{said}");
        small.assert_new(&case.project, &said);
        // The whole of it, its environment included.
        let case = small.case(&small.upgraded);
        let (code, said) = text(&small.run(&case.project, &["rollback", "--yes"]));
        assert_eq!(code, 0, "{said}");
        small.assert_old(&case.project, &said);
    }
}

#[test]
fn killed_at_every_call() {
    if !strace::works() {
        return;
    }
    for (what, parts) in [(EXCHANGE, PARTS), (LINKS, 2 * PARTS)] {
        let small = without(what);
        let back = vec!["rollback", "--yes"];
        for (name, start, arguments) in
            [("upgrade", &small.pristine, small.upgrade()), ("rollback", &small.upgraded, back)]
        {
            let run = strace::run(&small, &Slot::take(), &small.case(start), &arguments, &[]);
            assert_eq!(run.code, Some(0), "{}", run.said);
            let moves = |c: &Call| c.name.starts_with("rename") || ["linkat", "unlinkat"].contains(&c.name.as_str());
            let calls: Vec<Call> = strace::targets(&run).into_iter().filter(moves).collect();
            let links = calls.iter().filter(|c| c.name == "linkat").count();
            assert!(calls.len() > 30 && (links > 4) == (what == EXCHANGE), "{} calls, {links} links", calls.len());
            let total = calls.len();
            let calls = shard(calls, parts, Call::id);
            each(&calls, Call::id, |call, slot| {
                let case = small.case(start);
                let inject = format!("{}:signal=KILL:when={}", call.name, call.nth);
                let run = strace::run(&small, slot, &case, &arguments, &[inject]);
                assert_eq!(run.signal, Some(9), "{}", run.said);
                small.recover(case);
            });
            println!("{what:?}, {name}: killed at {} of {total} calls", calls.len());
        }
    }
}

/// Writes a file over nothing as soon as that can be done and `when` holds. Whether it came to that.
fn write_when(path: &Path, over: &AtomicBool, when: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) && !over.load(Ordering::SeqCst) {
        if when() {
            let made = fs::File::create_new(path).and_then(|mut file| file.write_all(MINE.as_bytes()));
            if made.is_ok() {
                return true;
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

fn rescued(case: &Case) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(case.project.join(".praxis-os/rescued")).into_iter().flatten();
    let all = walk.filter(|e| fs::read_to_string(e.path()).is_ok_and(|text| text == MINE));
    all.map(walkdir::DirEntry::into_path).collect()
}

/// Runs a command whose calls of one name are slow, and writes at `path` in the moment before one of them.
fn in_the_moment(small: &Small, start: &Path, arguments: &[&str], slow: &str, path: &str) -> Case {
    let case = small.case(start);
    let live = case.project.join(".praxis-os").join(path);
    // What is new waits in its new folder to be moved there; what is replaced has gone, and its successor has not come.
    let ready = || live.parent().is_some_and(Path::is_dir) && live.symlink_metadata().is_err();
    let over = AtomicBool::new(false);
    let (run, wrote) = std::thread::scope(|scope| {
        let user = scope.spawn(|| write_when(&live, &over, ready));
        let inject = format!("{slow}:delay_enter=150000");
        let run = strace::run(small, &Slot::take(), &case, arguments, &[inject]);
        over.store(true, Ordering::SeqCst);
        (run, user.join().unwrap())
    });
    let why = format!("{path}, slow {slow}: {}", run.said);
    assert_eq!(run.code, Some(0), "{why}");
    assert!(wrote, "the moment was missed: {why}");
    assert_eq!(rescued(&case).len(), 1, "lost, or twice: {why}");
    assert_ne!(fs::read_to_string(&live).unwrap(), MINE, "{why}");
    case
}

#[test]
fn what_is_written_in_the_moment_when_nothing_stands_there() {
    if !strace::works() {
        return;
    }
    let plain = Small::new();
    let without = without(EXCHANGE);
    let new = "standards/universal/fresh/new.md";
    let back = "standards/universal/gone/remove.md";
    let mut count = 0;
    for (small, slow) in [(&plain, "renameat2"), (&without, "linkat")] {
        let replaced = if slow == "linkat" { vec!["scripts/update.sh", "VERSION.txt"] } else { vec![] };
        for path in [new, "workflows/deep/after.md"].into_iter().chain(replaced) {
            let case = in_the_moment(small, &small.pristine, &small.upgrade(), slow, path);
            fs::remove_dir_all(case.project.join(".praxis-os/rescued")).unwrap();
            small.assert_new(&case.project, path);
            count += 1;
        }
        let case = in_the_moment(small, &small.upgraded, &["rollback", "--yes"], slow, back);
        fs::remove_dir_all(case.project.join(".praxis-os/rescued")).unwrap();
        small.assert_old(&case.project, back);
        // One file, whose folder is there, and which the user has removed.
        let start = small.case(&small.upgraded);
        fs::remove_file(start.project.join(".praxis-os/scripts/update.sh")).unwrap();
        in_the_moment(small, &start.project, &["restore", "scripts/update.sh"], slow, "scripts/update.sh");
        count += 2;
    }
    println!("{count} files written in the moment when nothing stood at their path; each was set aside whole");
}
