//! Who decides a conflict: a saved answer, the policy of the command line, or a person.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::apply::Decided;
use super::events::{Command, ConflictFile, Event, Level};
use super::planning::{self, Source};
use super::run::{Run, Stop};
use crate::core::answers::{self, Remembered, Rules};
use crate::core::layout::layouts;
use crate::core::merge::Choice;
use crate::core::outcome::{Outcome, Sides, merge_of, outcome};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::core::session::{Answer, OnConflict, Status};

/// The answer that a policy gives; none for [`OnConflict::Ask`]. The user's config is only written when he has answered
/// for it, so any policy keeps it.
pub fn by_policy(policy: OnConflict, path: &RelPath, sides: &Sides) -> Option<Answer> {
    if policy != OnConflict::Ask && layouts().is_config(path) {
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
        OnConflict::MergeKeep => Some(merged(Choice::Mine, Answer::Keep)),
        OnConflict::MergeTake => Some(merged(Choice::Theirs, Answer::Take)),
    }
}

/// Settles every conflict and says what each entry does. Answers are saved one by one as they come.
///
/// # Errors
/// [`Stop`].
pub fn settle(run: &mut Run, source: &Source) -> Result<Vec<Decided>, Stop> {
    let install = run.session.install.clone();
    let entries: Vec<FileEntry> = run.session.plan.files.clone();
    let (rules, remembered) = (Rules::of(&run.session.options), remembered(&install));
    let mut open: Vec<(FileEntry, Sides)> = Vec::new();
    let mut decided = Vec::new();
    for entry in entries.into_iter().filter(|e| e.kind.changes_install()) {
        let sides = planning::sides(source, &install, &entry)?;
        if entry.kind != Kind::Conflict {
            let outcome = outcome(&entry, None, &sides).map_err(Stop::failed)?;
            decided.push(Decided { entry, outcome });
            continue;
        }
        if !run.session.answers.contains_key(&entry.path) {
            unasked(run, &entry, &sides, &rules, &remembered)?;
        }
        open.push((entry, sides));
    }
    ask(run, &open)?;
    for (entry, sides) in open {
        let outcome = outcome(&entry, run.session.answers.get(&entry.path), &sides).map_err(Stop::failed)?;
        decided.push(Decided { entry, outcome });
    }
    Ok(decided)
}

/// The answers that were given in this install before.
pub fn remembered(install: &Path) -> Remembered {
    let text = crate::host::fs::read_own(&install.join(".upgrade").join(answers::FILE)).unwrap_or_default();
    Remembered::parse(&text)
}

/// Settles a conflict without asking, where a rule, an earlier answer or the policy can.
fn unasked(
    run: &mut Run,
    entry: &FileEntry,
    sides: &Sides,
    rules: &Rules,
    remembered: &Remembered,
) -> Result<(), Stop> {
    if let Some((answer, why)) = answers::prior(entry, rules, remembered)
        // One that can't be carried out any more is asked again.
        && outcome(entry, Some(&answer), sides).is_ok()
    {
        run.log(Level::Info, "conflicts", &format!("{}: settled by {why}", entry.path));
        run.session.answered_by.insert(entry.path.clone(), why);
        return accept(run, entry, sides, answer, false).map_err(Stop::failed);
    }
    match by_policy(run.session.on_conflict, &entry.path, sides) {
        Some(answer) if layouts().is_config(&entry.path) => {
            let why = "only your own answer writes your config".to_owned();
            run.session.answered_by.insert(entry.path.clone(), why);
            accept(run, entry, sides, answer, false).map_err(Stop::failed)
        }
        Some(answer) => accept(run, entry, sides, answer, false).map_err(Stop::failed),
        None => Ok(()),
    }
}

/// Checks that an answer can be carried out, and saves it.
fn accept(run: &mut Run, entry: &FileEntry, sides: &Sides, answer: Answer, by_person: bool) -> Result<(), String> {
    let effect = outcome(entry, Some(&answer), sides).map_err(|e| e.to_string())?;
    if let (Answer::Merge(_), Outcome::Write { path, bytes, .. }, Some(mine)) = (&answer, &effect, &sides.mine)
        && let Some(damage) = planning::python_damage(&run.session.install, path, mine, bytes)
    {
        return Err(format!("{path}: the merged file {damage}"));
    }
    let first = run.session.answers.insert(entry.path.clone(), answer.clone()).is_none();
    run.session.prompts += u64::from(by_person && first);
    if let Err(Stop::Failed { what, .. }) = run.save() {
        return Err(what);
    }
    if by_person {
        let path = run.session.install.join(".upgrade").join(answers::FILE);
        let mut all = remembered(&run.session.install);
        all.remember(entry, &answer);
        // Only spares a question: the session itself has the answer.
        let _ = crate::host::fs::write_durable(&path, &all.to_json(), 0o600);
    }
    run.say(Event::Answered { path: entry.path.clone(), answer });
    Ok(())
}

fn ask(run: &mut Run, open: &[(FileEntry, Sides)]) -> Result<(), Stop> {
    let unanswered = |run: &Run| -> Vec<&(FileEntry, Sides)> {
        open.iter().filter(|(e, _)| !run.session.answers.contains_key(&e.path)).collect()
    };
    let missing = unanswered(run);
    if missing.is_empty() {
        return Ok(());
    }
    let file = |(entry, sides): &&(FileEntry, Sides)| ConflictFile {
        path: entry.path.clone(),
        from: entry.from.clone(),
        reason: entry.reason.clone(),
        base: sides.base.clone(),
        mine: sides.mine.clone(),
        theirs: sides.theirs.clone(),
    };
    let files = Arc::new(missing.iter().map(file).collect::<Vec<_>>());
    run.session.status = Status::AwaitingDecision;
    run.save()?;
    run.say(Event::ConflictsOpen { files });
    let by_path: BTreeMap<&RelPath, &(FileEntry, Sides)> = open.iter().map(|one| (&one.0.path, one)).collect();
    loop {
        match run.wait_for_answer()? {
            Command::Answer { path, answer } => match by_path.get(&path) {
                Some((entry, sides)) => {
                    if let Err(problem) = accept(run, entry, sides, answer, true) {
                        run.log(Level::Error, "conflicts", &problem);
                    }
                }
                None => run.log(Level::Error, "conflicts", &format!("{path}: not a conflict of this upgrade")),
            },
            Command::AnswersDone => {
                let left = unanswered(run).len();
                if left == 0 {
                    run.session.status = Status::Running;
                    return run.save();
                }
                run.log(Level::Warn, "conflicts", &format!("{left} conflicts have no answer yet"));
                let files = Arc::new(unanswered(run).iter().map(file).collect::<Vec<_>>());
                run.say(Event::ConflictsOpen { files });
            }
            Command::Pause | Command::RollBack | Command::Choose { .. } => {}
        }
    }
}
