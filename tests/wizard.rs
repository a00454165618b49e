//! The wizard by keyboard on a pseudo-terminal, on the demo: real git, venv, pip and MCP server.

use crate::common;
use std::fs;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, assert_same, snapshot, text, tools};
use pos_upgrade_tui::host::demo::Demo;

const ENTER: &str = "\r";
const GIT_SAFETY: &str = "standards/universal/ai-safety/git-safety.md";
const RACES: &str = "standards/universal/concurrency/race-conditions.md";
const README: &str = "standards/universal/documentation/readme-guide.md";

fn open(sandbox: &Sandbox, demo: &Demo) -> Terminal {
    let arguments = ["--project", demo.project.to_str().unwrap(), "--source", demo.source.to_str().unwrap()];
    Terminal::start(&sandbox.path().join("home"), &arguments)
}

fn theirs(demo: &Demo, path: &str) -> Vec<u8> {
    let source = path.replacen("standards/universal", "universal/standards", 1);
    (common::git(&demo.source, &["cat-file", "blob", &format!("HEAD:{source}")]) + "\n").into_bytes()
}

/// The new release's server takes its time to start.
fn starts_slowly(demo: &Demo) {
    let main = demo.source.join("mcp_server/__main__.py");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(main, format!("import time\ntime.sleep(4)\n{text}")).unwrap();
    common::git(&demo.source, &["commit", "-qam", "Take your time"]);
}

