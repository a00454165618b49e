//! What can't be read is never taken for what is not there: every place of ours is made unreadable, by its mode and by a
//! disk that gives errors, and every command either says so, naming it, or does exactly what it does otherwise.

use crate::common;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::ext::{Mode, Plain, skipped};
use crate::common::{Sandbox, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::session::{catalog, store};

struct World {
    sandbox: Sandbox,
    demo: Demo,
    plain: Plain,
}

/// How a command ended: exit code, what it said, and the install behind it.
#[derive(Debug, PartialEq)]
struct Ended {
    code: i32,
    said: String,
    install: BTreeMap<String, String>,
}

impl World {
    /// An install that was upgraded, with a conflict put off and answers on record.
    fn upgraded() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        common::git(&demo.project, &["init", "-q"]);
        fs::write(demo.project.join(".gitignore"), "/target\n").unwrap();
        let to = demo.commits[1].as_str();
        let (code, said) =
            run(&sandbox, &demo.project, &demo.source, &["upgrade", "--yes", "--on-conflict", "park", "--to", to]);
        assert_eq!(code, 0, "{said}");
        fs::write(demo.install.join(".upgrade/answers.json"), "{\"schema\":1,\"answers\":{}}\n").unwrap();
        let note = "{\"session_id\":\"x\",\"started_at\":\"2026-11-22T10:00:00Z\",\"pid\":0}";
        fs::write(demo.install.join(".upgrade-lock"), note).unwrap();
        let plain = Plain::new(&sandbox);
        Self { sandbox, demo, plain }
    }

    /// One that was killed in the middle.
    fn killed() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let mut command = sandbox.command();
        command.args(["upgrade", "--yes", "--on-conflict", "keep", "--project"]).arg(&demo.project);
        command.arg("--source").arg(&demo.source).env("POS_CRASH_AT", "journal.exchange after");
        assert_ne!(command.output().unwrap().status.code(), Some(0), "it was to die");
        let plain = Plain::new(&sandbox);
        Self { sandbox, demo, plain }
    }

    fn copy(&self, name: &str) -> PathBuf {
        let project = self.sandbox.path().join(name);
        let _ = fs::remove_dir_all(&project);
        assert!(Command::new("cp").arg("-a").arg(&self.demo.project).arg(&project).status().unwrap().success());
        project
    }

    fn session(&self) -> String {
        store::ids(&self.demo.install).unwrap().pop().unwrap()
    }

    /// Every place of ours in the install, relative to it.
    fn places(&self) -> Vec<String> {
        let install = &self.demo.install;
        let session = format!(".upgrade/{}", self.session());
        let mut all: Vec<String> = [
            ".upgrade",
            ".upgrade/lock",
            ".upgrade/answers.json",
            ".upgrade/base",
            ".upgrade/parked",
            ".backups",
            ".upgrade-baseline.json",
            ".upgrade-lock",
            "upgrade.json",
            "UPDATE_LOG.txt",
        ]
        .map(str::to_owned)
        .to_vec();
        all.extend(
            ["", "/approval.json", "/session.json", "/session.1.json", "/content", "/content/journal.json"]
                .map(|n| format!("{session}{n}")),
        );
        let found = catalog::survey(install);
        let name = found.sessions.last().unwrap().backup.clone().unwrap();
        let backup = format!(".backups/{name}");
        let inside =
            ["", "/MANIFEST.json", "/MANIFEST.json.sha256", "/project.gitignore", "/files", "/files/VERSION.txt"];
        all.extend(inside.map(|n| format!("{backup}{n}")));
        for folder in [".upgrade/base", ".upgrade/parked"] {
            let first = fs::read_dir(install.join(folder)).into_iter().flatten().flatten().next();
            all.extend(first.map(|e| format!("{folder}/{}", e.file_name().to_str().unwrap())));
        }
        all.retain(|place| install.join(place).symlink_metadata().is_ok());
        all
    }

    fn ended(&self, command: &mut Command, project: &Path) -> Ended {
        let (code, said) = text(&command.output().unwrap());
        Ended { code, said, install: timeless(&project.join(".praxis-os")) }
    }

    fn arguments(&self, command: &str, project: &Path) -> Vec<String> {
        let mut all: Vec<String> = command.split(' ').map(str::to_owned).collect();
        all.extend(["--project".to_owned(), project.display().to_string()]);
        if ["plan", "upgrade", "edits"].iter().any(|word| command.starts_with(word)) {
            all.extend(["--source".to_owned(), self.demo.source.display().to_string()]);
        }
        all
    }
}

