//! Key-wise three-way merge of a JSON config file, as an edit of the user's own text.
//!
//! What happens to a key follows the same table as three-way merges of lines: changed on one side, that side wins;
//! changed on both, differently, a person chooses. Arrays are values; objects are merged key by key. The result is
//! the user's file with only those members touched that change: order, indentation, line ends and odd spacing stay.
//! Editing the text in place, instead of writing the merged value anew, is how editors' settings and tools such as
//! `npm pkg set` keep a hand-written file recognisable.

use std::collections::HashMap;

use serde_json::Value;

pub mod keyed;
mod pointer;
mod text;
pub mod yaml;

pub(crate) use pointer::below;
pub use text::Problem;
use text::{Doc, Member, Node, Shape, Style, same};

/// Which of the three files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that the user started from.
    Base,
    /// The user's.
    Mine,
    /// The source's.
    Theirs,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Side::Base => "the installed release's",
            Side::Mine => "your",
            Side::Theirs => "the source's",
        })
    }
}

/// A file that can't be merged key by key: it has to be kept or taken whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{side} config file can't be merged key by key: {problem}")]
pub struct ConfigError {
    /// Whose.
    pub side: Side,
    /// Not JSON, or a key that stands twice.
    pub problem: Problem,
}

/// A key that both sides changed, differently. A missing value means that the side doesn't have the key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyConflict {
    /// Where: a JSON pointer (RFC 6901), empty for the whole file.
    pub pointer: String,
    /// What it was.
    pub base: Option<Value>,
    /// What the user made of it.
    pub mine: Option<Value>,
    /// What the source made of it.
    pub theirs: Option<Value>,
}

/// How a [`KeyConflict`] is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChoice {
    /// The user's value, or its absence.
    Mine,
    /// The source's value, or its absence.
    Theirs,
}

/// Three config files, merged but for the conflicts.
#[derive(Debug, Clone)]
pub struct ConfigMerge {
    base: Option<Doc>,
    mine: Doc,
    theirs: Doc,
    /// The keys that a person has to settle, in the order of the file.
    pub conflicts: Vec<KeyConflict>,
    /// The keys that theirs brings, changes or removes without anybody being asked: JSON pointers.
    pub changes: Vec<String>,
}

impl ConfigMerge {
    /// Merges. Without a base nothing is known about who changed what: keys that only one side has stay or come,
    /// and every other difference is a conflict.
    ///
    /// # Errors
    /// [`ConfigError`] naming the side that is not JSON, or has a key twice.
    pub fn new(base: Option<&[u8]>, mine: &[u8], theirs: &[u8]) -> Result<Self, ConfigError> {
        let doc = |side: Side, bytes: &[u8]| Doc::parse(bytes).map_err(|problem| ConfigError { side, problem });
        let base = base.map(|bytes| doc(Side::Base, bytes)).transpose()?;
        let (mine, theirs) = (doc(Side::Mine, mine)?, doc(Side::Theirs, theirs)?);
        let mut merge = Self { base, mine, theirs, conflicts: Vec::new(), changes: Vec::new() };
        let mut work = merge.work(&[]);
        work.file();
        (merge.conflicts, merge.changes) = (work.conflicts, work.changes);
        Ok(merge)
    }

    /// The merged file, one choice for each conflict in order. A conflict without a choice keeps mine.
    pub fn result(&self, choices: &[KeyChoice]) -> Vec<u8> {
        self.work(choices).file().into_bytes()
    }

    fn work<'a>(&'a self, choices: &'a [KeyChoice]) -> Work<'a> {
        Work {
            merge: self,
            style: Style::detect(&self.mine, &self.theirs),
            choices,
            conflicts: Vec::new(),
            changes: Vec::new(),
        }
    }
}

/// What becomes of a key.
enum Verdict {
    /// Mine stays, also where mine has none.
    Mine,
    /// Theirs comes.
    Theirs,
    /// It goes.
    Gone,
    /// An object, merged: its text.
    Inside(String),
}

/// A member of an object that is being put together.
struct Piece<'a> {
    key: &'a str,
    lead: String,
    body: String,
    trail: &'a str,
}

