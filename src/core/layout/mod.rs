//! Which source path lands where, and who owns it. The tables are data: `assets/generations.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::path::RelPath;
use editors_and_rules::{EditorEntry, Outside};
use leftovers::Leftovers;

pub(crate) mod editors_and_rules;
pub(crate) mod leftovers;
pub(crate) mod pages;
pub(crate) mod roots;
pub(crate) mod server;

pub(crate) use server::{IndexNote, ServerLayout};

/// All that the table says.
#[derive(Debug, Deserialize)]
pub struct Layouts {
    /// Oldest first.
    pub generations: Vec<Generation>,
    /// Where the public repository is, for who has no clone.
    pub(crate) source_address: String,
    /// Other places in a source where pages can stand.
    source_forms: Vec<Form>,
    never_installed: Patterns,
    config_templates: Vec<Template>,
    own: Vec<RelPath>,
    ephemeral: Patterns,
    servers: BTreeMap<String, ServerLayout>,
    /// What speaks of an install outside of its folder.
    pub outside: Outside,
    /// What other ways of upgrading leave behind.
    pub leftovers: Leftovers,
}

/// An age of praxis-os: where its releases keep what they ship, and how installs of it are laid out.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Generation {
    /// Its name in plans.
    pub name: String,
    /// The folder of an install, within the project.
    pub folder: RelPath,
    /// Folders that its sources have: all of one list. None for a generation that nothing is upgraded to any more: what
    /// its releases ship is installed as the next one has it.
    #[serde(default)]
    pub(crate) source_marks: Vec<Vec<RelPath>>,
    /// Config without which its server does not start: made from the release's template where there is none.
    #[serde(default)]
    required_config: Vec<RelPath>,
    /// How its installs are laid out, the newest first.
    pub layouts: Vec<Layout>,
    server: String,
    /// How editors start its server.
    #[serde(default)]
    pub(crate) editor_entry: Option<EditorEntry>,
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
    /// The folder of the source.
    pub source: RelPath,
    /// The root: the folder of the install.
    pub install: RelPath,
    /// Counts only where the install has the folder: some installers left it out.
    #[serde(default)]
    only_if_present: bool,
    #[serde(default)]
    server: bool,
}

/// A folder of a source that has pages under another name.
#[derive(Debug, Deserialize)]
struct Form {
    source: RelPath,
    page: RelPath,
    /// Where a commit has this folder, it has all pages: what stands under the pages' own name is left over.
    #[serde(default)]
    instead: bool,
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
        let text = include_str!("../../../assets/generations.json");
        // Embedded at build time and read by a test: it can't be broken by input.
        #[allow(clippy::expect_used)]
        serde_json::from_str(text).expect("assets/generations.json is valid")
    });
    &TABLE
}

impl Generation {
    /// The layout of an install, by the folders it has; `exists` is asked for folders relative to it.
    pub(crate) fn detect(&self, exists: impl Fn(&RelPath) -> bool) -> Option<&Layout> {
        self.layouts.iter().find(|l| l.marks.iter().all(&exists))
    }

    /// The layout that upgrades lead to.
    pub fn newest(&self) -> &Layout {
        &self.layouts[0]
    }

    /// How its server is laid out and started.
    pub fn server(&self) -> &'static ServerLayout {
        &layouts().servers[&self.server]
    }

    /// The config files without which its server does not start.
    pub(crate) fn required_config(&self) -> &[RelPath] {
        &self.required_config
    }

    /// Whether its server does not start without this config file.
    pub fn requires(&self, install: &RelPath) -> bool {
        self.required_config.contains(install)
    }

    /// Whether it came before another one.
    pub(crate) fn is_before(&self, other: &Generation) -> bool {
        let at = |one: &Generation| layouts().generations.iter().position(|g| g.name == one.name);
        at(self) < at(other)
    }
}

impl Layouts {
    /// The generation of this name.
    pub fn generation(&self, name: &str) -> Option<&Generation> {
        self.generations.iter().find(|g| g.name == name)
    }

    /// The generations that something is upgraded to, the newest first.
    pub fn targets(&self) -> impl Iterator<Item = &Generation> {
        self.generations.iter().rev().filter(|g| !g.source_marks.is_empty())
    }

    /// The newest generation that something is upgraded to.
    pub fn newest(&self) -> &Generation {
        self.targets().next().unwrap_or(&self.generations[0])
    }

