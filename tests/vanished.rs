//! The terminal goes away, in every way and on every screen: the program ends by itself, without a panic, the session is
//! saved, and whoever comes back goes on with it. Pipes that nobody reads end nothing and stop nothing.

use crate::common;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, assert_same, eventually, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;
use rustix::process::{Pid, Signal, kill_process};

/// Holds a terminal of its own, in which somebody notes how the wizard ends, whatever happens to the terminal.
const HOLDER: &str = "
import fcntl, os, pty, signal, struct, subprocess, sys, termios, tty
pid, fd = pty.fork()
if pid == 0:
    signal.signal(signal.SIGHUP, lambda *_: None)
    child = subprocess.Popen(sys.argv[2:])
    def note(name, what):
        with open(sys.argv[1] + name + '.new', 'w') as f:
            f.write(str(what))
        os.rename(sys.argv[1] + name + '.new', sys.argv[1] + name)
    note('.pid', child.pid)
    note('.code', child.wait())
    os._exit(0)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
tty.setraw(0)
pty._copy(fd)
";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// Its other end is closed, as by closing its window.
    Closed,
    /// Only the signal comes.
    HungUp,
    /// The signal comes, and the other end is closed while it is heard.
    Both,
}

const WAYS: [Way; 3] = [Way::Closed, Way::HungUp, Way::Both];

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

    fn home(&self) -> PathBuf {
        self.sandbox.path().join("home")
    }

    fn arguments(&self) -> [&str; 4] {
        ["--project", self.demo.project.to_str().unwrap(), "--source", self.demo.source.to_str().unwrap()]
    }

    /// The wizard in a terminal that can vanish.
    fn open(&self, editor: &str) -> Terminal {
        let mut command = Terminal::command(&self.home(), &[]);
        command.env("VISUAL", editor);
        let argv = command.get_argv_mut();
        let binary = argv[0].clone();
        *argv = ["python3", "-c", HOLDER].map(Into::into).to_vec();
        argv.push(self.note("").into());
        argv.push(binary);
        argv.extend(self.arguments().map(Into::into));
        Terminal::run(command, 80, 24)
    }

    fn note(&self, name: &str) -> PathBuf {
        self.sandbox.path().join(format!("wizard{name}"))
    }

    /// The wizard's process, once it runs.
    fn pid(&self) -> i32 {
        eventually("the wizard's start", || self.note(".pid").exists());
        fs::read_to_string(self.note(".pid")).unwrap().parse().unwrap()
    }

    /// How the wizard ended, as Python says it: negative for a signal.
    fn code(&self, what: &str) -> i32 {
        let begun = Instant::now();
        while !self.note(".code").exists() {
            assert!(begun.elapsed() < Duration::from_secs(90), "{what}: the wizard does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::read_to_string(self.note(".code")).unwrap().parse().unwrap()
    }

    /// Takes the wizard's terminal away; afterwards all must be sound.
    fn lose(&self, wizard: Terminal, way: Way, what: &str) {
        let pid = self.pid();
        if way != Way::Closed {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::HUP);
        }
        let kept = match way {
            Way::HungUp => Some(wizard),
            _ => {
                wizard.kill();
                None
            }
        };
        let code = self.code(what);
        drop(kept);
        // Before it listens to signals one ends it, and a terminal that is gone before it looks is none (2).
        let ended = [0, 2, 10, 130, -Signal::HUP.as_raw()];
        assert!(ended.contains(&code), "{what}: it ended with {code}");
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{what}");
        assert!(!self.demo.install.join(".upgrade-lock").exists(), "{what}: the lock's note was left");
        let (code, said) = text(&self.sandbox.run(&["status", "--project", self.arguments()[1]]));
        assert!(code == 0 || code == 10 && said.contains("resume"), "{what}: {code}: {said}");
    }

    /// Goes on, by what the screen says, to the end.
    fn finish(&self, what: &str) {
        let mut wizard = Terminal::start(&self.home(), &self.arguments());
        let begun = Instant::now();
        let mut last = String::new();
        loop {
            assert!(begun.elapsed() < common::PATIENCE, "{what}: it does not get on:\n{}", wizard.text());
            std::thread::sleep(Duration::from_millis(30));
            let shown = wizard.text();
            if shown == last {
                continue;
            }
            let key = match () {
                () if shown.contains("Nothing to do: this install is at") => break,
                () if shown.contains("report") && shown.contains("Upgraded") => break,
                () if shown.contains("r  resume") => "r",
                () if shown.contains("Enter start") => "\r",
                () if shown.contains("are settled. F finishes") => "F",
                () if shown.contains("conflict ") && shown.contains("accepted") => "\t",
                () if shown.contains("conflict ") && shown.contains("whole") => "\r",
                () if shown.contains("conflict ") && shown.contains(" open") => "k",
                () => "",
            };
            if !key.is_empty() {
                wizard.press(key);
            }
            last = shown;
        }
        wizard.press("q");
        assert_eq!(wizard.end_sane(), 0, "{what}");
    }
}

