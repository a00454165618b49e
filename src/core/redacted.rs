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
    /// For a project and a home.
    pub(crate) fn new(project: &Path, home: &Path) -> Self {
        let mut places: Vec<(String, &'static str)> = [(project, "PROJECT"), (home, "~")]
            .into_iter()
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
        let words: Vec<String> = out.split(' ').map(word).collect();
        words.join(" ")
    }
}

/// A word without what is secret in it.
fn word(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    if let Some(at) =
        word.find(['=', ':']).filter(|at| SECRETS.iter().any(|s| lower.get(..*at).is_some_and(|name| name.contains(s))))
    {
        return format!("{}***", &word[..=at]);
    }
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
        let redact = Redact::new(Path::new("/home/ada/shop"), Path::new("/home/ada"));
        let text = "/home/ada/shop/.praxis-os from /home/ada/src OPENAI_API_KEY=sk-1 https://ada:pw@host/x token:abc";
        assert_eq!(redact.text(text), "PROJECT/.praxis-os from ~/src OPENAI_API_KEY=*** https://***@host/x token:***");
        let root = Redact::new(Path::new("/"), Path::new(""));
        assert_eq!(root.text("/a/b"), "/a/b");
    }
}
