//! How far a session is: events folded into phases, tasks and a log.

use crate::core::task::Task;
use std::collections::VecDeque;
use std::time::Duration;

use crate::core::phase::Phase;
use crate::core::session::Session;
use crate::engine::events::{Event, Level, Outcome};

/// Log lines that are kept.
const LOG_LINES: usize = 5_000;

/// What was done lately counts for the rate, so that it follows what a disk or a network does now.
const LATELY: Duration = Duration::from_secs(12);
/// A rate over less than this says nothing.
const SHORTEST: Duration = Duration::from_millis(1_500);
/// How often what was done is noted for the rate.
const NOTED: Duration = Duration::from_millis(500);

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stage {
    /// Not begun.
    Waiting,
    /// Running since then, counted from the wizard's start.
    Running(Duration),
    /// Done, in so many seconds.
    Done(f64),
    /// A task of it failed.
    Failed,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TaskStage {
    /// Not begun.
    Waiting,
    /// Running; done and total, total 0 if not known.
    Running(u64, u64),
    /// Ended.
    Ended(Outcome),
}

/// A task as drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskLine {
    /// Which.
    pub(crate) task: Task,
    /// Where it stands.
    pub(crate) stage: TaskStage,
    /// What it is at, or its result.
    pub(crate) detail: String,
    /// When it began, counted from the wizard's start.
    pub(crate) since: Duration,
    /// Seconds it took, once it has ended.
    pub(crate) seconds: f64,
    /// How much was done when, lately.
    pub(crate) pace: VecDeque<(Duration, u64)>,
}

impl TaskLine {
    fn note(&mut self, done: u64, now: Duration) {
        // One that begins anew (another package, a retry) has a pace of its own.
        if self.pace.back().is_some_and(|last| done < last.1) {
            self.pace.clear();
        }
        if self.pace.back().is_none_or(|last| now >= last.0 + NOTED) {
            self.pace.push_back((now, done));
        }
        while self.pace.len() > 2 && self.pace[1].0 + LATELY < now {
            self.pace.pop_front();
        }
    }

    /// How much is done in a second, as it goes now; none where that can't be told yet. A standstill counts.
    pub(crate) fn rate(&self, now: Duration) -> Option<f64> {
        let TaskStage::Running(done, total) = self.stage else { return None };
        let (since, before) = *self.pace.front()?;
        let time = now.checked_sub(since).filter(|t| *t >= SHORTEST)?;
        (total > 0).then(|| done.saturating_sub(before) as f64 / time.as_secs_f64())
    }

    /// Seconds that are left at that rate; none where it can't be told, or nothing moves.
    pub(crate) fn left(&self, now: Duration) -> Option<f64> {
        let TaskStage::Running(done, total) = self.stage else { return None };
        let rate = self.rate(now).filter(|r| *r > 0.0)?;
        Some(total.saturating_sub(done) as f64 / rate)
    }
}

/// A phase as drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PhaseLine {
    /// Which.
    pub(crate) phase: Phase,
    /// Where it stands.
    pub(crate) stage: Stage,
    /// Seconds it may take.
    pub(crate) estimate: u32,
    /// Its tasks.
    pub(crate) tasks: Vec<TaskLine>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogLine {
    /// Seconds since the session began.
    pub(crate) at: f64,
    /// How serious.
    pub(crate) level: Level,
    /// Who says it.
    pub(crate) origin: &'static str,
    /// What.
    pub(crate) text: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// When the session began, counted from the wizard's start.
    pub(crate) began: Duration,
    /// The six phases.
    pub(crate) phases: Vec<PhaseLine>,
    /// The log, oldest first.
    pub(crate) log: Vec<LogLine>,
    /// How many of them were warnings or errors, also of those that are no longer kept, and the last of these.
    pub(crate) warned: (usize, Option<LogLine>),
    /// Why the install goes back, once it does, and since when.
    pub(crate) rollback: Option<(String, Duration)>,
    /// The running phase, or the last one that ran.
    pub(crate) current: Phase,
    /// Seconds that trying the release took last.
    pub(crate) rehearsal_took: Option<u32>,
    /// Since when a person is waited for.
    pub(crate) waiting: Option<Duration>,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(Duration::ZERO)
    }
}

