//! Files of the project that tell an assistant what to do, as far as a release ships their text: whole, or as a marked block
//! in a text of the user's. What stands around a block stays byte for byte.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::layout::layouts;
use super::line_ends::LineEnds;
use super::merge::is_binary;
use super::path::RelPath;

/// In every marker; nobody else's lines have it.
const MARK: &str = "pos-upgrade-tui: ";
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How a file has a release's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// It is one, and becomes the new one.
    Whole,
    /// It has it between markers, where the new one comes.
    Block,
    /// It had it in a text of the user's: there it gets markers.
    Wrapped,
    /// It gets it, in front of the user's text.
    Added,
}

impl How {
    /// In words that follow the file's path.
    pub(crate) fn words(self) -> &'static str {
        match self {
            How::Whole => "is a release's text as it was shipped: it becomes the new release's",
            How::Block => "has a block of ours: it becomes the new release's text",
            How::Wrapped => "has a release's text among yours: it becomes the new one, in a marked block",
            How::Added => "speaks of the install: the release's text comes into a marked block, yours stays around it",
        }
    }
}

/// A file that was written, as a session keeps it: noted before it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Saved {
    /// The sha256 of what stood there.
    pub(crate) before: String,
    /// That of what was written.
    pub(crate) after: String,
}

impl Saved {
    /// Whether it is what this program writes.
    pub(crate) fn is_sound(&self) -> bool {
        let sum = |sum: &String| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
        sum(&self.before) && sum(&self.after)
    }
}

/// Whether a path is that of a rules file: no session may name another one.
pub(crate) fn is_rules(path: &RelPath) -> bool {
    let data = &layouts().outside;
    let text = |end: &str| path.name().ends_with(end.as_bytes());
    let named = data.rules.iter().any(|rule| rule == path || path.name() == rule.as_bytes());
    let within = data.rules.iter().any(|rule| path.is_within(rule)) && (text(".md") || text(".mdc"));
    path.to_str().is_some() && (named || within) && !data.editors.iter().any(|editor| editor.path == *path)
}

/// What a release's text is called in markers, and what it says.
#[derive(Debug, Clone)]
pub struct Shipped {
    /// Its path in the source.
    pub(crate) page: String,
    /// Where a project has it.
    pub(crate) file: RelPath,
    /// What it says now.
    pub(crate) next: Arc<[u8]>,
    /// What it ever said.
    pub(crate) versions: Vec<Arc<[u8]>>,
}

/// The line that begins a block, and the one that ends it.
fn markers(path: &RelPath, page: &str) -> [String; 2] {
    let begin = format!("{MARK}begin {page} (upgrades replace this block; what is around it is yours)");
    let end = format!("{MARK}end {page}");
    let is_html = [".md", ".mdc"].iter().any(|end| path.name().ends_with(end.as_bytes()));
    [begin, end].map(|text| if is_html { format!("<!-- {text} -->") } else { format!("# {text}") })
}

/// Where the block of a page stands: with its markers, and what is between them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    inner: Range<usize>,
}

/// The lines of a text with where they begin, without their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    text.split_inclusive(|b| *b == b'\n').map(move |line| {
        let start = at;
        at += line.len();
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        (start, bare.strip_suffix(b"\r").unwrap_or(bare))
    })
}

fn has_mark(line: &[u8]) -> bool {
    contains(line, MARK.as_bytes())
}

/// Whether anything in a text looks like a marker of ours.
pub(crate) fn has_marks(text: &[u8]) -> bool {
    contains(text, MARK.as_bytes())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The blocks of a file by their pages. Anything that looks like a marker and is not exactly one is somebody else's work.
fn blocks(path: &RelPath, text: &[u8], pages: &[&str]) -> Result<Vec<(usize, Block)>, String> {
    let known: Vec<[String; 2]> = pages.iter().map(|page| markers(path, page)).collect();
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut open: Option<(usize, usize)> = None;
    let marked = lines(text.strip_prefix(BOM).unwrap_or(text)).filter(|(_, line)| has_mark(line));
    let front = if text.starts_with(BOM) { BOM.len() } else { 0 };
    for (start, line) in marked {
        let start = start + front;
        let which = |at: usize| known.iter().position(|pair| pair[at].as_bytes() == line);
        let number = || text[..start].iter().filter(|b| **b == b'\n').count() + 1;
        match (open, which(0), which(1)) {
            (None, Some(page), _) if seen.insert(page) => {
                let behind = text[start..].iter().position(|b| *b == b'\n').map(|end| start + end + 1);
                open = Some((page, behind.unwrap_or(text.len())));
            }
            (Some((page, from)), _, Some(end)) if page == end => {
                found.push((page, Block { inner: from..start }));
                open = None;
            }
            (_, None, None) => return Err(format!("line {} looks like a marker of ours, and is none", number())),
            _ => {
                return Err(format!(
                    "line {}: this marker stands here a second time, or without its other one",
                    number()
                ));
            }
        }
    }
    match open {
        Some(_) => Err("a block of ours is begun in it, and never ends".to_owned()),
        None => Ok(found),
    }
}

/// A text with the line ends of another one.
fn fitted(text: &[u8], to: &[u8]) -> Vec<u8> {
    match LineEnds::of(to) {
        LineEnds::Crlf => LineEnds::Crlf.write(text).into_owned(),
        _ => text.to_vec(),
    }
}

/// The text of a block: whole lines.
fn body(next: &[u8], mine: &[u8]) -> Vec<u8> {
    let mut body = fitted(next, mine);
    if !body.is_empty() && !body.ends_with(b"\n") {
        body.extend_from_slice(line_end(mine));
    }
    body
}

fn line_end(mine: &[u8]) -> &'static [u8] {
    if LineEnds::of(mine) == LineEnds::Crlf { b"\r\n" } else { b"\n" }
}

