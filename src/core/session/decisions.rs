//! What is decided of each conflict of a session, in one place. What is resolved and can be carried out is its answer; all
//! else is still open. A path is never both.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Refused};
use crate::core::merge::Choice;
use crate::core::path::RelPath;

/// What is decided so far, by path. Its keys stand among those of the session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Decisions {
    /// Resolved, and can be carried out.
    answers: BTreeMap<RelPath, Decision>,
    /// Decided in part, or can't be carried out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    open: BTreeMap<RelPath, Decision>,
    /// What was written and could not be used; nothing but its author forgets it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    refused: BTreeMap<RelPath, Vec<Refused>>,
}

/// What a decision did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Nothing: it was so.
    Same,
    /// The path has an answer now; `first` if it had none.
    Answered {
        /// It had none.
        first: bool,
    },
    /// Something of it is open, so it has no answer.
    Open {
        /// It had one.
        had_answer: bool,
    },
    /// It can't be carried out, so it has no answer.
    Refused {
        /// It had one.
        had_answer: bool,
        /// Why it can't.
        problem: String,
    },
}

impl Decisions {
    /// The answers.
    pub(crate) fn answers(&self) -> &BTreeMap<RelPath, Decision> {
        &self.answers
    }

    /// Takes an answer of which is known that it is resolved and can be carried out.
    pub(crate) fn answer(&mut self, path: RelPath, answer: Decision) {
        self.open.remove(&path);
        self.answers.insert(path, answer);
    }

    /// Takes in what is decided of a path now, and makes it the answer if it is resolved and `check` lets it.
    pub(crate) fn decide(
        &mut self,
        path: &RelPath,
        decision: &Decision,
        check: impl FnOnce(&Decision) -> Result<(), String>,
    ) -> Decided {
        let is_known = self.decided(path).unwrap_or(&Decision::Open) == decision;
        let answered = self.answers.contains_key(path);
        // One that could not be carried out may be possible now.
        if is_known && (answered || !decision.is_resolved()) {
            return Decided::Same;
        }
        let problem = if decision.is_resolved() { check(decision).err() } else { None };
        if decision.is_resolved() && problem.is_none() {
            self.answer(path.clone(), decision.clone());
            return Decided::Answered { first: !answered };
        }
        self.answers.remove(path);
        match decision {
            Decision::Open => self.open.remove(path),
            decided => self.open.insert(path.clone(), decided.clone()),
        };
        match problem {
            Some(problem) => Decided::Refused { had_answer: answered, problem },
            None => Decided::Open { had_answer: answered },
        }
    }

    /// What is decided of a path.
    pub(crate) fn decided(&self, path: &RelPath) -> Option<&Decision> {
        self.open.get(path).or_else(|| self.answers.get(path))
    }

    /// What is decided without being an answer.
    pub(crate) fn open(&self) -> &BTreeMap<RelPath, Decision> {
        &self.open
    }

    /// Keeps what was written for a path and could not be used.
    pub(crate) fn refuse(&mut self, path: RelPath, texts: Vec<Refused>) {
        match texts.is_empty() {
            true => self.refused.remove(&path),
            false => self.refused.insert(path, texts),
        };
    }

    /// What was written for a path and could not be used.
    pub(crate) fn refused(&self, path: &RelPath) -> &[Refused] {
        self.refused.get(path).map_or(&[], Vec::as_slice)
    }

    /// Takes in what an earlier build kept apart, of the paths that `asks`. It was written before the session was, so where
    /// the two differ it is the newer: that is open until it is decided anew. Gives how many answers are gone by that.
    pub(crate) fn take_in(&mut self, earlier: Earlier, asks: impl Fn(&RelPath) -> bool) -> u64 {
        let mut gone = 0;
        for (path, decision) in earlier.drafts.into_iter().filter(|(path, _)| asks(path)) {
            if self.answers.get(&path) != Some(&decision) {
                gone += u64::from(self.answers.remove(&path).is_some());
                self.open.insert(path, decision);
            }
        }
        self.refused.extend(earlier.refused);
        gone
    }

    /// What is settled without being an answer yet.
    pub(crate) fn drafts(&self) -> Vec<Draft> {
        let paths: BTreeSet<&RelPath> = self.open.keys().chain(self.refused.keys()).collect();
        let open = paths.into_iter().filter(|path| !self.answers.contains_key(*path));
        open.filter_map(|path| {
            Draft::of(path, self.open.get(path).unwrap_or(&Decision::Open), self.refused(path).len())
        })
        .collect()
    }

    /// Whether each answer is one: what is read was perhaps written by anybody.
    pub(crate) fn are_sound(&self) -> bool {
        self.answers.values().all(Decision::is_resolved)
    }
}

