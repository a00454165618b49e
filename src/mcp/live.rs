//! Sessions that run in this process, and what was seen of them: the engine's events, folded into where it stands.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::question::Question;
use crate::core::session::{Decision, Session, Status};
use crate::engine::events::{Command, ConflictFile, Event, Finish, FinishKind, Level};
use crate::engine::executor::Handle;

/// So many warnings are kept for who asks later.
const KEPT: usize = 40;

/// What a session waits for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Waits {
    /// Nothing: it works.
    #[default]
    No,
    /// Answers to conflicts, or the word to apply.
    Conflicts,
    /// An answer to a question.
    Question(Question),
}

/// What was seen of a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Its uuid, once it has begun.
    pub(crate) session_id: Option<String>,
    /// The phase that runs.
    pub(crate) phase: Option<Phase>,
    /// The task that runs, by its name.
    pub(crate) task: Option<String>,
    /// How far the task is: done, of how many (0 if not known), with what.
    pub(crate) progress: (u64, u64, String),
    /// How many tasks have ended.
    pub(crate) tasks_done: u32,
    /// What it waits for.
    pub(crate) waits: Waits,
    /// The conflicts, since they were opened.
    pub(crate) files: Arc<Vec<ConflictFile>>,
    /// The answers that are saved.
    pub(crate) answers: BTreeMap<RelPath, Decision>,
    /// Answers that could not be carried out, and why.
    pub(crate) refused: BTreeMap<RelPath, String>,
    /// Warnings and errors, the last ones.
    pub(crate) log: VecDeque<String>,
    /// How it ended.
    pub(crate) finish: Option<Finish>,
    /// It ended, also where it did so without a word.
    pub(crate) over: bool,
}

impl Seen {
    /// Whether somebody else has to do something now.
    pub(crate) fn rests(&self) -> bool {
        self.over || self.waits != Waits::No
    }

    /// How many conflicts have no answer.
    pub(crate) fn open(&self) -> usize {
        self.files.iter().filter(|f| !self.answers.contains_key(&f.path)).count()
    }

    /// Whether the session has moved on elsewhere since it ended here, as by a rollback that a person typed: what was said of
    /// that end says nothing of now.
    pub(crate) fn is_overtaken(&self, session: &Session) -> bool {
        let ends = [
            (FinishKind::Completed, Status::Completed),
            (FinishKind::RolledBack, Status::RolledBack),
            (FinishKind::Aborted, Status::Aborted),
        ];
        let finish = self.finish.as_ref();
        finish.is_some_and(|f| ends.iter().any(|(told, is)| (f.result == *told) != (session.status() == *is)))
    }

    fn take_in(&mut self, event: Event) {
        match event {
            Event::SessionStarted { session_id, .. } => self.session_id = Some(session_id),
            Event::PhaseStarted { phase, .. } => {
                (self.phase, self.task) = (Some(phase), None);
            }
            Event::TaskStarted { task, .. } => {
                (self.task, self.progress) = (Some(task.name().to_owned()), Default::default());
            }
            Event::TaskProgress { done, total, detail, .. } => self.progress = (done, total, detail),
            Event::TaskFinished { .. } => self.tasks_done += 1,
            Event::Log { level, origin, text } if level > Level::Info => {
                self.log.push_back(format!("{origin}: {text}"));
                if self.log.len() > KEPT {
                    self.log.pop_front();
                }
            }
            Event::ConflictsOpen { files } => {
                let answered =
                    files.iter().filter(|f| f.answered).filter_map(|f| Some((f.path.clone(), f.draft.clone()?)));
                self.answers = answered.collect();
                (self.files, self.waits) = (files, Waits::Conflicts);
            }
            Event::Answered { path, answer } => {
                self.refused.remove(&path);
                self.answers.insert(path, answer);
            }
            Event::AnswerRefused { path, problem, .. } => {
                self.answers.remove(&path);
                self.refused.insert(path, problem);
            }
            Event::QuestionAsked(question) => self.waits = Waits::Question(question),
            Event::QuestionAnswered { .. } | Event::RollbackStarted { .. } => self.waits = Waits::No,
            Event::Finished(finish) => {
                (self.finish, self.over, self.waits) = (Some(finish), true, Waits::No);
            }
            Event::PhaseFinished { .. }
            | Event::NotDone { .. }
            | Event::RollbackFinished { .. }
            | Event::Log { .. } => {}
        }
    }
}

