//! The six phases, their tasks in order, and the evidence each leaves behind (the seed's keys, exactly).

use serde::{Deserialize, Serialize};

use super::task::Task;

/// One of the six phases. Phases 0 and 1 change nothing in the install; 2, 3 and 4 roll back by themselves on failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(into = "u8", try_from = "u8")]
pub enum Phase {
    /// 0: checks source and install, changes nothing.
    PreFlight,
    /// 1: the lock and a verified backup.
    Backup,
    /// 2: standards, workflows, scripts.
    Content,
    /// 3: server code, dependencies, restart.
    Server,
    /// 4: proof over MCP that the new release works.
    Validation,
    /// 5: reports, old backups, unlock.
    Cleanup,
}

impl Phase {
    /// All six in order.
    pub const ALL: [Phase; 6] =
        [Phase::PreFlight, Phase::Backup, Phase::Content, Phase::Server, Phase::Validation, Phase::Cleanup];

    /// 0 to 5.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The seed's name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::PreFlight => "Pre-Flight Checks",
            Phase::Backup => "Backup & Preparation",
            Phase::Content => "Content Upgrade",
            Phase::Server => "MCP Server Upgrade",
            Phase::Validation => "Post-Upgrade Validation",
            Phase::Cleanup => "Cleanup & Documentation",
        }
    }

    /// The seed's estimate in seconds, before anything is known about this install.
    pub fn estimate_seconds(self) -> u32 {
        match self {
            Phase::PreFlight => 30,
            Phase::Backup => 20,
            Phase::Content => 45,
            Phase::Server => 60,
            Phase::Validation => 30,
            Phase::Cleanup => 15,
        }
    }

    /// Whether a failure here rolls back by itself.
    pub(crate) fn rolls_back(self) -> bool {
        matches!(self, Phase::Content | Phase::Server | Phase::Validation)
    }

    /// The tasks in the order they run.
    pub fn tasks(self) -> &'static [Task] {
        const PRE_FLIGHT: &[Task] = &[
            Task::SourceValid,
            Task::SourceClean,
            Task::SourceIdentity,
            Task::TargetValid,
            Task::ExistingBackups,
            Task::DiskSpace,
            Task::ConcurrentWorkflows,
        ];
        const BACKUP: &[Task] = &[
            Task::Lock,
            Task::BackupFolder,
            Task::BackupFiles,
            Task::BackupRequirements,
            Task::BackupManifest,
            Task::BackupVerify,
        ];
        const CONTENT: &[Task] = &[
            Task::DryRun,
            Task::Preview,
            Task::Conflicts,
            // Before anything changes: the old server answers as long as pip works.
            Task::Dependencies,
            Task::PostInstallScan,
            Task::PostInstall,
            Task::Rehearsal,
            Task::StopServer,
            Task::Apply,
            Task::Verify,
            Task::VersionFiles,
        ];
        const SERVER: &[Task] = &[Task::CopyServer, Task::VerifyServer, Task::StartServer, Task::Health];
        const VALIDATION: &[Task] = &[
            Task::Tools,
            Task::Smoke,
            Task::Browser,
            Task::Watcher,
            Task::Index,
            Task::UnitTests,
            Task::ValidationReport,
        ];
        const CLEANUP: &[Task] = &[
            Task::PruneBackups,
            Task::Summary,
            Task::InstallationSummary,
            Task::UpdateLog,
            Task::GitCommit,
            Task::Unlock,
        ];
        match self {
            Phase::PreFlight => PRE_FLIGHT,
            Phase::Backup => BACKUP,
            Phase::Content => CONTENT,
            Phase::Server => SERVER,
            Phase::Validation => VALIDATION,
            Phase::Cleanup => CLEANUP,
        }
    }
}

impl From<Phase> for u8 {
    fn from(phase: Phase) -> u8 {
        phase.number()
    }
}

impl TryFrom<u8> for Phase {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        Phase::ALL.get(usize::from(number)).copied().ok_or_else(|| format!("there is no phase {number}"))
    }
}

/// Why a task did not apply: the one documented list. In JSON `"not_applicable: <text>"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotApplicable {
    /// The install has no `venv`, so there is nothing to install into and no interpreter to run.
    NoVenv,
    /// The server package of the source carries no `requirements.txt`.
    NoRequirements,
    /// What is installed satisfies the requirements already.
    RequirementsSatisfied,
    /// Neither the install nor the source has server code.
    NoServerCode,
    /// The server was not running before the upgrade, so it is not left running.
    ServerWasStopped,
    /// `auto_restart` is off.
    RestartDisabled,
    /// The running server belongs to an editor, which has to reload it.
    LeftToEditor,
    /// The running server is left alone, and the rehearsal has proven the release already.
    Rehearsed,
    /// No requirement needs a step after installation.
    NoPostInstallSteps,
    /// The `browser` tool group is off in `config.json`, or the release has no browser tool.
    BrowserGroupOff,
    /// The browser tools have no browser to drive: none is installed.
    NoBrowser,
    /// The release registers no tool for this.
    NoSuchTool,
    /// `skip_tests` is set, or no test command is configured.
    TestsSkipped,
    /// The project's own file names a test command that the user has not allowed.
    TestsNotAllowed,
    /// Only the content was asked for.
    OnlyContent,
    /// `config.json` has the standards outside of the install, where no index flag is left.
    StandardsElsewhere,
    /// The server takes no orders to build its index anew by a file.
    NoIndexFlag,
}

