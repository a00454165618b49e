//! What the built binary does to a terminal, and what it survives: idle, resized, suspended, ended, gone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, eventually, git, text};
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::process::proc;
use rustix::process::{Pid, Signal, kill_process};

const ENTER: &str = "\r";

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

    fn home(&self) -> std::path::PathBuf {
        self.sandbox.path().join("home")
    }

    fn arguments(&self) -> [&str; 4] {
        ["--project", self.demo.project.to_str().unwrap(), "--source", self.demo.source.to_str().unwrap()]
    }

    fn open(&self) -> Terminal {
        Terminal::start(&self.home(), &self.arguments())
    }

    /// With more arguments and another environment.
    fn open_with(&self, more: &[&str], environment: &[(&str, &str)]) -> Terminal {
        let mut command = Terminal::command(&self.home(), &[&self.arguments()[..], more].concat());
        environment.iter().for_each(|(name, value)| command.env(name, value));
        Terminal::run(command, 80, 24)
    }

    /// The first conflict, half of it settled.
    fn in_the_middle(&self) -> Terminal {
        let mut wizard = self.open();
        to_the_conflict(&mut wizard);
        wizard.press("1");
        wizard.see(&["2 hunks open"]);
        wizard
    }

    /// The session is saved, can be gone on with, and nobody holds the lock.
    fn is_saved(&self) {
        let output = self.sandbox.run(&["status", "--project", self.demo.project.to_str().unwrap()]);
        let (code, said) = text(&output);
        assert_eq!(code, 10, "{said}");
        assert!(said.contains("resume"), "{said}");
        assert!(!self.demo.install.join(".upgrade-lock").exists(), "{said}");
    }
}

fn to_the_conflict(wizard: &mut Terminal) {
    wizard.see(&["preview", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 1 of 3", "3 hunks open"]);
}

/// Time on a processor so far, in hundredths of a second.
fn ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let behind_name = stat.rsplit(')').next().unwrap();
    behind_name.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// `POS_IDLE` is how many seconds each screen is watched; 10 is what the program promises, 2 tell as much.
#[test]
fn idle_screens_write_nothing_and_use_no_processor() {
    let seconds = std::env::var("POS_IDLE").ok().and_then(|s| s.parse().ok()).unwrap_or(2);
    let world = World::new();
    let mut wizard = world.open();
    let watch = |wizard: &Terminal, what: &str| {
        // What a screen still does when it comes up is over.
        std::thread::sleep(Duration::from_millis(500));
        let (written, used) = (wizard.output().len(), ticks(wizard.pid()));
        std::thread::sleep(Duration::from_secs(seconds));
        let (wrote, used) = (wizard.output().len() - written, ticks(wizard.pid()) - used);
        assert_eq!(wrote, 0, "{what}: bytes written while nothing happened");
        assert!(used <= 1, "{what}: {used} hundredths of a second of processor time");
    };
    wizard.see(&["preview", "Enter start"]);
    watch(&wizard, "preview");
    to_the_conflict(&mut wizard);
    watch(&wizard, "conflict");
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 130);
    let mut wizard = world.open();
    wizard.see(&["unfinished", "r  resume"]);
    watch(&wizard, "unfinished");
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 10);
}

#[test]
fn frames_come_whole() {
    let world = World::new();
    let mut wizard = world.open();
    wizard.see(&["preview", "Enter start"]);
    wizard.press("?");
    wizard.see(&["Esc closes"]);
    let output = || String::from_utf8_lossy(&wizard.output()).into_owned();
    eventually("as many ends as beginnings of frames", || {
        let count = |sequence| output().matches(sequence).count();
        count("\x1b[?2026h") >= 2 && count("\x1b[?2026h") == count("\x1b[?2026l")
    });
    let shown = output();
    // Nothing clears the screen between frames: that is what flickers.
    assert!(shown.matches("\x1b[2J").count() <= 1, "{shown:?}");
    wizard.press("\x1b");
    wizard.see(&["Enter start"]);
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 0);
}

