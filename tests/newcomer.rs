//! Somebody who has read nothing upgrades the demo at 80x24: the program is started without arguments in the project,
//! and every key pressed is one that the screen named, or that everybody would try.

use crate::common;
use std::fs;
use std::path::Path;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, demos, tools};

/// At most so many keys, from the start to the shell.
const KEYS: usize = 20;

/// A run of the wizard, with all that was seen and pressed.
struct Newcomer {
    wizard: Terminal,
    home: String,
    transcript: String,
    keys: usize,
}

impl Newcomer {
    /// Waits until the screen shows all of these, and presses a key that it names, if `named` says so.
    fn press(&mut self, label: &str, seen: &[&str], named: bool) {
        self.wizard.see(seen);
        let screen = self.wizard.text().replace(&self.home, "~");
        let shown = |line: &str| line.split([' ', '(', ')', ',']).any(|w| w == label);
        assert!(!named || screen.lines().any(shown), "{label} is not named by:\n{screen}");
        self.keys += 1;
        self.transcript += &format!("\n{screen}\n\n== key {}: {label}\n", self.keys);
        self.wizard.press(match label {
            "Enter" => "\r",
            "Esc" => "\u{1b}",
            other => other,
        });
    }
}

fn line<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    text.lines().find(|l| l.contains(words))
}

#[test]
fn from_nothing_to_a_finished_upgrade() {
    const GIT_SAFETY: &str = "standards/universal/ai-safety/git-safety.md";
    const RACES: &str = "standards/universal/concurrency/race-conditions.md";
    const README: &str = "standards/universal/documentation/readme-guide.md";
    let mut sandbox = Sandbox::new();
    let home = sandbox.path().join("home");
    let demo = demos::prepare(&home.join("demo"));
    sandbox.watch(&demo.install);
    let read = |path: &str| fs::read_to_string(demo.install.join(path)).unwrap();
    let (mine, kept) = (read(GIT_SAFETY), read(RACES));
    let theirs = |path: &str| {
        let source = path.replacen("standards/universal", "universal/standards", 1);
        common::git(&demo.source, &["cat-file", "blob", &format!("HEAD:{source}")]) + "\n"
    };
    let wizard = Terminal::within(&demo.project, &home, &[]);
    let mut person = Newcomer { wizard, home: home.to_str().unwrap().to_owned(), transcript: String::new(), keys: 0 };

    // The source was found beside the project, and how things stand is said before anything is asked.
    person.press("Enter", &["Found nearby", "is at release e61ff48", "3 of them need you"], true);
    // What is this about? A look at the first file, and back.
    person.press("d", &["preview", "makes a backup, asks about 3 conflicts", "why: you and the source"], true);
    person.press("Esc", &["preview: diff", "git-safety.md"], true);
    person.press("Enter", &["Enter start"], true);
    // The first file, region by region.
    person.press("1", &["conflict 1 of 3", GIT_SAFETY, "3 hunks open"], true);
    person.press("2", &["2 hunks open"], true);
    person.press("3", &["1 hunk open"], true);
    person.press("Enter", &["accept"], true);
    // The second stays, the third is taken.
    person.press("k", &["conflict 2 of 3", RACES], true);
    person.press("Enter", &["accept"], true);
    person.press("t", &["conflict 3 of 3", README], true);
    person.press("F", &["F finish"], true);
    // Nothing is asked from here on.
    person.press("Enter", &["report", "Upgraded", "R puts it all back", "Enter leave"], true);
    let Newcomer { wizard, transcript, keys, .. } = person;
    assert_eq!(wizard.end(), 0);
    println!("{transcript}\n{keys} keystrokes, from the start to the shell");
    assert!(keys <= KEYS, "{keys} keystrokes");

    let merged = read(GIT_SAFETY);
    assert_eq!(read(RACES), kept, "kept");
    assert_eq!(read(README), theirs(README), "taken");
    assert_eq!(line(&merged, "Begin the subject"), line(&mine, "Begin the subject"), "region 1 is mine");
    let their_text = theirs(GIT_SAFETY);
    assert_eq!(line(&merged, "`<kind>/<task>`"), line(&their_text, "`<kind>/<task>`"), "region 2 is theirs");
    assert!(merged.contains("run `make check`") && merged.contains("read `git log @{upstream}..`"), "region 3 is both");
    assert!(tools(&demo.install).expect("the server answers").contains(&"list_standards".to_owned()));
    assert!(Path::new(&demo.install).join(".upgrade-baseline.json").exists());
}
