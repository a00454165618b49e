//! Where the new release is tried: at the install's own place also for a plain user, else in a copy, else not at all; and what
//! the user does meanwhile.

use std::fs;
use std::os::unix::fs::lchown;
use std::process::{Command, Stdio};

use pos_upgrade_tui::host::process::proc;
use serde_json::json;

use crate::common::ext::{is_root, skipped};
use crate::common::mounts::Mount;
use crate::common::terminal::Terminal;
use crate::common::{assert_same, eventually, snapshot, text, tools};
use crate::server::rehearsal::bad;
use crate::server::world::{Upgraded, World};

const HERE: &str = "the new release starts and answers here";
const COPY: &str = "the new release starts and answers in a copy: ";

impl World {
    /// Like [`World::rehearsed_upgrade`], where there can be no view.
    fn upgraded_in_a_copy(&self) -> Upgraded {
        let source = self.source.to_str().unwrap();
        let mut command = self.rehearsing(&["upgrade", "--json", "--yes", "--on-conflict", "fail", "--source", source]);
        Upgraded::of(&command.env("POS_WITHOUT", "views").output().unwrap())
    }

    /// Upgrades, and says how the release was tried; then all goes back.
    fn tried(&self) -> String {
        let done = self.rehearsed_upgrade(&[]);
        assert_eq!(done.code, 0, "{}", done.said);
        let (outcome, detail) = done.task("rehearsal");
        self.nothing_left();
        let back = self.rehearsing(&["rollback", "--yes"]).output().unwrap();
        assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
        format!("{outcome}: {detail}")
    }
}

#[test]
fn in_a_copy_where_there_are_no_private_mounts() {
    let Some(world) = World::running() else { return };
    for (switches, word) in bad() {
        world.release(&switches);
        let done = world.refused_by(|| world.upgraded_in_a_copy(), &[word, "was tried, and does not work here"]);
        // Its paths are the install's, and the log that is named is there.
        assert!(!done.message().contains("/rehearsal/"), "{}", done.message());
        let named = done.message();
        let words = named.split_whitespace().map(|word| word.trim_end_matches(','));
        let log = words.into_iter().find(|word| word.ends_with("rehearsal.log")).expect(&named);
        assert!(fs::read_to_string(log).unwrap().len() > 10, "{log}");
    }
    world.release(&json!({}));
    let (done, answers) = world.asked_meanwhile(|| world.upgraded_in_a_copy());
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.task("rehearsal"), ("done".into(), format!("{COPY}no private mounts here")), "{}", done.said);
    assert!(!answers.is_empty() && answers.iter().all(|answered| *answered), "{answers:?}");
    assert!(done.said.contains("was tried in a copy of the install before anything changed, and works"));
    assert!(tools(&world.install).unwrap().contains(&"list_standards".to_owned()));
    world.nothing_left();
}

#[test]
fn a_plain_user_tries_it_in_place_and_another_group_leads_to_a_copy() {
    let Some(mut world) = World::of_a_plain_user() else { return };
    world.start();
    for (switches, word) in bad() {
        world.release(&switches);
        world.refused_by(|| world.rehearsed_upgrade(&[]), &[word]);
    }
    world.release(&json!({}));
    let before = snapshot(&world.install);
    let (said, answers) = world.asked_meanwhile(|| world.tried());
    assert_eq!(said, format!("done: {HERE}"));
    assert!(!answers.is_empty() && answers.iter().all(|answered| *answered), "{answers:?}");
    assert_same(&before, &snapshot(&world.install));
    if is_root() {
        lchown(world.install.join("standards/universal/naming.md"), Some(65534), Some(60001)).unwrap();
        let said = world.tried();
        assert!(said.starts_with(&format!("done: {COPY}")) && said.contains("has another owner or group"), "{said}");
    }
}

