//! Saved plans, standing rules and remembered answers, on the built binary.

use crate::common;
use std::collections::BTreeMap;
use std::fs;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, assert_same, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;

const GIT_SAFETY: &str = "standards/universal/ai-safety/git-safety.md";
const RACES: &str = "standards/universal/concurrency/race-conditions.md";
const README: &str = "standards/universal/documentation/readme-guide.md";

#[test]
fn a_saved_plan_is_applied_as_long_as_nothing_changed() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let planned = sandbox.run(&["plan", "--json", "--project", project, "--source", source]);
    let file = sandbox.path().join("plan.json");
    fs::write(&file, &planned.stdout).unwrap();
    let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--plan", file.to_str().unwrap()];

    let touched = demo.install.join(GIT_SAFETY);
    let bytes = fs::read(&touched).unwrap();
    fs::write(&touched, "edited after the plan was made\n").unwrap();
    let before = snapshot(&demo.install);
    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains(GIT_SAFETY), "{said}");
    assert_same(&before, &snapshot(&demo.install));
    fs::write(&touched, bytes).unwrap();

    fs::write(demo.source.join("scripts/new.py"), "x = 1\n").unwrap();
    common::git(&demo.source, &["add", "-A"]);
    common::git(&demo.source, &["commit", "-qm", "Add a script"]);
    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("the source changed"), "{said}");
    common::git(&demo.source, &["reset", "-q", "--hard", "HEAD~1"]);

    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 0, "{said}");
    fs::write(&file, "{}").unwrap();
    assert_eq!(text(&sandbox.run(&upgrade)).0, 2, "not a plan");
}

