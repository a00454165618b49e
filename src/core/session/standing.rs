//! Where a session stands, and what moves it on.

use super::machine::{self, Illegal, StateEvent};
use super::reconcile::{self, Facts};
use super::saved::{PhaseRecord, Session};
use super::state::{SoFar, State, Status};
use crate::core::phase::Phase;
use crate::core::plan::{FileEntry, Kind};
use crate::core::question::Question;

/// The state before an event.
#[derive(Debug)]
pub struct Before(State);

impl Session {
    /// Where it stands.
    #[cfg(test)]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// What others are told of where it stands.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// Why it ended, is going back, or stopped the last time.
    pub fn reason(&self) -> Option<&str> {
        self.state.so_far().reason.as_deref()
    }

    /// Something in the install may have changed: from here on, Discard is not offered.
    pub fn applied(&self) -> bool {
        self.state.so_far().applied
    }

    /// A rollback was begun: from here on there is no way but back.
    pub fn rolling_back(&self) -> bool {
        self.state.is_rolling_back()
    }

    /// The question that waits for an answer, or was left without one.
    pub fn asked(&self) -> Option<&Question> {
        self.state.asked()
    }

    /// Its own files were damaged: this is what is left. Good for a rollback, not for going on.
    pub fn rebuilt(&self) -> bool {
        self.approval.is_none()
    }

    /// How the install stands where this session is not over, in a person's words.
    pub(crate) fn install_stands(&self) -> &'static str {
        match (self.rolling_back(), self.applied()) {
            _ if self.rebuilt() => "not known for certain: files of either release may be in place",
            (_, true) if self.uninstalling() => "partly taken out: some files of the release are gone, others are not",
            (true, _) => "between the two releases: some files are back, others are not",
            (_, true) if self.current_phase() > Phase::Content => {
                "the new files are in place; the rest is not done yet"
            }
            (_, true) => "between the two releases: parts of the new one are in place",
            (_, false) => "as it was: nothing has been applied",
        }
    }

    /// The phase that runs now or runs next.
    pub fn current_phase(&self) -> Phase {
        self.current_phase
    }

    /// The phases that are done.
    pub fn completed_phases(&self) -> &[Phase] {
        &self.completed_phases
    }

    /// Moves on to the state behind an event. Gives what takes that back, for who could not save it.
    ///
    /// # Errors
    /// [`Illegal`] for an event that can't happen now; the state stays.
    pub fn advance(&mut self, event: &StateEvent) -> Result<Before, Illegal> {
        let next = machine::on(&self.state, event)?;
        Ok(Before(std::mem::replace(&mut self.state, next)))
    }

    /// Takes an event back that could not be saved.
    pub(crate) fn take_back(&mut self, before: Before) {
        self.state = before.0;
    }

    /// Begins a phase, or begins it again.
    ///
    /// # Errors
    /// [`Illegal`] where no phase can begin.
    pub(crate) fn begin_phase(&mut self, phase: Phase) -> Result<(), Illegal> {
        self.advance(&StateEvent::PhaseBegan)?;
        self.current_phase = phase;
        Ok(())
    }

    /// Takes in what the disk proves.
    pub(crate) fn reconcile(&mut self, facts: Facts) {
        let backed_up = self.completed_phases.contains(&Phase::Backup);
        let state = std::mem::replace(&mut self.state, State::Running(SoFar::default()));
        self.state = reconcile::reconcile(state, facts, backed_up);
    }

    /// Takes in that another session was begun behind it, which is only possible if it had ended.
    pub(crate) fn overtaken(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Running(SoFar::default()));
        self.state = reconcile::overtaken(state);
    }

    /// Nothing of the session is left in the install.
    pub(crate) fn is_back(&self) -> bool {
        matches!(self.status(), Status::RolledBack | Status::Aborted | Status::Failed)
    }

    /// Whether a relaunch has something to offer: Resume, Roll back, Discard.
    pub fn is_unfinished(&self) -> bool {
        self.state.is_unfinished()
    }

    /// Whether conflicts wait for a person: for answers, or for the word that all of them are given.
    pub(crate) fn asks_about_conflicts(&self) -> bool {
        let open = |f: &FileEntry| f.kind == Kind::Conflict && self.asks_about(&f.path);
        !self.answers_done
            && !self.rolling_back()
            && !self.completed_phases.contains(&Phase::Content)
            && self.plan().files.iter().any(open)
    }

    /// Whether a person settled conflicts of it.
    pub(crate) fn has_own_answers(&self) -> bool {
        self.answers().keys().any(|path| self.asks_about(path))
    }

    /// Notes a phase as done and moves on to the next.
    pub fn complete(&mut self, phase: Phase, record: PhaseRecord) {
        self.phase_artifacts.insert(phase.number(), record);
        if !self.completed_phases.contains(&phase) {
            self.completed_phases.push(phase);
        }
        self.current_phase = Phase::try_from(phase.number() + 1).unwrap_or(Phase::Cleanup);
    }
}
