//! The small install: few files that hold every kind of plan entry which needs no question; and the oracle, which
//! says whether an install is entirely old, entirely new, or neither.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common::{git, locked, program, snapshot, text};
use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::host::python::venv;
use pos_upgrade_tui::host::session::{lock, store};

/// What stands in the install before: path, bytes, permission bits.
const INSTALLED: [(&str, &str, u32); 15] = [
    ("standards/universal/a/unchanged.md", "same\n", 0o644),
    ("standards/universal/a/local.md", "first\nsecond of mine\n", 0o640),
    ("standards/universal/a/merge.md", "first\n2\n3\n4\n5\n6\nlast of mine\n", 0o644),
    ("standards/universal/a/conflict.md", "mine\n", 0o600),
    ("standards/universal/gone/remove.md", "gone\n", 0o644),
    ("workflows/before.md", MOVED, 0o644),
    ("scripts/update.sh", "#!/bin/sh\necho old\n", 0o755),
    ("standards/development/own.md", "only mine\n", 0o600),
    ("config.json", "{\"mine\": true}\n", 0o640),
    ("VERSION.txt", "version=1\n", 0o644),
    ("UPDATE_LOG.txt", "installed\n", 0o644),
    ("mcp_server/__init__.py", "", 0o644),
    ("venv/lib/package/text.py", "old\n", 0o644),
    ("venv/lib/python3/site-packages/pip/__init__.py", "", 0o644),
    // Asked whether it works, and which packages there are.
    ("venv/bin/python", "#!/bin/sh\n", 0o755),
];
const MOVED: &str = "a text\nthat is long enough\nto be found again\nwhere it went\n";

/// What the source ships: path, bytes in the first release, bytes in the second.
const SHIPPED: [(&str, Option<&str>, Option<&str>); 11] = [
    ("universal/standards/a/unchanged.md", Some("same\n"), Some("same\n")),
    ("universal/standards/a/local.md", Some("first\nsecond\n"), Some("first\nsecond\n")),
    ("universal/standards/a/merge.md", Some("first\n2\n3\n4\n5\n6\nlast\n"), Some("FIRST\n2\n3\n4\n5\n6\nlast\n")),
    ("universal/standards/a/conflict.md", Some("old\n"), Some("new\n")),
    ("universal/standards/a/deleted.md", Some("unwanted\n"), Some("unwanted\n")),
    ("universal/standards/fresh/new.md", None, Some("fresh\n")),
    ("universal/standards/gone/remove.md", Some("gone\n"), None),
    ("universal/workflows/before.md", Some(MOVED), None),
    ("universal/workflows/deep/after.md", None, Some(MOVED)),
    ("scripts/update.sh", Some("#!/bin/sh\necho old\n"), Some("#!/bin/sh\necho new\n")),
    ("mcp_server/__init__.py", Some(""), Some("")),
];

/// Files that the upgrade appends to, with times and names of its own.
const DATED: [&str; 3] = ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md"];

/// A tree's entries as text, by path.
pub type Tree = BTreeMap<String, String>;

/// The source, a project that nothing has happened to, and how it looks before and after an undisturbed upgrade.
pub struct Small {
    dir: tempfile::TempDir,
    /// Copied for every case.
    pub pristine: PathBuf,
    /// Upgraded, undisturbed, and its environment switched as phase 3 does it.
    pub upgraded: PathBuf,
    source: PathBuf,
    /// The program; the harness is tried on others too.
    pub binary: PathBuf,
    /// What else every started program finds in its environment.
    pub environment: Vec<(&'static str, &'static str)>,
    old: Tree,
    old_log: String,
    new: Tree,
    /// How many have been judged so far.
    cases: AtomicUsize,
}

/// A folder that is removed in the end, on a file system in memory where there is one.
pub fn quick_folder() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("pos-crash-");
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).unwrap()
}

impl Small {
    pub fn new() -> Self {
        let dir = quick_folder();
        let top = dir.path().canonicalize().unwrap();
        let (source, pristine, upgraded) = (top.join("source"), top.join("pristine"), top.join("upgraded"));
        fs::create_dir(top.join("home")).unwrap();
        make_source(&source);
        make_project(&pristine);
        copy(&pristine, &upgraded);
        let mut small = Self {
            old: old_tree(&pristine),
            old_log: fs::read_to_string(pristine.join(".praxis-os/UPDATE_LOG.txt")).unwrap(),
            new: Tree::new(),
            cases: AtomicUsize::new(0),
            dir,
            pristine,
            upgraded,
            source,
            binary: program::built().into(),
            environment: Vec::new(),
        };
        let plan = small.run(&small.pristine, &["plan", "--only", "content", "--json", "--source", small.source_str()]);
        let plan: Value = serde_json::from_slice(&plan.stdout).unwrap_or_else(|_| panic!("{}", text(&plan).1));
        for kind in
            ["unchanged", "update", "new", "remove", "move", "local_only", "auto_merge", "conflict", "stays_deleted"]
        {
            assert!(plan["summary"][kind].as_u64() > Some(0), "no {kind} in {plan}");
        }
        let (code, said) = text(&small.run(&small.upgraded, &small.upgrade()));
        assert_eq!(code, 0, "{said}");
        switch_environment(&small.upgraded);
        small.new = new_tree(&small.upgraded);
        assert_ne!(new_tree(&small.pristine), small.new);
        small
    }

