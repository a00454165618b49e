//! What a plan says about a path, and what it does there.

use pos_upgrade_tui::core::merge::Choice;
use pos_upgrade_tui::core::outcome::{Outcome, OutcomeError, outcome};
use pos_upgrade_tui::core::path::RelPath;
use pos_upgrade_tui::core::plan::{FileEntry, Kind, Plan};
use pos_upgrade_tui::core::session::Decision;
use pos_upgrade_tui::engine::planning::make_plan::sides;
use pos_upgrade_tui::engine::planning::source::Source;

use crate::matrix::world::{World, full};

/// A plan and its world.
pub struct Planned {
    pub world: World,
    pub source: Source,
    pub plan: Plan,
}

impl Planned {
    /// What the plan says about a path of the install.
    pub fn at(&self, name: impl AsRef<[u8]>) -> Seen<'_> {
        let path = full(name.as_ref(), "standards/universal");
        let entry = self.plan.files.iter().find(|e| e.path.as_bytes() == path);
        let entry = entry.unwrap_or_else(|| panic!("{:?} is not in {:#?}", String::from_utf8_lossy(&path), self.plan));
        Seen { planned: self, entry }
    }

    /// The paths that the plan lists, without the anchors.
    pub fn paths(&self) -> Vec<String> {
        let all = self.plan.files.iter().map(|e| e.path.to_string());
        all.filter(|p| !p.contains("anchors/")).collect()
    }
}

/// What an entry does to the install.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    Nothing,
    Remove,
    /// These bytes at the entry's path; the old path goes if it moves.
    Write(&'a [u8]),
    /// These bytes at the entry's path, and nothing goes.
    WriteOnly(&'a [u8]),
    /// It can't be done that way.
    Refused,
}

pub fn write<B: AsRef<[u8]> + ?Sized>(bytes: &B) -> Effect<'_> {
    Effect::Write(bytes.as_ref())
}

/// An entry of the plan under inspection.
pub struct Seen<'a> {
    planned: &'a Planned,
    pub entry: &'a FileEntry,
}

impl Seen<'_> {
    pub fn is(self, kind: Kind) -> Self {
        assert_eq!(self.entry.kind, kind, "{:#?}", self.entry);
        self
    }

    /// It moves, from there.
    pub fn from(self, name: impl AsRef<[u8]>) -> Self {
        let path = RelPath::new(full(name.as_ref(), "standards/universal")).unwrap();
        assert_eq!(self.entry.from.as_ref(), Some(&path), "{:#?}", self.entry);
        self
    }

    pub fn stays(self) -> Self {
        assert_eq!(self.entry.from, None, "{:#?}", self.entry);
        self
    }

    /// The reason has these words, in this order. `{0}` is the id of the first release, and so on.
    pub fn why(self, words: &[&str]) -> Self {
        let mut rest = &self.entry.reason[..];
        for word in words {
            let mut word = (*word).to_owned();
            for (number, id) in self.planned.world.ids().iter().enumerate() {
                word = word.replace(&format!("{{{number}}}"), &id[..7]);
            }
            let at = rest.find(&word).unwrap_or_else(|| panic!("no {word:?} in {:#?}", self.entry));
            rest = &rest[at + word.len()..];
        }
        self
    }

    pub fn hunks(self, count: usize) -> Self {
        assert_eq!(self.entry.conflict_hunks, count, "{:#?}", self.entry);
        self
    }

    pub fn executable(self, executable: bool) -> Self {
        assert_eq!(self.entry.executable, executable, "{:#?}", self.entry);
        self
    }

    /// What happens without a question. An answer, had someone given one, makes no difference.
    pub fn does(self, effect: Effect<'_>) -> Self {
        assert_ne!(self.entry.kind, Kind::Conflict, "{:#?}", self.entry);
        for answer in [None, Some(Decision::Keep), Some(Decision::Take)] {
            self.check(answer.as_ref(), effect);
        }
        self
    }

    /// What the answer "keep" does.
    pub fn keep(self, effect: Effect<'_>) -> Self {
        self.asked().check(Some(&Decision::Keep), effect);
        self
    }

    /// What the answer "take" does.
    pub fn take(self, effect: Effect<'_>) -> Self {
        self.asked().check(Some(&Decision::Take), effect);
        self
    }

    /// What the answer "merge" does, with the same choice for every hunk.
    pub fn merge(self, choice: Choice, effect: Effect<'_>) -> Self {
        let choices = vec![Some(choice); self.entry.conflict_hunks];
        self.asked().check(Some(&Decision::Merge(choices)), effect);
        self
    }

    /// Without an answer nothing may happen.
    fn asked(&self) -> &Self {
        assert_eq!(self.entry.kind, Kind::Conflict, "{:#?}", self.entry);
        assert!(matches!(self.outcome(None), Err(OutcomeError::Unanswered(_))), "{:#?}", self.entry);
        self
    }

    fn outcome(&self, answer: Option<&Decision>) -> Result<Outcome, OutcomeError> {
        let install = self.planned.world.folder();
        outcome(self.entry, answer, &sides(&self.planned.source, &install, self.entry).unwrap())
    }

    fn check(&self, answer: Option<&Decision>, effect: Effect<'_>) {
        let (entry, path) = (self.entry, self.entry.path.clone());
        let written = |from: Option<&RelPath>, bytes: &[u8]| Outcome::Write {
            path: path.clone(),
            from: from.cloned(),
            bytes: bytes.into(),
            executable: entry.executable,
        };
        let got = self.outcome(answer);
        let wanted = match effect {
            Effect::Nothing => Outcome::Nothing,
            Effect::Remove => Outcome::Remove { path: path.clone() },
            Effect::Write(bytes) => written(entry.from.as_ref(), bytes),
            Effect::WriteOnly(bytes) => written(None, bytes),
            Effect::Refused => return assert!(got.is_err(), "{answer:?}: {got:?} for {entry:#?}"),
        };
        // Not `assert_eq`: bytes are read more easily as text.
        let text = |outcome: &Outcome| match outcome {
            Outcome::Write { bytes, .. } => String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned(),
            other => format!("{other:?}"),
        };
        let shown = got.as_ref().map(text);
        assert!(got.as_ref() == Ok(&wanted), "{answer:?} does {shown:?} instead of {:?} for {entry:#?}", text(&wanted));
    }
}
