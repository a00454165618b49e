//! The terminal: taken over at the start, given back at the end, before a panic's report, and while suspended.
//!
//! Only the thread that draws gives it back. A panic elsewhere is a failed phase, not the end of the wizard: its
//! message is kept and printed once the normal screen is back.

#![allow(clippy::disallowed_methods, reason = "the wizard draws on standard output")]

use std::io::{self, Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::{Mutex, Once};
use std::thread::{self, ThreadId};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, is_raw_mode_enabled,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::Rect;
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::model::Model;
use super::view;

/// The terminal's modes before we took it: a program that was given the terminal may leave it in others.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);
static DRAWING: Mutex<Option<ThreadId>> = Mutex::new(None);
static ELSEWHERE: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// Asks the terminal whether it is well. It answers in the stream of keys, once it has taken in all that was written before.
const QUERY: &str = "\x1b[5n";

/// The terminal while the wizard has it. Dropping it gives it back.
pub(crate) struct Screen {
    /// Never dropped: its drop prints to a terminal that may be gone, and panics then, because the print fails.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    taken: bool,
    mouse: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn take(mouse: bool) -> io::Result<()> {
    // Not while they are ours already, as when a signal says that we go on after we did.
    if !is_raw_mode_enabled()? {
        reset_modes();
    }
    enable_raw_mode()?;
    // What a wizard that was killed left on the other screen is not covered by blanks.
    execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste)?;
    if mouse { execute!(stdout(), EnableMouseCapture) } else { Ok(()) }
}

fn reset_modes() {
    if let Some(found) = &*lock(&FOUND) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, found);
    }
}

/// Every step is tried, also when one before it failed.
fn give_back() -> io::Result<()> {
    let out = execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let modes = disable_raw_mode();
    reset_modes();
    modes.and(out)
}

/// Puts our hook over the one that is there (color-eyre's): the terminal is given back before it prints.
fn install_hook() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let drawing = *lock(&DRAWING);
            match drawing {
                Some(thread) if thread == thread::current().id() => {
                    *lock(&DRAWING) = None;
                    let _ = give_back();
                    before(info);
                }
                // Printing now would garble the screen.
                Some(_) => lock(&ELSEWHERE).push(info.to_string()),
                None => before(info),
            }
        }));
    });
}

impl Screen {
    /// Takes the terminal over, with wheel and clicks if `mouse`. The calling thread is from now on the one that draws.
    ///
    /// # Errors
    /// When stdout is no terminal or refuses.
    pub(crate) fn enter(mouse: bool) -> io::Result<Self> {
        install_hook();
        *lock(&FOUND) = tcgetattr(io::stdin()).ok();
        *lock(&DRAWING) = Some(thread::current().id());
        let opened = take(mouse).and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match opened {
            Ok(terminal) => Ok(Self { terminal: ManuallyDrop::new(terminal), taken: true, mouse }),
            Err(error) => {
                *lock(&DRAWING) = None;
                let _ = give_back();
                Err(error)
            }
        }
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|s| (s.width, s.height))
    }

    /// Paints the model; with `asking` the terminal is asked to answer once it has taken the frame in.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self, model: &Model, asking: bool) -> io::Result<()> {
        let drawn = Rect::new(0, 0, model.width, model.height);
        // Terminals that know it show the frame as a whole, the others ignore it.
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal
            .draw(|frame| {
                if frame.area() == drawn {
                    return view::draw(model, drawn, frame.buffer_mut());
                }
                // The terminal has just been resized and the model doesn't know yet: show what fits.
                let mut whole = Buffer::empty(drawn);
                view::draw(model, drawn, &mut whole);
                let both = frame.area().intersection(drawn);
                for position in both.positions() {
                    frame.buffer_mut()[position] = whole[position].clone();
                }
            })
            .map(drop)?;
        if asking {
            queue!(self.terminal.backend_mut(), Print(QUERY))?;
        }
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Sends a text to the terminal's clipboard (OSC 52). Terminals that don't know that, or don't allow it, ignore it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = stdout().lock();
        write!(out, "\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text))?;
        out.flush()
    }

    /// Gives the terminal to the shell until `fg`, with all processes of the job, as `Ctrl-z` does elsewhere.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        give_back()?;
        kill_current_process_group(Signal::TSTP)?;
        self.reenter()
    }

    /// Draws everything anew next time: what is on the terminal is not what was drawn there.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives the terminal to another program until [`Self::reenter`].
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn give_up(&mut self) -> io::Result<()> {
        give_back()
    }

    /// Takes the terminal again, as after `fg`: whatever is on it is drawn over.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn reenter(&mut self) -> io::Result<()> {
        take(self.mouse)?;
        // Not `clear`: that asks the terminal where the cursor is, and some never answer.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives the terminal back and prints `lines`, and what panicked in other threads meanwhile.
    pub(crate) fn leave(mut self, lines: &[String]) {
        self.restore();
        let mut out = stdout().lock();
        for line in lines.iter().flat_map(|l| l.lines()) {
            let _ = writeln!(out, "{}", super::text::visible_str(line, false));
        }
        for panic in lock(&ELSEWHERE).drain(..) {
            let _ = writeln!(io::stderr(), "{}", crate::core::visible::lines(&panic.to_string()));
        }
    }

    fn restore(&mut self) {
        if std::mem::take(&mut self.taken) && lock(&DRAWING).take().is_some() {
            let _ = give_back();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.restore();
    }
}
