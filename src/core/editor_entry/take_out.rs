//! Takes entries that start an install's server out of a settings file; every other byte stays, comments too.

use std::ops::Range;

use super::entry::Starts;
use super::jsonc::{self, Node, Problem, behind_space};

/// The names of the entries that start this install's server, and the file without them.
///
/// # Errors
/// [`Problem`]. Then nothing in the file can be told, or written.
pub(crate) fn take_out(
    bytes: &[u8],
    places: &[Vec<String>],
    starts: &Starts,
) -> Result<(Vec<String>, Vec<u8>), Problem> {
    let mut names = Vec::new();
    let mut now = bytes.to_vec();
    // One goes at a time, so there are as many rounds as entries, and one more.
    while let Some((name, left)) = first_out(&now, places, starts)? {
        names.push(name);
        now = left;
    }
    Ok((names, now))
}

/// The file without the first of them; none where none is left.
fn first_out(bytes: &[u8], places: &[Vec<String>], starts: &Starts) -> Result<Option<(String, Vec<u8>)>, Problem> {
    let (text, root) = jsonc::parse(bytes)?;
    for place in places {
        let mut node = Some(&root);
        for key in place {
            node = node.map(|node| node.get(key)).transpose()?.flatten();
        }
        let Some(servers) = node else { continue };
        for (at, (name, entry)) in servers.members().iter().enumerate() {
            servers.get(name)?;
            if starts.way(entry)?.is_some() {
                return Ok(Some((name.clone(), without(text, servers, at).into_bytes())));
            }
        }
        break;
    }
    Ok(None)
}

/// A text without a member of an object.
fn without(text: &str, object: &Node, at: usize) -> String {
    let members = object.members();
    let end_before = match at.checked_sub(1) {
        Some(before) => members[before].1.at.end,
        None => object.at.start + 1,
    };
    let comma_before = Some(behind_space(text, end_before)).filter(|at| text[*at..].starts_with(','));
    let key = behind_space(text, comma_before.map_or(end_before, |comma| comma + 1));
    let value = members[at].1.at.end;
    let comma_behind = Some(behind_space(text, value)).filter(|at| text[*at..].starts_with(','));
    let own = whole_lines(text, key..comma_behind.map_or(value, |comma| comma + 1));
    match comma_before.filter(|_| comma_behind.is_none()) {
        // The last one: the comma in front of it has nothing to part any more.
        Some(comma) => [&text[..comma], &text[comma + 1..own.start], &text[own.end..]].concat(),
        None => [&text[..own.start], &text[own.end..]].concat(),
    }
}

/// A stretch with the rest of its lines, where nothing else stands on them.
fn whole_lines(text: &str, stretch: Range<usize>) -> Range<usize> {
    let blank = |part: &str| part.chars().all(|c| matches!(c, ' ' | '\t' | '\r'));
    let start = text[..stretch.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[stretch.end..].find('\n').map(|at| stretch.end + at + 1);
    match end {
        Some(end) if blank(&text[start..stretch.start]) && blank(text[stretch.end..end].trim_end_matches('\n')) => {
            start..end
        }
        _ => stretch,
    }
}
