//! A project with things around it that nobody may touch, copied for every case.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::host::demo;
use serde_json::Value;

use crate::common::{Sandbox, text};

/// Exit codes that the design names, but for a bug's.
const DOCUMENTED: [i32; 8] = [0, 2, 3, 4, 5, 6, 7, 10];

/// Where everything is made: a source, and a template of the folder that each case gets a copy of.
pub struct World {
    pub sandbox: Sandbox,
    pub source: PathBuf,
    template: PathBuf,
    /// How many were tried.
    pub cases: std::cell::Cell<u32>,
    passed_over: std::cell::Cell<u32>,
    /// What went wrong so far: all of it is told at the end.
    wrong: std::cell::RefCell<Vec<String>>,
}

/// A copy: `project/.praxis-os`, and around it what must stay as it is.
pub struct Case<'w> {
    world: &'w World,
    pub root: PathBuf,
    pub name: String,
}

impl World {
    /// An install of the first release.
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let (source, template) = (sandbox.path().join("source"), sandbox.path().join("template"));
        let project = template.join("project");
        let install = project.join(".praxis-os");
        std::fs::create_dir_all(&project).unwrap();
        let commits = demo::prepare_source(&source).unwrap();
        demo::install_release(&source, &commits[0], &install).unwrap();
        demo::add_user_edits(&install).unwrap();
        let write = |path: &str, bytes: &str| {
            let path = template.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        write("project/src/main.rs", "fn main() {}\n");
        write("project/.gitignore", "/target\n");
        write("outside/victim", "not ours\n");
        write("outside/deep/er/victim.md", "not ours\n");
        // What an escape would find if it looked for its own names.
        for name in
            ["lock", "session.json", "MANIFEST.json", ".rebuild_index", "x.md", "VERSION.txt", ".pos-upgrade-tmp-1"]
        {
            write(&format!("outside/{name}"), "not ours either\n");
        }
        for folder in
            ["base", "state", "stage", "bin", "2026-11-22-103045", "before-2026-11-22-103045", "deep/universal"]
        {
            write(&format!("outside/{folder}/victim"), "not ours\n");
        }
        std::fs::set_permissions(template.join("outside/deep"), std::fs::Permissions::from_mode(0o751)).unwrap();
        Self {
            sandbox,
            source,
            template,
            cases: Default::default(),
            passed_over: Default::default(),
            wrong: Default::default(),
        }
    }

    /// An install with a finished upgrade to the second release.
    pub fn upgraded() -> Self {
        let world = Self::new();
        let project = world.template.join("project");
        let (code, said) = text(&world.sandbox.run(&world.upgrade(&project)));
        assert_eq!(code, 0, "{said}");
        world
    }

    /// An install whose upgrade died after its first file.
    pub fn broken() -> Self {
        let world = Self::new();
        let project = world.template.join("project");
        let mut command = world.sandbox.command();
        command.args(world.upgrade(&project)).env("POS_CRASH_AT", "journal.exchange after");
        let (code, said) = text(&command.output().unwrap());
        assert_eq!(code, -1, "it was to die: {said}");
        world
    }

    fn upgrade<'a>(&'a self, project: &'a Path) -> [&'a str; 11] {
        let (project, source) = (project.to_str().unwrap(), self.source.to_str().unwrap());
        let how = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep"];
        let [a, b, c, d, e, f] = how;
        [a, b, c, d, e, f, "--project", project, "--source", source, "--to=HEAD~1"]
    }

    /// The next case.
    pub fn case(&self, name: impl Into<String>) -> Case<'_> {
        let number = self.cases.get() + 1;
        self.cases.set(number);
        let root = self.sandbox.path().join(format!("case-{number}"));
        let copied = Command::new("cp").arg("-a").arg(&self.template).arg(&root).status().unwrap();
        assert!(copied.success());
        Case { world: self, root, name: name.into() }
    }

    /// Whether the next case of many is not of today's third: `POS_SHARD=all` tries all, `POS_SHARD=0/3` one part.
    pub fn passes_over(&self) -> bool {
        let today = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
        let (part, parts) = match std::env::var("POS_SHARD").ok().as_deref() {
            None => (today, 3),
            Some("all") => return false,
            Some(one) => {
                let (part, parts) = one.split_once('/').expect("POS_SHARD is `all` or as `2/3`");
                (part.parse().unwrap(), parts.parse().unwrap())
            }
        };
        let number = u64::from(self.cases.get() + self.passed_over.get());
        let over = number % parts != part % parts;
        self.passed_over.set(self.passed_over.get() + u32::from(over));
        over
    }

    /// Says how many there were, all without an escape.
    pub fn done(&self, what: &str, at_least: u32) {
        let wrong = self.wrong.borrow();
        assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), self.cases.get(), wrong.join("\n---\n"));
        let all = self.cases.get() + self.passed_over.get();
        println!("{what}: {} of {all} cases, 0 escapes", self.cases.get());
        assert!(all >= at_least && self.cases.get() > 0, "{all} cases of {at_least}");
    }
}

