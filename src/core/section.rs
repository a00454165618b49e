//! In which heading, function or key a place of a text stands: what git tells behind `@@`, by the shape of the text.

use super::merge::Merge;
use super::path::RelPath;

/// So much of a line is looked at, in bytes.
const LOOKED_AT: usize = 200;

/// How a text is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// By headings, except in fenced code.
    Markdown,
    /// By functions and classes, which hold what is indented more.
    Python,
    /// By keys, which hold what is indented more.
    Keys,
}

impl Shape {
    fn of(path: &RelPath) -> Option<Self> {
        match path.to_str()?.rsplit_once('.')?.1 {
            "md" | "mdc" | "markdown" => Some(Self::Markdown),
            "py" => Some(Self::Python),
            "yaml" | "yml" | "json" => Some(Self::Keys),
            _ => None,
        }
    }

    /// How one part is told inside of another.
    fn joined(self, open: &[Open]) -> Option<String> {
        let names: Vec<&str> = open.iter().map(|open| &open.name[..]).collect();
        match self {
            _ if names.is_empty() => None,
            // The outer ones of a page say little.
            Self::Markdown => names.last().map(|name| (*name).to_owned()),
            Self::Python => Some(names.join(", ")),
            Self::Keys => Some(names.join(".")),
        }
    }
}

/// A part that has begun and not ended.
struct Open {
    depth: usize,
    name: String,
}

/// The section around each conflicting hunk of a merge, in their order, by the user's own text.
pub(crate) fn of_hunks(path: &RelPath, merge: &Merge) -> Vec<Option<String>> {
    let places: Vec<usize> = merge.overlaps().map(|region| region.mine.start).collect();
    sections(path, merge.texts()[1], &places)
}

/// The innermost section around each place, as people name it; none where a text has no sections, or none has begun. `places` are
/// offsets in bytes, rising; each is taken for the line that begins there or holds it.
fn sections(path: &RelPath, text: &[u8], places: &[usize]) -> Vec<Option<String>> {
    let Some(shape) = Shape::of(path) else { return vec![None; places.len()] };
    let mut found = Vec::with_capacity(places.len());
    let (mut open, mut is_fenced, mut end): (Vec<Open>, bool, usize) = (Vec::new(), false, 0);
    for line in text.split_inclusive(|b| *b == b'\n') {
        if found.len() == places.len() {
            break;
        }
        end += line.len();
        let line = String::from_utf8_lossy(&line[..line.len().min(LOOKED_AT)]);
        let begun = begins(shape, &line, &mut is_fenced);
        if let Some(depth) = begun.as_ref().map(|begun| begun.depth).or_else(|| depth_of(shape, &line)) {
            open.retain(|open| open.depth < depth);
        }
        // A key is what is changed, not what it stands in; a function's first line is the function.
        let is_part_of_it = shape != Shape::Keys;
        let here = |open: &[Open]| shape.joined(open);
        if !is_part_of_it {
            push_until(&mut found, places, end, || here(&open));
        }
        open.extend(begun);
        if is_part_of_it {
            push_until(&mut found, places, end, || here(&open));
        }
    }
    // Behind the last line.
    found.resize(places.len(), shape.joined(&open));
    found
}

fn push_until(found: &mut Vec<Option<String>>, places: &[usize], end: usize, here: impl Fn() -> Option<String>) {
    while places.get(found.len()).is_some_and(|place| *place < end) {
        found.push(here());
    }
}

/// How far a line is indented, where that ends what is as deep; empty lines end nothing.
fn depth_of(shape: Shape, line: &str) -> Option<usize> {
    let rest = line.trim_start();
    (shape != Shape::Markdown && !rest.is_empty()).then(|| line.len() - rest.len())
}