    fn source_str(&self) -> &str {
        self.source.to_str().unwrap()
    }

    /// The folder that holds everything.
    pub fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    /// The arguments of the upgrade.
    pub fn upgrade(&self) -> Vec<&str> {
        vec!["upgrade", "--only", "content", "--yes", "--on-conflict", "take", "--source", self.source_str()]
    }

    /// What every started program gets: nobody's home, nobody's configuration.
    pub fn settle<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path().join("home"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .envs(self.environment.iter().copied())
            .stdin(std::process::Stdio::null())
    }

    /// Runs the binary on a project to its end, undisturbed.
    pub fn run(&self, project: &Path, arguments: &[&str]) -> Output {
        let is_built = self.binary == program::built();
        let mut command = Command::new(if is_built { program::program() } else { &self.binary });
        self.settle(&mut command).args(arguments).arg("--project").arg(project).output().unwrap()
    }

    /// Room for a project that is yet to be made.
    pub fn empty_case(&self) -> Case {
        let dir = tempfile::Builder::new().prefix("case-").tempdir_in(self.dir.path()).unwrap();
        let project = dir.path().canonicalize().unwrap().join("project");
        Case { dir, project }
    }

    /// A project of its own for one case; gone with the value.
    pub fn case(&self, start: &Path) -> Case {
        Self::case_on(self.dir.path(), start)
    }

    /// The same on another file system.
    pub fn case_on(disk: &Path, start: &Path) -> Case {
        let dir = tempfile::Builder::new().prefix("case-").tempdir_in(disk).unwrap();
        let project = dir.path().canonicalize().unwrap().join("project");
        copy(start, &project);
        Case { dir, project }
    }

    /// A state folder in which the user has allowed the source for this case; the key of the sessions is that of the others.
    pub fn allowing(&self, case: &Case) -> PathBuf {
        const FOLDER: &str = "pos-upgrade-tui";
        let state = case.beside("state");
        fs::create_dir_all(state.join(FOLDER)).unwrap();
        let known = self.dir.path().join("home/.local/state").join(FOLDER);
        fs::copy(known.join("mark.key"), state.join(FOLDER).join("mark.key")).unwrap();
        let mut list: Value = serde_json::from_slice(&fs::read(known.join("allowed.json")).unwrap()).unwrap();
        list["allowed"][0]["project"] = case.project.to_str().unwrap().into();
        fs::write(state.join(FOLDER).join("allowed.json"), list.to_string()).unwrap();
        state
    }

    /// Asserts that a project is as it was before the upgrade, times included.
    pub fn assert_old(&self, project: &Path, why: &str) {
        differences(&self.old, &old_tree(project), "old", why);
        self.assert_log(project, why);
        assert_old_environment(project, why);
        assert_tidy(project, why);
    }

    /// The same right after a run whose call was refused: it may have been the one that clears something away.
    pub fn assert_old_but_for_the_lock(&self, project: &Path, why: &str) {
        differences(&self.old, &without_litter(old_tree(project)), "old", why);
        self.assert_log(project, why);
    }

    /// In the same way, new.
    pub fn assert_new_but_for_the_lock(&self, project: &Path, why: &str) {
        differences(&self.new, &without_litter(new_tree(project)), "new", why);
    }

    fn assert_log(&self, project: &Path, why: &str) {
        let log = fs::read_to_string(project.join(".praxis-os/UPDATE_LOG.txt")).unwrap();
        let more = log.strip_prefix(&self.old_log).unwrap_or_else(|| panic!("UPDATE_LOG.txt: {log}\n{why}"));
        assert!(more.lines().count() <= 1, "UPDATE_LOG.txt: {log}\n{why}");
    }

