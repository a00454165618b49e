//! `VERSION.txt`: what installers and upgrades note of the release.

/// The keys that they write.
const KEYS: [&[u8]; 3] = [b"version", b"version_updated", b"commit"];

/// Whether all that a text says is such a note: then nothing of anybody's goes with it.
pub(crate) fn is_record(text: &[u8]) -> bool {
    let key = |line: &[u8]| line.split(|b| *b == b'=').next().is_some_and(|key| KEYS.contains(&key));
    text.split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .all(|line| line.is_empty() || (line.contains(&b'=') && key(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_somebody_else_makes_it_more_than_a_record() {
        assert!(is_record(b"version=1.0\r\nversion_updated=2026-01-01\n\ncommit=abc\n"));
        assert!(!is_record(b"version=1.0\nour fork\n") && !is_record(b"version\n") && !is_record(b"\xe9=1\n"));
    }
}
