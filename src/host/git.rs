//! Asks git, and git alone: everything is read from objects, never from the work tree, with hooks, fsmonitor and
//! lazy fetching off, and no lock taken.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use super::children;
use super::output::{Answer, Bounds, OutputError, SHORT, output};
use super::snapshot;
use super::timing::{Who, waiting};
use crate::core::blob::{BlobId, LFS_POINTER_LIMIT, ObjectFormat};
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::provenance::{Change, Commit, Shipped, Tree};
use crate::core::visible::{self, Shown as _};

/// What can go wrong when asking git.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git` to ask.
    #[error("git is not installed or not on PATH ({0})")]
    NoGit(std::io::Error),
    /// The folder isn't there.
    #[error("{}: no such folder", .0.shown())]
    NoFolder(PathBuf),
    /// A folder, but not a repository; with git's words.
    #[error("{}: not a git repository ({})", .path.shown(), visible::line(.said))]
    NotARepository {
        /// The folder.
        path: PathBuf,
        /// git's last line.
        said: String,
    },
    /// A name that leads to no commit.
    #[error("{}: there is no commit called \"{}\"", .path.shown(), visible::line(.name))]
    NoSuchCommit {
        /// The repository.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// git ended with an error.
    #[error("git {command} failed in {}: {}", .path.shown(), visible::line(.said))]
    Failed {
        /// The repository.
        path: PathBuf,
        /// The subcommand.
        command: String,
        /// git's last lines.
        said: String,
    },
    /// git said something we can't read.
    #[error("git {command} answered something unexpected: {}", visible::start_of(.what, 200))]
    Unexpected {
        /// The subcommand.
        command: &'static str,
        /// What.
        what: String,
    },
}

/// A git repository, opened for reading.
#[derive(Debug)]
pub struct Repo {
    path: PathBuf,
    /// How it names objects.
    pub format: ObjectFormat,
    /// Its history is cut off.
    pub shallow: bool,
    /// The repository that a folder without git was read into; gone with this.
    snapshot: Option<tempfile::TempDir>,
}

