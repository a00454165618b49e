//! One upgrade as it stands on disk: what was decided, what is done, what is left.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::merge::Choice;
use super::path::RelPath;
use super::phase::Phase;
use super::plan::{FileEntry, Kind, Only, Plan};
use super::question::{Question, Way};
use super::settings::Options;
use crate::core::policy::OnConflict;

/// The seed's workflow id: the name under which the server knows our sessions.
pub const WORKFLOW_TYPE: &str = "agent_os_upgrade_v1";

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Phases are running (or were, when the process died).
    Running,
    /// Waiting for answers to conflicts, or to a question.
    AwaitingDecision,
    /// Left by a person or a signal; can be resumed.
    Interrupted,
    /// All six phases done.
    Completed,
    /// Failed, and nothing of it is left in the install (phases 0 and 1), or rollback could not finish.
    Failed,
    /// The install is back as it was.
    RolledBack,
    /// Discarded before anything was applied.
    Aborted,
}

impl Status {
    /// Whether a relaunch has something to offer: Resume, Roll back, Discard.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Status::Running | Status::AwaitingDecision | Status::Interrupted)
    }

    /// The word in JSON and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::AwaitingDecision => "awaiting_decision",
            Status::Interrupted => "interrupted",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::RolledBack => "rolled_back",
            Status::Aborted => "aborted",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Status::AwaitingDecision => "waiting for a decision",
            Status::RolledBack => "rolled back",
            Status::Aborted => "discarded",
            other => other.word(),
        }
    }
}

/// How a conflict is settled. For a file the user deleted, `keep` leaves it deleted; for one the source removed,
/// `take` removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Mine stays (at the new path, if the source moved the file).
    Keep,
    /// Theirs replaces it.
    Take,
    /// Both are combined; one choice for each overlapping region, in order.
    Merge(Vec<Choice>),
    /// The whole file as the person wrote it; in JSON as base64.
    Edited(#[serde(with = "super::merge::as_base64")] Vec<u8>),
    /// Put off: mine stays, and theirs is kept for another day.
    Park,
}

/// What is decided about a conflict so far. Saved with every keystroke that changes it, so that nothing has to be
/// decided twice after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing.
    Open,
    /// Mine, whole.
    Keep,
    /// Theirs, whole.
    Take,
    /// Both, with a choice for each overlapping hunk that has one.
    Merge(Vec<Option<Choice>>),
    /// The whole file as the person wrote it; in JSON as base64.
    Edited(#[serde(with = "super::merge::as_base64")] Vec<u8>),
    /// Put off.
    Park,
}

impl Decision {
    /// The answer, if nothing is open.
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Decision::Open => None,
            Decision::Keep => Some(Answer::Keep),
            Decision::Take => Some(Answer::Take),
            Decision::Merge(choices) => choices.iter().cloned().collect::<Option<Vec<_>>>().map(Answer::Merge),
            Decision::Edited(text) => Some(Answer::Edited(text.clone())),
            Decision::Park => Some(Answer::Park),
        }
    }
}

/// What a person wrote and what can't stand in the file as it is. It is kept, and given again when they write on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// For which overlapping hunk; none for the whole file.
    pub hunk: Option<usize>,
    /// The text; in JSON as base64.
    #[serde(with = "super::merge::as_base64")]
    pub text: Vec<u8>,
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Keep => Decision::Keep,
            Answer::Take => Decision::Take,
            Answer::Merge(choices) => Decision::Merge(choices.into_iter().map(Some).collect()),
            Answer::Edited(text) => Decision::Edited(text),
            Answer::Park => Decision::Park,
        }
    }
}

/// The saved outcome of one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseRecord {
    /// The phase's evidence struct, as JSON.
    pub evidence: Map<String, Value>,
    /// Programs that were run, with their arguments.
    pub commands: Vec<String>,
    /// When it was done, UTC.
    pub timestamp: String,
    /// How long it took; a person's time over questions is not counted.
    pub seconds: f64,
}

