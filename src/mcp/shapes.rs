//! What the tools take and give, as types: their schemas are made of these.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::bound_answers::{Answer, Ids};
use crate::core::conflict_list::Listed;
use crate::core::path::RelPath;
use crate::core::plan::{Kind, Only, Summary};
use crate::core::question::{Question, Way};

/// Which upgrade.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlanArgs {
    /// The project's folder; left out: the one that the server was started for.
    pub(crate) project: Option<PathBuf>,
    /// The clone of praxis-os to upgrade from; left out: source_path of the settings.
    pub(crate) source: Option<PathBuf>,
    /// The commit, tag or branch of it; left out: HEAD.
    pub(crate) to: Option<String>,
    /// Only this part of the install.
    pub(crate) only: Option<Only>,
}

/// Which upgrade, as it was shown.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StartArgs {
    /// The project's folder; left out: the one that the server was started for.
    pub(crate) project: Option<PathBuf>,
    /// The clone of praxis-os to upgrade from; left out: source_path of the settings.
    pub(crate) source: Option<PathBuf>,
    /// The commit, tag or branch of it; left out: HEAD.
    pub(crate) to: Option<String>,
    /// Only this part of the install.
    pub(crate) only: Option<Only>,
    /// The id of the plan that upgrade_plan showed.
    pub(crate) plan_id: String,
    /// Change entries of editors that would not start the new server.
    pub(crate) editor_config: bool,
    /// Bring the release's text into rules files of assistants.
    pub(crate) rules: bool,
    /// So many files may be removed, where a plan removes unusually many and the person agreed.
    pub(crate) allow_removals: u64,
    /// Commit the changed paths to the project's repository.
    pub(crate) git_commit: bool,
    /// Do not try the new release before anything changes.
    pub(crate) no_rehearsal: bool,
    /// Give the status after so many seconds, also where the work goes on; left out: when somebody has to do something.
    pub(crate) wait_seconds: Option<u64>,
}

/// Which session.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionArgs {
    /// The project's folder; left out: the one that the server was started for.
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished or the last one.
    pub(crate) session_id: Option<String>,
}

/// Which session, and how long to wait.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResumeArgs {
    /// The project's folder; left out: the one that the server was started for.
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished one.
    pub(crate) session_id: Option<String>,
    /// The clone that it upgrades from: the person's word, where only files of the project name it.
    pub(crate) source: Option<PathBuf>,
    /// Give the status after so many seconds, also where the work goes on; left out: when somebody has to do something.
    pub(crate) wait_seconds: Option<u64>,
}

/// The word to apply.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApplyArgs {
    /// The project's folder; left out: the one that the server was started for.
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished one.
    pub(crate) session_id: Option<String>,
    /// The id of the plan that was shown: another one is not applied.
    pub(crate) plan_id: String,
    /// Give the status after so many seconds, also where the work goes on; left out: when somebody has to do something.
    pub(crate) wait_seconds: Option<u64>,
}

/// Back to what was before.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RollbackArgs {
    /// The project's folder; left out: the one that the server was started for.
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished or the last one.
    pub(crate) session_id: Option<String>,
    /// Give the status after so many seconds, also where the work goes on; left out: when it is done.
    pub(crate) wait_seconds: Option<u64>,
}

/// Which phase.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PhaseArgs {
    /// The project's folder; left out: the one that the server was started for.
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished or the last one.
    pub(crate) session_id: Option<String>,
    /// 0 to 5; left out: the one that the session is in.
    pub(crate) phase: Option<u8>,
}

/// Which conflict.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowArgs {
    /// The project's folder; left out: the one that the server was started for.
    #[serde(default)]
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished one.
    #[serde(default)]
    pub(crate) session_id: Option<String>,
    /// The install's path, as conflict_list names it.
    pub(crate) path: RelPath,
    /// The region to begin with, from 1.
    #[serde(default)]
    pub(crate) first_region: Option<usize>,
}

/// An answer to a conflict.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerArgs {
    /// The project's folder; left out: the one that the server was started for.
    #[serde(default)]
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished one.
    #[serde(default)]
    pub(crate) session_id: Option<String>,
    /// The install's path, as conflict_list names it.
    pub(crate) path: RelPath,
    /// The three texts that the answer is for, as they were shown.
    pub(crate) ids: Ids,
    /// The answer; left out: the person is asked, where the client can do that.
    #[serde(default)]
    pub(crate) answer: Option<Answer>,
}

