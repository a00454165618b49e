//! Who decides a conflict: a saved answer, the policy of the command line, or a person.

mod earlier;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::core::answers::{self, Prior, Remembered, Rules};
use crate::core::bound_answers::Ids;
use crate::core::layout::layouts;
use crate::core::merge::Choice;
use crate::core::outcome::{Outcome, Sides, merge_of, outcome};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::core::policy::OnConflict;
use crate::core::session::{Decided, Decision, StateEvent};
use crate::core::settings::Options;
use crate::core::visible::Shown as _;
use crate::engine::conflicts::apply;
use crate::engine::conflicts::rules;
pub(crate) use crate::engine::conflicts::settle::earlier::drafts;
use crate::engine::events::{Command, ConflictFile, Event, Level};
use crate::engine::planning::make_plan;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::fs;
use crate::host::files::read;

/// The answer that a policy gives; none for [`OnConflict::Ask`]. The user's config is only written when he has answered
/// for it, so any policy keeps it, or puts it off with the rest.
pub(crate) fn by_policy(policy: OnConflict, path: &RelPath, sides: &Sides) -> Option<Decision> {
    if !matches!(policy, OnConflict::Ask | OnConflict::Park) && layouts().is_config(path) {
        return Some(Decision::Keep);
    }
    let merged = |choice: Choice, otherwise: Decision| match merge_of(path, sides) {
        Some(merge) => Decision::Merge(vec![Some(choice); merge.conflicts()]),
        None => otherwise,
    };
    match policy {
        OnConflict::Ask => None,
        OnConflict::Keep => Some(Decision::Keep),
        OnConflict::Take => Some(Decision::Take),
        OnConflict::Park => Some(Decision::Park),
        OnConflict::MergeKeep => Some(merged(Choice::Mine, Decision::Keep)),
        OnConflict::MergeTake => Some(merged(Choice::Theirs, Decision::Take)),
    }
}

/// What is done about an entry without a question, as far as that can be told beforehand; none if a person is asked.
pub(crate) fn unasked_outcome(
    entry: &FileEntry,
    prior: Option<&Decision>,
    policy: OnConflict,
    sides: &Sides,
) -> Option<Outcome> {
    let done = |answer: Option<&Decision>| outcome(entry, answer, sides).ok();
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
pub(crate) fn settle(
    run: &mut Run,
    texts: impl Fn(&FileEntry) -> Result<Sides, Stop>,
) -> Result<Vec<apply::Decided>, Stop> {
    let install = run.session.install.clone();
    let entries: Vec<FileEntry> = run.session.plan().files.clone();
    let options = run.session.options();
    let (rules, remembered) = (Rules::of(options), counting(options, &install)?);
    let mut open: Vec<(FileEntry, Sides)> = Vec::new();
    let mut effects = Vec::new();
    let mut unasked_paths = BTreeSet::new();
    for entry in entries.into_iter().filter(|e| e.kind.changes_install()) {
        let sides = texts(&entry)?;
        if entry.kind != Kind::Conflict {
            let outcome = outcome(&entry, None, &sides).map_err(Stop::failed)?;
            effects.push(apply::Decided { entry, outcome });
            continue;
        }
        if !run.session.answers().contains_key(&entry.path) && unasked(run, &entry, &sides, &rules, &remembered)? {
            unasked_paths.insert(entry.path.clone());
        }
        open.push((entry, sides));
    }
    if !unasked_paths.is_empty() {
        run.save()?;
        say_answered(run, unasked_paths.into_iter());
    }
    ask(run, &open)?;
    for (entry, sides) in open {
        let outcome = outcome(&entry, run.session.answers().get(&entry.path), &sides).map_err(Stop::failed)?;
        effects.push(apply::Decided { entry, outcome });
    }
    Ok(effects)
}

/// The answers that were given in this install before.
///
/// # Errors
/// [`FsError`] where they are there and can't be read: that must not ask anew, or forget them.
pub(crate) fn remembered(install: &Path) -> Result<Remembered, FsError> {
    let text = read::read_own_note_if_there(&install.join(".upgrade").join(answers::FILE))?;
    Ok(Remembered::parse(&text.unwrap_or_default()))
}

/// Those of them that count: none, if all is to be asked again.
///
/// # Errors
/// Those of [`remembered`].
pub(crate) fn counting(options: &Options, install: &Path) -> Result<Remembered, FsError> {
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
            let Some(answer) = by_policy(run.session.on_conflict(), &entry.path, sides) else { return Ok(false) };
            if layouts().is_config(&entry.path) && answer == Decision::Keep {
                let why = "only your own answer writes your config".to_owned();
                run.session.answered_by.insert(entry.path.clone(), why);
            }
            answer
        }
    };
    check(&run.session.install, entry, sides, &answer).map_err(Stop::failed)?;
    run.session.decisions.answer(entry.path.clone(), answer);
    Ok(true)
}