    /// Asserts that a project is as an undisturbed upgrade leaves it, and the user's files untouched to their times.
    pub fn assert_new(&self, project: &Path, why: &str) {
        differences(&self.new, &new_tree(project), "new", why);
        let now = old_tree(project);
        for path in ["local.md", "unchanged.md"].map(|n| format!("standards/universal/a/{n}")).iter().chain([
            &"standards/development/own.md".to_owned(),
            &"config.json".to_owned(),
            &"../notes.txt".to_owned(),
        ]) {
            assert_eq!(self.old.get(path), now.get(path), "{path} is the user's\n{why}");
        }
        assert_environment(project, why);
        assert_tidy(project, why);
    }

    /// Asserts that a project has the bytes and modes of another one, whatever the case of its names.
    pub fn assert_same_but_for_case(&self, like: &Path, project: &Path, why: &str) {
        let folded = |tree: Tree| tree.into_iter().map(|(path, state)| (path.to_lowercase(), state)).collect::<Tree>();
        differences(&folded(new_tree(like)), &folded(new_tree(project)), "the same", why);
    }

    /// Which of the two it is.
    pub fn is_new(&self, project: &Path) -> bool {
        self.new == new_tree(project)
    }

    /// What `status` says: whether a session is unfinished, and the word for the last one, if there is any.
    pub fn status(&self, project: &Path) -> (bool, Option<String>) {
        let output = self.run(project, &["status", "--json"]);
        let (code, said) = text(&output);
        let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("status: {said}"));
        let unfinished = status["state"] == "unfinished";
        // What somebody put in the baseline's place, or wrote over it, is no baseline, and is told as a problem.
        let baseline = project.join(".praxis-os/.upgrade-baseline.json");
        let is_file = baseline.symlink_metadata().is_ok_and(|meta| meta.is_file());
        let is_ours = || fs::read(&baseline).is_ok_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok());
        let there = baseline.symlink_metadata().is_ok();
        let untold = status["release_problem"].is_string() && there && !(is_file && is_ours());
        assert_eq!(
            code,
            if unfinished {
                10
            } else if untold {
                4
            } else {
                0
            },
            "status: {said}"
        );
        (unfinished, status["session"]["status"].as_str().map(str::to_owned))
    }

    /// Whether this case goes on to the next upgrade: one in three does, or every one where `POS_NEXT` is set.
    fn goes_on(&self) -> bool {
        self.cases.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) || std::env::var_os("POS_NEXT").is_some()
    }

    /// Tries both ways out of a crash, each on a copy of its own. `resume` must end entirely new (or entirely old, if
    /// it was a rollback that was cut off, or no session had been saved), and `rollback` entirely old; each must say
    /// so, `status` must agree, and the next upgrade (tried in one case of three) must work.
    pub fn recover(&self, crashed: Case) -> Outcome {
        let before = self.status(&crashed.project);
        let other = Self::case_on(crashed.dir.path().parent().unwrap(), &crashed.project);
        let outcome = self.by_resume(&other.project, &before);
        drop(other);
        self.by_rollback(&crashed.project, &before);
        outcome
    }

    fn by_resume(&self, project: &Path, (unfinished, last): &(bool, Option<String>)) -> Outcome {
        let (code, said) = text(&self.run(project, &["resume"]));
        let why = format!("after resume, which said:\n{said}");
        assert_eq!(code, 0, "{why}");
        let (outcome, is_new) = if *unfinished {
            assert!(!said.contains("nothing to resume"), "{why}");
            if said.contains("is back as it was") {
                (Outcome::RolledBack, false)
            } else {
                assert!(said.contains("\nupgraded "), "{why}");
                (Outcome::Upgraded, true)
            }
        } else {
            assert!(said.contains("nothing to resume"), "{why}");
            match last.as_deref() {
                Some("completed") => (Outcome::WasNew, true),
                None | Some("rolled_back" | "failed") => (Outcome::WasOld, false),
                other => panic!("{other:?}: {why}"),
            }
        };
        if is_new {
            self.assert_new(project, &why);
            assert_eq!(self.status(project), (false, Some("completed".into())), "{why}");
            if self.goes_on() {
                let (code, said) = text(&self.run(project, &self.upgrade()));
                assert!(code == 0 && said.contains("nothing to do"), "the next upgrade after {why}\n{said}");
                self.assert_new(project, &format!("after another upgrade, {why}"));
            }
        } else {
            self.assert_old(project, &why);
            assert!(!self.status(project).0, "{why}");
            if self.goes_on() {
                self.upgrade_anew(project, &why);
            }
        }
        outcome
    }

    /// Tries only the way back.
    pub fn go_back(&self, crashed: &Case) {
        self.by_rollback(&crashed.project, &self.status(&crashed.project));
    }

    fn by_rollback(&self, project: &Path, (unfinished, last): &(bool, Option<String>)) {
        let (code, said) = text(&self.run(project, &["rollback", "--yes"]));
        let why = format!("after rollback, which said:\n{said}");
        assert_eq!(code, 0, "{why}");
        if *unfinished || last.as_deref() == Some("completed") {
            assert!(said.contains("is back as it was"), "{why}");
            assert_eq!(self.status(project), (false, Some("rolled_back".into())), "{why}");
        } else {
            assert!(said.contains("nothing to roll back"), "{why}");
        }
        self.assert_old(project, &why);
        if self.goes_on() {
            self.upgrade_anew(project, &why);
        }
    }

    /// The next upgrade works as if nothing had been.
    pub fn upgrade_anew(&self, project: &Path, why: &str) {
        let (code, said) = text(&self.run(project, &self.upgrade()));
        assert!(code == 0 && said.contains("\nupgraded "), "the next upgrade, {why}\n{said}");
        self.assert_new(project, &format!("after the next upgrade, {why}"));
        assert_no_litter(project, &[project.join(".praxis-os/.upgrade")], why);
    }
}

