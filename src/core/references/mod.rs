//! Lines outside of an install that name what an upgrade moves or takes away: its folder, pages of it, the server's
//! package, tools that have another name. They are listed with what they should say, and written only where a person names the file.

use serde::Serialize;

use super::blob::is_lfs_pointer;
use super::document;
use super::merge::is_binary;
use super::path::RelPath;

mod mention;
mod moves;
mod rewrite;

pub(crate) use mention::folders;
use mention::{Edit, edits};
pub(crate) use moves::{Moves, Named};
pub(crate) use rewrite::{names_back, rewritten};

/// Of a line that is longer, only what stands around the first name is told.
const LINE: usize = 400;
/// So much of it is before the name.
const BEFORE: usize = 120;

/// A line that names something which moved or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Reference {
    /// The file, within the project; lossy where its name is not UTF-8.
    #[serde(serialize_with = "lossy")]
    #[schemars(with = "String")]
    pub(crate) path: RelPath,
    /// The path's bytes, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_base64: Option<String>,
    /// From 1; 0 for a link, whose target it is.
    pub(crate) line: u64,
    /// The line, without its end. Of a long one, what stands around the name.
    pub(crate) text: String,
    /// What it should say; none where all that it names is gone.
    pub(crate) becomes: Option<String>,
    /// What it names, in its order.
    pub(crate) names: Vec<Named>,
}

fn lossy<S: serde::Serializer>(path: &RelPath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(path.as_bytes()))
}

/// Why a file says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is no text.
    Binary,
    /// Its text is kept outside of git, and is not here.
    LfsPointer,
}

/// The lines of a file that name something of what moves. `instructs` says that it tells an assistant what to do.
///
/// # Errors
/// [`Unread`].
pub(crate) fn in_file(path: &RelPath, bytes: &[u8], moves: &Moves, instructs: bool) -> Result<Vec<Reference>, Unread> {
    if is_lfs_pointer(bytes) {
        return Err(Unread::LfsPointer);
    }
    if !document::has_wide_form(bytes) && is_binary(bytes) {
        return Err(Unread::Binary);
    }
    let text = document::text(bytes);
    if !moves.marks().into_iter().any(|mark| text.contains(mark)) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut before = "";
    for (at, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        found.extend(reference(path, at as u64 + 1, line, &edits(before, line, moves, instructs)));
        if !line.trim().is_empty() {
            before = line;
        }
    }
    Ok(found)
}

/// A link whose target is, or leads through, something that moves.
pub(crate) fn in_link(path: &RelPath, target: &[u8], moves: &Moves) -> Option<Reference> {
    let target = String::from_utf8_lossy(target);
    reference(path, 0, &target, &edits("", &target, moves, false))
}

fn reference(path: &RelPath, number: u64, line: &str, edits: &[Edit]) -> Option<Reference> {
    let first = edits.first()?;
    let window = window(line, first.at.start);
    let inside = |edit: &&Edit| edit.at.start >= window.start && edit.at.end <= window.end;
    let (mut becomes, mut end) = (String::new(), window.start);
    for edit in edits.iter().filter(inside) {
        if let Some(new) = &edit.new {
            becomes.push_str(&line[end..edit.at.start]);
            becomes.push_str(new);
            end = edit.at.end;
        }
    }
    becomes.push_str(&line[end..window.end]);
    let dots = |text: &str| {
        let (front, back) = (if window.start > 0 { "…" } else { "" }, if window.end < line.len() { "…" } else { "" });
        format!("{front}{text}{back}")
    };
    let text = &line[window.clone()];
    Some(Reference {
        path: path.clone(),
        path_base64: path.base64(),
        line: number,
        becomes: (becomes != text).then(|| dots(&becomes)),
        text: dots(text),
        names: edits.iter().map(|edit| edit.named.clone()).collect(),
    })
}

/// What is told of a line that may be long: all of it, or so much around a place.
fn window(line: &str, at: usize) -> std::ops::Range<usize> {
    if line.len() <= LINE {
        return 0..line.len();
    }
    let start = at.saturating_sub(BEFORE);
    let end = (start + LINE).min(line.len());
    let boundary = |mut at: usize| {
        while !line.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    boundary(start)..boundary(end)
}

#[cfg(test)]
mod tests;
