//! What is typed or pasted before a screen or a question stands on the terminal never answers it: on terminals
//! that answer and such that don't, on slow lines, and on those that stand still for a while.

use std::fs;
use std::time::Duration;

use crate::common::terminal::{Manners, Terminal};
use crate::common::{Sandbox, assert_same, eventually, snapshot};
use pos_upgrade_tui::host::demo::Demo;

/// Every key that answers something somewhere, and a paste with such keys in it. None that leaves: while the source is
/// checked that is meant.
const EVERYTHING: &str = "\rykFtDR\r.mpcl\rSr123 i\r\x1b[200~y\rF\r\x1b[201~\r";

const TERMINALS: [(&str, Manners); 3] = [
    ("a near one", Manners { answers: true, delay: Duration::ZERO }),
    ("a slow line", Manners { answers: true, delay: Duration::from_millis(400) }),
    ("one that never answers", Manners { answers: false, delay: Duration::ZERO }),
];

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        Self { sandbox, demo }
    }

    fn open(&self, manners: Manners) -> Terminal {
        let (project, source) = (self.demo.project.to_str().unwrap(), self.demo.source.to_str().unwrap());
        let arguments = ["--project", project, "--source", source];
        let command = Terminal::command(&self.sandbox.path().join("home"), &arguments);
        Terminal::run_on(command, 80, 24, manners)
    }

    fn sessions(&self) -> usize {
        let Ok(all) = fs::read_dir(self.demo.install.join(".upgrade")) else { return 0 };
        all.flatten().filter(|e| e.path().join("session.json").exists()).count()
    }
}

/// What comes up after a while is seen by the terminal a while later, and known to be by us again later. For a terminal
/// that has just been started and does not answer, that is a second.
fn settle(manners: Manners) {
    let first = if manners.answers { 400 } else { 1_500 };
    std::thread::sleep(Duration::from_millis(first) + manners.delay * 3);
}

#[test]
fn no_screen_is_answered_before_it_is_shown() {
    let mut moments = 0;
    for (what, manners) in TERMINALS {
        let world = World::new();
        let before = snapshot(&world.demo.install);
        // From the very start on, until the plan is shown.
        let mut wizard = world.open(manners);
        while !wizard.text().contains("Enter start") {
            wizard.press(EVERYTHING);
            moments += 1;
            std::thread::sleep(Duration::from_millis(15));
        }
        settle(manners);
        wizard.see(&["preview", "Enter start"]);
        assert_eq!(world.sessions(), 0, "{what}: the upgrade was started unseen");
        // The screen stands still for the person while the program goes on: Enter, and all else behind it.
        wizard.press("\r");
        wizard.see(&["conflict 1 of 3", "3 hunks open"]);
        settle(manners);
        assert_eq!(world.sessions(), 1);
        wizard.press("q");
        assert_eq!(wizard.end(), 130, "{what}");
        // The unfinished session: resumed, discarded and rolled back by none of it.
        let mut wizard = world.open(manners);
        while !wizard.text().contains("unfinished") {
            wizard.press(EVERYTHING);
            moments += 1;
            std::thread::sleep(Duration::from_millis(15));
        }
        settle(manners);
        wizard.see(&["unfinished", "r  resume"]);
        assert_same(&before, &snapshot(&world.demo.install));
        // A question that a key brings up, and what was typed with that key.
        wizard.press("Dy\ry");
        wizard.see(&["Forget this session?"]);
        settle(manners);
        assert_eq!(world.sessions(), 1);
        assert!(!wizard.text().contains("Discarded"), "{what}: {}", wizard.text());
        wizard.press("y");
        wizard.see(&["Discarded"]);
        assert_same(&before, &snapshot(&world.demo.install));
    }
    println!("{moments} moments at which everything was typed");
    assert!(moments > 6);
}

#[test]
fn conflicts_that_open_while_the_terminal_stands_still_are_not_answered() {
    for (what, manners) in TERMINALS {
        let world = World::new();
        let mut wizard = world.open(manners);
        wizard.see(&["preview", "Enter start"]);
        settle(manners);
        wizard.press("\r");
        // Nothing is shown from here on, and the person types on.
        wizard.stall(manners.answers);
        let asks = || {
            let sessions = fs::read_dir(world.demo.install.join(".upgrade")).into_iter().flatten().flatten();
            let mut files = sessions.flat_map(|e| ["session.json", "session.1.json"].map(|name| e.path().join(name)));
            files.any(|f| fs::read_to_string(f).is_ok_and(|t| t.contains("awaiting_decision")))
        };
        while !asks() {
            wizard.press("kFt\rF");
            std::thread::sleep(Duration::from_millis(20));
        }
        if manners.answers {
            for _ in 0..10 {
                wizard.press("kFt\rFk\rk\rk\rF");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        wizard.stall(false);
        wizard.see(&["conflict 1 of 3", "3 hunks open", "0 of "]);
        settle(manners);
        wizard.see(&["conflict 1 of 3", "3 hunks open", "0 of "]);
        // It listens again, to what is typed now.
        wizard.press("k");
        wizard.see(&["mine, whole"]);
        wizard.press("q");
        assert_eq!(wizard.end(), 130, "{what}");
    }
}

/// The terminal's answer is never left for the shell, which would take it for keys.
#[test]
fn no_answer_is_left_behind() {
    for (what, manners) in TERMINALS {
        let world = World::new();
        let mut command = Terminal::command(&world.sandbox.path().join("home"), &[]);
        let argv = command.get_argv_mut();
        let binary = argv[0].clone().into_string().unwrap();
        *argv = ["bash", "--norc", "--noprofile", "-i"].map(Into::into).to_vec();
        command.env("PS1", "READY> ");
        let mut shell = Terminal::run_on(command, 80, 24, manners);
        shell.see(&["READY>"]);
        let (project, source) = (world.demo.project.to_str().unwrap(), world.demo.source.to_str().unwrap());
        shell.press(&format!("{binary} --project {project} --source {source}\r"));
        shell.see(&["preview", "Enter start"]);
        settle(manners);
        for _ in 0..2 {
            shell.press("\x1a");
            shell.see(&["Stopped", "READY>"]);
            // With keys behind it that the shell leaves to whom it gives the terminal.
            shell.press("clear; fg\r\r\r\r");
            shell.see(&["preview", "Enter start"]);
            settle(manners);
            shell.see(&["preview", "Enter start"]);
            assert_eq!(world.sessions(), 0, "{what}: started before it was seen again");
        }
        shell.press("q");
        eventually("the prompt is back", || shell.text().trim_end().ends_with("READY>"));
        settle(manners);
        assert!(shell.text().trim_end().ends_with("READY>"), "{what}: {}", shell.text());
        shell.press("exit\r");
        shell.end();
    }
}
