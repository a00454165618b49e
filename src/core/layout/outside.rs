//! What a project has of an install outside of its folder: how editors start the server, and which files tell people and
//! assistants about it. Data: `outside` and `editor_entry` in `assets/generations.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::core::path::RelPath;

/// Places in a project, besides the install, that speak of it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Outside {
    /// Files, and folders of files, that tell an assistant what to do. They are read also where git does not track them.
    pub rules: Vec<RelPath>,
    /// Texts for such files that releases ship.
    #[serde(default)]
    pub rule_texts: Vec<RuleText>,
    /// Settings of editors that may have an entry for the server.
    pub editors: Vec<EditorFile>,
    /// What stands for the project's folder in an entry.
    pub project_placeholders: Vec<String>,
    /// Keys of an entry that list tools which run without a question.
    pub approvals: Vec<String>,
    /// What stands for a person's home: an install's folder of that name there is no project's.
    pub homes: Vec<String>,
    /// Names of folders that are passed over where no git says which files are the project's.
    pub not_searched: Vec<String>,
}

/// A text that tells an assistant what to do, as a release ships it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct RuleText {
    /// Within the source.
    pub source: RelPath,
    /// Where a project has it.
    pub file: RelPath,
}

/// A settings file of an editor.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct EditorFile {
    /// Within the project.
    pub path: RelPath,
    /// The keys, from the outside in, of the object whose members are servers. The first that is there counts.
    pub servers: Vec<Vec<String>>,
}

/// How editors start a generation's server.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct EditorEntry {
    /// What installers call it; people call it what they like.
    pub name: String,
    /// The program, within the install.
    pub interpreter: RelPath,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment; `{install}` and `{project}` stand for the folders.
    pub environment: BTreeMap<String, String>,
    /// Modules behind `-m` that are this server, older names of it too.
    pub modules: Vec<String>,
    /// Files within the install that start it without `-m`.
    #[serde(default)]
    pub scripts: Vec<RelPath>,
    /// Tools that an installer lets run without a question.
    #[serde(default)]
    pub auto_approve: Vec<String>,
    /// Tools of earlier servers that this one has under another name.
    #[serde(default)]
    pub renamed_tools: Vec<RenamedTool>,
}

/// A tool that has another name now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RenamedTool {
    /// The old name.
    pub from: String,
    /// The tool that does it now.
    pub to: String,
    /// The argument that makes it do that, as a call has it; none where the name is all that differs.
    #[serde(default)]
    pub arguments: Option<String>,
    /// The name that the first argument of a call has now, where it stood there without one.
    #[serde(default)]
    pub first: Option<String>,
    /// It does the same and no more, so that who let the old one run without a question means this one too. The names of
    /// all others are words of everyday, and are only looked for where assistants are told what to do.
    #[serde(default)]
    pub equal: bool,
}
