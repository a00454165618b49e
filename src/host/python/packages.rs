//! The packages of a virtual environment, read from their metadata: no interpreter is started.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs as stdfs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::core::blob::sha256;
use crate::core::requirements::{Requirement, normal};
use crate::host::files::read;

/// A description of a package is not larger.
const METADATA: u64 = 16 << 20;

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// As it calls itself.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Where it came from, if that was no package index: the text behind its name in a requirements file.
    origin: Option<String>,
    /// What it requires itself, as written.
    requires: Vec<String>,
}

/// What an environment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    packages: BTreeMap<String, Package>,
    /// Names all of it with the interpreter: two environments with the same digest hold the same.
    pub(crate) digest: String,
}

/// Reads an environment; none if it can't be told, as where it shares the system's packages.
pub(crate) fn installed(venv: &Path) -> Option<Installed> {
    let settings = String::from_utf8(read::read_at_most(&venv.join("pyvenv.cfg"), read::SETTINGS).ok()?).ok()?;
    let shares = |line: &str| {
        line.split_once('=').is_some_and(|(key, value)| {
            key.trim() == "include-system-site-packages" && value.trim().eq_ignore_ascii_case("true")
        })
    };
    if settings.lines().any(shares) {
        return None;
    }
    let mut described = settings.clone();
    let python = venv.join("bin/python").canonicalize().ok()?;
    let meta = python.metadata().ok()?;
    let _ = writeln!(described, "{} {} {}", python.to_string_lossy(), meta.len(), meta.mtime());
    let mut packages = BTreeMap::new();
    for folder in folders(venv) {
        let mut names: Vec<_> = stdfs::read_dir(&folder).ok()?.flatten().map(|e| e.file_name()).collect();
        names.sort();
        for name in names.iter().filter(|n| *n != "__pycache__") {
            let shown = name.to_string_lossy();
            let path = folder.join(name);
            let _ = write!(described, "{shown}");
            if shown.ends_with(".dist-info") || shown.ends_with(".egg-info") {
                let package = read(&path)?;
                let _ = write!(described, " {} {}", package.version, stamp(&path));
                packages.insert(normal(&package.name), package);
            }
            described.push('\n');
        }
    }
    Some(Installed { packages, digest: sha256(described.as_bytes()) })
}

/// Size and time of what lists a package's files: new with every installation.
fn stamp(info: &Path) -> String {
    let meta = ["RECORD", "PKG-INFO"].iter().find_map(|name| info.join(name).metadata().ok());
    meta.map(|m| format!("{} {}.{}", m.len(), m.mtime(), m.mtime_nsec())).unwrap_or_default()
}

/// Its folders of packages.
fn folders(venv: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    // The second is a link to the first as a rule.
    for lib in ["lib", "lib64"].map(|name| venv.join(name)) {
        if stdfs::symlink_metadata(&lib).is_ok_and(|m| m.is_dir()) {
            let versions = stdfs::read_dir(&lib).into_iter().flatten().flatten();
            all.extend(versions.map(|e| e.path().join("site-packages")).filter(|p| p.is_dir()));
        }
    }
    all.sort();
    all
}

fn read(info: &Path) -> Option<Package> {
    let file = if info.is_file() { info.to_owned() } else { info.join("METADATA") };
    let bytes =
        read::read_at_most(&file, METADATA).or_else(|_| read::read_at_most(&info.join("PKG-INFO"), METADATA)).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let head = text.lines().take_while(|l| !l.trim().is_empty());
    let mut package =
        Package { name: String::new(), version: String::new(), origin: origin(info), requires: Vec::new() };
    for line in head {
        match line.split_once(':').map(|(key, value)| (key.to_ascii_lowercase(), value.trim())) {
            Some((key, value)) if key == "name" => package.name = value.to_owned(),
            Some((key, value)) if key == "version" => package.version = value.to_owned(),
            Some((key, value)) if key == "requires-dist" => package.requires.push(value.to_owned()),
            _ => {}
        }
    }
    (!package.name.is_empty()).then_some(package)
}

fn origin(info: &Path) -> Option<String> {
    let value: serde_json::Value =
        serde_json::from_slice(&read::read_at_most(&info.join("direct_url.json"), read::SETTINGS).ok()?).ok()?;
    let url = value["url"].as_str()?;
    Some(match (value["vcs_info"]["vcs"].as_str(), value["vcs_info"]["commit_id"].as_str()) {
        (Some(vcs), Some(commit)) => format!("{vcs}+{url}@{commit}"),
        _ => url.to_owned(),
    })
}

impl Installed {
    /// The text of a requirements file that names every package with its version.
    pub(crate) fn snapshot(&self) -> String {
        let line = |p: &Package| match &p.origin {
            Some(origin) => format!("{} @ {origin}\n", p.name),
            None => format!("{}=={}\n", p.name, p.version),
        };
        self.packages.values().map(line).collect()
    }

