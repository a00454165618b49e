//! Small worlds: a real repository with a few releases, an install made from one of them, and what the user did to it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pos_upgrade_tui::core::baseline;
use pos_upgrade_tui::core::blob::BlobId;
use pos_upgrade_tui::core::plan::{Kind, Summary};
use pos_upgrade_tui::engine::planning::make_plan::{base_path, make_plan};
use pos_upgrade_tui::engine::planning::source::Source;

use crate::common::git;
use crate::matrix::seen::Planned;

/// What releases and installs have at their top. Any other name is short for a file of the standards.
const TOPS: [&str; 19] = [
    ".gitignore",
    "config",
    "config.json",
    "dist",
    "docs",
    "mcp_server",
    "not-installed",
    "ouroboros",
    "pyproject.toml",
    "scripts",
    "specs",
    "standards",
    "state",
    "templates",
    "universal",
    "usage",
    "workflows",
    "workspace",
    ".upgrade-baseline.json",
];

/// A name's path: as it is, or below the folder.
pub fn full(name: &[u8], folder: &str) -> Vec<u8> {
    let top = name.split(|b| *b == b'/').next().unwrap_or_default();
    if TOPS.iter().any(|t| t.as_bytes() == top) {
        return name.to_vec();
    }
    [folder.as_bytes(), b"/", name].concat()
}

/// A file of a release: `a.md` stands for `universal/standards/a.md`.
#[derive(Clone)]
pub struct File {
    path: Vec<u8>,
    mode: &'static str,
    bytes: Vec<u8>,
}

