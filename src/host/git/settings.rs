//! What git's settings say, as a list. Reading them starts nothing; only the few that are named here and there are used.

use std::path::{Path, PathBuf};

use crate::host::git::command::{finish, git_for_settings};
use crate::host::git::error::GitError;

/// Settings in the order in which git reads them: the last one of a key counts.
#[derive(Debug, Default)]
pub(super) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Those that hold in a repository: the system's, the user's and its own.
    pub(crate) fn of_repository(path: &Path) -> Result<Self, GitError> {
        let mut command = git_for_settings(path);
        finish(path, "config", command.args(["config", "--list", "-z"])).map(|out| Self::parse(&out))
    }

    /// The system's and the user's, without those of any repository.
    pub(crate) fn of_user(home: &Path) -> Result<Self, GitError> {
        let mut all = Self::default();
        for scope in ["--system", "--global"] {
            let mut command = git_for_settings(home);
            // A file that isn't there is an error to git, and none here.
            let out = finish(home, "config", command.args(["config", scope, "--includes", "--list", "-z"]));
            all.0.extend(out.map(|out| Self::parse(&out).0).unwrap_or_default());
        }
        Ok(all)
    }

    fn parse(out: &[u8]) -> Self {
        let entry = |entry: &[u8]| {
            let text = String::from_utf8_lossy(entry).into_owned();
            // A key without a value means yes.
            text.split_once('\n').map_or_else(|| (text.clone(), "true".to_owned()), |(k, v)| (k.into(), v.into()))
        };
        Self(out.split(|b| *b == 0).filter(|e| !e.is_empty()).map(entry).collect())
    }

    /// The last value of a key, which git prints with section and name in small letters.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// All settings, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The last value of a key that names a file, with `~/` led to the user's home.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        let value = self.get(key)?;
        match (value.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Some(PathBuf::from(home).join(rest)),
            _ => Some(PathBuf::from(value)),
        }
    }

    /// The text of a settings file that holds those of these whose key `wanted` likes.
    pub(crate) fn written(&self, wanted: impl Fn(&str) -> bool) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = String::new();
        for (key, value) in self.iter().filter(|(key, _)| wanted(key) && !key.contains('\n')) {
            let (Some(first), Some(last)) = (key.find('.'), key.rfind('.')) else { continue };
            let section = match key.get(first + 1..last) {
                Some(inner) if first < last => format!("[{} \"{}\"]", &key[..first], quoted(inner)),
                _ => format!("[{}]", &key[..first]),
            };
            let value = quoted(value).replace('\n', "\\n").replace('\t', "\\t");
            text.push_str(&format!("{section}\n\t{} = \"{value}\"\n", &key[last + 1..]));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_written() {
        let out = b"core.eol\nlf\0url.a.b \"c\".insteadof\nx\\\ty\n\0core.bare\0core.eol\ncrlf\0";
        let settings = Settings::parse(out);
        assert_eq!((settings.get("core.eol"), settings.get("core.bare")), (Some("crlf"), Some("true")));
        let text = settings.written(|key| key.starts_with("url."));
        assert_eq!(text, "[url \"a.b \\\"c\\\"\"]\n\tinsteadof = \"x\\\\\\ty\\n\"\n");
    }
}