    /// A package by name.
    pub(crate) fn get(&self, name: &str) -> Option<&Package> {
        self.packages.get(&normal(name))
    }

    /// Whether requirements are fulfilled, with all that these require in turn. False where that can't be told.
    pub(crate) fn fulfil(&self, requirements: &[Requirement]) -> bool {
        let mut open: Vec<(Requirement, bool)> = requirements.iter().cloned().map(|r| (r, true)).collect();
        let mut seen = std::collections::BTreeSet::new();
        while let Some((wanted, asked)) = open.pop() {
            // Whether a condition holds only the interpreter knows; a package's own are pip's care at installation.
            if wanted.marker.is_some() && asked {
                return false;
            }
            let Some(have) = self.get(&wanted.name) else {
                if wanted.marker.is_some() {
                    continue;
                }
                return false;
            };
            if wanted.allows(&have.version) != Some(true) && wanted.marker.is_none() {
                return false;
            }
            if !seen.insert((wanted.name.clone(), wanted.extras.clone())) {
                continue;
            }
            for text in &have.requires {
                let Some(mut next) = Requirement::parse(text) else { return false };
                let marker: String =
                    next.marker.iter().flat_map(|m| m.chars()).filter(|c| !"'\" ()".contains(*c)).collect();
                let extra = marker.split("extra==").nth(1).map(normal);
                if marker.starts_with("extra==") {
                    // Nothing else has to hold, once the extra is asked for.
                    next.marker = None;
                }
                match extra {
                    None => open.push((next, false)),
                    Some(extra) if wanted.extras.contains(&extra) => open.push((next, false)),
                    Some(_) => {}
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::requirements::of_file;

    fn venv(packages: &[(&str, &str, &[&str])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("lib/python3.9/site-packages");
        stdfs::create_dir_all(&site).unwrap();
        stdfs::create_dir_all(dir.path().join("bin")).unwrap();
        stdfs::write(dir.path().join("bin/python"), "").unwrap();
        stdfs::write(dir.path().join("pyvenv.cfg"), "include-system-site-packages = false\n").unwrap();
        for (name, version, requires) in packages {
            let info = site.join(format!("{}-{version}.dist-info", name.replace('-', "_")));
            stdfs::create_dir(&info).unwrap();
            let requires: String = requires.iter().map(|r| format!("Requires-Dist: {r}\n")).collect();
            let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}\nName: no\n");
            stdfs::write(info.join("METADATA"), text).unwrap();
            stdfs::write(info.join("RECORD"), name).unwrap();
        }
        dir
    }

    #[test]
    fn requirements_of_requirements_count() {
        let dir = venv(&[
            ("Fast-MCP", "2.1", &["httpx>=0.2", "rich>=3; extra == 'cli'", "old; python_version < \"3\""]),
            ("httpx", "0.28.1", &[]),
        ]);
        let have = installed(dir.path()).unwrap();
        let says = |text: &str| have.fulfil(&of_file(text).0);
        assert!(says("fast_mcp>=2") && says("fast.mcp"));
        assert!(!says("fast_mcp>=3") && !says("fast_mcp\nlost"));
        assert!(!says("fast_mcp[cli]"), "what an extra asks for is missing");
        assert!(!says("fast_mcp; python_version > '3'"), "nobody evaluates that here");
        assert_eq!(have.snapshot(), "Fast-MCP==2.1\nhttpx==0.28.1\n");
        let dir = venv(&[("a", "1", &["b>2"]), ("b", "2", &[])]);
        assert!(!installed(dir.path()).unwrap().fulfil(&of_file("a").0));
    }

    #[test]
    fn the_digest_tells_environments_apart() {
        let dir = venv(&[("a", "1", &[]), ("b", "2", &[])]);
        let digest = || installed(dir.path()).map(|i| i.digest);
        let before = digest();
        let site = dir.path().join("lib/python3.9/site-packages");
        stdfs::create_dir(site.join("__pycache__")).unwrap();
        assert_eq!(digest(), before, "bytecode is no package");
        stdfs::write(site.join("b-2.dist-info/RECORD"), "b again").unwrap();
        assert_ne!(digest(), before);
        let now = digest();
        stdfs::write(dir.path().join("bin/python"), "another").unwrap();
        assert_ne!(digest(), now);
        stdfs::write(dir.path().join("pyvenv.cfg"), "include-system-site-packages = true\n").unwrap();
        assert_eq!(digest(), None);
    }

    #[test]
    fn where_a_package_came_from_is_kept() {
        let dir = venv(&[("a", "1", &[])]);
        let info = dir.path().join("lib/python3.9/site-packages/a-1.dist-info/direct_url.json");
        stdfs::write(&info, r#"{"url":"https://x.invalid/a","vcs_info":{"vcs":"git","commit_id":"00ff"}}"#).unwrap();
        assert_eq!(installed(dir.path()).unwrap().snapshot(), "a @ git+https://x.invalid/a@00ff\n");
    }
}