#[test]
fn standing_rules_settle_conflicts_and_are_named() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let rules = r#"{"always_keep": ["standards/universal/ai-safety/**"], "always_take": ["**/*.md"]}"#;
    fs::write(demo.install.join("upgrade.json"), rules).unwrap();
    let (kept, mine) = (fs::read(demo.install.join(GIT_SAFETY)).unwrap(), fs::read(demo.install.join(RACES)).unwrap());
    let output = sandbox.run(&["upgrade", "--yes", "--project", project, "--source", source]);
    let (code, said) = text(&output);
    assert_eq!(code, 0, "nothing is left to ask: {said}");
    assert!(said.contains("your rule always_keep \"standards/universal/ai-safety/**\""), "{said}");
    assert!(said.contains("your rule always_take \"**/*.md\""), "{said}");
    assert_eq!(fs::read(demo.install.join(GIT_SAFETY)).unwrap(), kept);
    assert_ne!(fs::read(demo.install.join(RACES)).unwrap(), mine);
    fs::write(demo.install.join("upgrade.json"), r#"{"always_keep": ["standards/[" ]}"#).unwrap();
    let (code, said) = text(&sandbox.run(&["plan", "--project", project, "--source", source]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("always_keep"), "{said}");
}

/// Nobody has to be there: what both sides changed stays the user's, and waits for `resolve`.
#[test]
fn all_conflicts_can_be_put_off() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let mine = fs::read(demo.install.join(GIT_SAFETY)).unwrap();
    let park = ["upgrade", "--yes", "--on-conflict", "park", "--json", "--project", project, "--source", source];
    let output = sandbox.run(&park);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert_eq!(fs::read(demo.install.join(GIT_SAFETY)).unwrap(), mine);
    assert_eq!(estimates(&output.stdout), [30, 20, 45, 60, 30, 15], "nothing is known of this install");
    let (code, said) = text(&sandbox.run(&["status", "--project", project]));
    assert_eq!(code, 10, "{said}");
    assert!([GIT_SAFETY, RACES, README].iter().all(|path| said.contains(path)), "{said}");

    // The setting does the same in the wizard, and says so before anything is approved.
    assert_eq!(text(&sandbox.run(&["rollback", "--yes", "--project", project])).0, 0);
    fs::write(demo.install.join("upgrade.json"), r#"{"interactive_conflicts": false}"#).unwrap();
    let home = sandbox.path().join("home");
    let mut wizard = Terminal::start(&home, &["--project", project, "--source", source]);
    wizard.see(&["preview", "3 are settled", "chose: put off"]);
    wizard.press("\r");
    wizard.see(&["report", "Enter leave"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 0);
    assert_eq!(fs::read(demo.install.join(GIT_SAFETY)).unwrap(), mine);
    assert_eq!(text(&sandbox.run(&["status", "--project", project])).0, 10);

    // By now it is known how long it takes.
    assert_eq!(text(&sandbox.run(&["rollback", "--yes", "--project", project])).0, 0);
    let took = estimates(&sandbox.run(&park).stdout);
    assert!(took.iter().sum::<u32>() < 100, "{took:?}");
}

fn estimates(stdout: &[u8]) -> Vec<u32> {
    let first = stdout.split(|b| *b == b'\n').next().unwrap();
    let first: serde_json::Value = serde_json::from_slice(first).unwrap();
    assert_eq!(first["event"], "session_started");
    first["estimate_seconds"].as_array().unwrap().iter().map(|s| u32::try_from(s.as_u64().unwrap()).unwrap()).collect()
}

/// Answers the three conflicts of the demo, finishes, and says what the install was then.
fn answer_all(mut wizard: Terminal, demo: &Demo, keys: [&str; 3]) -> BTreeMap<String, String> {
    for (path, key) in [GIT_SAFETY, RACES, README].into_iter().zip(keys) {
        wizard.see(&[path, "hunk 1 of"]);
        wizard.press(key);
        wizard.see(&[", whole"]);
        wizard.press("\r");
    }
    wizard.see(&["All 3 are settled"]);
    wizard.press("F");
    wizard.see(&["report", "Upgraded"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 0);
    snapshot(&demo.install)
}

#[test]
fn what_was_answered_once_is_not_asked_again_after_a_rollback() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let home = sandbox.path().join("home");
    let mut wizard = Terminal::start(&home, &["--project", project, "--source", source]);
    wizard.see(&["preview", "Enter start"]);
    assert!(!wizard.text().contains("ask again"), "there is nothing to ask again: {}", wizard.text());
    wizard.press("\r");
    let after = answer_all(wizard, &demo, ["k", "t", "k"]);
    let (code, said) = text(&sandbox.run(&["rollback", "--yes", "--project", project]));
    assert_eq!(code, 0, "{said}");
    let (code, said) = text(&sandbox.run(&["upgrade", "--yes", "--project", project, "--source", source]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("your earlier answer"), "{said}");
    let again = snapshot(&demo.install);
    for path in [GIT_SAFETY, RACES, README] {
        assert_eq!(bytes(&again, path), bytes(&after, path), "{path}");
    }
}

fn bytes(all: &BTreeMap<String, String>, path: &str) -> String {
    all[path].rsplit(' ').next().unwrap().to_owned()
}

/// Whoever thinks better of an answer gets the question back; standing rules are not meant.
#[test]
fn earlier_answers_can_be_asked_again() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let home = sandbox.path().join("home");
    let open = |flags: &[&str]| Terminal::start(&home, &[&["--project", project, "--source", source], flags].concat());
    let mut wizard = open(&[]);
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    let before = answer_all(wizard, &demo, ["k", "t", "k"]);
    assert_eq!(text(&sandbox.run(&["rollback", "--yes", "--project", project])).0, 0);

    let upgrade = ["upgrade", "--yes", "--ask-again", "--project", project, "--source", source];
    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 3, "{said}");
    assert!([GIT_SAFETY, RACES, README].iter().all(|path| said.contains(path)), "{said}");
    fs::write(demo.install.join("upgrade.json"), r#"{"always_keep": ["**/git-safety.md"]}"#).unwrap();
    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 3, "{said}");
    assert!(!said.contains(GIT_SAFETY) && said.contains(RACES), "the rule stands: {said}");
    fs::remove_file(demo.install.join("upgrade.json")).unwrap();

    let mut wizard = open(&["--ask-again"]);
    wizard.see(&["3 need you", "asks about 3 conflicts", "a answer as before"]);
    wizard.press("q");
    wizard.end();
    let mut wizard = open(&[]);
    wizard.see(&["3 are settled", "earlier answers", "a ask again", "Enter makes a backup, then does this"]);
    wizard.press("a");
    wizard.see(&["3 need you", "asks about 3 conflicts", "a answer as before"]);
    wizard.press("a");
    wizard.see(&["3 are settled", "Enter makes a backup, then does this"]);
    // What an answer comes to is shown: the first was kept, the second taken.
    wizard.press("d");
    wizard.see(&["git-safety.md", "what will be written", "Your text stays as it is."]);
    wizard.press("q");
    wizard.see(&["Enter start"]);
    wizard.press("\x1b[B");
    wizard.press("d");
    wizard.see(&["race-conditions.md", "what will be written", "-"]);
    wizard.press("q");
    wizard.see(&["Enter start"]);
    wizard.press("a");
    wizard.see(&["asks about 3 conflicts"]);
    wizard.press("d");
    wizard.see(&["race-conditions.md", "what the source changed (base → theirs)"]);
    wizard.press("q");
    wizard.see(&["Enter start"]);
    wizard.press("a");
    wizard.see(&["3 are settled"]);
    wizard.press("a");
    wizard.see(&["asks about 3 conflicts"]);
    wizard.press("\r");
    let after = answer_all(wizard, &demo, ["t", "k", "k"]);
    for (path, same) in [(GIT_SAFETY, false), (RACES, false), (README, true)] {
        assert_eq!(bytes(&after, path) == bytes(&before, path), same, "{path}");
    }

    // What was answered last is what is remembered.
    assert_eq!(text(&sandbox.run(&["rollback", "--yes", "--project", project])).0, 0);
    let (code, said) = text(&sandbox.run(&["upgrade", "--yes", "--project", project, "--source", source]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(bytes(&snapshot(&demo.install), RACES), bytes(&after, RACES));
}
