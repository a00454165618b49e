//! What is decided of each conflict, in one place: the ledger, `drafts.json` in the session's folder. The session's answers
//! are what it has to the end and what can be carried out; nobody else puts a person's decision there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::core::json;
use crate::core::merge::Choice;
use crate::core::path::RelPath;
use crate::core::session::{Answer, Decision, Refused, Session};
use crate::host::files::error::Doing as _;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::session::store;

/// The session's answers by path.
type Answers = BTreeMap<RelPath, Answer>;

/// The file's name, in the session's folder.
pub(crate) const FILE: &str = "drafts.json";

/// What is decided so far, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    schema: u32,
    drafts: BTreeMap<RelPath, Decision>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    refused: BTreeMap<RelPath, Vec<Refused>>,
}

/// What a decision did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decided {
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

impl Ledger {
    /// A damaged file has none, which costs questions but no bytes. One that is there and can't be read is an error.
    pub(crate) fn read(path: &Path) -> Result<Self, FsError> {
        let text = fs::read_own_note_if_there(path)?.unwrap_or_default();
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }

    /// Writes it.
    pub(crate) fn write(&self, path: &Path) -> Result<(), FsError> {
        fs::write_durable(path, json::compact(self).doing("write", path)?.as_bytes(), 0o600)
    }

    /// Notes what is decided of a path now, and makes it the answer if `check` lets it.
    pub(crate) fn decide(
        &mut self,
        answers: &mut Answers,
        path: &RelPath,
        decision: &Decision,
        check: impl FnOnce(&Answer) -> Result<(), String>,
    ) -> Decided {
        let is_known = self.drafts.get(path).unwrap_or(&Decision::Open) == decision;
        self.schema = 1;
        match decision {
            Decision::Open => self.drafts.remove(path),
            decided => self.drafts.insert(path.clone(), decided.clone()),
        };
        let Some(answer) = decision.answer() else {
            let had_answer = answers.remove(path).is_some();
            return if is_known && !had_answer { Decided::Same } else { Decided::Open { had_answer } };
        };
        if answers.get(path) == Some(&answer) {
            return if is_known { Decided::Same } else { Decided::Answered { first: false } };
        }
        match check(&answer) {
            Ok(()) => Decided::Answered { first: answers.insert(path.clone(), answer).is_none() },
            Err(problem) => Decided::Refused { had_answer: answers.remove(path).is_some(), problem },
        }
    }

    /// What is decided of a path. Where a crash kept it from the session's answers, this is newer.
    pub(crate) fn decided(&self, answers: &Answers, path: &RelPath) -> Option<Decision> {
        self.drafts.get(path).cloned().or_else(|| answers.get(path).map(|a| a.clone().into()))
    }

    /// All that is decided.
    pub(crate) fn all(&self) -> Vec<(RelPath, Decision)> {
        self.drafts.iter().map(|(path, decision)| (path.clone(), decision.clone())).collect()
    }

    /// Keeps what was written for a path and could not be used; nothing forgets it.
    pub(crate) fn refuse(&mut self, path: RelPath, texts: Vec<Refused>) {
        match texts.is_empty() {
            true => self.refused.remove(&path),
            false => self.refused.insert(path, texts),
        };
    }

    /// What was written for a path and could not be used.
    pub(crate) fn refused(&self, path: &RelPath) -> Vec<Refused> {
        self.refused.get(path).cloned().unwrap_or_default()
    }
}

/// What is settled of a conflict without being its answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Which conflict.
    pub path: RelPath,
    /// How many hunks of it; none if it is settled as a whole.
    pub hunks: Option<usize>,
    /// How many texts the person wrote for it.
    pub written: usize,
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

/// What is settled in a session without being an answer yet. Blocking.
///
/// # Errors
/// [`FsError`] where it is there and can't be read.
pub fn drafts(session: &Session) -> Result<Vec<Draft>, FsError> {
    let drafts = Ledger::read(&store::folder(&session.install, &session.session_id).join(FILE))?;
    let paths: BTreeSet<&RelPath> = drafts.drafts.keys().chain(drafts.refused.keys()).collect();
    let open = paths.into_iter().filter(|path| !session.answers.contains_key(*path));
    let drafts = open.filter_map(|path| {
        let refused = drafts.refused.get(path).map_or(0, Vec::len);
        Draft::of(path, drafts.drafts.get(path).unwrap_or(&Decision::Open), refused)
    });
    Ok(drafts.collect())
}