/// The part that a line begins.
fn begins(shape: Shape, line: &str, is_fenced: &mut bool) -> Option<Open> {
    let rest = line.trim();
    let indent = line.len() - line.trim_start().len();
    match shape {
        Shape::Markdown => {
            if rest.starts_with("```") || rest.starts_with("~~~") {
                *is_fenced = !*is_fenced;
            }
            let level = rest.bytes().take_while(|b| *b == b'#').count();
            let is_heading = !*is_fenced && indent < 4 && (1..=6).contains(&level) && rest[level..].starts_with(' ');
            is_heading.then(|| Open { depth: level, name: rest.trim_end_matches(['#', ' ']).to_owned() })
        }
        Shape::Python => {
            let word = ["def ", "class ", "async def "].into_iter().find(|word| rest.starts_with(word))?;
            let name: String = rest[word.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            Some(Open { depth: indent, name: format!("{word}{name}") })
        }
        Shape::Keys => {
            let (key, value) = rest.trim_start_matches("- ").split_once(':')?;
            let holds = matches!(value.trim(), "" | "{" | "[" | "|" | ">");
            let key = key.trim_matches('"');
            (holds && !key.is_empty() && !key.starts_with('#')).then(|| Open { depth: indent, name: key.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(path: &str, text: &str, wanted: &str) -> Option<String> {
        let at = text.find(wanted).expect(wanted);
        sections(&path.parse().unwrap(), text.as_bytes(), &[at]).remove(0)
    }

    #[test]
    fn a_page_is_divided_by_headings() {
        let text = "intro\n# One\na\n```sh\n# no heading\nb\n```\n## Two ##\nc\n#hash\nd\n# Three\ne\n";
        let at = |wanted| around("a.md", text, wanted);
        assert_eq!(at("intro"), None);
        assert_eq!(at("b\n").as_deref(), Some("# One"));
        assert_eq!(at("## Two").as_deref(), Some("## Two"), "its own line is a part of it");
        assert_eq!(at("d\n# Three").as_deref(), Some("## Two"));
        assert_eq!(at("e\n").as_deref(), Some("# One"), "the first e is in One");
        assert_eq!(around("a.txt", text, "d\n"), None);
    }

    #[test]
    fn code_is_divided_by_functions_and_classes() {
        let text = "import os\n\nclass A(Base):\n    def b(self):\n        x = 1\n\n        y = 2\n    z = 3\n\nasync def c():\n    pass\n";
        let at = |wanted| around("a.py", text, wanted);
        assert_eq!(at("import"), None);
        assert_eq!(at("y = 2").as_deref(), Some("class A, def b"));
        assert_eq!(at("z = 3").as_deref(), Some("class A"));
        assert_eq!(at("pass").as_deref(), Some("async def c"));
    }

    #[test]
    fn settings_are_divided_by_keys() {
        let yaml = "a: 1\nindexes:\n  standards:\n    # a note\n    size: 3\n  code:\n    on: true\nlast: 2\n";
        let at = |wanted| around("c.yaml", yaml, wanted);
        assert_eq!(at("a: 1"), None);
        assert_eq!(at("size").as_deref(), Some("indexes.standards"));
        assert_eq!(at("on: true").as_deref(), Some("indexes.code"));
        assert_eq!(at("last"), None);
        let json = "{\n  \"a\": {\n    \"b\": [\n      1\n    ],\n    \"c\": 2\n  }\n}\n";
        assert_eq!(around("c.json", json, "1\n").as_deref(), Some("a.b"));
        assert_eq!(around("c.json", json, "\"c\"").as_deref(), Some("a"));
    }

    #[test]
    fn places_behind_each_other_and_behind_the_end() {
        let text = b"# One\na\n# Two\nb";
        let found = sections(&"a.md".parse().unwrap(), text, &[6, 8, 15, 16]);
        let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
        assert_eq!(found, [Some("# One"), Some("# Two"), Some("# Two"), Some("# Two")]);
        assert_eq!(sections(&"a.md".parse().unwrap(), b"", &[0]), [None]);
    }
}
