//! The wizard as a person has it, on a terminal: how long until its first frame stands there, and until it answers a key in a
//! preview of 100,000 paths and among 500 conflicts.

use std::cell::LazyCell;
use std::io::{Read as _, Write as _};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::plain_tools::run;
use crate::ratios::{Goal, Report};
use crate::worlds::{Size, World, path_of_program, program};

const SIZE: PtySize = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(120);
/// A frame is whole when nothing more came for so long.
const QUIET: Duration = Duration::from_millis(30);
/// The wizard's question whether all is drawn.
const ASKED: &[u8] = b"\x1b[5n";

/// A wizard on a terminal of its own.
struct Wizard {
    child: Box<dyn Child + Send + Sync>,
    keys: Arc<Mutex<Box<dyn std::io::Write + Send>>>,
    said: Receiver<(Instant, Vec<u8>)>,
    begun: Instant,
    // The terminal is there as long as this is.
    _terminal: Box<dyn MasterPty + Send>,
}

impl Wizard {
    fn open(world: &World) -> Self {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let mut command = CommandBuilder::new(path_of_program());
        command.env_clear();
        for (name, value) in [("PATH", std::env::var("PATH").unwrap()), ("TERM", "xterm-256color".into())] {
            command.env(name, value);
        }
        command.env("HOME", world.beside(""));
        command.arg("--source");
        command.arg(&world.source);
        command.arg("--project");
        command.arg(&world.project);
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let answers = Arc::clone(&keys);
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                // What a terminal answers to who asks whether it has drawn all that.
                if buffer[..read].windows(ASKED.len()).any(|bytes| bytes == ASKED) {
                    answers.lock().unwrap().write_all(b"\x1b[0n").unwrap();
                }
                if sender.send((Instant::now(), buffer[..read].to_vec())).is_err() {
                    break;
                }
            }
        });
        Self { child, keys, said, begun, _terminal: pair.master }
    }

    /// Waits until these words stand there; when the first bytes of that came.
    fn wait_for(&mut self, words: &str) -> Instant {
        let mut all = Vec::new();
        loop {
            let (at, bytes) = self.said.recv_timeout(LONG).unwrap();
            all.extend(bytes);
            if String::from_utf8_lossy(&all).contains(words) {
                return at;
            }
        }
    }

    /// How long until a frame begins to appear that a key brings about; none if it brings about nothing.
    fn press(&mut self, keys: &str) -> Option<Duration> {
        while self.said.recv_timeout(QUIET).is_ok() {}
        let begun = Instant::now();
        self.keys.lock().unwrap().write_all(keys.as_bytes()).unwrap();
        let (at, _) = self.said.recv_timeout(Duration::from_secs(1)).ok()?;
        Some(at - begun)
    }
}

impl Drop for Wizard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first frame, and how soon keys are answered.
pub fn measure(report: &Report) {
    let world = LazyCell::new(|| World::new(Size { files: 350, commits: 40, changed: 35 }));
    let first_frame = || {
        let mut wizard = Wizard::open(&world);
        wizard.wait_for("checking") - wizard.begun
    };
    let started = || run(program().arg("--version"));
    report.compare("first frame of the wizard", Goal::Milliseconds(40.0), first_frame, started);
    if report.wants("keys in a preview of 100000 paths") {
        let world = World::new(Size { files: 100_000, commits: 40, changed: 10_000 });
        let mut wizard = Wizard::open(&world);
        wizard.wait_for("bench/");
        // Down, a page, a kind of file, a filter letter by letter, the filter dropped.
        let keys = ["\x1b[B", "\x1b[6~", "\t", "/", "9", "9", "1", "\x1b[B", "\x1b"];
        report.line(told("keys in a preview of 100000 paths", &mut wizard, &keys));
    }
    if report.wants("keys among 500 conflicts") {
        let world = World::new(Size { files: 2_000, commits: 40, changed: 500 });
        world.overlap(500);
        let mut wizard = Wizard::open(&world);
        wizard.wait_for("bench/");
        wizard.press("\r");
        wizard.wait_for("hunk");
        let keys = ["\t", "1", "n", "\t", "2", "u", "\x1b[Z", "s", "f", "\x1b"];
        report.line(told("keys among 500 conflicts", &mut wizard, &keys));
    }
}

/// What twenty rounds of these keys took.
fn told(name: &str, wizard: &mut Wizard, keys: &[&str]) -> String {
    let mut times: Vec<Duration> = (0..20).flat_map(|_| keys).filter_map(|key| wizard.press(key)).collect();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (half, most, worst) = (at(0.5), at(0.99), at(1.0));
    format!("{name}: {} frames, median {half:?}, 99th percentile {most:?}, worst {worst:?}", times.len())
}
