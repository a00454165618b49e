//! A pseudo-terminal with the built binary in it, and the screen that a person would see.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::PATIENCE;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

#[path = "../../src/tui/tests/svg.rs"]
mod svg;

/// What the terminal sends: keys, and its own answers.
type Keys = Arc<Mutex<Box<dyn Write + Send>>>;

/// Asks a terminal whether it is well, and what it answers.
const QUERY: &[u8] = b"\x1b[5n";
const ANSWER: &[u8] = b"\x1b[0n";

/// How a terminal behaves.
#[derive(Clone, Copy)]
pub struct Manners {
    /// It answers queries, once it shows what came before them.
    pub answers: bool,
    /// How long what is written is on its way to it, and what it sends on its way back.
    pub delay: Duration,
}

/// The binary on a terminal of its own. Killed when dropped.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Keys,
    screen: Arc<Mutex<vt100::Parser>>,
    output: Arc<Mutex<Vec<u8>>>,
    // Kept open: without it the program loses its terminal.
    master: Box<dyn MasterPty + Send>,
    /// Nothing is read from the program while this is set.
    stalled: Arc<AtomicBool>,
    /// Local modes (echo, line by line) of the terminal before the program took it.
    modes: u32,
}

impl Terminal {
    /// Starts the binary with these arguments at 80x24.
    pub fn start(home: &std::path::Path, arguments: &[&str]) -> Self {
        Self::sized(home, arguments, 80, 24)
    }

    /// Starts the binary in a folder, at 80x24.
    pub fn within(folder: &std::path::Path, home: &std::path::Path, arguments: &[&str]) -> Self {
        let mut command = Self::command(home, arguments);
        command.cwd(folder);
        Self::run(command, 80, 24)
    }

    /// Starts the binary on a terminal of this size with all colours.
    pub fn sized(home: &std::path::Path, arguments: &[&str], cols: u16, rows: u16) -> Self {
        Self::run(Self::command(home, arguments), cols, rows)
    }

    /// Starts the binary on a terminal of this size with more in its environment.
    pub fn with(home: &std::path::Path, arguments: &[&str], cols: u16, rows: u16, env: &[(&str, &str)]) -> Self {
        let mut command = Self::command(home, arguments);
        for (name, value) in env {
            command.env(name, value);
        }
        Self::run(command, cols, rows)
    }

