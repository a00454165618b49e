//! The terminal's input, read on a thread of its own, which nobody but the wizard's loop listens to.
//!
//! A query that is written behind a frame is answered in the same stream as the keys: what stands before the answer was
//! typed before that frame was seen.

mod parser;

use std::io::{self, PipeReader, PipeWriter};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

pub(crate) use parser::{Input, Parser};

/// How long the thread may take to stop reading.
const TO_STOP: Duration = Duration::from_secs(1);

/// Reads the terminal until it is dropped.
#[derive(Debug)]
pub(crate) struct Keyboard {
    inputs: mpsc::UnboundedReceiver<Input>,
    /// Closed to end the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Keyboard {
    /// Begins to read standard input.
    ///
    /// # Errors
    /// When no thread or pipe can be made.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, inputs) = mpsc::unbounded_channel();
        let (stopped, stop) = io::pipe()?;
        let thread = std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || read(&sender, &stopped))?;
        Ok(Self { inputs, stop: Some(stop), thread: Some(thread) })
    }

    /// The next input.
    pub(crate) async fn next(&mut self) -> Input {
        self.inputs.recv().await.unwrap_or_else(|| Input::Lost("its input ended".to_owned()))
    }

    /// What has come already, if something has.
    pub(crate) fn take(&mut self) -> Option<Input> {
        self.inputs.try_recv().ok()
    }
}

impl Drop for Keyboard {
    /// Whoever gets the terminal next must not lose a key to us.
    fn drop(&mut self) {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return };
        let begun = Instant::now();
        while !thread.is_finished() && begun.elapsed() < TO_STOP {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn read(to: &mpsc::UnboundedSender<Input>, stopped: &PipeReader) {
    let terminal = io::stdin();
    let mut parser = Parser::default();
    let mut buffer = [0; 4096];
    loop {
        let limit = parser
            .waits()
            .map(|time| Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) });
        let mut both = [PollFd::new(&terminal, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        let ready = poll(&mut both, limit.as_ref());
        let [ours, end] = both.map(|fd| fd.revents());
        let found = match ready {
            Err(rustix::io::Errno::INTR) => continue,
            Err(e) => vec![Input::Lost(e.to_string())],
            Ok(_) if !end.is_empty() => return,
            Ok(0) => parser.rest(),
            Ok(_) if ours.is_empty() => continue,
            Ok(_) => match rustix::io::read(&terminal, &mut buffer) {
                Ok(0) => vec![Input::Lost("its other end was closed".to_owned())],
                Ok(n) => parser.feed(&buffer[..n]),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(e) => vec![Input::Lost(e.to_string())],
            },
        };
        for input in found {
            let is_lost = matches!(input, Input::Lost(_));
            if to.send(input).is_err() || is_lost {
                return;
            }
        }
    }
}
