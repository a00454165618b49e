//! Who decides a conflict: a saved answer, the policy of the command line, or a person.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::apply::Decided;
use super::events::{Command, ConflictFile, Event, Level};
use super::planning;
use super::rules;
use super::run::{Run, Stop};
use crate::core::answers::{self, Prior, Remembered, Rules};
use crate::core::layout::layouts;
use crate::core::merge::Choice;
use crate::core::outcome::{Outcome, Sides, merge_of, outcome};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::core::session::{Answer, Decision, OnConflict, Refused, Session, Status};
use crate::core::settings::Options;
use crate::core::visible::Shown as _;
use crate::host::fs::{self, FsError};
use crate::host::store;

/// The answer that a policy gives; none for [`OnConflict::Ask`]. The user's config is only written when he has answered
/// for it, so any policy keeps it, or puts it off with the rest.
pub fn by_policy(policy: OnConflict, path: &RelPath, sides: &Sides) -> Option<Answer> {
    if !matches!(policy, OnConflict::Ask | OnConflict::Park) && layouts().is_config(path) {
        return Some(Answer::Keep);
    }
    let merged = |choice: Choice, otherwise: Answer| match merge_of(path, sides) {
        Some(merge) => Answer::Merge(vec![choice; merge.conflicts()]),
        None => otherwise,
    };
    match policy {
        OnConflict::Ask => None,
        OnConflict::Keep => Some(Answer::Keep),
        OnConflict::Take => Some(Answer::Take),
        OnConflict::Park => Some(Answer::Park),
        OnConflict::MergeKeep => Some(merged(Choice::Mine, Answer::Keep)),
        OnConflict::MergeTake => Some(merged(Choice::Theirs, Answer::Take)),
    }
}

/// What is done about an entry without a question, as far as that can be told beforehand; none if a person is asked.
pub fn unasked_outcome(
    entry: &FileEntry,
    prior: Option<&Answer>,
    policy: OnConflict,
    sides: &Sides,
) -> Option<Outcome> {
    let done = |answer: Option<&Answer>| outcome(entry, answer, sides).ok();
    if entry.kind != Kind::Conflict {
        return done(None);
    }
    let settled = prior.and_then(|answer| done(Some(answer)));
    settled.or_else(|| done(Some(&by_policy(policy, &entry.path, sides)?)))
}

/// Settles every conflict and says what each entry does; `texts` reads an entry's. Answers are saved one by one as they
/// come.
///
/// # Errors
/// [`Stop`].
pub fn settle(run: &mut Run, texts: impl Fn(&FileEntry) -> Result<Sides, Stop>) -> Result<Vec<Decided>, Stop> {
    let install = run.session.install.clone();
    let entries: Vec<FileEntry> = run.session.plan.files.clone();
    let options = &run.session.options;
    let (rules, remembered) = (Rules::of(options), counting(options, &install)?);
    let mut open: Vec<(FileEntry, Sides)> = Vec::new();
    let mut decided = Vec::new();
    let mut unasked_paths = BTreeSet::new();
    for entry in entries.into_iter().filter(|e| e.kind.changes_install()) {
        let sides = texts(&entry)?;
        if entry.kind != Kind::Conflict {
            let outcome = outcome(&entry, None, &sides).map_err(Stop::failed)?;
            decided.push(Decided { entry, outcome });
            continue;
        }
        if !run.session.answers.contains_key(&entry.path) && unasked(run, &entry, &sides, &rules, &remembered)? {
            unasked_paths.insert(entry.path.clone());
        }
        open.push((entry, sides));
    }
    let answers = &run.session.answers;
    let answered = open.iter().filter(|(e, _)| unasked_paths.contains(&e.path));
    let answered = answered.filter_map(|(e, _)| Some((e, answers.get(&e.path)?.clone()))).collect();
    Fresh { answered }.save(run)?;
    ask(run, &open)?;
    for (entry, sides) in open {
        let outcome = outcome(&entry, run.session.answers.get(&entry.path), &sides).map_err(Stop::failed)?;
        decided.push(Decided { entry, outcome });
    }
    Ok(decided)
}

/// The answers that were given in this install before.
///
/// # Errors
/// [`FsError`] where they are there and can't be read: that must not ask anew, or forget them.
pub fn remembered(install: &Path) -> Result<Remembered, FsError> {
    let text = fs::read_own_note_if_there(&install.join(".upgrade").join(answers::FILE))?;
    Ok(Remembered::parse(&text.unwrap_or_default()))
}

/// Those of them that count: none, if all is to be asked again.
///
/// # Errors
/// Those of [`remembered`].
pub fn counting(options: &Options, install: &Path) -> Result<Remembered, FsError> {
    if options.ask_again { Ok(Remembered::default()) } else { remembered(install) }
}

