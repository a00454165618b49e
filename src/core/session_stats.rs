//! The indicators of past upgrades: how many ended well, how many went back, how long they took, how often a person was asked.

use schemars::JsonSchema;
use serde::Serialize;

use super::past_upgrade::{Kind, PastUpgrade};
use super::session::{Session, Status};

/// The figures of an install's upgrades. Rates are parts of one; null where there is nothing to divide by.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Stats {
    /// Upgrades that were begun; sessions that only settled what was put off are none.
    pub(crate) upgrades: usize,
    /// Those of which all six phases are done.
    pub(crate) completed: usize,
    /// Those that were put back, by a person or after a failure.
    pub(crate) rolled_back: usize,
    /// Those that failed before anything was changed.
    pub(crate) failed: usize,
    /// Those that were given up before anything was changed.
    pub(crate) aborted: usize,
    /// Those that have not ended.
    pub(crate) unfinished: usize,
    /// Completed, of all that ended otherwise than by being given up.
    pub(crate) success_rate: Option<f64>,
    /// Rolled back, of the same.
    pub(crate) rollback_rate: Option<f64>,
    /// Rollbacks that are done, of those that were begun.
    pub(crate) rollback_success: Option<f64>,
    /// How long the phases of the completed ones took, in the middle, in seconds; a person's time is not counted.
    pub(crate) median_seconds: Option<f64>,
    /// So long took all but one of twenty.
    pub(crate) p95_seconds: Option<f64>,
    /// How many answers a person gave to a completed one, on average.
    pub(crate) prompts_per_upgrade: Option<f64>,
}

fn rate(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// The value below which so much of the sorted values lies: the nearest rank.
fn rank(sorted: &[f64], part: f64) -> Option<f64> {
    let at = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied()
}

impl Stats {
    /// Of these sessions.
    pub(crate) fn of(sessions: &[Session]) -> Self {
        Self::of_rows(&sessions.iter().flat_map(PastUpgrade::all_of).collect::<Vec<_>>())
    }

    /// Of these rows.
    pub(crate) fn of_rows(rows: &[PastUpgrade]) -> Self {
        let all: Vec<&PastUpgrade> = rows.iter().filter(|row| row.kind == Kind::Upgrade).collect();
        let count = |status: Status| all.iter().filter(|s| s.status == status).count();
        let (completed, rolled_back) = (count(Status::Completed), count(Status::RolledBack));
        let (failed, aborted) = (count(Status::Failed), count(Status::Aborted));
        let ended = completed + rolled_back + failed;
        let done: Vec<&&PastUpgrade> = all.iter().filter(|s| s.status == Status::Completed).collect();
        let mut seconds: Vec<f64> = done.iter().map(|s| s.seconds.values().sum()).collect();
        seconds.sort_by(f64::total_cmp);
        let prompts: u64 = done.iter().map(|s| s.prompts).sum();
        let going_back = all.iter().filter(|s| s.is_unfinished() && s.rolling_back).count();
        Self {
            upgrades: all.len(),
            completed,
            rolled_back,
            failed,
            aborted,
            unfinished: all.iter().filter(|s| s.is_unfinished()).count(),
            success_rate: rate(completed, ended),
            rollback_rate: rate(rolled_back, ended),
            rollback_success: rate(rolled_back, rolled_back + going_back),
            median_seconds: rank(&seconds, 0.5),
            p95_seconds: rank(&seconds, 0.95),
            prompts_per_upgrade: (!done.is_empty()).then(|| prompts as f64 / done.len() as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::session::example;

    #[test]
    fn figures_are_of_what_ended() {
        let none = Stats::of(&[]);
        assert_eq!((none.upgrades, none.success_rate, none.median_seconds), (0, None, None));
        let two = Stats::of(&[example(), example()]);
        assert_eq!((two.completed, two.success_rate, two.prompts_per_upgrade), (2, Some(1.0), Some(1.0)));
        let settled = example().approving(|approval| approval.resolving = true);
        assert_eq!(Stats::of(&[settled]).upgrades, 0);
    }

    #[test]
    fn ranks_are_values_that_are_there() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((rank(&values, 0.5), rank(&values, 0.95), rank(&[7.0], 0.95)), (Some(10.0), Some(19.0), Some(7.0)));
    }
}