/// How many moments of each screen; all others are as good, so this is what a run has time for.
fn moments(few: usize) -> usize {
    std::env::var("POS_MOMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(few)
}

/// A moment between nothing and this, another one for each number.
fn moment(n: usize, longest: Duration) -> Duration {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1);
    seed ^= seed >> 29;
    longest.mul_f64((seed % 1_000) as f64 / 1_000.0)
}

fn to_the_plan(wizard: &mut Terminal) {
    wizard.see(&["preview", "Enter start"]);
}

fn to_the_conflicts(wizard: &mut Terminal) {
    to_the_plan(wizard);
    wizard.press("\r");
    wizard.see(&["conflict 1 of 3", "3 hunks open"]);
}

/// Brings a wizard to a screen.
type Reach = fn(&mut Terminal);

#[test]
fn at_any_moment_of_any_screen_nothing_is_lost() {
    let ms = Duration::from_millis;
    let reach: [(&str, Duration, Reach); 7] = [
        ("the start", ms(700), |_| {}),
        ("the plan", ms(30), to_the_plan),
        ("a diff", ms(60), |wizard| {
            to_the_plan(wizard);
            wizard.press("d");
        }),
        ("the progress", ms(500), |wizard| {
            to_the_plan(wizard);
            wizard.press("\r");
        }),
        ("the conflicts", ms(60), |wizard| {
            to_the_conflicts(wizard);
            wizard.press("1");
        }),
        ("the question how to leave", ms(40), |wizard| {
            to_the_plan(wizard);
            wizard.press("\r");
            wizard.press("q");
        }),
        ("the way to the report", ms(900), |wizard| {
            to_the_conflicts(wizard);
            for _ in 0..3 {
                wizard.press("k\r");
            }
            wizard.see(&["are settled. F finishes"]);
            wizard.press("F");
        }),
    ];
    let mut count = 0;
    for (screen, longest, reach) in reach {
        for n in 0..moments(3) {
            let (way, wait) = (WAYS[(n + count) % 3], moment(n + count, longest));
            let what = format!("{screen}, {way:?} after {wait:?}");
            let world = World::new();
            let mut wizard = world.open("true");
            reach(&mut wizard);
            std::thread::sleep(wait);
            world.lose(wizard, way, &what);
            world.finish(&what);
            count += 1;
        }
    }
    println!("{count} moments");
}

/// While a program of the person's has it: what was saved there before is kept.
#[test]
fn while_an_editor_is_open() {
    let mut count = 0;
    for way in WAYS {
        let world = World::new();
        let before = snapshot(&world.demo.install);
        let script = world.home().join("editor");
        let here = world.home().join("opened");
        let said = format!("#!/bin/sh\nprintf 'by hand\\n' > \"$1\"\ntouch '{}'\nsleep 60\n", here.display());
        fs::write(&script, said).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let mut wizard = world.open(&format!("'{}'", script.display()));
        to_the_conflicts(&mut wizard);
        wizard.press("e");
        eventually("the editor", || here.exists());
        world.lose(wizard, way, &format!("an editor, {way:?}"));
        let kept = fs::read_dir(world.demo.install.join(".upgrade")).unwrap().flatten();
        let kept = kept.flat_map(|e| ["session.json", "session.1.json"].map(|name| e.path().join(name)));
        let mut kept = kept.filter_map(|file| fs::read_to_string(file).ok());
        // "by hand\n", as it stands in a draft.
        assert!(kept.any(|text| text.contains("YnkgaGFuZAo=")), "{way:?}: what was saved in the editor is kept");
        assert_same(&before, &snapshot(&world.demo.install));
        count += 1;
    }
    println!("{count} moments");
}

/// Stopped with Ctrl-z in a shell whose terminal is closed then.
#[test]
fn while_it_is_suspended() {
    let world = World::new();
    let mut command = Terminal::command(&world.home(), &[]);
    let argv = command.get_argv_mut();
    let binary = argv[0].clone().into_string().unwrap();
    *argv = ["python3", "-c", HOLDER].map(Into::into).to_vec();
    argv.push(world.note("").into());
    // A python3 that a shell script starts would lose the prompt on its way.
    argv.extend(["env", "PS1=READY> ", "bash", "--norc", "--noprofile", "-i"].map(Into::into));
    let mut shell = Terminal::run(command, 80, 24);
    shell.see(&["READY>"]);
    shell.press(&format!("{binary} {}\r", world.arguments().join(" ")));
    to_the_conflicts(&mut shell);
    let lock = fs::read(world.demo.install.join(".upgrade-lock")).unwrap();
    let lock: serde_json::Value = serde_json::from_slice(&lock).unwrap();
    let pid = lock["pid"].as_i64().unwrap();
    shell.press("\x1a");
    shell.see(&["Stopped", "READY>"]);
    shell.kill();
    eventually("the wizard ends", || !Path::new(&format!("/proc/{pid}")).exists());
    assert!(!world.demo.install.join(".upgrade-lock").exists());
    world.finish("suspended");
}