/// Settles a conflict without asking, where a rule, an earlier answer or the policy can; whether one could.
fn unasked(
    run: &mut Run,
    entry: &FileEntry,
    sides: &Sides,
    rules: &Rules,
    remembered: &Remembered,
) -> Result<bool, Stop> {
    let prior = answers::prior(entry, rules, remembered)
        // One that can't be carried out any more is asked again.
        .filter(|prior| outcome(entry, Some(&prior.answer), sides).is_ok());
    let answer = match prior {
        Some(Prior { answer, why, .. }) => {
            run.log(Level::Info, "conflicts", &format!("{}: settled by {why}", entry.path));
            run.session.answered_by.insert(entry.path.clone(), why);
            answer
        }
        None => {
            let Some(answer) = by_policy(run.session.on_conflict, &entry.path, sides) else { return Ok(false) };
            if layouts().is_config(&entry.path) && answer == Answer::Keep {
                let why = "only your own answer writes your config".to_owned();
                run.session.answered_by.insert(entry.path.clone(), why);
            }
            answer
        }
    };
    accept(run, entry, sides, answer, false).map_err(Stop::failed)?;
    Ok(true)
}

/// Answers that are taken in and not yet saved: saving hundreds one by one would take half a minute.
#[derive(Default)]
struct Fresh<'e> {
    answered: Vec<(&'e FileEntry, Answer)>,
}

impl Fresh<'_> {
    /// Saves the session with them, and says so.
    fn save(&mut self, run: &mut Run) -> Result<(), Stop> {
        if self.answered.is_empty() {
            return Ok(());
        }
        run.save()?;
        for (entry, answer) in self.answered.drain(..) {
            run.say(Event::Answered { path: entry.path.clone(), answer });
        }
        Ok(())
    }
}

/// Checks that an answer can be carried out, and takes it in.
fn accept(run: &mut Run, entry: &FileEntry, sides: &Sides, answer: Answer, by_person: bool) -> Result<(), String> {
    let effect = outcome(entry, Some(&answer), sides).map_err(|e| e.to_string())?;
    if let (Answer::Merge(_) | Answer::Edited(_), Outcome::Write { path, bytes, .. }, Some(mine)) =
        (&answer, &effect, &sides.mine)
        && let Some(damage) = planning::python_damage(&run.session.install, path, mine, bytes)
    {
        return Err(format!("{path}: the merged file {damage}"));
    }
    let first = run.session.answers.insert(entry.path.clone(), answer).is_none();
    run.session.prompts += u64::from(by_person && first);
    Ok(())
}

fn ask(run: &mut Run, open: &[(FileEntry, Sides)]) -> Result<(), Stop> {
    let unanswered = |run: &Run| -> Vec<&(FileEntry, Sides)> {
        open.iter().filter(|(e, _)| !run.session.answers.contains_key(&e.path)).collect()
    };
    // Those that no rule, policy or earlier answer settled: a person sees them all until they say that it is done.
    let asked = |run: &Run| -> Vec<&(FileEntry, Sides)> {
        open.iter().filter(|(e, _)| run.session.asks_about(&e.path)).collect()
    };
    if unanswered(run).is_empty() && (run.session.answers_done || asked(run).is_empty()) {
        return Ok(());
    }
    let drafts = RefCell::new(Drafts::read(&run.folder(DRAFTS))?);
    let file = |run: &Run, (entry, sides): &(FileEntry, Sides)| ConflictFile {
        path: entry.path.clone(),
        from: entry.from.clone(),
        reason: entry.reason.clone(),
        base: sides.base.clone(),
        mine: sides.mine.clone(),
        theirs: sides.theirs.clone(),
        draft: match run.session.answers.get(&entry.path) {
            Some(answer) => Some(answer.clone().into()),
            None => drafts.borrow().get(&entry.path).cloned(),
        },
        answered: run.session.answers.contains_key(&entry.path),
        refused: drafts.borrow().refused.get(&entry.path).cloned().unwrap_or_default(),
    };
    let files = |run: &Run| Arc::new(asked(run).iter().map(|one| file(run, one)).collect::<Vec<_>>());
    run.session.status = Status::AwaitingDecision;
    run.save()?;
    run.say(Event::ConflictsOpen { files: files(run) });
    let by_path: BTreeMap<&RelPath, &(FileEntry, Sides)> = open.iter().map(|one| (&one.0.path, one)).collect();
    let mut fresh = Fresh::default();
    loop {
        if !run.has_answers() {
            fresh.save(run)?;
        }
        let command = match run.wait_for_answer() {
            Ok(command) => command,
            Err(stop) => {
                fresh.save(run)?;
                return Err(stop);
            }
        };
        match command {
            Command::Answer { path, answer } => match by_path.get(&path) {
                Some((entry, sides)) => match accept(run, entry, sides, answer.clone(), true) {
                    Ok(()) => fresh.answered.push((entry, answer)),
                    Err(problem) => {
                        run.log(Level::Error, "conflicts", &problem);
                        run.say(Event::AnswerRefused { path, problem });
                    }
                },
                None => run.log(Level::Error, "conflicts", &format!("{path}: not a conflict of this upgrade")),
            },
            Command::Drafts(changes) => {
                for (path, decision) in changes {
                    let Some((entry, _)) = by_path.get(&path) else { continue };
                    take_back(run, entry, &decision)?;
                    drafts.borrow_mut().put(path, decision);
                }
                drafts.borrow().write(&run.folder(DRAFTS))?;
            }
            Command::Refused(path, texts) => {
                let mut drafts = drafts.borrow_mut();
                match texts.is_empty() {
                    true => drop(drafts.refused.remove(&path)),
                    false => drop(drafts.refused.insert(path, texts)),
                }
                drafts.write(&run.folder(DRAFTS))?;
            }
            Command::Rule { take, pattern, made: true } => {
                if let Err(problem) = rules::add(run, take, &pattern) {
                    run.log(Level::Error, "conflicts", &problem);
                }
            }
            Command::Rule { take, pattern, made: false } => rules::remove(run, take, &pattern)?,
            Command::AnswersDone => {
                fresh.save(run)?;
                let left = unanswered(run).len();
                if left == 0 {
                    remember(run, &asked(run));
                    run.session.answers_done = true;
                    run.session.status = Status::Running;
                    return run.save();
                }
                run.log(Level::Info, "conflicts", &format!("without an answer yet: {left}"));
                run.say(Event::ConflictsOpen { files: files(run) });
            }
            Command::Pause | Command::RollBack | Command::Choose { .. } => {}
        }
    }
}

