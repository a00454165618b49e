//! What moves or goes, and what a line names of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::core::layout::editors_and_rules::RenamedTool;
use crate::core::path::RelPath;

/// What moves or goes, and under which names the rest of the project knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// Folders that are, or were, installs of this project, and where that is now.
    pub(crate) folders: BTreeMap<String, String>,
    /// The install's folder when all is done.
    pub(crate) install: String,
    /// Pages by their path in the install, and where they go; none for those that go altogether.
    pub(crate) pages: BTreeMap<Vec<u8>, Option<RelPath>>,
    /// Packages by name, and what each is replaced by.
    pub(crate) packages: BTreeMap<String, String>,
    /// The project has no code of its own of such a name, so an import means the install's.
    pub(crate) imports: bool,
    /// Tools that have another name.
    pub(crate) tools: Vec<RenamedTool>,
    /// What stands for a person's home.
    pub(crate) homes: Vec<String>,
}

impl Moves {
    /// Whether nothing moves, so that no file need be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.pages.is_empty() && self.packages.is_empty() && self.tools.is_empty()
    }

    /// Texts of which one stands in every file that names anything of this.
    pub(super) fn marks(&self) -> Vec<&str> {
        let folder = Some(self.install.as_str()).filter(|name| !name.is_empty() && !self.pages.is_empty());
        let names = self.folders.keys().chain(self.packages.keys()).map(String::as_str).chain(folder);
        names.chain(self.tools.iter().map(|tool| tool.from.as_str())).collect()
    }
}

/// What a line names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Named {
    /// `folder`, `page`, `package` or `tool`.
    pub(crate) kind: &'static str,
    /// As it stands there.
    pub(crate) name: String,
    /// What it is now; none if it is gone.
    pub(crate) now: Option<String>,
}
