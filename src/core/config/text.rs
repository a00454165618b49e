//! JSON text with the place of every value in it, and values written in the style of such a text.
//!
//! `serde_json` decides what is valid and what a string says; what it doesn't tell, where things stand, is found by a
//! scan that relies on that.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::Value;

use crate::core::visible;

/// Why a text can't be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not JSON; with the parser's words.
    #[error("it is not valid JSON ({})", visible::line(.0))]
    Syntax(String),
    /// An object that has a key twice: which of the two counts is anyone's guess.
    #[error("the key {0:?} stands in it twice")]
    Twice(String),
}

/// A valid text and what stands where.
#[derive(Debug, Clone)]
pub(super) struct Doc {
    pub(crate) text: String,
    pub(crate) root: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Numbers and words as they are written, strings decoded behind a quote.
    Scalar(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(crate) key: String,
    /// The key as it is written, with its quotes.
    pub(crate) written: Range<usize>,
    /// The whitespace before the key.
    pub(crate) lead: Range<usize>,
    pub(crate) value: Node,
    /// The whitespace behind the value.
    pub(crate) trail: Range<usize>,
}

impl Node {
    pub(crate) fn members(&self) -> &[Member] {
        match &self.shape {
            Shape::Object(members) => members,
            _ => &[],
        }
    }
}

/// Whether two values are equal: objects in any order, numbers as they are written. Two missing ones are.
pub(super) fn same(a: Option<&Node>, b: Option<&Node>) -> bool {
    match (a.map(|n| &n.shape), b.map(|n| &n.shape)) {
        (None, None) => true,
        (Some(Shape::Scalar(a)), Some(Shape::Scalar(b))) => a == b,
        (Some(Shape::Array(a)), Some(Shape::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), Some(b)))
        }
        (Some(Shape::Object(a)), Some(Shape::Object(b))) => {
            let other: HashMap<&str, &Node> = b.iter().map(|m| (m.key.as_str(), &m.value)).collect();
            let equal = |m: &Member| other.get(m.key.as_str()).is_some_and(|b| same(Some(&m.value), Some(b)));
            a.len() == b.len() && a.iter().all(equal)
        }
        _ => false,
    }
}

impl Doc {
    /// Reads a text.
    ///
    /// # Errors
    /// [`Problem`].
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let syntax = |e: &dyn std::fmt::Display| Problem::Syntax(e.to_string());
        let text = std::str::from_utf8(bytes).map_err(|e| syntax(&e))?;
        // Also what bounds the depth of all recursion here.
        serde_json::from_str::<Value>(text).map_err(|e| syntax(&e))?;
        let mut scan = Scan { text, at: 0 };
        scan.space();
        let root = scan.value()?;
        Ok(Self { text: text.to_owned(), root })
    }

    /// A value of it.
    pub(crate) fn value(&self, node: &Node) -> Value {
        serde_json::from_str(&self.text[node.span.clone()]).unwrap_or(Value::Null)
    }

    /// The indentation of the line that holds `at`.
    pub(crate) fn indent_at(&self, at: usize) -> &str {
        let start = self.text[..at].rfind('\n').map_or(0, |n| n + 1);
        let line = &self.text[start..at];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) -> Range<usize> {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        start..self.at
    }

    fn expect(&mut self, byte: u8) -> Result<(), Problem> {
        if self.peek() != Some(byte) {
            return Err(Problem::Syntax(format!("{:?} expected at byte {}", char::from(byte), self.at)));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<Node, Problem> {
        let start = self.at;
        let shape = match self.peek() {
            Some(b'{') => Shape::Object(self.members()?),
            Some(b'[') => Shape::Array(self.elements()?),
            Some(b'"') => Shape::Scalar(format!("\"{}", self.string()?)),
            _ => {
                while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
                    self.at += 1;
                }
                Shape::Scalar(self.text[start..self.at].to_owned())
            }
        };
        Ok(Node { span: start..self.at, shape })
    }

    fn string(&mut self) -> Result<String, Problem> {
        let start = self.at;
        self.expect(b'"')?;
        while let Some(byte) = self.peek().filter(|b| *b != b'"') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.expect(b'"')?;
        serde_json::from_str(&self.text[start..self.at]).map_err(|e| Problem::Syntax(e.to_string()))
    }

    fn elements(&mut self) -> Result<Vec<Node>, Problem> {
        let mut all = Vec::new();
        self.expect(b'[')?;
        self.space();
        while self.peek() != Some(b']') {
            all.push(self.value()?);
            self.space();
            if self.peek() == Some(b',') {
                self.at += 1;
                self.space();
            } else if self.peek() != Some(b']') {
                break;
            }
        }
        self.expect(b']')?;
        Ok(all)
    }

    fn members(&mut self) -> Result<Vec<Member>, Problem> {
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        self.expect(b'{')?;
        let mut lead = self.space();
        while self.peek() != Some(b'}') {
            let start = self.at;
            let key = self.string()?;
            let written = start..self.at;
            if !seen.insert(key.clone()) {
                return Err(Problem::Twice(key));
            }
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value()?;
            all.push(Member { key, written, lead, value, trail: self.space() });
            if self.peek() != Some(b',') {
                break;
            }
            self.at += 1;
            lead = self.space();
        }
        self.expect(b'}')?;
        Ok(all)
    }
}