    /// The binary with these arguments and the environment that all tests have.
    pub fn command(home: &std::path::Path, arguments: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(super::program::program());
        command.args(arguments);
        command.cwd(home);
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("COLORTERM", "truecolor");
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "NO_COLOR", "LC_ALL"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs any command on a terminal of this size.
    pub fn run(command: CommandBuilder, cols: u16, rows: u16) -> Self {
        Self::run_on(command, cols, rows, Manners { answers: true, delay: Duration::ZERO })
    }

    /// The same on a terminal that behaves so.
    pub fn run_on(command: CommandBuilder, cols: u16, rows: u16, manners: Manners) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let modes = local_modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(cols), 0)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let (shown, bytes) = (screen.clone(), Arc::new(Mutex::new(Vec::new())));
        let all = bytes.clone();
        let keys: Keys = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let stalled = Arc::new(AtomicBool::new(false));
        let (answers, stands) = (keys.clone(), stalled.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut waiting = Vec::new();
            loop {
                while stands.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                let Ok(n @ 1..) = output.read(&mut buffer) else { break };
                if !manners.delay.is_zero() {
                    std::thread::sleep(manners.delay);
                }
                all.lock().unwrap().extend_from_slice(&buffer[..n]);
                waiting.extend_from_slice(&buffer[..n]);
                let whole = whole_frames(&waiting);
                let mut screen = shown.lock().unwrap();
                screen.process(&waiting[..whole]);
                let asked = waiting[..whole].windows(QUERY.len()).filter(|w| *w == QUERY).count();
                // Before anybody can see the screen and press a key: so it is with a terminal, too.
                if manners.answers {
                    let _ = answers.lock().unwrap().write_all(&ANSWER.repeat(asked));
                }
                drop(screen);
                waiting.drain(..whole);
            }
            shown.lock().unwrap().process(&waiting);
        });
        Self { child, keys, screen, output: bytes, master: pair.master, stalled, modes }
    }

    /// Reads nothing more of what the program writes, or reads on.
    pub fn stall(&self, on: bool) {
        self.stalled.store(on, Ordering::SeqCst);
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// All that the program has written so far.
    pub fn output(&self) -> Vec<u8> {
        self.output.lock().unwrap().clone()
    }

    /// The process that was started.
    pub fn pid(&self) -> i32 {
        self.child.process_id().unwrap() as i32
    }

    /// Gives the terminal another size.
    pub fn resize(&self, cols: u16, rows: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        // No output of the new size may meet a screen of the old one.
        let mut screen = self.screen.lock().unwrap();
        self.master.resize(size).unwrap();
        screen.screen_mut().set_size(cells(rows), cells(cols));
    }

    /// Gives the terminal a size that can't be shown.
    pub fn resize_only(&self, cols: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Whether the terminal is as it was before the program: normal screen, cursor, echo, no mouse, no marked pastes.
    pub fn is_sane(&self) -> Result<(), String> {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let wrong = [
            ("alternate screen", screen.alternate_screen()),
            ("hidden cursor", screen.hide_cursor()),
            ("marked pastes", screen.bracketed_paste()),
            ("mouse", screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None),
            ("raw mode", local_modes(&*self.master) != self.modes),
        ];
        match wrong.iter().find(|w| w.1) {
            Some((what, _)) => Err(format!("left behind: {what}; the screen shows:\n{}", screen.contents())),
            None => Ok(()),
        }
    }

    /// Waits for the program to end by itself; its exit code. The terminal must be sane then.
    pub fn end_sane(&mut self) -> u32 {
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.exit_code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end; the screen shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        };
        // The last bytes may still be on their way.
        let begun = Instant::now();
        while let Err(why) = self.is_sane() {
            assert!(begun.elapsed() < Duration::from_secs(5), "{why}");
            std::thread::sleep(Duration::from_millis(20));
        }
        code
    }

    /// The screen as an SVG picture.
    pub fn picture(&self) -> String {
        let parser = self.screen.lock().unwrap();
        let (rows, cols) = parser.screen().size();
        let (rows, cols) = (rows.get(), cols.get());
        let mut buffer = Buffer::empty(Rect::new(0, 0, cols, rows));
        for (y, x) in (0..rows).flat_map(|y| (0..cols).map(move |x| (y, x))) {
            let Some(cell) = parser.screen().cell(y, x).filter(|c| !c.is_wide_continuation()) else { continue };
            let modifiers = [
                (cell.bold(), Modifier::BOLD),
                (cell.dim(), Modifier::DIM),
                (cell.italic(), Modifier::ITALIC),
                (cell.underline(), Modifier::UNDERLINED),
                (cell.inverse(), Modifier::REVERSED),
            ];
            let on = modifiers.into_iter().filter(|(on, _)| *on).fold(Modifier::empty(), |all, (_, one)| all | one);
            let style = Style::new().fg(colour(cell.fgcolor())).bg(colour(cell.bgcolor())).add_modifier(on);
            let text = if cell.has_contents() { cell.contents() } else { " " };
            buffer[(x, y)].set_symbol(text).set_style(style);
        }
        svg::svg(&buffer)
    }

    /// Waits until the screen shows all of these.
    pub fn see(&self, words: &[&str]) {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if words.iter().all(|w| text.contains(w)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "never saw {words:?}; the screen shows:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys, as the bytes that a terminal sends.
    pub fn press(&mut self, keys: &str) {
        {
            let mut writer = self.keys.lock().unwrap();
            writer.write_all(keys.as_bytes()).unwrap();
            writer.flush().unwrap();
        }
        if keys.ends_with('\x1b') {
            // With a key right behind it, it would be another one.
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    /// Kills the program without a chance to clean up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the program to end by itself; its exit code.
    pub fn end(mut self) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end; the screen shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.stall(false);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn colour(colour: vt100::Color) -> Color {
    match colour {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(i) => Color::Indexed(i),
        vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
    }
}

/// How much of this can be shown: a frame that has begun is shown when it has ended, as terminals do it.
fn whole_frames(bytes: &[u8]) -> usize {
    let last = |sequence: &[u8]| bytes.windows(sequence.len()).rposition(|w| w == sequence);
    match (last(b"\x1b[?2026h"), last(b"\x1b[?2026l")) {
        (Some(begun), ended) if ended.is_none_or(|ended| ended < begun) => begun,
        _ => bytes.len(),
    }
}

fn local_modes(master: &dyn MasterPty) -> u32 {
    master.get_termios().map(|t| t.local_flags.bits()).unwrap()
}

fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}
