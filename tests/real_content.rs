//! The history of the real content: an install of every release that nobody has edited is upgraded to the newest one
//! without a single question, and is then exactly a fresh install. `POS_REAL_CONTENT` names a git bundle of it.

use crate::common::ext;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::core::plan::Plan;
use pos_upgrade_tui::host::demo;

const RELEASES: usize = 22;
/// Where a fresh install has what the source ships; releases before the current layout's had more, which it leaves out.
const MAPS: [(&str, &str); 4] = [
    ("universal/standards/", "standards/universal/"),
    ("universal/workflows/", "workflows/"),
    ("mcp_server/", "mcp_server/"),
    ("scripts/", "scripts/"),
];
/// What the stock installer passes over wherever it stands.
const NEVER: [&str; 6] = ["__pycache__", ".DS_Store", ".pytest_cache", ".mypy_cache", ".praxis-os", ".cursor"];
/// What an upgrade writes besides what the release ships.
const WRITTEN: [&str; 4] = [".upgrade-baseline.json", "INSTALLATION_SUMMARY.md", "UPDATE_LOG.txt", "VERSION.txt"];

/// A file: its blob id, and whether it can be run.
type Release = BTreeMap<String, (String, bool)>;

/// The real content with the demo's server on top, which makes a praxis-os of it.
struct Source {
    dir: PathBuf,
    /// Oldest first; the last one is the real content's newest.
    releases: Vec<String>,
    blobs: HashMap<String, Vec<u8>>,
}

impl Source {
    fn new(sandbox: &Sandbox, bundle: &Path) -> Self {
        let dir = sandbox.path().join("praxis-os");
        git(&sandbox.path(), &["clone", "--quiet", "-b", "devcut", bundle.to_str().unwrap(), dir.to_str().unwrap()]);
        let log = git(&dir, &["log", "--format=%H", "--reverse"]);
        let releases: Vec<String> = log.lines().map(str::to_owned).collect();

        let of_demo = sandbox.path().join("demo-source");
        let commits = demo::prepare_source(&of_demo).unwrap();
        let unpacked = sandbox.path().join("demo-install");
        demo::install_release(&of_demo, commits.last().unwrap(), &unpacked).unwrap();
        fs::rename(unpacked.join("mcp_server"), dir.join("mcp_server")).unwrap();
        git(&dir, &["add", "--all"]);
        git(&dir, &["commit", "--quiet", "-m", "The server"]);
        let mut source = Self { dir, releases, blobs: HashMap::new() };
        source.read_blobs();
        source
    }

    /// What an install of a commit holds.
    fn release(&self, commit: &str) -> Release {
        let output = Command::new("git").current_dir(&self.dir).args(["ls-tree", "-r", "-z", commit]).output().unwrap();
        assert!(output.status.success());
        let listing = String::from_utf8(output.stdout).unwrap();
        let file = |line: &str| {
            let (head, path) = line.split_once('\t')?;
            let (from, to) = MAPS.into_iter().find(|(from, _)| path.starts_with(from))?;
            let never = path.split('/').any(|part| NEVER.contains(&part)) || path.ends_with(".pyc");
            let words: Vec<&str> = head.split(' ').collect();
            let is_file = words[0].starts_with("100");
            (!never && is_file).then(|| (path.replacen(from, to, 1), (words[2].to_owned(), words[0] == "100755")))
        };
        listing.split('\0').filter_map(file).collect()
    }

    /// Reads the bytes of all releases' files, each once, through one process.
    fn read_blobs(&mut self) {
        let commits = self.releases.iter().map(String::as_str).chain(["HEAD"]);
        let ids: BTreeSet<String> = commits.flat_map(|c| self.release(c).into_values().map(|(id, _)| id)).collect();
        let mut child = Command::new("git")
            .current_dir(&self.dir)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ask = child.stdin.take().unwrap();
        let mut answer = BufReader::new(child.stdout.take().unwrap());
        for id in ids {
            writeln!(ask, "{id}").unwrap();
            let mut head = String::new();
            answer.read_line(&mut head).unwrap();
            let size: usize = head.trim().rsplit(' ').next().unwrap().parse().unwrap();
            let mut bytes = vec![0; size + 1];
            answer.read_exact(&mut bytes).unwrap();
            bytes.pop();
            self.blobs.insert(id, bytes);
        }
        drop(ask);
        assert!(child.wait().unwrap().success());
    }

