//! What a rollback and a restore bring back, entry by entry: type, mode, time, bytes, where a link leads, for the
//! oddest things that an install can hold.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::host::demo;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

/// An entry as it must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    kind: &'static str,
    mode: u32,
    time: (i64, i64),
    bytes: Vec<u8>,
}

type Tree = BTreeMap<Vec<u8>, State>;

fn state(path: &Path) -> State {
    let meta = path.symlink_metadata().unwrap();
    let (kind, bytes) = match meta.file_type() {
        t if t.is_file() => ("file", sha256(&fs::read(path).unwrap()).into_bytes()),
        t if t.is_symlink() => ("link", fs::read_link(path).unwrap().into_os_string().into_vec()),
        t if t.is_dir() => ("folder", Vec::new()),
        _ => ("other", Vec::new()),
    };
    State { kind, mode: meta.permissions().mode() & 0o7777, time: (meta.mtime(), meta.mtime_nsec()), bytes }
}

fn tree(install: &Path) -> Tree {
    let ours = [".cache", ".upgrade", ".backups", "rescued", "UPDATE_LOG.txt"];
    let walk = walkdir::WalkDir::new(install).min_depth(1).into_iter();
    let wanted = |e: &walkdir::DirEntry| !(e.depth() == 1 && ours.iter().any(|o| *o == e.file_name()));
    let entries = walk.filter_entry(wanted).map(Result::unwrap);
    entries
        .map(|e| (e.path().strip_prefix(install).unwrap().as_os_str().as_bytes().to_vec(), state(e.path())))
        .collect()
}

