//! Something that lies about in an install or beside it, and should be known before an upgrade.

use std::path::Path;

use serde::Serialize;

use crate::core::os_text::{self, quoted};
use crate::core::visible;

/// Something that was left, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Leftover {
    /// `template`, `copy`, `note`, `backup`, `lock` or `session`.
    pub(crate) kind: &'static str,
    /// Where it is; lossy where the path is not UTF-8.
    pub(crate) path: String,
    /// The path's bytes, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_base64: Option<String>,
    /// What it is, in words that follow its path.
    pub(crate) what: String,
    /// What to do: a command to type where there is one.
    pub(crate) next: Option<String>,
    /// Nothing is lost with it.
    pub(crate) removable: bool,
}

impl Leftover {
    /// What lies at a path, of a kind and in words that follow the path.
    pub(crate) fn new(kind: &'static str, path: &Path, what: impl Into<String>) -> Self {
        let (text, path_base64) = (path.to_string_lossy().into_owned(), os_text::base64(path));
        Self { kind, path: text, path_base64, what: what.into(), next: None, removable: false }
    }

    /// The same for what can go: a command says how.
    pub(crate) fn removable(self, path: &Path) -> Self {
        Self { next: Some(format!("rm {}", quoted(path))), removable: true, ..self }
    }

    /// In a sentence for people.
    pub(crate) fn describe(&self) -> String {
        let next = self.next.as_ref().map(|next| format!("; {next}")).unwrap_or_default();
        format!("{}: {}{next}", visible::line(&self.path), self.what)
    }
}
