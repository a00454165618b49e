//! What the machine refuses: rights, locks, room on the disk, programs that are not there.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bad_input::set_up::{LOCKED, REFUSED, small_demo, upgrade, utf8};
use crate::common::ext::{self, Helper, State, refusal, refused, refused_by, sessions, skipped, sleeper};
use crate::common::mounts;
use crate::common::mounts::Mount;
use crate::common::{Sandbox, text};

/// A command as the sandbox gives it: its home, its folder, no terminal.
fn like(sandbox: &Sandbox, mut command: Command) -> Command {
    command.current_dir(sandbox.path()).stdin(Stdio::null());
    for (name, value) in sandbox.command().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// A user who may read everything and write nothing that isn't theirs: for root somebody else, otherwise oneself.
struct Reader {
    binary: PathBuf,
    root: bool,
}

impl Reader {
    fn new(sandbox: &Sandbox) -> Self {
        let root = ext::is_root();
        let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
        if root {
            // Where the others can get at it, and with a git that reads a repository of ours.
            fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o755)).unwrap();
            let copy = sandbox.path().join("pos-upgrade-tui");
            fs::copy(&binary, &copy).unwrap();
            binary = copy;
            fs::write(sandbox.path().join("home/.gitconfig"), "[safe]\n\tdirectory = *\n").unwrap();
        }
        Self { binary, root }
    }

    fn command(&self, sandbox: &Sandbox) -> Command {
        const NOBODY: u32 = 65534;
        let mut command = like(sandbox, Command::new(&self.binary));
        if self.root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Gives everything below a folder to the reader.
    fn own(&self, folder: &Path) {
        if self.root {
            for entry in walkdir::WalkDir::new(folder) {
                std::os::unix::fs::lchown(entry.unwrap().path(), Some(65534), Some(65534)).unwrap();
            }
        }
    }
}

/// A folder that nobody can write until this goes.
struct Sealed(PathBuf);

impl Sealed {
    fn new(folder: &Path) -> Self {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
        Self(folder.to_owned())
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, fs::Permissions::from_mode(0o755));
    }
}

