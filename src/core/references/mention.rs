//! Where a line names something: whole names only, and what each should be.

use std::ops::Range;

use super::moves::{Moves, Named};
use crate::core::layout::editors_and_rules::RenamedTool;

/// A name in a line, and what belongs in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// Where, in bytes.
    pub(crate) at: Range<usize>,
    /// None where there is nothing to put there.
    pub(crate) new: Option<String>,
    /// What it is.
    pub(crate) named: Named,
}

impl Edit {
    fn new(kind: &'static str, line: &str, at: Range<usize>, now: Option<String>, new: Option<String>) -> Self {
        let name = line[at.clone()].to_owned();
        Self { at, new, named: Named { kind, name, now } }
    }

    fn same(kind: &'static str, line: &str, at: Range<usize>, now: Option<String>) -> Self {
        Self::new(kind, line, at, now.clone(), now)
    }
}

/// All that a line names, in its order, nothing twice. `before` is the last line in front of it that is not empty.
pub(crate) fn edits(before: &str, line: &str, moves: &Moves, instructs: bool) -> Vec<Edit> {
    let mut found = Vec::new();
    let install = Some(&moves.install).filter(|name| !name.is_empty() && !moves.folders.contains_key(*name));
    for name in moves.folders.keys().chain(install) {
        for at in folders(line, name, &moves.homes) {
            found.extend(in_folder(line, at, name, moves));
        }
    }
    for (name, now) in &moves.packages {
        let is_one = |at: &Range<usize>| behind_m(before, &line[..at.start]) || (moves.imports && imported(line, at));
        for at in words(line, name).filter(is_one) {
            found.push(Edit::same("package", line, dotted(line, at), Some(now.clone())));
        }
    }
    for tool in moves.tools.iter().filter(|tool| instructs || tool.equal) {
        let called = words(line, &tool.from).filter(|at| !is_action(&line[..at.start]));
        found.extend(called.map(|at| renamed(line, at, tool)));
    }
    found.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let mut end = 0;
    found.retain(|edit| {
        let free = edit.at.start >= end;
        end = if free { edit.at.end } else { end };
        free
    });
    found
}

/// Where a folder's name stands as a whole part of a path.
pub(crate) fn folders<'l>(
    line: &'l str,
    name: &'l str,
    homes: &'l [String],
) -> impl Iterator<Item = Range<usize>> + 'l {
    let whole = move |at: &usize| {
        let (front, back) = (&line[..*at], &line[at + name.len()..]);
        begins_part(front) && ends_part(back) && !in_home(front, homes)
    };
    line.match_indices(name).map(|(at, _)| at).filter(whole).map(move |at| at..at + name.len())
}

/// Characters of which file names are made, as far as they can't end one.
fn in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn begins_part(front: &str) -> bool {
    let mut chars = front.chars().rev();
    match chars.next() {
        // What an escape stands for in a text of a program or of JSON: no letter of the name.
        Some('n' | 't' | 'r') => chars.next() == Some('\\'),
        Some(c) => !in_name(c) && !matches!(c, '.' | '~'),
        None => true,
    }
}

fn ends_part(back: &str) -> bool {
    let mut chars = back.chars();
    match chars.next() {
        // The end of a sentence, and not of a longer name.
        Some('.') => !chars.next().is_some_and(|c| in_name(c) || c == '.'),
        Some(c) => !in_name(c) && c != '~',
        None => true,
    }
}

/// Whether what stands in front leads to a person's home: an install there is no project's.
fn in_home(front: &str, homes: &[String]) -> bool {
    let Some(above) = front.strip_suffix(['/', '\\']) else { return false };
    homes.iter().any(|home| above.strip_suffix(home.as_str()).is_some_and(|front| !front.ends_with(in_name)))
}

