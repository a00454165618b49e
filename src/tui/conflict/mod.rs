//! Which conflicts are settled, and how: choices, cursor, undo and redo. Knows neither texts nor screens.

use std::collections::BTreeSet;

use crate::core::merge::Choice;
pub(crate) use crate::core::session::Decision;

/// What kind of conflict a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Not looked at yet.
    Waiting,
    /// Texts that can be merged, with this many overlapping hunks.
    Text(usize),
    /// Can only be kept or taken whole; why, as a sentence.
    Whole(&'static str),
}

/// What is chosen for each hunk of a file.
pub(crate) type Choices = Vec<Option<Choice>>;

/// A file and its decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled {
    /// What kind of conflict it is.
    pub(crate) shape: Shape,
    /// What is decided.
    pub(crate) decision: Decision,
    /// The hunks that were settled before the whole file was, for going back to them.
    pub(crate) aside: Option<Choices>,
    /// The person accepted it with Enter after the last change.
    pub(crate) accepted: bool,
    /// Why what is decided can't be written: the file is open until that is mended.
    pub(crate) problem: Option<String>,
}

impl Settled {
    /// Whether nothing is open.
    pub(crate) fn is_settled(&self) -> bool {
        self.problem.is_none() && self.decision.is_resolved()
    }

    /// What is kept aside once another decision replaces this one.
    fn aside_behind(&self, decision: &Decision) -> Option<Choices> {
        match (decision, &self.decision) {
            (Decision::Merge(_), _) => None,
            (_, Decision::Merge(choices)) => Some(choices.clone()),
            _ => self.aside.clone(),
        }
    }

    /// How many hunks there are to settle; a file that can only be kept or taken whole counts as one.
    pub(crate) fn hunks(&self) -> usize {
        match self.shape {
            Shape::Text(hunks) => hunks.max(1),
            _ => 1,
        }
    }

    /// How many hunks are open; a file that can only be kept or taken counts as one.
    pub(crate) fn open_hunks(&self) -> usize {
        match (&self.decision, &self.shape) {
            _ if self.problem.is_some() && self.decision.is_resolved() => 1,
            (Decision::Merge(choices), _) => choices.iter().filter(|c| c.is_none()).count(),
            (Decision::Open, Shape::Text(hunks)) => (*hunks).max(1),
            (Decision::Open, _) => 1,
            _ => 0,
        }
    }

    /// The choice for a hunk, also where the whole file is kept or taken.
    pub(crate) fn choice(&self, hunk: usize) -> Option<Choice> {
        match &self.decision {
            Decision::Open | Decision::Edited(_) => None,
            Decision::Keep | Decision::Park => Some(Choice::Mine),
            Decision::Take => Some(Choice::Theirs),
            Decision::Merge(choices) => choices.get(hunk).cloned().flatten(),
        }
    }
}

/// Where the cursor stands: a file and one of its hunks.
pub(crate) type Cursor = (usize, usize);

/// A decision, and the hunks that are kept aside for it.
type Decided = (Decision, Option<Choices>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    file: usize,
    before: Decided,
    after: Decided,
}

/// A standing rule: true to always take, and the glob.
pub(crate) type Rule = (bool, String);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    changes: Vec<Change>,
    /// The rule that was made with it.
    rule: Option<Rule>,
    before: Cursor,
    after: Cursor,
}

/// All conflicts of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settling {
    files: Vec<Settled>,
    cursor: Cursor,
    undo: Vec<Step>,
    redo: Vec<Step>,
    /// Files whose decision changed since it was last told.
    untold: BTreeSet<usize>,
    rules: BTreeSet<Rule>,
    /// Rules that were made, or taken back, since that was last told.
    untold_rules: Vec<(Rule, bool)>,
}

impl Settling {
    /// `count` files about which nothing is known or decided.
    pub(crate) fn new(count: usize) -> Self {
        let file =
            Settled { shape: Shape::Waiting, decision: Decision::Open, aside: None, accepted: false, problem: None };
        Self { files: vec![file; count], ..Self::default() }
    }

