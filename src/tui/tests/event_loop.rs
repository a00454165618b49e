//! The loop on a real pseudo-terminal, with an engine that only pretends.

use crate::core::task::Task;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use super::samples;
use crate::core::exit::Exit;
use crate::core::outcome::Sides;
use crate::core::phase::Phase;
use crate::core::plan::FileEntry;
use crate::core::report_parts::Part;
use crate::core::session::Session;
use crate::engine::events::{Command, Event, Finish, FinishKind, Level, Outcome};
use crate::engine::executor::Handle;
use crate::engine::planning::inspect::{Inspection, Unfinished};
use crate::engine::planning::request::Request;
use crate::engine::planning::source::Source;
use crate::engine::planning::sources::{Candidate, Found, Standing};
use crate::host::process::program::Listener;
use crate::tui::launch::Launch;
use crate::tui::message::{Effect, Look};
use crate::tui::run::drive;
use crate::tui::setup::Looked;
use crate::tui::worker::Engine;

const PLAY: &str = "POS_TUI_PLAY";
static CALLS: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone)]
struct Pretend(String);

fn finish(result: FinishKind, exit_code: Exit, message: &str) -> Event {
    let next = Some("pos-upgrade-tui status".to_owned());
    let report = (0..50).map(|i| Part::Line(format!("line {i}"))).collect();
    Event::Finished(Finish {
        result,
        exit_code,
        code: None,
        message: message.to_owned(),
        next,
        report,
        session_id: None,
        backup: None,
        seconds: None,
        conflicts: Vec::new(),
    })
}

async fn play(name: String, events: mpsc::Sender<Event>, mut commands: mpsc::Receiver<Command>) {
    let phase = Phase::Backup;
    let _ = events.send(Event::PhaseStarted { phase, name: phase.name(), estimate_seconds: 20 }).await;
    let log = |text: String| Event::Log { level: Level::Info, origin: "backup", text };
    for i in 0..2_000 {
        let _ = events.send(log(format!("copied \x1b[31m{i}"))).await;
    }
    if name == "upgrade" {
        let files = Arc::new(samples::conflict_files());
        let count = files.len();
        let _ = events.send(Event::ConflictsOpen { files }).await;
        let answers = loop {
            match commands.recv().await {
                Some(Command::Finish(all)) => break all.iter().filter(|(_, d)| d.is_resolved()).count(),
                Some(Command::Decide(_)) => {}
                _ => return drop(events.send(finish(FinishKind::Interrupted, Exit::Interrupted, "Paused.")).await),
            }
        };
        let (outcome, detail) = (Outcome::Done, String::new());
        let _ = events.send(Event::TaskFinished { phase, task: Task::Lock, outcome, detail, seconds: 0.1 }).await;
        let _ = events
            .send(finish(FinishKind::Completed, Exit::Done, &format!("{answers} of {count} answers came.")))
            .await;
        return;
    }
    match commands.recv().await {
        Some(Command::RollBack) => {
            drop(events.send(finish(FinishKind::RolledBack, Exit::RolledBack, "It is back.")).await)
        }
        _ => drop(events.send(finish(FinishKind::Interrupted, Exit::Interrupted, "Paused.")).await),
    }
}

impl Engine for Pretend {
    fn unfinished(&self, _: &Launch) -> Result<Option<Unfinished>, String> {
        Ok((self.0 == "unfinished").then(|| samples::session(false).into()))
    }

    fn inspect(&self, _: &Request) -> Inspection {
        if self.0 == "bug" {
            panic!("a bug in the checks");
        }
        std::thread::sleep(Duration::from_millis(400));
        samples::inspection()
    }

    fn deepen(&self, _: &Request) -> Result<Inspection, String> {
        Ok(samples::inspection())
    }

    fn texts(&self, _: &Request, _: Option<Arc<Source>>, _: &FileEntry) -> Result<Sides, String> {
        let file = samples::conflict_files().remove(0);
        Ok(Sides { base: file.base, mine: file.mine, theirs: file.theirs })
    }