    /// The generation of a source: the newest whose marks it has. `has` is asked for folders.
    pub(crate) fn generation_of_source(&self, has: impl Fn(&RelPath) -> bool) -> Option<&Generation> {
        self.targets().find(|g| g.source_marks.iter().any(|marks| marks.iter().all(&has)))
    }

    /// The oldest generation that something is upgraded to: what a source without any marks is taken for.
    pub fn first_target(&self) -> &Generation {
        self.targets().last().unwrap_or(&self.generations[0])
    }

    /// What marks sources, for people: one text for each form that they can have.
    pub(crate) fn marks_in_words(&self) -> String {
        let form = |marks: &Vec<RelPath>| marks.iter().map(|m| format!("{m}/")).collect::<Vec<_>>().join(" and ");
        let mut forms: Vec<String> = self.targets().flat_map(|g| &g.source_marks).map(form).collect();
        forms.reverse();
        forms.join(", no ")
    }

    /// How the server is laid out and started that this program runs: that of the newest generation whose server tells
    /// by a note whether its index is current.
    pub fn server(&self) -> &ServerLayout {
        let noted = self.generations.iter().rev().find(|g| self.servers[&g.server].index.note.is_some());
        &self.servers[&noted.unwrap_or(&self.generations[0]).server]
    }

    /// The servers that installs have, that of the newest generation first.
    pub fn servers(&self) -> impl Iterator<Item = &ServerLayout> {
        let mut names: Vec<&String> = Vec::new();
        for generation in self.generations.iter().rev() {
            if !names.contains(&&generation.server) {
                names.push(&generation.server);
            }
        }
        names.into_iter().filter_map(|name| self.servers.get(name))
    }

    /// The generation and the layout of an install, by the name of its folder and the folders in it, for which `exists`
    /// is asked: the newest that fits. A folder of another name is taken for one of the newest generation's name.
    pub fn installed(&self, folder: &[u8], exists: impl Fn(&RelPath) -> bool) -> Option<(&Generation, &Layout)> {
        let newest = self.generations.last()?;
        let known = self.generations.iter().any(|g| g.folder.as_bytes() == folder);
        let folder = if known { folder } else { newest.folder.as_bytes() };
        let named = self.generations.iter().rev().filter(|g| g.folder.as_bytes() == folder);
        named.into_iter().find_map(|g| Some((g, g.detect(&exists)?)))
    }

    /// Whether the installers of all generations before this one install what a map does.
    fn always_mapped(&self, generation: &Generation, map: &Map) -> bool {
        let before = self.generations.iter().take_while(|g| g.name != generation.name);
        before.into_iter().all(|g| g.layouts.iter().any(|l| l.maps.iter().any(|m| m.is(map))))
    }

    /// Whether an install path belongs to some generation's server (phase 3) rather than the content (phase 2).
    pub(crate) fn is_server(&self, install: &RelPath) -> bool {
        self.maps().any(|m| m.server && install.is_within(&m.install))
    }

    /// Whether two source paths belong to the servers of different generations: no file of the one is a file of the
    /// other, however alike they are.
    pub(crate) fn other_server(&self, one: &RelPath, other: &RelPath) -> bool {
        let root = |path: &RelPath| self.maps().find(|m| m.server && path.is_within(&m.source)).map(|m| &m.install);
        matches!((root(one), root(other)), (Some(one), Some(other)) if one != other)
    }

    /// The names that installs' folders have, that of the newest generation first.
    pub fn folders(&self) -> Vec<&RelPath> {
        let newest_first = self.generations.iter().rev().map(|g| &g.folder);
        newest_first.fold(Vec::new(), |mut all, name| {
            if !all.contains(&name) {
                all.push(name);
            }
            all
        })
    }

    /// The path in a source whose file is installed at a path, by the newest layout that has it.
    pub(crate) fn source_of(&self, install: &RelPath) -> Option<RelPath> {
        self.maps().find_map(|m| m.source.join(install.strip(&m.install)?).ok())
    }

    /// The maps of all generations, those of the newest first. What several generations share stands there several times.
    pub fn maps(&self) -> impl Iterator<Item = &Map> {
        self.generations.iter().rev().flat_map(|g| &g.layouts).flat_map(|l| &l.maps)
    }

    /// Whether the installer leaves this source path out.
    pub(crate) fn never_installed(&self, source: &RelPath) -> bool {
        self.never_installed.matches(source)
    }

    /// Whether this install path is the user's own wherever releases may put files.
    pub(crate) fn is_own(&self, install: &RelPath) -> bool {
        self.own.iter().any(|own| install.is_within(own))
    }

