//! YAML text with the place of every value in it. `granit_parser` says what is valid and where it stands; which lines
//! and comments belong to a key is told by `lines.rs`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::problem::Problem;
use super::value::{Value, ValueId, Values, plain};

/// Config files have some kilobytes; what is larger is refused, because a merge is made again at every look.
const LARGEST: usize = 512 * 1024;
/// Deeper values are refused, because they are walked by recursion.
const DEEPEST: usize = 64;

/// A valid text and what stands where.
#[derive(Debug, Clone)]
pub(super) struct Doc {
    /// Without the byte order mark.
    pub(crate) text: String,
    pub(crate) marked: bool,
    pub(crate) newline: &'static str,
    pub(crate) root: Node,
    /// By how much maps are indented against what holds them, if any is.
    pub(crate) step: Option<usize>,
    /// In the order of the text.
    pub(crate) comments: Vec<Range<usize>>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    /// From the first byte, tag and anchor included, to behind the last.
    pub(crate) span: Range<usize>,
    /// Where it begins without tag and anchor.
    pub(crate) begin: usize,
    pub(crate) shape: Shape,
    pub(crate) value: ValueId,
    pub(crate) tagged: bool,
    /// It is anchored itself.
    pub(crate) anchored: bool,
    /// Where the first anchor, alias or merge key in it stands.
    pub(crate) tie: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Scalar { style: ScalarStyle, text: String },
    Alias,
    List { flow: bool, items: Vec<Node> },
    Map { flow: bool, entries: Vec<Entry>, places: HashMap<ValueId, usize>, merge_key: Option<usize> },
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(crate) name: String,
    pub(crate) id: ValueId,
    /// The key with its quotes.
    pub(crate) key: Range<usize>,
    pub(crate) value: Node,
    /// The start of the line on which the key stands.
    pub(crate) head: usize,
    /// Behind the last line of the value.
    pub(crate) end: usize,
    /// The key begins its line, and is neither anchored nor marked by `?`.
    pub(crate) simple: bool,
}

impl Node {
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.shape {
            Shape::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The last value in it.
    pub(crate) fn last(&self) -> &Node {
        match &self.shape {
            Shape::Map { flow: false, entries, .. } => entries.last().map_or(self, |e| e.value.last()),
            Shape::List { flow: false, items } => items.last().map_or(self, Node::last),
            _ => self,
        }
    }

    /// Whether its last line ends a block of text, for which the line break counts.
    pub(crate) fn ends_in_block(&self) -> bool {
        matches!(&self.last().shape, Shape::Scalar { style, .. } if is_block(*style))
    }

    pub(crate) fn is_flow(&self) -> bool {
        matches!(self.shape, Shape::Map { flow: true, .. } | Shape::List { flow: true, .. })
    }

    /// Whether it is merged key by key.
    pub(crate) fn is_open(&self) -> bool {
        !self.entries().is_empty() && !self.tagged
    }

    /// The place of a key among the entries.
    pub(crate) fn place(&self, key: ValueId) -> Option<usize> {
        match &self.shape {
            Shape::Map { places, .. } => places.get(&key).copied(),
            _ => None,
        }
    }

    pub(crate) fn find(&self, key: ValueId) -> Option<&Entry> {
        self.entries().get(self.place(key)?)
    }

    /// Where the merge key of a map stands.
    pub(crate) fn merge_key(&self) -> Option<usize> {
        match self.shape {
            Shape::Map { merge_key, .. } => merge_key,
            _ => None,
        }
    }
}

impl Entry {
    /// How far the key is indented.
    pub(crate) fn column(&self) -> usize {
        self.key.start - self.head
    }

