//! Faults that tests plant, to see that they are found out: a file of the user's that goes, a line that a merge loses, a bug.
//!
//! In builds with debug assertions `POS_LOSE=PATH` takes away the file at this path of the install when a journal was carried
//! out, `POS_LOSE_LINE=TEXT` takes lines with this text out of every text before it is staged, and `POS_BUG=N` is a bug at the
//! beginning of phase N. In release builds there is nothing of it.

use std::path::Path;

/// Takes the file away that is to be lost, where one is planted.
#[cfg(debug_assertions)]
pub(crate) fn lose(install: &Path) {
    if let Some(path) = std::env::var_os("POS_LOSE") {
        let _ = std::fs::remove_file(install.join(path));
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn lose(_: &Path) {}

/// The text without the lines that are to be lost, where such are planted.
#[cfg(debug_assertions)]
pub(crate) fn without_lines(text: Vec<u8>) -> Vec<u8> {
    let Ok(wanted) = std::env::var("POS_LOSE_LINE") else { return text };
    let has = |line: &&[u8]| !line.windows(wanted.len().max(1)).any(|part| part == wanted.as_bytes());
    text.split_inclusive(|b| *b == b'\n').filter(has).collect::<Vec<_>>().concat()
}

/// The text as it is.
#[cfg(not(debug_assertions))]
pub(crate) fn without_lines(text: Vec<u8>) -> Vec<u8> {
    text
}

/// Panics where a bug is planted.
#[cfg(debug_assertions)]
pub(crate) fn bug(phase: u8) {
    let is_planted = std::env::var("POS_BUG").is_ok_and(|planted| planted == phase.to_string());
    assert!(!is_planted, "it was planted");
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn bug(_: u8) {}
