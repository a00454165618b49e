//! A `git cat-file --batch` that runs on: it is asked for objects by their ids, one by one or many at once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::host::git::error::GitError;
use crate::host::process::timing::{Who, waiting};

/// A file of a release that is larger is not read: it would have to be held in memory.
const LARGEST: u64 = 512 << 20;

/// Kind and bytes of an object, if there is one.
pub(super) type Found = Option<(String, Vec<u8>)>;

/// Its pipes.
#[derive(Debug)]
pub(super) struct Pipes {
    child: Child,
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
}

impl Drop for Pipes {
    fn drop(&mut self) {
        let _git = waiting(Who::Git);
        // Closing its input ends it; one that still has something to say would wait for a reader. Waiting keeps no zombie.
        self.ask.take();
        let begun = std::time::Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < std::time::Duration::from_secs(1) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pipes {
    /// Starts one with this command of git.
    ///
    /// # Errors
    /// [`GitError::NoGit`].
    pub(super) fn open(mut command: Command) -> Result<Self, GitError> {
        let _git = waiting(Who::Git);
        command.args(["cat-file", "--batch"]);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(GitError::NoGit)?;
        let (Some(ask), Some(answer)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(GitError::Unexpected { command: "cat-file", what: "no pipes".into() });
        };
        Ok(Self { child, ask: Some(ask), answer: BufReader::new(answer) })
    }

    /// The object with this id.
    ///
    /// # Errors
    /// [`std::io::Error`]; then it is out of step with us.
    pub(super) fn ask(&mut self, id: &str) -> std::io::Result<Found> {
        let ask = self.ask.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        ask.write_all(format!("{id}\n").as_bytes())?;
        self.answered(id)
    }

    /// Asks for many while the answers are taken in, in the same order. Whether it is in step with us behind it: it is not
    /// where it gave up over one, whose answer and those of all behind it are not told.
    ///
    /// # Errors
    /// The first that `each` returns.
    pub(super) fn ask_all<E: Send>(
        &mut self,
        ids: &[impl AsRef<str> + Sync],
        mut each: impl FnMut(Found) -> Result<(), E>,
    ) -> Result<bool, E> {
        if ids.is_empty() {
            return Ok(true);
        }
        let Some(mut ask) = self.ask.take() else { return Ok(false) };
        let (asked, told) = std::thread::scope(|scope| {
            let asking = scope.spawn(move || {
                let text =
                    |ids: &[_]| ids.iter().fold(String::new(), |all, id: &_| all + AsRef::<str>::as_ref(id) + "\n");
                let written = ids.chunks(256).all(|some| ask.write_all(text(some).as_bytes()).is_ok());
                written.then_some(ask)
            });
            let told = ids.iter().try_for_each(|id| match self.answered(id.as_ref()) {
                Ok(found) => each(found).map_err(Some),
                Err(_) => Err(None),
            });
            if told.is_err() {
                // Nobody reads what it says from here on, and whoever asks it would wait.
                let _ = self.child.kill();
            }
            (asking.join().ok().flatten(), told)
        });
        self.ask = asked;
        match told {
            Err(Some(error)) => Err(error),
            told => Ok(told.is_ok() && self.ask.is_some()),
        }
    }

    /// Kind and bytes of an object that was asked for; none if there is none.
    fn answered(&mut self, id: &str) -> std::io::Result<Found> {
        let mut line = Vec::new();
        // It repeats what it was asked, and a few words.
        self.answer.by_ref().take(id.len() as u64 + 256).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.trim_end().rsplit(' ');
        let (size, kind) = (words.next(), words.next());
        let Some(size) = size.and_then(|s| s.parse::<u64>().ok()) else { return Ok(None) };
        if size > LARGEST {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        // As it comes, not as it was promised.
        let mut bytes = Vec::new();
        self.answer.by_ref().take(size + 1).read_to_end(&mut bytes)?;
        if bytes.pop() != Some(b'\n') || bytes.len() as u64 != size {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((kind.unwrap_or_default().to_owned(), bytes)))
    }
}
