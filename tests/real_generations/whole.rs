//! Whole upgrades of real installs by the binary, each with a user's edits, and back. The oracle knows which folders a
//! release fills, git's objects, and what was edited; it makes the whole tree that must come of it, with
//! `git merge-file`, and nothing else may stand there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{FORMS, Real, copy};
use crate::common::{Sandbox, assert_same, git, snapshot, text};

type Files = BTreeMap<String, Vec<u8>>;

/// The folders of a release, and where they are installed.
type Map = Vec<(String, &'static str)>;

fn second_map() -> Map {
    let maps = [
        ("universal/standards", "standards/universal"),
        ("universal/workflows", "workflows"),
        ("universal/usage", "usage"),
        ("mcp_server", "mcp_server"),
        ("scripts", "scripts"),
    ];
    maps.map(|(from, to)| (from.to_owned(), to)).into()
}

fn third_map(form: &str) -> Map {
    vec![
        (format!("{form}/standards"), "standards/universal"),
        (format!("{form}/workflows"), "workflows"),
        ("dist/ouroboros".to_owned(), "ouroboros"),
        ("scripts".to_owned(), "scripts"),
    ]
}

/// What is the program's own, or can be made again.
fn is_ours(path: &str) -> bool {
    let files = ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md", ".upgrade-baseline.json", "upgrade.json"];
    let folders = [".cache/", ".upgrade/", ".backups/", "state/"];
    files.contains(&path) || folders.iter().any(|f| path.starts_with(f)) || path.contains("__pycache__/")
}

fn files(install: &Path) -> Files {
    let all = walkdir::WalkDir::new(install).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
    let name = |path: &Path| path.strip_prefix(install).unwrap().to_str().unwrap().to_owned();
    all.map(|e| (name(e.path()), fs::read(e.path()).unwrap())).filter(|(path, _)| !is_ours(path)).collect()
}

/// A project with one of the real installs, as git has it after a clone.
struct World<'r> {
    real: &'r Real,
    sandbox: Sandbox,
    project: PathBuf,
    /// As it was published.
    published: Files,
    /// All blobs of releases until the one that the project has.
    known: BTreeSet<String>,
    /// The released pages by where the release of a commit has to stand.
    theirs: Files,
    commit: String,
    edited: BTreeSet<String>,
    deleted: BTreeSet<String>,
    lines: Vec<String>,
}

impl<'r> World<'r> {
    /// With the last commit that is no news to the install, and the one to upgrade to.
    fn new(real: &'r Real, published: &Path, [last, commit]: [&str; 2], map: &Map) -> Self {
        let sandbox = Sandbox::new();
        let project = sandbox.path().join("project");
        let top = published.parent().unwrap();
        copy(published, &project.join(published.file_name().unwrap()));
        for beside in [".cursor/mcp.json", ".cursorrules", ".gitignore"] {
            copy(&top.join(beside), &project.join(beside));
        }
        git(&project, &["init", "--quiet"]);
        let known = git(&real.source, &["rev-list", "--objects", last]);
        let mut world = Self {
            real,
            published: files(&project.join(published.file_name().unwrap())),
            known: known.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect(),
            theirs: Files::new(),
            commit: commit.to_owned(),
            sandbox,
            project,
            edited: BTreeSet::new(),
            deleted: BTreeSet::new(),
            lines: Vec::new(),
        };
        git(&real.source, &["reset", "--quiet", "--hard", commit]);
        for path in git(&real.source, &["ls-tree", "-r", "--name-only", commit]).lines() {
            let place = map.iter().find_map(|(from, to)| Some(format!("{to}{}", path.strip_prefix(from.as_str())?)));
            let installed = !path.contains("/.cursor/") && !path.contains("__pycache__");
            if let Some(place) = place.filter(|_| installed) {
                world.theirs.insert(place, fs::read(real.source.join(path)).unwrap());
            }
        }
        world
    }

