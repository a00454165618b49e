//! Which source path lands where, and who owns it. The tables are data: `assets/generations.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::path::RelPath;
use outside::{EditorEntry, Outside};

pub mod outside;
pub mod roots;

/// All that the table says.
#[derive(Debug, Deserialize)]
pub struct Layouts {
    /// Oldest first.
    generations: Vec<Generation>,
    never_installed: Patterns,
    config_templates: Vec<Template>,
    own: Vec<RelPath>,
    ephemeral: Patterns,
    servers: BTreeMap<String, ServerLayout>,
    /// What speaks of an install outside of its folder.
    pub outside: Outside,
}

/// An age of praxis-os: where its releases keep what they ship, and how installs of it are laid out.
#[derive(Debug, Deserialize)]
pub struct Generation {
    /// Its name in plans.
    pub name: String,
    /// The folder of an install, within the project.
    pub folder: RelPath,
    /// Folders that its sources have. None for a generation that nothing is upgraded to any more: what its releases ship
    /// is installed as the next one has it.
    #[serde(default)]
    pub source_marks: Vec<RelPath>,
    /// The newest first.
    layouts: Vec<Layout>,
    server: String,
    /// How editors start its server.
    #[serde(default)]
    pub editor_entry: Option<EditorEntry>,
}

/// One way of laying an install out.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Layout {
    /// Its name in plans.
    pub name: String,
    marks: Vec<RelPath>,
    maps: Vec<Map>,
}

/// A folder of the source, and the folder of the install that it is copied to.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Map {
    source: RelPath,
    /// The root: the folder of the install.
    pub install: RelPath,
    /// Counts only where the install has the folder: some installers left it out.
    #[serde(default)]
    only_if_present: bool,
    #[serde(default)]
    server: bool,
}

/// A file, or a folder of files, that shows what the user's config of that path can say.
#[derive(Debug, Deserialize)]
struct Template {
    source: RelPath,
    install: RelPath,
}

#[derive(Debug, Default, Deserialize)]
struct Patterns {
    #[serde(default)]
    top: Vec<RelPath>,
    names: Vec<String>,
    suffixes: Vec<String>,
}

/// The server's place in the install and its launch command.
#[derive(Debug, Deserialize)]
pub struct ServerLayout {
    /// The package's folder.
    pub package: RelPath,
    /// Its requirements file.
    pub requirements: RelPath,
    /// Arguments for the venv's python.
    pub arguments: Vec<String>,
    /// Environment; `{install}` and `{project}` stand for the folders.
    pub environment: BTreeMap<String, String>,
    /// The argument whose successor says how it talks.
    pub transport_option: String,
    /// How one talks that we start: nobody holds its standard input.
    pub own_transport: String,
    /// Variables that say where its code is: lists of folders.
    pub code_environment: Vec<String>,
    /// Variables that name its project, or the install.
    pub project_environment: Vec<String>,
    /// Variables of ours that it must not get.
    pub dropped_environment: Vec<String>,
    /// Variables that are handed on from the server before, or from the editor's settings: none says what code is run.
    pub settings_environment: SettingNames,
    /// Where editors keep its launch command, relative to the project; the first that has one counts.
    pub editor_configs: Vec<RelPath>,
    /// Where it says that it runs.
    pub state_file: RelPath,
    /// The file whose presence makes it rebuild its index, unless the config moves the standards.
    pub rebuild_flag: RelPath,
    /// Its search index.
    pub index: IndexLayout,
}

/// Names of variables.
#[derive(Debug, Deserialize)]
pub struct SettingNames {
    names: Vec<String>,
    prefixes: Vec<String>,
    /// Those that name a file or a folder.
    paths: Vec<String>,
}

impl SettingNames {
    /// Whether a variable is one of them.
    pub fn has(&self, name: &str) -> bool {
        let listed = self.names.iter().chain(&self.paths).any(|n| n == name);
        listed || self.prefixes.iter().any(|p| name.starts_with(p.as_str()))
    }

    /// Whether its value names a file or a folder.
    pub fn is_path(&self, name: &str) -> bool {
        self.paths.iter().any(|n| n == name)
    }
}

impl ServerLayout {
    /// Variables of a running server that are kept over a restart.
    pub fn kept_environment(&self) -> impl Iterator<Item = &String> {
        self.code_environment.iter().chain(&self.project_environment)
    }
}

