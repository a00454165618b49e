//! A past upgrade or rollback as a row: what is kept of it when its session is gone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::{Purpose, Session, Status};

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// An upgrade.
    Upgrade,
    /// Conflicts were settled that an upgrade had put off.
    Resolve,
    /// What releases put into an install was taken out.
    Uninstall,
    /// A session was taken back.
    Rollback,
}

/// One upgrade or rollback of a project on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PastUpgrade {
    /// The session's id; a rollback's ends in `/rollback`.
    pub(crate) id: String,
    /// What it was.
    pub(crate) kind: Kind,
    /// The project's folder; `base64:` and its bytes where they are not UTF-8.
    #[serde(with = "crate::core::os_text::path")]
    #[schemars(with = "String")]
    pub(crate) project: PathBuf,
    /// The release before, if it is known.
    pub(crate) from_release: Option<String>,
    /// The commit that was installed; empty where that is lost.
    pub(crate) to_commit: String,
    /// Its label.
    pub(crate) to_version: String,
    /// The generation of what was installed.
    pub(crate) generation: String,
    /// UTC; none for a rollback that was only read from its session.
    pub(crate) started_at: Option<String>,
    /// UTC; when it was saved last, where it has not ended.
    pub(crate) ended_at: String,
    /// How it stands.
    pub(crate) status: Status,
    /// It is being taken back.
    pub(crate) rolling_back: bool,
    /// The exit code of the run that ended it, where that run told it.
    pub(crate) exit: Option<u8>,
    /// The seconds of each phase that is done.
    pub(crate) seconds: BTreeMap<u8, f64>,
    /// How many answers a person gave.
    pub(crate) prompts: u64,
    /// The session that a rollback took back.
    pub(crate) rollback_of: Option<String>,
    /// How many conflicts were answered.
    pub(crate) answered: u64,
    /// How many were put off.
    pub(crate) put_off: u64,
}

impl PastUpgrade {
    /// The rows of a session: itself, and the rollback that took it back.
    pub(crate) fn all_of(session: &Session) -> Vec<Self> {
        let put_off = session.put_off() as u64;
        let own = Self {
            id: session.session_id.clone(),
            kind: match session.purpose() {
                Purpose::Resolve => Kind::Resolve,
                Purpose::Uninstall => Kind::Uninstall,
                Purpose::Upgrade => Kind::Upgrade,
            },
            project: session.project.clone(),
            from_release: session.from_release().map(str::to_owned),
            to_commit: session.source_commit().to_owned(),
            to_version: session.source_version().to_owned(),
            generation: session.plan().source.generation.clone(),
            started_at: Some(session.created_at.clone()),
            ended_at: session.updated_at.clone(),
            status: session.status(),
            rolling_back: session.rolling_back(),
            exit: None,
            seconds: session.phase_artifacts.iter().map(|(phase, record)| (*phase, record.seconds)).collect(),
            prompts: session.prompts,
            rollback_of: None,
            answered: session.answers().len() as u64 - put_off,
            put_off,
        };
        if !own.rolling_back && own.status != Status::RolledBack {
            return vec![own];
        }
        let back = Self {
            id: format!("{}/rollback", own.id),
            kind: Kind::Rollback,
            rollback_of: Some(own.id.clone()),
            started_at: None,
            seconds: BTreeMap::new(),
            prompts: 0,
            answered: 0,
            put_off: 0,
            ..own.clone()
        };
        vec![own, back]
    }

    /// Whether it has not ended.
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(self.status, Status::Running | Status::AwaitingDecision | Status::Interrupted)
    }
}