    fn install(&self) -> PathBuf {
        let found = [".agent-os", ".praxis-os"].map(|name| self.project.join(name)).into_iter().find(|p| p.is_dir());
        found.expect("an install")
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.project);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        text(&command.output().unwrap())
    }

    fn upgrade(&self) -> (i32, String) {
        let source = self.real.source.to_str().unwrap().to_owned();
        let mut arguments = vec!["upgrade", "--yes", "--on-conflict", "merge-keep", "--editor-config", "yes"];
        arguments.extend(["--allow-removals", "400", "--source", &source, "--to", &self.commit]);
        self.run(&arguments)
    }

    /// Changes a file, and remembers whose it is.
    fn edit(&mut self, path: &str, change: impl FnOnce(String) -> String) {
        let place = self.install().join(path);
        fs::write(&place, change(fs::read_to_string(&place).unwrap())).unwrap();
        self.edited.insert(path.to_owned());
    }

    /// A line that nobody else has, in a file's own kind of comment.
    fn line(&mut self, path: &str) -> String {
        let number = self.lines.len();
        let line = match path.rsplit('.').next() {
            Some("md") => format!("<!-- ours, number {number} -->"),
            _ => format!("# ours, number {number}"),
        };
        self.lines.push(line.clone());
        line
    }

    fn at_top(&mut self, path: &str) {
        let line = self.line(path);
        self.edit(path, |text| format!("{line}\n{text}"));
    }

    fn at_end(&mut self, path: &str) {
        let line = self.line(path);
        self.edit(path, |text| format!("{text}\n{line}\n"));
    }

    fn own(&mut self, path: &str, mode: u32) {
        let line = self.line(path);
        let place = self.install().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, format!("{line}\n")).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn delete(&mut self, path: &str) {
        fs::remove_file(self.install().join(path)).unwrap();
        self.deleted.insert(path.to_owned());
    }

    /// Where the install has what a release has at a place: there, or where the first generation's early layout had it.
    fn mine(&self, place: &str, of: &Files) -> Option<String> {
        let early = place.strip_prefix("standards/universal/").map(|rest| format!("standards/{rest}"));
        [Some(place.to_owned()), early].into_iter().flatten().find(|path| of.contains_key(path))
    }

    /// Published pages below a folder that this release changes (or does not), at the place where they stand; long ones.
    fn pages(&self, below: &str, changed: bool) -> Vec<String> {
        let blobs = self.real.blobs(&self.install());
        let found = self.theirs.iter().filter(|(place, theirs)| {
            let Some(mine) = self.mine(place, &self.published) else { return false };
            let bytes = &self.published[&mine];
            let long = bytes.iter().filter(|b| **b == b'\n').count() > 30;
            let kind = [".md", ".py"].iter().any(|kind| place.ends_with(kind));
            place.starts_with(below)
                && kind
                && long
                && (bytes != *theirs) == changed
                && self.known.contains(&blobs[&mine])
        });
        found.filter_map(|(place, _)| self.mine(place, &self.published)).collect()
    }

    /// The first line of a page that the release changed.
    fn changed_line(&self, path: &str) -> usize {
        let place =
            self.theirs.keys().find(|place| self.mine(place, &self.published).as_deref() == Some(path)).unwrap();
        let (old, new) = (&self.published[path], &self.theirs[place]);
        let same = old.split(|b| *b == b'\n').zip(new.split(|b| *b == b'\n')).take_while(|(a, b)| a == b).count();
        same.min(old.iter().filter(|b| **b == b'\n').count() - 1)
    }

    fn merged(&self, mine: &[u8], base: &[u8], theirs: &[u8]) -> Vec<u8> {
        let dir = tempfile::tempdir_in(self.sandbox.path()).unwrap();
        let names = ["mine", "base", "theirs"].map(|name| dir.path().join(name));
        for (name, bytes) in names.iter().zip([mine, base, theirs]) {
            fs::write(name, bytes).unwrap();
        }
        let mut git = Command::new("git");
        let out = git.args(["merge-file", "-p", "--ours", "--diff-algorithm=histogram"]).args(names).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    }

    /// What must stand at each place that the release fills, but for configs.
    fn expected(&self, before: &Files) -> Files {
        let mut expected = Files::new();
        for (place, theirs) in &self.theirs {
            let was = self.mine(place, &self.published);
            if self.deleted.contains(place) || was.as_ref().is_some_and(|was| self.deleted.contains(was)) {
                continue;
            }
            let bytes = match was {
                // The user's own script, by a name that a release came to have.
                Some(was) if was == "scripts/build_rag_index.py" => self.published[&was].clone(),
                Some(was) if self.edited.contains(&was) => self.merged(&before[&was], &self.published[&was], theirs),
                _ => theirs.clone(),
            };
            expected.insert(place.clone(), bytes);
        }
        expected
    }

    /// Upgrades, looks at everything, upgrades again, and goes back.
    fn there_and_back(&self, config: impl Fn(&str, &[u8], Option<&Vec<u8>>)) {
        let (before, was, beside) = (files(&self.install()), snapshot(&self.install()), self.beside());
        let was_blobs = self.real.blobs(&self.install());
        let (name, configs) = (self.install(), ["config.json", "config/mcp.yaml"]);
        let source = self.real.source.to_str().unwrap();
        let mut plan = self.sandbox.command();
        plan.args(["plan", "--json", "--to", &self.commit, "--source", source, "--project"]).arg(&self.project);
        let plan: Value = serde_json::from_slice(&plan.output().unwrap().stdout).unwrap();
        for entry in plan["files"].as_array().unwrap() {
            let (path, reason) = (entry["path"].as_str().unwrap(), entry["reason"].as_str().unwrap());
            let place = path.replacen("standards/universal/", "standards/", 1);
            let deleted = self.deleted.contains(path) || self.deleted.contains(&place);
            assert!(!reason.contains("deleted") || deleted, "{entry}");
        }

        let (code, said) = self.upgrade();
        assert_eq!(code, 0, "{said}");
        assert!(!self.project.join(".agent-os").exists() && self.install().ends_with(".praxis-os"));
        let (expected, after) = (self.expected(&before), files(&self.install()));
        for (place, bytes) in &expected {
            let found = after.get(place).unwrap_or_else(|| panic!("{place} is missing"));
            let differ = |pair: &(&str, &str)| pair.0 != pair.1;
            let (found_text, text) = (String::from_utf8_lossy(found), String::from_utf8_lossy(bytes));
            let first = found_text.lines().zip(text.lines()).find(differ);
            assert!(found == bytes, "{place}: found and expected differ, first at {first:?}\n{said}");
        }
        let released = self.real.released();
        let blobs = self.real.blobs(&self.install());
        for (path, bytes) in after.iter().filter(|(path, _)| !expected.contains_key(*path)) {
            if configs.contains(&path.as_str()) {
                config(path, bytes, before.get(path));
                continue;
            }
            let entry = plan["files"].as_array().unwrap().iter().find(|entry| entry["path"] == path.as_str());
            let own = before.get(path) == Some(bytes);
            assert!(own, "{path} is neither the release's nor as it was: {entry:?}, deleted {:?}", self.deleted);
            let managed = ["standards/", "workflows/", "usage/", "mcp_server/", "ouroboros/", "scripts/"];
            // No installer installs it: it was copied by hand with the server, and goes only with that.
            let stray = path.starts_with("mcp_server/.cursor/") && expected.contains_key("mcp_server/__main__.py");
            let page =
                !stray && managed.iter().any(|m| path.starts_with(m)) && !path.starts_with("standards/development/");
            let again = page && !bytes.is_empty() && released.contains(&blobs[path]);
            assert!(!again, "{path}: a page of a release is left over");
        }
        let moved: BTreeSet<String> =
            self.theirs.keys().filter_map(|place| self.mine(place, &self.published)).collect();
        let gone = before.keys().filter(|path| !after.contains_key(*path) && !moved.contains(*path));
        let own: Vec<&String> = gone.filter(|path| !released.contains(&was_blobs[*path])).collect();
        // Four files of the server, of which only the white space was changed, go with it.
        let server = !self.theirs.contains_key("mcp_server/__main__.py");
        let formatted = |path: &&String| server && path.starts_with("mcp_server/") && !self.edited.contains(*path);
        assert!(own.iter().all(formatted) && own.len() <= 4, "{own:?}");
        for line in &self.lines {
            let holds = |bytes: &&Vec<u8>| bytes.split(|b| *b == b'\n').any(|found| found == line.as_bytes());
            assert_eq!(after.values().filter(holds).count(), 1, "{line}");
        }
        let editor = fs::read_to_string(self.project.join(".cursor/mcp.json")).unwrap();
        assert!(!editor.contains(".agent-os/"), "{editor}");

        let (code, said) = self.upgrade();
        assert!(code == 0 && said.contains("nothing to do"), "{said}");

        let (code, said) = self.run(&["rollback", "--yes"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(self.install(), name);
        assert_same(&was, &snapshot(&self.install()));
        assert_eq!(self.beside(), beside);
        println!(
            "{} files, {} pages of the release, {} edited, {} of the user's lines",
            before.len(),
            expected.len(),
            self.edited.len(),
            self.lines.len()
        );
    }

    /// The project's files beside the install.
    fn beside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let own = [".agent-os", ".praxis-os", ".git"];
        let walk = walkdir::WalkDir::new(&self.project).into_iter();
        let walk = walk.filter_entry(|e| e.depth() != 1 || !own.iter().any(|o| e.file_name() == *o));
        let files = walk.map(Result::unwrap).filter(|e| e.file_type().is_file());
        files.map(|e| (e.path().to_owned(), fs::read(e.path()).unwrap())).collect()
    }

    /// What a user does everywhere: pages at three places each, an own file, a link, a page deleted.
    fn edit_all(&mut self, server: &str) {
        for below in ["standards/universal/", "workflows/"] {
            let (changed, same) = (self.pages(below, true), self.pages(below, false));
            println!("{below}: {} changed, {} unchanged", changed.len(), same.len());
            assert!(!same.is_empty() && (below == "workflows/" || changed.len() > 1), "{changed:?}");
            // Who deletes one of two copies still has the page.
            let twin = |path: &&String| {
                let early = path.strip_prefix("standards/universal/").map(|rest| format!("standards/{rest}"));
                early.is_some_and(|early| self.published.contains_key(&early))
            };
            let alone =
                changed.iter().skip(6).chain(&same[1..]).rfind(|path| path.starts_with(below) && !twin(path)).cloned();
            alone.iter().for_each(|path| self.delete(path));
            self.at_end(&same[0]);
            for (at, path) in changed.iter().take(6).enumerate() {
                match at % 3 {
                    0 => self.at_top(path),
                    1 => self.at_end(path),
                    _ => {
                        let (number, line) = (self.changed_line(path), self.line(path));
                        self.edit(path, |text| {
                            let mut lines: Vec<&str> = text.lines().collect();
                            lines[number] = &line;
                            lines.join("\n") + "\n"
                        });
                    }
                }
            }
        }
        assert!(!self.deleted.is_empty());
        self.at_end(server);
        self.own("standards/universal/ai-safety/ours.md", 0o640);
        self.own("workflows/ours_v1/phases/0/phase.md", 0o600);
        self.own("notes/ours.sh", 0o750);
        symlink("ours.md", self.install().join("standards/universal/ai-safety/linked.md")).unwrap();
    }
}