/// A session that runs here. When the last of these goes, the session pauses after its current step.
#[derive(Debug)]
pub(crate) struct Live {
    /// Its project.
    pub(crate) project: PathBuf,
    commands: mpsc::Sender<Command>,
    /// What is seen of it.
    pub(crate) seen: watch::Receiver<Seen>,
    told: watch::Sender<Seen>,
}

impl Live {
    /// Begins to watch a session.
    fn watch(project: &Path, handle: Handle) -> Arc<Self> {
        let (told, seen) = watch::channel(Seen::default());
        let Handle { mut events, commands } = handle;
        let live = Arc::new(Self { project: project.to_owned(), commands, seen, told: told.clone() });
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                told.send_modify(|seen| seen.take_in(event));
            }
            told.send_modify(|seen| seen.over = true);
        });
        live
    }

    /// Tells the session something. One that has ended hears nothing.
    pub(crate) async fn say(&self, command: Command) {
        // Before the engine can say the next thing.
        match &command {
            Command::Finish(_) | Command::RollBack | Command::Pause => {
                self.told.send_modify(|seen| seen.waits = Waits::No);
            }
            // A late answer to an earlier question says nothing about the one that waits now.
            Command::Choose { id, .. } => self.told.send_modify(|seen| {
                if matches!(&seen.waits, Waits::Question(question) if question.id == *id) {
                    seen.waits = Waits::No;
                }
            }),
            _ => {}
        }
        if let Command::Decide(changes) = &command {
            // What was said of earlier ones is no longer about them.
            self.told.send_modify(|seen| seen.refused.retain(|path, _| changes.iter().all(|(p, _)| p != path)));
        }
        let _ = self.commands.send(command).await;
    }

    /// What is seen of it now.
    pub(crate) fn now(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

/// The session of this process: the one that runs, or ran last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Here(Arc<Mutex<Option<Arc<Live>>>>);

impl Here {
    /// Begins one, if none runs: what a session starts carries the mark of this process's one session, and after a crash
    /// that of another project would be taken for this one's. The one that has ended is forgotten.
    ///
    /// # Errors
    /// The one that runs.
    pub(crate) fn begin(&self, project: &Path, start: impl FnOnce() -> Handle) -> Result<Arc<Live>, Arc<Live>> {
        let mut here = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = here.as_ref().filter(|one| !one.seen.borrow().over) {
            return Err(one.clone());
        }
        Ok(here.insert(Live::watch(project, start())).clone())
    }

    /// It, if it is this one.
    pub(crate) fn find(&self, session_id: &str) -> Option<Arc<Live>> {
        let here = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        here.clone().filter(|live| live.seen.borrow().session_id.as_deref() == Some(session_id))
    }

    /// The same while it runs.
    pub(crate) fn running(&self, session_id: &str) -> Option<Arc<Live>> {
        self.find(session_id).filter(|live| !live.seen.borrow().over)
    }

    /// What was seen of a session, as far as that is still true of it.
    pub(crate) fn seen_of(&self, session: &Session) -> Option<Seen> {
        self.find(&session.session_id).map(|live| live.now()).filter(|seen| !seen.is_overtaken(session))
    }

    /// Its project, if it is this session.
    pub(crate) fn project_of(&self, session_id: &str) -> Option<PathBuf> {
        self.find(session_id).map(|live| live.project.clone())
    }

    /// Lets it pause, and waits until it has.
    pub(crate) async fn let_go(&self) {
        let here = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(live) = here {
            live.say(Command::Pause).await;
            let mut seen = live.seen.clone();
            let _ = seen.wait_for(|seen| seen.over).await;
        }
    }
}
