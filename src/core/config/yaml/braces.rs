//! Maps in braces: their members are put together anew between the bytes that stand around them.

use super::doc::{Entry, Node, line_end};
use super::problem::YamlError;
use super::render::{in_braces, member};
use super::value::ValueId;
use super::work::{Edit, Pick, Sides, Verdict, Work, id, picked};
use crate::core::config::pointer::below;

impl<'a> Work<'a> {
    /// The lines of mine that a map in braces stands on, with its new text.
    pub(crate) fn splice(&mut self, map: &Node, text: &str, from: usize) {
        let mine = &self.mine.text;
        if mine[map.span.clone()] == *text && from == self.found.conflicts.len() {
            return;
        }
        let start = mine[..map.span.start].rfind('\n').map_or(0, |n| n + 1);
        let range = start..line_end(mine, map.span.end);
        let text = format!("{}{text}{}", &mine[start..map.span.start], &mine[map.span.end..range.end]);
        self.found.edits.push(Edit { range, text, conflicts: from..self.found.conflicts.len() });
    }

    /// The new text of a map in braces, and what it says.
    pub(crate) fn braces(
        &mut self,
        at: &str,
        base: Option<&'a Node>,
        mine: &'a Node,
        theirs: &'a Node,
    ) -> Result<(String, ValueId), YamlError> {
        let of = |node: Option<&'a Node>, key| node.and_then(|n| n.find(key));
        let outer = self.anchor;
        self.anchor = outer.or(mine.anchored.then_some(mine.span.start));
        let text = &self.mine.text;
        let all = mine.entries();
        // Each member of mine as it becomes, none if it goes, and what comes behind it; first what comes before all.
        let mut members: Vec<Option<String>> = Vec::new();
        let mut behind: Vec<Vec<String>> = vec![Vec::new(); all.len() + 1];
        let mut pairs = Vec::new();
        for entry in all {
            let sides = Sides { base: of(base, entry.id), mine: Some(entry), theirs: theirs.find(entry.id) };
            let path = below(at, &entry.name);
            let span = entry.key.start..entry.value.span.end.max(entry.key.end);
            let (written, value) = match (self.verdict(&path, sides), sides.theirs) {
                (Verdict::Mine, _) => (Some(text[span].to_owned()), Some(entry.value.value)),
                (Verdict::Inside, Some(t)) if entry.value.is_flow() => {
                    self.touches(mine, None)?;
                    let (inner, value) = self.braces(&path, sides.base.map(|b| &b.value), &entry.value, &t.value)?;
                    (Some(format!("{}{inner}", &text[span.start..entry.value.span.start])), Some(value))
                }
                (verdict, _) => {
                    self.touches(mine, Some(sides))?;
                    let pick = picked(&verdict);
                    let new = sides.of(pick);
                    let written = match new {
                        Some(_) if pick == Pick::Mine => Some(text[span].to_owned()),
                        Some(new) if entry.value.span.is_empty() => Some(member(self.doc(pick), new)),
                        Some(new) => {
                            let value = in_braces(self.doc(pick), &new.value);
                            Some(format!("{}{value}", &text[span.start..entry.value.span.start]))
                        }
                        None => None,
                    };
                    (written, id(new))
                }
            };
            members.push(written);
            pairs.extend(value.map(|v| (entry.id, v)));
        }
        let mut after = 0;
        for entry in theirs.entries() {
            if let Some(place) = mine.place(entry.id) {
                after = place + 1;
                continue;
            }
            let sides = Sides { base: of(base, entry.id), mine: None, theirs: Some(entry) };
            let verdict = self.verdict(&below(at, &entry.name), sides);
            if matches!(verdict, Verdict::Mine | Verdict::Inside) {
                continue;
            }
            self.touches(mine, Some(sides))?;
            let pick = picked(&verdict);
            if let Some(new) = sides.of(pick) {
                behind[after].push(member(self.doc(pick), new));
                pairs.push((entry.id, new.value.value));
            }
        }
        self.anchor = outer;
        let value = self.found.values.map(pairs);
        let end = |e: &Entry| e.value.span.end.max(e.key.end);
        let (Some(first), Some(last)) = (all.first(), all.last()) else {
            return Ok((text[mine.span.clone()].to_owned(), value));
        };
        let mut out = text[mine.span.start..first.key.start].to_owned();
        let mut is_empty = true;
        for (n, written) in members.into_iter().enumerate().map(|(n, m)| (n + 1, m)) {
            let entry = &all[n - 1];
            let mut put = |part: &str, gap: &str| {
                if !is_empty {
                    out.push_str(gap);
                }
                out.push_str(part);
                is_empty = false;
            };
            if n == 1 {
                behind[0].iter().for_each(|part| put(part, ", "));
            }
            let gap = if n == 1 { ", " } else { &text[end(&all[n - 2])..entry.key.start] };
            if let Some(written) = written {
                put(&written, gap);
            }
            behind[n].iter().for_each(|part| put(part, ", "));
        }
        out.push_str(&text[end(last)..mine.span.end]);
        Ok((out, value))
    }
}
