//! One upgrade, as it is saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::approval::{Approval, Purpose};
use super::decision::Decision;
use super::decisions::Decisions;
use super::ready::Ready;
use super::reconcile;
use super::server_before::ServerBefore;
use super::state::{SoFar, State};
use super::taken_out::TakenOut;
use super::times::{stamp_of, time_of};
use crate::core::editor_entry;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::plan::Plan;
use crate::core::policy::OnConflict;
use crate::core::question::Way;
use crate::core::rules_file;
use crate::core::settings::Options;

/// The version of the session's format that this program writes.
pub(crate) const SCHEMA: u32 = 2;

/// The seed's workflow id: the name under which the server knows our sessions.
pub(crate) const WORKFLOW_TYPE: &str = "agent_os_upgrade_v1";

/// The saved outcome of one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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

/// One upgrade. `session.json` in `.upgrade/<uuid>/` is this, wrapped with a sequence number and a checksum; what was approved
/// stands apart, in `approval.json`.
///
/// ```json
/// {"schema":2,"session_id":"0192…","number":1,"approval":"<sha256>","state":{"is":"running","applied":false,"reason":null},
///  "project":"/p","install":"/p/.praxis-os","created_at":"2026-11-22T10:30:45Z","updated_at":"2026-11-22T10:30:46Z",
///  "current_phase":2,"completed_phases":[0,1],
///  "phase_artifacts":{"0":{"evidence":{},"commands":[],"timestamp":"…","seconds":0.1}},
///  "answers":{"standards/universal/x.md":"keep"},"answered_by":{},"answers_done":false,"prompts":1,"counted":[0,0],
///  "documents":{},"backup":"2026-11-22-103045","stamp":"2026-11-22-103045","server":null,"venv_generation":null,
///  "ready":{"requirements":"<sha256>","dependencies_installed":true,"post_install_steps":[],"server_found":"not running"},
///  "gitignore_added":[],"gone":{"2":[],"3":[]}}
/// ```
///
/// Where a conflict is decided in part, `"open":{"<path>":{"merge":["mine",null]}}` says so, and `"refused"` has what was
/// written for it and could not be used.
///
/// Where the install's folder gets another name, `"folder_before":".agent-os"` says which one it had.
///
/// A state that waits for a question holds it: `"state":{"is":"awaiting_decision",…,"on":{"question":{"id":…,"title":…,
/// "lines":[…],"choices":[{"way":…,"label":…,"effect":…}],"unattended":…}}}`; behind it stands `"chosen":{"<id>":"go_on"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Session {
    /// [`SCHEMA`].
    schema: u32,
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
    /// The checksum of what was approved; none where that is lost.
    pub(super) approval: Option<String>,
    /// What was approved.
    #[serde(skip)]
    pub(super) approved: Arc<Approval>,
    /// Where it stands.
    pub(super) state: State,
    /// The project's folder.
    #[serde(with = "crate::core::os_text::path")]
    #[schemars(with = "String")]
    pub project: PathBuf,
    /// Its `.praxis-os`.
    #[serde(with = "crate::core::os_text::path")]
    #[schemars(with = "String")]
    pub install: PathBuf,
    /// UTC, RFC 3339.
    pub created_at: String,
    /// UTC, RFC 3339.
    pub updated_at: String,
    /// The phase that runs now or runs next.
    pub(super) current_phase: Phase,
    /// Those that are done.
    pub(super) completed_phases: Vec<Phase>,
    /// Evidence by phase.
    pub phase_artifacts: BTreeMap<u8, PhaseRecord>,
    /// What is decided about conflicts, saved one by one as it is.
    #[serde(flatten)]
    pub(crate) decisions: Decisions,
    /// Why an answer was given without asking: a standing rule, or an earlier answer.
    #[serde(default)]
    pub(crate) answered_by: BTreeMap<RelPath, String>,
    /// A person said that all conflicts are settled: from here on none is asked.
    #[serde(default)]
    pub(crate) answers_done: bool,
    /// Nothing is applied before somebody says so, also where no conflict is open: what an assistant begins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) gated: bool,
    /// Standing rules that the person made of answers: true for `always_take`. Written when the plan is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<(bool, String)>,
    /// How many of the answers a person gave.
    pub prompts: u64,
    /// Files that the decided plan adds, and files that it changes, moves or removes.
    #[serde(default)]
    pub counted: (u64, u64),
    /// What phase 5 wrote, by sha256: to tell it from what the user wrote later.
    #[serde(default)]
    pub documents: BTreeMap<RelPath, String>,
    /// The backup's folder name, once chosen.
    pub backup: Option<String>,
    /// The stamp of this session in names of folders and reports, `YYYY-MM-DD-HHMMSS`, UTC.
    pub stamp: String,
    /// The server as it was.
    pub server: Option<ServerBefore>,
    /// The venv generation being built or switched to, by name.
    pub venv_generation: Option<String>,
    /// What was made ready before anything is changed, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// The name that the install's folder had before, where this session gives it another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder_before: Option<RelPath>,
    /// Lines that this session appended to the project's `.gitignore`.
    pub gitignore_added: Vec<String>,
    /// Settings of editors that this session changes, or would change if that was wanted; noted before they are written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) editors: BTreeMap<RelPath, editor_entry::Saved>,
    /// The same for rules files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) rules_files: BTreeMap<RelPath, rules_file::Saved>,
    /// Files of the project that an uninstall changes or takes away; noted before they are written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) taken_out: BTreeMap<RelPath, TakenOut>,
    /// Answers to questions that hold for the rest of the session, by the question's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<String, Way>,
    /// Folders of which a rollback had to set aside what stood in their place: all that the backup has of them comes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<RelPath>,
    /// Files of before that somebody had taken away when a phase began to change things, by the phase's number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gone: BTreeMap<u8, Vec<RelPath>>,
    /// Files of before that were not where they should be when the upgrade looked: all of them come back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<RelPath>,
}

