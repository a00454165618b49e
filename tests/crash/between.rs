//! What the user does between a crash and the next command, at every path and at every exchange: nothing of his is lost,
//! all else is old or new, and each command ends with 0, though the second one is killed too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::common::text;
use crate::crash::many::{Slot, each, shard};
use crate::crash::points::{crash_at, record};
use crate::crash::world::{Case, Small};
use pos_upgrade_tui::core::blob::sha256;

/// In how many parts one day's run is one.
const PARTS: usize = 80;

/// Files of the small install, changed by the upgrade or not, and places where none is before, behind, or ever.
const FILES: [&str; 20] = [
    "standards/universal/a/unchanged.md",
    "standards/universal/a/local.md",
    "standards/universal/a/merge.md",
    "standards/universal/a/conflict.md",
    "standards/universal/a/deleted.md",
    "standards/universal/gone/remove.md",
    "standards/universal/fresh/new.md",
    "standards/development/own.md",
    "workflows/before.md",
    "workflows/deep/after.md",
    "scripts/update.sh",
    "scripts/another.sh",
    "config.json",
    "mcp_server/__init__.py",
    "VERSION.txt",
    "UPDATE_LOG.txt",
    "INSTALLATION_SUMMARY.md",
    ".upgrade-baseline.json",
    "../.gitignore",
    "../notes.txt",
];

/// Folders of it; the last three come and go.
const FOLDERS: [&str; 6] = [
    "standards",
    "standards/universal/a",
    "scripts",
    "standards/universal/gone",
    "standards/universal/fresh",
    "workflows/deep",
];

/// Texts that an upgrade dates: that they are there is what is compared.
const DATED: [&str; 3] = ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md"];

const MINE: &str = "what nobody else has written\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Written over, or anew.
    Write,
    Delete,
    /// In its place a folder with a file in it.
    Folder,
    /// In its place a link; for a folder: moved away, and a link to where it is.
    Link,
    /// In its place a pipe.
    Pipe,
}

/// When the second run is killed: where it does not come there, it ends by itself.
const SECOND: [&str; 10] = [
    "journal.exchange before",
    "journal.exchange after",
    "journal.rescue before",
    "journal.rescue after",
    "file.create before",
    "file.remove after",
    "tree.remove before",
    "tree.remove after",
    "journal.release after",
    "replace.rename after",
];

