//! A key of one text, written so that it can stand in another: its indentation, its line ends, in braces or in lines.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::doc::{Doc, Entry, Node, Shape};

/// How the lines of one text are written in another.
pub(super) struct Style {
    pub(crate) newline: &'static str,
    /// The steps there and here.
    pub(crate) steps: (usize, usize),
}

impl Style {
    pub(crate) fn between(from: &Doc, to: &Doc) -> Self {
        let there = from.step.unwrap_or(2);
        Self { newline: to.newline, steps: (there, to.step.unwrap_or(there)) }
    }

    /// The lines from `start` (comments above the entry, or its own line) to the entry's end, with its key at `column`.
    pub(crate) fn lines(&self, from: &Doc, start: usize, entry: &Entry, column: usize) -> String {
        let mut shifts = Vec::new();
        self.shifts(from, entry, column, &mut shifts);
        let own = column.cast_signed() - entry.column().cast_signed();
        let mut out = String::new();
        let mut at = start;
        for line in from.text[start..entry.end].split_inclusive('\n') {
            // The innermost map or list that the line is in comes last.
            let inside = shifts.iter().rev().find(|(range, least, _)| {
                let indent = line.len() - line.trim_start_matches(' ').len();
                range.contains(&at) && indent >= *least
            });
            let shift = inside.map_or(own, |(.., shift)| *shift);
            at += line.len();
            let line = line.trim_end_matches(['\n', '\r']);
            if shift >= 0 && !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', shift.unsigned_abs()));
            }
            let spaces = line.len() - line.trim_start_matches(' ').len();
            let cut = if shift < 0 { spaces.min(shift.unsigned_abs()) } else { 0 };
            out.push_str(&line[cut..]);
            out.push_str(self.newline);
        }
        out
    }

    /// For the lines of each map and list below an entry: from which indentation on they move, and how far.
    fn shifts(&self, from: &Doc, entry: &Entry, column: usize, out: &mut Vec<(Range<usize>, usize, isize)>) {
        let inner = match &entry.value.shape {
            Shape::Map { flow: false, entries, .. } => entries.first().map_or(0, Entry::column),
            Shape::List { flow: false, .. } => from.indent(entry.value.begin),
            _ => return,
        };
        let new = self.moved(inner, entry.column(), column);
        let shift = new.cast_signed() - inner.cast_signed();
        out.push((entry.key.end..entry.end, inner, shift));
        self.inner_shifts(from, &entry.value, shift, out);
    }

    fn inner_shifts(&self, from: &Doc, node: &Node, shift: isize, out: &mut Vec<(Range<usize>, usize, isize)>) {
        match &node.shape {
            Shape::Map { flow: false, entries, .. } => {
                entries.iter().for_each(|e| self.shifts(from, e, e.column().saturating_add_signed(shift), out));
            }
            Shape::List { flow: false, items } => items.iter().for_each(|n| self.inner_shifts(from, n, shift, out)),
            _ => {}
        }
    }

    fn moved(&self, column: usize, old: usize, new: usize) -> usize {
        let deeper = column.saturating_sub(old);
        new + if deeper == self.steps.0 { self.steps.1 } else { deeper }
    }
}

/// A value on one line, for a place in braces.
pub(super) fn in_braces(doc: &Doc, node: &Node) -> String {
    match &node.shape {
        Shape::Scalar { style, text } => {
            let written = &doc.text[node.span.clone()];
            let plain = *style == ScalarStyle::Plain;
            let fits = !written.contains('\n') && !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
            let safe = !plain || !written.contains([',', '[', ']', '{', '}', '#', ':']);
            match () {
                () if plain && text.is_empty() && !node.tagged => "null".to_owned(),
                () if fits && safe => written.to_owned(),
                () => quoted(text),
            }
        }
        Shape::Alias => doc.text[node.span.clone()].to_owned(),
        Shape::List { items, .. } => {
            format!("[{}]", items.iter().map(|n| in_braces(doc, n)).collect::<Vec<_>>().join(", "))
        }
        Shape::Map { entries, .. } => {
            let one = |e: &Entry| member(doc, e);
            format!("{{{}}}", entries.iter().map(one).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A key and its value, for a place in braces.
pub(super) fn member(doc: &Doc, entry: &Entry) -> String {
    let key = &doc.text[entry.key.clone()];
    let quote = key.starts_with(['"', '\'']) || !key.contains([',', '[', ']', '{', '}', '#', ':', '\n']);
    let key = if quote { key.to_owned() } else { quoted(&entry.name) };
    format!("{key}: {}", in_braces(doc, &entry.value))
}

/// A text between double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
