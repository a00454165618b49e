//! Conflicts that were put off: which are still waiting, as the sessions tell it. Nothing else is kept of them but the
//! bytes, so a session that is rolled back takes its parked conflicts along, and brings back those it had settled.

use std::collections::BTreeMap;

use super::blob::BlobId;
use super::path::RelPath;
use super::plan::{FileEntry, Kind};
use super::session::{Decision, Session, Status};

/// A conflict that waits for another day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    /// Where the file stands in the install.
    pub(crate) path: RelPath,
    /// What the user started from, when the conflict was first put off.
    pub(crate) base: Option<BlobId>,
    /// What the source shipped, when it was last put off; none if it removed the file.
    pub(crate) theirs: Option<BlobId>,
    /// Whether the file that would be written is executable.
    pub(crate) executable: bool,
    /// When the upgrade began in which it was put off, UTC.
    pub(crate) since: String,
    /// Which of the sessions put it off, counted from the oldest: the time alone may be that of a clock set back.
    pub(crate) order: usize,
    /// The commit that theirs is from.
    pub(crate) commit: String,
}

/// What waits after these sessions, oldest first, by path.
pub(crate) fn after<'s>(sessions: impl Iterator<Item = &'s Session>) -> BTreeMap<RelPath, Parked> {
    let mut waiting = BTreeMap::new();
    let counting = |(_, s): &(usize, &Session)| s.status() == Status::Completed && !s.rolling_back();
    for (order, session) in sessions.enumerate().filter(counting) {
        for entry in &session.plan().files {
            take_in(&mut waiting, (order, session), entry);
        }
    }
    waiting
}

fn take_in(waiting: &mut BTreeMap<RelPath, Parked>, (order, session): (usize, &Session), entry: &FileEntry) {
    // A file that moved takes its question along.
    if let Some(old) = entry.from.as_ref().and_then(|from| waiting.remove(from)) {
        waiting.insert(entry.path.clone(), Parked { path: entry.path.clone(), ..old });
    }
    if entry.kind != Kind::Conflict {
        return;
    }
    match session.answers().get(&entry.path) {
        // A resolving session that puts it off again changes nothing.
        Some(Decision::Park) if session.resolving() => {}
        Some(Decision::Park) => {
            let earlier = waiting.remove(&entry.path);
            let parked = Parked {
                path: entry.path.clone(),
                base: earlier.map_or_else(|| entry.base.clone(), |e| e.base),
                theirs: entry.theirs.clone(),
                executable: entry.executable,
                since: session.created_at.clone(),
                order,
                commit: session.source_commit().to_owned(),
            };
            waiting.insert(entry.path.clone(), parked);
        }
        // What a later upgrade merges is only what changed since: the question from before stays.
        Some(Decision::Merge(_)) if !session.resolving() => {}
        Some(_) => drop(waiting.remove(&entry.path)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::blob::ObjectFormat;
    use crate::core::session::{Decisions, StateEvent, example};
    use serde_json::json;

    fn id(text: &str) -> Option<BlobId> {
        Some(BlobId::of(text.as_bytes(), ObjectFormat::Sha1))
    }

    fn session(answer: Decision, base: &str, theirs: &str) -> Session {
        let path = RelPath::new("a.md").unwrap();
        let file = json!({"path": path, "kind": "conflict", "from": null, "source_path": null, "base": id(base),
            "mine": id("m"), "theirs": id(theirs), "conflict_hunks": 1, "reason": ""});
        let mut session = example();
        session.decisions.answer(path, answer);
        session.approving(|a| a.plan.files.push(serde_json::from_value(file).unwrap()))
    }

    fn only(sessions: &[Session]) -> Option<Parked> {
        let waiting = after(sessions.iter());
        assert!(waiting.len() < 2);
        waiting.into_values().next()
    }

    #[test]
    fn what_is_put_off_waits_until_it_is_settled() {
        let parked = session(Decision::Park, "0", "1");
        assert_eq!(only(std::slice::from_ref(&parked)).unwrap().theirs, id("1"));
        for answer in [Decision::Keep, Decision::Take, Decision::Merge(vec![]), Decision::Edited(vec![])] {
            let mut settled = session(answer, "0", "1").approving(|a| a.resolving = true);
            assert_eq!(only(&[parked.clone(), settled.clone()]), None);
            for event in [StateEvent::RollbackBegan("so".into()), StateEvent::RollbackDone] {
                settled.advance(&event).unwrap();
            }
            assert!(only(&[parked.clone(), settled]).is_some(), "back with the rollback");
        }
        let again = session(Decision::Park, "0", "1").approving(|a| a.resolving = true);
        assert!(only(&[parked, again]).is_some());
    }

    #[test]
    fn put_off_twice_it_keeps_what_the_user_started_from() {
        let (first, second) = (session(Decision::Park, "0", "1"), session(Decision::Park, "1", "2"));
        let both = only(&[first.clone(), second]).unwrap();
        assert_eq!((both.base, both.theirs), (id("0"), id("2")));
        assert!(only(&[first.clone(), session(Decision::Merge(vec![]), "1", "2")]).is_some(), "not what came before");
        assert!(only(&[first, session(Decision::Take, "1", "2")]).is_none());
    }

    #[test]
    fn a_move_takes_the_question_along() {
        let mut moved = session(Decision::Keep, "1", "2");
        moved.decisions = Decisions::default();
        let moved = moved.approving(|a| {
            a.plan.files[0].kind = Kind::Move;
            a.plan.files[0].from = Some(RelPath::new("a.md").unwrap());
            a.plan.files[0].path = RelPath::new("b.md").unwrap();
        });
        let at = only(&[session(Decision::Park, "0", "1"), moved]).unwrap();
        assert_eq!(at.path, RelPath::new("b.md").unwrap());
    }
}