fn run(sandbox: &Sandbox, project: &Path, source: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = sandbox.command();
    text(&command.args(arguments).arg("--project").arg(project).arg("--source").arg(source).output().unwrap())
}

/// What stands in the install, without times and without the documents that name them.
fn timeless(install: &Path) -> BTreeMap<String, String> {
    let told = ["UPDATE_LOG.txt", "VERSION.txt", "INSTALLATION_SUMMARY.md", ".upgrade-lock"];
    let bare = |state: String| match (state.find('('), state.find(')')) {
        (Some(from), Some(to)) => format!("{}{}", &state[..from], &state[to + 1..]),
        _ => state,
    };
    snapshot(install).into_iter().filter(|(p, _)| !told.contains(&p.as_str())).map(|(p, s)| (p, bare(s))).collect()
}

/// What a command says without what differs from run to run.
fn steady(said: &str, project: &Path) -> String {
    let said = said.replace(&project.display().to_string(), "PROJECT");
    // Where the time went is another thing each time.
    let said: String = said.lines().filter(|l| !l.trim_start().starts_with("time: ")).collect::<Vec<_>>().join("\n");
    // How long ago something was, too.
    let ago = ["just", "now)", "now),", "minute", "minutes", "ago)", "ago),"];
    let word = |word: &str| ago.contains(&word) || word.chars().any(|c| c.is_ascii_digit());
    said.split_whitespace().filter(|w| !word(w)).collect::<Vec<_>>().join(" ")
}

const COMMANDS: [&str; 13] = [
    "status",
    "history",
    "backups",
    "backups verify",
    "backups prune --keep 1 --yes",
    "plan",
    "edits --diff",
    "upgrade --yes --on-conflict keep",
    "rollback --yes",
    "restore VERSION.txt",
    "resolve",
    "resume",
    "unlock x --yes",
];

/// Judges a command that met an unreadable place. Whether it said so.
fn judge(place: &Path, project: &Path, before: &Ended, reference: &Ended, ended: &Ended, why: &str) -> bool {
    // It names the place, or the folder in which it can't be looked at.
    let install = project.join(".praxis-os");
    let names = |path: &Path| ended.said.contains(&path.display().to_string());
    let named = place.ancestors().take_while(|path| **path != install).any(names)
        || place.strip_prefix(&install).is_ok_and(|rest| ended.said.contains(&rest.display().to_string()));
    let none =
        ["no upgrade is on record", "no backup yet", "nothing to roll back", "nothing to resume", "not known yet"];
    for word in none.iter().filter(|word| !reference.said.contains(**word)) {
        assert!(!ended.said.contains(*word), "{word:?}, {why}:\n{}", ended.said);
    }
    if ended.code == reference.code
        && steady(&ended.said, project) == reference.said
        && ended.install == reference.install
    {
        return false;
    }
    if ended.code == reference.code && named && ended.install == reference.install {
        // Told on the way, and then the same was done as always.
        return true;
    }
    assert_ne!(ended.code, 0, "{why}:\n{}\nand not as always:\n{}", ended.said, reference.said);
    assert!(named, "not named, {why}:\n{}", ended.said);
    if ended.code != 6 {
        assert_eq!(ended.install, before.install, "changed, {why}:\n{}", ended.said);
    }
    true
}

/// Runs a command in a project with one path of it made unreadable; none if it never looked there.
type Unreadable<'a> = &'a dyn Fn(&Path, &Path, &[String]) -> Option<Ended>;

