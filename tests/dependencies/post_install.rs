//! Steps after installation: data in the product, a package of ours in playwright's place.

use std::fs;

use crate::common::terminal::Terminal;
use crate::common::text;
use crate::dependencies::world::{World, package};

/// A playwright whose installation does what a file says, and whose browser is another file.
pub fn playwright(world: &World) -> (std::path::PathBuf, std::path::PathBuf) {
    let (works, browser) = (world.sandbox.path().join("works"), world.sandbox.path().join("chromium"));
    let main = format!(
        "import os, sys\nassert sys.argv[1:] == ['install', 'chromium'], sys.argv\n\
         print('Downloading Chromium 143.0 (playwright build v1200) - 169.8 MiB from https://x.invalid')\n\
         if not os.path.exists({works:?}):\n    sys.exit('getaddrinfo ENOTFOUND x.invalid')\nopen({browser:?}, 'w')\n"
    );
    let api = format!(
        "class sync_playwright:\n    def __enter__(self): return self\n    def __exit__(self, *_): pass\n\
         \x20   class chromium: executable_path = {browser:?}\n"
    );
    let files = serde_json::json!({
        "playwright/__init__.py": "", "playwright/__main__.py": main, "playwright/sync_api.py": api,
    });
    package(&world.wheels(), serde_json::json!({"name": "playwright", "version": "1.50.0", "files": files}));
    world.release("playwright>=1.40.0\n");
    (works, browser)
}

#[test]
fn a_step_is_run_once_and_seen_to_be_done_afterwards() {
    let world = World::new();
    let (works, browser) = playwright(&world);
    fs::write(works, "").unwrap();
    let said = world.upgrade(&[]);
    said.assert_done();
    assert!(browser.exists());
    let step = &said.evidence(3)["post_install_steps"][0];
    let expected = serde_json::json!({
        "command": "playwright install chromium", "status": "success", "size_downloaded": "169.8 MiB",
    });
    assert_eq!(step, &expected);
    fs::write(world.demo.source.join("scripts/new.py"), "").unwrap();
    world.release("");
    let again = world.upgrade(&[]);
    again.assert_done();
    assert_eq!(again.evidence(3)["post_install_steps"][0]["status"], "already satisfied", "{}", again.all);
}

#[test]
fn one_that_fails_changes_nothing_without_a_terminal_unless_that_is_allowed() {
    let world = World::new();
    playwright(&world);
    let said = world.upgrade(&[]);
    world.assert_failed(&said, &["playwright install chromium failed", "getaddrinfo ENOTFOUND x.invalid"]);
    assert!(said.finished()["next"].as_str().unwrap().contains("--allow-post-install-failure"), "{}", said.all);
    assert_eq!(said.finished()["code"], "POS-E0705");
    let asked = said.events.iter().find(|e| e["event"] == "question_asked").unwrap_or_else(|| panic!("{}", said.all));
    let ways: Vec<_> = asked["choices"].as_array().unwrap().iter().map(|c| c["way"].as_str().unwrap()).collect();
    assert_eq!((ways, &asked["unattended"]), (vec!["retry", "go_on", "roll_back"], &"roll_back".into()));
    let answered = said.events.iter().find(|e| e["event"] == "question_answered").unwrap();
    assert_eq!((&answered["id"], &answered["way"]), (&asked["id"], &"roll_back".into()));

    let allowed = world.upgrade(&["--allow-post-install-failure"]);
    allowed.assert_done();
    assert_eq!(allowed.task("post_install").0, "warning", "{}", allowed.all);
    assert_eq!(allowed.evidence(3)["post_install_steps"][0]["status"], "failed");
    let report = allowed.finished()["report"].to_string();
    assert!(report.contains("went on without playwright install chromium"), "{report}");
}

fn open(world: &World) -> Terminal {
    let demo = &world.demo;
    let arguments = ["--project", demo.project.to_str().unwrap(), "--source", demo.source.to_str().unwrap()];
    Terminal::start(&world.sandbox.path().join("home"), &arguments)
}

#[test]
fn a_person_is_asked_and_the_question_outlives_a_kill() {
    let world = World::new();
    let (works, browser) = playwright(&world);
    let mut wizard = open(&world);
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["playwright install chromium failed", "getaddrinfo", "r  Retry", "c  Continue", "R  Give up"]);
    // Without a chance to save anything.
    let pid = rustix::process::Pid::from_raw(wizard.pid()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    drop(wizard);
    let status = world.command(&["status"]).output().unwrap();
    let (code, said) = text(&status);
    assert!(code == 10 && said.contains("waiting for a decision"), "{said}");
    let mut wizard = open(&world);
    wizard.see(&["An upgrade waits for an answer.", "playwright install chromium failed"]);
    wizard.press("r");
    wizard.see(&["playwright install chromium failed", "r  Retry"]);
    // Tried again, with the same result: asked again.
    wizard.press("r");
    wizard.see(&["waits for your answer"]);
    fs::write(works, "").unwrap();
    wizard.see(&["r  Retry"]);
    wizard.press("r");
    wizard.see(&["Upgraded", "Enter leave"]);
    assert!(browser.exists());
    wizard.press("\r");
    assert_eq!(wizard.end(), 0);
}

#[test]
fn a_person_goes_on_without_it_or_back() {
    let world = World::new();
    playwright(&world);
    let mut wizard = open(&world);
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["R  Give up"]);
    wizard.press("R");
    wizard.see(&["nothing in the install was changed", "Enter leave"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 4);
    world.assert_as_before();
    std::thread::sleep(std::time::Duration::from_millis(1100));

    let mut wizard = open(&world);
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["c  Continue"]);
    wizard.press("c");
    wizard.see(&["Upgraded", "Enter leave"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 0);
}
