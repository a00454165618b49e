//! How far a session is: events folded into phases, tasks and a log.

use std::time::Duration;

use crate::core::phase::Phase;
use crate::core::session::Session;
use crate::engine::events::{Event, Level, Outcome};

/// Log lines that are kept.
const LOG_LINES: usize = 5_000;

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
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
pub enum TaskStage {
    /// Not begun.
    Waiting,
    /// Running; done and total, total 0 if not known.
    Running(u64, u64),
    /// Ended.
    Ended(Outcome),
}

/// A task as drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLine {
    /// Its id.
    pub id: &'static str,
    /// What a person reads.
    pub name: &'static str,
    /// Where it stands.
    pub stage: TaskStage,
    /// What it is at, or its result.
    pub detail: String,
}

/// A phase as drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseLine {
    /// Which.
    pub phase: Phase,
    /// Where it stands.
    pub stage: Stage,
    /// Seconds it may take.
    pub estimate: u32,
    /// Its tasks.
    pub tasks: Vec<TaskLine>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Seconds since the session began.
    pub at: f64,
    /// How serious.
    pub level: Level,
    /// Who says it.
    pub origin: &'static str,
    /// What.
    pub text: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// When the session began, counted from the wizard's start.
    pub began: Duration,
    /// The six phases.
    pub phases: Vec<PhaseLine>,
    /// The log, oldest first.
    pub log: Vec<LogLine>,
    /// Why the install goes back, once it does.
    pub rollback: Option<String>,
    /// The running phase, or the last one that ran.
    pub current: Phase,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(Duration::ZERO)
    }
}

impl Progress {
    /// Nothing has happened yet.
    pub fn new(began: Duration) -> Self {
        let task = |t: &crate::core::phase::Task| TaskLine {
            id: t.id,
            name: t.name,
            stage: TaskStage::Waiting,
            detail: String::new(),
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
            rollback: None,
            current: Phase::PreFlight,
        }
    }

    /// Phases that a resumed session has behind it.
    pub fn take_up(&mut self, session: &Session) {
        self.current = session.current_phase;
        for line in &mut self.phases {
            if session.completed_phases.contains(&line.phase) {
                let record = session.phase_artifacts.get(&line.phase.number());
                line.stage = Stage::Done(record.map_or(0.0, |r| r.seconds));
                line.tasks.iter_mut().for_each(|t| t.stage = TaskStage::Ended(Outcome::Done));
            }
        }
    }

    /// A phase as drawn.
    pub fn line(&self, phase: Phase) -> Option<&PhaseLine> {
        self.phases.get(usize::from(phase.number()))
    }

    fn line_mut(&mut self, phase: Phase) -> Option<&mut PhaseLine> {
        self.phases.get_mut(usize::from(phase.number()))
    }

    fn task_mut(&mut self, phase: Phase, id: &str) -> Option<&mut TaskLine> {
        self.line_mut(phase)?.tasks.iter_mut().find(|t| t.id == id)
    }

    /// Whether a phase or a rollback runs, so that a clock should tick.
    pub fn is_running(&self) -> bool {
        self.rollback.is_some() || self.phases.iter().any(|p| matches!(p.stage, Stage::Running(_)))
    }

    /// Takes an event in. `now` counts from the wizard's start.
    pub fn take_in(&mut self, event: &Event, now: Duration) {
        match event {
            Event::PhaseStarted { phase, estimate_seconds, .. } => {
                self.current = *phase;
                if let Some(line) = self.line_mut(*phase) {
                    line.stage = Stage::Running(now);
                    line.estimate = *estimate_seconds;
                }
            }
            Event::TaskStarted { phase, task } => {
                if let Some(task) = self.task_mut(*phase, task) {
                    task.stage = TaskStage::Running(0, 0);
                }
            }
            Event::TaskProgress { phase, task, done, total, detail } => {
                if let Some(task) = self.task_mut(*phase, task) {
                    task.stage = TaskStage::Running(*done, *total);
                    task.detail.clone_from(detail);
                }
            }
            Event::TaskFinished { phase, task, outcome, detail, .. } => {
                if let Some(task) = self.task_mut(*phase, task) {
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
                self.rollback = Some(reason.clone());
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

    fn push_log(&mut self, level: Level, origin: &'static str, text: String, now: Duration) {
        if self.log.len() >= LOG_LINES {
            self.log.drain(..LOG_LINES / 10);
        }
        let at = now.saturating_sub(self.began).as_secs_f64();
        self.log.push(LogLine { at, level, origin, text });
    }

    /// Seconds that a phase took or has run.
    pub fn spent(line: &PhaseLine, now: Duration) -> f64 {
        match line.stage {
            Stage::Running(since) => now.saturating_sub(since).as_secs_f64(),
            Stage::Done(seconds) => seconds,
            _ => 0.0,
        }
    }

    /// Seconds that all six phases together will take, as far as that is known: what is done counts as it was.
    pub fn estimate(&self, now: Duration) -> f64 {
        let one = |line: &PhaseLine| match line.stage {
            Stage::Done(seconds) => seconds,
            _ => Self::spent(line, now).max(f64::from(line.estimate)),
        };
        self.phases.iter().map(one).sum()
    }

    /// Seconds that the phases have run so far.
    pub fn elapsed(&self, now: Duration) -> f64 {
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
        p.take_in(&Event::TaskStarted { phase: Phase::Backup, task: "lock" }, at(1));
        let ended = |outcome| Event::TaskFinished {
            phase: Phase::Backup,
            task: "lock",
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
