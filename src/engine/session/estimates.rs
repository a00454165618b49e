//! How long the phases may take: as long as they took here before.

use crate::core::phase::Phase;
use crate::core::session::Session;

/// How many earlier upgrades are looked at.
const EARLIER: usize = 3;

/// Seconds for each phase, in their order: the longest that it took in the last upgrades of this install of the same
/// kind; without any, the seed's.
pub(crate) fn estimates(sessions: &[Session], current: &Session) -> [u32; 6] {
    let alike = |s: &&Session| {
        (s.plan().only, s.purpose()) == (current.plan().only, current.purpose()) && s.session_id != current.session_id
    };
    let mut earlier: Vec<&Session> = sessions.iter().filter(alike).collect();
    earlier.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    Phase::ALL.map(|phase| {
        let records = earlier.iter().filter_map(|s| s.phase_artifacts.get(&phase.number()));
        let longest = records.take(EARLIER).map(|r| r.seconds).reduce(f64::max);
        longest.map_or(phase.estimate_seconds(), |seconds| seconds.ceil().clamp(1.0, 86_400.0) as u32)
    })
}

/// Seconds that trying the release took when that was done last; none if it never was.
pub(crate) fn of_the_rehearsal(sessions: &[Session]) -> Option<u32> {
    let tried = sessions.iter().rev().find_map(|session| session.ready.as_ref()?.rehearsal_seconds);
    tried.map(|seconds| seconds.ceil().clamp(1.0, 86_400.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::Only;
    use crate::core::session::{PhaseRecord, example};

    #[test]
    fn it_takes_as_long_as_it_did() {
        let took = |id: &str, created: &str, seconds: f64| {
            let mut session = example();
            session.session_id = id.into();
            session.created_at = created.into();
            session.phase_artifacts.insert(2, PhaseRecord { seconds, ..PhaseRecord::default() });
            session
        };
        let current = example();
        assert_eq!(estimates(&[], &current), Phase::ALL.map(Phase::estimate_seconds));
        let mut sessions = vec![
            took("a", "2026-01-04T00:00:00Z", 3.5),
            took("b", "2026-01-02T00:00:00Z", 7.2),
            took("c", "2026-01-03T00:00:00Z", 0.01),
            took("d", "2026-01-01T00:00:00Z", 900.0),
        ];
        assert_eq!(estimates(&sessions, &current), [30, 20, 8, 60, 30, 15], "the oldest is no longer looked at");
        for at in [1, 3] {
            sessions[at] = sessions[at].clone().approving(|a| a.plan.only = Some(Only::Server));
        }
        assert_eq!(estimates(&sessions, &current)[2], 4);
    }
}