    /// The user's config file that a source path is a template of. It is his own all the same: nothing installs it, and
    /// nothing is merged into it without his answer.
    pub(crate) fn config_path(&self, source: &RelPath) -> Option<RelPath> {
        let whole = |t: &Template| (t.source == *source).then(|| t.install.clone());
        let below = |t: &Template| t.install.join(source.strip(&t.source)?).ok();
        self.config_templates.iter().find_map(|t| whole(t).or_else(|| below(t)))
    }

    /// The places in a source where the template of a config file can be.
    pub(crate) fn templates_of(&self, config: &RelPath) -> impl Iterator<Item = RelPath> {
        let whole = |t: &Template| (t.install == *config).then(|| t.source.clone());
        let below = |t: &Template| t.source.join(config.strip(&t.install)?).ok();
        self.config_templates.iter().filter_map(move |t| whole(t).or_else(|| below(t)))
    }

    /// Whether a template can be meant for this install path.
    pub(crate) fn is_config(&self, install: &RelPath) -> bool {
        self.config_templates.iter().any(|t| install.is_within(&t.install))
    }

    /// Whether this install path can be made again: not backed up, not looked at.
    pub(crate) fn is_ephemeral(&self, install: &RelPath) -> bool {
        self.ephemeral.matches(install)
    }

    /// What stands at the top of an install and can be made again.
    pub(crate) fn ephemeral_tops(&self) -> &[RelPath] {
        &self.ephemeral.top
    }

    /// Whether some layout installs the page at this path of a source, or it is the template of a config file.
    pub(crate) fn is_installable(&self, source: &RelPath) -> bool {
        let source = &self.page(source);
        self.maps().any(|m| source.strip(&m.source).is_some()) || self.config_path(source).is_some()
    }

    /// The top folders of the source that some layout installs from, in the order of the tables.
    pub(crate) fn source_tops(&self) -> Vec<RelPath> {
        let tops = self.maps().filter_map(|m| RelPath::new(m.source.parts().next()?).ok());
        tops.fold(Vec::new(), |mut all, top| {
            if !all.contains(&top) {
                all.push(top);
            }
            all
        })
    }

    /// Folders of an install in which some layout puts files.
    pub(crate) fn managed_folders(&self) -> impl Iterator<Item = &RelPath> {
        self.maps().map(|m| &m.install)
    }
}

impl Map {
    /// Where a source path lands; none if it isn't installed from here.
    pub fn place(&self, source: &RelPath) -> Option<RelPath> {
        // Most maps are of other folders, which is told sooner than the rest.
        let path = self.copied(source)?;
        (!layouts().never_installed(source) && layouts().config_path(source).is_none()).then_some(path)
    }

    /// Where it lands for somebody who copies the folder by hand, and with it what no installer installs.
    fn copied(&self, source: &RelPath) -> Option<RelPath> {
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
        map.copied(source)
    }

    /// Its maps.
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// Folders of the install in which managed paths can stand.
    pub(crate) fn install_folders(&self) -> impl Iterator<Item = &RelPath> {
        self.maps.iter().map(|m| &m.install)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    fn generation(name: &str) -> &'static Generation {
        layouts().generation(name).unwrap()
    }

    #[test]
    fn layouts_map_as_documented() {
        let current = generation("praxis-os").newest();
        let to = |source: &str| current.install_path(&rel(source), |_| false).map(|p| p.to_string());
        assert_eq!(to("universal/standards/a/b.md").as_deref(), Some("standards/universal/a/b.md"));
        assert_eq!(to("universal/workflows/w/metadata.json").as_deref(), Some("workflows/w/metadata.json"));
        assert_eq!(to("mcp_server/core/x.py").as_deref(), Some("mcp_server/core/x.py"));
        assert_eq!(to("scripts/x.py").as_deref(), Some("scripts/x.py"));
        assert_eq!(to("universal/templates/t.md"), None, "the installer does not install it");
        assert_eq!(to("universal/usage/u.md"), None, "gone, unless the install has the folder");
        assert_eq!(to("mcp_server/__pycache__/x.cpython-311.pyc"), None);
        assert_eq!(to("mcp_server/.cursor/mcp.json"), None);
        assert_eq!(to("dist/ouroboros/server.py"), None, "of another generation");
        assert_eq!(to("universal/templates/config.json").as_deref(), Some("config.json"), "what can be merged into it");
        assert_eq!(to("universal/templates/config/a/b.yaml").as_deref(), Some("config/a/b.yaml"));
        let later = generation("ouroboros").newest();
        let to = |source: &str| later.install_path(&rel(source), |_| false).map(|p| p.to_string());
        assert_eq!(to("universal/standards/a/b.md").as_deref(), Some("standards/universal/a/b.md"));
        assert_eq!(to("dist/ouroboros/config/loader.py").as_deref(), Some("ouroboros/config/loader.py"));
        assert_eq!(to("dist/config/mcp.yaml").as_deref(), Some("config/mcp.yaml"));
        assert_eq!(to("mcp_server/core/x.py"), None);
        let is_server = |path: &str| layouts().is_server(&rel(path));
        assert!(is_server("mcp_server/a.py") && is_server("ouroboros/a.py") && !is_server("scripts/a.py"));
        let other = |one: &str, two: &str| layouts().other_server(&rel(one), &rel(two));
        assert!(other("mcp_server/a.py", "dist/ouroboros/a.py") && !other("mcp_server/a.py", "mcp_server/b.py"));
        assert!(!other("mcp_server/a.py", "scripts/a.py"));
    }