    /// The files, in the plan's order.
    pub(crate) fn files(&self) -> &[Settled] {
        &self.files
    }

    /// The file under the cursor, by position.
    pub(crate) fn file(&self) -> usize {
        self.cursor.0
    }

    /// The hunk under the cursor, by position in its file.
    pub(crate) fn hunk(&self) -> usize {
        self.cursor.1
    }

    /// The file under the cursor.
    pub(crate) fn current(&self) -> Option<&Settled> {
        self.files.get(self.cursor.0)
    }

    /// Notes what kind of conflict a file is.
    pub(crate) fn set_shape(&mut self, file: usize, shape: Shape) {
        if let Some(f) = self.files.get_mut(file) {
            // A choice for other hunks than there are is none.
            let hunks = if let Shape::Text(hunks) = shape { hunks } else { 0 };
            if matches!(&f.decision, Decision::Merge(choices) if choices.len() != hunks) {
                f.decision = Decision::Open;
                self.untold.insert(file);
            }
            f.shape = shape;
        }
    }

    /// Takes up what was decided before an interruption; nothing to undo.
    pub(crate) fn restore(&mut self, file: usize, decision: Decision) {
        if let Some(f) = self.files.get_mut(file) {
            f.decision = decision;
        }
    }

    /// What the engine has an answer for, it has from before.
    pub(crate) fn known(&mut self, file: usize) {
        if let Some(f) = self.files.get_mut(file) {
            f.accepted = f.is_settled();
        }
    }

    /// What is decided about a file can't be written, or can after all.
    pub(crate) fn set_problem(&mut self, file: usize, problem: Option<String>) {
        if let Some(f) = self.files.get_mut(file) {
            f.accepted &= problem.is_none();
            f.problem = problem;
        }
    }

    /// Files whose decision changed since that was last told.
    pub(crate) fn changed(&self) -> Vec<usize> {
        self.untold.iter().copied().collect()
    }

    /// What was decided, or undone, since this was last asked: to be saved.
    pub(crate) fn untold(&mut self) -> Vec<(usize, Decision)> {
        let changed = std::mem::take(&mut self.untold);
        changed.into_iter().filter_map(|i| Some((i, self.files.get(i)?.decision.clone()))).collect()
    }

    /// The last rule that was made or taken back and not told yet.
    pub(crate) fn rule_changed(&self) -> Option<&(Rule, bool)> {
        self.untold_rules.last()
    }

    /// The rules that were made (true) or taken back since this was last asked.
    pub(crate) fn untold_rules(&mut self) -> Vec<(Rule, bool)> {
        std::mem::take(&mut self.untold_rules)
    }

    /// How many hunks are settled, and of how many, in all files.
    pub(crate) fn resolved(&self) -> (usize, usize) {
        let all: usize = self.files.iter().map(Settled::hunks).sum();
        let open: usize = self.files.iter().map(Settled::open_hunks).sum();
        (all.saturating_sub(open), all)
    }

    /// How many files are open.
    pub(crate) fn open_files(&self) -> usize {
        self.files.iter().filter(|f| !f.is_settled()).count()
    }

    fn hunks(&self, file: usize) -> usize {
        match self.files.get(file).map(|f| &f.shape) {
            Some(Shape::Text(hunks)) => *hunks,
            _ => 0,
        }
    }

    fn apply(&mut self, changes: Vec<(usize, Decision)>, rule: Option<Rule>, after: Cursor) {
        let change = |(file, decision): (usize, Decision)| {
            let known = self.files.get(file).filter(|f| f.decision != decision)?;
            let aside = known.aside_behind(&decision);
            Some(Change { file, before: (known.decision.clone(), known.aside.clone()), after: (decision, aside) })
        };
        let changes: Vec<Change> = changes.into_iter().filter_map(change).collect();
        if changes.is_empty() && rule.is_none() {
            self.cursor = after;
            return;
        }
        for change in &changes {
            self.put(change.file, change.after.clone());
        }
        self.set_rule(rule.as_ref(), true);
        self.undo.push(Step { changes, rule, before: self.cursor, after });
        self.redo.clear();
        self.cursor = after;
    }

