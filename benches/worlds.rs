//! Sources and installs of any size, made by `git fast-import` in a folder of their own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pos_upgrade_tui::host::demo;
use tempfile::TempDir;

/// How large a world is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Files of the release.
    pub files: usize,
    /// Commits of its history.
    pub commits: usize,
    /// Files that the last release changed.
    pub changed: usize,
}

/// A clone, and a project with the release before its last one.
pub struct World {
    dir: TempDir,
    /// The clone.
    pub source: PathBuf,
    /// The project.
    pub project: PathBuf,
    /// Its install.
    pub install: PathBuf,
}

/// Files of a folder: what people's folders have, rather than one with all.
const IN_A_FOLDER: usize = 40;
const BRANCH: &str = "refs/heads/bench";
/// The folder of the source in which what is measured lies.
const TOP: &str = "universal/standards/bench";

fn path_of(number: usize) -> String {
    format!("{}/{number}.md", number / IN_A_FOLDER)
}

/// A page of some two kilobytes; the generation is in a line of its middle, so that an edit of its end can be merged.
fn page(number: usize, generation: usize) -> String {
    let line = |i: usize| match i {
        12 => format!("Page {number} in generation {generation}.\n"),
        _ => format!("Line {i} of page {number}: what a team agreed upon and writes down.\n"),
    };
    (0..30).map(line).collect()
}

impl World {
    /// Makes one.
    pub fn new(size: Size) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (source, project) = (dir.path().join("source"), dir.path().join("project"));
        let install = project.join(".praxis-os");
        demo::prepare_source(&source).unwrap();
        write_history(&source, size);
        git(&source, &["checkout", "--quiet", "--detach", BRANCH]);
        // As a clone is after some time.
        git(&source, &["gc", "--quiet"]);
        std::fs::create_dir_all(&project).unwrap();
        demo::install_release(&source, "HEAD~1", &install).unwrap();
        let world = Self { dir, source, project, install };
        // Some of both kinds of edits that merge by themselves: beside the release's, and where it changed nothing.
        for number in (0..size.files).step_by((size.files / 20).max(1)) {
            let path = world.page(number);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, format!("{text}And what we do on top of page {number}.\n")).unwrap();
        }
        sync();
        world
    }

    /// Where a page stands in the install.
    pub fn page(&self, number: usize) -> PathBuf {
        self.install.join("standards/universal/bench").join(path_of(number))
    }

    /// Edits so many pages in the line that the last release changes.
    pub fn overlap(&self, pages: usize) {
        for number in 0..pages {
            let path = self.page(number);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text.replace("in generation", "as we have it, in generation")).unwrap();
        }
    }

    /// A folder beside source and project.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The built program, with a home of its own.
    pub fn program(&self) -> Command {
        let mut command = program();
        command.env("HOME", self.dir.path()).stdin(Stdio::null());
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(name);
        }
        command
    }
}

/// The built program, or the one that `POS_SHIPPED` names.
pub fn program() -> Command {
    Command::new(path_of_program())
}

/// Where it is.
pub fn path_of_program() -> PathBuf {
    std::env::var_os("POS_SHIPPED").unwrap_or_else(|| env!("CARGO_BIN_EXE_pos-upgrade-tui").into()).into()
}

fn write_history(source: &Path, size: Size) {
    let mut command = Command::new("git");
    let mut child = command.current_dir(source).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut to = std::io::BufWriter::new(child.stdin.take().unwrap());
    let head = Command::new("git").current_dir(source).args(["rev-parse", "HEAD"]).output().unwrap().stdout;
    let mut from = String::from_utf8(head).unwrap().trim().to_owned();
    for commit in 0..size.commits {
        writeln!(
            to,
            "commit {BRANCH}\nmark :{}\ncommitter b <b@example.invalid> {} +0000",
            commit + 1,
            1_760_000_000 + commit
        )
        .unwrap();
        write!(to, "data 2\nr\n").unwrap();
        writeln!(to, "from {from}").unwrap();
        from = format!(":{}", commit + 1);
        let changed: Vec<usize> = match commit {
            0 => (0..size.files).collect(),
            _ if commit + 1 == size.commits => (0..size.changed).map(|n| n * (size.files / size.changed)).collect(),
            // As people work: a few pages in each commit.
            _ => (0..3).map(|n| (commit * 7 + n * 11) % size.files).collect(),
        };
        for number in changed {
            let bytes = page(number, commit);
            write!(to, "M 100644 inline {TOP}/{}\ndata {}\n{bytes}\n", path_of(number), bytes.len()).unwrap();
        }
    }
    drop(to);
    assert!(child.wait().unwrap().success());
}

/// Runs git, which must succeed.
pub fn git(dir: &Path, arguments: &[&str]) {
    let status = Command::new("git").current_dir(dir).args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "git {arguments:?}");
}

/// Nothing that was made before is written out in what is measured next.
pub fn sync() {
    assert!(Command::new("sync").status().unwrap().success());
}
