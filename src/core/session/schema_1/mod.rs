//! Sessions as earlier builds wrote them: plan and state in one file, the state in flags.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::approval::Approval;
use super::saved::Session;
use super::state::{End, SoFar, State, Status, Wait};
use crate::core::plan::Plan;
use crate::core::policy::OnConflict;
use crate::core::question::Question;
use crate::core::settings::Options;

/// What stands elsewhere or otherwise now. All else has the names and forms that it had.
#[derive(Deserialize)]
struct Old {
    status: Status,
    reason: Option<String>,
    #[serde(with = "crate::core::os_text::path")]
    source: PathBuf,
    source_commit: String,
    source_version: String,
    from_release: Option<String>,
    #[serde(default)]
    on_conflict: OnConflict,
    applied: bool,
    #[serde(default)]
    rolling_back: bool,
    options: Options,
    plan: Plan,
    #[serde(default)]
    asked: Option<Question>,
    #[serde(default)]
    rebuilt: bool,
    #[serde(default)]
    resolving: bool,
}

impl Old {
    fn state(&self) -> State {
        let so_far = SoFar { applied: self.applied, reason: self.reason.clone() };
        let end = |end: End| State::Ended { end, so_far: so_far.clone() };
        match (self.status, self.rolling_back) {
            (Status::Interrupted, true) => State::RollbackPaused(so_far),
            (Status::Running | Status::AwaitingDecision | Status::Completed, true) => State::RollingBack(so_far),
            (Status::Running, false) => State::Running(so_far),
            (Status::AwaitingDecision, false) => {
                State::Waiting { so_far, on: self.asked.clone().map_or(Wait::Conflicts, Wait::Question) }
            }
            (Status::Interrupted, false) => State::Paused { so_far, asked: self.asked.clone() },
            (Status::Completed, false) => end(End::Completed),
            (Status::Failed, _) => end(End::Failed),
            (Status::RolledBack, _) => end(End::RolledBack),
            (Status::Aborted, _) => end(End::Aborted),
        }
    }

    fn approval(self) -> Approval {
        let mut plan = self.plan;
        // They were written twice, and it is the session's own that was followed.
        plan.source.commit = self.source_commit;
        plan.source.version = self.source_version;
        plan.install.release = self.from_release;
        Approval {
            source: self.source,
            on_conflict: self.on_conflict,
            resolving: self.resolving,
            uninstalling: false,
            options: self.options,
            plan,
        }
    }
}

/// A session from the text of schema 1.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_schema_1(text: &str) -> Result<Session, String> {
    let wrong = |e: serde_json::Error| e.to_string();
    let old: Old = serde_json::from_str(text).map_err(wrong)?;
    let mut value: Value = serde_json::from_str(text).map_err(wrong)?;
    let known = value.as_object_mut().ok_or("no object")?;
    known.insert("schema".into(), super::saved::SCHEMA.into());
    known.insert("approval".into(), Value::Null);
    known.insert("state".into(), serde_json::to_value(old.state()).map_err(wrong)?);
    let session: Session = serde_json::from_value(value).map_err(wrong)?;
    // Of a rebuilt one nothing was approved that is still known.
    if old.rebuilt {
        return Ok(session);
    }
    let approval = old.approval();
    approval.check()?;
    Ok(session.with_approval(approval))
}

#[cfg(test)]
mod tests;