/// For answers that are known.
impl From<BTreeMap<RelPath, Decision>> for Decisions {
    fn from(answers: BTreeMap<RelPath, Decision>) -> Self {
        Self { answers, ..Self::default() }
    }
}

/// `drafts.json` as earlier builds wrote it, beside a session that had its answers alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Earlier {
    drafts: BTreeMap<RelPath, Decision>,
    #[serde(default)]
    refused: BTreeMap<RelPath, Vec<Refused>>,
}

impl Earlier {
    /// From its text. A damaged one has none, which costs questions but no bytes.
    pub(crate) fn parse(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }
}

/// What is settled of a conflict without being its answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Which conflict.
    pub(crate) path: RelPath,
    /// How many hunks of it; none if it is settled as a whole.
    pub(crate) hunks: Option<usize>,
    /// How many texts the person wrote for it.
    pub(crate) written: usize,
}

impl Draft {
    fn of(path: &RelPath, decision: &Decision, refused: usize) -> Option<Self> {
        let (hunks, written) = match decision {
            Decision::Open => (Some(0), 0),
            Decision::Keep | Decision::Take | Decision::Park => (None, 0),
            Decision::Edited(_) => (None, 1),
            Decision::Merge(choices) => {
                let written = choices.iter().flatten().filter(|c| matches!(c, Choice::Edited(_)));
                (Some(choices.iter().flatten().count()), written.count())
            }
        };
        let draft = Self { path: path.clone(), hunks, written: written + refused };
        Some(draft).filter(|d| d.hunks != Some(0) || d.written > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RelPath {
        RelPath::new(name).unwrap()
    }

    #[test]
    fn a_path_is_answered_or_open_and_never_both() {
        let mut all = Decisions::default();
        let half = Decision::Merge(vec![Some(Choice::Mine), None]);
        let fine = |_: &Decision| Ok(());
        let bad = |_: &Decision| Err("no".to_owned());
        assert_eq!(all.decide(&path("a"), &half, bad), Decided::Open { had_answer: false });
        assert_eq!(all.decide(&path("a"), &half, bad), Decided::Same);
        assert_eq!(all.decide(&path("a"), &Decision::Take, fine), Decided::Answered { first: true });
        assert!(all.open.is_empty() && all.answers.len() == 1);
        assert_eq!(all.decide(&path("a"), &Decision::Take, bad), Decided::Same, "nothing is checked twice");
        assert_eq!(all.decide(&path("a"), &Decision::Keep, fine), Decided::Answered { first: false });
        let refused = |had_answer| Decided::Refused { had_answer, problem: "no".to_owned() };
        assert_eq!(all.decide(&path("a"), &Decision::Edited(vec![1]), bad), refused(true));
        assert!(all.answers.is_empty() && all.decided(&path("a")) == Some(&Decision::Edited(vec![1])));
        assert_eq!(all.decide(&path("a"), &Decision::Edited(vec![1]), bad), refused(false), "said again");
        assert_eq!(all.decide(&path("a"), &Decision::Edited(vec![1]), fine), Decided::Answered { first: true });
        assert_eq!(all.decide(&path("a"), &Decision::Open, fine), Decided::Open { had_answer: true });
        assert_eq!(all, Decisions::default());
    }

    #[test]
    fn what_an_earlier_build_kept_apart_is_taken_in() {
        let text = br#"{"schema":1,"drafts":{"a":"keep","b":{"merge":["mine",null]},"c":"take","d":"park"},
            "refused":{"e":[{"hunk":null,"text":"eA=="}]}}"#;
        let answers = ["a", "b", "d"].map(|name| (path(name), Decision::Keep));
        let mut all = Decisions::from(BTreeMap::from(answers));
        let gone = all.take_in(Earlier::parse(text), |path| *path != self::path("d"));
        assert_eq!(gone, 1, "that of b: what was decided of it is newer");
        assert_eq!(all.answers.keys().collect::<Vec<_>>(), [&path("a"), &path("d")]);
        assert_eq!(all.open.keys().collect::<Vec<_>>(), [&path("b"), &path("c")]);
        assert_eq!(all.refused(&path("e")).len(), 1);
        let drafts: Vec<(String, Option<usize>, usize)> =
            all.drafts().into_iter().map(|d| (d.path.to_string(), d.hunks, d.written)).collect();
        assert_eq!(drafts, [("b".into(), Some(1), 0), ("c".into(), None, 0), ("e".into(), Some(0), 1)]);
        assert_eq!(Earlier::parse(b"[[["), Earlier::default());
    }
}
