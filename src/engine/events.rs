//! All that the engine says (events out) and hears (commands in). Wizard, scripts and assistants see the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::core::bound_answers::Ids;
use crate::core::conflict_list::{Listed, listed};
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::question::{Question, Way};
use crate::core::report_parts::{self, Part};
use crate::core::session::{Decision, Refused, Seconds};
use crate::core::task::Task;

/// One line of `upgrade --json`, tagged by `event`:
///
/// ```json
/// {"event":"phase_started","schema":1,"phase":1,"name":"Backup & Preparation","estimate_seconds":20}
/// ```
///
/// The last one is always `finished`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A session began or was taken up again.
    SessionStarted {
        /// 1.
        schema: u32,
        /// Its uuid.
        session_id: String,
        /// True when it is taken up after an interruption.
        resumed: bool,
        /// The install's folder.
        #[serde(flatten, serialize_with = "install_key")]
        #[schemars(with = "InstallKeys")]
        install: PathBuf,
        /// The release it matched before.
        from_release: Option<String>,
        /// The commit that is installed.
        to_commit: String,
        /// That commit's label.
        to_version: String,
        /// How long the phases may take, in their order: as long as they did here before.
        estimate_seconds: [u32; 6],
        /// How long trying the release took last; none if that was never done here.
        #[serde(skip_serializing_if = "Option::is_none")]
        rehearsal_seconds: Option<u32>,
    },
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
        /// Its name.
        name: &'static str,
        /// How long it may take.
        estimate_seconds: u32,
    },
    /// A task begins.
    TaskStarted {
        /// Of which phase.
        phase: Phase,
        /// Which, see [`Phase::tasks`].
        task: Task,
    },
    /// A task is part of the way. Sent at most every 50 ms.
    TaskProgress {
        /// Of which phase.
        phase: Phase,
        /// Which.
        task: Task,
        /// Files, bytes or packages so far.
        done: u64,
        /// Of how many; 0 if that isn't known.
        total: u64,
        /// What it is at now.
        detail: String,
    },
    /// A task ended.
    TaskFinished {
        /// Of which phase.
        phase: Phase,
        /// Which.
        task: Task,
        /// How.
        outcome: Outcome,
        /// The result in a few words, or the reason.
        detail: String,
        /// How long it took.
        seconds: f64,
    },
    /// A phase ended and its evidence is saved.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// The evidence, the seed's keys.
        evidence: Map<String, Value>,
        /// How long it took.
        seconds: f64,
    },
    /// A line for the log.
    Log {
        /// How serious.
        level: Level,
        /// Who says it: `git`, `pip`, `server`, `backup`, …
        origin: &'static str,
        /// One line, control characters made visible.
        text: String,
    },
    /// Conflicts wait for decisions: send [`Command::Decide`] for each, then [`Command::Finish`]. Until that is said
    /// nothing is applied, however many are decided.
    ConflictsOpen {
        /// All that are asked about, in the plan's order; in JSON those without an answer.
        #[serde(serialize_with = "paths_only")]
        #[schemars(with = "Vec<RelPath>")]
        files: Arc<Vec<ConflictFile>>,
    },
    /// A decision can't be carried out: the conflict is open again.
    AnswerRefused {
        /// The install's path.
        path: RelPath,
        /// What was decided; if that is another thing by now, this is no longer about it.
        #[serde(skip)]
        decision: Decision,
        /// Why, with the place in the file.
        problem: String,
    },
    /// What a person asked for while conflicts are open can't be done.
    NotDone {
        /// Why, in a sentence.
        problem: String,
    },
    /// An answer is saved and will not be asked again.
    Answered {
        /// The install's path.
        path: RelPath,
        /// The answer.
        answer: Decision,
    },
    /// A phase can't go on without somebody's word: send [`Command::Choose`].
    QuestionAsked(Question),
    /// The question has its answer.
    QuestionAnswered {
        /// The question's.
        id: String,
        /// The answer.
        way: Way,
    },
    /// The install goes back to what it was.
    RollbackStarted {
        /// Why.
        reason: String,
    },
    /// It is back.
    RollbackFinished {
        /// Paths that were put back or taken away.
        restored: u64,
        /// What the user wrote since, and where it is now.
        rescued: Vec<String>,
        /// How long it took.
        seconds: f64,
    },
    /// The end. Nothing follows.
    Finished(Finish),
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Did not apply; the detail says why.
    NotApplicable,
    /// Done, with something to look at.
    Warning,
    /// Failed; the detail says how.
    Failed,
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Output of programs.
    Info,
    /// Worth reading.
    Warn,
    /// Something failed.
    Error,
}