impl Progress {
    /// Nothing has happened yet.
    pub(crate) fn new(began: Duration) -> Self {
        let task = |task: &Task| TaskLine {
            task: *task,
            stage: TaskStage::Waiting,
            detail: String::new(),
            since: Duration::ZERO,
            seconds: 0.0,
            pace: VecDeque::new(),
        };
        let line = |phase: Phase| PhaseLine {
            phase,
            stage: Stage::Waiting,
            estimate: phase.estimate_seconds(),
            tasks: phase.tasks().iter().map(task).collect(),
        };
        Self {
            began,
            phases: Phase::ALL.into_iter().map(line).collect(),
            log: Vec::new(),
            warned: (0, None),
            rollback: None,
            current: Phase::PreFlight,
            rehearsal_took: None,
            waiting: None,
        }
    }

    /// Phases that a resumed session has behind it.
    pub(crate) fn take_up(&mut self, session: &Session) {
        self.current = session.current_phase();
        for line in &mut self.phases {
            if session.completed_phases().contains(&line.phase) {
                let record = session.phase_artifacts.get(&line.phase.number());
                line.stage = Stage::Done(record.map_or(0.0, |r| r.seconds));
                line.tasks.iter_mut().for_each(|t| t.stage = TaskStage::Ended(Outcome::Done));
            }
        }
    }

    /// A phase as drawn.
    pub(crate) fn line(&self, phase: Phase) -> Option<&PhaseLine> {
        self.phases.get(usize::from(phase.number()))
    }

    fn line_mut(&mut self, phase: Phase) -> Option<&mut PhaseLine> {
        self.phases.get_mut(usize::from(phase.number()))
    }

    fn task_mut(&mut self, phase: Phase, task: Task) -> Option<&mut TaskLine> {
        self.line_mut(phase)?.tasks.iter_mut().find(|t| t.task == task)
    }

    /// Whether a phase or a rollback runs, so that a clock should tick.
    #[cfg(test)]
    pub(crate) fn is_running(&self) -> bool {
        self.rollback.is_some() || self.phases.iter().any(|p| matches!(p.stage, Stage::Running(_)))
    }

    /// Takes an event in. `now` counts from the wizard's start.
    pub(crate) fn take_in(&mut self, event: &Event, now: Duration) {
        self.wait(event, now);
        match event {
            Event::SessionStarted { estimate_seconds, rehearsal_seconds, .. } => {
                self.rehearsal_took = *rehearsal_seconds;
                self.phases.iter_mut().zip(estimate_seconds).for_each(|(line, seconds)| line.estimate = *seconds);
            }
            Event::PhaseStarted { phase, estimate_seconds, .. } => {
                self.current = *phase;
                if let Some(line) = self.line_mut(*phase) {
                    line.stage = Stage::Running(now);
                    line.estimate = *estimate_seconds;
                }
            }
            Event::TaskStarted { phase, task } => {
                if let Some(task) = self.task_mut(*phase, *task) {
                    task.stage = TaskStage::Running(0, 0);
                    task.since = now;
                    task.pace.clear();
                    task.pace.push_back((now, 0));
                }
            }
            Event::TaskProgress { phase, task, done, total, detail } => {
                if let Some(task) = self.task_mut(*phase, *task) {
                    task.stage = TaskStage::Running(*done, *total);
                    task.note(*done, now);
                    task.detail.clone_from(detail);
                }
            }
            Event::TaskFinished { phase, task, outcome, detail, seconds } => {
                if let Some(task) = self.task_mut(*phase, *task) {
                    task.seconds = *seconds;
                    task.stage = TaskStage::Ended(*outcome);
                    task.detail.clone_from(detail);
                }
                if *outcome == Outcome::Failed
                    && let Some(line) = self.line_mut(*phase)
                {
                    line.stage = Stage::Failed;
                }
            }
            Event::PhaseFinished { phase, seconds, .. } => {
                if let Some(line) = self.line_mut(*phase) {
                    line.stage = Stage::Done(*seconds);
                }
            }
            Event::Log { level, origin, text } => self.push_log(*level, origin, text.clone(), now),
            Event::RollbackStarted { reason } => {
                self.rollback = Some((reason.clone(), now));
                self.push_log(Level::Warn, "rollback", format!("the install goes back: {reason}"), now);
            }
            Event::RollbackFinished { restored, rescued, .. } => {
                self.push_log(Level::Info, "rollback", format!("{restored} paths put back"), now);
                for path in rescued {
                    self.push_log(Level::Warn, "rollback", format!("kept what you wrote meanwhile: {path}"), now);
                }
            }
            _ => {}
        }
    }

