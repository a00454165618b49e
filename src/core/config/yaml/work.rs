//! The walk over the three files: what becomes of each key, and which lines of mine say so.

use std::ops::Range;

use super::doc::{Doc, Entry, Node, line_end};
use super::lines::{above, behind, comments, lead, tail};
use super::problem::{Problem, Why, YamlError};
use super::render::{Style, in_braces, member};
use super::value::{ValueId, Values};
use crate::core::config::Side;
use crate::core::config::pointer::below;

/// Which side's value a conflict gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Base,
    Mine,
    Theirs,
}

/// Whole lines of mine, and what they become.
#[derive(Debug)]
pub(super) struct Edit {
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
    /// The conflicts that decide about the text.
    pub(crate) conflicts: Range<usize>,
}

/// What a walk finds.
#[derive(Debug)]
pub(super) struct Found {
    pub(crate) edits: Vec<Edit>,
    pub(crate) conflicts: Vec<(String, Why)>,
    pub(crate) changes: Vec<String>,
    /// What the result has to say.
    pub(crate) value: ValueId,
    pub(crate) values: Values,
}

/// The three sides of a key.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(crate) base: Option<&'a Entry>,
    pub(crate) mine: Option<&'a Entry>,
    pub(crate) theirs: Option<&'a Entry>,
}

/// What becomes of a key.
pub(super) enum Verdict {
    /// Mine stays, also where mine has none.
    Mine,
    /// Both are maps that are merged.
    Inside,
    /// Theirs comes.
    Change,
    /// A person chose.
    Conflict(Pick),
}

pub(super) struct Work<'a> {
    base: Option<&'a Doc>,
    pub(crate) mine: &'a Doc,
    theirs: &'a Doc,
    pick: &'a dyn Fn(usize) -> Pick,
    pub(crate) found: Found,
    /// Where the map that is walked, or one around it, is anchored.
    pub(crate) anchor: Option<usize>,
}