/// A file that both sides changed, with all that is needed to show and settle it.
#[derive(Debug, Clone)]
pub struct ConflictFile {
    /// Where it will stand in the install.
    pub path: RelPath,
    /// Where it stands now, if the source moved it.
    pub from: Option<RelPath>,
    /// Why it is a conflict, from the plan.
    pub reason: String,
    /// The three texts by their blob ids.
    pub ids: Ids,
    /// The release's bytes the user started from; none if not known (then two texts are compared).
    pub base: Option<Arc<[u8]>>,
    /// What is installed now; none if the user deleted it.
    pub mine: Option<Arc<[u8]>>,
    /// What the source ships; none if the source removed it.
    pub theirs: Option<Arc<[u8]>>,
    /// What was decided about it before an interruption.
    pub draft: Option<Decision>,
    /// The engine has an answer for it already: what is decided.
    pub answered: bool,
    /// What was written for it before an interruption and could not be used.
    pub refused: Vec<Refused>,
}

impl ConflictFile {
    /// As a program is told of it; `more` is the command that shows all of it.
    pub(crate) fn listed(&self, more: Option<String>) -> Listed {
        listed(&self.path, self.from.as_ref(), &self.reason, self.ids.clone(), &self.sides(), more)
    }

    /// Its texts.
    pub fn sides(&self) -> Sides {
        Sides { base: self.base.clone(), mine: self.mine.clone(), theirs: self.theirs.clone() }
    }
}

fn paths_only<S: serde::Serializer>(files: &Arc<Vec<ConflictFile>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(files.iter().filter(|f| !f.answered).map(|f| &f.path))
}

/// The keys of the install's folder.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "for its schema")]
struct InstallKeys {
    /// Lossy where it is not UTF-8.
    install: String,
    /// The path's bytes, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    install_base64: Option<String>,
}

/// The keys of the backup's folder.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "for its schema")]
struct BackupKeys {
    /// Lossy where it is not UTF-8; null where there is none.
    backup: Option<String>,
    /// The path's bytes, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_base64: Option<String>,
}

fn install_key<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let mut keys = Map::new();
    os_text::put(&mut keys, "install", path);
    keys.serialize(serializer)
}

fn backup_key<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut keys = Map::new();
    match path {
        Some(path) => os_text::put(&mut keys, "backup", path),
        None => drop(keys.insert("backup".to_owned(), Value::Null)),
    }
    keys.serialize(serializer)
}

/// How an upgrade, a resume or a rollback ended.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Finish {
    /// `completed`, `nothing_to_do`, `rolled_back`, `failed`, `interrupted`, `aborted`, `rehearsed`,
    /// `not_rehearsed`.
    pub result: FinishKind,
    /// The process's exit code (design: 0 done, 3 conflicts, 4 refused, 5 rolled back, 6 rollback incomplete, …).
    pub exit_code: Exit,
    /// What went wrong, such as `POS-E0901`; `help` says more about it. None where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// One sentence for a person: what happened and how the install stands now.
    pub message: String,
    /// The next command to type, if there is one.
    pub next: Option<String>,
    /// The summary for the report screen; in JSON as lines.
    #[serde(serialize_with = "report_parts::as_lines")]
    #[schemars(with = "Vec<String>")]
    pub report: Vec<Part>,
    /// The session's uuid.
    pub session_id: Option<String>,
    /// Where the backup is.
    #[serde(flatten, serialize_with = "backup_key")]
    #[schemars(with = "BackupKeys")]
    pub backup: Option<PathBuf>,
    /// Where the time went; none where no session ran.
    pub seconds: Option<Seconds>,
    /// With exit code 3: what waits for an answer, with what an answer needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Listed>,
}

/// How it ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishKind {
    /// All phases done.
    Completed,
    /// The install is current already.
    NothingToDo,
    /// Back as it was.
    RolledBack,
    /// Failed; the message says how the install stands.
    Failed,
    /// Paused; can be resumed.
    Interrupted,
    /// Discarded.
    Aborted,
    /// Only tried, as was asked for: the release works here.
    Rehearsed,
    /// Only to be tried, which is not possible here.
    NotRehearsed,
}

/// What a face tells the running engine.
#[derive(Debug, Clone)]
pub enum Command {
    /// What is decided now about some conflicts, each by the install's path. Saved at once. It replaces what was decided
    /// about them before, so saying it twice is saying it once.
    Decide(Vec<(RelPath, Decision)>),
    /// All that was written for a conflict, by the install's path, and could not be used. Saved at once.
    Refused(RelPath, Vec<Refused>),
    /// Make an answer a standing rule, the glob then goes into the project's `upgrade.json`; or take that back.
    Rule {
        /// `always_take` rather than `always_keep`.
        take: bool,
        /// The glob.
        pattern: String,
        /// False to take it back.
        made: bool,
    },
    /// All is decided, as this says once more, like [`Command::Decide`]: go on. With an empty list it is what was decided
    /// before.
    Finish(Vec<(RelPath, Decision)>),
    /// Answer a question.
    Choose {
        /// The question's.
        id: String,
        /// One of those that it offers.
        way: Way,
    },
    /// Stop after the current step, keep the session.
    Pause,
    /// Stop after the current step and put the install back.
    RollBack,
}