    fn put(&mut self, file: usize, decided: Decided) {
        if let Some(f) = self.files.get_mut(file) {
            (f.decision, f.aside) = decided;
            f.accepted = false;
            f.problem = None;
            self.untold.insert(file);
        }
    }

    fn set_rule(&mut self, rule: Option<&Rule>, made: bool) {
        let Some(rule) = rule else { return };
        let changed = if made { self.rules.insert(rule.clone()) } else { self.rules.remove(rule) };
        if changed {
            self.untold_rules.push((rule.clone(), made));
        }
    }

    /// Decides the current file whole.
    pub(crate) fn decide(&mut self, decision: Decision) {
        self.apply(vec![(self.cursor.0, decision)], None, self.cursor);
    }

    /// Decides several files at once and goes to the next open one; one undo takes it back.
    pub(crate) fn decide_all(&mut self, files: &[usize], decision: &Decision) {
        self.decide_by(None, files, decision);
    }

    /// Makes a standing rule and decides the open files that it covers; one undo takes back both. False if this rule
    /// is made already.
    pub(crate) fn make_rule(&mut self, rule: Rule, files: &[usize]) -> bool {
        if self.rules.contains(&rule) {
            return false;
        }
        let decision = if rule.0 { Decision::Take } else { Decision::Keep };
        if files.is_empty() {
            self.apply(Vec::new(), Some(rule), self.cursor);
        } else {
            self.decide_by(Some(rule), files, &decision);
        }
        true
    }

    fn decide_by(&mut self, rule: Option<Rule>, files: &[usize], decision: &Decision) {
        let count = self.files.len();
        let decided: BTreeSet<usize> = files.iter().copied().collect();
        let open = |i: &usize| !decided.contains(i) && !self.files[*i].is_settled();
        let after = match (0..count).map(|i| (self.cursor.0 + i) % count).find(open) {
            Some(next) => (next, self.open_in(next).next().unwrap_or(0)),
            None => self.cursor,
        };
        self.apply(files.iter().map(|i| (*i, decision.clone())).collect(), rule, after);
    }

    fn merged(&self) -> Option<Choices> {
        let file = self.current()?;
        match (&file.decision, &file.shape, &file.aside) {
            (Decision::Merge(choices), ..) => Some(choices.clone()),
            (_, Shape::Text(hunks), Some(aside)) if aside.len() == *hunks => Some(aside.clone()),
            (_, Shape::Text(hunks), _) => Some(vec![None; *hunks]),
            _ => None,
        }
    }

    /// Combines both sides of the current file and goes to its next open hunk. What overlaps is open, unless it was
    /// settled before the whole file was. False if it can't be merged.
    pub(crate) fn merge(&mut self) -> bool {
        let Some(choices) = self.merged() else { return false };
        let (file, hunk) = self.cursor;
        let next = open_from(&choices, hunk);
        self.apply(vec![(file, Decision::Merge(choices))], None, (file, next));
        true
    }

    /// Settles the current hunk and goes to the next open one of the file. False if there is no hunk.
    pub(crate) fn choose(&mut self, choice: Choice) -> bool {
        let (file, hunk) = self.cursor;
        let Some(mut choices) = self.merged() else { return false };
        let Some(slot) = choices.get_mut(hunk) else { return false };
        *slot = Some(choice);
        let next = open_from(&choices, hunk);
        self.apply(vec![(file, Decision::Merge(choices))], None, (file, next));
        true
    }

    /// Takes the last decision back. False if there is none.
    pub(crate) fn undo(&mut self) -> bool {
        let Some(step) = self.undo.pop() else { return false };
        for change in &step.changes {
            self.put(change.file, change.before.clone());
        }
        self.set_rule(step.rule.as_ref(), false);
        self.cursor = step.before;
        self.redo.push(step);
        true
    }

    /// Does again what was undone. False if there is nothing.
    pub(crate) fn redo(&mut self) -> bool {
        let Some(step) = self.redo.pop() else { return false };
        for change in &step.changes {
            self.put(change.file, change.after.clone());
        }
        self.set_rule(step.rule.as_ref(), true);
        self.cursor = step.after;
        self.undo.push(step);
        true
    }

