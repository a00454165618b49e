//! Whether a source's work tree is what is committed: told as git tells it, for every way in which git checks files out,
//! without running the filters that git would run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::host::demo::Demo;

const PAGE: &str = "universal/standards/testing/test-pyramid.md";

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        Self { sandbox, demo }
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.demo.source, arguments)
    }

    fn plan(&self, source: &Path, more: &[&str]) -> (i32, String) {
        let from = ["plan", "--project", self.demo.project.to_str().unwrap(), "--source", source.to_str().unwrap()];
        text(&self.sandbox.run(&[&from[..], more].concat()))
    }

    /// The demo's source is clean, for git and for us.
    fn is_clean(&self, way: &str) {
        self.is_clean_at(&self.demo.source, way);
    }

    fn is_clean_at(&self, source: &Path, way: &str) {
        let (code, said) = self.plan(source, &[]);
        assert_eq!(code, 0, "{way}: {said}");
    }

    /// It is not, and this is why.
    fn is_dirty_at(&self, source: &Path, way: &str, names: &[&str]) {
        let (code, said) = self.plan(source, &[]);
        assert_eq!(code, 4, "{way}: {said}");
        assert!(names.iter().all(|name| said.contains(name)), "{way}: {names:?} in {said}");
    }

    fn checked_out_again(&self) {
        for entry in walkdir::WalkDir::new(self.demo.source.join("universal")).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        self.git(&["checkout", "--quiet", "HEAD", "--", "."]);
    }

    fn touched(&self) {
        for entry in walkdir::WalkDir::new(self.demo.source.join("universal")).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                fs::File::open(entry.path()).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
            }
        }
    }
}

fn append(path: &Path, more: &str) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text + more).unwrap();
}

#[test]
fn line_ends_as_they_are_checked_out() {
    let world = World::new();
    let page = world.demo.source.join(PAGE);
    world.git(&["config", "core.autocrlf", "true"]);
    world.checked_out_again();
    assert!(fs::read_to_string(&page).unwrap().contains("\r\n"));
    world.touched();
    world.is_clean("autocrlf");
    append(&page, "more\r\n");
    world.is_dirty_at(&world.demo.source, "autocrlf", &[PAGE]);
    world.git(&["config", "--unset", "core.autocrlf"]);
    fs::create_dir_all(world.demo.source.join(".git/info")).unwrap();
    fs::write(world.demo.source.join(".git/info/attributes"), "*.md text eol=crlf\n").unwrap();
    world.checked_out_again();
    world.touched();
    world.is_clean("eol in info/attributes");
    // In the user's own settings, not in the clone's.
    fs::remove_file(world.demo.source.join(".git/info/attributes")).unwrap();
    fs::write(world.sandbox.path().join("home/.gitconfig"), "[core]\n\tautocrlf = true\n").unwrap();
    world.touched();
    world.is_clean("autocrlf of the user's");
}

#[test]
fn modes_and_files_of_no_interest() {
    let world = World::new();
    let page = world.demo.source.join(PAGE);
    fs::set_permissions(&page, fs::Permissions::from_mode(0o755)).unwrap();
    world.is_dirty_at(&world.demo.source, "a mode", &[PAGE]);
    world.git(&["config", "core.fileMode", "false"]);
    world.is_clean("modes don't count");
    let home = world.sandbox.path().join("home");
    fs::write(world.demo.source.join("mine.swp"), "").unwrap();
    world.is_dirty_at(&world.demo.source, "an untracked file", &["mine.swp"]);
    fs::write(home.join("ignored"), "*.swp\n").unwrap();
    for (file, line) in [(".gitconfig", "[core]\n\texcludesFile = ~/ignored\n"), (".config/git/ignore", "*.swp\n")] {
        let file = home.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, line).unwrap();
        world.is_clean("ignored by the user's settings");
        fs::remove_file(&file).unwrap();
    }
    fs::write(world.demo.source.join(".git/info/exclude"), "*.swp\n").unwrap_or_else(|_| {
        fs::create_dir_all(world.demo.source.join(".git/info")).unwrap();
        fs::write(world.demo.source.join(".git/info/exclude"), "*.swp\n").unwrap();
    });
    world.is_clean("ignored by the clone's settings");
}

