//! Sessions that an earlier build wrote, with the plan cut short and the evidence left out.

use super::*;
use crate::core::merge::Choice;
use crate::core::phase::Phase;
use crate::core::session::{Decision, SCHEMA};

fn so_far(applied: bool, reason: Option<&str>) -> SoFar {
    SoFar { applied, reason: reason.map(str::to_owned) }
}

#[test]
fn what_earlier_builds_wrote_is_read() {
    let asked = Some("asked for by a person");
    let ended = |end: End, so_far: SoFar| State::Ended { end, so_far };
    let cases = [
        (include_str!("completed.json"), ended(End::Completed, so_far(true, None)), 5),
        (include_str!("rolled.json"), ended(End::RolledBack, so_far(true, asked)), 5),
        (include_str!("killed.json"), State::Running(so_far(true, None)), 2),
        (include_str!("going.json"), State::RollingBack(so_far(true, asked)), 5),
        (include_str!("waiting.json"), State::Waiting { so_far: so_far(false, None), on: Wait::Conflicts }, 2),
        (include_str!("paused.json"), State::Paused { so_far: so_far(false, None), asked: None }, 2),
    ];
    for (text, state, phase) in cases {
        let old: Value = serde_json::from_str(text).unwrap();
        let session = from_schema_1(text).unwrap();
        let id = old["session_id"].as_str().unwrap();
        session.check(id).unwrap();
        assert_eq!((session.state(), session.current_phase().number()), (&state, phase), "{id}");
        assert_eq!(session.status().word(), old["status"], "others are told the same");
        assert_eq!(serde_json::to_value(session.completed_phases()).unwrap(), old["completed_phases"]);
        let mut plan = old["plan"].clone();
        // What those builds could upgrade was all of one generation.
        plan["source"]["generation"] = "praxis-os".into();
        plan["install"]["generation"] = "praxis-os".into();
        assert_eq!(serde_json::to_value(session.plan()).unwrap(), plan, "the plan as approved");
        assert_eq!(serde_json::to_value(session.options()).unwrap(), old["options"]);
        assert_eq!(session.source(), PathBuf::from("/src"));
        assert_eq!((session.source_commit(), session.from_release()), {
            (old["source_commit"].as_str().unwrap(), old["from_release"].as_str())
        });
        assert_eq!(session.answers().len(), 1);
        let answer = match state {
            State::Waiting { .. } | State::Paused { .. } => Decision::Keep,
            _ => Decision::Merge(vec![Some(Choice::Mine); 3]),
        };
        assert_eq!(session.answers().values().next(), Some(&answer));
        assert!(!session.rebuilt() && session.wants_approval().is_none(), "nothing has to be read beside it");
        assert_eq!(session.completed_phases().contains(&Phase::Backup), session.backup.is_some());

        // What is written of it is of this build's schema, without what was approved.
        let new = serde_json::to_value(&session).unwrap();
        assert_eq!(new["schema"], SCHEMA);
        assert!(new.get("plan").is_none() && new.get("options").is_none() && new.get("status").is_none());
        let read: Session = serde_json::from_value(new).unwrap();
        assert_eq!(read.wants_approval(), session.approval());
        assert_eq!(read.attach(session.approved().clone()), session);
    }
}

#[test]
fn flags_that_earlier_builds_had_become_states() {
    let read = |changes: &[(&str, Value)]| {
        let mut value: Value = serde_json::from_str(include_str!("killed.json")).unwrap();
        for (key, to) in changes {
            value[*key] = to.clone();
        }
        from_schema_1(&value.to_string()).unwrap()
    };
    let back = read(&[("status", "interrupted".into()), ("rolling_back", true.into())]);
    assert_eq!(back.state(), &State::RollbackPaused(so_far(true, None)));
    let again = read(&[("status", "completed".into()), ("rolling_back", true.into())]);
    assert_eq!(again.state(), &State::RollingBack(so_far(true, None)), "it is unfinished");
    let rebuilt = read(&[("rebuilt", true.into()), ("source_commit", "".into())]);
    assert!(rebuilt.rebuilt() && rebuilt.plan().files.is_empty());
    assert!(read(&[("resolving", true.into())]).resolving());
    let question = serde_json::json!({"id": "pip", "title": "", "lines": [], "choices": [], "unattended": "retry"});
    let asked = read(&[("status", "awaiting_decision".into()), ("asked", question)]);
    assert_eq!(asked.asked().map(|q| q.id.as_str()), Some("pip"));
}

#[test]
fn a_commit_that_is_none_is_refused() {
    let text = include_str!("killed.json").replace("fb1b61de169f40ebff0fc5902e327e6a80cbdd71", "--upload-pack=x");
    assert!(from_schema_1(&text).unwrap_err().contains("source_commit"));
}