/// From the preview to the first conflict.
fn approve(wizard: &mut Terminal) {
    wizard.see(&["preview", "3 need you", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 1 of 3", GIT_SAFETY]);
}

/// The three conflicts: the first merged hunk by hunk, the second kept, the third taken.
fn answer_all(wizard: &mut Terminal) {
    wizard.see(&["conflict 1 of 3", "3 hunks open"]);
    wizard.press("1");
    wizard.see(&["2 hunks open"]);
    wizard.press("2");
    wizard.see(&["1 hunk open"]);
    wizard.press("3");
    wizard.see(&["Every hunk is settled"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 2 of 3", RACES]);
    wizard.press("k");
    wizard.see(&["Enter accepts"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 3 of 3", README]);
    wizard.press("t");
    wizard.see(&["All 3 are settled"]);
    wizard.press("F");
}

fn finished(demo: &Demo, wizard: Terminal) {
    wizard.see(&["report", "Upgraded"]);
    let mut wizard = wizard;
    wizard.press(ENTER);
    assert_eq!(wizard.end(), 0);
    let tools = tools(&demo.install).expect("the server answers");
    assert!(tools.contains(&"list_standards".to_owned()), "{tools:?}");
}

#[test]
fn an_upgrade_by_keyboard_with_a_keep_a_take_and_a_merge() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let kept = fs::read(demo.install.join(RACES)).unwrap();
    let mine = fs::read_to_string(demo.install.join(GIT_SAFETY)).unwrap();
    let before = snapshot(&demo.install);
    let mut wizard = open(&sandbox, &demo);
    wizard.see(&["preview", "Enter start"]);
    // Keys without a use here do nothing.
    wizard.press("zZ0123kt");
    wizard.press("?");
    wizard.see(&["Esc closes"]);
    wizard.press("\u{1b}");
    wizard.see(&["Enter start"]);
    assert_same(&before, &snapshot(&demo.install));
    approve(&mut wizard);
    answer_all(&mut wizard);
    finished(&demo, wizard);
    assert_eq!(fs::read(demo.install.join(RACES)).unwrap(), kept, "kept");
    assert_eq!(fs::read(demo.install.join(README)).unwrap(), theirs(&demo, README), "taken");
    let merged = fs::read_to_string(demo.install.join(GIT_SAFETY)).unwrap();
    let their_text = String::from_utf8(theirs(&demo, GIT_SAFETY)).unwrap();
    let line = |text: &str, words: &str| text.lines().find(|l| l.contains(words)).map(str::to_owned);
    assert_eq!(line(&merged, "Begin the subject"), line(&mine, "Begin the subject"), "hunk 1 is mine");
    assert_eq!(line(&merged, "`<kind>/<task>`"), line(&their_text, "`<kind>/<task>`"), "hunk 2 is theirs");
    assert!(line(&merged, "`SHOP-123-sort-orders`").is_none(), "hunk 2 is not mine");
    assert!(merged.contains("run `make check`") && merged.contains("read `git log @{upstream}..`"), "hunk 3 is both");
}

#[test]
fn leaving_at_the_preview_changes_nothing() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let before = snapshot(&demo.install);
    let mut wizard = open(&sandbox, &demo);
    wizard.see(&["preview", "Enter start"]);
    // What merges by itself can be looked at, as it will be written.
    wizard.press("\t\t");
    wizard.see(&["test-pyramid.md", "none overlap"]);
    wizard.press("d");
    wizard.see(&["what will be written (mine → result)", "+"]);
    wizard.press("\u{1b}");
    wizard.see(&["Enter start (will ask 3)"]);
    wizard.press("q");
    assert_eq!(wizard.end(), 0);
    assert_same(&before, &snapshot(&demo.install));
    assert!(!demo.install.join(".upgrade").exists());
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn killed_in_phase_2_and_resumed_without_asking_again() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let mut wizard = open(&sandbox, &demo);
    approve(&mut wizard);
    wizard.press("k");
    wizard.see(&["Enter accepts"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 2 of 3"]);
    // The answer is saved by the engine, which the screen does not wait for.
    common::eventually("the answer is saved", || {
        let status = fs::read_dir(demo.install.join(".upgrade")).unwrap().flatten();
        status
            .flat_map(|e| fs::read_dir(e.path()).into_iter().flatten().flatten())
            .any(|f| fs::read_to_string(f.path()).is_ok_and(|t| t.contains(&format!("\"{GIT_SAFETY}\":\"keep\""))))
    });
    wizard.kill();

    let mut wizard = open(&sandbox, &demo);
    wizard.see(&["unfinished", "1 of 3", "r  resume", "D  discard"]);
    wizard.press("r");
    wizard.see(&["conflict 2 of 3", RACES]);
    wizard.press("k");
    wizard.see(&["Enter accepts"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 3 of 3", README]);
    wizard.press("k");
    wizard.see(&["5 of 5 resolved", "F finish"]);
    wizard.press("F");
    finished(&demo, wizard);
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn killed_in_phase_3_and_resumed() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    starts_slowly(&demo);
    let mut wizard = open(&sandbox, &demo);
    approve(&mut wizard);
    answer_all(&mut wizard);
    wizard.see(&["3 MCP Server Upgrade", "▸ start the server"]);
    wizard.kill();
    let mut wizard = open(&sandbox, &demo);
    wizard.see(&["unfinished", "3 of 0-5", "r  resume"]);
    assert!(!wizard.text().contains("discard"), "something was applied:\n{}", wizard.text());
    wizard.press("D");
    wizard.press("r");
    finished(&demo, wizard);
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn killed_in_phase_3_and_rolled_back() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    starts_slowly(&demo);
    let before = snapshot(&demo.install);
    let old_tools = tools(&demo.install);
    let mut wizard = open(&sandbox, &demo);
    approve(&mut wizard);
    answer_all(&mut wizard);
    wizard.see(&["3 MCP Server Upgrade", "▸ start the server"]);
    wizard.kill();
    let mut wizard = open(&sandbox, &demo);
    wizard.see(&["unfinished", "R  roll back"]);
    wizard.press("R");
    wizard.see(&["sure?", "y"]);
    wizard.press("y");
    wizard.see(&["report", "back as it was"]);
    wizard.press(ENTER);
    assert_eq!(wizard.end(), 0);
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tools(&demo.install), old_tools);
}

#[test]
fn without_a_terminal_the_wizard_names_the_command_that_needs_none() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let output = sandbox.run(&["--project", demo.project.to_str().unwrap()]);
    let (code, said) = text(&output);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("upgrade"), "{said}");
}

/// The README's picture is what the program shows: `POS_PICTURES=$PWD/screenshots cargo test picture` takes it anew.
#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn the_picture_of_the_running_program_is_current() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let home = sandbox.path().join("home");
    let (project, source) = (home.join("shop"), home.join("praxis-os"));
    fs::rename(&demo.project, &project).unwrap();
    fs::rename(&demo.source, &source).unwrap();
    let arguments = ["--project", project.to_str().unwrap(), "--source", source.to_str().unwrap()];
    let mut wizard = Terminal::sized(&home, &arguments, 100, 30);
    wizard.see(&["preview", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 1 of 3", "hunk 1 of 3", "2 theirs", "? help"]);
    wizard.press("1");
    wizard.see(&["2 hunks open", "Hunk 2:"]);
    // Once more when nothing moves any more.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let picture = wizard.picture();
    wizard.kill();
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots/demo-conflict.svg");
    if std::env::var_os("POS_PICTURES").is_some() {
        fs::write(&committed, &picture).unwrap();
    }
    assert!(fs::read_to_string(&committed).unwrap() == picture, "{} is out of date", committed.display());
}

/// Code of the server that was put off is installed later like any other: stop, swap, start, proven; and taken back.
#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn server_code_that_was_put_off_is_installed_on_a_later_day() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let code = demo.install.join("mcp_server/__init__.py");
    let mine = fs::read_to_string(&code).unwrap().replace("\"1.0.0\"", "\"1.0.0+acme\"");
    assert!(mine.contains("acme"));
    fs::write(&code, &mine).unwrap();
    let park = ["upgrade", "--yes", "--on-conflict", "park", "--project", project, "--source", source];
    let (code_of_exit, said) = text(&sandbox.run(&park));
    assert_eq!(code_of_exit, 0, "{said}");
    let running = || -> serde_json::Value {
        serde_json::from_slice(&fs::read(demo.install.join(".mcp_server_state.json")).unwrap()).unwrap()
    };
    let before = running();
    assert_eq!((before["version"].as_str(), fs::read_to_string(&code).unwrap()), (Some("1.0.0+acme"), mine.clone()));

    let home = sandbox.path().join("home");
    let mut wizard = Terminal::start(&home, &["resolve", "--project", project]);
    wizard.see(&["conflict 1 of 4", "mcp_server/__init__.py", "1.0.0+acme"]);
    let title = wizard.text().lines().next().unwrap().to_owned();
    assert!(!title.contains('→'), "one release, not from one to another: {title}");
    wizard.press("t");
    wizard.see(&["theirs, whole"]);
    for n in 2..=4 {
        wizard.press("\t");
        wizard.see(&[&format!("conflict {n} of 4")]);
        wizard.press("k");
        wizard.see(&["mine, whole"]);
    }
    wizard.press("F");
    wizard.see(&["report", "settled 4 conflicts", "mcp_server/__init__.py: took theirs"]);
    wizard.press(ENTER);
    assert_eq!(wizard.end(), 0);
    let now = running();
    assert_ne!(now["pid"], before["pid"], "the server was started again");
    assert_eq!((now["version"].as_str(), fs::read_to_string(&code).unwrap().contains("1.2.0")), (Some("1.2.0"), true));
    assert!(tools(&demo.install).is_some());

    let (back, said) = text(&sandbox.run(&["rollback", "--yes", "--project", project]));
    assert_eq!(back, 0, "{said}");
    assert_eq!((running()["version"].as_str(), fs::read_to_string(&code).unwrap()), (Some("1.0.0+acme"), mine));
}