#[test]
fn what_the_index_says() {
    let world = World::new();
    let page = world.demo.source.join(PAGE);
    world.git(&["update-index", "--split-index"]);
    world.git(&["gc", "--quiet"]);
    world.git(&["commit-graph", "write", "--reachable"]);
    world.is_clean("a split index, packed");
    let (code, said) = world.plan(&world.demo.source, &["--to", "v1.1.0"]);
    assert_eq!(code, 0, "{said}");
    append(&page, "more\n");
    world.is_dirty_at(&world.demo.source, "a split index", &[PAGE]);
    world.git(&["update-index", "--assume-unchanged", PAGE]);
    world.is_clean("assumed to be unchanged");
    world.git(&["update-index", "--no-assume-unchanged", PAGE]);
    world.git(&["update-index", "--skip-worktree", PAGE]);
    world.is_clean("skipped");
    world.git(&["update-index", "--no-skip-worktree", PAGE]);
    world.git(&["checkout", "--quiet", "HEAD", "--", PAGE]);
    fs::write(world.demo.source.join("new.md"), "new\n").unwrap();
    world.git(&["add", "--intent-to-add", "new.md"]);
    world.is_dirty_at(&world.demo.source, "to be added", &["new.md"]);
    world.git(&["rm", "--quiet", "--cached", "new.md"]);
    fs::remove_file(world.demo.source.join("new.md")).unwrap();
    world.git(&["mv", PAGE, "universal/standards/testing/moved.md"]);
    world.is_dirty_at(&world.demo.source, "moved", &["moved.md"]);
}

#[test]
fn not_all_is_checked_out() {
    for cone in ["--cone", "--no-cone"] {
        let world = World::new();
        world.git(&["sparse-checkout", "set", cone, "mcp_server"]);
        assert!(!world.demo.source.join(PAGE).exists());
        world.is_clean(cone);
        if cone == "--cone" {
            world.git(&["sparse-checkout", "reapply", "--sparse-index"]);
            world.is_clean("a sparse index");
        }
        append(&world.demo.source.join("mcp_server/__init__.py"), "more\n");
        world.is_dirty_at(&world.demo.source, cone, &["mcp_server/__init__.py"]);
    }
}

#[test]
fn repositories_of_every_kind() {
    let world = World::new();
    let dir = world.sandbox.path();
    let (source, url) = (world.demo.source.to_str().unwrap(), format!("file://{}", world.demo.source.display()));
    let at = |name: &str| dir.join(name);
    let linked = at("linked");
    world.git(&["worktree", "add", "--quiet", "--detach", linked.to_str().unwrap(), "v1.1.0"]);
    let shared = at("shared");
    git(&dir, &["clone", "--quiet", "--shared", source, shared.to_str().unwrap()]);
    let mirror = at("separate");
    let git_dir = at("separate.git");
    let separate =
        ["clone", "--quiet", "--separate-git-dir", git_dir.to_str().unwrap(), &url, mirror.to_str().unwrap()];
    git(&dir, &separate);
    let mut kinds: Vec<PathBuf> = vec![linked, shared, mirror];
    let tables = at("tables");
    let mut clone = Command::new("git");
    clone.args(["clone", "--quiet", "--ref-format=reftable", &url, tables.to_str().unwrap()]);
    // Older versions of git know none.
    if clone.output().unwrap().status.success() {
        let of_tables = at("linked to tables");
        git(&tables, &["worktree", "add", "--quiet", "--detach", of_tables.to_str().unwrap(), "v1.1.0"]);
        kinds.extend([tables, of_tables]);
    }
    for kind in &kinds {
        let way = kind.display().to_string();
        let head = git(kind, &["rev-parse", "HEAD"]);
        let (code, said) = world.plan(kind, &["--json"]);
        assert_eq!(code, 0, "{way}: {said}");
        let plan: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
        assert_eq!(plan["source"]["commit"], head, "{way}");
        for to in ["v1.1.0", "HEAD~1", &head[..9], "origin/HEAD"] {
            let is_there = !(to == "origin/HEAD" && (way.ends_with("linked") || way.ends_with("to tables")));
            let (code, said) = world.plan(kind, &["--to", to]);
            assert!(code == 0 || !is_there, "{way} --to {to}: {said}");
        }
        append(&kind.join(PAGE), "more\n");
        world.is_dirty_at(kind, &way, &[PAGE]);
    }
    println!("{} kinds of repositories", kinds.len());
}

