//! Tab in bash, zsh and fish, with the script that `completions` prints: what the install of the project has is offered.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portable_pty::CommandBuilder;
use serde_json::Value;

use crate::common::ext::{program, skipped};
use crate::common::terminal::Terminal;
use crate::common::{Sandbox, snapshot, text};
use crate::packaging::named_folder;

/// An install after one upgrade, the program on a `PATH`, and its scripts.
struct World {
    sandbox: Sandbox,
    project: PathBuf,
    install: PathBuf,
    bin: PathBuf,
    session: String,
    backup: String,
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let bin = named_folder(&sandbox);
        let (project, install) = (demo.project, demo.install);
        let (at, source) = (project.to_str().unwrap(), demo.source.to_str().unwrap());
        let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--project", at];
        let (code, said) = text(&sandbox.run(&upgrade));
        assert_eq!(code, 0, "{said}");
        let first = |command: &str, list: &str, key: &str| {
            let output = sandbox.run(&[command, "--json", "--project", at]);
            let value: Value = serde_json::from_slice(&output.stdout).unwrap();
            value[list][0][key].as_str().unwrap().to_owned()
        };
        let (session, backup) = (first("history", "sessions", "session_id"), first("backups", "backups", "name"));
        Self { project, install, bin, session, backup, sandbox }
    }

    /// Where the script of a shell is.
    fn script(&self, shell: &str) -> PathBuf {
        let output = self.sandbox.run(&["completions", shell]);
        let path = self.sandbox.path().join(shell);
        fs::write(&path, output.stdout).unwrap();
        path
    }

    fn path(&self) -> String {
        format!("{}:{}", self.bin.to_str().unwrap(), std::env::var("PATH").unwrap())
    }

    /// A shell on a terminal, in the project.
    fn shell(&self, program: &Path, arguments: &[&str], width: u16) -> Terminal {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(&self.project);
        command.env("HOME", self.sandbox.path().join("home"));
        command.env("PATH", self.path());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("PS1", "ready> ");
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "LC_ALL", "PROMPT_COMMAND", "ENV"] {
            command.env_remove(name);
        }
        Terminal::run(command, width, 40)
    }

    /// The shell, if it is there.
    fn found(name: &str) -> Option<PathBuf> {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", name]).output().unwrap();
        if !found.status.success() {
            skipped(&format!("no {name} here"));
            return None;
        }
        Some(program(name))
    }
}

/// What Tab makes of words, in each shell: typed, then seen on the screen. Whole names, where only one fits.
fn tab(shell: &mut Terminal, world: &World) {
    let unique = |text: &str, from: usize| text.get(..from).unwrap().to_owned();
    // Behind nothing at all options are offered too.
    for (typed, seen) in [
        ("pos-upgrade-tui rollb", "pos-upgrade-tui rollback".to_owned()),
        (&format!("pos-upgrade-tui account {}", unique(&world.session, 9)), format!("account {}", world.session)),
        (&format!("pos-upgrade-tui backups verify {}", unique(&world.backup, 5)), format!("verify {}", world.backup)),
        (&format!("pos-upgrade-tui rollback {}", unique(&world.backup, 5)), format!("rollback {}", world.backup)),
        (&format!("pos-upgrade-tui rollback {}", unique(&world.session, 9)), format!("rollback {}", world.session)),
        ("pos-upgrade-tui restore standards/u", "restore standards/universal/".to_owned()),
        ("pos-upgrade-tui config set keep_", "config set keep_backups".to_owned()),
        ("pos-upgrade-tui upgrade --on-conflict merge-k", "--on-conflict merge-keep".to_owned()),
        ("pos-upgrade-tui workflow 4", "workflow 4-post-upgrade-validation".to_owned()),
    ] {
        shell.press(typed);
        shell.see(&[typed.trim_end()]);
        shell.press("\t");
        shell.see(&[&seen]);
        // The line away, and the screen.
        shell.press("\x15");
        shell.press("clear\r");
        shell.see(&["ready>"]);
    }
}

#[test]
fn bash() {
    let (Some(shell), world) = (World::found("bash"), World::new()) else { return };
    let script = world.script("bash");
    let before = snapshot(&world.install);
    let mut terminal = world.shell(&shell, &["--norc", "--noprofile", "-i"], 150);
    terminal.press(&format!("PS1='ready> '; source {}\r", script.to_str().unwrap()));
    terminal.see(&["ready>"]);
    tab(&mut terminal, &world);
    assert_eq!(before, snapshot(&world.install));
}