impl Patterns {
    fn matches(&self, path: &RelPath) -> bool {
        self.top.iter().any(|top| path.is_within(top))
            || path.parts().any(|part| self.names.iter().any(|n| n.as_bytes() == part))
            || self.suffixes.iter().any(|s| path.as_bytes().ends_with(s.as_bytes()))
    }
}

/// The embedded table.
pub fn layouts() -> &'static Layouts {
    static TABLE: LazyLock<Layouts> = LazyLock::new(|| {
        let text = include_str!("../../assets/generations.json");
        // Embedded at build time and read by a test: it can't be broken by input.
        #[allow(clippy::expect_used)]
        serde_json::from_str(text).expect("assets/generations.json is valid")
    });
    &TABLE
}

impl Generation {
    /// The layout of an install, by the folders it has; `exists` is asked for folders relative to it.
    pub fn detect(&self, exists: impl Fn(&RelPath) -> bool) -> Option<&Layout> {
        self.layouts.iter().find(|l| l.marks.iter().all(&exists))
    }

    /// The layout that upgrades lead to.
    pub fn newest(&self) -> &Layout {
        &self.layouts[0]
    }
}

impl Layouts {
    /// The generation that upgrades lead to.
    pub fn newest(&self) -> &Generation {
        let installed = self.generations.iter().rev().find(|g| !g.source_marks.is_empty());
        installed.unwrap_or(&self.generations[0])
    }

    /// The layout that upgrades lead to.
    pub fn target(&self) -> &Layout {
        self.newest().newest()
    }

    /// How the server is laid out and started.
    pub fn server(&self) -> &ServerLayout {
        &self.servers[&self.newest().server]
    }

    /// All generations, the oldest first.
    pub fn generations(&self) -> &[Generation] {
        &self.generations
    }

    /// The package's folder of a generation's server.
    pub fn package_of(&self, generation: &Generation) -> &RelPath {
        &self.servers[&generation.server].package
    }

    /// The generation of an install, by the name of its folder; the newest for a name that none has.
    pub fn generation_in(&self, folder: &[u8]) -> &Generation {
        self.generations.iter().rev().find(|g| g.folder.as_bytes() == folder).unwrap_or_else(|| self.newest())
    }

    /// The maps of all generations, those of the newest first. What several generations share stands there several times.
    pub fn maps(&self) -> impl Iterator<Item = &Map> {
        self.generations.iter().rev().flat_map(|g| &g.layouts).flat_map(|l| &l.maps)
    }

    /// Whether the installer leaves this source path out.
    pub fn never_installed(&self, source: &RelPath) -> bool {
        self.never_installed.matches(source)
    }

    /// Whether this install path is the user's own wherever releases may put files.
    pub fn is_own(&self, install: &RelPath) -> bool {
        self.own.iter().any(|own| install.is_within(own))
    }

    /// The user's config file that a source path is a template of. It is his own all the same: nothing installs it, and
    /// nothing is merged into it without his answer.
    pub fn config_path(&self, source: &RelPath) -> Option<RelPath> {
        let whole = |t: &Template| (t.source == *source).then(|| t.install.clone());
        let below = |t: &Template| t.install.join(source.strip(&t.source)?).ok();
        self.config_templates.iter().find_map(|t| whole(t).or_else(|| below(t)))
    }

    /// Whether a template can be meant for this install path.
    pub fn is_config(&self, install: &RelPath) -> bool {
        self.config_templates.iter().any(|t| install.is_within(&t.install))
    }

    /// Whether this install path can be made again: not backed up, not looked at.
    pub fn is_ephemeral(&self, install: &RelPath) -> bool {
        self.ephemeral.matches(install)
    }

    /// Whether some layout installs this source path, or it is the template of a config file.
    pub fn is_installable(&self, source: &RelPath) -> bool {
        self.maps().any(|m| source.strip(&m.source).is_some()) || self.config_path(source).is_some()
    }

    /// The top folders of the source that some layout installs from, in the order of the tables.
    pub fn source_tops(&self) -> Vec<RelPath> {
        let tops = self.maps().filter_map(|m| RelPath::new(m.source.parts().next()?).ok());
        tops.fold(Vec::new(), |mut all, top| {
            if !all.contains(&top) {
                all.push(top);
            }
            all
        })
    }

    /// Folders of an install in which some layout puts files.
    pub fn managed_folders(&self) -> impl Iterator<Item = &RelPath> {
        self.maps().map(|m| &m.install)
    }
}