#[test]
fn only_a_filter_could_tell() {
    let world = World::new();
    let page = world.demo.source.join(PAGE);
    let mark = world.sandbox.path().join("ran");
    let clean = format!(": > '{}'; tr A-Z a-z | tr a-z A-Z | tr A-Z a-z", mark.display());
    world.git(&["config", "filter.loud.smudge", "tr a-z A-Z"]);
    world.git(&["config", "filter.loud.clean", &clean]);
    fs::create_dir_all(world.demo.source.join(".git/info")).unwrap();
    fs::write(world.demo.source.join(".git/info/attributes"), "*.loud filter=loud\n").unwrap();
    fs::write(world.demo.source.join("a.loud"), "quiet\n").unwrap();
    world.git(&["add", "a.loud"]);
    world.git(&["commit", "--quiet", "-m", "Loud"]);
    fs::remove_file(world.demo.source.join("a.loud")).unwrap();
    // Git looks at times that are a second old by their content too.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.git(&["checkout", "--quiet", "HEAD", "--", "a.loud"]);
    assert_eq!(fs::read_to_string(world.demo.source.join("a.loud")).unwrap(), "QUIET\n");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.git(&["update-index", "--force-write-index"]);
    let _ = fs::remove_file(&mark);
    world.is_clean("as it was checked out");
    fs::File::open(world.demo.source.join("a.loud")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let words = ["may have uncommitted changes", "a.loud", "\"loud\"", "not run", "status"];
    world.is_dirty_at(&world.demo.source, "touched", &words);
    assert!(!mark.exists(), "the filter was not run");
    append(&page, "more\n");
    let both = ["has uncommitted changes", "a.loud", PAGE, "stash"];
    world.is_dirty_at(&world.demo.source, "another one is changed", &both);
    world.git(&["checkout", "--quiet", "HEAD", "--", PAGE]);
    assert!(!mark.exists());
    // The advice is to let git look: then it is known.
    world.git(&["status"]);
    assert!(mark.exists());
    world.is_clean("git has looked");
}

#[test]
fn repositories_within() {
    let world = World::new();
    let (dir, inner) = (world.sandbox.path(), world.demo.source.join("vendor"));
    let other = dir.join("other");
    fs::create_dir(&other).unwrap();
    git(&other, &["init", "--quiet", "--template="]);
    fs::write(other.join("file"), "text\n").unwrap();
    git(&other, &["add", "--all"]);
    git(&other, &["commit", "--quiet", "-m", "Other"]);
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.to_str().unwrap(), "vendor"];
    world.git(&add);
    world.git(&["commit", "--quiet", "-m", "A submodule"]);
    world.is_clean("a submodule");
    // What is installed is committed; nothing of a submodule is.
    append(&inner.join("file"), "more\n");
    world.is_clean("changed within");
    git(&inner, &["commit", "--quiet", "-am", "More"]);
    world.is_dirty_at(&world.demo.source, "at another commit", &["vendor"]);
    world.git(&["submodule", "--quiet", "update"]);
    world.is_clean("back");
    world.git(&["submodule", "--quiet", "deinit", "--force", "vendor"]);
    world.is_clean("not there");
}