/// An answer to a question that a phase asked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuestionArgs {
    /// The project's folder; left out: the one that the server was started for.
    #[serde(default)]
    pub(crate) project: Option<PathBuf>,
    /// The session's id; left out: the unfinished one.
    #[serde(default)]
    pub(crate) session_id: Option<String>,
    /// The question's id, as the status has it.
    pub(crate) question_id: String,
    /// One of the ways that it offers. What is to be allowed is never allowed by this tool: only the person can.
    pub(crate) way: Way,
    /// Give the status after so many seconds, also where the work goes on; left out: when somebody has to do something.
    #[serde(default)]
    pub(crate) wait_seconds: Option<u64>,
}

/// The one step that comes next.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Step {
    /// The tool to call.
    pub(crate) tool: String,
    /// With what; what stands in capitals is to be filled in.
    pub(crate) arguments: Map<String, Value>,
    /// Why.
    pub(crate) why: String,
}

/// A path that an upgrade changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Change {
    /// The install's path.
    pub(crate) path: RelPath,
    /// Where it stands now, if it moves.
    pub(crate) from: Option<RelPath>,
    /// What happens to it.
    pub(crate) kind: Kind,
    /// Why.
    pub(crate) reason: String,
}

/// What an upgrade would do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct PlanShown {
    /// 1.
    pub(crate) schema: u32,
    /// Names this plan: what is applied later is what is shown here.
    pub(crate) plan_id: String,
    /// The install's folder.
    pub(crate) install: String,
    /// The clone.
    pub(crate) source: String,
    /// The release that is installed, if it is known.
    pub(crate) from_release: Option<String>,
    /// The commit that would be installed.
    pub(crate) to_commit: String,
    /// Its label.
    pub(crate) to_version: String,
    /// Nothing would change.
    pub(crate) current: bool,
    /// Counts by kind.
    pub(crate) summary: Summary,
    /// What changes, those first that need a person.
    pub(crate) changes: Vec<Change>,
    /// How many more there are.
    pub(crate) more_changes: usize,
    /// How many conflicts a person will be asked about.
    pub(crate) asks: u64,
    /// Where unusually many files are removed: how many, which the person has to agree to.
    pub(crate) many_removals: Option<u64>,
    /// What else to know before.
    pub(crate) warnings: Vec<String>,
    /// How the release is tried before anything changes, in a sentence.
    pub(crate) will_be_tried: Option<String>,
    /// The one step that comes next.
    pub(crate) next: Option<Step>,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stands {
    /// There is no session.
    Idle,
    /// It works.
    Running,
    /// Conflicts wait for answers.
    AwaitingAnswers,
    /// All is answered, and nothing is applied before upgrade_apply.
    ReadyToApply,
    /// A phase asked a question.
    AwaitingWord,
    /// It was left, and can be taken up again.
    Interrupted,
    /// All six phases are done.
    Completed,
    /// It failed, and nothing of it is left in the install, or the message says what is.
    Failed,
    /// The install is back as it was.
    RolledBack,
    /// It was given up before anything was applied.
    Aborted,
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Progress {
    /// The task.
    pub(crate) task: String,
    /// Files, bytes or packages so far.
    pub(crate) done: u64,
    /// Of how many; 0 if that isn't known.
    pub(crate) total: u64,
    /// What it is at now.
    pub(crate) detail: String,
}

/// Where a session stands, and the one step that comes next.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Status {
    /// 1.
    pub(crate) schema: u32,
    /// The install's folder.
    pub(crate) install: String,
    /// The session's uuid: with it any later connection finds it again.
    pub(crate) session_id: Option<String>,
    /// Where it stands.
    pub(crate) stands: Stands,
    /// It runs in this process; else a tool takes it up first.
    pub(crate) runs_here: bool,
    /// The phase that runs now or runs next.
    pub(crate) phase: Option<u8>,
    /// Its name.
    pub(crate) phase_name: Option<String>,
    /// How far it is.
    pub(crate) progress: Option<Progress>,
    /// Something in the install may have changed.
    pub(crate) applied: bool,
    /// The plan's id.
    pub(crate) plan_id: Option<String>,
    /// Conflicts without an answer.
    pub(crate) open_conflicts: usize,
    /// The question that waits.
    pub(crate) question: Option<Question>,
    /// Why a question that was asked of the person has no answer.
    pub(crate) not_asked: Option<String>,
    /// How it ended, or why it stopped, in a sentence.
    pub(crate) message: Option<String>,
    /// The exit code that the command line has for that end.
    pub(crate) exit_code: Option<u8>,
    /// The report, line by line, where it ended here.
    pub(crate) report: Vec<String>,
    /// Warnings and errors, the last ones.
    pub(crate) log: Vec<String>,
    /// The one step that comes next.
    pub(crate) next: Option<Step>,
}

