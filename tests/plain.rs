//! The wizard line by line, through pipes: what is said is what a screen reader would speak, and it is all there is.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pos_upgrade_tui::host::demo::Demo;

use crate::common::{Sandbox, assert_same, snapshot, text};

const PATIENCE: Duration = Duration::from_secs(60);

/// A run that is talked with.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    spoken: Arc<Mutex<Vec<u8>>>,
    heard: usize,
}

impl Talk {
    fn begin(sandbox: &Sandbox, words: &[&str]) -> Self {
        let mut command = sandbox.command();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let spoken = Arc::new(Mutex::new(Vec::new()));
        let (mut output, all) = (child.stdout.take().unwrap(), Arc::clone(&spoken));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                all.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Self { input: child.stdin.take(), child, spoken, heard: 0 }
    }

    fn all(&self) -> String {
        String::from_utf8(self.spoken.lock().unwrap().clone()).unwrap()
    }

    /// Waits for the next time that a number is asked for: what was said before it.
    fn asked(&mut self) -> String {
        const END: &str = "then Enter.\n";
        let begun = Instant::now();
        loop {
            let all = self.all();
            if let Some(at) = all[self.heard..].find(END) {
                let asked = all[self.heard..][..at + END.len()].to_owned();
                self.heard += asked.len();
                return asked;
            }
            assert!(begun.elapsed() < PATIENCE, "nothing was asked:\n{all}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the next question with these words, and gives the number of the choice with those.
    fn number(&mut self, question: &str, choice: &str) -> String {
        let asked = self.asked();
        assert!(asked.contains(question), "{question:?} is not what is asked:\n{asked}");
        let choices = asked.lines().filter_map(|line| line.split_once(": "));
        let number =
            choices.filter(|(_, words)| words.contains(choice)).find(|(number, _)| number.parse::<u8>().is_ok());
        number.unwrap_or_else(|| panic!("no {choice:?}:\n{asked}")).0.to_owned()
    }

    /// Chooses so.
    fn choose(&mut self, question: &str, choice: &str) {
        let number = self.number(question, choice);
        self.types(&number);
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Nobody types any more: how it ends, and all that was said.
    fn end(mut self) -> (Option<i32>, String) {
        self.input = None;
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.all());
            std::thread::sleep(Duration::from_millis(10));
        };
        // The thread that reads may be behind.
        std::thread::sleep(Duration::from_millis(50));
        (code, self.all())
    }
}

fn world() -> (Sandbox, Demo) {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    (sandbox, demo)
}

fn words<'a>(demo: &'a Demo, more: &[&'a str]) -> Vec<&'a str> {
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    [&["--plain", "--only", "content", "--project", project, "--source", source], more].concat()
}

/// Letters, marks of sentences, line ends: nothing that draws, moves or colours.
fn assert_speakable(said: &str) {
    let odd: Vec<char> =
        said.chars().filter(|c| (c.is_control() && *c != '\n') || ('\u{2500}'..='\u{259f}').contains(c)).collect();
    assert!(odd.is_empty(), "{odd:?} in:\n{said}");
    // Each question has the next number; one that is said again has its own.
    let words = said.lines().filter_map(|line| line.strip_prefix("Question ")?.split('.').next());
    let mut last = 0;
    for number in words.map(|number| number.parse::<u32>().unwrap()) {
        assert!(number == last || number == last + 1, "{number} follows {last}:\n{said}");
        last = number;
    }
    assert!(last > 1, "{said}");
}

#[test]
fn a_whole_upgrade_with_three_conflicts_and_back() {
    let (sandbox, demo) = world();
    let before = snapshot(&demo.install);
    let mut talk = Talk::begin(&sandbox, &words(&demo, &[]));
    talk.choose("What now?", "Hear each file that changes");
    let start = talk.number("What now?", "Start the upgrade");
    for wrong in ["no number", "9", "0", "-1"] {
        talk.types(wrong);
        assert!(talk.asked().contains(&format!("There is no choice \"{wrong}\".")));
    }
    talk.types("");
    assert!(talk.asked().contains("Question 2. What now?"));
    talk.types(&start);
    talk.choose("What becomes of standards/universal/ai-safety/git-safety.md?", "Decide about each of the 3 places");
    talk.choose("Which lines stand there?", "Back to the whole file");
    talk.choose("What becomes of", "Hear both");
    talk.choose("What becomes of", "Decide about each of the 3 places");
    talk.choose("Which lines stand there?", "Yours, then the release's");
    talk.choose("Which lines stand there?", "The release's");
    talk.choose("Which lines stand there?", "Yours");
    talk.choose("What becomes of standards/universal/concurrency/race-conditions.md?", "Keep yours");
    talk.choose("What becomes of standards/universal/documentation/readme-guide.md?", "Put it off");
    talk.choose("All conflicts are settled", "Answer standards/universal/concurrency/race-conditions.md again");
    talk.choose("What becomes of standards/universal/concurrency/race-conditions.md?", "Take the release's");
    talk.choose("All conflicts are settled", "Apply the upgrade");
    talk.choose("What now?", "Undo it");
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    for words in ["Conflict 3 of 3", "Place 3 of 3, in ## ", "is back as it was"] {
        assert!(said.contains(words), "{words:?}:\n{said}");
    }
    assert_speakable(&said);
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn whoever_goes_away_finds_the_answers_again() {
    let (sandbox, demo) = world();
    let mut talk = Talk::begin(&sandbox, &words(&demo, &[]));
    talk.choose("What now?", "Start the upgrade");
    talk.choose("git-safety.md?", "Keep yours");
    let (code, said) = talk.end();
    assert!(code == Some(130) && said.contains("can be resumed"), "{code:?}: {said}");
    let project = demo.project.to_str().unwrap();
    // Killed in the middle of a question.
    let mut talk = Talk::begin(&sandbox, &["resume", "--plain", "--project", project]);
    talk.choose("race-conditions.md?", "Keep yours");
    talk.asked();
    talk.child.kill().unwrap();
    talk.child.wait().unwrap();
    // The wizard itself finds it, too.
    let mut talk = Talk::begin(&sandbox, &words(&demo, &[]));
    talk.choose("What becomes of it?", "Go on where it stopped");
    talk.choose("readme-guide.md?", "Take the release's");
    talk.choose("All conflicts are settled", "Apply the upgrade");
    talk.choose("What now?", "End");
    let (code, said) = talk.end();
    assert!(code == Some(0) && said.contains("2 of 3 conflicts are settled already."), "{code:?}: {said}");
    let (code, said) = text(&sandbox.run(&words(&demo, &[])));
    assert!(code == 0 && said.contains("nothing to do"), "{said}");
}

#[test]
fn what_was_put_off_is_settled_line_by_line() {
    let (sandbox, demo) = world();
    let project = demo.project.to_str().unwrap();
    let source = demo.source.to_str().unwrap();
    let park =
        ["upgrade", "--yes", "--on-conflict", "park", "--only", "content", "--project", project, "--source", source];
    assert_eq!(text(&sandbox.run(&park)).0, 0);
    let mut talk = Talk::begin(&sandbox, &["resolve", "--plain", "--project", project]);
    for file in ["git-safety.md?", "race-conditions.md?", "readme-guide.md?"] {
        talk.choose(file, "Take the release's");
    }
    talk.choose("All conflicts are settled", "Apply the upgrade");
    talk.choose("What now?", "End");
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(text(&sandbox.run(&["resolve", "--project", project])).1.contains("nothing to resolve"), "{said}");
}

#[test]
fn an_end_before_it_starts_changes_nothing() {
    let (sandbox, demo) = world();
    let before = snapshot(&demo.install);
    let (code, said) = Talk::begin(&sandbox, &words(&demo, &[])).end();
    assert!(code == Some(0) && said.contains("Not started; nothing was changed."), "{code:?}: {said}");
    assert_same(&before, &snapshot(&demo.install));
}
