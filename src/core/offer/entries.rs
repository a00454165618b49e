//! Entries that both sides added at the same place of a list, a table, a set of imports, of requirements, or a map.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::core::config::keyed::Format;
use crate::core::merge::{Merge, Region};
use crate::core::path::RelPath;
use crate::core::requirements::Requirement;

/// What both sides added, as lines.
struct Added<'t> {
    /// What stands before both in the hunk, as both sides have it.
    before: Vec<&'t str>,
    mine: Vec<&'t str>,
    theirs: Vec<&'t str>,
    /// What stands behind both.
    behind: Vec<&'t str>,
    /// The line above the added ones, and the one below.
    above: &'t str,
    below: &'t str,
}

fn lines(text: &[u8]) -> Option<Vec<&str>> {
    Some(std::str::from_utf8(text).ok()?.split_inclusive('\n').collect())
}

/// A line without its end.
fn bare(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}

fn end_of(line: &str) -> &str {
    &line[bare(line).len()..]
}

impl<'t> Added<'t> {
    /// None unless all that either side did is to add lines, at the same place. The line above them may get a comma, or
    /// its end.
    fn of(merge: &'t Merge, region: &Region) -> Option<Self> {
        let sides = merge.sides(region);
        let (base, mine, theirs) = (lines(sides.base)?, lines(sides.mine)?, lines(sides.theirs)?);
        let alike = |(a, b): &(&&str, &&str)| a == b;
        let most_before = mine.iter().zip(&theirs).take_while(alike).count();
        let most_behind = mine.iter().rev().zip(theirs.iter().rev()).take_while(alike).count();
        let shorter = mine.len().min(theirs.len());
        // What was there before stands above the added lines as far as it can.
        let split = |before: usize| {
            let behind = base.len() - before;
            let was = mine[..before].iter().chain(&mine[mine.len() - behind..]);
            let may_be = |(at, (old, new)): (usize, (&&str, &&str))| {
                let comma = || bare(new).strip_suffix(',') == Some(bare(old));
                old == new || (at + 1 == before && (bare(old) == bare(new) || comma()))
            };
            base.iter().zip(was).enumerate().all(may_be)
        };
        let fitting = |before: &usize| base.len() - before <= most_behind && base.len() < shorter && split(*before);
        let before = (0..=most_before.min(base.len())).rev().find(fitting)?;
        let behind = base.len() - before;
        let added = |side: &[&'t str]| side[before..side.len() - behind].to_vec();
        let (first, last) = (mine[..before].to_vec(), mine[mine.len() - behind..].to_vec());
        let whole = merge.texts()[1];
        let above = std::str::from_utf8(whole.get(..region.mine.start)?).ok()?.split_inclusive('\n').next_back();
        let below = std::str::from_utf8(whole.get(region.mine.end..)?).ok()?.split_inclusive('\n').next();
        let (mine, theirs) = (added(&mine), added(&theirs));
        let above = first.last().copied().or(above).unwrap_or_default();
        let below = last.first().copied().or(below).unwrap_or_default();
        Some(Self { above, below, before: first, mine, theirs, behind: last })
    }

    /// Mine, then those of theirs that mine has not.
    fn joined(&self, mine: &str, theirs: &str) -> Vec<u8> {
        let (before, behind) = (self.before.concat(), self.behind.concat());
        let glue = match mine.ends_with('\n') || theirs.is_empty() {
            true => "",
            false => end_of(self.above),
        };
        [&before, mine, glue, theirs, &behind].concat().into_bytes()
    }
}

/// The hunk with the entries of both, mine first, and what they are entries of.
pub(super) fn in_order(path: &RelPath, merge: &Merge, region: &Region) -> Option<(Vec<u8>, &'static str)> {
    let added = Added::of(merge, region)?;
    let name = std::str::from_utf8(path.name()).ok()?;
    let (stem, kind) = name.rsplit_once('.')?;
    match (Format::of(path.name()), kind) {
        (Some(Format::Json), _) => json(&added),
        (Some(Format::Yaml), _) => list(&added).or_else(|| yaml_map(&added)),
        (None, "md" | "mdc" | "markdown") => table(&added).or_else(|| list(&added)),
        (None, "py") => imports(&added),
        (None, "txt") if stem.starts_with("requirements") => requirements(&added),
        _ => None,
    }
}

/// An entry by what tells it from others, and its lines.
struct Entry {
    key: String,
    text: String,
}

/// The entries of both sides, mine first; one that both have alike once. None if two have the same key and differ.
fn joined(added: &Added<'_>, mine: Vec<Entry>, theirs: Vec<Entry>) -> Option<Vec<u8>> {
    let written = |all: &[Entry]| all.iter().map(|e| &e.text[..]).collect::<String>();
    let own = written(&mine);
    let mut news = Vec::new();
    for entry in theirs {
        match mine.iter().find(|e| e.key == entry.key) {
            Some(same) if bare(&same.text) == bare(&entry.text) => {}
            Some(_) => return None,
            None => news.push(entry),
        }
    }
    Some(added.joined(&own, &written(&news)))
}

/// A text by its letters and digits: what is written a little otherwise is the same.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether two entries have more than half of their words in common: they may be one that was written twice.
fn are_alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.unicode_words().map(str::to_lowercase).collect::<HashSet<String>>();
    let (one, other) = (words(one), words(other));
    one.intersection(&other).count() * 2 > one.len().min(other.len())
}