    #[test]
    fn each_generation_has_what_it_names() {
        for generation in &layouts().generations {
            assert!(layouts().servers.contains_key(&generation.server), "{}", generation.name);
            assert!(!generation.layouts.is_empty(), "{}", generation.name);
            let package = &generation.server().package;
            assert!(layouts().is_server(package) && generation.newest().install_folders().any(|f| f == package));
            let needed = &generation.required_config;
            assert!(needed.iter().all(|path| layouts().is_config(path)), "{}", generation.name);
        }
        assert!(generation("ouroboros").requires(&rel("config/mcp.yaml")));
        assert_eq!(generation("ouroboros").server().minimum_python, Some((3, 12)));
        assert!(generation("agent-os").is_before(generation("praxis-os")));
        assert!(!generation("ouroboros").is_before(generation("ouroboros")));
    }

    fn has(folders: &'static [&'static str]) -> impl Fn(&RelPath) -> bool {
        move |p: &RelPath| folders.contains(&p.to_str().unwrap())
    }

    #[test]
    fn installs_are_told_apart_by_their_folders() {
        let found = |folder: &str, folders| {
            let (generation, layout) = layouts().installed(folder.as_bytes(), has(folders))?;
            Some((generation.name.as_str(), layout.name.as_str()))
        };
        assert_eq!(found(".praxis-os", &["standards", "standards/universal"]), Some(("praxis-os", "current")));
        assert_eq!(found(".praxis-os", &["standards"]), Some(("praxis-os", "legacy")));
        assert_eq!(found(".agent-os", &["standards", "ouroboros"]), Some(("agent-os", "early")));
        let both: &[&str] = &["standards", "standards/universal", "mcp_server", "ouroboros"];
        assert_eq!(found(".praxis-os", both), Some(("ouroboros", "ouroboros")));
        assert_eq!(found("a-copy", both), Some(("ouroboros", "ouroboros")), "of a name that none has");
        assert_eq!(found(".praxis-os", &[]), None);
    }

    #[test]
    fn sources_are_told_apart_by_their_folders() {
        let found = |folders| layouts().generation_of_source(has(folders)).map(|g| g.name.as_str());
        assert_eq!(found(&["universal", "mcp_server"]), Some("praxis-os"));
        assert_eq!(found(&["universal", "dist", "dist/ouroboros"]), Some("ouroboros"));
        assert_eq!(found(&["dist/universal", "dist/ouroboros"]), Some("ouroboros"));
        assert_eq!(found(&["universal", "mcp_server", "dist/ouroboros"]), Some("ouroboros"));
        assert_eq!(found(&["dist/universal", "dist/mcp_server"]), None);
        assert_eq!(found(&["universal"]), None);
        assert_eq!(layouts().first_target().name, "praxis-os");
    }

    #[test]
    fn the_users_own_and_the_ephemeral() {
        assert!(layouts().is_own(&rel("config.json")) && layouts().is_own(&rel("standards/development/x.md")));
        assert!(
            layouts().is_own(&rel("state/workflow/active/x.json")) && !layouts().is_own(&rel("ouroboros/config/x"))
        );
        assert!(layouts().is_ephemeral(&rel("venv/bin/python")) && layouts().is_ephemeral(&rel("a/__pycache__/b")));
        assert!(layouts().is_ephemeral(&rel(".upgrade_lock")) && layouts().is_ephemeral(&rel(".upgrade.lock")));
        assert!(!layouts().is_ephemeral(&rel("standards/universal/venv.md")));
    }
}