#[test]
fn a_terminal_may_be_resized_at_any_moment() {
    let world = World::new();
    let mut wizard = world.open();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u16| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % u64::from(below)) as u16
    };
    // From the first frame on, also while the engine works and a file is opened.
    let mut storm = |wizard: &Terminal| {
        for _ in 0..60 {
            wizard.resize(1 + random(200), 1 + random(60));
            std::thread::sleep(Duration::from_millis(u64::from(random(12))));
        }
        wizard.resize(80, 24);
    };
    storm(&wizard);
    wizard.see(&["preview", "3 need you", "Enter start"]);
    wizard.press("?");
    storm(&wizard);
    wizard.see(&["Esc closes"]);
    wizard.press("\x1b");
    wizard.see(&["3 need you", "Enter start"]);
    wizard.press(ENTER);
    storm(&wizard);
    wizard.resize(40, 10);
    wizard.see(&["1 of 3", "? help"]);
    wizard.resize(80, 24);
    wizard.see(&["conflict 1 of 3", "3 hunks open", "keep", "? help"]);
    // The whole screen is that of this size, with nothing of the others left on it.
    let shown = wizard.text();
    let other = World::new();
    let mut again = other.open();
    to_the_conflict(&mut again);
    let footer = |text: &str| text.lines().last().map(str::to_owned);
    assert_eq!(footer(&shown), footer(&again.text()));
    assert_eq!(shown.lines().count(), again.text().lines().count());
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 130);
}

#[test]
fn signals_save_the_session_and_give_the_terminal_back() {
    for one in [Signal::TERM, Signal::HUP, Signal::INT] {
        let world = World::new();
        let mut wizard = world.in_the_middle();
        signal(wizard.pid(), one);
        assert_eq!(wizard.end_sane(), 130, "{one:?}");
        assert!(wizard.text().contains("the session is saved"), "{one:?}: {}", wizard.text());
        world.is_saved();
    }
}

/// The window is closed, the connection breaks: the terminal's other end is gone, and reads and writes fail.
#[test]
fn a_terminal_that_vanishes_costs_nothing() {
    let world = World::new();
    let holder = "
import fcntl, os, pty, struct, sys, termios, tty
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
tty.setraw(0)
pty._copy(fd)
";
    let mut command = Terminal::command(&world.home(), &[]);
    let argv = command.get_argv_mut();
    let binary = argv[0].clone();
    *argv = ["python3", "-c", holder].map(Into::into).to_vec();
    argv.push(binary);
    argv.extend(world.arguments().map(Into::into));
    let mut wizard = Terminal::run(command, 80, 24);
    to_the_conflict(&mut wizard);
    let lock = fs::read(world.demo.install.join(".upgrade-lock")).unwrap();
    let lock: serde_json::Value = serde_json::from_slice(&lock).unwrap();
    let pid = lock["pid"].as_i64().unwrap();
    assert_ne!(pid, i64::from(wizard.pid()), "the wizard has a terminal of its own");
    wizard.kill();
    eventually("the wizard ends", || !Path::new(&format!("/proc/{pid}")).exists());
    world.is_saved();
}

