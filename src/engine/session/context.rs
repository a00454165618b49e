//! A session while it runs: its state, its voice, its ears, and how tasks are timed and told.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::core::account::Account;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::question::{Question, Way};
use crate::core::session::{PhaseRecord, Seconds, Session, StateEvent, time_of};
use crate::core::task::Task;
use crate::core::visible::Shown as _;
use crate::engine::events::{Command, Event, Level, Outcome};
use crate::engine::planning::source::Source;
use crate::engine::session::background::Background;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, Told, spent_on};
use crate::host::files::fs::visible;
use crate::host::files::stat_cache::StatCache;
use crate::host::git::GitError;
use crate::host::install::locked::LockedInstall;
use crate::host::process::children::Mark;
use crate::host::process::timing;
use crate::host::process::timing::{Who, waiting};
use crate::host::server::{self, Started};
use crate::host::session::catalog::Found;
use crate::host::session::lock::Lock;
use crate::host::session::store;

/// Progress is told at most this often.
const PROGRESS: Duration = Duration::from_millis(50);

/// How long an answer is waited for before looking around.
const LOOK_AROUND: Duration = Duration::from_millis(250);

/// The running session.
pub(crate) struct Run {
    /// What is saved.
    pub(crate) session: Session,
    /// Held until the end.
    pub(crate) lock: Lock,
    /// The sessions as they were when the lock was taken; this one is among them if it was taken up again.
    pub(crate) found: Found,
    /// The source, once it is open and as long as it is needed: see [`Run::source`].
    pub(crate) source: Option<Arc<Source>>,
    /// A server that this process started.
    pub(crate) server: Option<Started>,
    /// What the server before was told by its environment; secrets may be among it, so it is never saved.
    pub(crate) server_settings: Option<server::Settings>,
    /// Warnings for the report.
    pub(crate) warnings: Vec<String>,
    /// What is worth knowing and needs nothing.
    pub(crate) notes: Vec<String>,
    /// What was tried in the rehearsal and what came of it, line by line.
    pub(crate) tried: Vec<String>,
    /// Programs that the current phase ran.
    pub(crate) commands_run: Vec<String>,
    /// Where everything of the user's was when that was looked at last.
    pub(crate) account: Option<Account>,
    /// What was known of the install's files when they were hashed last.
    pub(crate) hashed: StatCache,
    /// What goes on beside the phases.
    pub(crate) background: Option<Box<dyn Background>>,
    /// Seconds that the phases may take.
    pub(crate) estimates: [u32; 6],
    /// A rollback moves aside also what can't be looked at.
    pub(crate) set_aside: bool,
    /// For talking MCP.
    pub(crate) runtime: tokio::runtime::Handle,
    events: mpsc::Sender<Event>,
    commands: mpsc::Receiver<Command>,
    asked: Option<Stop>,
    /// Answers that were heard while looking for a wish to stop.
    answers: VecDeque<Command>,
    deaf: bool,
    last_progress: Instant,
    begun: Instant,
}

impl Run {
    /// Takes a session up. Must be made on a thread that may block.
    pub(crate) fn new(
        session: Session,
        lock: Lock,
        runtime: tokio::runtime::Handle,
        events: mpsc::Sender<Event>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let now = Instant::now();
        timing::reset();
        Self {
            begun: now,
            session,
            lock,
            found: Found::default(),
            source: None,
            server: None,
            server_settings: None,
            warnings: Vec::new(),
            notes: Vec::new(),
            tried: Vec::new(),
            commands_run: Vec::new(),
            account: None,
            hashed: StatCache::default(),
            background: None,
            set_aside: false,
            estimates: Phase::ALL.map(Phase::estimate_seconds),
            runtime,
            events,
            commands,
            asked: None,
            answers: VecDeque::new(),
            deaf: false,
            last_progress: now.checked_sub(PROGRESS).unwrap_or(now),
        }
    }

    /// Where the time went since this process took the session up.
    pub(crate) fn seconds(&self) -> Seconds {
        // To the millisecond.
        let round = |time: Duration| time.as_millis() as f64 / 1e3;
        let [pip, server, git, programs, waiting] = Who::ALL.map(timing::spent);
        let total = self.begun.elapsed();
        let own = total.saturating_sub(pip + server + git + programs + waiting);
        Seconds {
            total: round(total),
            own: round(own),
            pip: round(pip),
            server: round(server),
            git: round(git),
            programs: round(programs),
            waiting: round(waiting),
        }
    }

    /// Says something to the face. A face that is gone is noticed at the next [`Self::check`].
    pub(crate) fn say(&self, event: Event) {
        let _ = self.events.blocking_send(event);
    }

    /// A log line.
    pub(crate) fn log(&self, level: Level, origin: &'static str, text: &str) {
        self.say(Event::Log { level, origin, text: visible(text) });
    }