/// A `git` command that runs nobody else's code and takes no locks.
pub fn git(dir: &Path) -> Command {
    let mut command = children::helper("git");
    command
        .current_dir(dir)
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false"])
        .args(["-c", "core.quotePath=false", "-c", "commit.gpgSign=false"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    // Set while a git hook runs: they would lead us to another repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_EXTERNAL_DIFF"] {
        command.env_remove(name);
    }
    command
}

/// What git answers is held in memory: the whole history of praxis-os takes a hundredth of that.
const ANSWER: Bounds = Bounds { answer: 128 << 20, time: None };
/// A file of a release that is larger is not read: it would have to be held in memory.
const LARGEST: u64 = 512 << 20;

/// Runs git to its end.
///
/// # Errors
/// [`GitError::NoGit`], and [`GitError::Failed`] where it prints without end.
pub fn answer(path: &Path, name: &str, command: &mut Command) -> Result<Answer, GitError> {
    bounded(path, name, command, ANSWER)
}

/// [`answer`], where that is a few lines, and comes at once.
fn short_answer(path: &Path, name: &str, command: &mut Command) -> Result<Answer, GitError> {
    bounded(path, name, command, SHORT)
}

fn bounded(path: &Path, name: &str, command: &mut Command, bounds: Bounds) -> Result<Answer, GitError> {
    output(command, None, bounds).map_err(|e| match e {
        OutputError::Start(e) => GitError::NoGit(e),
        ended @ OutputError::Ended(_) => {
            GitError::Failed { path: path.to_owned(), command: name.to_owned(), said: ended.to_string() }
        }
    })
}

/// What git gave up for; without such a line, the last that it said.
fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let said = || text.lines().filter(|l| !l.trim().is_empty());
    let telling = |l: &&str| l.starts_with("fatal:") || l.starts_with("error:");
    let lines: Vec<&str> = match said().filter(telling).count() {
        0 => said().rev().take(3).collect(),
        _ => said().filter(telling).rev().take(3).collect(),
    };
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

impl Repo {
    /// Opens the repository whose top folder is `path`.
    ///
    /// # Errors
    /// [`GitError`] for a missing git, a missing folder, and a folder that is no repository.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        if !path.is_dir() {
            return Err(GitError::NoFolder(path.to_owned()));
        }
        let git_time = waiting(Who::Git);
        let mut asked = git(path);
        asked.args(["rev-parse", "--show-object-format", "--is-shallow-repository", "--show-prefix"]);
        let output = short_answer(path, "rev-parse", &mut asked)?;
        drop(git_time);
        let not_one = |said: String| GitError::NotARepository { path: path.to_owned(), said };
        if !output.status.success() {
            if snapshot::has_marks(path) && !path.join(".git").exists() {
                let snapshot = Some(snapshot::take(path)?);
                return Ok(Self { path: path.to_owned(), format: ObjectFormat::Sha1, shallow: true, snapshot });
            }
            return Err(not_one(last_lines(&output.stderr)));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let format = if lines.next() == Some("sha256") { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let shallow = lines.next() == Some("true");
        if let Some(prefix) = lines.next().filter(|p| !p.is_empty()) {
            return Err(not_one(format!("it is the folder {prefix} of one")));
        }
        Ok(Self { path: path.to_owned(), format, shallow, snapshot: None })
    }

    /// Whether it is a folder without git: what it held before is not known, and can't be fetched.
    pub fn is_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    fn git(&self) -> Command {
        let mut command = git(&self.path);
        if let Some(home) = &self.snapshot {
            snapshot::at(&mut command, home.path(), &self.path);
        }
        command
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn run(&self, args: &[&OsStr]) -> Result<Vec<u8>, GitError> {
        let name = args.first().map(|a| a.to_string_lossy().into_owned()).unwrap_or_default();
        self.finish(name, self.git().args(args))
    }

    fn finish(&self, name: String, command: &mut Command) -> Result<Vec<u8>, GitError> {
        let _git = waiting(Who::Git);
        let output = answer(&self.path, &name, command)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitError::Failed { path: self.path.clone(), command: name, said: last_lines(&output.stderr) })
    }

    fn run_str(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        self.run(&args)
    }

    /// The full id of a commit, tag or branch.
    ///
    /// # Errors
    /// [`GitError::NoSuchCommit`].
    pub fn resolve(&self, name: &str) -> Result<String, GitError> {
        let spec = format!("{name}^{{commit}}");
        match self.run_str(&["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]) {
            Ok(out) => Ok(String::from_utf8_lossy(&out).trim().to_owned()),
            Err(GitError::Failed { .. }) => {
                Err(GitError::NoSuchCommit { path: self.path.clone(), name: name.to_owned() })
            }
            Err(other) => Err(other),
        }
    }

    /// Uncommitted changes as `git status --short` shows them, one line each; empty when clean.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn dirty(&self) -> Result<Vec<String>, GitError> {
        let out = self.run_str(&["status", "--porcelain=v1", "-z", "--untracked-files=normal"])?;
        let mut lines = Vec::new();
        let mut parts = out.split(|b| *b == 0).filter(|p| !p.is_empty());
        while let Some(entry) = parts.next() {
            let text = String::from_utf8_lossy(entry);
            if entry.starts_with(b"R") || entry.starts_with(b"C") {
                parts.next();
            }
            lines.push(visible::line(&text));
        }
        Ok(lines)
    }

    /// The files of a commit that an install can hold, and which of their blobs are small enough for git-lfs pointers.
    /// Links and submodules are left out.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn tree(&self, commit: &str) -> Result<(Tree, HashSet<BlobId>), GitError> {
        let out = self.run_str(&["ls-tree", "-r", "-l", "-z", "--full-tree", commit])?;
        let (mut tree, mut small) = (Tree::new(), HashSet::new());
        for line in out.split(|b| *b == 0).filter(|l| !l.is_empty()) {
            let Some(tab) = line.iter().position(|b| *b == b'\t') else { continue };
            let head = String::from_utf8_lossy(&line[..tab]);
            // The size is filled up with blanks from the left.
            let mut words = head.split_ascii_whitespace();
            let (mode, kind, id, size) = (words.next(), words.next(), words.next(), words.next());
            let (Some(mode), Some("blob"), Some(blob)) = (mode, kind, id.and_then(BlobId::from_hex)) else { continue };
            let Some(path) = installable(&line[tab + 1..]).filter(|_| is_file(mode)) else { continue };
            if size.and_then(|s| s.parse().ok()).is_some_and(|size: usize| size < LFS_POINTER_LIMIT) {
                small.insert(blob.clone());
            }
            tree.insert(path, Shipped { blob, executable: mode == "100755" });
        }
        Ok((tree, small))
    }

    /// Names at the top of a commit's tree.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn top_folders(&self, commit: &str) -> Result<Vec<String>, GitError> {
        let out = self.run_str(&["ls-tree", "-d", "-z", "--name-only", "--full-tree", commit])?;
        Ok(out.split(|b| *b == 0).filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).into_owned()).collect())
    }

    /// The last commit before this one (or this one) that wrote something into a folder; none if there is none.
    pub fn last_with(&self, commit: &str, folder: &str) -> Option<String> {
        let out =
            self.run_str(&["log", "-1", "--no-color", "--format=%H", "--diff-filter=AM", commit, "--", folder]).ok()?;
        Some(String::from_utf8_lossy(&out).trim().to_owned()).filter(|commit| !commit.is_empty())
    }

    /// The history up to a commit, parents before children, each against its first parent: one read.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn history(&self, commit: &str) -> Result<Vec<Commit>, GitError> {
        self.log(&[commit], installable)
    }

    /// The same with every path below a folder that some release installed from: more than any install can hold. The
    /// manifest is left out, it is about the others.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn history_of_all(&self, commit: &str) -> Result<Vec<Commit>, GitError> {
        self.log(&[commit], |bytes| {
            let path = RelPath::new(bytes).ok()?;
            let listed = layouts().source_tops().iter().any(|top| path.strip(top).is_some());
            (listed && path.name() != b".universal-manifest.json").then_some(path)
        })
    }

    /// The commits of all branches and tags that `commit` doesn't contain, parents before children: later releases.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn later(&self, commit: &str) -> Result<Vec<Commit>, GitError> {
        self.log(&["--branches", "--tags", "--remotes", "--not", commit], installable)
    }

    /// Whether `old` is `new` or one of its ancestors; false if the repository lacks one of them.
    pub fn is_ancestor(&self, old: &str, new: &str) -> bool {
        self.run_str(&["merge-base", "--is-ancestor", old, new]).is_ok()
    }

    /// The date of a commit, `YYYY-MM-DD`; none if it can't be told.
    pub fn date_of(&self, commit: &str) -> Option<String> {
        let out = self.run_str(&["log", "-1", "--no-color", "--format=%cs", commit]).ok()?;
        Some(String::from_utf8_lossy(&out).trim().to_owned()).filter(|date| !date.is_empty())
    }

    /// Fetches the history that a shallow clone lacks. The one thing here that writes to the source and uses the
    /// network; only done when asked for.
    ///
    /// # Errors
    /// [`GitError::Failed`] with git's words.
    pub fn deepen(&mut self) -> Result<(), GitError> {
        if self.is_snapshot() {
            let said = "it is a folder without git, so there is nothing to fetch from; name a clone".to_owned();
            return Err(GitError::NotARepository { path: self.path.clone(), said });
        }
        let mut fetch = git(&self.path);
        fetch.args(["fetch", "--unshallow", "--quiet"]);
        let has_own =
            std::env::var_os("GIT_SSH_COMMAND").is_some() || self.run_str(&["config", "core.sshCommand"]).is_ok();
        if !has_own {
            // A password asked for on the terminal would stand in the middle of the wizard.
            fetch.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        self.finish("fetch".to_owned(), &mut fetch)?;
        self.shallow = false;
        Ok(())
    }

    fn log(&self, which: &[&str], wanted: impl Fn(&[u8]) -> Option<RelPath>) -> Result<Vec<Commit>, GitError> {
        let how = [
            "log",
            "--raw",
            "-z",
            "-M",
            "-l0",
            "--no-abbrev",
            "--no-ext-diff",
            "--no-color",
            "--diff-merges=first-parent",
            "--topo-order",
            "--reverse",
            "--root",
            "--format=%x01%H%x00%P%x00%cs%x00%s",
        ];
        let out = self.run_str(&[&how[..], which].concat())?;
        parse_log(&out, wanted)
    }

    /// The version label of a commit: `pyproject.toml`, else the manifest, else `unknown`.
    pub fn version(&self, blobs: &Blobs, commit: &str) -> String {
        #[derive(Deserialize)]
        struct Project {
            project: Option<Version>,
        }
        #[derive(Deserialize)]
        struct Version {
            version: Option<String>,
        }
        let text = |path: &str| {
            let bytes = blobs.read(&format!("{commit}:{path}"))?;
            String::from_utf8(bytes.to_vec()).ok()
        };
        let project = text("pyproject.toml").and_then(|t| toml::from_str::<Project>(&t).ok()?.project?.version);
        let manifest = || {
            let text = text("universal/.universal-manifest.json")?;
            serde_json::from_str::<Version>(&text).ok()?.version
        };
        // It stands on lines of documents, and behind `version=`.
        let clean = |v: String| v.chars().filter(|c| !visible::is_unsafe(*c)).take(40).collect::<String>();
        project.or_else(manifest).map(clean).filter(|v| !v.is_empty()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// Opens the contents for reading.
    ///
    /// # Errors
    /// [`GitError::NoGit`].
    pub fn blobs(&self) -> Result<Blobs, GitError> {
        let _git = waiting(Who::Git);
        let mut child = self
            .git()
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(GitError::NoGit)?;
        let (Some(ask), Some(answer)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(GitError::Unexpected { command: "cat-file", what: "no pipes".into() });
        };
        Ok(Blobs { pipes: Mutex::new(Some(Pipes { child, ask: Some(ask), answer: BufReader::new(answer) })) })
    }
}

/// Regular files, executable or not; not links (120000) and submodules (160000).
fn is_file(mode: &str) -> bool {
    matches!(mode, "100644" | "100755" | "100664")
}

fn installable(bytes: &[u8]) -> Option<RelPath> {
    let path = RelPath::new(bytes).ok()?;
    layouts().is_installable(&path).then_some(path)
}

fn parse_log(out: &[u8], wanted: impl Fn(&[u8]) -> Option<RelPath>) -> Result<Vec<Commit>, GitError> {
    let odd = |what: &str| GitError::Unexpected { command: "log", what: what.to_owned() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut commits: Vec<Commit> = Vec::new();
    let mut tokens = out.split(|b| *b == 0).map(|t| t.strip_prefix(b"\n").unwrap_or(t));
    while let Some(token) = tokens.next() {
        if token.is_empty() {
            continue;
        }
        if let Some(id) = token.strip_prefix(b"\x01") {
            let mut next = || tokens.next().ok_or_else(|| odd("a commit without its fields"));
            let (parents, date, subject) = (text(next()?), text(next()?), text(next()?));
            commits.push(Commit {
                id: text(id),
                parent: parents.split(' ').next().filter(|p| !p.is_empty()).map(str::to_owned),
                date,
                subject,
                changes: Vec::new(),
            });
            continue;
        }
        let head = text(token.strip_prefix(b":").ok_or_else(|| odd(&text(token)))?);
        let words: Vec<&str> = head.split(' ').collect();
        let [_, mode, _, new, status] = words[..] else { return Err(odd(&head)) };
        let first = tokens.next().ok_or_else(|| odd("a change without its path"))?;
        let second = if status.starts_with(['R', 'C']) { tokens.next() } else { None };
        let Some(commit) = commits.last_mut() else { return Err(odd("a change before any commit")) };
        let blob = BlobId::from_hex(new).filter(|id| !id.is_null() && is_file(mode));
        let executable = mode == "100755";
        let (path, from) = (second.unwrap_or(first), second.and(wanted(first)).filter(|_| status.starts_with('R')));
        match (wanted(path), from) {
            (Some(path), renamed_from) => commit.changes.push(Change { path, renamed_from, blob, executable }),
            // Moved out of what is installed: gone, as far as an install can tell.
            (None, Some(path)) => {
                commit.changes.push(Change { path, renamed_from: None, blob: None, executable: false });
            }
            (None, None) => {}
        }
    }
    Ok(commits)
}

/// Contents of a repository's objects, read through one long-lived `git cat-file --batch`.
#[derive(Debug)]
pub struct Blobs {
    pipes: Mutex<Option<Pipes>>,
}

#[derive(Debug)]
struct Pipes {
    child: Child,
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
}

impl Drop for Pipes {
    fn drop(&mut self) {
        let _git = waiting(Who::Git);
        // Closing its input ends it; one that still has something to say would wait for a reader. Waiting keeps no zombie.
        self.ask.take();
        let begun = std::time::Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < std::time::Duration::from_secs(1) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Blobs {
    /// The bytes of an object (an id, or `commit:path`); none if the repository doesn't have it.
    pub fn read(&self, name: &str) -> Option<Arc<[u8]>> {
        if name.contains('\n') {
            return None;
        }
        let mut guard = self.pipes.lock().ok()?;
        let pipes = guard.as_mut()?;
        let _git = waiting(Who::Git);
        match pipes.ask(name) {
            Ok(found) => found,
            Err(_) => {
                // Out of step with git: whatever comes next can't be trusted.
                *guard = None;
                None
            }
        }
    }
}

impl Pipes {
    fn ask(&mut self, name: &str) -> std::io::Result<Option<Arc<[u8]>>> {
        let ask = self.ask.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        ask.write_all(name.as_bytes())?;
        ask.write_all(b"\n")?;
        ask.flush()?;
        let mut line = Vec::new();
        // It repeats what it was asked, and a few words.
        self.answer.by_ref().take(name.len() as u64 + 256).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.trim_end().rsplit(' ');
        let (size, kind) = (words.next(), words.next());
        let Some(size) = size.and_then(|s| s.parse::<u64>().ok()) else { return Ok(None) };
        if size > LARGEST {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        // As it comes, not as it was promised.
        let mut bytes = Vec::new();
        self.answer.by_ref().take(size + 1).read_to_end(&mut bytes)?;
        if bytes.pop() != Some(b'\n') || bytes.len() as u64 != size {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok((kind == Some("blob")).then(|| bytes.into()))
    }
}

/// The nearest parent of `dir` (or itself) that is a git work tree's top; none outside of any.
pub fn work_tree_of(dir: &Path) -> Option<PathBuf> {
    let _git = waiting(Who::Git);
    let out = short_answer(dir, "rev-parse", git(dir).args(["rev-parse", "--show-toplevel"])).ok()?;
    let bytes = out.stdout.strip_suffix(b"\n").unwrap_or(&out.stdout);
    (out.status.success() && !bytes.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(bytes)))
}

/// Commits exactly these paths (those that git knows or may know) in the work tree of `dir`; the commit's id.
///
/// # Errors
/// [`GitError::Failed`] with git's words, for instance without a configured name.
pub fn commit_paths(dir: &Path, paths: &[PathBuf], message: &str) -> Result<String, GitError> {
    let failed = |command: &str, said: &[u8]| GitError::Failed {
        path: dir.to_owned(),
        command: command.to_owned(),
        said: last_lines(said),
    };
    let _git = waiting(Who::Git);
    let mut list = Vec::new();
    for path in paths {
        let ignored = git(dir).args(["check-ignore", "--quiet", "--"]).arg(path).status().map_err(GitError::NoGit)?;
        let known = answer(dir, "ls-files", git(dir).args(["ls-files", "--error-unmatch", "--"]).arg(path))?;
        if (path.exists() && !ignored.success()) || known.status.success() {
            list.extend_from_slice(path.as_os_str().as_bytes());
            list.push(0);
        }
    }
    let file = tempfile::NamedTempFile::new().map_err(GitError::NoGit)?;
    std::fs::write(file.path(), &list).map_err(GitError::NoGit)?;
    let from = format!("--pathspec-from-file={}", file.path().to_string_lossy());
    for arguments in [
        vec!["--literal-pathspecs", "add", "--all", &from, "--pathspec-file-nul"],
        vec![
            "--literal-pathspecs",
            "commit",
            "--quiet",
            "--no-verify",
            "-m",
            message,
            "--only",
            &from,
            "--pathspec-file-nul",
        ],
    ] {
        let out = answer(dir, arguments[1], git(dir).args(&arguments))?;
        if !out.status.success() {
            let said = if out.stderr.is_empty() { &out.stdout } else { &out.stderr };
            return Err(failed(arguments[1], said));
        }
    }
    Repo::open(&work_tree_of(dir).unwrap_or_else(|| dir.to_owned()))?.resolve("HEAD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let zero = "0".repeat(40);
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let log = format!(
            "\x01c1\0\02025-10-07\0first\0\n:000000 100755 {zero} {a} A\0scripts/a b\n.py\0:000000 100644 {zero} {b} A\0docs/x\0\0\
             \x01c2\0c1 c9\02025-10-08\0second\0\n:100755 100644 {a} {b} R090\0scripts/a b\n.py\0scripts/b.py\0"
        );
        let commits = parse_log(log.as_bytes(), installable).unwrap();
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[0].changes.len(), 1, "docs are not installed");
        assert!(commits[0].changes[0].executable);
        assert_eq!(commits[1].parent.as_deref(), Some("c1"));
        assert_eq!(commits[1].changes[0].renamed_from.as_ref().unwrap().as_bytes(), b"scripts/a b\n.py");
    }
}