/// Where a text stands in another one as whole lines; its own last line end does not count.
fn places(mine: &[u8], text: &[u8]) -> Vec<Range<usize>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Vec::new();
    }
    let starts = lines(mine).map(|(start, _)| if start == 0 && mine.starts_with(BOM) { BOM.len() } else { start });
    let ends = |end: usize| matches!(&mine[end..], [] | [b'\n', ..] | [b'\r', b'\n', ..]);
    let at = starts.filter(|start| mine[*start..].starts_with(text) && ends(start + text.len()));
    at.map(|start| start..start + text.len()).collect()
}

/// What a file becomes with the new release's texts; none where nothing is to be done. `speaks` says whether it speaks of
/// the install at all.
///
/// # Errors
/// Why it is not for this program to write, in words that follow "it".
pub(crate) fn changed(
    path: &RelPath,
    mine: &[u8],
    shipped: &[Shipped],
    speaks: bool,
) -> Result<Option<(How, Vec<u8>)>, String> {
    if is_binary(mine) || mine.starts_with(b"\xff\xfe") || mine.starts_with(b"\xfe\xff") {
        return Ok(None);
    }
    for text in shipped {
        if fitted(&text.next, mine) == mine {
            return Ok(None);
        }
        if text.versions.iter().any(|version| fitted(version, mine) == mine) {
            return Ok(Some((How::Whole, fitted(&text.next, mine))));
        }
    }
    let pages: Vec<&str> = shipped.iter().map(|text| text.page.as_str()).collect();
    let blocks = blocks(path, mine, &pages)?;
    // A marker in a marker's place would be found the next time.
    let usable = |text: &&Shipped| !is_binary(&text.next) && !has_mark(&text.next);
    if let Some((page, block)) = blocks.first() {
        let Some(text) = shipped.get(*page).filter(usable) else { return Ok(None) };
        let new = [&mine[..block.inner.start], &body(&text.next, mine), &mine[block.inner.end..]].concat();
        return Ok((new != mine).then_some((How::Block, new)));
    }
    for text in shipped.iter().filter(usable) {
        let now = places(mine, &fitted(&text.next, mine));
        let mut old: Vec<Range<usize>> = text.versions.iter().flat_map(|v| places(mine, &fitted(v, mine))).collect();
        // Of texts that begin alike the longest is meant.
        old.sort_by_key(|place| (place.start, usize::MAX - place.end));
        old.dedup_by_key(|place| place.start);
        match (&now[..], &old[..]) {
            ([], []) => {}
            ([], [place]) => return Ok(Some((How::Wrapped, block(path, mine, text, place.clone())))),
            ([], _) => return Err("has the release's text more than once".to_owned()),
            _ => return Ok(None),
        }
        if text.file == *path && speaks {
            let top = if mine.starts_with(BOM) { BOM.len() } else { 0 };
            let mut new = block(path, mine, text, top..top);
            // The markers are lines, so is what comes behind them.
            let end = top + new.len() - mine.len();
            new.splice(end..end, line_end(mine).iter().copied());
            return Ok(Some((How::Added, new)));
        }
    }
    Ok(None)
}

/// What is left of a file without the blocks of these pages; none where it has no such block. What is around stays.
///
/// # Errors
/// Why it is not for this program to write, in words that follow "it".
pub(crate) fn without_blocks(path: &RelPath, mine: &[u8], pages: &[&str]) -> Result<Option<Vec<u8>>, String> {
    if !has_marks(mine) {
        return Ok(None);
    }
    let mut left = mine.to_vec();
    let mut found = blocks(path, mine, pages)?;
    found.sort_by_key(|(_, block)| block.inner.start);
    for (_, block) in found.iter().rev() {
        // With the lines of its markers.
        let front = mine.get(..block.inner.start.saturating_sub(1)).unwrap_or_default();
        let start = front.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let start = if start == 0 && mine.starts_with(BOM) { BOM.len() } else { start };
        let behind = mine.get(block.inner.end..).unwrap_or_default();
        let end = behind.iter().position(|b| *b == b'\n').map_or(mine.len(), |at| block.inner.end + at + 1);
        left.drain(start..end);
    }
    Ok((!found.is_empty()).then_some(left))
}

/// The text with a block in the place of a stretch of whole lines, whose last line end stays.
fn block(path: &RelPath, mine: &[u8], text: &Shipped, place: Range<usize>) -> Vec<u8> {
    let [begin, end] = markers(path, &text.page);
    let body = body(&text.next, mine);
    [&mine[..place.start], begin.as_bytes(), line_end(mine), &body, end.as_bytes(), &mine[place.end..]].concat()
}

#[cfg(test)]
mod tests;