    /// A warning: logged, and kept for the report.
    pub(crate) fn warn(&mut self, origin: &'static str, text: String) {
        self.log(Level::Warn, origin, &text);
        self.warnings.push(visible(&text));
    }

    /// How far a task is; most calls are swallowed.
    pub(crate) fn progress(&mut self, phase: Phase, task: Task, done: u64, total: u64, detail: impl ToString) {
        if self.last_progress.elapsed() >= PROGRESS || done == total {
            self.last_progress = Instant::now();
            self.say(Event::TaskProgress { phase, task, done, total, detail: visible(&detail.to_string()) });
        }
    }

    /// The source at the commit that was approved: the one that the plan was made from, or where a session is taken up
    /// again one that is opened when it is first asked for. All phases read from this one.
    ///
    /// # Errors
    /// [`GitError`].
    pub(crate) fn source(&mut self) -> Result<Arc<Source>, GitError> {
        if let Some(source) = &self.source {
            return Ok(Arc::clone(source));
        }
        let source = Arc::new(Source::open(self.session.source(), Some(self.session.source_commit()))?);
        Ok(Arc::clone(self.source.insert(source)))
    }

    /// All sessions of the install as they are now: those that were found under the lock, and this one.
    pub(crate) fn found_now(&self) -> Found {
        self.found.with(&self.session)
    }

    /// The install, for whoever writes into it.
    pub(crate) fn install(&self) -> LockedInstall {
        self.lock.install().clone()
    }

    /// Saves the session.
    ///
    /// # Errors
    /// [`Stop::Failed`]: without its truth on disk nothing may go on.
    pub(crate) fn save(&mut self) -> Result<(), Stop> {
        self.session.updated_at = now();
        for moved in store::save(self.lock.install(), &self.session)? {
            self.warn("session", format!("a damaged session file was moved aside: {}", moved.shown()));
        }
        Ok(())
    }

    /// Moves the session on to the state behind an event. It is saved with the next save.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the event can't happen.
    pub(crate) fn advance(&mut self, event: &StateEvent) -> Result<(), Stop> {
        self.session.advance(event)?;
        Ok(())
    }

    /// Moves the session on and saves it. Where it can't be saved, its state stays as it was.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the event can't happen, or the session can't be saved.
    pub(crate) fn commit(&mut self, event: &StateEvent) -> Result<(), Stop> {
        let before = self.session.advance(event)?;
        let saved = self.save();
        if saved.is_err() {
            self.session.take_back(before);
        }
        saved
    }