struct Work<'a> {
    merge: &'a ConfigMerge,
    style: Style,
    choices: &'a [KeyChoice],
    conflicts: Vec<KeyConflict>,
    changes: Vec<String>,
}

impl<'a> Work<'a> {
    fn file(&mut self) -> String {
        let ConfigMerge { base, mine, theirs, .. } = self.merge;
        let span = mine.root.span.clone();
        let root = match self.decide("", base.as_ref().map(|b| &b.root), Some(&mine.root), Some(&theirs.root)) {
            Verdict::Mine | Verdict::Gone => mine.text[span.clone()].to_owned(),
            Verdict::Theirs => self.style.render(theirs, &theirs.root, mine.indent_at(span.start)),
            Verdict::Inside(text) => text,
        };
        format!("{}{root}{}", &mine.text[..span.start], &mine.text[span.end..])
    }

    fn decide(
        &mut self,
        at: &str,
        base: Option<&'a Node>,
        mine: Option<&'a Node>,
        theirs: Option<&'a Node>,
    ) -> Verdict {
        if same(mine, theirs) || same(base, theirs) {
            return Verdict::Mine;
        }
        if let (Some(mine), Some(theirs)) = (mine, theirs)
            && let (Shape::Object(_), Shape::Object(_)) = (&mine.shape, &theirs.shape)
        {
            return Verdict::Inside(self.object(at, base, mine, theirs));
        }
        let incoming = if theirs.is_some() { Verdict::Theirs } else { Verdict::Gone };
        if same(base, mine) {
            self.changes.push(at.to_owned());
            return incoming;
        }
        let ConfigMerge { base: base_doc, mine: my_doc, theirs: their_doc, .. } = self.merge;
        let choice = self.choices.get(self.conflicts.len()).copied().unwrap_or(KeyChoice::Mine);
        self.conflicts.push(KeyConflict {
            pointer: at.to_owned(),
            base: base_doc.as_ref().zip(base).map(|(doc, node)| doc.value(node)),
            mine: mine.map(|node| my_doc.value(node)),
            theirs: theirs.map(|node| their_doc.value(node)),
        });
        if choice == KeyChoice::Theirs { incoming } else { Verdict::Mine }
    }

    /// The text of an object of mine with what changes in it.
    fn object(&mut self, at: &str, base: Option<&'a Node>, mine: &'a Node, theirs: &'a Node) -> String {
        let (my_doc, their_doc) = (&self.merge.mine, &self.merge.theirs);
        let base: HashMap<&str, &Node> = by_key(base.map_or(&[], Node::members));
        let incoming: HashMap<&str, &Node> = by_key(theirs.members());
        let present: HashMap<&str, &Node> = by_key(mine.members());
        let of = |key: &str| (base.get(key).copied(), present.get(key).copied(), incoming.get(key).copied());
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        for member in mine.members() {
            let (b, m, t) = of(&member.key);
            let head = member.written.start..member.value.span.start;
            let value = match self.decide(&below(at, &member.key), b, m, t) {
                Verdict::Gone => continue,
                Verdict::Mine => my_doc.text[member.value.span.clone()].to_owned(),
                Verdict::Inside(text) => text,
                Verdict::Theirs => match t {
                    Some(node) => self.style.render(their_doc, node, my_doc.indent_at(member.written.start)),
                    None => continue,
                },
            };
            let body = format!("{}{value}", &my_doc.text[head]);
            let (lead, trail) = (my_doc.text[member.lead.clone()].to_owned(), &my_doc.text[member.trail.clone()]);
            pieces.push(Piece { key: &member.key, lead, body, trail });
        }
        let mut added = Vec::new();
        for member in theirs.members().iter().filter(|m| !present.contains_key(m.key.as_str())) {
            let (b, m, t) = of(&member.key);
            if matches!(self.decide(&below(at, &member.key), b, m, t), Verdict::Theirs) {
                added.push(member.key.as_str());
            }
        }
        self.put_together(mine, theirs, pieces, &added)
    }