impl Map {
    /// Where a source path lands; none if it isn't installed from here.
    pub fn place(&self, source: &RelPath) -> Option<RelPath> {
        if layouts().never_installed(source) || layouts().config_path(source).is_some() {
            return None;
        }
        let path = self.install.join(source.strip(&self.source)?).ok()?;
        (!layouts().is_own(&path)).then_some(path)
    }
}

impl Layout {
    /// Where a source path lands; none if it isn't installed. `present` tells whether the install has a folder.
    pub fn install_path(&self, source: &RelPath, present: impl Fn(&RelPath) -> bool) -> Option<RelPath> {
        if layouts().never_installed(source) {
            return None;
        }
        if let Some(config) = layouts().config_path(source) {
            return Some(config);
        }
        let map = self.maps.iter().find(|m| source.strip(&m.source).is_some())?;
        if map.only_if_present && !present(&map.install) {
            return None;
        }
        map.place(source)
    }

    /// Its maps.
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// Folders of the install in which managed paths can stand.
    pub fn install_folders(&self) -> impl Iterator<Item = &RelPath> {
        self.maps.iter().map(|m| &m.install)
    }

    /// Whether an install path belongs to the server (phase 3) rather than the content (phase 2).
    pub fn is_server(&self, install: &RelPath) -> bool {
        self.maps.iter().any(|m| m.server && install.is_within(&m.install))
    }
}

/// How the index is laid out: the table `index` in `assets/generations.json`.
#[derive(Debug, Deserialize)]
pub struct IndexLayout {
    /// Its folder, unless the config names another one.
    pub folder: RelPath,
    /// The note's name in that folder.
    pub note: RelPath,
    /// The note's key for when the index was built.
    pub built: String,
    /// The note's key for the times of the files in it.
    pub times: String,
    /// The config file, which is relative to the install; paths in it are relative to the project.
    pub config: RelPath,
    /// Its keys for the folder of the standards, from the outside in.
    pub standards_keys: Vec<String>,
    /// Those for the folder of the index.
    pub folder_keys: Vec<String>,
    /// What ends the names of the files that are in the index.
    pub pages: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    #[test]
    fn current_layout_maps_as_documented() {
        let current = layouts().target();
        let to = |source: &str| current.install_path(&rel(source), |_| false).map(|p| p.to_string());
        assert_eq!(to("universal/standards/a/b.md").as_deref(), Some("standards/universal/a/b.md"));
        assert_eq!(to("universal/workflows/w/metadata.json").as_deref(), Some("workflows/w/metadata.json"));
        assert_eq!(to("mcp_server/core/x.py").as_deref(), Some("mcp_server/core/x.py"));
        assert_eq!(to("scripts/x.py").as_deref(), Some("scripts/x.py"));
        assert_eq!(to("universal/templates/t.md"), None, "the installer does not install it");
        assert_eq!(to("universal/usage/u.md"), None, "gone, unless the install has the folder");
        assert_eq!(to("mcp_server/__pycache__/x.cpython-311.pyc"), None);
        assert_eq!(to("mcp_server/.cursor/mcp.json"), None);
        assert_eq!(to("universal/templates/config.json").as_deref(), Some("config.json"), "what can be merged into it");
        assert_eq!(to("universal/templates/config/a/b.yaml").as_deref(), Some("config/a/b.yaml"));
        assert!(current.is_server(&rel("mcp_server/a.py")) && !current.is_server(&rel("scripts/a.py")));
    }

    #[test]
    fn each_generation_has_what_it_names() {
        for generation in &layouts().generations {
            assert!(layouts().servers.contains_key(&generation.server), "{}", generation.name);
            assert!(!generation.layouts.is_empty(), "{}", generation.name);
        }
    }

    #[test]
    fn layouts_are_told_apart_by_their_folders() {
        let has = |folders: &'static [&'static str]| move |p: &RelPath| folders.contains(&p.to_str().unwrap());
        let newest = layouts().newest();
        assert_eq!(newest.detect(has(&["standards", "standards/universal"])).unwrap().name, "current");
        assert_eq!(newest.detect(has(&["standards"])).unwrap().name, "legacy");
        assert!(newest.detect(has(&[])).is_none());
    }

    #[test]
    fn the_users_own_and_the_ephemeral() {
        assert!(layouts().is_own(&rel("config.json")) && layouts().is_own(&rel("standards/development/x.md")));
        assert!(layouts().is_ephemeral(&rel("venv/bin/python")) && layouts().is_ephemeral(&rel("a/__pycache__/b")));
        assert!(!layouts().is_ephemeral(&rel("standards/universal/venv.md")));
    }
}