    /// Where the first anchor, alias or merge key of key and value stands.
    pub(crate) fn tie(&self) -> Option<usize> {
        if self.name == "<<" { Some(self.key.start) } else { self.value.tie }
    }
}

impl Doc {
    pub(crate) fn parse(bytes: &[u8], values: &mut Values) -> Result<Self, Problem> {
        if bytes.len() > LARGEST {
            return Err(Problem::Large);
        }
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            Problem::Syntax { line, words: "it is not UTF-8".to_owned() }
        })?;
        let (marked, text) = text.strip_prefix('\u{feff}').map_or((false, text), |rest| (true, rest));
        let mut builder = Builder { text, events: Vec::new(), at: 0, values, anchors: HashMap::new() };
        let comments = builder.scan()?;
        let root = builder.document()?;
        let newline = if text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r')) { "\r\n" } else { "\n" };
        let step = step(&root, None);
        let doc = Self { text: text.to_owned(), marked, newline, root, step, comments };
        doc.odd_line()?;
        Ok(doc)
    }

    /// A text that is copied from: what its last line says does not hang on the end of the file.
    pub(crate) fn parse_source(bytes: &[u8], values: &mut Values) -> Result<Self, Problem> {
        let doc = Self::parse(bytes, values)?;
        let last = doc.root.last();
        if doc.text.ends_with('\n') || !matches!(&last.shape, Shape::Scalar { style, .. } if is_block(*style)) {
            return Ok(doc);
        }
        // A block without a last line break says what one that drops it says.
        let header = &doc.text[last.span.start..last.begin];
        let Some(mark) = header.find(['|', '>']).map(|n| last.span.start + n + 1) else { return Ok(doc) };
        let end = doc.text[mark..].find(|c: char| !matches!(c, '-' | '+' | '0'..='9')).map_or(mark, |n| mark + n);
        let depth: String = doc.text[mark..end].chars().filter(char::is_ascii_digit).collect();
        let text = format!("{}{depth}-{}{}", &doc.text[..mark], &doc.text[end..], doc.newline);
        let again = Self::parse(text.as_bytes(), values)?;
        Ok(if again.root.value == doc.root.value { again } else { doc })
    }

    /// Refuses line breaks that some readers of YAML don't know, and tabs as indentation.
    fn odd_line(&self) -> Result<(), Problem> {
        let lone = |at: &usize| self.text.as_bytes().get(at + 1) != Some(&b'\n');
        let carriage = self.text.match_indices('\r').map(|(at, _)| at).find(lone);
        if let Some(at) = carriage.or_else(|| self.text.find(['\u{85}', '\u{2028}', '\u{2029}'])) {
            return Err(Problem::Break { line: self.line(at) });
        }
        let mut inside = Vec::new();
        texts(&self.root, &mut inside);
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            let blank = line.trim().is_empty();
            let in_text = || {
                let before = inside.partition_point(|span| span.start < start);
                before > 0 && inside[before - 1].end > start
            };
            if !blank && line[..indent].contains('\t') && !in_text() {
                return Err(Problem::Tab { line: self.line(start) });
            }
            start += line.len();
        }
        Ok(())
    }

    /// The number of the line that a byte is in, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        line_of(&self.text, at)
    }

    /// How far the line is indented that a byte is in.
    pub(crate) fn indent(&self, at: usize) -> usize {
        let line = &self.text[self.text[..at].rfind('\n').map_or(0, |n| n + 1)..];
        line.len() - line.trim_start_matches(' ').len()
    }

    /// The text as it came, up to the line ends.
    pub(crate) fn bytes(&self, text: String) -> Vec<u8> {
        if self.marked { format!("\u{feff}{text}").into_bytes() } else { text.into_bytes() }
    }
}

/// The spans of all scalars of several lines, in order.
fn texts(node: &Node, out: &mut Vec<Range<usize>>) {
    match &node.shape {
        Shape::Scalar { .. } => out.push(node.span.clone()),
        Shape::Alias => {}
        Shape::List { items, .. } => items.iter().for_each(|n| texts(n, out)),
        Shape::Map { entries, .. } => entries.iter().for_each(|e| texts(&e.value, out)),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

/// The end of the line that ends at a byte, or goes on behind it.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    if at > 0 && text.as_bytes().get(at - 1) == Some(&b'\n') { at } else { next_line(text, at) }
}

/// The start of the line behind the one that a byte is in, or the end of the text.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    rest.iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n + 1)
}