    /// Goes to a file by position, to its first open hunk.
    pub(crate) fn go_to(&mut self, file: usize) {
        if file < self.files.len() {
            let first = self.open_in(file).next();
            self.cursor = (file, first.unwrap_or(0));
        }
    }

    /// Goes to the next or previous file, around the ends.
    pub(crate) fn step_file(&mut self, forward: bool) {
        let count = self.files.len();
        if count > 0 {
            self.go_to((self.cursor.0 + if forward { 1 } else { count - 1 }) % count);
        }
    }

    /// Puts the cursor on a hunk of the current file.
    pub(crate) fn go_to_hunk(&mut self, hunk: usize) {
        if hunk < self.hunks(self.cursor.0) {
            self.cursor.1 = hunk;
        }
    }

    fn open_in(&self, file: usize) -> impl Iterator<Item = usize> + '_ {
        let hunks = self.hunks(file).max(1);
        // A file whose result can't be written is open at its first hunk.
        let damaged = self.files[file].problem.is_some() && self.files[file].decision.is_resolved();
        (0..hunks).filter(move |h| match &self.files[file].decision {
            _ if damaged => *h == 0,
            Decision::Open => true,
            Decision::Merge(choices) => choices.get(*h).is_some_and(Option::is_none),
            _ => false,
        })
    }

    /// How many hunks of a file are open besides this one.
    pub(crate) fn open_besides(&self, (file, hunk): Cursor) -> usize {
        if file < self.files.len() { self.open_in(file).filter(|h| *h != hunk).count() } else { 0 }
    }

    /// Goes to the next or previous open hunk, in other files too. False if nothing is open.
    pub(crate) fn step_open(&mut self, forward: bool) -> bool {
        let open: Vec<Cursor> = (0..self.files.len()).flat_map(|f| self.open_in(f).map(move |h| (f, h))).collect();
        let found = if forward {
            open.iter().find(|c| **c > self.cursor).or(open.first())
        } else {
            open.iter().rev().find(|c| **c < self.cursor).or(open.last())
        };
        if let Some(cursor) = found {
            self.cursor = *cursor;
        }
        found.is_some()
    }

    /// Enter: a settled file is accepted and the next open one is shown, an open one shows its next open hunk. Which file
    /// was accepted. Decides nothing.
    pub(crate) fn accept(&mut self) -> Option<usize> {
        let at = self.cursor.0;
        let file = self.files.get_mut(at)?;
        if !file.is_settled() {
            self.step_open_within();
            return None;
        }
        file.accepted = true;
        let count = self.files.len();
        let next = (1..count).map(|i| (at + i) % count).find(|i| !self.files[*i].accepted);
        if let Some(next) = next {
            self.go_to(next);
        }
        Some(at)
    }

    fn step_open_within(&mut self) {
        let (file, hunk) = self.cursor;
        let open: Vec<usize> = self.open_in(file).collect();
        if let Some(next) = open.iter().find(|h| **h > hunk).or(open.first()) {
            self.cursor.1 = *next;
        }
    }

    /// All that is decided, in the files' order.
    pub(crate) fn all(&self) -> Vec<(usize, Decision)> {
        self.files.iter().map(|f| f.decision.clone()).enumerate().collect()
    }

    /// All that is decided, for whoever carries it out. None while something is open.
    pub(crate) fn finish(&mut self) -> Option<Vec<(usize, Decision)>> {
        if self.open_files() > 0 {
            return None;
        }
        self.files.iter_mut().for_each(|f| f.accepted = true);
        Some(self.all())
    }
}

/// The first open hunk from this one on, around the end; this one if none is.
fn open_from(choices: &[Option<Choice>], hunk: usize) -> usize {
    let open = choices.iter().enumerate().filter(|(_, c)| c.is_none()).map(|(i, _)| i);
    open.clone().find(|i| *i >= hunk).or_else(|| open.clone().next()).unwrap_or(hunk)
}

#[cfg(test)]
mod tests;