pub fn file(name: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> File {
    File { path: full(name.as_ref(), "universal/standards"), mode: "100644", bytes: bytes.as_ref().to_vec() }
}

impl File {
    pub fn executable(self) -> Self {
        Self { mode: "100755", ..self }
    }

    /// A symbolic link that leads to its text.
    pub fn link(self) -> Self {
        Self { mode: "120000", ..self }
    }

    pub fn submodule(self) -> Self {
        Self { mode: "160000", ..self }
    }
}

impl<N: AsRef<[u8]> + Copy, B: AsRef<[u8]> + Copy> From<&(N, B)> for File {
    fn from((name, bytes): &(N, B)) -> Self {
        file(name, bytes)
    }
}

impl From<&File> for File {
    fn from(file: &File) -> Self {
        file.clone()
    }
}

struct Release {
    parents: Vec<usize>,
    files: Vec<File>,
    /// Seconds since 1970.
    date: i64,
}

/// Releases, an install, its user.
pub struct World {
    dir: tempfile::TempDir,
    /// Whether the last upgrade left a `.upgrade-baseline.json`.
    pub baseline: bool,
    anchored: bool,
    /// The install's folder within the project.
    folder: &'static str,
    format: &'static str,
    releases: Vec<Release>,
    ids: Vec<String>,
    source: PathBuf,
}

/// Runs a case twice: in an install that knows its release from a baseline, and in one that has to find it.
pub fn each(case: impl Fn(World)) {
    for baseline in [false, true] {
        println!("{}", if baseline { "with a baseline" } else { "without a baseline" });
        case(World::new(baseline));
    }
}

impl World {
    /// Each of its releases also ships three files that tell it from all others.
    pub fn new(baseline: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("pos-matrix-").tempdir().unwrap();
        let source = dir.path().join("source");
        Self {
            dir,
            baseline,
            anchored: true,
            folder: ".praxis-os",
            format: "sha1",
            releases: Vec::new(),
            ids: Vec::new(),
            source,
        }
    }

    pub fn without_baseline() -> Self {
        Self::new(false)
    }

    pub fn with_baseline() -> Self {
        Self::new(true)
    }

    /// Releases ship only what is listed.
    pub fn bare(self) -> Self {
        Self { anchored: false, ..self }
    }

    pub fn sha256(self) -> Self {
        Self { format: "sha256", ..self }
    }

    /// The next release on the main line, with all its files.
    pub fn release<'a, F>(self, files: &'a [F]) -> Self
    where
        File: From<&'a F>,
    {
        let parents = self.releases.len().checked_sub(1).into_iter().collect();
        self.release_on(parents, files)
    }

    /// A release with these parents, by number; the first is the one that it continues. The last release is `HEAD`.
    pub fn release_on<'a, F>(mut self, parents: Vec<usize>, files: &'a [F]) -> Self
    where
        File: From<&'a F>,
    {
        let number = self.releases.len();
        let mut files: Vec<File> = files.iter().map(File::from).collect();
        if self.anchored {
            files.extend((1..=3).map(|n| file(format!("anchors/{n}.md"), format!("anchor {n}\nrelease {number}\n"))));
        }
        let date = 1_759_800_000 + 3_600 * i64::try_from(number).unwrap();
        self.releases.push(Release { parents, files, date });
        self
    }

    /// Gives the last release a date so many hours before that of the first.
    pub fn dated_back(mut self, hours: i64) -> Self {
        self.releases.last_mut().unwrap().date = 1_759_800_000 - 3_600 * hours;
        self
    }

    /// Makes the repository, once all releases are told, and installs one.
    pub fn install(self, release: usize) -> Self {
        let current = [
            ("universal/standards/", "standards/universal/"),
            ("universal/workflows/", "workflows/"),
            ("mcp_server/", "mcp_server/"),
            ("scripts/", "scripts/"),
        ];
        self.install_as(release, &current, "standards/universal")
    }

    /// As installers before the standards moved down into `universal/` did.
    pub fn install_legacy(self, release: usize) -> Self {
        let legacy = [
            ("universal/standards/", "standards/"),
            ("universal/usage/", "usage/"),
            ("universal/workflows/", "workflows/"),
            ("mcp_server/", "mcp_server/"),
        ];
        self.install_as(release, &legacy, "standards")
    }

    /// As installers of the third generation do, of either form that a source can have.
    pub fn install_third(self, release: usize) -> Self {
        let third = [
            ("dist/universal/standards/", "standards/universal/"),
            ("dist/universal/workflows/", "workflows/"),
            ("universal/standards/", "standards/universal/"),
            ("universal/workflows/", "workflows/"),
            ("dist/ouroboros/", "ouroboros/"),
            ("scripts/", "scripts/"),
        ];
        self.install_as(release, &third, "standards/universal")
    }

    fn install_as(mut self, release: usize, maps: &[(&str, &str)], mark: &str) -> Self {
        self.make_repository();
        let install = self.folder();
        fs::create_dir_all(install.join(mark)).unwrap();
        for file in self.releases[release].files.iter().filter(|f| f.mode.starts_with("100")) {
            let place =
                |(from, to): &(&str, &str)| Some([to.as_bytes(), file.path.strip_prefix(from.as_bytes())?].concat());
            let Some(path) = maps.iter().find_map(place) else { continue };
            let path = install.join(OsStr::from_bytes(&path));
            if !path.exists() {
                put(&path, &file.bytes, file.mode == "100755");
            }
        }
        if self.baseline {
            let source = Source::open(&self.source, Some(&self.ids[release])).unwrap();
            let noted = make_plan(&source, &install).unwrap().next_baseline;
            fs::write(install.join(baseline::FILE), serde_json::to_vec(&noted).unwrap()).unwrap();
        }
        self
    }

    fn make_repository(&mut self) {
        fs::create_dir_all(&self.source).unwrap();
        git(&self.source, &["init", "--quiet", "-b", "main", &format!("--object-format={}", self.format)]);
        let marks = self.dir.path().join("marks");
        let mut child = Command::new("git")
            .current_dir(&self.source)
            .args(["fast-import", "--quiet", "--force"])
            .arg(format!("--export-marks={}", marks.display()))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut to = child.stdin.take().unwrap();
        for (number, release) in self.releases.iter().enumerate() {
            let date = release.date;
            write!(to, "commit refs/heads/main\nmark :{}\ncommitter t <t@example.invalid> {date} +0000\n", number + 1)
                .unwrap();
            write!(to, "data 2\nr{}\n", number % 10).unwrap();
            for (at, parent) in release.parents.iter().enumerate() {
                writeln!(to, "{} :{}", if at == 0 { "from" } else { "merge" }, parent + 1).unwrap();
            }
            to.write_all(b"deleteall\n").unwrap();
            for file in &release.files {
                let path: String = file.path.iter().map(|b| format!("\\{b:03o}")).collect();
                if file.mode == "160000" {
                    writeln!(to, "M 160000 {} \"{path}\"", "1".repeat(40)).unwrap();
                    continue;
                }
                write!(to, "M {} inline \"{path}\"\ndata {}\n", file.mode, file.bytes.len()).unwrap();
                to.write_all(&file.bytes).unwrap();
                to.write_all(b"\n").unwrap();
            }
        }
        drop(to);
        assert!(child.wait().unwrap().success(), "git fast-import");
        let mut ids: Vec<(usize, String)> = fs::read_to_string(marks)
            .unwrap()
            .lines()
            .map(|line| {
                let (mark, id) = line.split_once(' ').unwrap();
                (mark[1..].parse().unwrap(), id.to_owned())
            })
            .collect();
        ids.sort();
        self.ids = ids.into_iter().map(|(_, id)| id).collect();
    }

    /// As installs of another generation have it.
    pub fn in_folder(self, folder: &'static str) -> Self {
        Self { folder, ..self }
    }

    /// The folder of the install.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("project").join(self.folder)
    }

    /// The ids of all releases.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// A release's id.
    pub fn full_id(&self, release: usize) -> &str {
        &self.ids[release]
    }

    /// Where a name stands in the install: `a.md` is `standards/universal/a.md`.
    pub fn at(&self, name: impl AsRef<[u8]>) -> PathBuf {
        self.folder().join(OsStr::from_bytes(&full(name.as_ref(), "standards/universal")))
    }

    /// The user writes a file.
    pub fn edit(self, name: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.at(name);
        let executable = path.metadata().is_ok_and(|m| m.permissions().mode() & 0o100 != 0);
        put(&path, bytes.as_ref(), executable);
        self
    }

    /// The user removes a file or folder.
    pub fn delete(self, name: impl AsRef<[u8]>) -> Self {
        let path = self.at(name);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        self
    }

    /// The user puts a link there instead, relative to the folder it is in.
    pub fn link(self, name: &str, to: &str) -> Self {
        let path = self.at(name);
        if path.symlink_metadata().is_ok() {
            return self.delete(name).link(name, to);
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
        self
    }

    pub fn set_executable(self, name: &str, executable: bool) -> Self {
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// The source becomes a clone of itself that has only the last commit.
    pub fn shallow(mut self) -> Self {
        let url = format!("file://{}", self.source.display());
        git(self.dir.path(), &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
        self.source = self.dir.path().join("shallow");
        self
    }

    /// Changes what the baseline says.
    pub fn noted(self, change: impl Fn(&mut serde_json::Value)) -> Self {
        let path = self.folder().join(baseline::FILE);
        let mut noted = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut noted);
        fs::write(path, noted.to_string()).unwrap();
        self
    }

    /// Keeps a release's bytes in the install, as an upgrade does.
    pub fn keep_base(self, bytes: &str) -> Self {
        let id = BlobId::of(bytes.as_bytes(), pos_upgrade_tui::core::blob::ObjectFormat::Sha1);
        put(&base_path(&self.folder(), &id), bytes.as_bytes(), false);
        self
    }

    /// Plans, and checks what holds for every plan.
    pub fn plan(self) -> Planned {
        let install = self.folder();
        let source = Source::open(&self.source, None).unwrap();
        let plan = make_plan(&source, &install).unwrap().plan;
        assert_eq!(plan.summary, Summary::of(&plan.files));
        assert!(plan.files.windows(2).all(|two| two[0].path < two[1].path), "sorted, each path once: {plan:#?}");
        for entry in &plan.files {
            assert_eq!(entry.conflict_hunks > 0, entry.kind == Kind::Conflict, "{entry:#?}");
            assert!(!entry.reason.is_empty() && !entry.reason.contains('\n'), "{entry:#?}");
            let spot = entry.from.as_ref().unwrap_or(&entry.path).under(&install);
            if let Some(mine) = entry.mine.as_ref().filter(|_| entry.kind != Kind::Linked) {
                assert_eq!(*mine, BlobId::of(&fs::read(&spot).unwrap(), source.repo.format), "{entry:#?}");
            }
            let theirs = entry.source_path.as_ref().and_then(|p| source.tree.get(p));
            assert_eq!(entry.theirs.as_ref(), theirs.map(|t| &t.blob), "{entry:#?}");
        }
        Planned { world: self, source, plan }
    }
}

fn put(path: &Path, bytes: &[u8], executable: bool) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