/// Runs every command with every place made unreadable; how many pairs there were, and how many of them said so.
fn sweep(world: &World, commands: &[&str], unreadable: Unreadable<'_>) -> (usize, usize) {
    let (mut pairs, mut told) = (0, 0);
    for command in commands {
        let project = world.copy("reference");
        let before = Ended { code: 0, said: String::new(), install: timeless(&project.join(".praxis-os")) };
        let arguments = world.arguments(command, &project);
        let mut reference = world.ended(world.plain.command(&world.sandbox).args(&arguments), &project);
        reference.said = steady(&reference.said, &project);
        for place in world.places() {
            let project = world.copy("case");
            let path = project.join(".praxis-os").join(&place);
            let arguments = world.arguments(command, &project);
            let Some(ended) = unreadable(&project, &path, &arguments) else { continue };
            let why = format!("{command} with {place} unreadable");
            pairs += 1;
            told += usize::from(judge(&path, &project, &before, &reference, &ended, &why));
        }
    }
    (pairs, told)
}

fn by_mode(world: &World) -> impl Fn(&Path, &Path, &[String]) -> Option<Ended> {
    |project: &Path, path: &Path, arguments: &[String]| {
        let mode = Mode::set(path, 0o000);
        let (code, said) = text(&world.plain.command(&world.sandbox).args(arguments).output().unwrap());
        drop(mode);
        Some(Ended { code, said, install: timeless(&project.join(".praxis-os")) })
    }
}

#[test]
fn forbidden_is_not_absent() {
    let world = World::upgraded();
    let (pairs, told) = sweep(&world, &COMMANDS, &by_mode(&world));
    println!("{pairs} pairs of a command and a place that may not be read: {told} say so, the others do as always");
    assert!(pairs > 250 && told > 80, "{pairs}, {told}");
}

#[test]
fn forbidden_is_not_absent_while_an_upgrade_is_unfinished() {
    let world = World::killed();
    let commands = [
        "status",
        "history",
        "plan",
        "upgrade --yes --on-conflict keep",
        "rollback --yes",
        "backups prune --keep 1 --yes",
    ];
    let (pairs, told) = sweep(&world, &commands, &by_mode(&world));
    println!("{pairs} pairs over a half-applied install: {told} say so, the others do as always");
    assert!(pairs > 80 && told > 25, "{pairs}, {told}");
    // The very case: no status without the half-done upgrade.
    let project = world.copy("case");
    let _mode = Mode::set(&project.join(".praxis-os/.upgrade"), 0o000);
    for command in ["status", "upgrade --yes --on-conflict keep", "rollback --yes"] {
        let arguments = world.arguments(command, &project);
        let (code, said) = text(&world.plain.command(&world.sandbox).args(&arguments).output().unwrap());
        assert!(code != 0 && said.contains(".praxis-os/.upgrade"), "{command}: {said}");
    }
}

#[test]
fn a_disk_with_errors_is_not_empty() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skipped("strace is not installed");
    }
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output().unwrap();
    if !traced.status.success() {
        return skipped("strace can't trace here");
    }
    let all = ["status", "history", "backups", "plan", "edits", "upgrade --yes --on-conflict keep", "rollback --yes"];
    for (world, commands) in [(World::upgraded(), &all[..]), (World::killed(), &all[..1])] {
        let broken = |project: &Path, path: &Path, arguments: &[String]| {
            let mut command = world.plain.program(Path::new("strace"), &world.sandbox);
            command.args(["-f", "-b", "execve", "-o"]).arg(project.join("trace")).arg("-P").arg(path);
            command.args(["-e", "inject=?openat,?statx,?newfstatat,?lstat,?stat,?getdents64,?readlinkat:error=EIO"]);
            command.arg(world.plain.binary()).args(arguments);
            let (code, said) = text(&command.output().unwrap());
            // Where it never looked there, nothing was tried.
            let struck = fs::read_to_string(project.join("trace")).unwrap().contains("(INJECTED)");
            struck.then(|| Ended { code, said, install: timeless(&project.join(".praxis-os")) })
        };
        let (pairs, told) = sweep(&world, commands, &broken);
        println!("{pairs} pairs of a command and a place with I/O errors: {told} say so, the others do as always");
        assert!(pairs > 5 && told > 3, "{pairs}, {told}");
    }
}