/// Checks that an answer can be carried out.
///
/// # Errors
/// Why it can't, as a sentence.
pub(crate) fn check(install: &Path, entry: &FileEntry, sides: &Sides, answer: &Decision) -> Result<(), String> {
    let effect = outcome(entry, Some(answer), sides).map_err(|e| e.to_string())?;
    if let (Decision::Merge(_) | Decision::Edited(_), Outcome::Write { path, bytes, .. }, Some(mine)) =
        (answer, &effect, &sides.mine)
        && let Some(damage) = make_plan::python_damage(install, path, mine, bytes)
    {
        return Err(format!("{path}: the merged file {damage}"));
    }
    Ok(())
}

/// A conflict and its texts.
type Conflict = (FileEntry, Sides);

/// The conflicts that a person decides, and what is decided of them.
struct Asking<'a> {
    by_path: BTreeMap<&'a RelPath, &'a Conflict>,
    /// Answers that are taken in and not yet saved: saving hundreds one by one would take half a minute.
    fresh: Vec<RelPath>,
    /// Decisions that can't be carried out, and why; not said yet.
    refused: Vec<(RelPath, Decision, String)>,
    unsaved: bool,
}

impl<'a> Asking<'a> {
    fn new(open: &'a [Conflict]) -> Self {
        let by_path: BTreeMap<&RelPath, &Conflict> = open.iter().map(|one| (&one.0.path, one)).collect();
        Self { by_path, fresh: Vec::new(), refused: Vec::new(), unsaved: false }
    }

    /// Takes decisions in. One that can't be carried out is kept, and is no answer.
    fn decide(&mut self, run: &mut Run, changes: Vec<(RelPath, Decision)>) {
        for (path, decision) in changes {
            let Some((entry, sides)) = self.by_path.get(&path) else {
                not_done(run, format!("{path}: not a conflict of this upgrade"));
                continue;
            };
            let install = run.session.install.clone();
            match run.session.decisions.decide(&path, &decision, |a| check(&install, entry, sides, a)) {
                Decided::Same => continue,
                Decided::Answered { first } => {
                    run.session.prompts += u64::from(first);
                    self.fresh.push(path);
                }
                Decided::Open { had_answer } => {
                    run.session.prompts = run.session.prompts.saturating_sub(u64::from(had_answer));
                }
                Decided::Refused { had_answer, problem } => {
                    run.session.prompts = run.session.prompts.saturating_sub(u64::from(had_answer));
                    self.refused.push((path, decision, problem));
                }
            }
            self.unsaved = true;
        }
    }

    /// Says what could not be carried out.
    fn say_refused(&mut self, run: &Run) {
        for (path, decision, problem) in self.refused.drain(..) {
            run.log(Level::Error, "conflicts", &problem);
            run.say(Event::AnswerRefused { path, decision, problem });
        }
    }

    /// Saves what was taken in, and says so.
    fn save(&mut self, run: &mut Run) -> Result<(), Stop> {
        if !std::mem::take(&mut self.unsaved) {
            return Ok(());
        }
        run.save()?;
        say_answered(run, self.fresh.drain(..));
        Ok(())
    }
}

fn say_answered(run: &Run, paths: impl Iterator<Item = RelPath>) {
    for path in paths {
        if let Some(answer) = run.session.answers().get(&path).cloned() {
            run.say(Event::Answered { path, answer });
        }
    }
}