fn remove(path: &Path) {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

/// Makes the folders above a path, unless the user has a file or a link there.
fn make_room(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
}

/// Does it; false where it can't be done, since nothing is there.
fn act(install: &Path, path: &str, act: Act, outside: &Path) -> bool {
    let live = install.join(path);
    let there = live.symlink_metadata().is_ok();
    let is_folder = FOLDERS.contains(&path);
    match act {
        Act::Delete if !there => return false,
        Act::Delete => remove(&live),
        Act::Write => {
            remove(&live);
            make_room(&live);
            fs::write(&live, MINE).unwrap();
        }
        Act::Folder => {
            remove(&live);
            fs::create_dir_all(&live).unwrap();
            fs::write(live.join("mine.md"), MINE).unwrap();
        }
        Act::Link => {
            let target = outside.join("mine");
            if is_folder && there {
                fs::rename(&live, &target).unwrap();
            } else {
                fs::create_dir_all(&target).unwrap();
                remove(&live);
            }
            make_room(&live);
            symlink(&target, &live).unwrap();
        }
        Act::Pipe => {
            remove(&live);
            make_room(&live);
            assert!(Command::new("mkfifo").arg(&live).status().unwrap().success());
        }
    }
    true
}

/// Whether what the user made still is somewhere in the project.
fn is_kept(project: &Path, act: Act, outside: &Path) -> bool {
    let walk = walkdir::WalkDir::new(project).into_iter().flatten();
    let ours = [".upgrade", ".backups", ".cache"].map(|name| project.join(".praxis-os").join(name));
    let mut all = walk.filter(|e| !ours.iter().any(|ours| e.path().starts_with(ours)));
    match act {
        Act::Delete => true,
        Act::Write | Act::Folder => all.any(|e| {
            e.file_type().is_file() && fs::read(e.path()).is_ok_and(|b| String::from_utf8_lossy(&b).contains(MINE))
        }),
        Act::Link => all.any(|e| fs::read_link(e.path()).is_ok_and(|to| to == outside.join("mine"))),
        Act::Pipe => all.any(|e| std::os::unix::fs::FileTypeExt::is_fifo(&e.file_type())),
    }
}

/// Kind, mode, and of files time and sum. Of those dated, that they are there.
type Tree = BTreeMap<String, String>;

fn tree(project: &Path, times: bool) -> Tree {
    let install = project.join(".praxis-os");
    let ephemeral = [".cache", ".upgrade", ".backups", "rescued", "venv", "venvs"].map(|name| install.join(name));
    let walk = walkdir::WalkDir::new(project).min_depth(1).into_iter();
    let mut all = Tree::new();
    for entry in walk.filter_entry(|e| !ephemeral.iter().any(|path| e.path() == path)).map(Result::unwrap) {
        let path = entry.path();
        let name = match path.strip_prefix(&install) {
            Ok(inside) => inside.display().to_string(),
            Err(_) => format!("../{}", path.strip_prefix(project).unwrap().display()),
        };
        let meta = path.symlink_metadata().unwrap();
        let mode = meta.permissions().mode();
        let state = if meta.is_file() {
            let time = if times && !name.starts_with("../") { (meta.mtime(), meta.mtime_nsec()) } else { (0, 0) };
            let dated = DATED.contains(&name.as_str()) && (!times || name == "UPDATE_LOG.txt");
            match dated {
                true => format!("file {mode:o}"),
                false => format!("file {mode:o} {time:?} {}", sha256(&fs::read(path).unwrap())),
            }
        } else if meta.is_dir() {
            format!("folder {mode:o}")
        } else {
            "something else".to_owned()
        };
        all.insert(name, state);
    }
    all
}

/// A project that was killed at some point, to be copied.
struct Crashed {
    case: Case,
    name: String,
    /// It was going back.
    back: bool,
    /// All was verified: from here on what the user does is nobody's business.
    over: bool,
}

/// Killed before each exchange, around the moment when the staging goes, and behind it.
fn crashed(small: &Small) -> Vec<Crashed> {
    let slot = Slot::take();
    let back = vec!["rollback", "--yes"];
    let mut all = Vec::new();
    for (flow, start, arguments) in [("upgrade", &small.pristine, small.upgrade()), ("rollback", &small.upgraded, back)]
    {
        let points = record(small, &slot, &small.case(start), &arguments);
        let release = points.iter().position(|p| p == "journal.release before").unwrap();
        let at = |(number, point): (usize, &String)| {
            let wanted = point == "journal.exchange before" || point.starts_with("journal.release");
            wanted.then_some(number + 1)
        };
        let last = points.iter().rposition(|p| p == "journal.exchange after").unwrap() + 1;
        let numbers: BTreeSet<usize> = points.iter().enumerate().filter_map(at).chain([last]).collect();
        for number in numbers {
            let case = small.case(start);
            crash_at(small, &slot, &case.project, &arguments, number);
            let name = format!("{flow}:{number} {}", points[number - 1]);
            all.push(Crashed { case, name, back: flow == "rollback", over: number > release + 1 });
        }
    }
    all
}

struct Try<'c> {
    crashed: &'c Crashed,
    path: &'static str,
    act: Act,
    /// How it is gone on with.
    way: &'static [&'static str],
    second: &'static str,
}

impl Try<'_> {
    fn name(&self) -> String {
        format!("{}, {:?} {}, {} to {}", self.crashed.name, self.act, self.path, self.way[0], self.second)
    }
}

/// Which paths may be other than they were: where the user acted, and, where that was a folder, all in it.
fn is_about(path: &str, acted: &str) -> bool {
    path == acted || path.strip_prefix(acted).is_some_and(|rest| rest.starts_with('/'))
}

/// Folders above need not be there if the user made them, or took away what they held.
fn is_above(path: &str, acted: &str) -> bool {
    is_about(acted, path)
}