/// What is needed to start the install's server again, known before it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerBefore {
    /// It answered when the session began.
    pub was_running: bool,
    /// Its process then.
    pub pid: Option<u32>,
    /// Its command line; what is not UTF-8 as [`super::os_text::encode`] writes it.
    pub command: Vec<String>,
    /// Its folder.
    #[serde(with = "super::os_text::path")]
    pub cwd: PathBuf,
    /// Those environment variables that the layout's table names; their values are written as the command line is.
    pub env: BTreeMap<String, String>,
    /// The tools it had.
    pub tools: Vec<String>,
}

/// Where the time of a run went, in seconds. Of a session that was interrupted: since it was taken up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// All of it.
    pub total: f64,
    /// What is left when all others are taken away: our own work.
    pub own: f64,
    /// pip, and the interpreter that it and the imports run in.
    pub pip: f64,
    /// The server: its end, its start, its answers.
    pub server: f64,
    /// git.
    pub git: f64,
    /// Other programs: post-install steps, tests, interpreters that check a file.
    pub programs: f64,
    /// For a person's answers.
    pub waiting: f64,
}

impl Seconds {
    /// A line for the report; what took no time is left out.
    pub fn line(&self) -> String {
        let others = [
            ("pip", self.pip),
            ("the server", self.server),
            ("git", self.git),
            ("other programs", self.programs),
            ("waiting for you", self.waiting),
        ];
        let shown = others.iter().filter(|(_, s)| *s >= 0.05).map(|(who, s)| format!("{who} {s:.1} s, "));
        format!("time: {:.1} s: {}our own work {:.1} s", self.total, shown.collect::<String>(), self.own)
    }
}