/// The indentation of a line and its bullet; none for a line that begins no entry. Numbers are none: they would stand
/// there twice.
fn bullet(line: &str) -> Option<(&str, char)> {
    let rest = line.trim_start_matches([' ', '\t']);
    let mark = rest.chars().next().filter(|c| matches!(c, '-' | '*' | '+'))?;
    (rest[1..].starts_with(' ') && !letters(rest).is_empty()).then(|| (&line[..line.len() - rest.len()], mark))
}

/// Whether a line belongs to the entry above it, with that indentation.
fn belongs_to(line: &str, indent: &str) -> bool {
    let inner = line.strip_prefix(indent).unwrap_or_default();
    inner.starts_with([' ', '\t']) && !inner.trim().is_empty()
}

fn bulleted(lines: &[&str], wanted: (&str, char)) -> Option<Vec<Entry>> {
    let mut all: Vec<Entry> = Vec::new();
    for line in lines {
        match all.last_mut() {
            Some(last) if belongs_to(line, wanted.0) => last.text.push_str(line),
            _ if bullet(line) == Some(wanted) => all.push(Entry { key: String::new(), text: (*line).to_owned() }),
            _ => return None,
        }
    }
    for entry in &mut all {
        entry.key = letters(&entry.text);
    }
    Some(all)
}

fn list(added: &Added<'_>) -> Option<(Vec<u8>, &'static str)> {
    let wanted = bullet(added.mine.first()?)?;
    let neighbour = |line: &str| bullet(line) == Some(wanted);
    if !neighbour(added.above) && !neighbour(added.below) && !belongs_to(added.above, wanted.0) {
        return None;
    }
    let (mine, theirs) = (bulleted(&added.mine, wanted)?, bulleted(&added.theirs, wanted)?);
    if mine.iter().any(|own| theirs.iter().any(|other| own.key != other.key && are_alike(&own.text, &other.text))) {
        return None;
    }
    Some((joined(added, mine, theirs)?, "entries to the list"))
}

/// The cells of a table's row; none for any other line.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let mut cells = Vec::new();
    let mut start = 0;
    for (at, _) in inner.match_indices('|').filter(|(at, _)| !inner[..*at].ends_with('\\')) {
        cells.push(inner[start..at].trim());
        start = at + 1;
    }
    cells.push(inner[start..].trim());
    Some(cells)
}

fn rows(lines: &[&str], columns: usize) -> Option<Vec<Entry>> {
    let row = |line: &&str| {
        let cells = cells(line).filter(|cells| cells.len() == columns)?;
        let key = letters(cells.first()?);
        (!key.is_empty()).then(|| Entry { key, text: (*line).to_owned() })
    };
    lines.iter().map(row).collect()
}

fn table(added: &Added<'_>) -> Option<(Vec<u8>, &'static str)> {
    let columns = cells(added.above)?.len();
    let text = joined(added, rows(&added.mine, columns)?, rows(&added.theirs, columns)?)?;
    Some((text, "rows to the table"))
}

