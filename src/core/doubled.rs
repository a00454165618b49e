//! What a merge that is clean line by line has twice: a heading, a key, a function that both sides added, each in another
//! place. Such a merge is made all the same, as git makes it; whoever reads the plan is told.

use std::collections::BTreeMap;

use super::config::keyed::Format;
use super::path::RelPath;
use super::visible;

/// A longer text, in bytes, is no page that somebody wrote.
const LONGEST: usize = 1 << 20;

/// A thing by its kind and its name.
type Thing = (&'static str, String);

/// What the merged text has more often than either side, in words; none if there is nothing.
pub(crate) fn doubled(path: &RelPath, mine: &[u8], theirs: &[u8], merged: &[u8]) -> Option<String> {
    if merged.len() > LONGEST {
        return None;
    }
    let things = |text| count(path, text);
    let (before, other) = (things(mine), things(theirs));
    let most = |thing: &Thing| before.get(thing).max(other.get(thing)).copied().unwrap_or_default();
    let all = things(merged);
    let found = all.iter().find(|(thing, times)| **times > 1 && **times > most(thing));
    let named = found.map(|((kind, name), _)| format!("{kind} \"{}\"", visible::line(name)));
    let key = || {
        let format = Format::of(path.name())?;
        let once = |text| format.has_each_key_once(text);
        (once(mine) && once(theirs) && !once(merged)).then(|| "a key".to_owned())
    };
    named.or_else(key).map(|what| format!("{what} stands in the merged file twice"))
}

fn count(path: &RelPath, text: &[u8]) -> BTreeMap<Thing, usize> {
    let Ok(text) = std::str::from_utf8(text) else { return BTreeMap::new() };
    let name = path.name();
    let ends = |end: &str| name.ends_with(end.as_bytes());
    let all = match () {
        () if ends(".md") || ends(".mdc") => headings(text),
        () if ends(".py") => definitions(text),
        () => Vec::new(),
    };
    let mut counts = BTreeMap::new();
    for thing in all {
        *counts.entry(thing).or_default() += 1;
    }
    counts
}

/// The headings of a Markdown page, outside of its blocks of code, each below the one that it stands under.
fn headings(text: &str) -> Vec<Thing> {
    let (mut fence, mut above, mut all) = (None, Vec::<(usize, &str)>::new(), Vec::new());
    for line in text.lines() {
        let line = line.trim_end();
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        let level = line.len() - line.trim_start_matches('#').len();
        if fence.is_some() || mark.is_some() || !(1..=6).contains(&level) || !line[level..].starts_with(' ') {
            continue;
        }
        above.retain(|(higher, _)| *higher < level);
        above.push((level, line[level..].trim()));
        let path: Vec<&str> = above.iter().map(|(_, name)| *name).collect();
        all.push(("the heading", path.join(" / ")));
    }
    all
}

/// The functions and classes of a Python file, each below the one that it stands in.
fn definitions(text: &str) -> Vec<Thing> {
    let (mut around, mut all) = (Vec::<(usize, &str)>::new(), Vec::new());
    for line in text.lines() {
        let rest = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - rest.len();
        if rest.is_empty() || rest.starts_with('#') {
            continue;
        }
        around.retain(|(outer, _)| *outer < indent);
        let function = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("def ");
        let (kind, named) = match (function, rest.strip_prefix("class ")) {
            (Some(named), _) => ("the function", named),
            (_, Some(named)) => ("the class", named),
            _ => continue,
        };
        let end = named.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(named.len());
        around.push((indent, &named[..end]));
        let path: Vec<&str> = around.iter().map(|(_, name)| *name).collect();
        all.push((kind, path.join(".")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, mine: &str, theirs: &str, merged: &str) -> Option<String> {
        doubled(&path.parse().unwrap(), mine.as_bytes(), theirs.as_bytes(), merged.as_bytes())
    }

    #[test]
    fn what_both_added_in_another_place_is_named() {
        let page = said("a.md", "# A\n## Setup\nx\n", "# A\ny\n## Setup\n", "# A\n## Setup\nx\ny\n## Setup\n");
        assert_eq!(page.as_deref(), Some("the heading \"A / Setup\" stands in the merged file twice"));
        let code = said("a.py", "def f(a):\n  x\n", "async def f(b): x\n", "def f(a):\n  x\nasync def f(b): x\n");
        assert_eq!(code.as_deref(), Some("the function \"f\" stands in the merged file twice"));
        let map = said("a.json", "{\"a\": 1}", "{\"a\": 2}", "{\"a\": 1, \"a\": 2}");
        assert_eq!(map.as_deref(), Some("a key stands in the merged file twice"));
    }

    #[test]
    fn what_stood_there_twice_or_only_looks_so_is_not() {
        let twice = "# A\n## Setup\n## Setup\n";
        assert_eq!(said("a.md", twice, "# A\n", twice), None);
        assert_eq!(said("a.md", "", "", "# A\n## Why\n# B\n## Why\n```sh\n# A\n```\n"), None, "under other headings");
        assert_eq!(said("a.py", "", "", "class A:\n  def f(): x\n\nclass B:\n  def f(): x\n"), None);
        assert_eq!(said("a.json", "{\"a\": 1, \"a\": 2}", "{}", "{\"a\": 1, \"a\": 2}"), None);
        assert_eq!(said("a.txt", "", "", "# A\n# A\n"), None);
    }
}
