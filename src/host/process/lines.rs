//! What a program says as lines, of which little is held however long they are and however many.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::SyncSender;

use crate::core::visible::{line as visible, start_of};

/// Lines that are kept for an error, and how many characters of each are shown.
const TAIL: usize = 8;
const SHOWN: usize = 500;
/// So much of a line: one may have no end.
pub(super) const LONGEST: usize = 16 << 10;
/// What stands at the end of one that was cut.
pub(super) const CUT: &str = " … (cut)";

/// A line of output: of the ordinary one, or of that for errors.
pub(super) enum Line {
    Said(String),
    Complained(String),
}

/// The last lines of a program, up to so many bytes.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) lines: VecDeque<String>,
    pub(super) bytes: usize,
    most: usize,
    pub(super) whole: bool,
}

impl Ring {
    pub(super) fn of(most: usize) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, most, whole: true }
    }

    pub(super) fn push(&mut self, line: String) {
        // What a line costs beside its text.
        const COST: usize = 32;
        self.whole &= !line.ends_with(CUT);
        self.bytes += line.len() + COST;
        self.lines.push_back(line);
        while self.bytes > self.most
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= first.len() + COST;
            self.whole = false;
        }
    }

    pub(super) fn tail(&self) -> String {
        let skipped = self.lines.len().saturating_sub(TAIL);
        self.lines.iter().skip(skipped).map(|line| shorter(line)).collect::<Vec<_>>().join("\n")
    }
}

/// A line in an error.
pub(super) fn shorter(line: &str) -> String {
    start_of(line, SHOWN)
}

/// Lines as they come, each cut to [`LONGEST`]; of what was drawn over, the last state.
pub(super) fn read<R: Read + Send + 'static>(pipe: Option<R>, line: fn(String) -> Line, sender: &SyncSender<Line>) {
    let Some(mut pipe) = pipe else { return };
    let sender = sender.clone();
    std::thread::spawn(move || {
        let mut lines = Lines::default();
        let mut buffer = [0; 16 << 10];
        loop {
            let read = match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            for byte in &buffer[..read] {
                if let Some(text) = lines.push(*byte)
                    && sender.send(line(text)).is_err()
                {
                    return;
                }
            }
        }
        if let Some(text) = lines.push(b'\n') {
            let _ = sender.send(line(text));
        }
    });
}

/// A stream of bytes as lines: however long one is, little of it is held.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// What comes next is drawn over what there is.
    again: bool,
    cut: bool,
}

impl Lines {
    /// One byte more; the line that it ends, if it says something.
    pub(super) fn push(&mut self, byte: u8) -> Option<String> {
        match byte {
            b'\n' => {
                let text = String::from_utf8_lossy(&self.line);
                let mut text = visible(text.trim_end());
                if self.cut {
                    text.push_str(CUT);
                }
                *self = Self::default();
                return (!text.trim().is_empty()).then_some(text);
            }
            b'\r' => self.again = true,
            _ if self.again && byte.is_ascii_whitespace() => {}
            _ => {
                if std::mem::take(&mut self.again) {
                    self.line.clear();
                    self.cut = false;
                }
                if self.line.len() < LONGEST {
                    self.line.push(byte);
                } else {
                    self.cut = true;
                }
            }
        }
        None
    }
}
