//! What planning does to the machine: it writes nothing at all, asks git for each thing once, and reads each file of the
//! install once (an edited one again, to merge it).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::common::ext::program;
use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::core::plan::{FileEntry, Kind, Plan};
use pos_upgrade_tui::host::demo::Demo;
use rustix::fs::inotify;

fn of<'a>(arguments: &[&'a str], demo: &'a Demo) -> Vec<&'a str> {
    let path = |p: &'a Path| p.to_str().unwrap();
    [arguments, &["--project", path(&demo.project), "--source", path(&demo.source)]].concat()
}

/// Everything below a folder, git's own files and the home included: kind, mode, owner, times to the nanosecond
/// (also of the last change of any of these), link target, bytes.
fn everything(folder: &Path) -> BTreeMap<PathBuf, String> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let state = |entry: &walkdir::DirEntry| {
        let meta = entry.path().symlink_metadata().unwrap();
        let times = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
        let bytes = if meta.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        let sum = pos_upgrade_tui::core::blob::sha256(&bytes);
        let link = fs::read_link(entry.path()).ok();
        format!("{:?} {:o} {times:?} {link:?} {sum}", meta.file_type(), meta.mode())
    };
    entries.map(|e| (e.path().to_owned(), state(&e))).collect()
}

#[test]
fn planning_writes_nothing_at_all() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    // An index that git would like to refresh, and files of the user's that no layout knows.
    for entry in walkdir::WalkDir::new(demo.source.join("universal")).into_iter().map(Result::unwrap) {
        let file = fs::File::open(entry.path()).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    }
    fs::create_dir_all(demo.install.join(".cache")).unwrap();
    fs::write(demo.install.join(".cache/index"), "a search index\n").unwrap();
    let before = everything(&sandbox.path());
    assert!(before.keys().any(|p| p.ends_with("source/.git/index")));
    for (arguments, code) in [
        (&["plan"][..], 0),
        (&["plan", "--json"], 0),
        (&["plan", "--diff"], 0),
        (&["plan", "--exit-code"], 10),
        (&["plan", "--only", "server"], 0),
        (&["plan", "--to", "v1.1.0"], 0),
        (&["upgrade", "--dry-run"], 0),
        (&["upgrade", "--yes"], 3),
        (&["edits", "--diff"], 0),
    ] {
        let output = sandbox.run(&of(arguments, &demo));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output).1);
        let after = everything(&sandbox.path());
        let paths = before.keys().chain(after.keys()).filter(|p| before.get(*p) != after.get(*p));
        let different: Vec<_> = paths.map(|p| (p, before.get(p), after.get(p))).collect();
        assert!(different.is_empty(), "{arguments:?} wrote: {different:#?}");
    }
}

#[test]
fn git_is_asked_for_each_thing_once() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (bin, log) = (sandbox.path().join("bin"), sandbox.path().join("git-calls"));
    fs::create_dir(&bin).unwrap();
    let wrapper =
        format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec '{}' \"$@\"\n", log.display(), program("git").display());
    fs::write(bin.join("git"), wrapper).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let head = git(&demo.source, &["rev-parse", "HEAD"]);
    let output = sandbox.command().env("PATH", path).args(of(&["plan"], &demo)).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);

    let calls = fs::read_to_string(&log).unwrap();
    // The subcommand is the first word that is neither an option nor its value.
    let subcommand = |line: &str| {
        let mut words = line.split(' ').peekable();
        while words.next_if_eq(&"-c").is_some() {
            words.next();
        }
        words.collect::<Vec<_>>().join(" ")
    };
    let calls: Vec<String> = calls.lines().map(subcommand).collect();
    let count = |word: &str| calls.iter().filter(|c| c.split(' ').next() == Some(word)).count();
    assert_eq!(count("status"), 1, "{calls:#?}");
    let contents = calls.iter().filter(|c| *c == "cat-file --batch").count();
    assert_eq!(contents, 1, "one process for all contents, commit and folders among them: {calls:#?}");
    assert_eq!(count("cat-file"), 2, "and one for all sizes: {calls:#?}");
    assert_eq!(count("ls-tree"), 0, "{calls:#?}");
    assert_eq!(count("config"), 1, "how files are checked out: {calls:#?}");
    assert_eq!(count("rev-parse"), 2, "{calls:#?}");
    // No commit is read twice: one reads up to the commit, the other what it does not contain.
    let logs: Vec<&String> = calls.iter().filter(|c| c.starts_with("log ")).collect();
    let (later, up_to): (Vec<&&String>, Vec<&&String>) =
        logs.iter().partition(|c| c.contains(&format!("--not {head}")));
    assert_eq!((up_to.len(), later.len()), (1, 1), "{logs:#?}");
    assert!(up_to[0].ends_with(&format!(" {head}")), "{logs:#?}");
    assert_eq!(count("ls-files"), 1, "which files the project has: {calls:#?}");
    assert_eq!(calls.len(), 9, "and nothing else: {calls:#?}");
}