/// Ended while a program of the person's has the terminal: that one ends with us, and the terminal is as it was.
#[test]
fn an_editor_is_not_left_behind() {
    let world = World::new();
    let (pid_file, script) = (world.home().join("editor-pid"), world.home().join("slow editor"));
    fs::create_dir_all(world.home()).unwrap();
    fs::write(
        &script,
        format!("#!/bin/sh\ntrap '' HUP\necho $$ > '{0}.new'\nmv '{0}.new' '{0}'\nsleep 60\n", pid_file.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let editor = format!("'{}' --wait", script.display());
    let mut wizard = world.open_with(&[], &[("VISUAL", &editor)]);
    to_the_conflict(&mut wizard);
    wizard.press("e");
    eventually("the editor", || pid_file.exists());
    let pid: u32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let sleeper = proc::descendants(pid);
    signal(wizard.pid(), Signal::TERM);
    assert_eq!(wizard.end_sane(), 130);
    assert!(proc::look(pid).is_none() && sleeper.iter().all(|p| proc::look(*p).is_none()), "{sleeper:?}");
    world.is_saved();
}

/// What only the project's own file asks for is shown, and waits for a yes: a source before it is looked at, a test
/// command before anything is done.
#[test]
fn what_the_projects_own_file_would_run_is_asked_about() {
    let world = World::new();
    let (project, source) = (world.demo.project.to_str().unwrap(), world.demo.source.to_str().unwrap());
    let settings = serde_json::json!({"source_path": source, "test_command": ["touch", "it-ran"]}).to_string();
    fs::write(world.demo.install.join("upgrade.json"), settings).unwrap();
    let mut wizard = Terminal::start(&world.home(), &["--project", project]);
    wizard.see(&["Named by the project's own"]);
    wizard.press(ENTER);
    wizard.see(&["preview", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["May the project's test command run?", "touch it-ran"]);
    let allowed = world.home().join(".local/state/pos-upgrade-tui/allowed.json");
    assert!(!fs::read_to_string(&allowed).unwrap_or_default().contains("touch"), "not before it is answered");
    wizard.press("y");
    wizard.see(&["conflict 1 of 3"]);
    let said = fs::read_to_string(&allowed).unwrap();
    assert!(said.contains("touch") && said.contains(source), "{said}");
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 130);
    // Both are the user's word from now on.
    let arguments = ["rollback", "--yes", "--project", project];
    assert_eq!(world.sandbox.run(&arguments).status.code(), Some(0));
    let mut wizard = Terminal::start(&world.home(), &["--project", project]);
    wizard.see(&["preview", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["conflict 1 of 3"]);
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 130);
    assert!(!world.demo.project.join("it-ran").exists());
}

/// Killed, the wizard can end nothing any more: whoever goes on does it.
#[test]
fn an_editor_of_a_killed_wizard_is_ended_by_who_goes_on() {
    let world = World::new();
    let (pid_file, script) = (world.home().join("editor-pid"), world.home().join("slow editor"));
    fs::create_dir_all(world.home()).unwrap();
    fs::write(
        &script,
        format!("#!/bin/sh\ntrap '' HUP\necho $$ > '{0}.new'\nmv '{0}.new' '{0}'\nsleep 600\n", pid_file.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let editor = format!("'{}' --wait", script.display());
    let mut wizard = world.open_with(&[], &[("VISUAL", &editor)]);
    to_the_conflict(&mut wizard);
    wizard.press("e");
    eventually("the editor", || pid_file.exists());
    let pid: u32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    eventually("what it started", || !proc::descendants(pid).is_empty());
    let sleeper = proc::descendants(pid);
    signal(wizard.pid(), Signal::KILL);
    eventually("the wizard is gone", || proc::look(wizard.pid().cast_unsigned()).is_none());
    assert!(proc::look(pid).is_some(), "it lives on by itself");
    let project = world.demo.project.to_str().unwrap();
    let output = world.sandbox.run(&["rollback", "--yes", "--project", project]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert!(proc::look(pid).is_none() && sleeper.iter().all(|p| proc::look(*p).is_none()), "{sleeper:?}");
}

/// A program of the person's that leaves the terminal in modes of its own: ours are not mixed up with them.
#[test]
fn an_editor_may_leave_the_terminal_as_it_likes() {
    let world = World::new();
    let mut wizard = world.open_with(&[], &[("VISUAL", "sh -c 'stty raw -echo; exit 3'")]);
    to_the_conflict(&mut wizard);
    wizard.press("e");
    wizard.see(&["ended with exit code 3", "3 hunks open"]);
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 130);
}

#[test]
fn no_color_means_none_and_the_selection_is_still_seen() {
    let world = World::new();
    for (more, environment) in [(&[][..], &[("NO_COLOR", "1")][..]), (&["--theme", "mono"], &[])] {
        let mut wizard = world.open_with(more, environment);
        wizard.see(&["preview", "Enter start"]);
        wizard.press("?");
        wizard.see(&["Esc closes"]);
        wizard.press("\x1b");
        wizard.see(&["Enter start"]);
        wizard.press("q");
        assert_eq!(wizard.end_sane(), 0);
        let output = String::from_utf8(wizard.output()).unwrap();
        let mut reversed = false;
        for code in output.split("\x1b[").skip(1) {
            let end = code.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            if code.as_bytes()[end] != b'm' {
                continue;
            }
            for number in code[..end].split(';') {
                let number: u32 = number.parse().unwrap_or(0);
                assert!(number < 30 || matches!(number, 39 | 49 | 59), "a colour: {:?}", &code[..=end]);
                reversed |= number == 7;
            }
        }
        assert!(reversed, "the selection is reversed");
    }
}

#[test]
fn terminals_without_utf_8_get_ascii() {
    let world = World::new();
    fs::write(
        world.demo.install.join("standards/universal/testing/test-pyramid.md"),
        "# Tëst 日本 e\u{301} \u{1f44d}\n",
    )
    .unwrap();
    for (more, environment) in [(&[][..], &[("LANG", "C")][..]), (&["--ascii"], &[])] {
        let mut wizard = world.open_with(more, environment);
        wizard.see(&["preview", "Enter start", "+- "]);
        wizard.press("/pyramid\r");
        wizard.see(&["filter: pyramid"]);
        wizard.press("d");
        wizard.see(&["what the source changed"]);
        wizard.press("d");
        wizard.see(&["what you changed"]);
        wizard.press("d");
        wizard.see(&["your file and theirs, whole (mine > theirs)", "T?st ? ?"]);
        wizard.press("qq");
        assert_eq!(wizard.end_sane(), 0);
        assert!(wizard.output().is_ascii(), "{}", String::from_utf8_lossy(&wizard.output()));
    }
}

#[test]
fn the_mouse_is_left_to_the_terminal_unless_asked_for() {
    let world = World::new();
    let mut wizard = world.open();
    wizard.see(&["preview", "Enter start"]);
    assert!(!String::from_utf8_lossy(&wizard.output()).contains("\x1b[?1000h"));
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 0);
    let mut wizard = world.open_with(&["--mouse"], &[]);
    wizard.see(&["preview", "Enter start"]);
    assert!(String::from_utf8_lossy(&wizard.output()).contains("\x1b[?1000h"));
    wizard.press("?");
    wizard.see(&["Esc closes"]);
    let before = wizard.text();
    wizard.press("\x1b[<65;10;10M");
    eventually("the help is scrolled", || wizard.text() != before);
    // A click beside the keys does nothing, nor does another button on one.
    wizard.press("\x1b[<0;40;12M\x1b[<0;40;12m");
    let (x, y) = place(&wizard, "Esc back");
    wizard.press(&format!("\x1b[<2;{x};{y}M\x1b[<2;{x};{y}m"));
    click(&mut wizard, "Esc back");
    wizard.see(&["Enter start"]);
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 0);
}

/// Where these words stand, the lowest of them, counted from 1 as terminals do.
fn place(wizard: &Terminal, words: &str) -> (usize, usize) {
    let shown = wizard.text();
    let rows: Vec<&str> = shown.lines().collect();
    let found = (0..rows.len()).rev().find_map(|y| Some((rows[y].split_once(words)?.0.chars().count() + 1, y + 1)));
    found.unwrap_or_else(|| panic!("{words} in\n{shown}"))
}

/// The left button, pressed and let go of; slower than a double click.
fn click(wizard: &mut Terminal, words: &str) {
    std::thread::sleep(Duration::from_millis(500));
    wizard.see(&[words]);
    let (x, y) = place(wizard, words);
    wizard.press(&format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"));
}

#[test]
fn all_of_it_can_be_done_with_the_mouse() {
    let world = World::new();
    let mut wizard = world.open_with(&["--mouse"], &[]);
    wizard.see(&["preview", "Enter start"]);
    click(&mut wizard, "test-pyramid.md");
    click(&mut wizard, "d diff");
    wizard.see(&["preview: diff", "test-pyramid.md"]);
    click(&mut wizard, "Esc back");
    click(&mut wizard, "Enter start");
    wizard.see(&["conflict 1 of 3", "3 hunks open"]);
    click(&mut wizard, "Enter next open");
    wizard.see(&["▸ hunk 2 of 3"]);
    wizard.press(&"\x1b[<64;10;10M".repeat(5));
    click(&mut wizard, "hunk 1 of 3");
    wizard.see(&["▸ hunk 1 of 3", "3 hunks open"]);
    click(&mut wizard, "k keep");
    wizard.see(&["mine, whole"]);
    click(&mut wizard, "u undo");
    wizard.see(&["3 hunks open"]);
    wizard.press("f");
    click(&mut wizard, "race-conditions.md");
    wizard.see(&["┌─ files"]);
    click(&mut wizard, "Enter go there");
    wizard.see(&["conflict 2 of 3"]);
    click(&mut wizard, "q leave");
    assert_eq!(wizard.end_sane(), 130);
    world.is_saved();
}

#[test]
fn a_path_is_copied_to_the_terminals_clipboard() {
    use base64::Engine as _;
    let world = World::new();
    let mut wizard = world.open();
    to_the_conflict(&mut wizard);
    wizard.press("C");
    wizard.see(&["Copied, if"]);
    let path = world.demo.install.join("standards/universal/ai-safety/git-safety.md");
    let wanted = base64::prelude::BASE64_STANDARD.encode(path.to_str().unwrap());
    assert!(String::from_utf8_lossy(&wizard.output()).contains(&format!("\x1b]52;c;{wanted}\x07")));
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 130);
}

/// As a person does it: in a shell with job control, which must get its terminal back and find its job again.
#[test]
fn to_the_shell_and_back() {
    let world = World::new();
    let mut command = Terminal::command(&world.home(), &[]);
    let argv = command.get_argv_mut();
    let binary = argv[0].clone().into_string().unwrap();
    *argv = ["bash", "--norc", "--noprofile", "-i"].map(Into::into).to_vec();
    command.env("PS1", "READY> ");
    let mut shell = Terminal::run(command, 80, 24);
    shell.see(&["READY>"]);
    shell.press(&format!("{binary} {}\r", world.arguments().join(" ")));
    to_the_conflict(&mut shell);
    shell.press("1");
    shell.see(&["2 hunks open"]);
    for _ in 0..2 {
        shell.press("\x1a");
        shell.see(&["Stopped", "READY>"]);
        // The shell echoes and edits: what is typed is seen.
        shell.press("stty -a | grep -o ' icanon' && echo sane\r");
        shell.see(&[" icanon\nsane"]);
        shell.press("clear\r");
        eventually("an empty screen", || shell.text().trim() == "READY>");
        shell.press("fg\r");
        shell.see(&["conflict 1 of 3", "2 hunks open"]);
    }
    shell.press("u");
    shell.see(&["3 hunks open"]);
    shell.press("q");
    shell.see(&["the session is saved", "Next:"]);
    eventually("the prompt is back", || shell.text().trim_end().ends_with("READY>"));
    shell.press("echo code $?\r");
    shell.see(&["code 130"]);
    world.is_saved();
    shell.press("exit\r");
    shell.end();
}

/// Two large texts are compared for longer than anybody waits, and nothing is lost with that.
#[test]
fn quitting_does_not_wait_for_a_comparison() {
    let world = World::new();
    let lines = |letter: &str| (0..500_000).map(|n| format!("{letter}{n}\n")).collect::<String>();
    let page = "ai-safety/credential-handling.md";
    fs::write(world.demo.install.join("standards/universal").join(page), lines("m")).unwrap();
    fs::write(world.demo.source.join("universal/standards").join(page), lines("t")).unwrap();
    git(&world.demo.source, &["commit", "--all", "--quiet", "--message", "A large page"]);
    let mut wizard = world.open();
    wizard.see(&["preview", "Enter start"]);
    wizard.press(ENTER);
    wizard.see(&["aligning"]);
    let begun = std::time::Instant::now();
    wizard.press("q");
    let code = wizard.end();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(code, 130);
    world.is_saved();
}

/// A long task is one row at the bottom, which goes when a line comes; where nobody watches there is none.
#[test]
fn an_upgrade_without_the_wizard_shows_how_far_it_is_in_one_row() {
    let world = World::new();
    crate::common::ext::slow_down(&world.demo.install);
    let words = [&["upgrade", "--yes", "--on-conflict", "keep"][..], &world.arguments()].concat();
    let terminal = Terminal::run(Terminal::command(&world.home(), &words), 80, 50);
    terminal.see(&["upgraded", "undo:"]);
    let screen = terminal.text();
    assert!(!screen.contains("[#"), "the row is gone:\n{screen}");
    let output = String::from_utf8(terminal.output()).unwrap();
    assert!(output.matches("\r\u{1b}[K").count() > 5, "{output:?}");
    // It may have stood there for a moment only.
    let has_row = |row: &str| ["copy the install", "[#", " %"].iter().all(|word| row.contains(word));
    assert!(output.split("\r\u{1b}[K").any(has_row), "{output:?}");
    assert_eq!(output.replace("\r\u{1b}[K", "").matches('\u{1b}').count(), 0, "no other command: {output:?}");
    assert_eq!(terminal.end(), 0);

    let back = world.sandbox.run(&["rollback", "--yes", "--project", world.demo.project.to_str().unwrap()]);
    assert_eq!(back.status.code(), Some(0));
    let piped = world.sandbox.run(&words);
    assert_eq!(piped.status.code(), Some(0));
    assert!(!piped.stdout.contains(&0x1b) && !piped.stdout.contains(&b'\r') && !piped.stderr.contains(&0x1b));
    let mut dumb = Terminal::command(&world.home(), &["status", "--project", world.demo.project.to_str().unwrap()]);
    dumb.env("TERM", "dumb");
    let dumb = Terminal::run(dumb, 80, 24);
    dumb.see(&["completed"]);
    assert!(!dumb.output().contains(&0x1b));
    assert_eq!(dumb.end(), 0);
}
