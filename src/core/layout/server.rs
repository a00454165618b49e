//! How a server is laid out in an install, started, and known: the table `servers` in `assets/generations.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::core::path::RelPath;

/// The server's place in the install and its launch command.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct ServerLayout {
    /// The package's folder.
    pub(crate) package: RelPath,
    /// Its requirements file.
    pub(crate) requirements: RelPath,
    /// Arguments for the venv's python.
    pub(crate) arguments: Vec<String>,
    /// Environment; `{install}` and `{project}` stand for the folders.
    pub(crate) environment: BTreeMap<String, String>,
    /// The argument whose successor says how it talks.
    pub(crate) transport_option: String,
    /// How one talks that we start: nobody holds its standard input.
    pub(crate) own_transport: String,
    /// Variables that say where its code is: lists of folders.
    pub(crate) code_environment: Vec<String>,
    /// Variables that name its project, or the install.
    pub(crate) project_environment: Vec<String>,
    /// Variables of ours that it must not get.
    pub(crate) dropped_environment: Vec<String>,
    /// Variables that are handed on from the server before, or from the editor's settings: none says what code is run.
    pub(crate) settings_environment: SettingNames,
    /// Where editors keep its launch command, relative to the project; the first that has one counts.
    pub(crate) editor_configs: Vec<RelPath>,
    /// Where it says that it runs.
    pub(crate) state_file: RelPath,
    /// The file whose presence makes it rebuild its index, unless the config moves the standards; none for a server that
    /// takes no such orders.
    #[serde(default)]
    pub(crate) rebuild_flag: Option<RelPath>,
    /// The folder of the standards, unless the config moves them.
    pub(crate) standards: RelPath,
    /// Where it keeps the sessions of workflows.
    pub(crate) sessions: RelPath,
    /// Its folders within that, for a server that keeps sessions by how they stand, in a format that allows no other keys;
    /// none for one that reads our own state file.
    #[serde(default)]
    pub(crate) session_folders: Option<SessionFolders>,
    /// Only one can run in a project: another one ends at once.
    #[serde(default)]
    pub(crate) single: bool,
    /// The oldest Python that can run all of it: major and minor version. None where every Python still in use does.
    #[serde(default)]
    pub(crate) minimum_python: Option<(u8, u8)>,
    /// Its search index.
    pub(crate) index: IndexLayout,
}

/// Where a server keeps sessions by how they stand.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SessionFolders {
    /// Those that go on.
    pub(crate) active: RelPath,
    /// Those that are done.
    pub(crate) completed: RelPath,
    /// Those that failed.
    pub(crate) failed: RelPath,
}

impl SessionFolders {
    /// All of them.
    pub(crate) fn all(&self) -> [&RelPath; 3] {
        [&self.active, &self.completed, &self.failed]
    }
}

/// Names of variables.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SettingNames {
    names: Vec<String>,
    prefixes: Vec<String>,
    /// Those that name a file or a folder.
    paths: Vec<String>,
}

impl SettingNames {
    /// Whether a variable is one of them.
    pub(crate) fn has(&self, name: &str) -> bool {
        let listed = self.names.iter().chain(&self.paths).any(|n| n == name);
        listed || self.prefixes.iter().any(|p| name.starts_with(p.as_str()))
    }

    /// Whether its value names a file or a folder.
    pub(crate) fn is_path(&self, name: &str) -> bool {
        self.paths.iter().any(|n| n == name)
    }
}

impl ServerLayout {
    /// Variables of a running server that are kept over a restart.
    pub(crate) fn kept_environment(&self) -> impl Iterator<Item = &String> {
        self.code_environment.iter().chain(&self.project_environment)
    }
}

/// How the index is laid out: the table `index` in `assets/generations.json`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct IndexLayout {
    /// The folder in which all of it stands, unless the config names another one.
    pub(crate) folder: RelPath,
    /// The parts of it that the server builds one by one, in that folder; none for an index that is one.
    #[serde(default)]
    pub(crate) parts: Vec<RelPath>,
    /// By what the server tells whether it is current; none for a server that never asks.
    #[serde(default)]
    pub(crate) note: Option<IndexNote>,
    /// The config file, which is relative to the install; paths in it are relative to the project.
    pub(crate) config: RelPath,
    /// Its keys for the folder of the standards, from the outside in.
    pub(crate) standards_keys: Vec<String>,
    /// Those for the folder of the index.
    pub(crate) folder_keys: Vec<String>,
    /// What ends the names of the files that are in the index.
    pub(crate) pages: String,
}

/// The note in an index.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct IndexNote {
    /// Its name in the folder of the index.
    pub(crate) name: RelPath,
    /// Its key for when the index was built.
    pub(crate) built: String,
    /// Its key for the times of the files in it.
    pub(crate) times: String,
}