    /// Whether the face asked to stop; called between steps, where stopping is safe.
    ///
    /// # Errors
    /// [`Stop::Pause`] or [`Stop::RollBack`].
    pub(crate) fn check(&mut self) -> Result<(), Stop> {
        if let Some(pid) = self.background.as_mut().and_then(|work| work.poll()) {
            self.note_child(pid);
        }
        if self.deaf {
            return Ok(());
        }
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.hear(command),
                Err(mpsc::error::TryRecvError::Empty) => break,
                // The face is gone.
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.asked.get_or_insert(Stop::Pause);
                    break;
                }
            }
        }
        self.asked.clone().map_or(Ok(()), Err)
    }

    fn hear(&mut self, command: Command) {
        match command {
            Command::Pause => self.asked = Some(Stop::Pause),
            Command::RollBack => self.asked = Some(Stop::RollBack),
            Command::Decide(_)
            | Command::Refused(..)
            | Command::Rule { .. }
            | Command::Finish(_)
            | Command::Choose { .. } => self.answers.push_back(command),
        }
    }

    /// Whether more answers have come already.
    pub(crate) fn has_answers(&mut self) -> bool {
        // A wish to stop is heard by whoever waits for the next one.
        let _ = self.check();
        !self.answers.is_empty()
    }

    /// The next answer, waiting for it.
    ///
    /// # Errors
    /// [`Stop`] if that is what was asked, or the face is gone.
    pub(crate) fn wait_for_answer(&mut self) -> Result<Command, Stop> {
        let _person = waiting(Who::Person);
        loop {
            let stop = self.check();
            // What was said before the wish to stop still counts.
            if let Some(answer) = self.answers.pop_front() {
                return Ok(answer);
            }
            stop?;
            let heard = match self.background.as_ref().is_some_and(|work| work.is_busy()) {
                // A while at a time: what goes on meanwhile is looked after.
                true => self.runtime.block_on(tokio::time::timeout(LOOK_AROUND, self.commands.recv())),
                false => Ok(self.runtime.block_on(self.commands.recv())),
            };
            match heard {
                Ok(Some(command)) => self.hear(command),
                Ok(None) => return Err(Stop::Pause),
                Err(_) => {}
            }
        }
    }

    /// Asks a person in the middle of a phase, and waits. The question and an answer that lasts are saved: what was
    /// answered once isn't asked again by a session that is taken up. A face without a person answers with
    /// [`Question::unattended`].
    ///
    /// # Errors
    /// [`Stop`] if that is what was asked, the face is gone, or the session can't be saved.
    pub(crate) fn ask(&mut self, question: Question) -> Result<Way, Stop> {
        if let Some(way) = self.session.chosen.get(&question.id).filter(|way| question.offers(**way)) {
            return Ok(*way);
        }
        self.advance(&StateEvent::Asked(question.clone()))?;
        self.save()?;
        self.say(Event::QuestionAsked(question.clone()));
        let way = loop {
            match self.wait_for_answer()? {
                Command::Choose { id, way } if id == question.id && question.offers(way) => break way,
                // Meant for a question that is answered already.
                _ => {}
            }
        };
        self.advance(&StateEvent::Decided)?;
        if way.lasts() {
            self.session.chosen.insert(question.id.clone(), way);
        }
        self.save()?;
        self.say(Event::QuestionAnswered { id: question.id, way });
        Ok(way)
    }

    /// From here on nobody is asked: a rollback must not be stopped by the wish that began it.
    pub(crate) fn stop_listening(&mut self) {
        self.asked = None;
        self.deaf = true;
        self.commands.close();
    }

    /// Runs one task and tells its beginning and end.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) fn task<T>(
        &mut self,
        phase: Phase,
        task: Task,
        work: impl FnOnce(&mut Self) -> TaskResult<T>,
    ) -> Result<T, Stop> {
        self.say(Event::TaskStarted { phase, task });
        let clock = Clock::start();
        let result = {
            let _others = spent_on(task).map(waiting);
            work(self)
        };
        let seconds = clock.seconds();
        let told = |outcome, detail: &str| Event::TaskFinished {
            phase,
            task,
            outcome,
            detail: visible(detail.lines().next().unwrap_or_default()),
            seconds,
        };
        match result {
            Ok(Told { outcome, detail, value }) => {
                self.say(told(outcome, &detail));
                Ok(value)
            }
            Err(stop) => {
                if let Stop::Failed { what, .. } = &stop {
                    self.say(told(Outcome::Failed, what));
                    for line in what.lines() {
                        self.log(Level::Error, "upgrade", line);
                    }
                }
                Err(stop)
            }
        }
    }

    /// Runs one phase and saves its evidence before it returns.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) fn phase<E: Serialize>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> Result<E, Stop>,
    ) -> Result<(), Stop> {
        self.check()?;
        // A question that was left open is asked again when the phase comes to it.
        self.session.begin_phase(phase)?;
        self.commands_run.clear();
        self.save()?;
        let estimate_seconds = self.estimates[usize::from(phase.number())];
        self.say(Event::PhaseStarted { phase, name: phase.name(), estimate_seconds });
        let clock = Clock::start();
        let evidence = match serde_json::to_value(work(self)?) {
            Ok(Value::Object(evidence)) => evidence,
            _ => Map::new(),
        };
        let seconds = clock.seconds();
        let record = PhaseRecord {
            evidence: evidence.clone(),
            commands: std::mem::take(&mut self.commands_run),
            timestamp: now(),
            seconds,
        };
        self.session.complete(phase, record);
        self.save()?;
        self.say(Event::PhaseFinished { phase, evidence, seconds });
        Ok(())
    }

    /// A folder of this session's own.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        store::folder(&self.session.install, &self.session.session_id).join(name)
    }

    /// Notes a child process that would live on if this one died, so that whoever takes the lock over can end it.
    pub(crate) fn note_child(&mut self, pid: u32) {
        // Without the note the child just ends by itself later.
        if let Err(e) = self.lock.note_child(pid) {
            self.log(Level::Warn, "lock", &e.to_string());
        }
    }

    /// Lets a server live on, whatever this process ends of: it is the user's from here on.
    pub(crate) fn hand_over(&mut self, mark: &Mark, pid: u32) {
        if let Err(e) = self.lock.hand_over(mark, pid) {
            self.log(Level::Warn, "lock", &e.to_string());
        }
    }

    /// A path as the seed writes it: relative to the project, beginning with `.praxis-os/`.
    pub(crate) fn shown(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.session.project).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Where this session puts what the user wrote and no plan could place.
    ///
    /// # Errors
    /// Never in practice: stamps are digits.
    pub(crate) fn rescue_folder(&self) -> Result<RelPath, Stop> {
        RelPath::new(format!("rescued/{}", self.session.stamp)).map_err(Stop::failed)
    }
}

/// How long something takes, without the time that a person takes over questions.
pub(crate) struct Clock {
    begun: Instant,
    waited: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), waited: timing::spent(Who::Person) }
    }

    pub(crate) fn seconds(&self) -> f64 {
        let waited = timing::spent(Who::Person).saturating_sub(self.waited);
        self.begun.elapsed().saturating_sub(waited).as_secs_f64()
    }
}

/// Now, UTC, to the second, as RFC 3339.
pub(crate) fn now() -> String {
    time_of(jiff::Timestamp::now())
}