/// Asserts that two trees are the same; how many entries were compared, by kind.
fn same(before: &Tree, after: &Tree) -> BTreeMap<&'static str, u32> {
    let paths: BTreeSet<&Vec<u8>> = before.keys().chain(after.keys()).collect();
    let mut wrong = Vec::new();
    let mut count = BTreeMap::new();
    for path in paths {
        let (old, new) = (before.get(path), after.get(path));
        if old != new {
            wrong.push((String::from_utf8_lossy(path).into_owned(), old, new));
        }
        *count.entry(old.map_or("more", |s| s.kind)).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{} of {count:?} are not as they were: {wrong:#?}", wrong.len());
    count
}

fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Names that releases ship, too.
const NAMES: [&[u8]; 12] = [
    b"plain.md",
    b"with space.md",
    b" leading and trailing ",
    b"new\nline.md",
    b"tab\tand \x1b[31mcolour",
    b"latin-1 \xe4\xf6.md",
    b"\xff\xfe\xfd",
    "größe.md".as_bytes(),
    "日本語.md".as_bytes(),
    b"-rf",
    b"base64:AAAA",
    b"back\\slash \"quotes\" 'too'.md",
];

struct World {
    sandbox: Sandbox,
    source: PathBuf,
    project: PathBuf,
    install: PathBuf,
    before: Tree,
}

/// A commit with these files on top of the demo's last release. Nothing else could make such names.
fn release(source: &Path, files: &[(Vec<u8>, Vec<u8>, &str)]) {
    let mut command = Command::new("git");
    command.current_dir(source).args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut to = child.stdin.take().unwrap();
    let head = git(source, &["symbolic-ref", "HEAD"]);
    write!(to, "commit {head}\ncommitter t <t@example.invalid> 1760000000 +0000\ndata 1\nr\nfrom {head}^0\n").unwrap();
    writeln!(to, "D universal/standards/odd\nD scripts/odd").unwrap();
    for (path, bytes, mode) in files {
        let quoted: String = path.iter().map(|b| format!("\\{b:03o}")).collect();
        write!(to, "M {mode} inline \"{quoted}\"\ndata {}\n", bytes.len()).unwrap();
        to.write_all(bytes).unwrap();
        to.write_all(b"\n").unwrap();
    }
    drop(to);
    assert!(child.wait().unwrap().success());
    git(source, &["reset", "--hard", "--quiet"]);
}

/// Of every name one file that stays, one that changes, one that moves, one that goes, and in the second release one
/// that is new.
fn files(second: bool) -> Vec<(Vec<u8>, Vec<u8>, &'static str)> {
    let mut all = Vec::new();
    for (number, name) in NAMES.iter().enumerate() {
        let mut add = |folder: &str, text: String, mode| {
            all.push(([b"universal/standards/odd/", folder.as_bytes(), b"/", name].concat(), text.into_bytes(), mode));
        };
        let long = |word: &str| (0..40).map(|n| format!("{word} {number} line {n}\n")).collect::<String>();
        add("stays", long("stays"), "100644");
        add("changes", if second { long("changed") } else { long("changes") }, "100644");
        add("becomes executable", long("same"), if second { "100755" } else { "100644" });
        add(if second { "moved/deep" } else { "moves" }, long("moves"), "100644");
        if second {
            add("new/deep/er", long("new"), "100644");
            add("was a file/now a folder", long("folder"), "100644");
        } else {
            add("goes/deep/er", long("goes"), "100755");
        }
    }
    all.push((
        b"universal/standards/odd/empty".to_vec(),
        if second { b"full\n".to_vec() } else { Vec::new() },
        "100644",
    ));
    let large: Vec<u8> = (0..400_000_u32).flat_map(|n| (n ^ u32::from(second)).to_le_bytes()).collect();
    all.push((b"universal/standards/odd/large".to_vec(), large, "100644"));
    let long = "n".repeat(255);
    all.push((format!("scripts/odd/{long}").into_bytes(), format!("long {second}\n").into_bytes(), "100755"));
    all
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let (source, project) = (sandbox.path().join("source"), sandbox.path().join("project"));
        let install = project.join(".praxis-os");
        fs::create_dir_all(&project).unwrap();
        demo::prepare_source(&source).unwrap();
        release(&source, &files(false));
        demo::install_release(&source, "HEAD", &install).unwrap();
        release(&source, &files(true));
        sandbox.watch(&install);
        odd_things(&install);
        odd_states(&install);
        let before = tree(&install);
        Self { sandbox, source, project, install, before }
    }

    fn run(&self, arguments: &[&OsStr]) -> String {
        let (code, said) = self.try_run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    fn try_run(&self, arguments: &[&OsStr]) -> (i32, String) {
        let mut command = self.sandbox.command();
        text(&command.args(arguments).arg("--project").arg(&self.project).output().unwrap())
    }

    fn upgrade(&self) {
        let words = ["upgrade", "--yes", "--only", "content", "--on-conflict", "take", "--allow-removals", "12"];
        self.run(&[&words.map(OsStr::new)[..], &["--source".as_ref(), self.source.as_os_str()]].concat());
        let after = tree(&self.install);
        let paths: BTreeSet<_> = self.before.keys().chain(after.keys()).collect();
        let changed = paths.into_iter().filter(|p| self.before.get(*p) != after.get(*p)).count();
        println!("the upgrade changed {changed} of {} entries", after.len());
        assert!(changed > 5 * NAMES.len(), "{changed}");
    }

    fn roll_back(&self) -> String {
        self.run(&["rollback", "--yes"].map(OsStr::new))
    }

    fn odd(&self) -> PathBuf {
        self.install.join("standards/universal/odd")
    }
}

/// What a user, or a tool of his, has in an install.
fn odd_things(install: &Path) {
    let own = install.join("specs/odd");
    fs::create_dir_all(own.join("empty folder/in one")).unwrap();
    for name in NAMES {
        fs::write(own.join(OsStr::from_bytes(name)), name).unwrap();
        let folder = own.join(OsStr::from_bytes(&[b"folder ", name].concat()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("x"), name).unwrap();
        symlink(OsStr::from_bytes(&[b"to ", name].concat()), folder.join("dangling")).unwrap();
    }
    fs::write(own.join("empty"), "").unwrap();
    let sparse = fs::File::create(own.join("sparse")).unwrap();
    sparse.set_len(20_000_000).unwrap();
    fs::write(own.join("one"), "linked hard").unwrap();
    fs::hard_link(own.join("one"), own.join("two")).unwrap();
    for (name, to) in [("up", ".."), ("absolute", "/etc/hostname"), ("nowhere", "/none"), ("self", "self")] {
        symlink(to, own.join(name)).unwrap();
    }
    symlink(OsStr::from_bytes(b"\xff\xfe not text"), own.join("not text")).unwrap();
    symlink("\u{fffd}", own.join("replacement")).unwrap();
    symlink("x".repeat(4000), own.join("long")).unwrap();
    // In a managed folder, beside what comes and goes.
    symlink(OsStr::from_bytes(b"\xffmine"), install.join("standards/universal/odd/goes/link of mine")).unwrap();
    fs::create_dir(install.join("standards/universal/odd/goes/empty folder of mine")).unwrap();
    fs::write(install.join("standards/universal/odd/moves/mine"), "mine").unwrap();
}

/// Modes and times, on every entry another.
fn odd_states(install: &Path) {
    let root = rustix::process::geteuid().is_root();
    let files: &[u32] = if root {
        &[0o644, 0o600, 0o444, 0o000, 0o755, 0o4755, 0o2755, 0o640, 0o777, 0o400, 0o200]
    } else {
        &[0o644, 0o600, 0o444, 0o755, 0o4755, 0o640, 0o777, 0o400]
    };
    let folders: &[u32] =
        if root { &[0o755, 0o700, 0o2775, 0o1777, 0o555, 0o751] } else { &[0o755, 0o700, 0o2775, 0o1777, 0o751] };
    let times = [
        (1_700_000_000, 123_456_789),
        (-1, 999_999_999),
        (-86_400 * 365, 1),
        (0, 0),
        (1, 1),
        (4_000_000_000, 500),
        (1_600_000_000, 0),
    ];
    let places = [install.join("specs"), install.join("standards/universal/odd"), install.join("scripts/odd")];
    // From the inside out, and times last: each change inside changes the folder's.
    let walk = places.iter().flat_map(|p| walkdir::WalkDir::new(p).contents_first(true)).map(Result::unwrap);
    let all: Vec<PathBuf> = walk.map(walkdir::DirEntry::into_path).collect();
    let (mut file, mut folder) = (0, 0);
    for path in &all {
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_file() {
            // What executes stays so: that is part of what a release is known by.
            let mode = files[file % files.len()];
            let executes = path.metadata().unwrap().permissions().mode() & 0o100 != 0;
            let managed = !path.starts_with(install.join("specs"));
            let mode = match (managed, executes) {
                (false, _) => mode,
                (true, true) => mode | 0o100,
                (true, false) => mode & !0o111,
            };
            set_mode(path, mode);
            file += 1;
        } else if kind.is_dir() {
            set_mode(path, folders[folder % folders.len()]);
            folder += 1;
        }
    }
    for (number, path) in all.iter().enumerate() {
        let (seconds, nanoseconds) = times[number % times.len()];
        set_time(path, seconds, nanoseconds);
    }
}

#[test]
fn everything_comes_back() {
    let world = World::new();
    world.upgrade();
    world.roll_back();
    let count = same(&world.before, &tree(&world.install));
    println!("{} of {} entries came back: {count:?}", world.before.len(), world.before.len());
    assert!(world.before.len() > 190 && count["link"] > 12 && count["folder"] > 30, "{count:?}");
    assert!(!world.install.join("rescued").exists(), "nothing was taken for an edit");
    // And once more: what came back can be upgraded and put back again.
    world.upgrade();
    world.roll_back();
    same(&world.before, &tree(&world.install));
}

#[test]
fn what_the_user_did_since_is_kept_beside() {
    let world = World::new();
    world.upgrade();
    let odd = world.odd();
    let at = |folder: &str, n: usize| odd.join(folder).join(OsStr::from_bytes(NAMES[n]));
    // Edits of what the upgrade changed, made executable, added, and moved.
    let mut edits: Vec<PathBuf> = Vec::new();
    for (folder, n) in
        [("changes", 1), ("changes", 6), ("new/deep/er", 5), ("moved/deep", 3), ("becomes executable", 9)]
    {
        fs::write(at(folder, n), format!("mine {folder} {n}")).unwrap();
        edits.push(at(folder, n));
    }
    // Removed, or put back where it went from.
    fs::remove_file(at("changes", 2)).unwrap();
    fs::remove_file(at("new/deep/er", 2)).unwrap();
    fs::remove_dir_all(odd.join("moved")).unwrap();
    edits.retain(|p| !p.starts_with(odd.join("moved")));
    fs::create_dir_all(odd.join("goes/deep/er")).unwrap();
    fs::write(at("goes/deep/er", 0), "mine where one went").unwrap();
    edits.push(at("goes/deep/er", 0));
    // A link in the place of a file; what it leads to is not touched.
    let victim = world.sandbox.path().join("victim");
    fs::write(&victim, "not ours").unwrap();
    for (folder, n) in [("changes", 4), ("new/deep/er", 4)] {
        fs::remove_file(at(folder, n)).unwrap();
        symlink(&victim, at(folder, n)).unwrap();
        edits.push(at(folder, n));
    }
    // New files of his own stay where they are.
    let mut own: BTreeMap<PathBuf, State> = BTreeMap::new();
    for path in [odd.join("new/mine"), odd.join("changes/mine"), world.install.join("specs/odd/mine too")] {
        fs::write(&path, "mine").unwrap();
        own.insert(path.clone(), state(&path));
    }
    let edited: Vec<(PathBuf, State)> = edits.iter().map(|p| (p.clone(), state(p))).collect();
    let said = world.roll_back();

    let mut now = tree(&world.install);
    for (path, was) in &own {
        let name = path.strip_prefix(&world.install).unwrap().as_os_str().as_bytes().to_vec();
        assert_eq!(now.remove(&name).as_ref(), Some(was), "{path:?} is the user's own");
    }
    // A folder that the user has put something in stays for it, and one he changed something in has another time.
    now.remove(&b"standards/universal/odd/new"[..]);
    let mut before = world.before.clone();
    before.remove(&b"specs/odd"[..]);
    now.remove(&b"specs/odd"[..]);
    let count = same(&before, &now);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "not ours");

    let rescued = fs::read_dir(world.install.join("rescued")).unwrap().next().unwrap().unwrap().path();
    for (path, was) in &edited {
        let kept = rescued.join(path.strip_prefix(&world.install).unwrap());
        let found = state(&kept);
        assert_eq!((found.kind, &found.bytes, found.time), (was.kind, &was.bytes, was.time), "{kept:?}");
    }
    let listed = said.lines().filter(|l| l.trim().starts_with("warning:") && l.contains("is now in rescued/")).count();
    assert_eq!(listed, edited.len(), "{said}");
    let found = walkdir::WalkDir::new(&rescued).into_iter().flatten().filter(|e| !e.file_type().is_dir()).count();
    assert_eq!(found, edited.len(), "nothing else was rescued");
    println!(
        "{} entries compared: {count:?}; {listed} edits set aside and listed, {} of the user's own",
        before.len(),
        own.len()
    );
}

#[test]
fn one_by_one() {
    let world = World::new();
    world.upgrade();
    let (mut count, mut folders) = (0, 0);
    // Whatever stands there now: nothing, something else, or the same with another time.
    for (number, (path, was)) in world.before.iter().enumerate() {
        let shown = OsStr::from_bytes(path);
        let live = world.install.join(shown);
        // A path on the command line is bytes; only what looks like an option needs help.
        let argument = live.clone();
        if was.kind == "folder" {
            if folders < 5 {
                let (code, said) = world.try_run(&[OsStr::new("restore"), argument.as_os_str()]);
                assert!(code == 4 && said.contains("a folder"), "{said}");
            }
            folders += 1;
            continue;
        }
        // A third of them is enough, all odd ones among them.
        let odd = shown.as_bytes().windows(3).any(|w| w == b"odd");
        if !odd || (was.kind == "file" && number % 2 == 0) {
            continue;
        }
        let there = live.symlink_metadata().is_ok();
        match number % 3 {
            0 if there => fs::remove_file(&live).unwrap(),
            1 => {
                fs::create_dir_all(live.parent().unwrap()).unwrap();
                let _ = fs::remove_file(&live);
                if was.kind == "link" { fs::write(&live, "mine").unwrap() } else { symlink("mine", &live).unwrap() }
            }
            _ => {}
        }
        let (code, said) = world.try_run(&[OsStr::new("restore"), argument.as_os_str()]);
        assert_eq!(code, 0, "{shown:?}: {said}");
        assert_eq!(state(&live), *was, "{shown:?}: {said}");
        count += 1;
    }
    println!("{count} files and links brought back one by one, {folders} folders");
    assert!(count > 60, "{count}");
}
