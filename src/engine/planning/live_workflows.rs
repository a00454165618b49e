//! Workflows of the install's server that somebody began and did not finish, wherever servers keep them. Reads only.

use std::path::Path;

use serde_json::Value;

use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::core::session::WORKFLOW_TYPE;
use crate::core::visible;
use crate::engine::planning::leftover::Leftover;
use crate::engine::planning::make_plan::Planned;
use crate::engine::planning::source::Source;
use crate::host::files::fs;
use crate::host::files::project::{self, Held};

const DAY: i64 = 86_400;

/// What a session's file says; only what is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    workflow: String,
    phase: String,
    /// Seconds since 1970.
    updated: Option<i64>,
}

/// The workflows that go on, and what this upgrade does to them. Blocking.
pub(crate) fn find(install: &Path, source: &Source, planned: &Planned) -> Vec<Leftover> {
    let next = &source.generation().server().sessions;
    let mut found = Vec::new();
    for place in places() {
        let unread = !place.is_within(next);
        for (path, told) in sessions(install, &place) {
            let age = told.updated.or_else(|| written(&path.under(install))).map_or_else(String::new, age);
            let mut what = format!(
                "the workflow {} is not finished (phase {}{age})",
                visible::line(&told.workflow),
                visible::line(&told.phase)
            );
            if let Some(fate) = fate(planned, &told.workflow) {
                what.push_str(&format!("; {fate}"));
            }
            if unread {
                what.push_str("; the new server does not read its session");
            }
            let mut left = Leftover::new("session", &path.under(install), what);
            left.next = Some("finish it first, or begin it anew when the upgrade is done".to_owned());
            found.push(left);
        }
    }
    found
}

/// How a workflow stands in a plan.
fn fate(planned: &Planned, workflow: &str) -> Option<&'static str> {
    let folder = layouts().leftovers.workflows.join(workflow.as_bytes()).ok()?;
    let now = |entry: &FileEntry| entry.from.clone().unwrap_or_else(|| entry.path.clone());
    let files =
        planned.plan.files.iter().filter(|entry| now(entry).is_within(&folder) || entry.path.is_within(&folder));
    let (mut changes, mut stays, mut any) = (false, false, false);
    for entry in files {
        any = true;
        stays |= entry.path.is_within(&folder) && !matches!(entry.kind, Kind::Remove | Kind::StaysDeleted);
        changes |= entry.kind.changes_install();
    }
    Some(match (any, changes, stays) {
        (false, ..) => "this upgrade leaves that workflow alone",
        (_, _, false) => "this upgrade takes that workflow away",
        (_, true, _) => "this upgrade changes that workflow",
        (_, false, _) => "this upgrade leaves that workflow as it is",
    })
}

/// The folders in which servers keep sessions that go on.
fn places() -> Vec<RelPath> {
    let mut all: Vec<RelPath> = Vec::new();
    for server in layouts().servers() {
        let place = match &server.session_folders {
            Some(folders) => server.sessions.join(folders.active.as_bytes()).ok(),
            None => Some(server.sessions.clone()),
        };
        all.extend(place.filter(|place| !all.contains(place)));
    }
    all
}

fn sessions(install: &Path, place: &RelPath) -> Vec<(RelPath, Told)> {
    let entries = fs::entries_in(&place.under(install)).unwrap_or_default();
    let mut paths: Vec<RelPath> =
        entries.iter().filter_map(|entry| place.join(entry.file_name().as_encoded_bytes()).ok()).collect();
    paths.retain(|path| path.name().ends_with(b".json"));
    paths.sort();
    let read = |path: RelPath| match project::held(install, &path) {
        Held::Bytes(bytes) => told(&bytes).map(|told| (path, told)),
        _ => None,
    };
    paths.into_iter().filter_map(read).collect()
}

/// What a file says of a workflow that goes on; none for one of ours, one that is over, and what is no session.
fn told(bytes: &[u8]) -> Option<Told> {
    let Value::Object(file) = serde_json::from_slice(bytes).ok()? else { return None };
    let text = |key: &str| file.get(key).and_then(Value::as_str);
    let workflow = text("workflow_type").filter(|workflow| *workflow != WORKFLOW_TYPE)?;
    let over = matches!(text("status"), Some("completed" | "failed" | "error" | "rolled_back"))
        || file.get("completed_at").is_some_and(|at| !at.is_null());
    let phase = file.get("current_phase")?;
    let total = file.get("metadata").and_then(|more| more.get("total_phases")).and_then(Value::as_u64);
    let done = phase.as_u64().zip(total).is_some_and(|(phase, total)| phase >= total);
    let passed = file.get("checkpoints").and_then(Value::as_object);
    let passed = passed.is_some_and(|all| !all.is_empty() && all.values().all(|one| one == "passed"));
    if over || done || (passed && total.is_none()) {
        return None;
    }
    let phase = phase.as_str().map_or_else(|| phase.to_string(), str::to_owned);
    let updated = text("updated_at").or_else(|| text("created_at")).and_then(moment);
    Some(Told { workflow: workflow.to_owned(), phase, updated })
}

/// Servers write times with and without a zone; without one, to the day is exact enough.
fn moment(text: &str) -> Option<i64> {
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let plain = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    zoned.map(|at| at.as_second()).or_else(|| plain().map(|at| at.timestamp().as_second()))
}

fn written(path: &Path) -> Option<i64> {
    let time = std::fs::symlink_metadata(path).and_then(|meta| meta.modified()).ok()?;
    Some(jiff::Timestamp::try_from(time).ok()?.as_second())
}

fn age(since: i64) -> String {
    match (jiff::Timestamp::now().as_second() - since) / DAY {
        days if days < 1 => ", last used today".to_owned(),
        1 => ", last used yesterday".to_owned(),
        days => format!(", last used {days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_goes_on_is_told() {
        let of = |value: Value| told(value.to_string().as_bytes());
        let live = json!({"workflow_type": "spec_v1", "current_phase": 2, "updated_at": "2025-11-14T10:00:00.5",
            "completed_at": null, "checkpoints": {"0": "passed", "1": "passed", "2": "pending"}});
        let wanted = Told { workflow: "spec_v1".into(), phase: "2".into(), updated: Some(1_763_114_400) };
        assert_eq!(of(live.clone()), Some(wanted));
        let but = |key: &str, value: Value| {
            let mut file = live.clone();
            file[key] = value;
            of(file)
        };
        assert_eq!(but("workflow_type", json!(WORKFLOW_TYPE)), None, "our own");
        assert_eq!(but("status", json!("completed")), None);
        assert_eq!(but("completed_at", json!("2025-11-14T10:00:00")), None);
        assert_eq!(but("metadata", json!({"total_phases": 2})), None);
        assert_eq!(but("checkpoints", json!({"0": "passed"})), None);
        assert_eq!(but("updated_at", json!("2025-11-14T10:00:00+02:00")).unwrap().updated, Some(1_763_107_200));
        assert_eq!(but("updated_at", json!("yesterday")).unwrap().updated, None);
        assert_eq!(told(b"[]"), None);
        assert_eq!(told(b"{"), None);
    }
}