fn judge(small: &Small, trees: &Trees, one: &Try<'_>) {
    let case = small.case(&one.crashed.case.project);
    let (project, install) = (&case.project, case.project.join(".praxis-os"));
    let outside = case.beside("outside");
    fs::create_dir(&outside).unwrap();
    if !act(&install, one.path, one.act, &outside) {
        return;
    }
    if one.act == Act::Link && FOLDERS.contains(&one.path) {
        // As a link that has stood there for a while: only what was just put there is looked at twice.
        let begun = SystemTime::now();
        while begun.elapsed().unwrap() < Duration::from_millis(1100) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let mut second = Command::new(&small.binary);
    small.settle(&mut second).args(one.way).arg("--project").arg(project).env("POS_CRASH_AT", one.second);
    let killed = text(&second.output().unwrap());
    // A resume that meets what it can't go on over goes back, also when it is killed there.
    let mut said = String::new();
    let mut codes = Vec::new();
    for _ in 0..2 {
        let (code, words) = text(&small.run(project, one.way));
        codes.push(code);
        said.push_str(&words);
    }
    let why = format!("{}\nsecond: {killed:?}\nthen {codes:?}: {said}", one.name());
    // A folder that became a link stops an upgrade, which then goes back by itself.
    let stops = one.way[0] == "resume" && one.act == Act::Link && FOLDERS.contains(&one.path);
    assert!(codes.iter().all(|code| *code == 0 || (stops && *code == 5)), "{why}");
    let mut all = format!("{} {said}", killed.1);
    let log = install.join("UPDATE_LOG.txt");
    // A pipe of the user's in its place would be read for ever.
    if log.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        all.push_str(&fs::read_to_string(log).unwrap_or_default());
    }
    let went_back = one.crashed.back || one.way[0] == "rollback" || all.contains("is back as it was");
    assert!(is_kept(project, one.act, &outside), "lost: {why}");
    assert!(!small.status(project).0, "{why}");
    let (expected, now) = match went_back {
        true => (&trees.old, tree(project, true)),
        false => (&trees.new, tree(project, false)),
    };
    let paths: BTreeSet<&String> = expected.keys().chain(now.keys()).collect();
    let mut wrong = Vec::new();
    for path in paths {
        let (should, is) = (expected.get(path), now.get(path));
        let free = match went_back && !one.crashed.over && trees.changed.contains(path) {
            // Whatever the user did there, it comes back; only where nothing was may he have something now.
            true => should.is_none() && is_about(path, one.path),
            false => is_about(path, one.path),
        };
        if should != is && !free && !is_above(path, one.path) {
            wrong.push(format!("{path}: expected {should:?}, found {is:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{why}", wrong.join("; "));
}

/// What an undisturbed run leaves, and what differs.
struct Trees {
    old: Tree,
    new: Tree,
    changed: BTreeSet<String>,
}

impl Trees {
    fn of(small: &Small) -> Self {
        let (old, new) = (tree(&small.pristine, true), tree(&small.upgraded, false));
        let before = tree(&small.pristine, false);
        let paths: BTreeSet<&String> = before.keys().chain(new.keys()).collect();
        let differ = |path: &&&String| before.get(**path) != new.get(**path) || DATED.contains(&path.as_str());
        let changed = paths.iter().filter(differ).filter(|path| !path.starts_with("../")).map(|path| (**path).clone());
        Self { changed: changed.collect(), old, new }
    }
}

#[test]
fn what_the_user_does_between_a_crash_and_the_next_command() {
    let small = Small::new();
    let trees = Trees::of(&small);
    let crashed = crashed(&small);
    let mut all = Vec::new();
    for crashed in &crashed {
        let ways: &[&'static [&'static str]] =
            if crashed.back { &[&["rollback", "--yes"]] } else { &[&["resume"], &["rollback", "--yes"]] };
        for way in ways {
            let acts = [Act::Write, Act::Delete, Act::Folder, Act::Link, Act::Pipe];
            let files = FILES.iter().flat_map(|path| acts.map(|act| (*path, act)));
            // A folder with a file in it is what a folder is.
            let kinds = acts.into_iter().filter(|act| *act != Act::Folder);
            let folders = kinds.flat_map(|act| FOLDERS.map(|path| (path, act)));
            for (path, act) in files.chain(folders) {
                let second = SECOND[(all.len() + all.len() / SECOND.len()) % SECOND.len()];
                all.push(Try { crashed, path, act, way, second });
            }
        }
    }
    let total = all.len();
    let chosen = shard(all, PARTS, Try::name);
    let begun = std::time::Instant::now();
    each(&chosen, Try::name, |one, _| judge(&small, &trees, one));
    println!("{} of {total} crashes, each gone on with three times, {:?}", chosen.len(), begun.elapsed());
    assert!(total > 3_000, "{total}");
}

/// A run that can't go on says what takes the obstacle away, and that does.
#[test]
fn set_aside_gets_over_what_can_not_be_read() {
    use crate::common::ext::{is_root, skipped};
    if !is_root() {
        return skipped("only root can make what another user may not read");
    }
    let small = Small::new();
    for shut in ["scripts/update.sh", "standards/universal/a"] {
        let case = small.case(&small.upgraded);
        let install = case.project.join(".praxis-os");
        let path = install.join(shut);
        if path.is_file() {
            fs::write(&path, MINE).unwrap();
        } else {
            fs::write(path.join("mine.md"), MINE).unwrap();
        }
        let everything = || -> Vec<PathBuf> {
            walkdir::WalkDir::new(case.beside("")).into_iter().flatten().map(walkdir::DirEntry::into_path).collect()
        };
        // Somebody else's project, in which one thing is root's alone.
        let binary = case.beside("pos-upgrade-tui");
        fs::copy(&small.binary, &binary).unwrap();
        everything().iter().for_each(|path| std::os::unix::fs::lchown(path, Some(65534), Some(65534)).unwrap());
        for above in [small.path(), case.beside("")] {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
        }
        if path.is_file() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        } else {
            // Readable for nobody, and moved all the same: its owner may.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o300)).unwrap();
        }
        let run = |arguments: &[&str]| {
            use std::os::unix::process::CommandExt as _;
            let mut command = Command::new(&binary);
            command.uid(65534).gid(65534);
            text(&small.settle(&mut command).args(arguments).arg("--project").arg(&case.project).output().unwrap())
        };
        let advice = format!("pos-upgrade-tui rollback --set-aside --project {}", case.project.display());
        for _ in 0..2 {
            let (code, said) = run(&["rollback", "--yes"]);
            assert_eq!(code, 6, "{shut}: {said}");
            assert!(said.contains(&advice), "{shut}: {said}");
        }
        let (code, said) = run(&["rollback", "--set-aside", "--yes"]);
        assert_eq!(code, 0, "{shut}: {said}");
        assert!(is_kept(&case.project, Act::Write, &case.beside("outside")), "{shut}: {said}");
        let (old, now) = (tree(&small.pristine, true), tree(&case.project, true));
        let differ: Vec<_> = old.keys().chain(now.keys()).filter(|p| old.get(*p) != now.get(*p)).collect();
        assert!(differ.is_empty(), "{shut}: {differ:?}\n{said}");
        let (code, said) = run(&["rollback", "--yes"]);
        assert!(code == 0 && said.contains("nothing to roll back"), "{said}");
    }
}

/// What stands where a file or a folder must come back, days later.
#[test]
fn what_stands_in_the_way_of_a_rollback_goes_aside() {
    let small = Small::new();
    let trees = Trees::of(&small);
    let ways: [(&str, Act); 8] = [
        ("standards/universal/a/merge.md", Act::Folder),
        ("standards/universal/a/merge.md", Act::Pipe),
        ("scripts/update.sh", Act::Folder),
        ("standards/universal/gone", Act::Write),
        ("standards/universal/a", Act::Write),
        ("standards/universal/a", Act::Link),
        ("standards", Act::Link),
        ("standards", Act::Pipe),
    ];
    for (path, doing) in ways {
        let case = small.case(&small.upgraded);
        let (install, outside) = (case.project.join(".praxis-os"), case.beside("outside"));
        fs::create_dir(&outside).unwrap();
        assert!(act(&install, path, doing, &outside));
        let (code, said) = text(&small.run(&case.project, &["rollback", "--yes"]));
        let why = format!("{doing:?} {path}: {said}");
        assert_eq!(code, 0, "{why}");
        assert!(is_kept(&install.join("rescued"), doing, &outside), "{why}");
        assert!(said.contains(&format!("warning: {path}: ")) && said.contains("rescued/"), "{why}");
        let now = tree(&case.project, true);
        let differ: Vec<_> = trees.old.keys().chain(now.keys()).filter(|p| trees.old.get(*p) != now.get(*p)).collect();
        assert!(differ.is_empty(), "{differ:?}\n{why}");
        // What was set aside, a pipe among it, is in nobody's way later.
        let (code, said) = text(&small.run(&case.project, &small.upgrade()));
        assert!(code == 0 && said.contains("\nupgraded "), "the next upgrade: {said}\n{why}");
        assert!(is_kept(&install.join("rescued"), doing, &outside), "{why}");
        fs::remove_dir_all(install.join("rescued")).unwrap();
        small.assert_new(&case.project, &why);
    }
}