    /// Installs a release as the stock installer does: no manifest, no baseline.
    fn install(&self, commit: &str, install: &Path) {
        for (path, (blob, executable)) in self.release(commit) {
            let path = install.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &self.blobs[&blob]).unwrap();
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// Every file of an install but what is never part of a release: its bytes, and whether it can be run.
fn files(install: &Path) -> BTreeMap<String, (Vec<u8>, bool)> {
    let ephemeral = [".cache", ".upgrade", ".backups"];
    let walk = walkdir::WalkDir::new(install).min_depth(1).into_iter();
    let walk = walk.filter_entry(|e| e.depth() > 1 || !ephemeral.contains(&e.file_name().to_str().unwrap()));
    let mut all = BTreeMap::new();
    for entry in walk {
        let entry = entry.unwrap();
        if !entry.file_type().is_dir() {
            let path = entry.path().strip_prefix(install).unwrap().to_str().unwrap().to_owned();
            let mode = entry.metadata().unwrap().permissions().mode();
            all.insert(path, (fs::read(entry.path()).unwrap(), mode & 0o100 != 0));
        }
    }
    all
}

/// Upgrades a fresh install of a release, and gives a line about it; or what is wrong with the result.
fn upgrade(sandbox: &Sandbox, source: &Source, commit: &str) -> Result<String, String> {
    let begun = Instant::now();
    let project = sandbox.path().join(commit);
    let install = project.join(".praxis-os");
    source.install(commit, &install);
    let arguments = ["--project", project.to_str().unwrap(), "--source", source.dir.to_str().unwrap()];

    let output = sandbox.run(&[&["plan", "--json"], &arguments[..]].concat());
    if !output.status.success() {
        return Err(format!("plan: {}", text(&output).1));
    }
    let plan: Plan = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    let s = &plan.summary;
    if (s.conflict, s.local_only, s.stays_deleted, s.auto_merge, s.linked) != (0, 0, 0, 0, 0) {
        return Err(format!("nobody has edited it, but: {s:?}"));
    }

    let output = sandbox.run(&[&["upgrade", "--yes"], &arguments[..]].concat());
    if output.status.code() != Some(0) {
        return Err(format!("upgrade: {}", text(&output).1));
    }
    let mut now = files(&install);
    for name in WRITTEN {
        now.remove(name).ok_or_else(|| format!("{name} was not written"))?;
    }
    let newest = source.release("HEAD");
    let fresh = newest.into_iter().map(|(path, (blob, executable))| (path, (source.blobs[&blob].clone(), executable)));
    let fresh: BTreeMap<_, _> = fresh.collect();
    let paths: BTreeSet<&String> = now.keys().chain(fresh.keys()).collect();
    let different: Vec<&&String> = paths.iter().filter(|p| now.get(**p) != fresh.get(**p)).collect();
    if !different.is_empty() {
        return Err(format!("{} paths are not a fresh install's: {different:?}", different.len()));
    }
    fs::remove_dir_all(&project).map_err(|e| e.to_string())?;
    let changes = s.pending();
    Ok(format!("{changes:>3} changes, {} unchanged, {:.1} s", s.unchanged, begun.elapsed().as_secs_f64()))
}

#[test]
fn every_release_that_nobody_edited_becomes_the_newest() {
    let Some(bundle) = std::env::var_os("POS_REAL_CONTENT") else {
        return ext::skipped("POS_REAL_CONTENT is not set");
    };
    let bundle = fs::canonicalize(bundle).expect("POS_REAL_CONTENT is a bundle");
    let sandbox = Sandbox::new();
    let source = Source::new(&sandbox, &bundle);
    assert_eq!(source.releases.len(), RELEASES);
    assert!(source.release("HEAD").len() > 250, "the real content is there");

    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(commit) = source.releases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = upgrade(&sandbox, &source, commit);
                    results.lock().unwrap().insert(commit.clone(), result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    assert_eq!(results.len(), RELEASES);
    for commit in &source.releases {
        match &results[commit] {
            Ok(line) => println!("{}: {line}", &commit[..7]),
            Err(problem) => println!("{}: FAILED: {problem}", &commit[..7]),
        }
    }
    let good = results.values().filter(|r| r.is_ok()).count();
    println!("{good} of {RELEASES} releases upgraded to the newest, byte for byte");
    assert_eq!(good, RELEASES);
}