#[test]
fn the_first_generation_becomes_the_second() {
    let Some(real) = Real::new() else { return };
    let server = "mcp_server/core/session.py";
    let text = fs::read_to_string(real.source.join(server)).unwrap();
    fs::write(real.source.join(server), format!("# A later release.\n{text}")).unwrap();
    let commit = real.commit("a later server", "2025-11-02T12:00:00Z");
    let mut world = World::new(&real, &real.first, [&real.second, &commit], &second_map());
    world.edit_all(server);
    world.edit("config.json", |text| text.replacen('{', "{\n  \"ours\": \"stays, like x.agent-os/y\",", 1));
    world.there_and_back(|path, bytes, before| {
        assert_eq!(path, "config.json");
        let before = String::from_utf8(before.unwrap().clone()).unwrap();
        let expected = before.replace(".agent-os/", ".praxis-os/").replace("x.praxis-os/y", "x.agent-os/y");
        assert_eq!(String::from_utf8_lossy(bytes), expected);
    });
}

#[test]
fn the_first_generation_becomes_the_third() {
    let Some(real) = Real::new() else { return };
    let [commit, _] = real.third_source(FORMS[0]);
    let mut world = World::new(&real, &real.first, [&real.second, &commit], &third_map(FORMS[0]));
    world.edit_all("mcp_server/core/session.py");
    world.edit("config.json", |text| text.replacen('{', "{\n  \"ours\": \"stays\",", 1));
    let template = fs::read(real.source.join("dist/config/mcp.yaml")).unwrap();
    world.there_and_back(|path, bytes, before| match path {
        "config/mcp.yaml" => assert!(before.is_none() && bytes == template, "the release's template"),
        _ => assert!(String::from_utf8_lossy(bytes).contains("\"ours\": \"stays\"")),
    });
}

#[test]
fn the_third_generation_becomes_a_later_one() {
    let Some(real) = Real::new() else { return };
    let [same, _] = real.third_source(FORMS[1]);
    let server = real.source.join("dist/ouroboros/config/loader.py");
    let text = fs::read_to_string(&server).unwrap();
    fs::write(server, format!("# A later release.\n{text}")).unwrap();
    let commit = real.commit("a later server", "2025-12-15T12:00:00Z");
    let mut world = World::new(&real, &real.third, [&same, &commit], &third_map(FORMS[1]));
    world.edit_all("ouroboros/config/loader.py");
    world.at_end("config/mcp.yaml");
    world.there_and_back(|path, bytes, before| {
        assert_eq!(path, "config/mcp.yaml");
        let (new, old) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(before.unwrap()));
        let lines: BTreeSet<&str> = new.lines().collect();
        let lost: Vec<&str> = old.lines().filter(|line| !lines.contains(line)).collect();
        assert!(lost.is_empty(), "{lost:#?}");
        assert!(lines.contains("orientation:"), "the key that is new");
    });
}