/// The git folder of our own through which a source is read outlives a kill, but not the next command.
#[test]
fn what_a_killed_plan_left_is_cleared_away_by_the_next() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (bin, temporary) = (sandbox.path().join("bin"), sandbox.path().join("tmp"));
    let (slow, pid) = (sandbox.path().join("slow"), sandbox.path().join("pid"));
    for folder in [&bin, &temporary] {
        fs::create_dir(folder).unwrap();
    }
    let (note, git) = (pid.display(), program("git"));
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *' log '*) test -e '{}' && echo $$ > '{note}.new' && mv '{note}.new' '{note}' && exec sleep 600;; esac\nexec '{}' \"$@\"\n",
        slow.display(),
        git.display()
    );
    fs::write(bin.join("git"), script).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let plan = || {
        let mut command = sandbox.command();
        command.env("PATH", &path).env("TMPDIR", &temporary).args(of(&["plan"], &demo));
        command
    };
    let left = || fs::read_dir(&temporary).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    // Somebody else's, with such a name.
    fs::create_dir(temporary.join("pos-upgrade-git-mine")).unwrap();
    fs::write(temporary.join("pos-upgrade-git-mine/notes"), "mine").unwrap();
    fs::write(&slow, "").unwrap();
    let hang = || {
        let mut child = plan().stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        crate::common::eventually("git is asked for the history", || {
            pid.exists() || child.try_wait().unwrap().is_some()
        });
        let asleep = fs::read_to_string(&pid).unwrap();
        fs::remove_file(&pid).unwrap();
        let asleep = rustix::process::Pid::from_raw(asleep.trim().parse().unwrap()).unwrap();
        (child, move || rustix::process::kill_process(asleep, rustix::process::Signal::KILL).unwrap())
    };
    let (mut killed, end_its_git) = hang();
    killed.kill().unwrap();
    killed.wait().unwrap();
    end_its_git();
    assert_eq!(left().len(), 2, "the kill has left one: {:?}", left());
    let (mut living, end_its_git) = hang();
    assert_eq!(left().len(), 2, "the dead one's is gone, the living one's is there: {:?}", left());
    fs::remove_file(&slow).unwrap();
    let output = plan().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert_eq!(left().len(), 2, "nobody takes it from the living: {:?}", left());
    end_its_git();
    living.wait().unwrap();
    assert_eq!(left(), ["pos-upgrade-git-mine"], "what is somebody's stays");
}

/// How often each file below a folder is opened while something runs.
fn opened(folder: &Path, run: impl FnOnce()) -> BTreeMap<String, usize> {
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    let mut folders = HashMap::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_dir()) {
        let id = inotify::add_watch(&watch, entry.path(), inotify::WatchFlags::OPEN).unwrap();
        folders.insert(id, entry.path().strip_prefix(folder).unwrap().to_owned());
    }
    run();
    let mut counts = BTreeMap::new();
    let mut buffer = [MaybeUninit::<u8>::uninit(); 64 * 1024];
    let mut reader = inotify::Reader::new(&watch, &mut buffer);
    loop {
        match reader.next() {
            Ok(event) => {
                assert!(!event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW));
                let Some(name) = event.file_name().filter(|_| !event.events().contains(inotify::ReadFlags::ISDIR))
                else {
                    continue;
                };
                let path = folders[&event.wd()].join(name.to_str().unwrap());
                *counts.entry(path.to_str().unwrap().to_owned()).or_insert(0) += 1;
            }
            Err(rustix::io::Errno::AGAIN) => return counts,
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn each_file_of_the_install_is_read_once() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let mut stdout = Vec::new();
    let opened = opened(&demo.install, || stdout = sandbox.run(&of(&["plan", "--json"], &demo)).stdout);
    let plan: Plan = serde_json::from_slice(&stdout).unwrap();
    let mut merged = 0;
    for file in &plan.files {
        let spot = file.from.as_ref().unwrap_or(&file.path).to_string();
        let times = opened.get(&spot).copied().unwrap_or(0);
        match (&file.mine, file.kind) {
            (None, _) => assert_eq!(times, 0, "{file:#?}"),
            (Some(_), Kind::AutoMerge | Kind::Conflict) => {
                merged += usize::from(times == 2);
                assert!(times == 1 || times == 2, "{times}: {file:#?}");
            }
            (Some(_), _) => assert_eq!(times, 1, "{file:#?}"),
        }
    }
    assert!(merged > 1, "an edited file is read again, to merge it");
}

/// What the last upgrade left as it is, is not read again; whatever was changed since is, also with its old size and time.
#[test]
fn a_file_that_stays_as_it_was_is_not_read_again() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let arguments = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep"];
    let output = sandbox.run(&of(&arguments, &demo));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let plan = || -> Plan { serde_json::from_slice(&sandbox.run(&of(&["plan", "--json"], &demo)).stdout).unwrap() };
    let mut before = None;
    let seen = opened(&demo.install, || before = Some(plan()));
    let before = before.unwrap();
    let pristine =
        |f: &&FileEntry| f.kind == Kind::Unchanged && f.mine.is_some() && !f.path.to_string().contains("config");
    let unread: Vec<&FileEntry> =
        before.files.iter().filter(pristine).filter(|f| !seen.contains_key(&f.path.to_string())).collect();
    assert!(unread.len() > 3, "{seen:?}");
    let path = unread[0].path.under(&demo.install);
    let (bytes, time) = (fs::read(&path).unwrap(), path.metadata().unwrap().modified().unwrap());
    let other: Vec<u8> = bytes.iter().map(|b| if *b == b'e' { b'E' } else { *b }).collect();
    assert_ne!(bytes, other);
    fs::write(&path, &other).unwrap();
    fs::File::open(&path).unwrap().set_modified(time).unwrap();
    let after = plan();
    let now = after.files.iter().find(|f| f.path == unread[0].path).unwrap();
    assert_ne!((now.kind, &now.mine), (Kind::Unchanged, &unread[0].mine), "its edit is seen");
}