/// One upgrade. `session.json` in `.upgrade/<uuid>/` is this, wrapped with a sequence number and a checksum.
///
/// ```json
/// {"schema":1,"session_id":"0192…","number":1,"status":"running","reason":null,"project":"/p","install":"/p/.praxis-os",
///  "source":"/src","source_commit":"<id>","source_version":"1.2.0","from_release":"<id>",
///  "created_at":"2026-11-22T10:30:45Z","updated_at":"2026-11-22T10:30:46Z","current_phase":2,
///  "completed_phases":[0,1],"phase_artifacts":{"0":{"evidence":{},"commands":[],"timestamp":"…","seconds":0.1}},
///  "answers":{"standards/universal/x.md":"keep"},"answered_by":{},"answers_done":false,"on_conflict":"ask","prompts":1,"applied":false,
///  "counted":[0,0],"rolling_back":false,"documents":{},"options":{},"plan":{},"backup":"2026-11-22-103045",
///  "stamp":"2026-11-22-103045","server":null,"venv_generation":null,"gitignore_added":[]}
/// ```
///
/// While a question waits there is also `"asked":{"id":…,"title":…,"lines":[…],"choices":[{"way":…,"label":…,"effect":…}],
/// "unattended":…}`, and behind it `"chosen":{"<id>":"go_on"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// 1.
    pub schema: u32,
    /// A version 7 uuid.
    pub session_id: String,
    /// Its place among the sessions of the install, from 1: greater than that of every session and backup before it. 0 in
    /// what earlier builds wrote. The order is told by this alone, because a clock may be set back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub number: u64,
    /// The ids of all sessions before it, in their order; the last of them is its parent. With it the place of one is
    /// known whose own files are damaged, and of those that have no number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Where it stands.
    pub status: Status,
    /// Why, for `failed`, `rolled_back` and `aborted`.
    pub reason: Option<String>,
    /// The project's folder.
    #[serde(with = "super::os_text::path")]
    pub project: PathBuf,
    /// Its `.praxis-os`.
    #[serde(with = "super::os_text::path")]
    pub install: PathBuf,
    /// The clone.
    #[serde(with = "super::os_text::path")]
    pub source: PathBuf,
    /// The commit that is installed, a full id.
    pub source_commit: String,
    /// Its label.
    pub source_version: String,
    /// The release the install matched, a full id, if any did.
    pub from_release: Option<String>,
    /// UTC, RFC 3339.
    pub created_at: String,
    /// UTC, RFC 3339.
    pub updated_at: String,
    /// The phase that runs now or runs next.
    pub current_phase: Phase,
    /// Those that are done.
    pub completed_phases: Vec<Phase>,
    /// Evidence by phase.
    pub phase_artifacts: BTreeMap<u8, PhaseRecord>,
    /// Answers to conflicts, saved one by one as they are given.
    pub answers: BTreeMap<RelPath, Answer>,
    /// Why an answer was given without asking: a standing rule, or an earlier answer.
    #[serde(default)]
    pub answered_by: BTreeMap<RelPath, String>,
    /// A person said that all conflicts are settled: from here on none is asked.
    #[serde(default)]
    pub answers_done: bool,
    /// Who settles a conflict without an answer.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Standing rules that the person made of answers: true for `always_take`. Written when the plan is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<(bool, String)>,
    /// How many of the answers a person gave.
    pub prompts: u64,
    /// Something in the install may have changed: from here on, Discard is not offered.
    pub applied: bool,
    /// Files that the decided plan adds, and files that it changes, moves or removes.
    #[serde(default)]
    pub counted: (u64, u64),
    /// A rollback was begun: from here on there is no way but back.
    #[serde(default)]
    pub rolling_back: bool,
    /// What phase 5 wrote, by sha256: to tell it from what the user wrote later.
    #[serde(default)]
    pub documents: BTreeMap<RelPath, String>,
    /// The settings this upgrade was started with.
    pub options: Options,
    /// The plan as approved.
    pub plan: Plan,
    /// The backup's folder name, once chosen.
    pub backup: Option<String>,
    /// The stamp of this session in names of folders and reports, `YYYY-MM-DD-HHMMSS`, UTC.
    pub stamp: String,
    /// The server as it was.
    pub server: Option<ServerBefore>,
    /// The venv generation being built or switched to, by name.
    pub venv_generation: Option<String>,
    /// Lines that this session appended to the project's `.gitignore`.
    pub gitignore_added: Vec<String>,
    /// The question that waits for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Question>,
    /// Answers to questions that hold for the rest of the session, by the question's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<String, Way>,
    /// Its own files were damaged: this is what journal and backup tell of it. Good for a rollback, not for going on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebuilt: bool,
    /// Folders of which a rollback had to set aside what stood in their place: all that the backup has of them comes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<RelPath>,
    /// It settles conflicts that earlier ones put off, and installs nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resolving: bool,
}

/// Whether a number is none.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The documents that a session appends to outside of its journals; nothing else may be named in [`Session::documents`].
pub const DOCUMENTS: [&str; 2] = ["INSTALLATION_SUMMARY.md", "UPDATE_LOG.txt"];

/// A moment as the names of backups, environments and reports have it: `YYYY-MM-DD-HHMMSS`, UTC.
pub fn stamp_of(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d-%H%M%S").to_string()
}

