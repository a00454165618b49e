//! The tasks of the phases: what each is called in events and phase documents, and on the screen.

use serde::{Serialize, Serializer};

macro_rules! tasks {
    ($($task:ident $id:literal $name:literal,)*) => {
        /// A step of a phase.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Task {
            $(#[doc = $name] $task,)*
        }

        impl Task {
            /// The stable identifier, as it stands in events and the phase documents.
            pub fn id(self) -> &'static str {
                match self {
                    $(Task::$task => $id,)*
                }
            }

            /// The task of an identifier.
            pub(crate) fn of(id: &str) -> Option<Task> {
                match id {
                    $($id => Some(Task::$task),)*
                    _ => None,
                }
            }

            /// What a person reads.
            pub fn name(self) -> &'static str {
                match self {
                    $(Task::$task => $name,)*
                }
            }
        }
    };
}

tasks! {
    SourceValid "source_valid" "source is a praxis-os repository",
    SourceClean "source_clean" "source has no uncommitted changes",
    SourceIdentity "source_identity" "source version and commit",
    TargetValid "target_valid" "install folder is sound and writable",
    ExistingBackups "existing_backups" "age of existing backups",
    DiskSpace "disk_space" "disk space",
    ConcurrentWorkflows "concurrent_workflows" "no other upgrade running",
    Lock "lock" "lock the upgrade",
    BackupFolder "backup_folder" "create the backup folder",
    BackupFiles "backup_files" "copy the install",
    BackupRequirements "backup_requirements" "record installed packages",
    BackupManifest "backup_manifest" "write the manifest",
    BackupVerify "backup_verify" "read the backup back",
    DryRun "dry_run" "plan again and compare",
    Preview "preview" "show what will change",
    Conflicts "conflicts" "settle conflicts",
    Apply "apply" "apply the plan",
    Verify "verify" "verify what was written",
    VersionFiles "version_files" "version file and update log",
    Dependencies "dependencies" "install dependencies",
    PostInstallScan "post_install_scan" "look for post-install steps",
    PostInstall "post_install" "run post-install steps",
    Rehearsal "rehearsal" "try the new release",
    StopServer "stop_server" "stop this install's server",
    CopyServer "copy_server" "copy server code",
    VerifyServer "verify_server" "verify server code",
    StartServer "start_server" "start the server",
    Health "health" "health check over MCP",
    Tools "tools" "expected tools are registered",
    Smoke "smoke" "search and workflows answer",
    Browser "browser" "browser tools",
    Watcher "watcher" "file watcher",
    Index "index" "search index is current",
    UnitTests "unit_tests" "unit tests",
    ValidationReport "validation_report" "validation report",
    PruneBackups "prune_backups" "archive old backups",
    Summary "summary" "upgrade summary",
    InstallationSummary "installation_summary" "installation summary",
    UpdateLog "update_log" "update log",
    GitCommit "git_commit" "commit to the project's repository",
    Unlock "unlock" "release the lock",
}

/// A string.
impl schemars::JsonSchema for Task {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Task".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