    fn candidates(&self, _: &Launch) -> Vec<Candidate> {
        Vec::new()
    }

    fn look(&self, look: &Look) -> Looked {
        Looked { typed: look.typed.clone(), found: Found::Nothing, folders: Vec::new() }
    }

    fn standing(&self, _: &Request) -> Result<Standing, String> {
        Err("not told".to_owned())
    }

    fn fetch(&self, _: &std::path::Path, _: &mut dyn Listener) -> Result<std::path::PathBuf, String> {
        Err("not fetched".to_owned())
    }

    fn remember(&self, _: &std::path::Path) {}

    fn save_option(&self, _: &str, _: serde_json::Value) -> Result<std::path::PathBuf, String> {
        Err("not saved".to_owned())
    }

    fn recall(&self, _: &Launch, _: &str) -> Option<Session> {
        None
    }

    fn handle(&self, _: Effect, _: &Launch) -> Option<Handle> {
        CALLS.fetch_add(1, Ordering::SeqCst);
        if self.0 == "crash" {
            panic!("a bug on the drawing thread");
        }
        let ((events, inbox), (commands, orders)) = (mpsc::channel(64), mpsc::channel(8));
        tokio::spawn(play(self.0.clone(), events, orders));
        Some(Handle { events: inbox, commands })
    }
}

/// Not a test of its own: the process that the others start on a pseudo-terminal.
#[test]
fn child() {
    let Ok(name) = std::env::var(PLAY) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let code = runtime.block_on(drive(samples::launch(), Pretend(name))).unwrap();
    println!("engine calls: {}", CALLS.load(Ordering::SeqCst));
    std::process::exit(code.code().into());
}

struct Live {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// How the terminal treats lines and echo before the program has it.
    modes: Option<u32>,
}

fn modes(terminal: &dyn MasterPty) -> Option<u32> {
    terminal.get_termios().map(|t| t.local_flags.bits())
}

impl Live {
    fn start(play: &str) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, ..PtySize::default() }).unwrap();
        let modes = modes(&*pair.master);
        assert!(modes.is_some());
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "tui::tests::event_loop::child", "--nocapture", "--test-threads=1"]);
        for (name, value) in [
            (PLAY, play),
            ("RUST_BACKTRACE", "0"),
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("HOME", "/home/ada"),
        ] {
            command.env(name, value);
        }
        for name in ["NO_COLOR", "COLORTERM", "LC_ALL", "LC_CTYPE", "POS_PICTURES"] {
            command.env_remove(name);
        }
        command.cwd(std::env::current_dir().unwrap());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(24), cells(80), 0)));
        let (mut reader, sink) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        let writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let answers = Arc::clone(&writer);
        std::thread::spawn(move || {
            let (mut bytes, mut waiting) = ([0; 4096], Vec::new());
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                waiting.extend_from_slice(&bytes[..n]);
                let whole = whole_frames(&waiting);
                let mut screen = sink.lock().unwrap();
                screen.process(&waiting[..whole]);
                let asked = waiting[..whole].windows(4).filter(|w| w == b"\x1b[5n").count();
                // Before anybody can see the screen and press a key.
                let _ = answers.lock().unwrap().write_all(&b"\x1b[0n".repeat(asked));
                drop(screen);
                waiting.drain(..whole);
            }
            sink.lock().unwrap().process(&waiting);
        });
        Self { child, master: pair.master, writer, screen, modes }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn wait(&self, what: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.text().contains(what) {
            assert!(Instant::now() < until, "no {what:?} on:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn send(&mut self, keys: &str) {
        self.writer.lock().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn exit(&mut self) -> u32 {
        let until = Instant::now() + Duration::from_secs(10);
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.exit_code();
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        };
        std::thread::sleep(Duration::from_millis(100));
        let screen = self.screen.lock().unwrap();
        assert!(
            !screen.screen().alternate_screen() && !screen.screen().hide_cursor(),
            "the terminal was not given back"
        );
        assert!(!screen.screen().bracketed_paste());
        assert_eq!(modes(&*self.master), self.modes, "raw mode was left behind");
        code
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|p| Pid::from_raw(p as i32)).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn a_whole_upgrade_by_keyboard() {
    let mut live = Live::start("upgrade");
    live.wait("start (will ask 3)");
    live.send("d");
    live.wait("what the source changed");
    live.send("q\r");
    live.wait("conflict 1 of 4");
    live.wait("hunk 1 of 2: open");
    live.send("12\r");
    live.wait("conflict 2 of 4");
    live.send("k\r");
    live.wait("You deleted this file");
    live.send("t\r");
    live.wait("Not text");
    live.send("kF");
    live.wait("4 of 4 answers came.");
    live.send("q");
    assert_eq!(live.exit(), 0);
    assert!(live.text().contains("Next: pos-upgrade-tui status"));
}

#[test]
fn keys_typed_ahead_start_nothing() {
    let mut live = Live::start("upgrade");
    live.wait("checking");
    live.send("\r\r\r");
    live.wait("start (will ask 3)");
    std::thread::sleep(Duration::from_millis(300));
    live.wait("start (will ask 3)");
    live.send("q");
    assert_eq!(live.exit(), 0);
    assert!(live.text().contains("engine calls: 0"), "{}", live.text());
}

#[test]
fn signals_pause_and_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut live = Live::start("slow");
        live.wait("start (will ask 3)");
        live.send("\r");
        live.wait("copied");
        live.signal(signal);
        assert_eq!(live.exit(), 130, "{signal:?}");
        assert!(live.text().contains("the session is saved"));
    }
}

