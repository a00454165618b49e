//! Every key and every kind of choice, and that none of them changes the install before it is approved.

use std::fs;
use std::time::Duration;

use pos_upgrade_tui::tui::keymap::{self, Mode};

use crate::common::terminal::Terminal;
use crate::common::{assert_same, snapshot};
use crate::conflicts::world::{DOWN, ENTER, JSON, SEVEN, Triple, UP, World, approve, conflict, finished, hunks, json};

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
        ("4", &["Nothing is offered for this hunk"]),
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
    // The engine is told at once, and says at once what it can't write.
    world.edit(&mut wizard, "E", &["does not compile", "0 of 2 resolved"]);
    wizard.press("\t");
    wizard.see(&["conflict 2 of 2", json]);
    // Both lines, and no comma between them.
    wizard.press("3");
    wizard.see(&["the result is not valid JSON", "line 5", "e or E mends it", "0 of 2 resolved"]);
    wizard.press("F");
    wizard.see(&["2 files are still open: tool.py (can't be written as it is)"]);
    wizard.press("1");
    wizard.see(&["1 of 2 resolved"]);
    wizard.press("F");
    wizard.see(&["1 file is still open: tool.py (can't be written as it is)"]);
    wizard.press("n");
    wizard.see(&["conflict 1 of 2", "your own text", "1 of 2 resolved"]);
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