/// What a relaunch found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// An unfinished upgrade, now finished.
    Upgraded,
    /// An unfinished rollback, now finished.
    RolledBack,
    /// The old install, nothing to do.
    WasOld,
    /// The new install, nothing to do.
    WasNew,
}

/// A copy of a project.
pub struct Case {
    dir: tempfile::TempDir,
    pub project: PathBuf,
}

impl Case {
    /// A file beside the project, for logs.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// A copy with modes, times and links.
pub fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg("--").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "cp -a {} {}", from.display(), to.display());
}

/// The environments that a project has before and after the switch: as little as can be told apart.
const PACKAGE: &str = "lib/package/text.py";

/// Builds a generation of the environment and switches to it, as phase 3 does when pip is done.
fn switch_environment(project: &Path) {
    let install = project.join(".praxis-os");
    let id = store::ids(&install).unwrap().pop().unwrap();
    let store::Truth::Sound(mut session) = store::read(&install, &id) else { panic!("no session") };
    let built = venv::generation(&install, &session.stamp).join(PACKAGE);
    fs::create_dir_all(built.parent().unwrap()).unwrap();
    fs::write(built, "new\n").unwrap();
    copy(&install.join("venv/bin"), &venv::generation(&install, &session.stamp));
    copy(&install.join("venv/lib/python3"), &venv::generation(&install, &session.stamp).join("lib"));
    let lock = locked(&install);
    venv::switch(lock.install(), &session.stamp).unwrap();
    session.venv_generation = Some(session.stamp.clone());
    store::save(lock.install(), &session).unwrap();
}

/// Asserts that the folder that was the environment is it again, and nothing is left of another one.
fn assert_old_environment(project: &Path, why: &str) {
    let install = project.join(".praxis-os");
    assert!(install.join("venv").symlink_metadata().is_ok_and(|m| m.is_dir()), "venv is no folder\n{why}");
    assert_eq!(fs::read_to_string(install.join("venv").join(PACKAGE)).ok().as_deref(), Some("old\n"), "venv\n{why}");
    assert!(!install.join("venvs").exists(), "venvs is left over\n{why}");
}

/// Asserts that the environment is a whole one: the new one with a way back, or, where none was made, the old one.
fn assert_environment(project: &Path, why: &str) {
    let live = project.join(".praxis-os/venv");
    let Ok(leads) = fs::read_link(&live) else { return assert_old_environment(project, why) };
    assert_eq!(fs::read_to_string(live.join(PACKAGE)).ok().as_deref(), Some("new\n"), "venv leads to {leads:?}\n{why}");
    let name = leads.file_name().unwrap().to_str().unwrap();
    let kept = project.join(format!(".praxis-os/venvs/before-{name}")).join(PACKAGE);
    assert_eq!(fs::read_to_string(kept).ok().as_deref(), Some("old\n"), "the way back from {leads:?}\n{why}");
}

fn make_source(source: &Path) {
    fs::create_dir(source).unwrap();
    git(source, &["init", "-q", "-b", "main"]);
    for second in [false, true] {
        for (path, first_bytes, second_bytes) in SHIPPED {
            let path = source.join(path);
            match if second { second_bytes } else { first_bytes } {
                Some(bytes) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, bytes).unwrap();
                    let mode = if path.extension().is_some_and(|e| e == "sh") { 0o755 } else { 0o644 };
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                }
                None => drop(fs::remove_file(&path)),
            }
        }
        git(source, &["add", "-A"]);
        git(source, &["commit", "-qm", if second { "Second" } else { "First" }]);
    }
}