#[test]
fn odd_places() {
    // A colon can't be: Python itself would take it for the end of a path.
    let Some(world) = World::named("a, b\\c", "-al") else { return };
    world.release(&json!({}));
    assert_eq!(world.tried(), format!("done: {HERE}"));

    let file = world.install.join("config.json");
    fs::write(&file, json!({"rag": {"index_path": "elsewhere/index"}}).to_string()).unwrap();
    if !world.tried().contains("the search index lies outside of the install") {
        panic!("an index outside must not be written to");
    }
    fs::remove_file(&file).unwrap();
    if !is_root() {
        return skipped("only root may mount");
    }
    // Mounts of a shared tree would be seen by all.
    let source = world.source.to_str().unwrap();
    let upgrade = world.rehearsing(&["upgrade", "--yes", "--source", source]);
    let mut shared = Command::new("unshare");
    shared.args(["--mount", "--propagation", "shared", "sh", "-c", "\"$@\" && cat /proc/self/mountinfo", "sh"]);
    shared.arg(upgrade.get_program()).args(upgrade.get_args()).stdin(Stdio::null());
    for (name, value) in upgrade.get_envs() {
        match value {
            Some(value) => shared.env(name, value),
            None => shared.env_remove(name),
        };
    }
    let (code, said) = text(&shared.output().unwrap());
    assert!(code == 0 && said.contains(HERE), "{said}");
    assert!(!said.lines().any(|line| line.contains(".praxis-os") && line.contains("overlay")), "{said}");
    assert_eq!(text(&world.run(&["rollback", "--yes"])).0, 0);

    let cache = world.install.join(".cache");
    let elsewhere = world.sandbox.path().join("cache");
    fs::create_dir_all(&cache).unwrap();
    fs::create_dir_all(&elsewhere).unwrap();
    let mount = Mount::by(&cache, "mount", &["--bind", elsewhere.to_str().unwrap()]).unwrap();
    let said = world.tried();
    assert!(said.starts_with(&format!("done: {COPY}")) && said.contains(".cache is a mount"), "{said}");
    drop(mount);
}

/// What is edited while the release is tried is never written over; a page of one's own is in the index afterwards.
#[test]
fn what_the_user_does_meanwhile() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"slow_start": 2}));
    let upgrade = |meanwhile: &dyn Fn()| {
        let source = world.source.to_str().unwrap();
        let mut command =
            world.rehearsing(&["upgrade", "--json", "--yes", "--on-conflict", "fail", "--source", source]);
        let mut running = crate::common::ext::started_until(&mut command, |e| {
            e["event"] == "task_started" && e["task"] == "rehearsal"
        });
        meanwhile();
        let code = running.0.wait().unwrap().code();
        (code, text(&world.run(&["history", "--json"])).1)
    };
    let changed = world.install.join("mcp_server/tools.py");
    let text_before = fs::read_to_string(&changed).unwrap();
    let edited = format!("{text_before}\n# mine\n");
    let (code, said) = upgrade(&|| fs::write(world.install.join("mcp_server/switches.json"), "{ }").unwrap());
    assert_eq!(code, Some(4), "what the plan is about was changed: {said}");
    assert_eq!(fs::read_to_string(world.install.join("mcp_server/switches.json")).unwrap(), "{ }");
    fs::write(world.install.join("mcp_server/switches.json"), "{}\n").unwrap();
    let own = world.install.join("standards/mine.md");
    let gone = world.install.join("standards/gone.md");
    fs::write(&gone, "# Zebras in the attic\n\nThey stay there.\n").unwrap();
    let (code, said) = upgrade(&|| {
        fs::write(&own, "# Quarrelsome giraffes\n\nThey never agree.\n").unwrap();
        fs::remove_file(&gone).unwrap();
        fs::write(&changed, &edited).unwrap();
    });
    // The server's code was not part of the plan: nobody else changed it.
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(fs::read_to_string(&changed).unwrap(), edited);
    assert!(own.exists() && !gone.exists());
    eventually("the page of one's own is found", || world.finds("quarrelsome giraffes").contains("giraffes"));
    assert!(!world.finds("zebras in the attic").contains("They stay there"));
    world.nothing_left();
}