#[test]
fn zsh() {
    let (Some(shell), world) = (World::found("zsh"), World::new()) else { return };
    // As a file of a folder of `fpath`, which is how people have it.
    let functions = world.sandbox.path().join("zfunc");
    fs::create_dir(&functions).unwrap();
    fs::rename(world.script("zsh"), functions.join("_pos-upgrade-tui")).unwrap();
    let mut terminal = world.shell(&shell, &["-f", "-i"], 150);
    let begin = "fpath=(ZFUNC $fpath); autoload -U compinit; compinit -u -D; PROMPT='ready> '; clear\r";
    terminal.press(&begin.replace("ZFUNC", functions.to_str().unwrap()));
    terminal.see(&["ready>"]);
    tab(&mut terminal, &world);
}

/// fish says without a terminal what it would offer, with its words about each.
#[test]
fn fish() {
    let (Some(shell), world) = (World::found("fish"), World::new()) else { return };
    let script = world.script("fish");
    let offered = |typed: &str| {
        let line = format!("source {}; complete -C '{typed}'", script.to_str().unwrap());
        let mut command = Command::new(&shell);
        command.args(["--no-config", "-c", &line]).current_dir(&world.project);
        command.env("HOME", world.sandbox.path().join("home")).env("PATH", world.path());
        let (code, said) = text(&command.output().unwrap());
        assert_eq!(code, 0, "{said}");
        said
    };
    let rollback = offered("pos-upgrade-tui rollback ");
    assert!(rollback.contains(&format!("{}\t", world.backup)) && rollback.contains("the newest backup"), "{rollback}");
    assert!(rollback.lines().any(|l| l.starts_with(&world.session) && l.contains("completed")), "{rollback}");
    assert_eq!(offered("pos-upgrade-tui resume ").matches(&world.session).count(), 0, "it is finished");
    assert!(offered("pos-upgrade-tui restore standards/u").contains("standards/universal/"));
    assert!(offered("pos-upgrade-tui rollb").starts_with("rollback\t"));
    // From elsewhere, by the option; an install that is not there has nothing.
    let elsewhere = |project: &str| {
        let line = format!(
            "source {}; cd /; complete -C 'pos-upgrade-tui rollback --project {project} '",
            script.to_str().unwrap()
        );
        let mut command = Command::new(&shell);
        command.args(["--no-config", "-c", &line]).env("PATH", world.path());
        text(&command.env("HOME", world.sandbox.path().join("home")).output().unwrap()).1
    };
    assert!(elsewhere(world.project.to_str().unwrap()).contains(&world.session));
    assert!(!elsewhere("/nowhere").contains(&world.session));
}

/// Names of a backup's files that would break a line are left out, and looking writes nothing.
#[test]
fn what_is_offered_is_one_line_each_and_nothing_is_written() {
    let world = World::new();
    let odd = world.install.join("standards/universal/odd\nname\u{1b}[2J.md");
    fs::write(&odd, "x").unwrap();
    let source = world.sandbox.path().join("demo/source");
    let project = world.project.to_str().unwrap();
    let upgrade =
        ["upgrade", "--yes", "--on-conflict", "keep", "--source", source.to_str().unwrap(), "--project", project];
    let (code, said) = text(&world.sandbox.run(&[&["rollback", "--yes", "--project", project][..]].concat()));
    assert_eq!(code, 0, "{said}");
    let (code, said) = text(&world.sandbox.run(&upgrade));
    assert_eq!(code, 0, "{said}");
    let every = || -> Vec<(PathBuf, std::time::SystemTime)> {
        let all = walkdir::WalkDir::new(world.sandbox.path()).into_iter().map(|entry| entry.unwrap());
        all.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().modified().unwrap())).collect()
    };
    let before = every();
    let mut command = world.sandbox.command();
    command.current_dir(&world.project).env("POS_UPGRADE_TUI_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2");
    let output = command.args(["--", "pos-upgrade-tui", "restore", "standards/universal/"]).output().unwrap();
    let (code, said) = text(&output);
    assert_eq!(code, 0, "{said}");
    let offered: Vec<&str> = said.trim().lines().collect();
    assert!(offered.len() > 5 && offered.iter().all(|one| one.starts_with("standards/universal/")), "{offered:?}");
    assert!(!said.contains("odd") && !said.contains('\x1b'), "{said:?}");
    assert_eq!(before, every());
}