pub(super) fn id(entry: Option<&Entry>) -> Option<ValueId> {
    entry.map(|e| e.value.value)
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        base: Option<&'a Doc>,
        mine: &'a Doc,
        theirs: &'a Doc,
        values: Values,
        pick: &'a dyn Fn(usize) -> Pick,
    ) -> Self {
        let (edits, conflicts, changes) = (Vec::new(), Vec::new(), Vec::new());
        let found = Found { edits, conflicts, changes, value: mine.root.value, values };
        Self { base, mine, theirs, pick, found, anchor: None }
    }

    pub(crate) fn file(mut self) -> Result<Found, YamlError> {
        let (mine, theirs) = (&self.mine.root, &self.theirs.root);
        let base = self.base.map(|b| &b.root);
        if mine.value == theirs.value || base.is_some_and(|b| b.value == theirs.value) {
            return Ok(self.found);
        }
        if mine.is_open() && theirs.is_open() && (mine.is_flow() || self.keeps_some(base, mine, theirs)) {
            self.found.value = if mine.is_flow() {
                let from = self.found.conflicts.len();
                let (text, value) = self.braces("", base, mine, theirs)?;
                self.splice(mine, &text, from);
                value
            } else {
                self.block("", base, mine, theirs, (0, 0))?
            };
        } else {
            self.whole(base, mine, theirs)?;
        }
        self.found.edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        Ok(self.found)
    }

    /// The whole file is one value.
    fn whole(&mut self, base: Option<&Node>, mine: &Node, theirs: &Node) -> Result<(), YamlError> {
        let from = self.found.conflicts.len();
        let untouched = base.is_some_and(|b| b.value == mine.value && !b.is_open());
        let pick = if untouched {
            self.found.changes.push(String::new());
            Pick::Theirs
        } else {
            let why = if self.base.is_some() { Why::Both } else { Why::Offered };
            self.found.conflicts.push((String::new(), why));
            (self.pick)(from)
        };
        let written = |doc: &Doc| doc.text.replace("\r\n", "\n").replace('\n', self.mine.newline);
        let text = match (pick, self.base) {
            (Pick::Theirs, _) => written(self.theirs),
            (Pick::Base, Some(base)) => written(base),
            _ => self.mine.text.clone(),
        };
        // Comments alone are not replaced by what they stand above.
        let text = if pick != Pick::Mine && self.mine.root.span.is_empty() && !self.mine.text.is_empty() {
            let gap = if self.mine.text.ends_with('\n') { "" } else { self.mine.newline };
            format!("{}{gap}{text}", self.mine.text)
        } else {
            text
        };
        self.found.value = match (pick, base) {
            (Pick::Theirs, _) => theirs.value,
            (Pick::Base, Some(base)) => base.value,
            _ => mine.value,
        };
        let to = self.found.conflicts.len();
        self.found.edits.push(Edit { range: 0..self.mine.text.len(), text, conflicts: from..to });
        Ok(())
    }

    pub(crate) fn verdict(&mut self, at: &str, sides: Sides<'_>) -> Verdict {
        let Sides { base, mine, theirs } = sides;
        if id(mine) == id(theirs) || id(base) == id(theirs) {
            return Verdict::Mine;
        }
        if let (Some(m), Some(t)) = (mine, theirs)
            && self.goes_inside(base.map(|b| &b.value), &m.value, &t.value)
        {
            return Verdict::Inside;
        }
        // A template that drops keys is asked about, because the user may need them.
        let drops = base.is_some_and(|b| b.value.is_open()) || theirs.is_none();
        if self.base.is_some() && id(base) == id(mine) && !drops {
            self.found.changes.push(at.to_owned());
            return Verdict::Change;
        }
        let n = self.found.conflicts.len();
        let why = match self.base {
            None => Why::Offered,
            Some(_) if id(base) == id(mine) => Why::Dropped,
            Some(_) => Why::Both,
        };
        self.found.conflicts.push((at.to_owned(), why));
        Verdict::Conflict((self.pick)(n))
    }

    fn goes_inside(&self, base: Option<&Node>, mine: &Node, theirs: &Node) -> bool {
        mine.is_open() && theirs.is_open() && (mine.is_flow() || self.keeps_some(base, mine, theirs))
    }

    /// Whether a map in lines keeps a key whatever is chosen: lines can't say that it is empty.
    fn keeps_some(&self, base: Option<&Node>, mine: &Node, theirs: &Node) -> bool {
        let of = |key| base.and_then(|b| b.find(key));
        let stays = |m: &Entry| {
            let (b, t) = (of(m.id), theirs.find(m.id));
            id(b) == id(t) || t.is_some_and(|t| t.value.value == m.value.value || b.is_some() || self.base.is_none())
        };
        let comes = |t: &Entry| self.base.is_some() && mine.find(t.id).is_none() && of(t.id).is_none();
        mine.entries().iter().any(stays) || theirs.entries().iter().any(comes)
    }

    /// Walks a map in lines; what it says in the end. `from` is where its first line may begin, in
    /// mine and in theirs.
    fn block(
        &mut self,
        at: &str,
        base: Option<&'a Node>,
        mine: &'a Node,
        theirs: &'a Node,
        from: (usize, usize),
    ) -> Result<ValueId, YamlError> {
        let outer = self.anchor;
        self.anchor = outer.or(mine.anchored.then_some(mine.span.start));
        let of = |node: Option<&'a Node>, key| node.and_then(|n| n.find(key));
        let mut pairs = Vec::new();
        for (n, entry) in mine.entries().iter().enumerate() {
            let sides = Sides { base: of(base, entry.id), mine: Some(entry), theirs: theirs.find(entry.id) };
            let path = below(at, &entry.name);
            let before = self.found.conflicts.len();
            let value = match (self.verdict(&path, sides), sides.theirs) {
                (Verdict::Mine, _) => Some(entry.value.value),
                (Verdict::Inside, Some(t)) => {
                    let b = sides.base.map(|b| &b.value);
                    if entry.value.is_flow() {
                        self.touches(mine, None)?;
                        let (text, value) = self.braces(&path, b, &entry.value, &t.value)?;
                        self.splice(&entry.value, &text, before);
                        Some(value)
                    } else {
                        let below = |doc: &Doc, entry: &Entry| line_end(&doc.text, entry.key.end);
                        let start = (below(self.mine, entry), below(self.theirs, t));
                        Some(self.block(&path, b, &entry.value, &t.value, start)?)
                    }
                }
                (verdict, _) => {
                    self.touches(mine, Some(sides))?;
                    let pick = picked(&verdict);
                    let gap = if n == 0 { from.0 } else { mine.entries()[n - 1].end };
                    let lines = self.replaced(entry, sides, pick, gap);
                    self.found.edits.push(Edit { conflicts: before..self.found.conflicts.len(), ..lines });
                    id(sides.of(pick))
                }
            };
            pairs.extend(value.map(|v| (entry.id, v)));
        }
        // The first key that both have, and the nearest one before the key that is looked at.
        let first = theirs.entries().iter().find_map(|e| mine.place(e.id));
        let mut nearest = None;
        for (n, entry) in theirs.entries().iter().enumerate() {
            if let Some(place) = mine.place(entry.id) {
                nearest = Some(place);
                continue;
            }
            let sides = Sides { base: of(base, entry.id), mine: None, theirs: Some(entry) };
            let before = self.found.conflicts.len();
            let verdict = self.verdict(&below(at, &entry.name), sides);
            if matches!(verdict, Verdict::Mine | Verdict::Inside) {
                continue;
            }
            self.touches(mine, Some(sides))?;
            let pick = picked(&verdict);
            let edit = self.added(mine, (nearest, first), (theirs, n), sides, pick, from);
            let text = &self.mine.text;
            if edit.range.end == text.len() && !text.ends_with('\n') && self.mine.root.ends_in_block() {
                let problem = Problem::Unended { line: self.mine.line(text.len()) };
                return Err(YamlError { side: Side::Mine, problem });
            }
            self.found.edits.push(Edit { conflicts: before..self.found.conflicts.len(), ..edit });
            pairs.extend(id(sides.of(pick)).map(|v| (entry.id, v)));
        }
        self.anchor = outer;
        Ok(self.found.values.map(pairs))
    }

    /// Refuses to change what is tied: the map itself, mine's value, or what comes instead.
    pub(crate) fn touches(&self, map: &Node, sides: Option<Sides<'_>>) -> Result<(), YamlError> {
        let tied = |side, doc: &Doc, at| YamlError { side, problem: Problem::Tied { line: doc.line(at) } };
        if let Some(at) = self.anchor.or(map.merge_key()) {
            return Err(tied(Side::Mine, self.mine, at));
        }
        let Some(Sides { base, mine, theirs }) = sides else { return Ok(()) };
        if let Some(at) = mine.and_then(Entry::tie) {
            return Err(tied(Side::Mine, self.mine, at));
        }
        if let Some(at) = theirs.and_then(Entry::tie) {
            return Err(tied(Side::Theirs, self.theirs, at));
        }
        if let Some((doc, at)) = self.base.zip(base.and_then(Entry::tie)) {
            return Err(tied(Side::Base, doc, at));
        }
        match mine.or(map.entries().first()) {
            Some(entry) if !entry.simple && !map.is_flow() => {
                Err(YamlError { side: Side::Mine, problem: Problem::Odd { line: self.mine.line(entry.key.start) } })
            }
            _ => Ok(()),
        }
    }

    /// The document of a side.
    pub(crate) fn doc(&self, pick: Pick) -> &'a Doc {
        match pick {
            Pick::Base => self.base.unwrap_or(self.mine),
            Pick::Mine => self.mine,
            Pick::Theirs => self.theirs,
        }
    }

    /// The lines of a key of mine with another side's value, or without it.
    fn replaced(&self, entry: &Entry, sides: Sides<'_>, pick: Pick, gap: usize) -> Edit {
        let text = &self.mine.text;
        let mut range = entry.head..entry.end;
        if sides.theirs.is_none() {
            // The template's own comments go with its key; the user's stay.
            let mine = above(self.mine, entry, gap);
            let said = |doc: &Doc, range: Range<usize>| comments(doc, range).map(str::to_owned).collect::<Vec<_>>();
            let same = self
                .base
                .zip(sides.base)
                .is_some_and(|(doc, b)| b.simple && said(doc, above(doc, b, 0)) == said(self.mine, mine.clone()));
            if same {
                range.start = mine.start;
            }
        }
        let kept = &text[range.clone()];
        let written = match sides.of(pick) {
            _ if pick == Pick::Mine || id(sides.of(pick)) == id(sides.mine) => kept.to_owned(),
            None => String::new(),
            Some(new) => {
                let lines = self.with_value(entry, sides.base, new, self.doc(pick));
                format!("{}{lines}", &text[range.start..entry.head])
            }
        };
        let conflicts = 0..0;
        let block = sides.of(pick).is_some_and(|e| e.value.ends_in_block());
        let text = if block { written } else { self.ended(written, range.end) };
        Edit { text, range, conflicts }
    }

    /// The lines of a key of mine with the value that `new` has in `doc`.
    fn with_value(&self, entry: &Entry, base: Option<&Entry>, new: &Entry, doc: &Doc) -> String {
        let style = Style::between(doc, self.mine);
        let key = &self.mine.text[entry.head..entry.key.end];
        let lines = if new.simple {
            style.lines(doc, new.head, new, entry.column())
        } else {
            let value = in_braces(doc, &new.value);
            return format!("{key}: {value}{}{}", behind(self.mine, entry), self.mine.newline);
        };
        let spare = entry.column() + (new.key.end - new.key.start);
        let body = &lines[spare.min(lines.len())..];
        let (my_comment, new_comment) = (behind(self.mine, entry), behind(doc, new));
        let base_comment = self.base.zip(base).map(|(doc, b)| behind(doc, b));
        let one_line = |d: &Doc, e: &Entry| !d.text[e.head..e.end].trim_end().contains('\n');
        if one_line(self.mine, entry) && one_line(doc, new) {
            // Of a comment behind the value what was changed last is kept, like a value.
            let taken = my_comment.is_empty() || base_comment.is_some_and(|b| b.trim() == my_comment.trim());
            let body = body.trim_end();
            let bare = body.len().saturating_sub(new_comment.len());
            let body = if taken { body } else { &body[..bare] };
            let comment = if taken { "" } else { my_comment };
            // The space before the value stays the user's, as long as both have a value.
            let gap = |d: &Doc, e: &Entry| d.text[e.key.end..e.value.span.start.max(e.key.end)].to_owned();
            let values = !entry.value.span.is_empty() && !new.value.span.is_empty();
            let value = body.get(gap(doc, new).len()..).filter(|_| values);
            return match value {
                Some(value) => format!("{key}{}{value}{comment}{}", gap(self.mine, entry), self.mine.newline),
                None => format!("{key}{body}{comment}{}", self.mine.newline),
            };
        }
        // Comments of the user's within the old value would go with it: they come to stand above the key.
        let known: Vec<&str> = match self.base.zip(base) {
            Some((doc, b)) => comments(doc, b.head..b.end).chain(comments(self.theirs, new.head..new.end)).collect(),
            None => comments(doc, new.head..new.end).collect(),
        };
        let indent = " ".repeat(entry.column());
        let own = comments(self.mine, entry.key.end..entry.end).filter(|c| !known.contains(c));
        let own: String = own.map(|c| format!("{indent}{c}{}", self.mine.newline)).collect();
        format!("{own}{key}{body}")
    }

    /// The lines of a key that mine does not have, where they belong: behind the key that stands before it in theirs.
    fn added(
        &self,
        mine: &Node,
        (before, first): (Option<usize>, Option<usize>),
        (theirs, n): (&Node, usize),
        sides: Sides<'_>,
        pick: Pick,
        from: (usize, usize),
    ) -> Edit {
        let all = mine.entries();
        let at = match before {
            Some(p) => tail(self.mine, &all[p], all.get(p + 1).map(|e| e.head)),
            None => match first {
                Some(p) => {
                    let gap = if p == 0 { from.0 } else { all[p - 1].end };
                    let close = above(self.mine, &all[p], gap).start;
                    // The words at the head of a file are about the file.
                    if close == 0 { all[p].head } else { close }
                }
                None => all.last().map_or(from.0, |e| tail(self.mine, e, None)),
            },
        };
        let column = all.first().map_or(0, Entry::column);
        let written = sides.of(pick).map(|new| {
            let doc = self.doc(pick);
            let style = Style::between(doc, self.mine);
            if !new.simple {
                return format!("{}{}{}", " ".repeat(column), member(doc, new), self.mine.newline);
            }
            let start = if pick == Pick::Theirs { lead(doc, theirs.entries(), n, from.1).start } else { new.head };
            style.lines(doc, start, new, column)
        });
        let text = written.unwrap_or_default();
        let unended = at > 0 && !self.mine.text[..at].ends_with('\n');
        let block = sides.of(pick).is_some_and(|e| e.value.ends_in_block());
        let text = match text.strip_suffix(self.mine.newline) {
            Some(_) if unended && block => format!("{}{text}", self.mine.newline),
            Some(lines) if unended => format!("{}{lines}", self.mine.newline),
            _ => text,
        };
        Edit { range: at..at, text, conflicts: 0..0 }
    }

    /// Lines as they end where they come to stand: the last line of a file may have no end.
    fn ended(&self, text: String, end: usize) -> String {
        let unended = end == self.mine.text.len() && !self.mine.text.ends_with('\n');
        match text.strip_suffix(self.mine.newline) {
            Some(lines) if unended => lines.to_owned(),
            _ => text,
        }
    }
}

impl<'a> Sides<'a> {
    pub(crate) fn of(self, pick: Pick) -> Option<&'a Entry> {
        match pick {
            Pick::Base => self.base,
            Pick::Mine => self.mine,
            Pick::Theirs => self.theirs,
        }
    }
}

pub(super) fn picked(verdict: &Verdict) -> Pick {
    match verdict {
        Verdict::Conflict(pick) => *pick,
        Verdict::Change => Pick::Theirs,
        Verdict::Mine | Verdict::Inside => Pick::Mine,
    }
}
