//! Which changed lines stand for each other, and which of their words differ.

use similar::{ChangeTag, TextDiff};

use crate::tui::text;

/// Lines that stand for each other on the two sides, by position and in order: those that have most in common. Beyond a
/// size where that would take long, one after the other.
pub fn alike(own: &[&[u8]], other: &[&[u8]]) -> Vec<(usize, usize)> {
    let (n, m) = (own.len(), other.len());
    if n == 0 || m == 0 || n * m > 900 {
        return if n == m { (0..n).map(|k| (k, k)).collect() } else { Vec::new() };
    }
    // What two lines have in common, in thousandths; none below a half.
    let score = |a: &[u8], b: &[u8]| -> u32 {
        if a.len().max(b.len()) > 400 {
            return u32::from(a == b) * 1000;
        }
        let ratio = TextDiff::from_words(a, b).ratio();
        if ratio < 0.4 { 0 } else { (ratio * 1000.0) as u32 }
    };
    let scores: Vec<u32> = own.iter().flat_map(|a| other.iter().map(move |b| score(a, b))).collect();
    let mut best = vec![0u32; (n + 1) * (m + 1)];
    let at = |i: usize, j: usize| i * (m + 1) + j;
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            let both = match scores[i * m + j] {
                0 => 0,
                s => s + best[at(i + 1, j + 1)],
            };
            best[at(i, j)] = both.max(best[at(i + 1, j)]).max(best[at(i, j + 1)]);
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < n && j < m {
        let s = scores[i * m + j];
        if s > 0 && best[at(i, j)] == s + best[at(i + 1, j + 1)] {
            out.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[at(i, j)] == best[at(i + 1, j)] {
            i += 1;
        } else {
            j += 1;
        }
    }
    out
}

/// The pieces of `own`, `true` for words that `other` hasn't. Lines that share little are left plain.
pub fn words(own: &[u8], other: &[u8]) -> Vec<(bool, String)> {
    let plain = || vec![(false, text::visible(own, false))];
    if own.len().max(other.len()) > 2_000 {
        return plain();
    }
    let (own_text, other_text) = (text::visible(own, false), text::visible(other, false));
    let diff = TextDiff::from_unicode_words(other_text.as_str(), own_text.as_str());
    if diff.ratio() < 0.5 {
        return plain();
    }
    let mut out: Vec<(bool, String)> = Vec::new();
    for change in diff.iter_all_changes().filter(|c| c.tag() != ChangeTag::Delete) {
        let marked = change.tag() == ChangeTag::Insert;
        match out.last_mut() {
            Some(last) if last.0 == marked => last.1.push_str(change.value()),
            _ => out.push((marked, change.value().to_owned())),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_alike_stand_for_each_other() {
        let own: [&[u8]; 2] = [b"all of it new", b"- `git log`, `git blame`"];
        let other: [&[u8]; 1] = [b"- `git log`, `git show`"];
        assert_eq!(alike(&own, &other), [(1, 0)]);
        assert_eq!(alike(&other, &own), [(0, 1)]);
    }
}