impl NotApplicable {
    /// Every value of the list.
    pub const ALL: [NotApplicable; 17] = [
        NotApplicable::NoVenv,
        NotApplicable::NoRequirements,
        NotApplicable::RequirementsSatisfied,
        NotApplicable::NoServerCode,
        NotApplicable::ServerWasStopped,
        NotApplicable::RestartDisabled,
        NotApplicable::LeftToEditor,
        NotApplicable::Rehearsed,
        NotApplicable::NoPostInstallSteps,
        NotApplicable::BrowserGroupOff,
        NotApplicable::NoBrowser,
        NotApplicable::NoSuchTool,
        NotApplicable::TestsSkipped,
        NotApplicable::TestsNotAllowed,
        NotApplicable::OnlyContent,
        NotApplicable::StandardsElsewhere,
        NotApplicable::NoIndexFlag,
    ];

    /// The text behind `not_applicable: `.
    pub fn reason(self) -> &'static str {
        match self {
            NotApplicable::NoVenv => "no venv",
            NotApplicable::NoRequirements => "no requirements file",
            NotApplicable::RequirementsSatisfied => "requirements already satisfied",
            NotApplicable::NoServerCode => "no server code",
            NotApplicable::ServerWasStopped => "server was not running",
            NotApplicable::RestartDisabled => "auto_restart is off",
            NotApplicable::LeftToEditor => "an editor owns the server",
            NotApplicable::Rehearsed => "proven by the rehearsal; the running server is left alone",
            NotApplicable::NoPostInstallSteps => "no post-install steps",
            NotApplicable::BrowserGroupOff => "browser group off",
            NotApplicable::NoBrowser => "no browser installed",
            NotApplicable::NoSuchTool => "no such tool in this release",
            NotApplicable::TestsSkipped => "tests skipped",
            NotApplicable::TestsNotAllowed => "the test command is not allowed",
            NotApplicable::OnlyContent => "only content",
            NotApplicable::StandardsElsewhere => "standards outside the install",
            NotApplicable::NoIndexFlag => "this server has no index flag; it watches the files themselves",
        }
    }
}

/// A string.
impl schemars::JsonSchema for NotApplicable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NotApplicable".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Serialize for NotApplicable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("not_applicable: {}", self.reason()))
    }
}

impl<'de> Deserialize<'de> for NotApplicable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let reason = text.strip_prefix("not_applicable: ");
        NotApplicable::ALL
            .into_iter()
            .find(|n| Some(n.reason()) == reason)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a known reason")))
    }
}

/// A piece of evidence: a fact, or why there is none. Never a false `true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Fact<T> {
    /// The task did not apply.
    NotApplicable(NotApplicable),
    /// What was found or done.
    Is(T),
}

impl<T> From<T> for Fact<T> {
    fn from(value: T) -> Self {
        Fact::Is(value)
    }
}

/// What phase 0 found. Sizes are for people ("2.5 GB"); the same in bytes beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreFlightEvidence {
    /// The source's folder.
    pub source_path: String,
    /// The label in its `pyproject.toml` or manifest; `unknown` where neither has one.
    pub source_version: String,
    /// The full id of the commit that is installed.
    pub source_commit: String,
    /// No uncommitted changes among the paths that an install takes.
    pub source_git_clean: bool,
    /// The install's folder exists.
    pub target_exists: bool,
    /// It has the marks of an install and can be written.
    pub target_structure_valid: bool,
    /// Free space on the install's file system.
    pub disk_space_available: String,
    /// Twice what will be copied.
    pub disk_space_required: String,
    /// The same in bytes.
    pub(crate) disk_space_available_bytes: u64,
    /// The same in bytes.
    pub(crate) disk_space_required_bytes: u64,
    /// Nobody else upgrades this install.
    pub no_concurrent_workflows: bool,
    /// How the server was found: not running, ours to restart, an editor's, …
    #[serde(default)]
    pub server_found: String,
    /// Worth knowing, stops nothing.
    pub warnings: Vec<String>,
}

/// What phase 1 made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackupEvidence {
    /// The backup's folder, relative to the project.
    pub backup_path: String,
    /// When it was made, UTC.
    pub backup_timestamp: String,
    /// Regular files and links copied.
    pub files_backed_up: u64,
    /// Their size.
    pub backup_size_bytes: u64,
    /// The manifest's path, relative to the project.
    pub backup_manifest: String,
    /// Every file was read back and hashed.
    pub integrity_verified: bool,
    /// The lock is held.
    pub lock_acquired: bool,
    /// Where the installed packages are listed.
    pub requirements_snapshot: Fact<String>,
}

