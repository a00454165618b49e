//! A project whose files conflict, its wizard, and the person's editor.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pos_upgrade_tui::host::demo;

use crate::common::terminal::Terminal;
use crate::common::{self, Sandbox, git, text};

pub const ENTER: &str = "\r";
pub const UP: &str = "\u{1b}[A";
pub const DOWN: &str = "\u{1b}[B";
pub const SEVEN: &str = "standards/universal/seven.md";
pub const JSON: &str = "workflows/w/metadata.json";

/// A file of the install: its path, what the release had, what the user made of it, what the source made of it.
pub type Triple = (String, String, String, String);

/// A project with an install that the user edited, and a source that went on.
pub struct World {
    pub sandbox: Sandbox,
    pub home: PathBuf,
    pub project: PathBuf,
    pub source: PathBuf,
    pub install: PathBuf,
}

/// Where the source has a path of the install.
pub fn in_source(path: &str) -> String {
    path.replacen("standards/universal", "universal/standards", 1).replacen("workflows", "universal/workflows", 1)
}

pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

impl World {
    pub fn new(files: &[Triple]) -> Self {
        let sandbox = Sandbox::new();
        let dir = sandbox.path();
        let (home, source, project) = (dir.join("home"), dir.join("source"), dir.join("project"));
        let install = project.join(".praxis-os");
        demo::prepare_source(&source).unwrap();
        // A file that nobody edited tells from which release the install is.
        let text = |word: &str| format!("{word}\n");
        let marker = ("standards/universal/marker.md".to_owned(), text("base"), text("base"), text("theirs"));
        let files: Vec<Triple> = files.iter().cloned().chain([marker]).collect();
        let commit = |which: fn(&Triple) -> &String| {
            files.iter().for_each(|f| write(&source.join(in_source(&f.0)), which(f)));
            git(&source, &["add", "-A"]);
            git(&source, &["commit", "-qm", "Change"]);
        };
        commit(|f| &f.1);
        fs::create_dir_all(&project).unwrap();
        demo::install_release(&source, "HEAD", &install).unwrap();
        commit(|f| &f.3);
        files.iter().for_each(|f| write(&install.join(&f.0), &f.2));
        let world = Self { sandbox, home, project, source, install };
        world.programs();
        world
    }

    /// An editor and a merge tool that do what the file `mode` in the home says.
    pub fn programs(&self) {
        let script = self.home.join("editor");
        let text = "#!/bin/sh\ncp \"$1\" \"$HOME/given\"\ncase \"$(cat \"$HOME/mode\")\" in\nfail) exit 3 ;;\nleave) exit 0 \
                    ;;\n*) cp \"$HOME/mode\" \"$1\" ;;\nesac\n";
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let config = "[merge]\n\ttool = mine\n[mergetool \"mine\"]\n\tcmd = \"$HOME/editor\" \"$MERGED\"\n\
                      \ttrustExitCode = true\n";
        fs::write(self.home.join(".gitconfig"), config).unwrap();
    }

    /// What the editor does next: `fail`, `leave`, or writes this.
    pub fn editor(&self, mode: &str) {
        fs::write(self.home.join("mode"), mode).unwrap();
    }

    pub fn open(&self, command: &[&str]) -> Terminal {
        let mut arguments = command.to_vec();
        arguments.extend(["--project", self.project.to_str().unwrap()]);
        if command.is_empty() {
            arguments.extend(["--source", self.source.to_str().unwrap(), "--only", "content"]);
        }
        let editor = self.home.join("editor");
        Terminal::with(&self.home, &arguments, 80, 24, &[("VISUAL", editor.to_str().unwrap())])
    }

    /// Presses a key that opens a program, and waits until that has ended and the wizard is back.
    pub fn edit(&self, wizard: &mut Terminal, key: &str, seen: &[&str]) {
        let given = self.home.join("given");
        let _ = fs::remove_file(&given);
        wizard.press(key);
        common::eventually("the program was started", || given.exists());
        // What it said before may be the same: the keys go to it until it has ended.
        std::thread::sleep(Duration::from_millis(300));
        wizard.see(seen);
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.install.join(path)).unwrap()
    }

    pub fn run(&self, command: &[&str]) -> (i32, String) {
        let arguments = [command, &["--project", self.project.to_str().unwrap()]].concat();
        text(&self.sandbox.run(&arguments))
    }
}

/// A text with a hunk after each ten lines; `word` is what a side wrote there.
pub fn hunks(count: usize, word: &str) -> String {
    let line = |i: usize| match i % 10 {
        5 => format!("here {} {word}\n", i / 10),
        _ => format!("line {i}\n"),
    };
    (0..count * 10).map(line).collect()
}

pub fn conflict(path: &str, count: usize) -> Triple {
    (path.to_owned(), hunks(count, "base"), hunks(count, "mine"), hunks(count, "theirs"))
}

pub fn json(path: &str) -> Triple {
    let text = |a: &str| format!("{{\n  \"a\": [\n    {a}\n  ]\n}}\n");
    (path.to_owned(), text("1"), text("1,\n    2"), text("1,\n    3"))
}

pub fn approve(wizard: &mut Terminal, first: &str) {
    wizard.see(&["preview", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 1 of", first]);
}

pub fn finished(mut wizard: Terminal) {
    wizard.see(&["report"]);
    wizard.press(ENTER);
    assert_eq!(wizard.end(), 0);
}