/// The editor's server is not disturbed, and nothing is started beside it in the live install.
#[test]
fn a_server_of_an_editor_is_not_disturbed() {
    let Some(mut world) = World::new() else { return };
    let mut editor = world.server_over("dual").stdin(Stdio::piped()).spawn().unwrap();
    let held = editor.stdin.take();
    let pid = world.adopt(editor);
    let state = world.install.join(".mcp_server_state.json");
    let before = (fs::read(&state).unwrap(), fs::metadata(&state).unwrap().modified().unwrap());
    world.release(&json!({}));
    let (done, answers) = world.asked_meanwhile(|| world.rehearsed_upgrade(&[]));
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.task("rehearsal"), ("done".into(), HERE.into()), "{}", done.said);
    assert_eq!(done.evidence(3)["server_restarted"], "not_applicable: an editor owns the server");
    let proven = "proven by the rehearsal; the running server is left alone";
    for task in ["start_server", "health", "tools", "smoke"] {
        assert_eq!(done.task(task), ("not_applicable".into(), proven.into()), "{}", done.said);
    }
    assert!(answers.len() > 10 && answers.iter().all(|answered| *answered), "{answers:?}");
    assert_eq!((fs::read(&state).unwrap(), fs::metadata(&state).unwrap().modified().unwrap()), before);
    assert!(proc::look(pid).is_some());
    let back = world.rehearsing(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    drop(held);
    eventually("it ends with its editor", || proc::look(pid).is_none());
}

/// Who is there is asked, after a kill too: to try again, to switch nevertheless, or to give up.
#[test]
fn a_person_is_asked_when_it_fails() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"exit_at_once": "no luck with numpy"}));
    let (before, old) = (world.exact(), world.state()["pid"].clone());
    let home = world.sandbox.path().join("home");
    let [source, project] = [&world.source, &world.project].map(|path| path.to_str().unwrap());
    let open = || Terminal::start(&home, &["--source", source, "--project", project]);
    let mut wizard = open();
    wizard.see(&["preview", "Before anything changes, the new release is tried here.", "Enter start"]);
    wizard.press("\r");
    let asked = ["does not work here", "no luck with numpy", "r  Try again", "c  Switch anyway", "R  Give up"];
    wizard.see(&asked);
    wizard.press("r");
    wizard.see(&["Only a trial"]);
    wizard.see(&asked);
    // Without a chance to save anything.
    let pid = rustix::process::Pid::from_raw(wizard.pid()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    drop(wizard);
    let mut wizard = open();
    wizard.see(&["An upgrade waits for an answer."]);
    wizard.press("r");
    wizard.see(&asked);
    wizard.press("R");
    wizard.see(&["nothing in the install was changed", "Enter leave"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 4);
    assert!(world.exact() == before && world.state()["pid"] == old);
    world.nothing_left();
    let mut wizard = open();
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&asked);
    wizard.press("c");
    // Found out after the switch, and taken back.
    wizard.see(&["Rolled back", "Enter leave"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 5);
    assert!(tools(&world.install).is_some(), "the old server answers");
}

/// The person's own answer may be what does not work: the conflicts are asked again, with the answers as they are.
#[test]
fn answers_are_changed_when_it_fails() {
    let Some(world) = World::new() else { return };
    let file = world.install.join("mcp_server/switches.json");
    fs::write(&file, "{\"needs\": []}\n").unwrap();
    world.release(&json!({"needs": ["SOMETHING_NOBODY_HAS"]}));
    let home = world.sandbox.path().join("home");
    let [source, project] = [&world.source, &world.project].map(|path| path.to_str().unwrap());
    let mut wizard = Terminal::start(&home, &["--source", source, "--project", project]);
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["switches.json", "t take"]);
    wizard.press("tF");
    let asked = ["does not work here", "SOMETHING_NOBODY_HAS is not set", "a  Change answers"];
    wizard.see(&asked);
    wizard.press("a");
    wizard.see(&["switches.json", "k keep"]);
    wizard.press("F");
    wizard.see(&asked);
    wizard.press("a");
    wizard.see(&["switches.json", "k keep"]);
    wizard.press("kF");
    wizard.see(&["Upgraded", "Enter leave"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"needs\": []}\n");
    world.nothing_left();
}