struct Builder<'t, 'v> {
    text: &'t str,
    events: Vec<(Event<'t>, Span)>,
    at: usize,
    values: &'v mut Values,
    /// None while the node is not complete.
    anchors: HashMap<usize, Option<ValueId>>,
}

impl<'t> Builder<'t, '_> {
    /// Reads all events; the comments stand apart.
    fn scan(&mut self) -> Result<Vec<Range<usize>>, Problem> {
        let mut options = Options::default();
        options.emit_anchor_events = true;
        options.block_scalar_eof_without_line_feed = true;
        options.max_buffered_comment_events = usize::MAX;
        options.flow_nesting_limit = DEEPEST;
        options.block_nesting_limit = DEEPEST;
        let mut comments = Vec::new();
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = next.map_err(|e| {
                let line = e.marker().line();
                if e.info().contains("tab") { Problem::Tab { line } } else { Problem::Syntax { line, words: e.info() } }
            })?;
            match event {
                Event::Comment(..) => comments.extend(span.byte_range()),
                Event::DocumentStart(..) if documents > 0 => {
                    return Err(Problem::Documents { line: span.start.line() });
                }
                Event::DocumentStart(..) => documents += 1,
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                event => self.events.push((event, span)),
            }
        }
        comments.sort_by_key(|span| span.start);
        Ok(comments)
    }

    fn document(&mut self) -> Result<Node, Problem> {
        if self.events.is_empty() {
            let value = self.values.id(Value::Null);
            let shape = Shape::Scalar { style: ScalarStyle::Plain, text: String::new() };
            return Ok(Node { span: 0..0, begin: 0, shape, value, tagged: false, anchored: false, tie: None });
        }
        self.node(0, 0)
    }

    /// The next event, without the anchor that may follow it.
    fn next(&mut self) -> Option<(Event<'t>, Range<usize>, Option<usize>)> {
        let (event, span) = self.events.get(self.at)?.clone();
        self.at += 1;
        let tag = span.tag_start().and_then(|m| m.byte_offset());
        Some((event, span.byte_range()?, tag))
    }

    /// `after` is where a value that is written by no byte stands.
    fn node(&mut self, depth: usize, after: usize) -> Result<Node, Problem> {
        let lost = || Problem::Syntax { line: 1, words: "a value is missing".to_owned() };
        let (event, range, tag_at) = self.next().ok_or_else(lost)?;
        let line = || line_of(self.text, range.start);
        if depth > DEEPEST {
            return Err(Problem::Deep { line: line() });
        }
        let anchor = match self.events.get(self.at) {
            Some((Event::Anchor(id, _), span)) => span.byte_range().map(|r| (*id, r)),
            _ => None,
        };
        let mut start = tag_at.unwrap_or(range.start).min(range.start);
        if let Some((id, at)) = &anchor {
            self.at += 1;
            start = start.min(at.start);
            self.anchors.insert(*id, None);
        }
        let mut tie = anchor.as_ref().map(|(_, at)| at.start);
        let (shape, end, value, tag) = match event {
            Event::Alias(id) => {
                let value = self.anchors.get(&id).copied().flatten();
                let value =
                    value.ok_or_else(|| Problem::Syntax { line: line(), words: "an alias leads to itself".into() })?;
                tie = tie.or(Some(start));
                (Shape::Alias, range.end, value, None)
            }
            Event::Scalar(text, style, _, tag) => {
                let written = start != range.start || !range.is_empty();
                let props = anchor.as_ref().map_or(0, |(_, at)| at.end).max(tag_at.map_or(0, |at| self.word_end(at)));
                let (text, end) = match (range.is_empty(), written) {
                    // Where nothing is written the parser says `~`.
                    (true, false) if style == ScalarStyle::Plain => (String::new(), after),
                    (true, _) if style == ScalarStyle::Plain => (String::new(), props),
                    _ => (text.into_owned(), self.scalar_end(style, after, &range)),
                };
                if is_block(style) {
                    start = start.min(after);
                } else if !written {
                    start = end;
                }
                let said = if style == ScalarStyle::Plain { plain(&text) } else { Value::Text(text.clone()) };
                let said = tag.as_deref().map_or(said, |t| Value::Tagged(name(t), Box::new(Value::Text(text.clone()))));
                (Shape::Scalar { style, text }, end, self.values.id(said), tag.as_deref().map(name))
            }
            Event::SequenceStart(style, _, tag) => {
                let (flow, mut items, mut end) = (style == StructureStyle::Flow, Vec::new(), range.end);
                while !matches!(self.events.get(self.at), Some((Event::SequenceEnd, _)) | None) {
                    let item = self.node(depth + 1, self.dash_end(flow, end))?;
                    (end, tie) = (item.span.end, tie.or(item.tie));
                    items.push(item);
                }
                end = self.closed(flow, end);
                let value = Value::List(items.iter().map(|n| n.value).collect());
                let tag = tag.as_deref().map(name);
                let value = self.collection(value, tag.as_ref());
                (Shape::List { flow, items }, end, value, tag)
            }
            Event::MappingStart(style, _, tag) => {
                let flow = style == StructureStyle::Flow;
                let (entries, end) = self.entries(depth, flow, range.end)?;
                tie = tie.or_else(|| entries.iter().find_map(Entry::tie));
                let mut pairs: Vec<_> = entries.iter().map(|e| (e.id, e.value.value)).collect();
                pairs.sort_unstable();
                let tag = tag.as_deref().map(name);
                let value = self.collection(Value::Map(pairs), tag.as_ref());
                let places = entries.iter().enumerate().map(|(n, e)| (e.id, n)).collect();
                let merge_key = entries.iter().find(|e| e.name == "<<").map(|e| e.key.start);
                (Shape::Map { flow, entries, places, merge_key }, end, value, tag)
            }
            _ => return Err(lost()),
        };
        if let Some((id, _)) = &anchor {
            self.anchors.insert(*id, Some(value));
        }
        let span = start.min(end)..end;
        Ok(Node { span, begin: range.start, shape, value, tagged: tag.is_some(), anchored: anchor.is_some(), tie })
    }

    fn entries(&mut self, depth: usize, flow: bool, start: usize) -> Result<(Vec<Entry>, usize), Problem> {
        let (mut entries, mut seen, mut end): (Vec<Entry>, HashSet<ValueId>, usize) =
            (Vec::new(), HashSet::new(), start);
        while !matches!(self.events.get(self.at), Some((Event::MappingEnd, _)) | None) {
            let key = self.node(depth + 1, end)?;
            let line = || line_of(self.text, key.span.start);
            let Shape::Scalar { text: name, style } = &key.shape else { return Err(Problem::Key { line: line() }) };
            if !seen.insert(key.value) {
                return Err(Problem::Twice { line: line(), key: name.clone() });
            }
            let colon = self.colon(key.span.end);
            let value = self.node(depth + 1, colon.unwrap_or(key.span.end))?;
            let head = self.text[..key.span.start].rfind('\n').map_or(0, |n| n + 1);
            let on_one_line =
                matches!(style, ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
            let begins = self.text[head..key.span.start].bytes().all(|b| b == b' ');
            let simple =
                begins && on_one_line && colon.is_some() && !key.tagged && !key.anchored && !key.span.is_empty();
            end = value.span.end.max(key.span.end);
            let (id, key) = (key.value, key.span);
            entries.push(Entry { name: name.clone(), id, key, value, head, end: line_end(self.text, end), simple });
        }
        Ok((entries, self.closed(flow, end)))
    }

    /// Behind the colon that follows a key in its line.
    fn colon(&self, from: usize) -> Option<usize> {
        let rest = self.text.get(from..)?;
        let space = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest[space..].starts_with(':').then_some(from + space + 1)
    }

    /// Behind the dash of the next item, if that is where its missing value stands.
    fn dash_end(&self, flow: bool, from: usize) -> usize {
        let next = if flow { None } else { self.text.get(from..).and_then(|rest| rest.find('-')) };
        next.map_or(from, |n| from + n + 1)
    }

    fn word_end(&self, at: usize) -> usize {
        self.text[at..].find(char::is_whitespace).map_or(self.text.len(), |n| at + n)
    }

    /// The end of a scalar: blank lines behind a block belong to it only if it keeps them.
    fn scalar_end(&self, style: ScalarStyle, after: usize, range: &Range<usize>) -> usize {
        if !is_block(style) {
            return range.end;
        }
        let header = &self.text[after.min(range.start)..range.start];
        let header = header.split('\n').next().unwrap_or_default();
        let keeps = header.split('#').next().unwrap_or_default().contains('+');
        if keeps {
            range.end
        } else {
            self.text[..range.end].trim_end_matches([' ', '\t', '\r', '\n']).len().max(after)
        }
    }

    fn collection(&mut self, value: Value, tag: Option<&String>) -> ValueId {
        match tag {
            Some(tag) => self.values.id(Value::Tagged(tag.clone(), Box::new(value))),
            None => self.values.id(value),
        }
    }

    /// Takes the closing event; the end of a list or map whose last value ends at `end`.
    fn closed(&mut self, flow: bool, end: usize) -> usize {
        let close = self.next().map_or(end, |(_, range, _)| range.end);
        if flow { close } else { end }
    }
}

fn step(node: &Node, outer: Option<usize>) -> Option<usize> {
    if node.is_flow() {
        return None;
    }
    let column = node.entries().first().filter(|e| e.simple).map(Entry::column);
    let found = column.zip(outer).map(|(inner, outer)| inner.saturating_sub(outer)).filter(|n| *n > 0);
    found.or_else(|| node.entries().iter().find_map(|e| step(&e.value, column)))
}

fn is_block(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

fn name(tag: &Tag) -> String {
    format!("{}{}", tag.handle(), tag.suffix())
}