/// Whether a number is none.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Session {
    /// A session that begins: nothing is done yet. Its number and its place are given under the lock.
    pub fn begin(
        approval: Approval,
        session_id: String,
        project: PathBuf,
        install: PathBuf,
        now: jiff::Timestamp,
    ) -> Self {
        let session = Self::blank(session_id, project, install, stamp_of(now), time_of(now));
        let first = if approval.resolving { Phase::Backup } else { Phase::PreFlight };
        Self { current_phase: first, ..session }.with_approval(approval)
    }

    /// A session of which nothing is known but where and when it began.
    pub(super) fn blank(session_id: String, project: PathBuf, install: PathBuf, stamp: String, began: String) -> Self {
        Self {
            schema: SCHEMA,
            session_id,
            number: 0,
            after: Vec::new(),
            approval: None,
            approved: Arc::default(),
            state: State::Running(SoFar::default()),
            project,
            install,
            updated_at: began.clone(),
            created_at: began,
            current_phase: Phase::PreFlight,
            completed_phases: Vec::new(),
            phase_artifacts: BTreeMap::new(),
            decisions: Decisions::default(),
            answered_by: BTreeMap::new(),
            answers_done: false,
            gated: false,
            rules: Vec::new(),
            prompts: 0,
            counted: (0, 0),
            documents: BTreeMap::new(),
            backup: None,
            stamp,
            server: None,
            venv_generation: None,
            ready: None,
            folder_before: None,
            gitignore_added: Vec::new(),
            editors: BTreeMap::new(),
            rules_files: BTreeMap::new(),
            taken_out: BTreeMap::new(),
            chosen: BTreeMap::new(),
            set_aside: Vec::new(),
            gone: BTreeMap::new(),
            lost: Vec::new(),
        }
    }

    /// The session with something approved.
    pub fn with_approval(mut self, approval: Approval) -> Self {
        // Plain data always has a JSON form. If it had none, the first save would say so.
        self.approval = Some(approval.sealed().map(|(_, sum)| sum).unwrap_or_default());
        self.approved = approval.into();
        self
    }

    /// The checksum of what was approved, if that was not read yet.
    pub(crate) fn wants_approval(&self) -> Option<&str> {
        // What is read has a commit, which what is unknown has not.
        self.approval.as_deref().filter(|_| *self.approved == Approval::default())
    }

    /// The session with what was approved, as it was read beside it. Whether it is the one with the checksum that the session
    /// names is the reader's to check.
    pub(crate) fn attach(mut self, approval: Approval) -> Self {
        self.approved = approval.into();
        self
    }

    /// The session as it is where what was approved is lost: good for a rollback, not for going on.
    pub(crate) fn without_approval(mut self, why: &str) -> Self {
        self.approval = None;
        self.approved = Arc::default();
        self.state = reconcile::without_approval(self.state, why);
        self
    }

    /// What was approved.
    pub fn approved(&self) -> &Approval {
        &self.approved
    }

    /// The checksum of what was approved; none where that is lost.
    pub fn approval(&self) -> Option<&str> {
        self.approval.as_deref()
    }

    /// The plan as approved.
    pub fn plan(&self) -> &Plan {
        &self.approved.plan
    }

    /// The settings this upgrade was started with.
    pub fn options(&self) -> &Options {
        &self.approved.options
    }

    /// Who settles a conflict without an answer.
    pub fn on_conflict(&self) -> OnConflict {
        self.approved.on_conflict
    }

    /// It settles conflicts that earlier ones put off, and installs nothing else.
    pub fn resolving(&self) -> bool {
        self.approved.resolving
    }

    /// It takes out what releases shipped, and installs nothing.
    pub fn uninstalling(&self) -> bool {
        self.approved.uninstalling
    }

    /// What it was begun for.
    pub(crate) fn purpose(&self) -> Purpose {
        self.approved.purpose()
    }

    /// The clone.
    pub fn source(&self) -> &Path {
        &self.approved.source
    }

    /// The commit that is installed, a full id; empty where what was approved is lost.
    pub fn source_commit(&self) -> &str {
        &self.approved.plan.source.commit
    }

    /// Its label.
    pub fn source_version(&self) -> &str {
        &self.approved.plan.source.version
    }

    /// The release the install matched, a full id, if any did.
    pub fn from_release(&self) -> Option<&str> {
        self.approved.plan.install.release.as_deref()
    }

    /// The id of the session before it, as far as it is known.
    pub fn parent(&self) -> Option<&str> {
        self.after.last().map(String::as_str)
    }

    /// The evidence of a finished phase in its own type.
    pub fn evidence<T: serde::de::DeserializeOwned>(&self, phase: Phase) -> Option<T> {
        let record = self.phase_artifacts.get(&phase.number())?;
        serde_json::from_value(Value::Object(record.evidence.clone())).ok()
    }

    /// Whether a person answers a conflict, rather than a policy, a rule or an earlier answer.
    pub(crate) fn asks_about(&self, path: &RelPath) -> bool {
        self.on_conflict() == OnConflict::Ask && !self.answered_by.contains_key(path)
    }

    /// Whether carrying it out changes the install or its environment, rather than only its server's process.
    pub(crate) fn changes_something(&self) -> bool {
        self.plan().summary.pending() > 0 || self.venv_generation.is_some() || self.folder_before.is_some()
    }

    /// The answers to conflicts.
    pub fn answers(&self) -> &BTreeMap<RelPath, Decision> {
        self.decisions.answers()
    }

    /// How many conflicts are put off.
    pub fn put_off(&self) -> usize {
        self.answers().values().filter(|a| **a == Decision::Park).count()
    }
}

/// A completed session with nothing in it, for tests.
#[cfg(test)]
pub(crate) fn example() -> Session {
    let session = Session::blank(String::new(), PathBuf::new(), PathBuf::new(), String::new(), String::new());
    let state = State::Ended { end: super::state::End::Completed, so_far: SoFar { applied: true, reason: None } };
    let session = Session { state, current_phase: Phase::Cleanup, prompts: 1, ..session };
    session.with_approval(Approval::default())
}

#[cfg(test)]
impl Session {
    /// The same with something else approved.
    pub(crate) fn approving(self, change: impl FnOnce(&mut Approval)) -> Self {
        let mut approval = self.approved().clone();
        change(&mut approval);
        self.with_approval(approval)
    }
}