fn ask(run: &mut Run, open: &[Conflict]) -> Result<(), Stop> {
    let unanswered = |run: &Run| open.iter().filter(|(e, _)| !run.session.answers().contains_key(&e.path)).count();
    // Those that no rule, policy or earlier answer settled: a person sees them all until they say that it is done.
    let asked =
        |run: &Run| -> Vec<&Conflict> { open.iter().filter(|(e, _)| run.session.asks_about(&e.path)).collect() };
    let waits = run.session.gated && !run.session.answers_done;
    if unanswered(run) == 0 && !waits && (run.session.answers_done || asked(run).is_empty()) {
        return Ok(());
    }
    let had_earlier = earlier::take_in(&mut run.session)?;
    let mut asking = Asking::new(open);
    // What could not be carried out may be possible now, or is refused again.
    let before: Vec<_> = run.session.decisions.open().clone().into_iter().collect();
    let asks = |(path, _): &(RelPath, _)| asking.by_path.contains_key(path) && run.session.asks_about(path);
    let before = before.into_iter().filter(asks).collect();
    asking.decide(run, before);
    run.advance(&StateEvent::ConflictsOpened)?;
    asking.save(run)?;
    run.save()?;
    if had_earlier {
        earlier::remove(run.lock.install(), &run.session)?;
    }
    run.say(Event::ConflictsOpen { files: files(run, &asked(run)) });
    asking.say_refused(run);
    loop {
        if !run.has_answers() {
            asking.save(run)?;
        }
        let command = match run.wait_for_answer() {
            Ok(command) => command,
            Err(stop) => {
                asking.save(run)?;
                return Err(stop);
            }
        };
        match command {
            Command::Decide(changes) => {
                asking.decide(run, changes);
                asking.say_refused(run);
            }
            Command::Refused(path, texts) => {
                run.session.decisions.refuse(path, texts);
                run.save()?;
            }
            Command::Rule { take, pattern, made: true } => {
                if let Err(problem) = rules::add(run, take, &pattern) {
                    not_done(run, problem);
                }
            }
            Command::Rule { take, pattern, made: false } => rules::remove(run, take, &pattern)?,
            Command::Finish(all) => {
                asking.decide(run, all);
                asking.say_refused(run);
                asking.save(run)?;
                let left = unanswered(run);
                if left == 0 {
                    remember(run, &asked(run));
                    run.session.answers_done = true;
                    run.advance(&StateEvent::Decided)?;
                    return run.save();
                }
                run.log(Level::Info, "conflicts", &format!("without an answer yet: {left}"));
                run.say(Event::ConflictsOpen { files: files(run, &asked(run)) });
            }
            Command::Pause | Command::RollBack | Command::Choose { .. } => {}
        }
    }
}

/// The conflicts as a face needs them, with what is decided of each.
fn files(run: &Run, asked: &[&Conflict]) -> Arc<Vec<ConflictFile>> {
    let file = |(entry, sides): &&Conflict| {
        let decisions = &run.session.decisions;
        ConflictFile {
            path: entry.path.clone(),
            from: entry.from.clone(),
            reason: entry.reason.clone(),
            ids: Ids::of(entry),
            base: sides.base.clone(),
            mine: sides.mine.clone(),
            theirs: sides.theirs.clone(),
            answered: decisions.answers().contains_key(&entry.path),
            draft: decisions.decided(&entry.path).cloned(),
            refused: decisions.refused(&entry.path).to_vec(),
        }
    };
    Arc::new(asked.iter().map(file).collect())
}

/// Says what can't be done, to whoever asked for it and in the log.
fn not_done(run: &Run, problem: String) {
    run.log(Level::Error, "conflicts", &problem);
    run.say(Event::NotDone { problem });
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
        if let Some(answer) = run.session.answers().get(&entry.path) {
            all.remember(entry, answer);
        }
    }
    // Only spares a question: the session itself has the answers.
    let written = all.to_json().doing("write", &path);
    if let Err(e) = written.and_then(|text| fs::write_durable(&path, text.as_bytes(), 0o600)) {
        run.log(Level::Warn, "conflicts", &format!("{e}; these answers are not kept in it"));
    }
}