    /// While a person is waited for the clocks stand still.
    fn wait(&mut self, event: &Event, now: Duration) {
        match event {
            Event::ConflictsOpen { .. } | Event::QuestionAsked(_) => {
                self.waiting.get_or_insert(now);
            }
            // What is told meanwhile.
            Event::Answered { .. } | Event::AnswerRefused { .. } | Event::NotDone { .. } | Event::Log { .. } => {}
            _ => {
                let waited = self.waiting.take().map_or(Duration::ZERO, |since| now.saturating_sub(since));
                for line in &mut self.phases {
                    if let Stage::Running(since) = &mut line.stage {
                        *since += waited;
                    }
                    let running = line.tasks.iter_mut().filter(|t| matches!(t.stage, TaskStage::Running(..)));
                    running.for_each(|task| task.since += waited);
                }
            }
        }
    }

    /// The time on the clocks: it stands still while a person is waited for.
    pub(crate) fn clock(&self, now: Duration) -> Duration {
        self.waiting.unwrap_or(now)
    }

    fn push_log(&mut self, level: Level, origin: &'static str, text: String, now: Duration) {
        if self.log.len() >= LOG_LINES {
            // Warnings stay longer than the rest.
            let worth = |l: &LogLine| l.level > Level::Info;
            let kept: Vec<LogLine> = self.log.drain(..LOG_LINES / 5).filter(worth).take(LOG_LINES / 10).collect();
            self.log.splice(..0, kept);
        }
        let at = now.saturating_sub(self.began).as_secs_f64();
        let line = LogLine { at, level, origin, text };
        if level > Level::Info {
            self.warned = (self.warned.0 + 1, Some(line.clone()));
        }
        self.log.push(line);
    }

    /// Seconds that a phase took or has run.
    pub(crate) fn spent(line: &PhaseLine, now: Duration) -> f64 {
        match line.stage {
            Stage::Running(since) => now.saturating_sub(since).as_secs_f64(),
            Stage::Done(seconds) => seconds,
            _ => 0.0,
        }
    }

    /// Seconds that all six phases together will take, as far as that is known: what is done counts as it was.
    pub(crate) fn estimate(&self, now: Duration) -> f64 {
        let now = self.clock(now);
        let one = |line: &PhaseLine| match line.stage {
            Stage::Done(seconds) => seconds,
            _ => Self::spent(line, now).max(f64::from(line.estimate)),
        };
        self.phases.iter().map(one).sum()
    }