#[test]
fn an_install_that_can_not_be_written() {
    let (sandbox, demo) = small_demo();
    let reader = Reader::new(&sandbox);
    reader.own(&demo.project);
    let arguments = upgrade(&demo.project, &demo.source);
    for folder in [demo.install.clone(), demo.install.join("standards/universal"), demo.install.join("workflows")] {
        let sealed = Sealed::new(&folder);
        let names = [utf8(&folder), "can't be written", "chmod", "POS-E0103"];
        refused_by(&|| reader.command(&sandbox), &demo.project, &arguments, REFUSED, &names);
        drop(sealed);
    }
    // Not sealed, the same user upgrades it: it was this that was refused.
    let output = reader.command(&sandbox).args(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

/// An attribute that lasts as long as this.
struct Attribute(PathBuf, char);

impl Attribute {
    fn set(path: &Path, letter: char) -> Result<Self, String> {
        mounts::tool("chattr", &[&format!("+{letter}"), utf8(path)]).map(|()| Self(path.to_owned(), letter))
    }
}

impl Drop for Attribute {
    fn drop(&mut self) {
        let _ = mounts::tool("chattr", &[&format!("-{}", self.1), utf8(&self.0)]);
    }
}

#[test]
fn a_file_of_somebody_elses_in_a_folder_with_the_sticky_bit() {
    if !ext::is_root() {
        return skipped("only root can give files away");
    }
    let (sandbox, demo) = small_demo();
    let plain = ext::Plain::new(&sandbox);
    let folder = demo.install.join("scripts");
    let file = folder.join("check-links.py");
    for path in [&folder, &file] {
        std::os::unix::fs::lchown(path, Some(0), Some(0)).unwrap();
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let arguments = upgrade(&demo.project, &demo.source);
    let start = || plain.command(&sandbox);
    let take = format!("chmod -t {}", utf8(&folder));
    let names = [utf8(&file), "sticky bit", "sudo chown", &take];
    let said = refused_by(&start, &demo.project, &arguments, REFUSED, &names);
    assert!(!said.contains("chmod u+w"), "{said}");
    // Each of the two ways leads on: here the bit goes.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let output = plain.command(&sandbox).args(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

#[test]
fn what_an_attribute_forbids_to_change() {
    let (sandbox, demo) = small_demo();
    let arguments = upgrade(&demo.project, &demo.source);
    let (install, ignored) = (&demo.install, demo.project.join(".gitignore"));
    fs::write(&ignored, "/target\n").unwrap();
    let probe = Attribute::set(&ignored, 'i');
    if let Err(why) = probe {
        return skipped(&why);
    }
    drop(probe);
    // Files that are replaced, removed and appended to; the folders around them; our own places; the project's file.
    let places = [
        "scripts/check-links.py",
        "standards/universal/ai-safety",
        "standards/universal",
        "workflows/agent_os_upgrade_v1/metadata.json",
        "UPDATE_LOG.txt",
        "",
    ];
    fs::write(install.join("UPDATE_LOG.txt"), "2025-01-01 | mine\n").unwrap();
    for path in places.map(|place| if place.is_empty() { ignored.clone() } else { install.join(place) }) {
        for letter in ['i', 'a'] {
            if path.ends_with("standards/universal") && letter == 'a' {
                // New files may be made in it, and nothing that is in it goes.
                continue;
            }
            let set = Attribute::set(&path, letter).unwrap();
            let command = format!("chattr -{letter} {}", utf8(&path));
            let said =
                refused(&sandbox, &demo.project, &arguments, REFUSED, &[utf8(&path), "lsattr", &command, "POS-E0105"]);
            assert!(!said.contains("chmod"), "{said}");
            drop(set);
        }
    }
    // What the upgrade leaves alone may be as it is.
    let own = install.join("standards/development/mine.md");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "mine").unwrap();
    let set = Attribute::set(&own, 'i').unwrap();
    let output = sandbox.command().args(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    drop(set);
    // Found on the way back, it is named with what takes it away; then the rollback is done.
    let updated = install.join("scripts/check-links.py");
    let set = Attribute::set(&updated, 'i').unwrap();
    let back = ["rollback", "--yes", "--project", utf8(&demo.project)];
    let (code, said) = text(&sandbox.run(&back));
    assert!(code == 6 && said.contains(&format!("chattr -i {}", utf8(&updated))), "{code}: {said}");
    drop(set);
    let (code, said) = text(&sandbox.run(&back));
    assert_eq!(code, 0, "{said}");
}

#[test]
fn something_is_mounted_inside() {
    let (sandbox, demo) = small_demo();
    let arguments = upgrade(&demo.project, &demo.source);
    let ignored = demo.project.join(".gitignore");
    fs::write(&ignored, "/target\n").unwrap();
    let elsewhere = sandbox.path().join("elsewhere");
    let copy = |path: &Path| {
        let _ = fs::remove_dir_all(&elsewhere).or_else(|_| fs::remove_file(&elsewhere));
        assert!(Command::new("cp").arg("-a").arg(path).arg(&elsewhere).status().unwrap().success());
    };
    let inside = ["standards", "standards/universal/ai-safety", "scripts/check-links.py", ".upgrade"];
    fs::create_dir_all(demo.install.join(".upgrade")).unwrap();
    for path in inside.map(|path| demo.install.join(path)).iter().chain([&ignored]) {
        // The same bytes on the same file system: only the mount tells of it.
        copy(path);
        let mounted = Command::new("mount").arg("--bind").arg(&elsewhere).arg(path).output().unwrap();
        if !mounted.status.success() {
            return skipped(&String::from_utf8_lossy(&mounted.stderr));
        }
        let unmount = Mount::of(path);
        let names = [utf8(path), "mounted", &format!("umount {}", utf8(path))];
        refused(&sandbox, &demo.project, &arguments, REFUSED, &names);
        drop(unmount);
    }
    // The whole install, the project, and what is not touched may be mounted.
    let own = demo.install.join("specs");
    fs::create_dir_all(&own).unwrap();
    for path in [&own, &demo.install, &demo.project] {
        let here = Command::new("mount").arg("--bind").arg(path).arg(path).status().unwrap();
        assert!(here.success());
    }
    let all = [Mount::of(&demo.project), Mount::of(&demo.install)];
    let output = sandbox.command().args(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let (code, said) = text(&sandbox.run(&["rollback", "--yes", "--project", utf8(&demo.project)]));
    assert_eq!(code, 0, "{said}");
    drop(all);
    drop(Mount::of(&own));
}

#[test]
fn a_lock_that_is_held() {
    let (sandbox, demo) = small_demo();
    let upgrade_folder = demo.install.join(".upgrade");
    fs::create_dir(&upgrade_folder).unwrap();
    let lock = upgrade_folder.join("lock");
    let code = "import fcntl, sys, time\nf = open(sys.argv[1], 'a')\nfcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\ntime.sleep(60)";
    let child = Command::new(ext::interpreter())
        .args(["-c", code])
        .arg(&lock)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut holder = Helper(child.unwrap());
    let mut said = String::new();
    BufReader::new(holder.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said.trim(), "held");
    let arguments = upgrade(&demo.project, &demo.source);
    let names = [utf8(&demo.install), "another upgrade", "status"];
    refused(&sandbox, &demo.project, &arguments, LOCKED, &names);

    let status = sandbox.run(&["status", "--json", "--project", utf8(&demo.project)]);
    let status = ext::lines(&status.stdout).pop().unwrap();
    assert!(status["running"].is_string(), "status sees the lock too: {status}");

    // With the note beside the lock, the holder is named.
    let note = demo.install.join(".upgrade-lock");
    let words = |pid: u32| {
        let now = jiff::Timestamp::now();
        format!("{{\"session_id\": \"of-another\", \"started_at\": \"{now}\", \"pid\": {pid}}}\n")
    };
    fs::write(&note, words(holder.pid())).unwrap();
    let pid = format!("pid {}", holder.pid());
    refused(&sandbox, &demo.project, &arguments, LOCKED, &[utf8(&demo.install), &pid, "of-another"]);

    // With its holder gone, neither lock nor note are in the way.
    holder.kill();
    let output = sandbox.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert!(!note.exists(), "the stale note goes with the upgrade");
    assert!(lock.exists(), "the lock's file stays");
}

#[test]
fn a_note_of_a_living_process_alone_and_a_stale_one() {
    let (sandbox, demo) = small_demo();
    let mut other = sleeper();
    let note = demo.install.join(".upgrade-lock");
    let arguments = upgrade(&demo.project, &demo.source);
    // The seed's three keys and no more, as another tool would write them.
    let now = jiff::Timestamp::now();
    fs::write(&note, format!("{{\"session_id\":\"of-another\",\"started_at\":\"{now}\",\"pid\":{}}}", other.pid()))
        .unwrap();
    let pid = format!("pid {}", other.pid());
    refused(&sandbox, &demo.project, &arguments, LOCKED, &[utf8(&demo.install), &pid, "of-another"]);

    other.kill();
    let output = sandbox.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert!(!note.exists());
    assert_eq!(sessions(&demo.install).len(), 1);
}

#[test]
fn a_disk_that_is_too_small_for_the_backup() {
    let (sandbox, demo) = small_demo();
    // A file with a hole of three quarters of the free space: there is room for its copy, but not for twice as much.
    let path = demo.install.join("specs/measurements.bin");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = fs::File::create(&path).unwrap();
    let time = file.metadata().unwrap().modified().unwrap();
    let before = State::of(&demo.project);
    let free = rustix::fs::statvfs(&demo.install).unwrap();
    file.set_len(free.f_bavail * free.f_frsize / 4 * 3).unwrap();
    // Should it not be refused, it is not to fill the disk with that copy either.
    let start = || {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -f 100000 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pos-upgrade-tui")]);
        like(&sandbox, command)
    };
    let arguments = upgrade(&demo.project, &demo.source);
    let names = [utf8(&demo.install), "free", "needed"];
    let (said, _) = refusal(&start, &arguments, REFUSED, &names);
    assert!(said.contains("nothing was changed"), "{said}");
    file.set_len(0).unwrap();
    file.set_modified(time).unwrap();
    before.assert_still(&demo.project);
}

#[test]
fn a_real_file_system_that_is_too_small() {
    let (sandbox, demo) = small_demo();
    let dir = sandbox.path();
    fs::create_dir_all(demo.install.join("specs")).unwrap();
    fs::write(demo.install.join("specs/notes.bin"), vec![7; 1_000_000]).unwrap();
    let sizes = walkdir::WalkDir::new(&demo.project).into_iter().map(|e| e.unwrap().metadata().unwrap().len());
    let sizes: Vec<u64> = sizes.collect();
    // Whole pages, and behind them room for one and a half copies.
    let room = sizes.iter().map(|n| n.div_ceil(4096) * 4 + 4).sum::<u64>() + sizes.iter().sum::<u64>() * 3 / 2 / 1024;
    let before = State::of(&demo.project);
    // In a mount namespace of its own, which goes with its last process whatever happens to this one. Afterwards the
    // file system's content is copied out, so that it can be compared.
    let script = r#"
        set -e
        mount -t tmpfs -o "size=$1k" small "$2"
        cp -a "$3/." "$2/"
        status=0
        "$5" upgrade --project "$2" --source "$6" --yes --on-conflict keep $7 || status=$?
        cp -a "$2/." "$4/"
        exit $status"#;
    let (small, after) = (dir.join("small"), dir.join("after"));
    fs::create_dir(&small).unwrap();
    let binary = env!("CARGO_BIN_EXE_pos-upgrade-tui");
    let size = room.to_string();
    let start = |namespace: &str, program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args([namespace, "--"]).args(program);
        like(&sandbox, command)
    };
    let works = |namespace: &&str| {
        let probe = format!("mount -t tmpfs -o size=64k small '{}'", small.display());
        start(namespace, &["sh", "-c", &probe]).output().is_ok_and(|o| o.status.success())
    };
    let Some(namespace) = ["-m", "-rm"].into_iter().find(works) else {
        return skipped("this user may not mount a tmpfs, not even in a namespace");
    };
    for json in ["", "--json"] {
        fs::create_dir(&after).unwrap();
        let arguments = ["sh", "-c", script, "sh", &size, utf8(&small), utf8(&demo.project), utf8(&after), binary];
        let output = start(namespace, &arguments).args([utf8(&demo.source), json]).output().unwrap();
        let (code, said) = text(&output);
        assert_eq!(code, REFUSED, "{said}");
        let install = small.join(".praxis-os");
        assert!(
            said.contains(utf8(&install)) && said.contains("free,") && said.contains("nothing was changed"),
            "{said}"
        );
        if json.is_empty() {
            assert!(said.contains("next: free some space") && said.contains("POS-E0901"), "{said}");
        } else {
            let line = ext::lines(&output.stdout).pop().unwrap();
            assert_eq!((&line["result"], &line["exit_code"]), (&"failed".into(), &REFUSED.into()));
        }
        before.assert_still(&after);
        fs::remove_dir_all(&after).unwrap();
    }
}

#[test]
fn a_python_that_is_gone() {
    let (sandbox, demo) = small_demo();
    let bin = demo.install.join("venv/bin");
    fs::create_dir_all(&bin).unwrap();
    let python = bin.join("python");
    let arguments = upgrade(&demo.project, &demo.source);
    let path = path_of(&sandbox, "no-python", &[ext::program("git")]);
    let start = || without_pythons(&sandbox, &path);
    let venv = demo.install.join("venv");
    // No interpreter at all, then one that leads nowhere, then one without pip; and nobody who could make another one.
    let said =
        refused_by(&start, &demo.project, &arguments, REFUSED, &[utf8(&venv), "python3", "apt install", "POS-E0702"]);
    assert!(!said.contains("--clear"), "what is there may still be wanted: {said}");
    symlink("/no/such/python3.9", &python).unwrap();
    refused_by(&start, &demo.project, &arguments, REFUSED, &[utf8(&venv), "python3", "apt install"]);
    assert_eq!(fs::read_link(&python).unwrap(), Path::new("/no/such/python3.9"));
    fs::remove_file(&python).unwrap();
    script(&python, "echo 'No module named pip' >&2; exit 1");
    refused_by(&start, &demo.project, &arguments, REFUSED, &[utf8(&venv), "No module named pip"]);
    // One that seems to be whole and does not run is only found out by running it.
    fs::create_dir_all(venv.join("lib/python3.9/site-packages/pip")).unwrap();
    script(&python, "echo 'it is broken' >&2; exit 1");
    let (code, said) = text(&start().args(&arguments).output().unwrap());
    assert!(code == REFUSED && said.contains("it is broken") && said.contains("--python"), "{said}");
    assert!(said.contains("help POS-E0703"), "{said}");
    assert!(said.contains("nothing in the install was changed"), "{said}");
}

fn script(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn all_problems_at_once() {
    let (sandbox, demo) = small_demo();
    let missing = sandbox.path().join("no-such-clone");
    fs::create_dir_all(demo.install.join("venv/bin")).unwrap();
    let venv = demo.install.join("venv");
    let path = path_of(&sandbox, "no-python", &[ext::program("git")]);
    let said = refused_by(
        &|| without_pythons(&sandbox, &path),
        &demo.project,
        &upgrade(&demo.project, &missing),
        REFUSED,
        &[utf8(&missing), utf8(&venv), "--source", "python3 -m venv"],
    );
    assert_eq!(said.matches("next:").count(), 2, "one for each problem:\n{said}");
}

/// A PATH with nothing but these programs.
fn path_of(sandbox: &Sandbox, name: &str, programs: &[PathBuf]) -> PathBuf {
    let dir = sandbox.path().join(name);
    fs::create_dir(&dir).unwrap();
    for program in programs {
        symlink(program, dir.join(program.file_name().unwrap())).unwrap();
    }
    dir
}

/// No other Python is found, either.
fn without_pythons(sandbox: &Sandbox, path: &Path) -> Command {
    let mut command = with_path(sandbox, path);
    command.env_remove("PYENV_ROOT").env_remove("UV_PYTHON_INSTALL_DIR");
    command
}

fn with_path(sandbox: &Sandbox, path: &Path) -> Command {
    let mut command = sandbox.command();
    command.env("PATH", path);
    command
}

#[test]
fn an_upgrade_without_git() {
    let (sandbox, demo) = small_demo();
    let path = path_of(&sandbox, "nothing", &[]);
    let start = || with_path(&sandbox, &path);
    refused_by(&start, &demo.project, &upgrade(&demo.project, &demo.source), REFUSED, &["git", "apt install git"]);
}

#[test]
fn a_demo_without_its_tools() {
    let sandbox = Sandbox::new();
    let only_git = path_of(&sandbox, "only-git", &[ext::program("git")]);
    let only_python = path_of(&sandbox, "only-python", &[]);
    symlink(ext::interpreter(), only_python.join("python3")).unwrap();
    let old_python = path_of(&sandbox, "old-python", &[ext::program("git")]);
    script(&old_python.join("python3"), "case \"$*\" in *version_info*) exit 1;; esac");
    let bare_python = path_of(&sandbox, "bare-python", &[ext::program("git")]);
    script(&bare_python.join("python3"), "case \"$*\" in *ensurepip*) exit 1;; esac");
    let dir = sandbox.path().join("demo");
    for (path, tool, how) in [
        (&only_git, "python3, version", "apt install python3"),
        (&only_python, "git", "apt install git"),
        (&old_python, "python3, version", "apt install python3"),
        (&bare_python, "python3-venv", "apt install python3-venv"),
    ] {
        let start = || with_path(&sandbox, path);
        refusal(&start, &["demo", utf8(&dir)], REFUSED, &[tool, how]);
        assert!(!dir.exists(), "{tool}: nothing was built");
    }
}

#[test]
fn a_demo_in_a_folder_that_is_in_use() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("mine");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    let before = State::of(&dir);
    refusal(&|| sandbox.command(), &["demo", utf8(&dir)], REFUSED, &[utf8(&dir)]);
    before.assert_still(&dir);
}