/// The folder, and what is behind it: a page that moved, or the package.
fn in_folder(line: &str, at: Range<usize>, name: &str, moves: &Moves) -> Vec<Edit> {
    let mut found = Vec::new();
    if let Some(now) = moves.folders.get(name) {
        found.push(Edit::same("folder", line, at.clone(), Some(now.clone())));
    }
    let Some(rest) = line[at.end..].strip_prefix('/') else { return found };
    let start = at.end + 1;
    let ends = |c: char| c.is_whitespace() || "\"'`()[]{}<>,;:#?*|\\!$&=".contains(c);
    let path = rest[..rest.find(ends).unwrap_or(rest.len())].trim_end_matches(['.', '/']);
    let place = start..start + path.len();
    if let Some(now) = moves.pages.get(path.as_bytes()) {
        let now = now.as_ref().map(|page| String::from_utf8_lossy(page.as_bytes()).into_owned());
        found.push(Edit::same("page", line, place, now));
    } else if let Some((package, now)) = moves.packages.iter().find(|(package, _)| {
        path.strip_prefix(package.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }) {
        found.push(Edit::same("package", line, start..start + package.len(), Some(now.clone())));
    }
    found
}

/// Where a name stands that is a word of a program.
fn words<'l>(line: &'l str, name: &'l str) -> impl Iterator<Item = Range<usize>> + 'l {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let whole = move |at: &usize| {
        let (front, back) = (&line[..*at], &line[at + name.len()..]);
        // `mcp__server__tool` is how some clients write it.
        let joined = front.ends_with("__") && front.contains("mcp__");
        (joined || !front.ends_with(in_word)) && !back.starts_with(in_word)
    };
    line.match_indices(name).map(|(at, _)| at).filter(whole).map(move |at| at..at + name.len())
}

/// Whether what stands in front, on this line and the one before, ends with `-m`, whatever quotes and commas are between.
pub(crate) fn behind_m(before: &str, front: &str) -> bool {
    let between = |c: char| c.is_whitespace() || "\"',".contains(c);
    let ends = |text: &str| {
        let text = text.trim_end_matches(between);
        text.strip_suffix("-m").is_some_and(|front| !front.ends_with(|c: char| in_name(c)))
    };
    // In lists of YAML each word has a dash.
    let bare = front.trim_end_matches(between);
    let first = bare.trim_start().is_empty() || bare.trim() == "-";
    ends(front) || (first && ends(before))
}

/// Whether the name is that of a module of Python that is imported.
fn imported(line: &str, at: &Range<usize>) -> bool {
    let front = line[..at.start].trim_end();
    front.len() < at.start && matches!(front.trim_start(), "import" | "from" | ">>> import" | ">>> from")
}

/// The name with the modules of the package that follow it.
fn dotted(line: &str, at: Range<usize>) -> Range<usize> {
    let rest = &line[at.end..];
    // An import names a module of the new package, which nobody here knows: only the package is told.
    if !behind_m("", &line[..at.start]) {
        return at;
    }
    let more = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
    at.start..at.end + rest[..more].trim_end_matches('.').len()
}

/// Whether what follows is the value of an `action`: then it is no tool, though it may be called like one that was.
fn is_action(front: &str) -> bool {
    let front = front.trim_end_matches(['"', '\'', '\\', '`', ' ']);
    let Some(front) = front.strip_suffix(['=', ':']) else { return false };
    front.trim_end_matches(['"', '\'', '\\', ' ']).ends_with("action")
}

fn renamed(line: &str, at: Range<usize>, tool: &RenamedTool) -> Edit {
    let now = match &tool.arguments {
        Some(arguments) => format!("{}({arguments})", tool.to),
        None => tool.to.clone(),
    };
    let call = line[at.end..].strip_prefix('(').zip(tool.arguments.as_ref());
    let Some((inside, arguments)) = call else {
        return Edit::new("tool", line, at, Some(now), Some(tool.to.clone()));
    };
    let mut new = format!("{}({arguments}", tool.to);
    let inside = inside.trim_start();
    if !inside.starts_with(')') {
        new.push_str(", ");
        if let Some(first) = tool.first.as_ref().filter(|_| inside.starts_with(['"', '\''])) {
            new.push_str(first);
            new.push('=');
        }
    }
    let mut edit = Edit::new("tool", line, at, Some(now), Some(new));
    edit.at.end += 1;
    edit
}