/// The counts before, in the seed's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunPreview {
    /// Kind `new`.
    pub new_files: u64,
    /// Kinds `update`, `move`, `auto_merge` and `remove`.
    pub updated_files: u64,
    /// Kind `unchanged`.
    pub unchanged_files: u64,
    /// Kind `conflict`.
    pub conflicts: u64,
    /// Kinds `local_only` and `stays_deleted`.
    pub local_only: u64,
}

/// The counts after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActualUpgrade {
    /// Files that were not there before.
    pub new_files: u64,
    /// Files changed, moved or removed.
    pub updated_files: u64,
    /// Conflicts that have an answer.
    pub conflicts_resolved: u64,
    /// How many of these a person was asked.
    pub user_prompts: u64,
}

/// What phase 2 did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentEvidence {
    /// The safe upgrade ran to its end (the seed's name for the planner and its apply).
    pub safe_upgrade_executed: bool,
    /// What was going to happen.
    pub dry_run_preview: DryRunPreview,
    /// What happened.
    pub actual_upgrade: ActualUpgrade,
    /// Every written file was hashed again.
    pub checksums_verified: bool,
    /// The version label now in `VERSION.txt`.
    pub version_updated: String,
    /// `UPDATE_LOG.txt` has a new entry.
    pub update_log_appended: bool,
    /// Lines added to the project's `.gitignore`.
    pub(crate) gitignore_entries_added: u64,
    /// Files that the user wrote while the plan was applied, and where they are now.
    pub rescued: Vec<String>,
}

/// One step after installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PostInstallStep {
    /// The command.
    pub command: String,
    /// `success`, `already satisfied` or `failed`.
    pub status: String,
    /// How much came over the network, where the command says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_downloaded: Option<String>,
}

/// What phase 3 did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerEvidence {
    /// The plan's server files are in place.
    pub mcp_server_copied: Fact<bool>,
    /// How many files it wrote, moved or removed.
    pub files_copied: u64,
    /// They were hashed again after writing.
    pub checksums_verified: Fact<bool>,
    /// pip ended well.
    pub dependencies_installed: Fact<bool>,
    /// What was run afterwards.
    pub post_install_steps: Fact<Vec<PostInstallStep>>,
    /// The server runs the new code.
    pub server_restarted: Fact<bool>,
    /// When it answered, UTC.
    pub server_restart_time: Fact<String>,
    /// `passed`.
    pub server_health_check: Fact<String>,
    /// How the server was found: not running, ours to restart, an editor's, …
    #[serde(default)]
    pub server_found: String,
    /// The commit whose code and requirements are in place.
    #[serde(default)]
    pub server_version: String,
}

/// What phase 4 proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationEvidence {
    /// The commit that runs: no tool of the server tells it.
    pub server_version: String,
    /// How many tools answer.
    pub tools_registered: Fact<u64>,
    /// How many should.
    pub expected_tools: Fact<u64>,
    /// The browser group is on.
    pub browser_tools_enabled: bool,
    /// `passed`.
    pub browser_smoke_test: Fact<String>,
    /// `passed`.
    pub rag_search_test: Fact<String>,
    /// `passed`.
    pub workflow_engine_test: Fact<String>,
    /// The server noticed the index flag.
    pub file_watchers_active: Fact<bool>,
    /// No index flag is left.
    pub rag_index_current: Fact<bool>,
    /// The test command ended with 0.
    pub unit_tests_passed: Fact<bool>,
    /// The report's path, relative to the project.
    pub validation_report: String,
}

/// What phase 5 left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CleanupEvidence {
    /// The lock file is gone.
    pub lock_released: bool,
    /// How many backups were removed.
    pub old_backups_archived: u64,
    /// The summary's path, relative to the project.
    pub upgrade_summary: String,
    /// `INSTALLATION_SUMMARY.md` has a new section.
    pub installation_summary_updated: bool,
    /// `UPDATE_LOG.txt` has a new entry.
    pub update_log_appended: bool,
    /// A commit was made in the project's repository.
    pub git_changes_committed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_did_not_apply_says_so() {
        let text = serde_json::to_string(&Fact::<bool>::NotApplicable(NotApplicable::NoVenv)).unwrap();
        assert_eq!(text, "\"not_applicable: no venv\"");
        for reason in NotApplicable::ALL {
            let fact = Fact::<String>::NotApplicable(reason);
            let back: Fact<String> = serde_json::from_str(&serde_json::to_string(&fact).unwrap()).unwrap();
            assert_eq!(back, fact);
        }
        let passed: Fact<String> = serde_json::from_str("\"passed\"").unwrap();
        assert_eq!(passed, Fact::Is("passed".into()));
    }

    #[test]
    fn task_ids_are_unique() {
        let mut ids: Vec<_> = Phase::ALL.iter().flat_map(|p| p.tasks()).map(|t| t.id()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
