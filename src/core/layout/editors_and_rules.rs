//! What a project has of an install outside of its folder: how editors start the server, and which files tell people and
//! assistants about it. Data: `outside` and `editor_entry` in `assets/generations.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::core::path::RelPath;

/// Places in a project, besides the install, that speak of it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Outside {
    /// Files, and folders of files, that tell an assistant what to do. They are read also where git does not track them.
    pub(crate) rules: Vec<RelPath>,
    /// Texts for such files that releases ship.
    #[serde(default)]
    pub(crate) rule_texts: Vec<RuleText>,
    /// Settings of editors that may have an entry for the server.
    pub(crate) editors: Vec<EditorFile>,
    /// What stands for the project's folder in an entry.
    pub(crate) project_placeholders: Vec<String>,
    /// Keys of an entry that list tools which run without a question.
    pub(crate) approvals: Vec<String>,
    /// What stands for a person's home: an install's folder of that name there is no project's.
    pub(crate) homes: Vec<String>,
    /// Names of folders that are passed over where no git says which files are the project's.
    pub(crate) not_searched: Vec<String>,
}

/// A text that tells an assistant what to do, as a release ships it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct RuleText {
    /// Within the source.
    pub(crate) source: RelPath,
    /// Where a project has it.
    pub(crate) file: RelPath,
}

/// A settings file of an editor.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct EditorFile {
    /// Within the project.
    pub(crate) path: RelPath,
    /// The keys, from the outside in, of the object whose members are servers. The first that is there counts.
    pub(crate) servers: Vec<Vec<String>>,
    /// What people call the editor.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// How it is made to connect to the server anew.
    #[serde(default)]
    pub(crate) relaunch: Option<String>,
}

/// How editors start a generation's server.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct EditorEntry {
    /// What installers call it; people call it what they like.
    pub(crate) name: String,
    /// The program, within the install.
    pub(crate) interpreter: RelPath,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Its environment; `{install}` and `{project}` stand for the folders.
    pub(crate) environment: BTreeMap<String, String>,
    /// Modules behind `-m` that are this server, older names of it too.
    pub(crate) modules: Vec<String>,
    /// Files within the install that start it without `-m`.
    #[serde(default)]
    pub(crate) scripts: Vec<RelPath>,
    /// Tools that an installer lets run without a question.
    #[serde(default)]
    pub(crate) auto_approve: Vec<String>,
    /// Tools of earlier servers that this one has under another name.
    #[serde(default)]
    pub(crate) renamed_tools: Vec<RenamedTool>,
}

/// A tool that has another name now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RenamedTool {
    /// The old name.
    pub(crate) from: String,
    /// The tool that does it now.
    pub(crate) to: String,
    /// The argument that makes it do that, as a call has it; none where the name is all that differs.
    #[serde(default)]
    pub(crate) arguments: Option<String>,
    /// The name that the first argument of a call has now, where it stood there without one.
    #[serde(default)]
    pub(crate) first: Option<String>,
    /// It does the same and no more, so that who let the old one run without a question means this one too. The names of
    /// all others are words of everyday, and are only looked for where assistants are told what to do.
    #[serde(default)]
    pub(crate) equal: bool,
}
