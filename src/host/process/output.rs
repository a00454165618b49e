//! Programs that are asked something and answer: what they print is kept in memory, so it is limited, and so is the time
//! that they may take.

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::core::visible;

use crate::host::files::fs::human_size;

/// Of complaints the end is kept: it says what went wrong.
const COMPLAINTS: usize = 64 << 10;
/// Who complains more than this never ends.
const MOST_COMPLAINTS: u64 = 64 << 20;
/// How long a program may go on to live that has closed its output, or whose output something else holds open.
const REST: Duration = Duration::from_secs(2);

/// How much a program may say, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of its answer.
    pub(crate) answer: usize,
    /// From start to end; none for what may need a person or a network.
    pub(crate) time: Option<Duration>,
}

/// For answers of a few lines.
pub(crate) const SHORT: Bounds = Bounds { answer: 1 << 20, time: Some(Duration::from_secs(60)) };

/// What a program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// All that it printed.
    pub(crate) stdout: Vec<u8>,
    /// The end of its complaints.
    pub(crate) stderr: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// It could not be started or followed.
    #[error("{0}")]
    Start(io::Error),
    /// It did more than it may, and was ended.
    #[error("it {0} and was ended")]
    Ended(String),
}

/// What is read of a pipe, shared with who waits.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    total: u64,
}

/// Reads a pipe to its end. Of more than `most` bytes either the end is kept, or (`whole`) reading stops.
fn follow(
    mut pipe: impl Read + Send + 'static,
    most: usize,
    whole: bool,
    ended: mpsc::Sender<bool>,
) -> Arc<Mutex<Kept>> {
    let kept = Arc::new(Mutex::new(Kept::default()));
    let shared = Arc::clone(&kept);
    std::thread::spawn(move || {
        let limit = if whole { most as u64 } else { MOST_COMPLAINTS };
        let mut buffer = [0; 16 << 10];
        let sound = loop {
            let read = match pipe.read(&mut buffer) {
                Ok(0) => break true,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break true,
            };
            let Ok(mut kept) = shared.lock() else { break true };
            kept.total += read as u64;
            if kept.total > limit {
                break false;
            }
            kept.bytes.extend_from_slice(&buffer[..read]);
            if kept.bytes.len() > 2 * most {
                let cut = kept.bytes.len() - most;
                kept.bytes.drain(..cut);
            }
        };
        let _ = ended.send(sound);
    });
    kept
}

fn taken(kept: &Mutex<Kept>) -> Vec<u8> {
    kept.lock().map(|mut kept| std::mem::take(&mut kept.bytes)).unwrap_or_default()
}

/// Ends a child and takes its body away.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Runs a program to its end, with this on its standard input; its answer, whole, whatever its exit code says.
///
/// # Errors
/// [`OutputError`]; then it has ended.
pub(crate) fn output(command: &mut Command, input: Option<Vec<u8>>, bounds: Bounds) -> Result<Answer, OutputError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let begun = Instant::now();
    let mut child = command.spawn().map_err(OutputError::Start)?;
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        // One that ends early closes the pipe; its exit tells more than the failed write.
        std::thread::spawn(move || drop(pipe.write_all(&input)));
    }
    let (ended, ends) = mpsc::channel();
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        end(&mut child);
        return Err(OutputError::Start(io::Error::other("no pipes")));
    };
    let said = follow(out, bounds.answer, true, ended.clone());
    let complained = follow(err, COMPLAINTS, false, ended);
    let over = |limit: Duration| OutputError::Ended(format!("took more than {} s", limit.as_secs()));
    let mut open = 2;
    // Something that it started may hold a pipe open for longer than it lives.
    let mut gone: Option<(ExitStatus, Instant)> = None;
    while open > 0 {
        match ends.recv_timeout(Duration::from_millis(if gone.is_some() { 20 } else { 100 })) {
            Ok(true) => open -= 1,
            Ok(false) => {
                end(&mut child);
                let most = human_size(bounds.answer.max(COMPLAINTS) as u64);
                return Err(OutputError::Ended(format!("printed without end, more than {most},")));
            }
            Err(_) => {
                if let Ok(Some(status)) = child.try_wait() {
                    let (_, since) = *gone.get_or_insert((status, Instant::now()));
                    if since.elapsed() > REST {
                        break;
                    }
                }
            }
        }
        if let Some(limit) = bounds.time.filter(|limit| begun.elapsed() > *limit) {
            end(&mut child);
            return Err(over(limit));
        }
    }
    let status = loop {
        match (child.try_wait().map_err(OutputError::Start)?, bounds.time) {
            (Some(status), _) => break status,
            (None, Some(limit)) if begun.elapsed() > limit => {
                end(&mut child);
                return Err(over(limit));
            }
            (None, _) => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    Ok(Answer { status, stdout: taken(&said), stderr: taken(&complained) })
}

/// The last line of what a program complained about, as one line.
pub(crate) fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    visible::start_of(text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default().trim(), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LITTLE: Bounds = Bounds { answer: 100_000, time: Some(Duration::from_secs(30)) };

    #[test]
    fn answers_are_whole_and_complaints_keep_their_end() {
        let answer = output(&mut sh("cat; echo oh >&2; exit 3"), Some(b"x".repeat(90_000)), LITTLE).unwrap();
        assert_eq!((answer.status.code(), answer.stdout.len()), (Some(3), 90_000));
        assert_eq!(last_line(&answer.stderr), "oh");
        let answer = output(&mut sh("yes | head -c 3000000 >&2; printf '\\nend\\n' >&2"), None, LITTLE).unwrap();
        assert!(answer.stderr.len() <= 2 * COMPLAINTS + (16 << 10) && last_line(&answer.stderr) == "end");
    }

    #[test]
    fn what_has_no_end_is_ended() {
        for script in ["yes", "cat /dev/zero", "yes >&2", "cat /dev/zero >&2"] {
            let error = output(&mut sh(script), None, LITTLE).unwrap_err().to_string();
            assert!(error.contains("without end"), "{script}: {error}");
        }
        let short = Bounds { answer: 10, time: Some(Duration::from_millis(200)) };
        let begun = Instant::now();
        assert!(output(&mut sh("exec sleep 30"), None, short).unwrap_err().to_string().contains("took more"));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_it_leaves_behind_does_not_keep_us() {
        let begun = Instant::now();
        let answer = output(&mut sh("echo a; sleep 30 & echo $!"), None, LITTLE).unwrap();
        assert!(answer.status.success() && begun.elapsed() < Duration::from_secs(20));
        let text = String::from_utf8(answer.stdout).unwrap();
        let pid = text.lines().nth(1).unwrap().parse::<i32>().unwrap();
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL);
    }
}
