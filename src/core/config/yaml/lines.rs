//! Which comments and blank lines belong to which key. YAML does not say; people put a key's comments above it, and
//! close to the key before only what speaks of that one.

use std::ops::Range;

use super::doc::{Doc, Entry, next_line};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    /// With its indentation.
    Comment(usize),
    Other,
}

/// The lines of a stretch of text.
fn lines(doc: &Doc, within: Range<usize>) -> Vec<(Range<usize>, Line)> {
    let mut found = Vec::new();
    let mut start = within.start;
    while start < within.end {
        let end = next_line(&doc.text, start).min(within.end);
        let text = &doc.text[start..end];
        let indent = text.len() - text.trim_start().len();
        let kind = match text.trim_start().chars().next() {
            None => Line::Blank,
            Some('#') => Line::Comment(indent),
            Some(_) => Line::Other,
        };
        found.push((start..end, kind));
        start = end;
    }
    found
}

/// The end of what belongs to the entry before a gap: comments that are indented deeper than its key, and a paragraph
/// right below it that a blank line parts from the next key. `next` is the start of the next key's line.
pub(super) fn tail(doc: &Doc, entry: &Entry, next: Option<usize>) -> usize {
    let gap = lines(doc, entry.end..next.unwrap_or(doc.text.len()));
    let mut end = entry.end;
    let mut deeper = 0;
    for (n, (line, kind)) in gap.iter().enumerate() {
        match kind {
            Line::Comment(indent) if *indent > entry.column() => (end, deeper) = (line.end, n + 1),
            Line::Blank => {}
            _ => break,
        }
    }
    let rest = &gap[deeper..];
    let mine = |kind: &Line| matches!(kind, Line::Comment(indent) if *indent >= entry.column());
    let paragraph = rest.iter().take_while(|(_, kind)| mine(kind)).count();
    let parted = match rest.get(paragraph) {
        Some((_, Line::Blank)) => true,
        // At the end of the file, or where less indented text follows.
        _ => next.is_none(),
    };
    if paragraph > 0 && parted { rest[paragraph - 1].0.end } else { end }
}

/// The comments right above a key, from their first line to the key's.
pub(super) fn above(doc: &Doc, entry: &Entry, from: usize) -> Range<usize> {
    let mut start = entry.head;
    while start > from {
        let before = doc.text[..start - 1].rfind('\n').map_or(0, |n| n + 1).max(from);
        let line = &doc.text[before..start];
        let indent = line.len() - line.trim_start().len();
        if !line.trim_start().starts_with('#') || indent > entry.column() {
            break;
        }
        start = before;
    }
    start..entry.head
}

/// All that stands above a key and belongs to it, blank lines included. `from` is the end of the key before, or where
/// the map begins; `first` says that there is none before.
pub(super) fn lead(doc: &Doc, entries: &[Entry], n: usize, from: usize) -> Range<usize> {
    let entry = &entries[n];
    match n.checked_sub(1).map(|before| &entries[before]) {
        Some(before) => tail(doc, before, Some(entry.head)).min(entry.head)..entry.head,
        // The words at the head of a file are about the file.
        None if from == 0 => {
            let close = above(doc, entry, 0);
            if lines(doc, 0..close.start).iter().all(|(_, kind)| *kind == Line::Blank) {
                entry.head..entry.head
            } else {
                close
            }
        }
        None => from..entry.head,
    }
}

/// The comments within a stretch, without the `#`'s indentation.
pub(super) fn comments(doc: &Doc, within: Range<usize>) -> impl Iterator<Item = &str> {
    let first = doc.comments.partition_point(|c| c.start < within.start);
    doc.comments[first..].iter().take_while(move |c| c.start < within.end).map(|c| &doc.text[c.clone()])
}

/// The comment behind a value that ends on its key's line, with the space before it.
pub(super) fn behind<'d>(doc: &'d Doc, entry: &Entry) -> &'d str {
    let line = &doc.text[entry.head..entry.end];
    let rest = &doc.text[entry.value.span.end.clamp(entry.key.end, entry.end)..entry.end];
    if line.trim_end().contains('\n') { "" } else { rest.trim_end() }
}
