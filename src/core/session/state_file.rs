//! The state file that the server, assistants and people read.

use serde_json::{Map, Value, json};

use super::saved::{Session, WORKFLOW_TYPE};
use super::state::Status;
use crate::core::phase::Phase;
use crate::core::plan::Only;

impl Session {
    /// The session as a server reads it that allows no other keys than its own: what is ours alone stands under
    /// `evidence_submitted` and `metadata`. Phases that are left out are not named.
    pub(crate) fn workflow_file(&self) -> Value {
        let Value::Object(mut ours) = self.state_file() else { return Value::Null };
        let checkpoints = ours.remove("checkpoints").unwrap_or_default();
        let checkpoints: Map<String, Value> = match checkpoints {
            Value::Object(all) => all.into_iter().filter(|(_, state)| *state != json!("skipped")).collect(),
            _ => Map::new(),
        };
        let records = self.phase_artifacts.iter().map(|(number, record)| (number.to_string(), record));
        let evidence: Map<String, Value> =
            records.clone().map(|(number, record)| (number, Value::Object(record.evidence.clone()))).collect();
        let timings: Map<String, Value> = records
            .map(|(number, record)| {
                let times = json!({"phase": number.parse::<u8>().unwrap_or_default(), "started_at": record.timestamp,
                    "completed_at": record.timestamp, "duration_seconds": record.seconds});
                (number, times)
            })
            .collect();
        let done = self.status() == Status::Completed;
        let status = match self.status() {
            Status::Completed => "completed",
            Status::Running | Status::AwaitingDecision | Status::Interrupted => "active",
            _ => "error",
        };
        json!({
            "session_id": self.session_id,
            "workflow_type": WORKFLOW_TYPE,
            "target_file": ours["target_file"],
            "current_phase": ours["current_phase"],
            "completed_phases": self.completed_phases(),
            "phase_artifacts": {},
            "checkpoints": checkpoints,
            "evidence_submitted": evidence,
            "phase_timings": timings,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "completed_at": done.then_some(&self.updated_at),
            "metadata": ours.remove("metadata").unwrap_or_default(),
            "status": status,
        })
    }

    /// The state file that the server, assistants and people read: the seed's keys, and what the server needs.
    pub fn state_file(&self) -> Value {
        let mut checkpoints = Map::new();
        for phase in Phase::ALL {
            let state = if self.plan().only == Some(Only::Content) && matches!(phase, Phase::Server | Phase::Validation)
            {
                "skipped"
            } else if self.completed_phases().contains(&phase) {
                "passed"
            } else if self.status() == Status::Failed && phase == self.current_phase() {
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
        let current = match self.status() {
            Status::Completed => json!(Phase::ALL.len()),
            _ => json!(self.current_phase()),
        };
        json!({
            "session_id": self.session_id,
            "workflow_type": WORKFLOW_TYPE,
            "target_file": "mcp_server",
            "current_phase": current,
            "completed_phases": self.completed_phases(),
            "phase_artifacts": artifacts,
            "checkpoints": checkpoints,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "status": self.status(),
            "reason": self.reason(),
            "metadata": {
                "total_phases": Phase::ALL.len(),
                "dry_run": self.options().dry_run,
                "auto_restart": self.options().auto_restart,
                "source_commit": self.source_commit(),
                "source_version": self.source_version(),
            },
        })
    }
}