impl Case<'_> {
    pub fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    pub fn install(&self) -> PathBuf {
        self.root.join("project/.praxis-os")
    }

    pub fn outside(&self) -> PathBuf {
        self.root.join("outside")
    }

    /// Notes what should hold and doesn't.
    pub fn expect(&self, holds: bool, what: &str) {
        if !holds {
            self.world.wrong.borrow_mut().push(format!("{}: {what}", self.name));
        }
    }

    /// The folder of the only session.
    pub fn session(&self) -> PathBuf {
        let ids = pos_upgrade_tui::host::session::store::ids(&self.install()).unwrap();
        pos_upgrade_tui::host::session::store::folder(&self.install(), ids.last().unwrap())
    }

    /// The folder of the only backup.
    pub fn backup(&self) -> PathBuf {
        let name = &pos_upgrade_tui::host::backup::copy::list(&self.install()).unwrap()[0].0;
        self.install().join(".backups").join(name)
    }

    /// Runs commands, each with `--project`; after each, nothing around the install may be different. What they said.
    pub fn run(&self, commands: &[&[&str]]) -> Vec<(i32, String)> {
        let before = self.around();
        commands.iter().map(|arguments| self.one(arguments, &before)).collect()
    }

    fn one(&self, arguments: &[&str], before: &BTreeMap<PathBuf, String>) -> (i32, String) {
        let bare = self.world.sandbox.command();
        // One that waits for a pipe, or reads what never ends, is no better than an escape.
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", "60"]).arg(bare.get_program()).args(arguments);
        command.arg("--project").arg(self.project()).current_dir(&self.root).stdin(std::process::Stdio::null());
        for (name, value) in bare.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let (code, said) = text(&command.output().unwrap());
        let what = |problem: &str| format!("{problem}: {arguments:?}, exit code {code}\n{said}");
        self.expect(DOCUMENTED.contains(&code), &what("no documented exit code"));
        self.expect(!said.contains("panicked") && !said.contains("a bug in this program"), &what("a bug"));
        self.expect(!said.trim().is_empty(), &what("it says nothing"));
        let advice = ["next:", "\"next\":", "--help"].iter().any(|a| said.contains(a));
        self.expect(code == 0 || code == 10 || advice, &what("no next step"));
        let after = self.around();
        let paths: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let differ: Vec<_> = paths.into_iter().filter(|p| before.get(*p) != after.get(*p)).collect();
        self.expect(differ.is_empty(), &what(&format!("ESCAPED to {differ:?}")));
        (code, said)
    }

    /// The upgrade's command line.
    pub fn upgrade(&self) -> Vec<&str> {
        self.upgrade_to("HEAD")
    }

    pub fn upgrade_to<'a>(&'a self, to: &'a str) -> Vec<&'a str> {
        let source = self.world.source.to_str().unwrap();
        ["upgrade", "--yes", "--only", "content", "--on-conflict", "take", "--source", source, "--to", to].to_vec()
    }

    /// All that is not the install, but for the one file that an upgrade may write.
    pub fn around(&self) -> BTreeMap<PathBuf, String> {
        let mut all = around(&self.root, &self.install());
        all.extend(around(&self.world.source, &self.install()));
        all
    }

    /// Asserts that a command is refused: nothing changed, with what it names and a next step.
    pub fn refused(&self, arguments: &[&str], code: i32, name: &str) -> String {
        let (ended, said) = self.run(&[arguments]).remove(0);
        self.expect(
            ended == code && said.contains(name),
            &format!("{code} and {name} were expected, not {ended}\n{said}"),
        );
        said
    }
}

/// Type, mode, time and bytes or target of everything below a folder, but for the install.
pub fn around(root: &Path, install: &Path) -> BTreeMap<PathBuf, String> {
    let walk = walkdir::WalkDir::new(root).min_depth(1).into_iter().filter_entry(|e| e.path() != install);
    let mut all = BTreeMap::new();
    let project = install.parent().unwrap();
    for entry in walk {
        let entry = entry.unwrap();
        let path = entry.path();
        let meta = path.symlink_metadata().unwrap();
        if path == project.join(".gitignore") && meta.is_file() {
            continue;
        }
        let time = if path == project { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) };
        let what = match meta.file_type() {
            // Of the source's objects there are many.
            t if t.is_file() && !path.starts_with(project.parent().unwrap()) => meta.len().to_string(),
            t if t.is_file() => sha256(&std::fs::read(path).unwrap()),
            t if t.is_symlink() => format!("link {:?}", std::fs::read_link(path).unwrap()),
            t => format!("{t:?}"),
        };
        all.insert(path.to_owned(), format!("{:o} {time:?} {what}", meta.permissions().mode()));
    }
    all
}

/// Changes a JSON file.
pub fn change(path: &Path, how: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    how(&mut value);
    std::fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}

/// Puts something in the place of whatever stands there.
pub fn replace(path: &Path, put: impl FnOnce(&Path)) {
    let _ = std::fs::remove_file(path);
    let _ = std::fs::remove_dir_all(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    put(path);
}

/// A pipe that nobody writes into.
pub fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}