#[test]
fn pausing_rolling_back_and_resizing() {
    let mut live = Live::start("slow");
    live.wait("start (will ask 3)");
    live.master.resize(PtySize { rows: 10, cols: 40, ..PtySize::default() }).unwrap();
    live.screen.lock().unwrap().screen_mut().set_size(cells(10), cells(40));
    live.wait("! 1 warning: N shows all");
    live.send("\r");
    live.wait("Nothing to answer");
    live.send("q");
    live.wait("leave?");
    live.send("R");
    live.wait("Put the install back");
    live.send("y");
    live.wait("It is back.");
    live.send("\r");
    assert_eq!(live.exit(), 5);
}

#[test]
fn a_panic_gives_the_terminal_back_first() {
    let mut live = Live::start("crash");
    live.wait("start (will ask 3)");
    live.send("\r");
    assert_ne!(live.exit(), 0);
    assert!(live.text().contains("a bug on the drawing thread"), "{}", live.text());
}

#[test]
fn a_panic_elsewhere_is_a_problem_on_the_screen() {
    let mut live = Live::start("bug");
    live.wait("The checks ended in a bug");
    live.send("q");
    assert_eq!(live.exit(), 1);
    assert!(live.text().contains("a bug in the checks"), "{}", live.text());
}

#[test]
fn to_the_shell_and_back() {
    let mut live = Live::start("unfinished");
    live.wait("D discard");
    live.send("\x1a");
    std::thread::sleep(Duration::from_millis(300));
    live.signal(Signal::CONT);
    live.wait("D discard");
    live.send("?");
    live.wait("Esc closes");
    live.send("\x1b");
    std::thread::sleep(Duration::from_millis(300));
    live.send("q");
    assert_eq!(live.exit(), 10);
}

/// How much of this can be shown: a frame that has begun is shown when it has ended, as terminals do it.
fn whole_frames(bytes: &[u8]) -> usize {
    let last = |sequence: &[u8]| bytes.windows(sequence.len()).rposition(|w| w == sequence);
    match (last(b"\x1b[?2026h"), last(b"\x1b[?2026l")) {
        (Some(begun), ended) if ended.is_none_or(|ended| ended < begun) => begun,
        _ => bytes.len(),
    }
}

fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}
