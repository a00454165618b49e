//! What is decided outlives a kill, a day and a change of mind, and is applied only when it is said to be done.

use std::fs;

use crate::common::{self, assert_same, snapshot};
use crate::conflicts::world::{DOWN, SEVEN, World, approve, conflict, finished, hunks};

/// The two generations of a session; one of them is the newest.
const SESSION: [&str; 2] = ["session.json", "session.1.json"];

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
        let mut saved = sessions.flat_map(|e| SESSION.map(|name| e.path().join(name)));
        saved.any(|f| fs::read_to_string(f).is_ok_and(|t| t.contains(what)))
    };
    // The screen does not wait for the disk.
    common::eventually("the choices are saved", || saved("edited"));
    // What was written and can't be used yet is not lost either.
    wizard.press("\t");
    wizard.see(&["conflict 2 of 2"]);
    world.editor("<<<<<<< half a thought\n");
    world.edit(&mut wizard, "e", &["Refused: line 1 is still a conflict marker"]);
    common::eventually("the refused text is saved", || saved("refused"));
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

/// Earlier builds kept what is decided beside the session. It is taken up once, and outweighs nothing that comes later.
#[test]
fn what_an_earlier_build_kept_beside_the_session_is_taken_up_once() {
    let world = World::new(&[conflict(SEVEN, 7)]);
    let mut wizard = world.open(&[]);
    approve(&mut wizard, SEVEN);
    wizard.press("1");
    wizard.see(&["6 hunks open"]);
    let sessions = || fs::read_dir(world.install.join(".upgrade")).unwrap().flatten().map(|e| e.path());
    let saved = || sessions().flat_map(|s| SESSION.map(|name| s.join(name))).filter_map(|f| fs::read_to_string(f).ok());
    common::eventually("the choice is saved", || saved().any(|text| text.contains("\"open\"")));
    wizard.kill();
    let session = sessions().find(|s| s.join(SESSION[0]).is_file()).unwrap();
    let drafts = session.join("drafts.json");
    let half = r#"{"merge":["mine","theirs","both",null,null,null,null]}"#;
    fs::write(&drafts, format!(r#"{{"schema":1,"drafts":{{"{SEVEN}":{half}}}}}"#)).unwrap();
    let mut wizard = world.open(&[]);
    wizard.see(&["3 hunks of seven.md"]);
    wizard.press("r");
    wizard.see(&["3 of 7 resolved", "4 hunks open"]);
    assert!(!drafts.exists(), "it is in the session now");
    wizard.press("1");
    wizard.see(&["3 hunks open"]);
    common::eventually("the next choice is saved", || saved().any(|text| text.contains(r#""both","mine",null"#)));
    wizard.kill();
    let mut wizard = world.open(&[]);
    wizard.see(&["4 hunks of seven.md"]);
    wizard.press("r");
    wizard.see(&["4 of 7 resolved", "3 hunks open"]);
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
    common::eventually("the rule is noted", || noted("\"rules\":[[false"));
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
