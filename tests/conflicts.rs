//! The conflict screen by keyboard on a pseudo-terminal: every key, every way to settle a hunk, hundreds of files, a
//! crash in the middle, and conflicts that are put off.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::terminal::Terminal;
use common::{Sandbox, assert_same, git, snapshot, text};
use pos_upgrade_tui::host::demo;
use pos_upgrade_tui::tui::keymap::{self, Mode};

const ENTER: &str = "\r";
const UP: &str = "\u{1b}[A";
const DOWN: &str = "\u{1b}[B";
const SEVEN: &str = "standards/universal/seven.md";
const JSON: &str = "workflows/w/metadata.json";

/// A file of the install: its path, what the release had, what the user made of it, what the source made of it.
type Triple = (String, String, String, String);

/// A project with an install that the user edited, and a source that went on.
struct World {
    sandbox: Sandbox,
    home: PathBuf,
    project: PathBuf,
    source: PathBuf,
    install: PathBuf,
}

/// Where the source has a path of the install.
fn in_source(path: &str) -> String {
    path.replacen("standards/universal", "universal/standards", 1).replacen("workflows", "universal/workflows", 1)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

impl World {
    fn new(files: &[Triple]) -> Self {
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
    fn programs(&self) {
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
    fn editor(&self, mode: &str) {
        fs::write(self.home.join("mode"), mode).unwrap();
    }

    fn open(&self, command: &[&str]) -> Terminal {
        let mut arguments = command.to_vec();
        arguments.extend(["--project", self.project.to_str().unwrap()]);
        if command.is_empty() {
            arguments.extend(["--source", self.source.to_str().unwrap(), "--only", "content"]);
        }
        let editor = self.home.join("editor");
        Terminal::with(&self.home, &arguments, 80, 24, &[("VISUAL", editor.to_str().unwrap())])
    }

    /// Presses a key that opens a program, and waits until that has ended and the wizard is back.
    fn edit(&self, wizard: &mut Terminal, key: &str, seen: &[&str]) {
        let given = self.home.join("given");
        let _ = fs::remove_file(&given);
        wizard.press(key);
        common::eventually("the program was started", Duration::from_secs(20), || given.exists());
        // What it said before may be the same: the keys go to it until it has ended.
        std::thread::sleep(Duration::from_millis(300));
        wizard.see(seen);
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.install.join(path)).unwrap()
    }

    fn run(&self, command: &[&str]) -> (i32, String) {
        let arguments = [command, &["--project", self.project.to_str().unwrap()]].concat();
        text(&self.sandbox.run(&arguments))
    }
}

/// A text with a hunk after each ten lines; `word` is what a side wrote there.
fn hunks(count: usize, word: &str) -> String {
    let line = |i: usize| match i % 10 {
        5 => format!("here {} {word}\n", i / 10),
        _ => format!("line {i}\n"),
    };
    (0..count * 10).map(line).collect()
}

fn conflict(path: &str, count: usize) -> Triple {
    (path.to_owned(), hunks(count, "base"), hunks(count, "mine"), hunks(count, "theirs"))
}

fn json(path: &str) -> Triple {
    let text = |a: &str| format!("{{\n  \"a\": [\n    {a}\n  ]\n}}\n");
    (path.to_owned(), text("1"), text("1,\n    2"), text("1,\n    3"))
}

fn approve(wizard: &mut Terminal, first: &str) {
    wizard.see(&["preview", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 1 of", first]);
}

fn finished(mut wizard: Terminal) {
    wizard.see(&["report"]);
    wizard.press(ENTER);
    assert_eq!(wizard.end(), 0);
}

/// Seven hunks by all kinds of choice, undone and redone; the editor that works, that fails, that leaves markers.
#[test]
fn seven_hunks_by_all_kinds_of_choice() {
    let world = World::new(&[conflict(SEVEN, 7), json(JSON)]);
    let mut wizard = world.open(&[]);
    approve(&mut wizard, SEVEN);
    wizard.see(&["0 of 8 resolved", "7 hunks open"]);
    for (key, left) in [("1", "6 hunks"), ("2", "5 hunks"), ("3", "4 hunks"), ("0", "3 hunks")] {
        wizard.press(key);
        wizard.see(&[&format!("{left} open")]);
    }
    world.editor("fail");
    world.edit(&mut wizard, "e", &["ended with exit code 3. What was there stays.", "4 of 8 resolved"]);
    world.editor("leave");
    world.edit(&mut wizard, "e", &["Refused: line 1 is still a conflict marker", "4 of 8 resolved"]);
    let given = fs::read_to_string(world.home.join("given")).unwrap();
    let first = "<<<<<<< mine (leave only the lines you want, without these marks; save and quit)\n";
    assert!(given.starts_with(&format!("{first}here 4 mine\n||||||| base\n")), "{given}");
    // The end of the line is the file's.
    world.editor("by hand");
    world.edit(&mut wizard, "e", &["2 hunks open", "5 of 8 resolved"]);
    wizard.press("11");
    wizard.see(&["7 of 8 resolved", "Every hunk is settled"]);
    for left in (1..=7).rev() {
        wizard.press("u");
        wizard.see(&[&format!("{} of 8 resolved", left - 1)]);
    }
    wizard.see(&["7 hunks open"]);
    for done in 1..=7 {
        wizard.press("\u{12}");
        wizard.see(&[&format!("{done} of 8 resolved")]);
    }
    // The whole file: what is decided so far is what the editor gets.
    world.editor("leave");
    world.edit(&mut wizard, "E", &["Nothing was changed in it."]);
    let given = fs::read_to_string(world.home.join("given")).unwrap();
    for line in ["here 0 mine\n", "here 1 theirs\n", "here 2 mine\nhere 2 theirs\n", "here 3 base\n", "by hand\n"] {
        assert!(given.contains(line), "{line} in {given}");
    }
    // The merge tool that git is set up with, and undone.
    world.editor("from the tool\n");
    world.edit(&mut wizard, "x", &["your own text   +1 -70"]);
    wizard.press("u");
    wizard.see(&["settled", "7 of 8 resolved"]);
    wizard.press("F");
    wizard.see(&["1 file is still open: metadata.json (1 hunk)"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 2 of 2", JSON]);
    world.editor("{\n  \"a\": [\n");
    world.edit(&mut wizard, "E", &["Refused: the file is not valid JSON", "line"]);
    world.editor("leave");
    world.edit(&mut wizard, "E", &["Refused: the file is not valid JSON"]);
    let given = fs::read_to_string(world.home.join("given")).unwrap();
    assert_eq!(given, "{\n  \"a\": [\n", "what was refused is not lost");
    world.editor("{\"a\": []}\n");
    world.edit(&mut wizard, "E", &["your own text", "All 2 are settled"]);
    wizard.press("F");
    finished(wizard);
    assert_eq!(world.read(JSON), "{\"a\": []}\n");
    let mut wanted = hunks(7, "mine");
    for (from, to) in [
        ("here 1 mine", "here 1 theirs"),
        ("here 2 mine", "here 2 mine\nhere 2 theirs"),
        ("here 3 mine", "here 3 base"),
        ("here 4 mine", "by hand"),
    ] {
        wanted = wanted.replace(from, to);
    }
    assert_eq!(world.read(SEVEN), wanted);
}

/// Every key of the table that the conflict screen, its list and its search listen to, with what it shows.
#[test]
fn every_key_does_what_the_table_says() {
    let path = |i: usize| format!("standards/universal/f{i}/a.md");
    let world = World::new(&[conflict(&path(0), 2), conflict(&path(1), 1), conflict(&path(2), 1)]);
    let before = snapshot(&world.install);
    let mut wizard = world.open(&[]);
    approve(&mut wizard, &path(0));
    world.editor("leave");
    let steps: &[(&str, &[&str])] = &[
        ("?", &["keys"]),
        ("\u{1b}", &["2 hunks open"]),
        ("k", &["mine, whole"]),
        ("t", &["theirs, whole"]),
        ("m", &["2 hunks open"]),
        ("1", &["1 hunk open"]),
        ("u", &["2 hunks open"]),
        ("\u{12}", &["1 hunk open"]),
        ("2", &["settled"]),
        ("p", &["conflict 3 of 3"]),
        ("n", &["conflict 2 of 3"]),
        ("3", &["mine, then theirs"]),
        ("0", &["from base"]),
        ("e", &["Nothing was changed in it."]),
        ("E", &["Nothing was changed in it."]),
        ("x", &["Nothing was changed in it."]),
        (".", &["put off"]),
        ("i", &["press k or t first"]),
        ("k", &["mine, whole"]),
        ("i", &["a standing rule?", "standards/universal/f1/a.md"]),
        ("\t", &["standards/universal/f1/**", "covers 1 conflict"]),
        ("\t", &["standards/universal/**", "covers 3 conflicts"]),
        ("\u{1b}", &["mine, whole"]),
        ("K", &["Nothing is open in this folder."]),
        ("T", &["Nothing is open in this folder."]),
        ("\t", &["conflict 3 of 3"]),
        ("\u{1b}[Z", &["conflict 2 of 3"]),
        ("f", &["files", "0 of 1 resolved"]),
        (DOWN, &["▸ ? standards/universal/f2/a.md"]),
        (UP, &["▸ ✔ standards/universal/f1/a.md"]),
        ("G", &["▸ ? standards/universal/f2/a.md"]),
        ("g", &["▸ ✔ standards/universal/f0/a.md"]),
        (ENTER, &["conflict 1 of 3"]),
        ("d", &["what the source changed (base → theirs)"]),
        ("d", &["what you changed (base → mine)"]),
        ("d", &["installed and new (mine → theirs)"]),
        ("d", &["what will be written (mine → result)"]),
        ("d", &["─ merge "]),
        ("s", &["1 mine", "│ 2 theirs"]),
        ("s", &["hunk 1 of 2"]),
        ("b", &["The base is hidden."]),
        ("b", &["The base is shown."]),
        ("w", &["[space: amount ignored]"]),
        ("w", &["[space: ignored]"]),
        ("w", &["All white space is shown."]),
        ("W", &["[cut off]", "Long lines are cut off."]),
        ("W", &["Long lines are wrapped."]),
        ("-", &["[0 lines around]"]),
        ("+", &["3 unchanged lines"]),
        ("+", &["[10 lines around]"]),
        ("-", &["3 unchanged lines"]),
        ("/", &["[/"]),
        ("line 1", &["[/line 1▏: ", " of 10]"]),
        (ENTER, &["[/line 1: ", " of 10, Ctrl-n next]"]),
        ("\u{e}", &["[/line 1: ", " of 10, Ctrl-n next]"]),
        ("\u{10}", &["[/line 1: ", " of 10, Ctrl-n next]"]),
        ("\u{1b}", &["─ merge ──"]),
        ("]", &["hunk 2 of 2"]),
        ("[", &["hunk 1 of 2"]),
        ("G", &["line 19"]),
        ("g", &["line 2"]),
        (DOWN, &["line"]),
        (UP, &["line"]),
        ("\u{1b}[6~", &["line"]),
        ("\u{1b}[5~", &["line"]),
        (" ", &["line"]),
        ("\u{1b}[C", &["line"]),
        ("\u{1b}[D", &["line"]),
        ("\u{1b}[F", &["line 19"]),
        ("\u{1b}[H", &["line 2"]),
        ("F", &["1 file is still open: a.md (1 hunk)"]),
        ("p", &["conflict 3 of 3"]),
        ("T", &["Take theirs for 1 open file in standards/universal/f2/?"]),
        ("y", &["1 file in standards/universal/f2/: theirs. u undoes it."]),
        ("u", &["3 of 4 resolved"]),
    ];
    for (key, seen) in steps {
        if ["e", "E", "x"].contains(key) {
            world.edit(&mut wizard, key, seen);
            continue;
        }
        wizard.press(key);
        // What is only a scroll has nothing new to wait for.
        if *seen != ["line"] {
            wizard.see(seen);
        }
    }
    // No key of the table was left out. Ctrl-Z and the wheel are tested elsewhere.
    let sent: String = steps.iter().map(|s| s.0).collect();
    for binding in [Mode::Conflict, Mode::Files, Mode::Search].into_iter().flat_map(keymap::in_mode) {
        for chord in binding.keys {
            if let (ratatui::crossterm::event::KeyCode::Char(c), false) = (chord.code, chord.ctrl) {
                assert!(sent.contains(c) || "qvyc".contains(c), "{} was never pressed", chord.label());
            }
        }
    }
    wizard.press("q");
    assert_eq!(wizard.end(), 130);
    assert_same(&before, &snapshot(&world.install));
    let mut again = world.open(&[]);
    again.see(&["unfinished", "resume"]);
    again.press("r");
    again.see(&["standards/universal/f2/a.md", "1 hunk open"]);
}

/// 500 conflicts in five folders; what is counted are the keys from the preview to the report.
#[test]
fn hundreds_of_conflicts_in_few_keys() {
    let all: Vec<Triple> = (0..500).map(|i| conflict(&format!("standards/universal/f{}/n{i}.md", i % 5), 1)).collect();
    let world = World::new(&all);
    let mut wizard = world.open(&[]);
    wizard.see(&["preview", "will ask 500"]);
    let mut pressed = 0;
    let mut press = |wizard: &mut Terminal, keys: &str, seen: &[&str]| {
        pressed += keys.chars().count();
        wizard.press(keys);
        wizard.see(seen);
    };
    press(&mut wizard, ENTER, &["conflict 1 of 500", "0 of 500 resolved"]);
    for (done, key) in ["K", "T", "K", "T", "K"].iter().enumerate() {
        let side = if *key == "K" { "Keep mine" } else { "Take theirs" };
        press(&mut wizard, key, &[&format!("{side} for 100 open files in standards/universal/f{done}/")]);
        press(&mut wizard, "y", &[&format!("{} of 500 resolved", (done + 1) * 100)]);
        if done == 1 {
            press(&mut wizard, "u", &["100 of 500 resolved"]);
            press(&mut wizard, "\u{12}", &["200 of 500 resolved"]);
        }
    }
    press(&mut wizard, "F", &["report"]);
    println!("500 conflicts in {pressed} keystrokes");
    assert!(pressed <= 15, "{pressed} keystrokes");
    finished(wizard);
    for (path, _, mine, theirs) in &all {
        let taken = path.contains("/f1/") || path.contains("/f3/");
        assert_eq!(&world.read(path), if taken { theirs } else { mine }, "{path}");
    }
}

/// Killed in the middle of a half-resolved file: every choice is still there, also what was written by hand.
#[test]
fn killed_in_the_middle_every_choice_is_still_there() {
    let world = World::new(&[conflict(SEVEN, 7), conflict("standards/universal/z.md", 1)]);
    let mut wizard = world.open(&[]);
    approve(&mut wizard, SEVEN);
    world.editor("by hand\n");
    for (key, left) in [("1", 6), ("2", 5)] {
        wizard.press(key);
        wizard.see(&[&format!("{left} hunks open")]);
    }
    world.edit(&mut wizard, "e", &["4 hunks open"]);
    let saved = |what: &str| {
        let sessions = fs::read_dir(world.install.join(".upgrade")).unwrap().flatten();
        let mut drafts = sessions.map(|e| e.path().join("drafts.json"));
        drafts.any(|f| fs::read_to_string(f).is_ok_and(|t| t.contains(what)))
    };
    // The screen does not wait for the disk.
    common::eventually("the choices are saved", Duration::from_secs(10), || saved("edited"));
    // What was written and can't be used yet is not lost either.
    wizard.press("\t");
    wizard.see(&["conflict 2 of 2"]);
    world.editor("<<<<<<< half a thought\n");
    world.edit(&mut wizard, "e", &["Refused: line 1 is still a conflict marker"]);
    common::eventually("the refused text is saved", Duration::from_secs(10), || saved("refused"));
    wizard.kill();
    let mut wizard = world.open(&[]);
    wizard.see(&["unfinished", "resume"]);
    wizard.press("r");
    wizard.see(&["conflict 1 of 2", "3 of 8 resolved", "4 hunks open"]);
    wizard.see(&["Your refused text for z.md is kept: e or E opens it again."]);
    world.editor("leave");
    wizard.press("\t");
    wizard.see(&["conflict 2 of 2"]);
    world.edit(&mut wizard, "e", &["Refused: line 1 is still a conflict marker"]);
    assert_eq!(fs::read_to_string(world.home.join("given")).unwrap(), "<<<<<<< half a thought\n");
    wizard.press("\x1b[Z");
    wizard.see(&["conflict 1 of 2"]);
    // The resize storm: the screen is right as soon as it is over.
    for i in 0..120u16 {
        wizard.resize(40 + (i * 7) % 120, 10 + (i * 5) % 40);
        wizard.press(["]", "[", DOWN, "s"][usize::from(i) % 4]);
    }
    wizard.press(DOWN);
    wizard.resize(80, 24);
    wizard.see(&["3 of 8 resolved", "4 hunks open", "? help"]);
    wizard.press("g[[[[[[[[");
    wizard.see(&["hunk 1 of 7: 1 mine"]);
    wizard.press("]]]");
    wizard.see(&["hunk 3 of 7: edited by you", "| by hand"]);
    wizard.press("n1111");
    wizard.see(&["7 of 8 resolved"]);
    wizard.press("nk");
    wizard.see(&["All 2 are settled"]);
    wizard.press("F");
    finished(wizard);
    let wanted = hunks(7, "mine").replace("here 1 mine", "here 1 theirs").replace("here 2 mine", "by hand");
    assert_eq!(world.read(SEVEN), wanted);
}

/// Put off, listed, settled on a later day without the source, and taken back.
#[test]
fn put_off_and_resolved_on_a_later_day() {
    let world = World::new(&[conflict(SEVEN, 2), conflict("standards/universal/z.md", 1)]);
    let mut wizard = world.open(&[]);
    approve(&mut wizard, SEVEN);
    wizard.press(".");
    wizard.see(&["put off", "resolve"]);
    wizard.press("\t");
    wizard.see(&["conflict 2 of 2"]);
    wizard.press("k");
    wizard.see(&["All 2 are settled"]);
    wizard.press("F");
    wizard.see(&["report", "put off, yours stays", "resolve"]);
    finished(wizard);
    assert_eq!(world.read(SEVEN), hunks(2, "mine"), "mine stays");
    let (code, said) = world.run(&["status"]);
    assert_eq!(code, 10, "{said}");
    assert!(said.contains(SEVEN) && said.contains("pos-upgrade-tui resolve"), "{said}");
    let status: serde_json::Value = serde_json::from_str(world.run(&["status", "--json"]).1.trim()).unwrap();
    assert_eq!((&status["state"], &status["parked"][0]["path"]), (&"parked".into(), &SEVEN.into()));
    let theirs = status["parked"][0]["theirs"].as_str().unwrap();
    assert_eq!(fs::read_to_string(theirs).unwrap(), hunks(2, "theirs"), "kept beside");
    let (code, said) = world.run(&["resolve"]);
    assert_eq!(code, 2, "without a terminal: {said}");
    assert!(said.contains(SEVEN), "{said}");

    fs::remove_dir_all(&world.source).unwrap();
    let before = snapshot(&world.install);
    let mut wizard = world.open(&["resolve"]);
    wizard.see(&["conflict 1 of 1", SEVEN, "2 hunks open"]);
    wizard.press("2");
    wizard.see(&["1 hunk open"]);
    assert_eq!(world.read(SEVEN), hunks(2, "mine"), "nothing is written before F");
    wizard.press("1");
    wizard.see(&["The conflict is settled"]);
    wizard.press("F");
    finished(wizard);
    assert_eq!(world.read(SEVEN), hunks(2, "mine").replace("here 0 mine", "here 0 theirs"));
    assert_eq!(world.run(&["status"]).0, 0);
    assert!(world.run(&["resolve"]).1.contains("nothing to resolve"));
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &snapshot(&world.install));
    assert!(said.contains("back as it was before the conflicts were settled; the upgrade stays"), "{said}");
    assert_eq!(world.run(&["status"]).0, 10, "it waits again");
    // Further back, as it is said: what the first rollback wrote into the log is nobody's edit.
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert!(code == 0 && said.contains("is rolled back already"), "{said}");
    let further = said.split("pos-upgrade-tui rollback ").nth(1).unwrap();
    let id = further.split(' ').next().unwrap();
    assert!(further.contains("--project"), "{said}");
    let (code, said) = world.run(&["rollback", "--yes", id]);
    assert!(code == 0 && !said.contains("rescued"), "{said}");
    assert!(!world.install.join("rescued").exists());
    assert_eq!(world.run(&["status"]).0, 0);
}

/// All is answered, and left without the word to finish: whoever resumes sees all of it again, and nothing is applied
/// before that word. What the answers made of rules comes and goes with them.
#[test]
fn nothing_is_applied_before_the_word_is_given() {
    let world = World::new(&[conflict("standards/universal/a.md", 2), conflict("standards/universal/z.md", 1)]);
    let before = snapshot(&world.install);
    let rules = world.install.join("upgrade.json");
    let mut wizard = world.open(&[]);
    approve(&mut wizard, "standards/universal/a.md");
    for key in ["k", "i"] {
        wizard.press(key);
        wizard.see(&["mine"]);
    }
    wizard.see(&["a standing rule?"]);
    wizard.press("y");
    wizard.see(&["With F this goes into upgrade.json: always_keep \"standards/universal/a.md\"."]);
    // Killed before any answer was accepted: the rule itself settles nothing yet.
    let noted = |what: &str| {
        let sessions = fs::read_dir(world.install.join(".upgrade")).unwrap().flatten();
        let mut files = sessions.flat_map(|s| fs::read_dir(s.path()).into_iter().flatten().flatten());
        files.any(|f| fs::read_to_string(f.path()).is_ok_and(|t| t.contains(what)))
    };
    common::eventually("the rule is noted", Duration::from_secs(10), || noted("\"rules\":[[false"));
    wizard.kill();
    let mut wizard = world.open(&["resume"]);
    wizard.see(&["conflict 2 of 2", "2 of 3 resolved"]);
    wizard.press("\t");
    wizard.see(&["conflict 1 of 2", "mine, whole"]);
    wizard.press("\t");
    wizard.see(&["conflict 2 of 2"]);
    wizard.press("t");
    wizard.see(&["All 2 are settled", "3 of 3 resolved"]);
    // One that is taken back is not made, also where it settled nothing more.
    for (key, seen) in [("i", "a standing rule?"), ("y", "With F this goes"), ("u", "The rule is not made.")] {
        wizard.press(key);
        wizard.see(&[seen]);
    }
    wizard.see(&["3 of 3 resolved"]);
    for (key, seen) in [("\u{12}", "The rule is made again."), ("u", "The rule is not made.")] {
        wizard.press(key);
        wizard.see(&[seen]);
    }
    wizard.press("q");
    assert_eq!(wizard.end(), 130);
    assert_same(&before, &snapshot(&world.install));
    for again in 0..2 {
        // Asked for by name, at a terminal: for what needs a person the wizard opens, there and then.
        let mut wizard = world.open(&["resume"]);
        wizard.see(&["3 of 3 resolved", "All 2 are settled. F finishes", "conflict 1 of 2"]);
        wizard.press("f");
        wizard.see(&["standards/universal/a.md", "standards/universal/z.md"]);
        wizard.press("f");
        if again == 0 {
            wizard.kill();
            continue;
        }
        assert!(!rules.exists());
        wizard.press("F");
        finished(wizard);
    }
    assert_eq!(world.read("standards/universal/z.md"), hunks(1, "theirs"));
    let written = fs::read_to_string(&rules).unwrap();
    assert!(written.contains("\"standards/universal/a.md\"") && !written.contains("z.md"), "{written}");
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &snapshot(&world.install));
    assert!(!rules.exists(), "the rule went with the upgrade that made it");
}

/// A result that can't stand in its file is not settled, and says why, with the place; the engine's word about Python too.
#[test]
fn what_can_not_be_written_is_not_settled() {
    let (json, python) = ("workflows/w/metadata.json", "scripts/tool.py");
    let text = |side: &str| format!("{{\n  \"steps\": [\n    \"one\",\n    \"{side}\"\n  ]\n}}\n");
    let code = |side: &str| format!("def tool():\n    return \"{side}\"\n");
    let triple = |path: &str, text: &dyn Fn(&str) -> String| -> Triple {
        (path.to_owned(), text("base"), text("mine"), text("theirs"))
    };
    let world = World::new(&[triple(python, &code), triple(json, &text)]);
    let mut wizard = world.open(&[]);
    approve(&mut wizard, python);
    world.editor("def (\n");
    world.edit(&mut wizard, "E", &["1 of 2 resolved"]);
    wizard.press("\t");
    wizard.see(&["conflict 2 of 2", json]);
    // Both lines, and no comma between them.
    wizard.press("3");
    wizard.see(&["the result is not valid JSON", "line 5", "e or E mends it", "1 of 2 resolved"]);
    wizard.press("F");
    wizard.see(&["1 file is still open: metadata.json (can't be written as it is)"]);
    wizard.press("1");
    wizard.see(&["2 of 2 resolved"]);
    wizard.press("F");
    wizard.see(&["conflict 1 of 2", "does not compile", "1 of 2 resolved"]);
    assert_eq!(world.read(python), code("mine"), "nothing was written");
    wizard.press("t");
    wizard.see(&["2 of 2 resolved"]);
    wizard.press("u");
    wizard.see(&["your own text"]);
    wizard.press("k");
    wizard.see(&["2 of 2 resolved"]);
    wizard.press("F");
    finished(wizard);
    assert_eq!((world.read(python), world.read(json)), (code("mine"), text("mine")));
}

/// Before the plan is approved nothing changes, whatever keys are pressed.
#[test]
fn no_key_changes_the_install_before_approval() {
    let world = World::new(&[conflict(SEVEN, 1)]);
    let before = snapshot(&world.install);
    let mut wizard = world.open(&[]);
    wizard.see(&["preview", "Enter start"]);
    let seed = std::env::var("POS_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed_0006_u64);
    println!("POS_SEED={seed}");
    let mut state = seed | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    // All but Enter, which approves, `q`, which leaves, and `>`, which writes the plan to a file that is named.
    let keys: Vec<&str> = "k t m 1 2 3 0 e E x u n p . i ] [ K T F f y w W b s d - + / ? g G N h o R D a l L c"
        .split(' ')
        .chain(["\t", "\u{1b}[Z", UP, DOWN, "\u{1b}[C", "\u{1b}[D", "\u{1b}[5~", "\u{1b}[6~", " ", "\u{12}", "\u{e}"])
        .collect();
    for _ in 0..40 {
        let burst: String = (0..25).map(|_| keys[random(keys.len())]).collect();
        wizard.press(&burst);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_same(&before, &snapshot(&world.install));
    assert!(!world.install.join(".upgrade").exists());
    wizard.kill();
}
