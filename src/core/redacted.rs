//! What may go into a bug report: no path of the user's, no secret.

use std::path::Path;

/// Names behind which a secret stands.
const SECRETS: [&str; 8] = ["token", "secret", "password", "passwd", "api_key", "apikey", "api-key", "authorization"];

/// Replaces what is the user's own.
#[derive(Debug, Clone)]
pub(crate) struct Redact {
    /// What is replaced by what, the longest first.
    places: Vec<(String, &'static str)>,
}

impl Redact {
    /// For a project and a home, by all its names.
    pub(crate) fn new(project: &Path, homes: &[&Path]) -> Self {
        let homes = homes.iter().map(|home| (*home, "~"));
        let mut places: Vec<(String, &'static str)> = std::iter::once((project, "PROJECT"))
            .chain(homes)
            .map(|(path, name)| (path.to_string_lossy().into_owned(), name))
            // Of "/" everything would be a part.
            .filter(|(path, _)| path.len() > 1)
            .collect();
        places.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self { places }
    }

    /// A text without them.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (path, name) in &self.places {
            out = out.replace(path, name);
        }
        let lines: Vec<String> = out.split('\n').map(line).collect();
        lines.join("\n")
    }
}

/// A line without what is secret in it: all behind the name of a secret, since nobody can tell where it ends.
fn line(line: &str) -> String {
    let (open, cut) = match secret(line) {
        Some(at) => (&line[..at], "***"),
        None => (line, ""),
    };
    let words: Vec<String> = open.split(' ').map(word).collect();
    words.join(" ") + cut
}

/// Where a secret begins: behind `NAME=`, `NAME:` or `--NAME `.
fn secret(line: &str) -> Option<usize> {
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        SECRETS.iter().any(|s| name.contains(s))
    };
    let name_before = |at: usize| {
        let before = line[..at].trim_end();
        let begin = before.rfind(|c: char| c.is_whitespace() || "?&;,=:/{(".contains(c)).map_or(0, |i| i + 1);
        // What parts words may be longer than a byte.
        before.get(begin..).unwrap_or(before)
    };
    let found = line.match_indices(['=', ':', ' ']).find(|(at, by)| {
        let name = name_before(*at);
        is_secret(name) && (*by != " " || name.starts_with('-'))
    });
    found.map(|(at, by)| at + by.len())
}

/// A word without what is secret in it.
fn word(word: &str) -> String {
    // https://name:secret@host
    if let (Some(start), Some(end)) = (word.find("://"), word.rfind('@'))
        && start + 3 < end
    {
        return format!("{}***{}", &word[..start + 3], &word[end..]);
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_and_secrets_are_not_told() {
        let redact = Redact::new(Path::new("/home/ada/shop"), &[Path::new("/home/ada"), Path::new("/mnt/ada")]);
        let text =
            "/home/ada/shop/.praxis-os from /home/ada/src https://ada:pw@host/x OPENAI_API_KEY=sk-1 and more\nnext";
        assert_eq!(redact.text(text), "PROJECT/.praxis-os from ~/src https://***@host/x OPENAI_API_KEY=***\nnext");
        for (text, told) in [
            ("/mnt/ada/x", "~/x"),
            ("Authorization: Bearer abc", "Authorization:***"),
            ("a password : x y", "a password :***"),
            ("run --token x", "run --token ***"),
            ("https://host/x?a=b&token=abc&c", "https://host/x?a=b&token=***"),
            ("\"api_key\": \"x\"", "\"api_key\":***"),
            ("a\u{3000}token=x", "a\u{3000}token=***"),
            ("no token here: nothing", "no token here: nothing"),
        ] {
            assert_eq!(redact.text(text), told);
        }
        let root = Redact::new(Path::new("/"), &[Path::new("")]);
        assert_eq!(root.text("/a/b"), "/a/b");
    }
}
