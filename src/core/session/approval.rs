//! What was approved before a session began: it is written once, and nothing that happens later changes it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::core::blob::sha256;
use crate::core::plan::{Plan, PlanInstall, PlanSource, ReleaseEvidence, Summary};
use crate::core::policy::OnConflict;
use crate::core::settings::Options;

/// What a session is begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To install a release.
    Upgrade,
    /// To settle conflicts that earlier sessions put off.
    Resolve,
    /// To take out what releases shipped.
    Uninstall,
}

/// What was approved. `approval.json` in `.upgrade/<uuid>/` is this, wrapped with its checksum, which the session names too.
///
/// ```json
/// {"source":"/src","on_conflict":"ask","resolving":false,"options":{},"plan":{}}
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// The clone.
    #[serde(with = "crate::core::os_text::path")]
    pub source: PathBuf,
    /// Who settles a conflict without an answer.
    pub on_conflict: OnConflict,
    /// It settles conflicts that earlier sessions put off, and installs nothing else.
    pub resolving: bool,
    /// It takes out what releases shipped, and installs nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uninstalling: bool,
    /// The settings the upgrade was started with.
    pub options: Options,
    /// What happens to which file.
    pub plan: Plan,
}

impl Default for Approval {
    /// What is known where the approval is lost.
    fn default() -> Self {
        let unknown = String::new;
        let source = PlanSource {
            path: unknown(),
            path_base64: None,
            version: unknown(),
            commit: unknown(),
            shallow: false,
            partial: false,
            generation: unknown(),
        };
        let install = PlanInstall {
            path: unknown(),
            path_base64: None,
            layout: unknown(),
            generation: unknown(),
            release: None,
            release_evidence: ReleaseEvidence::None,
        };
        Self {
            source: PathBuf::new(),
            on_conflict: OnConflict::Ask,
            resolving: false,
            uninstalling: false,
            options: Options::default(),
            plan: Plan { schema: 1, source, install, only: None, summary: Summary::default(), files: Vec::new() },
        }
    }
}

impl Approval {
    /// What the session is begun for.
    pub(crate) fn purpose(&self) -> Purpose {
        match (self.resolving, self.uninstalling) {
            (true, _) => Purpose::Resolve,
            (false, true) => Purpose::Uninstall,
            (false, false) => Purpose::Upgrade,
        }
    }

    /// Its JSON, and the checksum of that by which a session names it.
    ///
    /// # Errors
    /// Why it has no JSON form. Plain data always has one.
    pub fn sealed(&self) -> Result<(String, String), serde_json::Error> {
        let text = serde_json::to_string(self)?;
        let sum = sha256(text.as_bytes());
        Ok((text, sum))
    }

    /// Checks what was read from a file that anybody may have written.
    ///
    /// # Errors
    /// What is wrong, naming the key.
    pub fn check(&self) -> Result<(), String> {
        let commit = &self.plan.source.commit;
        if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("\"source_commit\" is not what this program writes".to_owned());
        }
        Ok(())
    }
}
