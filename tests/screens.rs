//! Setup, preview, report and unfinished session by keyboard on a pseudo-terminal: every key of theirs at least once.

use crate::common;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, assert_same, snapshot};
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::tui::keymap::{self, Chord, Mode};
use ratatui::crossterm::event::KeyCode;

/// What a terminal sends for a key.
fn bytes(chord: Chord) -> String {
    match chord.code {
        KeyCode::Char(c) if chord.ctrl => char::from(c as u8 & 0x1f).to_string(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Enter => "\r".to_owned(),
        KeyCode::Esc => "\u{1b}".to_owned(),
        KeyCode::Tab => "\t".to_owned(),
        KeyCode::BackTab => "\u{1b}[Z".to_owned(),
        KeyCode::Backspace => "\u{7f}".to_owned(),
        KeyCode::Delete => "\u{1b}[3~".to_owned(),
        KeyCode::Up => "\u{1b}[A".to_owned(),
        KeyCode::Down => "\u{1b}[B".to_owned(),
        KeyCode::Right => "\u{1b}[C".to_owned(),
        KeyCode::Left => "\u{1b}[D".to_owned(),
        KeyCode::Home => "\u{1b}[H".to_owned(),
        KeyCode::End => "\u{1b}[F".to_owned(),
        KeyCode::PageUp => "\u{1b}[5~".to_owned(),
        KeyCode::PageDown => "\u{1b}[6~".to_owned(),
        KeyCode::F(1) => "\u{1b}OP".to_owned(),
        other => panic!("no bytes for {other:?}"),
    }
}

/// A person at a keyboard, who notes which key was pressed where.
struct Person {
    wizard: Terminal,
    pressed: RefCell<BTreeSet<(String, String)>>,
}

impl Person {
    fn new(wizard: Terminal) -> Self {
        Self { wizard, pressed: RefCell::default() }
    }

    /// Presses the key with this label in this mode, and waits until the screen shows all of these.
    fn key(&mut self, mode: Mode, label: &str, then: &[&str]) {
        let chord = keymap::in_mode(mode).flat_map(|b| b.keys).find(|c| c.label() == label);
        let chord = *chord.unwrap_or_else(|| panic!("{label} is not bound in {mode:?}"));
        self.pressed.borrow_mut().insert((format!("{mode:?}"), label.to_owned()));
        self.wizard.press(&bytes(chord));
        if label == "Esc" {
            // What follows at once would be taken for the rest of an escape sequence.
            std::thread::sleep(std::time::Duration::from_millis(150));
        }
        self.wizard.see(then);
    }

    /// The same several times over.
    fn keys(&mut self, mode: Mode, labels: &[&str], then: &[&str]) {
        labels.iter().for_each(|label| self.key(mode, label, &[]));
        self.wizard.see(then);
    }

    /// Asserts that every key of these modes was pressed, but for those that are named.
    fn has_pressed_all(&self, modes: &[Mode], but: &[&str]) {
        let missing: Vec<String> = modes
            .iter()
            .flat_map(|mode| keymap::in_mode(*mode).flat_map(|b| b.keys).map(move |c| (format!("{mode:?}"), c.label())))
            .filter(|(mode, label)| {
                !but.contains(&label.as_str()) && !self.pressed.borrow().contains(&(mode.clone(), label.clone()))
            })
            .map(|(mode, label)| format!("{label} in {mode}"))
            .collect();
        assert!(missing.is_empty(), "never pressed: {missing:?}");
    }
}

/// The demo without a server, in a home of its own, with a second clone and a folder beside the first.
fn neighbourhood(sandbox: &mut Sandbox) -> (Demo, std::path::PathBuf) {
    let mut demo = sandbox.content_demo();
    let home = sandbox.path().join("home");
    fs::rename(&demo.dir, home.join("demo")).unwrap();
    demo.dir = home.join("demo");
    (demo.source, demo.project) = (demo.dir.join("source"), demo.dir.join("project"));
    demo.install = demo.project.join(".praxis-os");
    common::git(&home, &["clone", "-q", demo.source.to_str().unwrap(), "demo/source-two"]);
    fs::create_dir_all(home.join("elsewhere/deep")).unwrap();
    (demo, home)
}

fn start(home: &Path, project: &Path) -> Person {
    Person::new(Terminal::within(project, home, &[]))
}

#[test]
fn setup_finds_completes_remembers_and_changes_nothing() {
    use Mode::{Help, Setup, Source};
    let mut sandbox = Sandbox::new();
    let (demo, home) = neighbourhood(&mut sandbox);
    let before = snapshot(&demo.install);
    let mut person = start(&home, &demo.project);
    person.wizard.see(&[
        "Found nearby",
        "~/demo/source",
        "praxis-os 1.2.0",
        "an upgrade would change 35 files",
        "F1 help",
    ]);
    // The other clone nearby is offered, and only taken when that is said.
    person.key(Source, "↓", &["▸ ~/demo/source-two", "  source  ~/demo/source ", "Enter take this"]);
    person.key(Source, "↑", &["▸ source  ~/demo/source ", "is at release"]);
    person.key(Source, "↓", &["▸ ~/demo/source-two"]);
    person.key(Source, "Enter", &["▸ source  ~/demo/source-two ", "· ~/demo/source ", "is at release"]);
    person.key(Source, "↓", &["▸ ~/demo/source "]);
    person.key(Source, "Tab", &["▸ source  ~/demo/source ", "· ~/demo/source-two", "is at release"]);
    person.key(Source, "F1", &["Esc closes", "complete the path"]);
    person.key(Help, "Esc", &["▸ source"]);
    // Typing, with everything that edits a line.
    person.key(Source, "Ctrl-u", &["Type its folder"]);
    person.wizard.press("~/elsewherx");
    person.wizard.see(&["no such folder"]);
    person.key(Source, "Backspace", &["no such folder yet"]);
    person.key(Source, "Tab", &["~/elsewhere/", "Not a clone of praxis-os."]);
    person.keys(Source, &["Home", "→", "←", "End", "Ctrl-w", "Ctrl-w"], &["Type its folder"]);
    person.wizard.press("~/demo/sourcey");
    person.keys(Source, &["←", "Delete", "Tab"], &["~/demo/source", "praxis-os 1.2.0"]);
    person.wizard.press("-x");
    person.wizard.see(&["no such folder"]);
    person.key(Source, "Enter", &["There is no such folder: type another."]);
    person.keys(Source, &["Backspace", "Backspace"], &["praxis-os 1.2.0", "is at release"]);
    person.key(Source, "Esc", &["Ctrl-c leaves"]);
    // Options, with the wrong keys among the right ones.
    person.key(Source, "↓", &["q leave"]);
    person.wizard.press("xZ9");
    person.key(Setup, "Space", &["content only"]);
    person.keys(Setup, &["←", "→"], &["content only"]);
    person.keys(Setup, &["↓", "↓", "↑"], &["▸ conflicts"]);
    person.key(Setup, "?", &["Esc closes", "change the option"]);
    person.key(Help, "q", &["▸ conflicts"]);
    person.keys(Setup, &["PgDn", "G", "End", "PgUp", "g", "Home"], &["▸ conflicts"]);
    person.key(Setup, ">", &["it can't be saved"]);
    person.keys(Setup, &["↓"; 6], &["▸ keep backups", " 3:"]);
    person.keys(Setup, &["→", ">"], &["Saved: ~/.config/pos-upgrade-tui/upgrade.json (a project's own come first)"]);
    person.key(Setup, "Esc", &["▸ source"]);
    person.key(Source, "↓", &["▸ upgrade"]);
    person.key(Setup, "r", &["preview", "Enter start"]);
    // There and back again by all ways that there are.
    person.key(Mode::Preview, "o", &["setup", "content only", "· ~/demo/source-two"]);
    person.key(Source, "↓", &["▸ ~/demo/source-two"]);
    person.key(Source, "Esc", &["▸ source  ~/demo/source "]);
    person.key(Source, "Esc", &["preview"]);
    person.key(Mode::Preview, "o", &["setup", "· ~/demo/source-two"]);
    person.keys(Source, &["↓", "↓"], &["▸ upgrade"]);
    person.key(Setup, "Enter", &["preview"]);
    person.key(Mode::Preview, "o", &["setup", "· ~/demo/source-two"]);
    person.keys(Source, &["↓", "↓"], &["▸ upgrade"]);
    person.key(Setup, "q", &[]);
    person.has_pressed_all(&[Setup], &["Ctrl-z", "Ctrl-c"]);
    person.has_pressed_all(&[Source], &["Ctrl-z", "Ctrl-c"]);
    assert_eq!(person.wizard.end(), 0);
    let saved = fs::read_to_string(home.join(".config/pos-upgrade-tui/upgrade.json")).unwrap();
    assert_eq!(saved, "{\n  \"keep_backups\": 4\n}\n");
    // A source that was only looked at is not remembered, and options are only where that was said.
    let state = home.join(".local/state/pos-upgrade-tui/sources.json");
    assert!(!state.exists(), "{}", state.display());
    let mut person = start(&home, &demo.project);
    person.wizard.see(&["Found nearby", "~/demo/source", "everything", "is at release"]);
    assert_same(&before, &snapshot(&demo.install));
    assert!(!demo.install.join(".upgrade").exists());
    // One that an upgrade was completed from is known the next time.
    person.key(Source, "↓", &["▸ ~/demo/source-two"]);
    person.key(Source, "↓", &["▸ upgrade"]);
    person.key(Setup, "Space", &["content only"]);
    person.key(Setup, "↓", &["▸ conflicts"]);
    person.key(Setup, "Space", &["merge, mine first"]);
    person.key(Setup, "Enter", &["preview", "Enter start"]);
    person.key(Mode::Preview, "Enter", &["report"]);
    person.key(Mode::Report, "q", &[]);
    assert_eq!(person.wizard.end(), 0);
    let mut person = start(&home, &demo.project);
    person.wizard.see(&["Used before", "~/demo/source", "everything", "is at release"]);
    person.key(Source, "Ctrl-c", &[]);
    assert_eq!(person.wizard.end(), 2);
    assert!(fs::read_to_string(&state).unwrap().contains("demo/source\""), "{}", state.display());
}

#[test]
fn a_problem_of_the_source_is_mended_where_it_stands() {
    let mut sandbox = Sandbox::new();
    let (demo, home) = neighbourhood(&mut sandbox);
    fs::write(demo.source.join("dirt.txt"), "x").unwrap();
    let mut person = start(&home, &demo.project);
    person.wizard.see(&["1 uncommitted change", "is at release"]);
    person.key(Mode::Source, "Enter", &["One thing stops the upgrade", "dirt.txt", "stash"]);
    fs::remove_file(demo.source.join("dirt.txt")).unwrap();
    person.key(Mode::Source, "Enter", &["preview", "Enter start"]);
    person.key(Mode::Preview, "Ctrl-c", &[]);
    assert_eq!(person.wizard.end(), 0);
}

#[test]
fn every_key_of_the_preview_and_a_plan_on_paper() {
    use Mode::{Confirm, Diff, Filter, Help, News, Preview};
    let mut sandbox = Sandbox::new();
    let (demo, home) = neighbourhood(&mut sandbox);
    let before = snapshot(&demo.install);
    let mut person = start(&home, &demo.project);
    person.wizard.see(&["is at release"]);
    person.key(Mode::Source, "Enter", &["3 need you", "makes a backup, asks about 3 conflicts"]);
    person.wizard.see(&["why: you and the source changed the same place", "Release 1.2.0"]);
    person.wizard.press("kt1230K");
    person.keys(
        Preview,
        &["Tab", "Shift-Tab", "→", "←", "↓", "↑", "PgDn", "PgUp", "G", "End", "g", "Home", "C"],
        &["git-safety"],
    );
    person.key(Preview, "?", &["Esc closes"]);
    person.key(Help, "Esc", &["Enter start"]);
    // A filter, kept and dropped.
    person.key(Preview, "/", &["filter: _"]);
    person.wizard.press("RACEx");
    person.wizard.see(&["No path contains"]);
    person.key(Filter, "Backspace", &["race-conditions"]);
    person.key(Filter, "Enter", &["filter: RACE (1 file)"]);
    person.key(Preview, "d", &["preview: diff", "race-conditions", "what the source changed"]);
    // A diff: all pairs, changes, scrolling in every direction.
    let keys = ["]", "[", "↓", "↑", "→", "←", "PgDn", "PgUp", "G", "End", "g", "Home", "C", "d", "d", "?"];
    person.keys(Diff, &keys, &["Esc closes", "compare the next pair"]);
    person.key(Help, "Esc", &["preview: diff", "your file and theirs, whole (mine → theirs)"]);
    person.key(Diff, "W", &["[wrapped]"]);
    person.key(Diff, "/", &["[/"]);
    person.wizard.press("THE");
    person.wizard.see(&["[/THE▏: 1 of "]);
    person.key(Mode::Search, "Enter", &["[/THE: 1 of "]);
    person.key(Diff, "Ctrl-n", &["[/THE: 2 of "]);
    person.key(Diff, "Ctrl-p", &["[/THE: 1 of "]);
    // Esc ends the search first.
    person.key(Diff, "Esc", &["preview: diff", "[wrapped] ─"]);
    person.key(Diff, "Esc", &["filter: RACE"]);
    person.key(Preview, "d", &["preview: diff"]);
    person.key(Diff, "q", &["filter: RACE"]);
    person.key(Preview, "d", &["preview: diff"]);
    person.key(Diff, "Ctrl-c", &["filter: RACE"]);
    person.key(Preview, "Esc", &["makes a backup"]);
    for label in ["Ctrl-u", "Esc", "Ctrl-c"] {
        person.key(Preview, "/", &["filter: _"]);
        person.wizard.press("zzz");
        person.wizard.see(&["No path contains"]);
        person.key(Filter, label, &["git-safety"]);
        if label == "Ctrl-u" {
            person.key(Filter, "Enter", &["makes a backup"]);
        }
    }
    // What is new.
    person.key(Preview, "N", &["what's new", "Release 1.1.0"]);
    person.keys(News, &["↓", "↑", "PgDn", "PgUp", "G", "End", "g", "Home", "?"], &["Esc closes"]);
    person.key(Help, "Ctrl-c", &["what's new"]);
    for label in ["Esc", "q", "Ctrl-c"] {
        person.key(News, label, &["Enter start"]);
        person.key(Preview, "N", &["Release 1.1.0"]);
    }
    person.key(News, "Esc", &["Enter start"]);
    // A folder that moves is one row, until it is opened.
    // On a slow machine it may be passed before it was seen: then from the top again.
    let mut steps = 0;
    while !person.wizard.text().contains("The source moved this folder") {
        assert!(steps < 1_000, "{}", person.wizard.text());
        person.key(Preview, if steps % 50 == 49 { "Home" } else { "↓" }, &["why"]);
        std::thread::sleep(std::time::Duration::from_millis(30 + steps));
        steps += 1;
    }
    assert!(!person.wizard.text().contains("praxis_os_upgrade_v1/metadata.json"), "{}", person.wizard.text());
    person.key(Preview, "Space", &["praxis_os_upgrade_v1/metadata.json"]);
    person.key(Preview, "Space", &["▸"]);
    // The plan on paper: asked first, then written beside the project, never over anything.
    for (label, answer) in [("Esc", "no"), ("Ctrl-c", "no")] {
        person.key(Preview, ">", &["Write this plan to a file?", "upgrade-plan-", answer]);
        person.key(Confirm, label, &["Enter start"]);
    }
    let plans =
        || fs::read_dir(&demo.project).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().ends_with(".md"));
    assert_eq!(plans().count(), 0);
    for written in 1..3 {
        person.key(Preview, ">", &["Write this plan"]);
        person.key(Confirm, "y", &["Written: "]);
        assert_eq!(plans().count(), written);
    }
    let text = fs::read_to_string(plans().next().unwrap().path()).unwrap();
    assert!(text.contains("git-safety.md") && text.contains("## Conflicts (3)"), "{text}");
    // It can't be fetched what is not missing, nor asked again what was never answered.
    person.key(Preview, "h", &["Enter start"]);
    person.key(Preview, "a", &["3 need you", "asks about 3"]);
    person.key(Preview, "Ctrl-c", &[]);
    // The others are pressed in the tests beside this one.
    person.has_pressed_all(&[Preview, Filter, Diff, News], &["Ctrl-z", "Enter", "o", "q"]);
    assert_eq!(person.wizard.end(), 0);
    assert_same(&before, &snapshot(&demo.install));
}