/// The names that a line of imports gives; none for any other line, and for one that goes on in the next.
fn imported(line: &str) -> Option<Vec<&str>> {
    let line = bare(line).trim();
    if line.contains(['(', ')', '\\', '#', ';', '*']) {
        return None;
    }
    let list = match line.strip_prefix("from ") {
        Some(rest) => rest.split_once(" import ")?.1,
        None => line.strip_prefix("import ")?,
    };
    Some(list.split(',').map(|one| one.split(" as ").last().unwrap_or(one).trim()).collect())
}

fn imports(added: &Added<'_>) -> Option<(Vec<u8>, &'static str)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    if imported(added.above).is_none() && imported(added.below).is_none() {
        return None;
    }
    let wanted = indent(added.mine.first()?);
    let entry = |line: &&str| {
        (indent(line) == wanted && imported(line).is_some())
            .then(|| Entry { key: bare(line).trim().to_owned(), text: (*line).to_owned() })
    };
    let all = |lines: &[&str]| lines.iter().map(entry).collect::<Option<Vec<Entry>>>();
    let (mine, theirs) = (all(&added.mine)?, all(&added.theirs)?);
    // A name that two different lines give is one thing or the other.
    let mut seen = HashSet::new();
    let lines: HashSet<&str> = mine.iter().chain(&theirs).map(|e| &e.key[..]).collect();
    if !lines.iter().filter_map(|line| imported(line)).flatten().all(|name| seen.insert(name)) {
        return None;
    }
    Some((joined(added, mine, theirs)?, "imports"))
}

fn requirements(added: &Added<'_>) -> Option<(Vec<u8>, &'static str)> {
    let entry = |line: &&str| {
        let one = Requirement::parse(bare(line).split(" #").next()?)?;
        Some(Entry { key: one.name, text: (*line).to_owned() })
    };
    let all = |lines: &[&str]| lines.iter().map(entry).collect::<Option<Vec<Entry>>>();
    Some((joined(added, all(&added.mine)?, all(&added.theirs)?)?, "requirements"))
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn yaml_map(added: &Added<'_>) -> Option<(Vec<u8>, &'static str)> {
    // Which lines are keys of which map is for the parser to say: the result is read with each key once.
    let key = |line: &str| {
        let (name, rest) = bare(line).split_once(':')?;
        let plain = !name.trim().is_empty() && !name.trim().starts_with(['-', '#', '{', '[']);
        (plain && (rest.is_empty() || rest.starts_with(' '))).then(|| indent_of(line))
    };
    let level = key(added.mine.first()?)?;
    let fits = |lines: &[&str]| {
        lines.first().and_then(|line| key(line)) == Some(level)
            && lines.iter().all(|line| !line.trim().is_empty() && (indent_of(line) > level || key(line) == Some(level)))
    };
    let beside = [added.above, added.below].into_iter().any(|line| key(line) == Some(level));
    let inside = indent_of(added.above) > level && !added.above.trim().is_empty();
    let text = || added.joined(&added.mine.concat(), &added.theirs.concat());
    ((beside || inside) && fits(&added.mine) && fits(&added.theirs)).then(|| (text(), "keys to the map"))
}

fn json(added: &Added<'_>) -> Option<(Vec<u8>, &'static str)> {
    let is_key = |line: &&str| bare(line).trim_start().starts_with('"') && line.contains("\":");
    let what = if is_key(added.mine.first()?) { "keys to the map" } else { "entries to the list" };
    if is_key(added.mine.first()?) != is_key(added.theirs.first()?)
        || indent_of(added.mine.first()?) != indent_of(added.theirs.first()?)
    {
        return None;
    }
    let bare_entries = |lines: &[&str]| lines.iter().map(|l| bare(l).trim().trim_end_matches(',').to_owned()).collect();
    let (mine, theirs): (HashSet<String>, HashSet<String>) = (bare_entries(&added.mine), bare_entries(&added.theirs));
    if what == "entries to the list" && !mine.is_disjoint(&theirs) {
        return None;
    }
    let (last, rest) = added.mine.split_last()?;
    let comma = if bare(last).ends_with(',') { "" } else { "," };
    let own = [&rest.concat(), bare(last), comma, end_of(last)].concat();
    Some((added.joined(&own, &added.theirs.concat()), what))
}