/// The file of what is decided but not yet answered, in the session's folder.
const DRAFTS: &str = "drafts.json";

/// What is decided so far, by path.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Drafts {
    schema: u32,
    drafts: BTreeMap<RelPath, Decision>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    refused: BTreeMap<RelPath, Vec<Refused>>,
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
    let drafts = Drafts::read(&store::folder(&session.install, &session.session_id).join(DRAFTS))?;
    let paths: BTreeSet<&RelPath> = drafts.drafts.keys().chain(drafts.refused.keys()).collect();
    let open = paths.into_iter().filter(|path| !session.answers.contains_key(*path));
    let drafts = open.filter_map(|path| {
        let refused = drafts.refused.get(path).map_or(0, Vec::len);
        Draft::of(path, drafts.get(path).unwrap_or(&Decision::Open), refused)
    });
    Ok(drafts.collect())
}

impl Drafts {
    /// A damaged file has none, which costs questions but no bytes.
    fn read(path: &Path) -> Result<Self, FsError> {
        let text = fs::read_own_note_if_there(path)?.unwrap_or_default();
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }

    fn get(&self, path: &RelPath) -> Option<&Decision> {
        self.drafts.get(path)
    }

    fn put(&mut self, path: RelPath, decision: Decision) {
        self.schema = 1;
        match decision {
            Decision::Open => self.drafts.remove(&path),
            decided => self.drafts.insert(path, decided),
        };
    }

    fn write(&self, path: &Path) -> Result<(), Stop> {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Ok(fs::write_durable(path, &bytes, 0o600)?)
    }
}

/// An answer that a person undid is none any more.
fn take_back(run: &mut Run, entry: &FileEntry, now: &Decision) -> Result<(), Stop> {
    let Some(answer) = run.session.answers.get(&entry.path) else { return Ok(()) };
    if now.answer().as_ref() == Some(answer) {
        return Ok(());
    }
    run.session.answers.remove(&entry.path);
    run.session.prompts = run.session.prompts.saturating_sub(1);
    run.save()
}

/// Keeps the answers for upgrades to come. Only once the person said that all are given: until then they may change.
fn remember(run: &Run, answered: &[&(FileEntry, Sides)]) {
    let path = run.session.install.join(".upgrade").join(answers::FILE);
    let Ok(mut all) = remembered(&run.session.install) else {
        // Written anew, it would forget the earlier ones.
        run.log(Level::Warn, "conflicts", &format!("{} can't be read; these answers are not kept in it", path.shown()));
        return;
    };
    for (entry, _) in answered {
        if let Some(answer) = run.session.answers.get(&entry.path) {
            all.remember(entry, answer);
        }
    }
    // Only spares a question: the session itself has the answers.
    let _ = fs::write_durable(&path, &all.to_json(), 0o600);
}