/// From the start to the first conflict, content only.
fn to_the_conflicts(home: &Path, demo: &Demo) -> Person {
    let mut person = start(home, &demo.project);
    person.wizard.see(&["is at release", "· ~/demo/source-two"]);
    person.keys(Mode::Source, &["↓", "↓"], &["▸ upgrade"]);
    person.key(Mode::Setup, "Space", &["content only"]);
    person.key(Mode::Setup, "Enter", &["preview", "Enter start"]);
    person
}

#[test]
fn an_unfinished_session_is_left_resumed_and_discarded() {
    use Mode::{Confirm, Unfinished};
    let mut sandbox = Sandbox::new();
    let (demo, home) = neighbourhood(&mut sandbox);
    let before = snapshot(&demo.install);
    let mut person = to_the_conflicts(&home, &demo);
    person.key(Mode::Preview, "Enter", &["conflict 1 of "]);
    person.key(Mode::Conflict, "1", &["git-safety.md"]);
    person.key(Mode::Conflict, "q", &[]);
    person.wizard.end();

    let again = |pressed| Person { wizard: Terminal::within(&demo.project, &home, &[]), pressed };
    let mut person = again(person.pressed);
    person.wizard.see(&["unfinished", "nothing has been applied", "just now", "D  discard"]);
    person.wizard.see(&["0 of 3 files settled; 1 hunk of git-safety.md is settled and", "Lost with it"]);
    person.wizard.press("zk\t");
    let keys = ["↓", "↑", "PgDn", "PgUp", "G", "End", "g", "Home", "C"];
    person.keys(Unfinished, &keys, &["r  resume"]);
    person.key(Unfinished, "?", &["Esc closes"]);
    person.key(Mode::Help, "Esc", &["r  resume"]);
    person.key(Unfinished, "R", &["End this session? Nothing was applied", "Lost with it: 1 hunk of git-safety.md"]);
    person.key(Confirm, "Esc", &["r  resume"]);
    person.key(Unfinished, "D", &["Forget this session?"]);
    person.key(Confirm, "Esc", &["r  resume"]);
    person.key(Unfinished, "r", &["conflict 1 of "]);
    person.key(Mode::Conflict, "q", &[]);
    person.wizard.end();

    let mut left = again(person.pressed);
    left.wizard.see(&["r  resume"]);
    left.key(Unfinished, "q", &[]);
    assert_eq!(left.wizard.end(), 10);
    let mut left = again(left.pressed);
    left.wizard.see(&["r  resume"]);
    left.key(Unfinished, "Ctrl-c", &[]);
    assert_eq!(left.wizard.end(), 10);
    let mut left = again(left.pressed);
    left.wizard.see(&["Enter resume"]);
    left.key(Unfinished, "Enter", &["conflict 1 of "]);
    left.key(Mode::Conflict, "q", &[]);
    left.wizard.end();

    let mut last = again(left.pressed);
    last.wizard.see(&["D  discard"]);
    last.key(Unfinished, "D", &["Forget this session?"]);
    last.key(Confirm, "y", &["report", "Discarded"]);
    last.key(Mode::Report, "q", &[]);
    last.has_pressed_all(&[Unfinished], &["Ctrl-z"]);
    assert_eq!(last.wizard.end(), 0);
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn a_finished_upgrade_is_taken_back_from_its_report() {
    use Mode::{Confirm, Report};
    let mut sandbox = Sandbox::new();
    let (demo, home) = neighbourhood(&mut sandbox);
    let before = snapshot(&demo.install);
    let mut person = start(&home, &demo.project);
    person.wizard.see(&["is at release", "· ~/demo/source-two"]);
    person.keys(Mode::Source, &["↓", "↓"], &["▸ upgrade"]);
    person.keys(Mode::Setup, &["Space", "↓", "Space"], &["content only", "merge, mine first"]);
    person.key(Mode::Setup, "Enter", &["3 are settled as you", "makes a backup, then does this"]);
    person.key(Mode::Preview, "Enter", &["report", "Upgraded", "R puts it all back"]);
    person.wizard.see(&["3 conflicts settled", "Your edits", "git-safety.md: merged"]);
    person.wizard.press("zr");
    person.keys(Report, &["↓", "PgDn", "G", "End"], &["phase 5"]);
    person.keys(Report, &["↑", "PgUp", "g", "Home"], &["What changed"]);
    person.key(Report, "?", &["Esc closes"]);
    person.key(Mode::Help, "Esc", &["What changed"]);
    person.key(Report, "C", &["What changed"]);
    person.key(Report, "R", &["Put the install back as it was?"]);
    person.key(Confirm, "Esc", &["What changed"]);
    assert!(demo.install.join(".upgrade-baseline.json").exists(), "it is upgraded");
    person.key(Report, "R", &["Put the install back as it was?"]);
    person.key(Confirm, "y", &["Rolled back", "back as it was"]);
    person.wizard.press("R");
    person.key(Report, "Enter", &[]);
    person.has_pressed_all(&[Report], &["Ctrl-z", "Ctrl-c", "q"]);
    assert_eq!(person.wizard.end(), 0);
    assert_same(&before, &snapshot(&demo.install));
}