/// A moment as session files have it: RFC 3339, UTC, to the second.
pub fn time_of(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Such a moment for people: to the minute, and how long before `now` that was. Anything else stays as it is.
pub fn moment(time: &str, now: Option<jiff::Timestamp>) -> String {
    let Ok(then) = time.parse::<jiff::Timestamp>() else { return time.to_owned() };
    let shown = then.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let ago = |n: i64, unit: &str| format!("{shown}, {n} {unit}{} ago", if n == 1 { "" } else { "s" });
    match now.map(|now| now.as_second() - then.as_second()) {
        None | Some(..0) => shown,
        Some(0..60) => format!("{shown}, just now"),
        Some(seconds @ 60..3_600) => ago(seconds / 60, "minute"),
        Some(seconds @ 3_600..86_400) => ago(seconds / 3_600, "hour"),
        Some(seconds) => ago(seconds / 86_400, "day"),
    }
}

/// Whether a name is one that we give to backups, environments and reports: `YYYY-MM-DD-HHMMSS`, with a number behind
/// it where two fell in one second. Such a name can't lead out of its folder.
pub fn is_stamp(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (Some(stamp), rest) = (name.get(..17), name.get(17..).unwrap_or_default()) else { return false };
    let shaped = stamp.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 | 10 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    shaped && (rest.is_empty() || rest.strip_prefix('-').is_some_and(digits))
}

impl Session {
    /// Nothing of the session is left in the install.
    pub fn is_back(&self) -> bool {
        matches!(self.status, Status::RolledBack | Status::Aborted | Status::Failed)
    }

    /// The id of the session before it, as far as it is known.
    pub fn parent(&self) -> Option<&str> {
        self.after.last().map(String::as_str)
    }

    /// Whether a relaunch has something to offer: Resume, Roll back, Discard.
    pub fn is_unfinished(&self) -> bool {
        self.status.is_unfinished() || (self.rolling_back && self.status == Status::Completed)
    }

    /// Checks what was read from a file that anybody may have written: every name that is joined to a path, and every
    /// text that is cut by position. `folder` is the name of the folder it was found in.
    ///
    /// # Errors
    /// What is wrong, naming the key.
    pub fn check(&self, folder: &str) -> Result<(), String> {
        let is_time = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
        let is_id = |id: &str| matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit());
        let wrong = |key: &str| Err(format!("\"{key}\" is not what this program writes"));
        if self.session_id != folder || uuid::Uuid::try_parse(folder).is_err() {
            return wrong("session_id");
        }
        if self.stamp.len() != 17 || !is_stamp(&self.stamp) {
            return wrong("stamp");
        }
        if self.backup.as_deref().is_some_and(|name| !is_stamp(name)) {
            return wrong("backup");
        }
        if self.venv_generation.as_deref().is_some_and(|name| !is_stamp(name)) {
            return wrong("venv_generation");
        }
        if !is_time(&self.created_at) || !is_time(&self.updated_at) {
            return wrong("created_at or updated_at");
        }
        if self.after.iter().any(|id| uuid::Uuid::try_parse(id).is_err()) {
            return wrong("after");
        }
        let unknown = self.rebuilt && self.source_commit.is_empty();
        if !unknown && !is_id(&self.source_commit) {
            return wrong("source_commit");
        }
        if self.gitignore_added.iter().any(|line| line.trim().is_empty() || line.contains(['\n', '\0'])) {
            return wrong("gitignore_added");
        }
        if self.documents.keys().any(|path| !DOCUMENTS.iter().any(|d| d.as_bytes() == path.as_bytes())) {
            return wrong("documents");
        }
        if self.set_aside.iter().any(|path| super::layout::layouts().is_ephemeral(path)) {
            return wrong("set_aside");
        }
        Ok(())
    }

    /// The state file that the server, assistants and people read: the seed's keys, and what the server needs.
    pub fn state_file(&self) -> Value {
        let mut checkpoints = Map::new();
        for phase in Phase::ALL {
            let state = if self.plan.only == Some(Only::Content) && matches!(phase, Phase::Server | Phase::Validation) {
                "skipped"
            } else if self.completed_phases.contains(&phase) {
                "passed"
            } else if self.status == Status::Failed && phase == self.current_phase {
                "failed"
            } else {
                "pending"
            };
            checkpoints.insert(phase.number().to_string(), state.into());
        }
        let mut artifacts = Map::new();
        for (number, record) in &self.phase_artifacts {
            let mut artifact = record.evidence.clone();
            artifact.insert("phase_number".into(), json!(number));
            artifact.insert("evidence".into(), Value::Object(record.evidence.clone()));
            artifact.insert("outputs".into(), json!({"seconds": record.seconds, "commands": record.commands}));
            // The server reads each of these with its output, exit code and times, and no session in which one lacks
            // them; so ours stand among the outputs.
            artifact.insert("commands_executed".into(), json!([]));
            artifact.insert("timestamp".into(), json!(record.timestamp));
            artifacts.insert(number.to_string(), Value::Object(artifact));
        }
        // As the server counts: one more than the last phase that passed, or it would go on with this session.
        let current = match self.status {
            Status::Completed => json!(Phase::ALL.len()),
            _ => json!(self.current_phase),
        };
        json!({
            "session_id": self.session_id,
            "workflow_type": WORKFLOW_TYPE,
            "target_file": "mcp_server",
            "current_phase": current,
            "completed_phases": self.completed_phases,
            "phase_artifacts": artifacts,
            "checkpoints": checkpoints,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "status": self.status,
            "reason": self.reason,
            "metadata": {
                "total_phases": Phase::ALL.len(),
                "dry_run": self.options.dry_run,
                "auto_restart": self.options.auto_restart,
                "source_commit": self.source_commit,
                "source_version": self.source_version,
            },
        })
    }

    /// The evidence of a finished phase in its own type.
    pub fn evidence<T: serde::de::DeserializeOwned>(&self, phase: Phase) -> Option<T> {
        let record = self.phase_artifacts.get(&phase.number())?;
        serde_json::from_value(Value::Object(record.evidence.clone())).ok()
    }

    /// Whether a person answers a conflict, rather than a policy, a rule or an earlier answer.
    pub fn asks_about(&self, path: &RelPath) -> bool {
        self.on_conflict == OnConflict::Ask && !self.answered_by.contains_key(path)
    }

    /// Whether carrying it out changes the install or its environment, rather than only its server's process.
    pub fn changes_something(&self) -> bool {
        self.plan.summary.pending() > 0 || self.venv_generation.is_some()
    }

    /// How many conflicts are put off.
    pub fn put_off(&self) -> usize {
        self.answers.values().filter(|a| **a == Answer::Park).count()
    }

    /// Whether conflicts wait for a person: for answers, or for the word that all of them are given.
    pub fn asks_about_conflicts(&self) -> bool {
        let open = |f: &FileEntry| f.kind == Kind::Conflict && self.asks_about(&f.path);
        !self.answers_done
            && !self.rolling_back
            && !self.completed_phases.contains(&Phase::Content)
            && self.plan.files.iter().any(open)
    }

    /// Notes a phase as done and moves on to the next.
    pub fn complete(&mut self, phase: Phase, record: PhaseRecord) {
        self.phase_artifacts.insert(phase.number(), record);
        if !self.completed_phases.contains(&phase) {
            self.completed_phases.push(phase);
        }
        self.current_phase = Phase::try_from(phase.number() + 1).unwrap_or(Phase::Cleanup);
    }
}