    /// New members stand where theirs has them: behind the nearest one before them that both have.
    fn put_together(&self, mine: &'a Node, theirs: &'a Node, mut pieces: Vec<Piece<'a>>, added: &[&str]) -> String {
        let (my_doc, their_doc) = (&self.merge.mine, &self.merge.theirs);
        let text = |span: &std::ops::Range<usize>| &my_doc.text[span.clone()];
        let members = mine.members();
        let first_lead = members.first().map(|m| text(&m.lead));
        let spacing =
            Spacing::of(members.iter().map(|m| text(&m.lead)), &self.style, my_doc.indent_at(mine.span.start));
        let known: HashMap<&str, ()> = pieces.iter().map(|p| (p.key, ())).collect();
        let new: HashMap<&str, ()> = added.iter().map(|key| (*key, ())).collect();
        // Behind which of mine each new member comes; none for the top.
        let mut behind: HashMap<Option<&str>, Vec<Piece<'a>>> = HashMap::new();
        let mut after = None;
        for Member { key, written, value, .. } in theirs.members() {
            if known.contains_key(key.as_str()) {
                after = Some(key.as_str());
            } else if new.contains_key(key.as_str()) {
                let name = &their_doc.text[written.clone()];
                let value = self.style.render(their_doc, value, &spacing.indent);
                let body = format!("{name}{}{value}", self.style.colon);
                let piece = Piece { key, lead: spacing.lead.clone(), body, trail: "" };
                behind.entry(after).or_default().push(piece);
            }
        }
        let mut all = behind.remove(&None).unwrap_or_default();
        for piece in pieces.drain(..) {
            let key = piece.key;
            all.push(piece);
            all.extend(behind.remove(&Some(key)).unwrap_or_default());
        }
        // On one line the first member stands at the brace and all others behind a comma.
        if let Some(first) = first_lead.filter(|lead| !lead.contains('\n')) {
            for (n, piece) in all.iter_mut().enumerate().filter(|(_, p)| !p.lead.contains('\n')) {
                match n {
                    0 => piece.lead = first.to_owned(),
                    _ if members.first().is_some_and(|m| m.key == piece.key) => piece.lead = spacing.lead.clone(),
                    _ => {}
                }
            }
        }
        let close = match members.last() {
            _ if all.is_empty() => "",
            // The whitespace before the closing brace is the object's, not the last member's.
            Some(last) => text(&last.trail),
            None => &spacing.close,
        };
        let last = members.last().map(|m| m.key.as_str());
        let one = |p: Piece<'_>| p.lead + &p.body + if Some(p.key) == last { "" } else { p.trail };
        let inner: Vec<String> = all.into_iter().map(one).collect();
        format!("{{{}{close}}}", inner.join(","))
    }
}

/// The whitespace around new members of an object.
struct Spacing {
    /// Before the key.
    lead: String,
    /// Of the line that the key stands on.
    indent: String,
    /// Before the closing brace, if the object was empty.
    close: String,
}

impl Spacing {
    /// As the other members have it; `outer` is the indentation of the line with the opening brace.
    fn of<'t>(leads: impl Iterator<Item = &'t str> + Clone, style: &Style, outer: &str) -> Self {
        let found = leads.clone().filter(|l| l.contains('\n')).last().or(leads.clone().nth(1));
        let one_line = || Self { lead: style.gap.clone(), indent: outer.to_owned(), close: String::new() };
        match (found, leads.clone().next(), &style.indent) {
            (Some(lead), ..) => match lead.rfind('\n') {
                // Blank lines before a member are not repeated.
                Some(at) => {
                    let indent = lead[at + 1..].to_owned();
                    Self { lead: format!("{}{indent}", style.newline), indent, close: String::new() }
                }
                None => Self { lead: lead.to_owned(), ..one_line() },
            },
            (None, Some(_), _) => one_line(),
            (None, None, None) => Self { lead: String::new(), ..one_line() },
            (None, None, Some(unit)) => {
                let indent = format!("{outer}{unit}");
                let (lead, close) = (format!("{}{indent}", style.newline), format!("{}{outer}", style.newline));
                Self { lead, indent, close }
            }
        }
    }
}

fn by_key(members: &[Member]) -> HashMap<&str, &Node> {
    members.iter().map(|m| (m.key.as_str(), &m.value)).collect()
}

#[cfg(test)]
mod tests;