fn make_project(project: &Path) {
    let install = project.join(".praxis-os");
    let beside = [("../.gitignore", "/target\n", 0o644), ("../notes.txt", "mine\n", 0o600)];
    for (path, bytes, mode) in INSTALLED.into_iter().chain(beside) {
        let path = install.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::create_dir_all(&install).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    // The upgrade removes this folder, and only a rollback makes it anew.
    fs::set_permissions(install.join("standards/universal/gone"), fs::Permissions::from_mode(0o750)).unwrap();
    // A time that nothing else has, so that one that isn't put back is seen.
    let old = std::time::UNIX_EPOCH + std::time::Duration::new(1_600_000_000, 123_456_000);
    for entry in walkdir::WalkDir::new(project).contents_first(true) {
        fs::File::open(entry.unwrap().path()).unwrap().set_modified(old).unwrap();
    }
}

/// What a rollback brings back: the install with times (but not `UPDATE_LOG.txt`), and what lies beside it.
fn old_tree(project: &Path) -> Tree {
    let mut tree = snapshot(&project.join(".praxis-os"));
    tree.remove("UPDATE_LOG.txt");
    tree.extend(beside(project));
    tree
}

/// What an upgrade leaves: kinds, modes and bytes; of the dated files, what isn't a date.
fn new_tree(project: &Path) -> Tree {
    let install = project.join(".praxis-os");
    let mut tree = Tree::new();
    for (path, state) in snapshot(&install) {
        let words: Vec<&str> = state.split(' ').collect();
        // Kind, mode, seconds, nanoseconds, sum.
        let mut kept = [words[0], words[1], words.get(4).copied().unwrap_or_default()].join(" ");
        if DATED.iter().any(|d| d.eq_ignore_ascii_case(&path)) {
            kept = format!("{} {} {}", words[0], words[1], undated(&fs::read_to_string(install.join(&path)).unwrap()));
        }
        tree.insert(path, kept);
    }
    tree.extend(beside(project));
    tree
}

/// A text without the words that have digits, and without lines about rollbacks.
fn undated(text: &str) -> String {
    let word = |w: &str| if w.contains(|c: char| c.is_ascii_digit()) { "#".to_owned() } else { w.to_owned() };
    let line = |l: &str| l.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().filter(|l| !l.contains("| rolled back, ")).map(line).collect::<Vec<_>>().join("\n")
}

/// Without what the next run clears away.
fn without_litter(tree: Tree) -> Tree {
    tree.into_iter().filter(|(path, _)| !path.contains("pos-upgrade-tmp-") && path != ".upgrade-lock").collect()
}

fn beside(project: &Path) -> Tree {
    let entries = fs::read_dir(project).unwrap().map(|e| e.unwrap().path()).filter(|p| !p.ends_with(".praxis-os"));
    let state = |path: PathBuf| {
        let mode = path.symlink_metadata().unwrap().permissions().mode();
        let name = format!("../{}", path.file_name().unwrap().to_string_lossy());
        (name, format!("{mode:o} {}", sha256(&fs::read(&path).unwrap_or_default())))
    };
    entries.map(state).collect()
}

fn differences(expected: &Tree, found: &Tree, what: &str, why: &str) {
    let paths: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let different = paths.into_iter().filter(|p| expected.get(*p) != found.get(*p));
    let shown: Vec<String> =
        different.map(|p| format!("{p}: expected {:?}, found {:?}", expected.get(p), found.get(p))).collect();
    assert!(shown.is_empty(), "not entirely {what}:\n{}\n{why}", shown.join("\n"));
}

/// Asserts that nothing is left lying about: no temporary or staged file, no lock, nothing set aside (for the user wrote
/// nothing meanwhile). What is ours alone may hold such a file until the next upgrade.
fn assert_tidy(project: &Path, why: &str) {
    let install = project.join(".praxis-os");
    assert_no_litter(project, &[".upgrade", ".cache", ".backups"].map(|n| install.join(n)), why);
    assert!(!install.join("rescued").exists(), "something was set aside\n{why}");
    assert!(!install.join(".upgrade-lock").exists(), "the lock's note is still there\n{why}");
    assert_eq!(lock::held_by(&install), None, "the lock\n{why}");
}

fn assert_no_litter(project: &Path, but_in: &[PathBuf], why: &str) {
    for entry in walkdir::WalkDir::new(project).into_iter().filter_entry(|e| !but_in.contains(&e.path().to_owned())) {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy();
        assert!(!name.contains("tmp-") && name != "stage", "{} is left over\n{why}", entry.path().display());
    }
}
