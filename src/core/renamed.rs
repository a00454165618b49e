//! A folder's new name in texts that name the folder.

/// A text with the name of a folder replaced by another one, wherever it stands as a whole part of a path: `.a/x` and
/// `/p/.a`, but neither `my.a/x` nor `.a.old` or `.a-tool`.
pub(crate) fn renamed(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if is_here(text, at, from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

/// Whether a text names a folder as a whole part of a path.
pub(crate) fn names(text: &[u8], folder: &[u8]) -> bool {
    (0..text.len()).any(|at| is_here(text, at, folder))
}

fn is_here(text: &[u8], at: usize, name: &[u8]) -> bool {
    let of_a_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || !b.is_ascii();
    let is_free = |beside: Option<&u8>| !beside.is_some_and(of_a_name);
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    !name.is_empty() && text[at..].starts_with(name) && is_free(before) && is_free(text.get(at + name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_parts_of_paths_are_renamed() {
        let text = |t: &str| String::from_utf8(renamed(t.as_bytes(), b".a", b".bc")).unwrap();
        for (from, to) in [
            (".a", ".bc"),
            (".a/x:/p/.a:.a", ".bc/x:/p/.bc:.bc"),
            ("\"./.a/\"", "\"./.bc/\""),
            ("my.a/x .a.old .a-tool .ab ..a é.a", "my.a/x .a.old .a-tool .ab ..a é.a"),
        ] {
            assert_eq!(text(from), to);
            assert_eq!(names(from.as_bytes(), b".a"), from != to);
        }
    }
}