/// It takes nothing any more and is still there, as behind a connection that hangs: a signal ends the program all the same.
#[test]
fn a_terminal_that_takes_nothing() {
    let world = World::new();
    let mut wizard = world.open("true");
    to_the_conflicts(&mut wizard);
    wizard.stall(true);
    let pid = world.pid();
    let waits = || fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    // Until what is drawn fills what lies between.
    for n in 0..3_000 {
        wizard.press(["]", "[", "\x1b[6~", "\x1b[5~"][n % 4]);
        if n % 100 == 99 && waits().contains("write") {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    assert_eq!(world.code("a terminal that takes nothing"), 130);
    assert!(!world.demo.install.join(".upgrade-lock").exists());
    drop(wizard);
    world.finish("a terminal that takes nothing");
}

/// No columns and no rows, as terminals say that don't know their size.
#[test]
fn a_terminal_of_no_size() {
    let world = World::new();
    let mut wizard = Terminal::start(&world.home(), &world.arguments());
    for (columns, rows) in [(0, 0), (1, 1), (0, 24), (80, 0), (3, 2)] {
        wizard.resize_only(columns, rows);
        std::thread::sleep(Duration::from_millis(60));
        wizard.press("?");
        wizard.press("\x1b");
    }
    wizard.resize(80, 24);
    to_the_conflicts(&mut wizard);
    for (columns, rows) in [(0, 0), (1, 1), (0, 24), (80, 0), (3, 2)] {
        wizard.resize_only(columns, rows);
        std::thread::sleep(Duration::from_millis(60));
        wizard.press("nsb]");
    }
    wizard.resize(80, 24);
    wizard.see(&["conflict 1 of 3", "3 hunks open"]);
    wizard.press("q");
    assert_eq!(wizard.end_sane(), 130);
}

/// An upgrade whose output nobody reads to its end.
fn start(world: &World, json: bool, output: Stdio, errors: Stdio) -> Child {
    let mut command = world.sandbox.command();
    command.arg("upgrade").args(world.arguments()).args(["--yes", "--on-conflict", "merge-keep"]);
    if json {
        command.arg("--json");
    }
    command.stdout(output).stderr(errors).spawn().unwrap()
}

fn end(child: &mut Child, what: &str) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(begun.elapsed() < common::PATIENCE, "{what}: it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// As with `| head -1`, at each of the first bytes, and on a device that is always full: the upgrade goes on to its end.
#[test]
fn output_that_nobody_takes_stops_no_upgrade() {
    let mut count = 0;
    for json in [false, true] {
        for bytes in [0, 1, 60, 400, 1_500].into_iter().take(moments(5)) {
            let world = World::new();
            let (mut reader, writer) = std::io::pipe().unwrap();
            let errors = writer.try_clone().unwrap();
            let mut child = start(&world, json, writer.into(), errors.into());
            let mut read = vec![0; bytes];
            reader.read_exact(&mut read).unwrap();
            drop(reader);
            let what = format!("a reader of {bytes} bytes");
            assert_eq!(end(&mut child, &what), Some(0), "{what}");
            assert_eq!(text(&world.sandbox.run(&["status", "--project", world.arguments()[1]])).0, 0, "{what}");
            count += 1;
        }
        let world = World::new();
        let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = start(&world, json, full().into(), full().into());
        assert_eq!(end(&mut child, "/dev/full"), Some(0));
        assert_eq!(text(&world.sandbox.run(&["status", "--project", world.arguments()[1]])).0, 0);
        count += 1;
    }
    println!("{count} outputs");
}

/// A pipe that is full, and whose reader neither reads nor goes: the session gets to its end, and a signal ends the program.
#[test]
fn a_reader_that_stands_still_stops_no_upgrade_and_no_signal() {
    let world = World::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    while std::io::Write::write(&mut writer, &[b'.'; 512]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    let errors = writer.try_clone().unwrap();
    let mut child = start(&world, false, writer.into(), errors.into());
    eventually("the upgrade is done", || {
        let (code, said) = text(&world.sandbox.run(&["status", "--project", world.arguments()[1]]));
        code == 0 && said.contains("completed")
    });
    assert!(child.try_wait().unwrap().is_none(), "its last lines are still to be read");
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::TERM).unwrap();
    assert_eq!(end(&mut child, "TERM"), Some(0));
    drop(reader);
}
