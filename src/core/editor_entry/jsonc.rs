//! JSON as editors read their settings: with comments, commas behind the last item and a byte order mark. Where each value
//! stands is kept, so that one can be replaced.

use std::ops::Range;

/// Objects and lists in each other, at most.
const DEPTH: usize = 100;

/// Why a file can't be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// Not what editors read.
    #[error("it can't be read as JSON with comments (line {0})")]
    Syntax(usize),
    /// Not text.
    #[error("it is no UTF-8 text")]
    NotText,
    /// Which of two keys of the same name counts depends on who reads it.
    #[error("the key {0:?} stands in it twice")]
    Twice(String),
}

/// A value, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// In bytes.
    pub(crate) at: Range<usize>,
    /// What it is.
    pub(crate) shape: Shape,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A text, decoded.
    Text(String),
    /// A number or a word.
    Other,
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in their order.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The text that it is.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.shape {
            Shape::List(items) => items,
            _ => &[],
        }
    }

    /// The members of an object; none of anything else.
    pub(crate) fn members(&self) -> &[(String, Node)] {
        match &self.shape {
            Shape::Object(members) => members,
            _ => &[],
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`Problem::Twice`].
    pub(crate) fn get(&self, key: &str) -> Result<Option<&Node>, Problem> {
        let mut found = self.members().iter().filter(|(name, _)| name == key);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Problem::Twice(key.to_owned())),
            (found, None) => Ok(found.map(|(_, node)| node)),
        }
    }
}

/// Reads a file.
///
/// # Errors
/// [`Problem`].
pub(crate) fn parse(bytes: &[u8]) -> Result<(&str, Node), Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::NotText)?;
    let mut scan = Scan { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    let read = |scan: &mut Scan<'_>| {
        scan.space()?;
        let root = scan.value(0)?;
        scan.space()?;
        (scan.at == text.len()).then_some(root)
    };
    match read(&mut scan) {
        Some(root) => Ok((text, root)),
        None => Err(Problem::Syntax(text[..scan.at.min(text.len())].matches('\n').count() + 1)),
    }
}

/// Where the next thing stands that is neither white space nor a comment.
pub(super) fn behind_space(text: &str, from: usize) -> usize {
    let mut scan = Scan { text, at: from };
    match scan.space() {
        Some(()) => scan.at,
        None => from,
    }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    /// White space and comments.
    fn space(&mut self) -> Option<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') if self.rest().starts_with("//") => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                Some(b'/') => {
                    let inside = self.rest().strip_prefix("/*")?;
                    self.at += inside.find("*/")? + 4;
                }
                _ => return Some(()),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return None;
        }
        let start = self.at;
        let shape = match self.peek()? {
            b'{' => {
                self.at += 1;
                let members = self.all(b'}', |scan| {
                    let key = scan.string()?;
                    scan.space()?;
                    scan.take(b':').then_some(())?;
                    scan.space()?;
                    Some((key, scan.value(depth + 1)?))
                })?;
                Shape::Object(members)
            }
            b'[' => {
                self.at += 1;
                Shape::List(self.all(b']', |scan| scan.value(depth + 1))?)
            }
            b'"' => Shape::Text(self.string()?),
            _ => {
                let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
                let rest = self.rest();
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                // Numbers and words are those of JSON.
                serde_json::from_str::<serde::de::IgnoredAny>(&rest[..length]).ok()?;
                self.at += length;
                Shape::Other
            }
        };
        Some(Node { at: start..self.at, shape })
    }

    /// Items up to the closing byte.
    fn all<T>(&mut self, close: u8, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        loop {
            self.space()?;
            if self.take(close) {
                return Some(all);
            }
            all.push(one(self)?);
            self.space()?;
            if !self.take(b',') {
                return self.take(close).then_some(all);
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.take(b'"').then_some(())?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }
}