/// A completed session with nothing in it, for tests.
#[cfg(test)]
pub fn example() -> Session {
    let options = Options::default();
    let session = json!({
        "schema": 1, "session_id": "", "status": "completed", "reason": null, "project": "", "install": "",
        "source": "", "source_commit": "", "source_version": "", "from_release": null, "created_at": "",
        "updated_at": "", "current_phase": 5, "completed_phases": [], "phase_artifacts": {}, "answers": {},
        "prompts": 1, "applied": true, "options": options, "backup": null, "stamp": "", "server": null,
        "venv_generation": null, "gitignore_added": [],
        "plan": {
            "schema": 1, "source": {"path": "", "version": "", "commit": "", "shallow": false},
            "install": {"path": "", "layout": "", "release": null, "release_evidence": "none"},
            "summary": crate::core::plan::Summary::default(), "files": [],
        },
    });
    serde_json::from_value(session).unwrap()
}

#[cfg(test)]
mod tests {
    use super::is_stamp;

    #[test]
    fn stamps_can_not_lead_anywhere() {
        for good in ["2026-11-22-103045", "2026-11-22-103045-2", "2026-11-22-103045-12"] {
            assert!(is_stamp(good), "{good}");
        }
        for bad in ["", "..", "2026-11-22", "2026-11-22-103045-", "2026-11-22-103045/..", "2026-11-22-10304é", "/etc"]
        {
            assert!(!is_stamp(bad), "{bad}");
        }
    }
}