/// A phase: its page, its tasks, its gate.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct PhaseShown {
    /// 1.
    pub(crate) schema: u32,
    /// 0 to 5.
    pub(crate) phase: u8,
    /// Its name.
    pub(crate) name: String,
    /// What it checks, changes and may ask, how it fails, and what to do then: Markdown.
    pub(crate) page: String,
    /// Its tasks, in their order.
    pub(crate) tasks: Vec<String>,
    /// It is done, and its gate has been passed.
    pub(crate) done: bool,
    /// The evidence with which it was.
    pub(crate) evidence: Option<Map<String, Value>>,
}

/// A conflict in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ConflictLine {
    /// The install's path.
    pub(crate) path: RelPath,
    /// Where it stands now, if the source moved it.
    pub(crate) from: Option<RelPath>,
    /// Why it is a conflict.
    pub(crate) reason: String,
    /// The three texts that an answer is bound to.
    pub(crate) ids: Ids,
    /// How many regions both sides changed; 0 where nothing can be combined.
    pub(crate) region_count: usize,
    /// The answer that is saved, in a word.
    pub(crate) answer: Option<String>,
    /// Why the last one could not be used.
    pub(crate) refused: Option<String>,
    /// What can be answered.
    pub(crate) ways: Vec<String>,
}

/// The conflicts of a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ConflictsShown {
    /// 1.
    pub(crate) schema: u32,
    /// The session's uuid.
    pub(crate) session_id: String,
    /// All that are asked about.
    pub(crate) conflicts: Vec<ConflictLine>,
    /// How many have no answer.
    pub(crate) open: usize,
    /// The one step that comes next.
    pub(crate) next: Option<Step>,
}

/// A side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Side {
    /// Its text, cut where it is long; bytes that are no text are replaced.
    pub(crate) text: Option<String>,
    /// How long it is, in bytes.
    pub(crate) bytes: u64,
    /// Something is cut off; the resource of its diff has what differs.
    pub(crate) cut: bool,
}

/// A conflict with its texts.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ConflictShown {
    /// 1.
    pub(crate) schema: u32,
    /// The session's uuid.
    pub(crate) session_id: String,
    /// Its regions, what an answer is bound to, what can be answered.
    pub(crate) conflict: Listed,
    /// What the user started from, what is installed, what the source ships.
    pub(crate) sides: BTreeMap<String, Side>,
    /// The resource with both differences.
    pub(crate) diff: String,
    /// The one step that comes next.
    pub(crate) next: Option<Step>,
}

/// What came of an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Answered {
    /// 1.
    pub(crate) schema: u32,
    /// The session's uuid.
    pub(crate) session_id: String,
    /// The install's path.
    pub(crate) path: RelPath,
    /// The answer is saved. It can be changed until upgrade_apply.
    pub(crate) saved: bool,
    /// Why the person was not asked, where that was wanted and nothing is saved.
    pub(crate) not_asked: Option<String>,
    /// How many conflicts have no answer.
    pub(crate) open: usize,
    /// The one step that comes next.
    pub(crate) next: Option<Step>,
}

/// The report on a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ReportShown {
    /// 1.
    pub(crate) schema: u32,
    /// The session's uuid.
    pub(crate) session_id: String,
    /// Where it stands.
    pub(crate) stands: Stands,
    /// What changed, how conflicts were answered, how long it took, the way back; a line that begins with "# " is a heading.
    pub(crate) lines: Vec<String>,
}