/// How a text is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    pub(crate) newline: &'static str,
    /// One step of indentation; none if all stands on one line.
    pub(crate) indent: Option<String>,
    /// Between key and value.
    pub(crate) colon: String,
    /// Behind a comma on one line.
    pub(crate) gap: String,
}

impl Style {
    /// That of mine, or of theirs where mine is too empty to tell.
    pub(crate) fn detect(mine: &Doc, theirs: &Doc) -> Self {
        let telling = [mine, theirs].into_iter().find(|d| has_content(&d.root));
        let newline = [mine, theirs].into_iter().find_map(|d| d.text.find('\n').map(|at| d.text[..at].ends_with('\r')));
        let indent = telling.map_or(Some("  ".to_owned()), |doc| step(doc, &doc.root));
        let colon = telling.and_then(|d| colon(d, &d.root)).unwrap_or(": ");
        Self {
            newline: if newline == Some(true) { "\r\n" } else { "\n" },
            indent,
            colon: colon.to_owned(),
            gap: if colon == ":" { "" } else { " " }.to_owned(),
        }
    }

    /// A value of another text in this style, its line indented by `indent`. What stood on one line there, among
    /// lines, stays on one.
    pub(crate) fn render(&self, from: &Doc, node: &Node, indent: &str) -> String {
        let raw = &from.text[node.span.clone()];
        let has_lines = |text: &str| text.contains('\n');
        let (open, close, items): (_, _, Vec<(&str, &Node)>) = match &node.shape {
            Shape::Scalar(_) => return raw.to_owned(),
            _ if !has_lines(raw) && has_lines(&from.text[from.root.span.clone()]) => return raw.to_owned(),
            Shape::Array(all) => ('[', ']', all.iter().map(|n| ("", n)).collect()),
            Shape::Object(all) => ('{', '}', all.iter().map(|m| (&from.text[m.written.clone()], &m.value)).collect()),
        };
        let deeper = format!("{indent}{}", self.indent.as_deref().unwrap_or_default());
        let one = |(key, node): (&str, &Node)| {
            let colon = if key.is_empty() { "" } else { &self.colon };
            format!("{key}{colon}{}", self.render(from, node, &deeper))
        };
        let items: Vec<String> = items.into_iter().map(one).collect();
        match &self.indent {
            _ if items.is_empty() => format!("{open}{close}"),
            None => format!("{open}{}{close}", items.join(&format!(",{}", self.gap))),
            Some(_) => {
                let line = format!("{}{deeper}", self.newline);
                let inner = items.join(&format!(",{line}"));
                format!("{open}{line}{inner}{}{indent}{close}", self.newline)
            }
        }
    }
}

fn has_content(node: &Node) -> bool {
    match &node.shape {
        Shape::Scalar(_) => false,
        Shape::Array(all) => !all.is_empty(),
        Shape::Object(all) => !all.is_empty(),
    }
}

fn children(node: &Node) -> Vec<(usize, &Node)> {
    match &node.shape {
        Shape::Scalar(_) => Vec::new(),
        Shape::Array(all) => all.iter().map(|n| (n.span.start, n)).collect(),
        Shape::Object(all) => all.iter().map(|m| (m.written.start, &m.value)).collect(),
    }
}

/// By how much the first value that begins a line is indented against what holds it.
fn step(doc: &Doc, node: &Node) -> Option<String> {
    children(node).into_iter().find_map(|(start, child)| {
        let indent = doc.indent_at(start);
        let line_start = start - indent.len();
        let begins_line = line_start > node.span.start && doc.text[..line_start].ends_with('\n');
        if begins_line {
            let outer = doc.indent_at(node.span.start);
            return Some(indent.strip_prefix(outer).unwrap_or(indent).to_owned());
        }
        step(doc, child)
    })
}

fn colon<'d>(doc: &'d Doc, node: &Node) -> Option<&'d str> {
    let own = node.members().first().map(|m| &doc.text[m.written.end..m.value.span.start]);
    let below = || children(node).into_iter().find_map(|(_, child)| colon(doc, child));
    own.filter(|text| !text.contains('\n')).or_else(below)
}