    /// Seconds that the phases have run so far.
    pub(crate) fn elapsed(&self, now: Duration) -> f64 {
        let now = self.clock(now);
        self.phases.iter().map(|line| Self::spent(line, now)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_lines() {
        let mut p = Progress::new(Duration::ZERO);
        let at = Duration::from_secs;
        p.take_in(&Event::PhaseStarted { phase: Phase::Backup, name: "", estimate_seconds: 20 }, at(1));
        assert!(p.is_running());
        assert_eq!(p.elapsed(at(4)), 3.0);
        p.take_in(&Event::TaskStarted { phase: Phase::Backup, task: Task::Lock }, at(1));
        let ended = |outcome| Event::TaskFinished {
            phase: Phase::Backup,
            task: Task::Lock,
            outcome,
            detail: "held".into(),
            seconds: 0.1,
        };
        p.take_in(&ended(Outcome::Done), at(2));
        assert_eq!(p.line(Phase::Backup).unwrap().tasks[0].stage, TaskStage::Ended(Outcome::Done));
        p.take_in(&ended(Outcome::Failed), at(2));
        assert_eq!(p.line(Phase::Backup).unwrap().stage, Stage::Failed);
        assert!(!p.is_running());
    }

    #[test]
    fn clocks_stand_still_while_a_person_thinks() {
        let mut p = Progress::new(Duration::ZERO);
        let (at, phase) = (Duration::from_secs, Phase::Content);
        p.take_in(&Event::PhaseStarted { phase, name: "", estimate_seconds: 45 }, at(0));
        p.take_in(&Event::TaskStarted { phase, task: Task::Conflicts }, at(1));
        p.take_in(&Event::ConflictsOpen { files: Default::default() }, at(2));
        p.take_in(&Event::Log { level: Level::Info, origin: "conflicts", text: String::new() }, at(50));
        assert_eq!((p.elapsed(at(100)), p.clock(at(100))), (2.0, at(2)));
        let (outcome, detail) = (Outcome::Done, String::new());
        p.take_in(&Event::TaskFinished { phase, task: Task::Conflicts, outcome, detail, seconds: 1.0 }, at(100));
        assert_eq!((p.elapsed(at(103)), p.clock(at(103))), (5.0, at(103)));
    }

    #[test]
    fn rates_follow_what_happens_and_promise_nothing_early() {
        let mut p = Progress::new(Duration::ZERO);
        let phase = Phase::Backup;
        let at = Duration::from_millis;
        let say = |p: &mut Progress, ms: u64, done: u64| {
            let detail = String::new();
            p.take_in(&Event::TaskProgress { phase, task: Task::BackupFiles, done, total: 1_000, detail }, at(ms));
        };
        let task = |p: &Progress| p.line(phase).unwrap().tasks[2].clone();
        p.take_in(&Event::TaskStarted { phase, task: Task::BackupFiles }, at(0));
        say(&mut p, 1_000, 100);
        assert_eq!(task(&p).rate(at(1_000)), None, "too early");
        for ms in (2_000..=20_000).step_by(1_000) {
            say(&mut p, ms, ms / 100);
        }
        let (rate, left) = (task(&p).rate(at(20_000)).unwrap(), task(&p).left(at(20_000)).unwrap());
        assert!((9.5..10.5).contains(&rate) && (75.0..85.0).contains(&left), "{rate} {left}");
        // A standstill makes what is left longer, never shorter.
        assert!(task(&p).left(at(40_000)).unwrap() > left * 1.5);
        // The pace is that of the last seconds, not of all of them.
        for ms in (21_000..=40_000).step_by(1_000) {
            say(&mut p, ms, 200 + (ms - 20_000) / 50);
        }
        assert!((18.0..22.0).contains(&task(&p).rate(at(40_000)).unwrap()));
        say(&mut p, 41_000, 0);
        assert_eq!(task(&p).rate(at(41_000)), None, "it began anew");
    }

    #[test]
    fn warnings_are_counted_for_good() {
        let mut p = Progress::default();
        p.take_in(&Event::Log { level: Level::Warn, origin: "a", text: "first".into() }, Duration::ZERO);
        for _ in 0..LOG_LINES * 2 {
            p.take_in(&Event::Log { level: Level::Info, origin: "pip", text: String::new() }, Duration::ZERO);
        }
        assert_eq!((p.warned.0, p.warned.1.unwrap().text.as_str()), (1, "first"));
        assert_eq!(p.log[0].text, "first");
    }

    #[test]
    fn the_log_stays_small() {
        let mut p = Progress::default();
        for i in 0..LOG_LINES * 2 {
            let event = Event::Log { level: Level::Info, origin: "pip", text: i.to_string() };
            p.take_in(&event, Duration::ZERO);
        }
        assert!(p.log.len() <= LOG_LINES);
        assert_eq!(p.log.last().unwrap().text, (LOG_LINES * 2 - 1).to_string());
    }
}
