//! Names and arguments of what is tried, by capability: `assets/smoke-tests.json`. And what the new code should register.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::json;
use crate::core::server_log::Patterns;
use crate::host::files::read;
use crate::host::python::compile;
use crate::host::server;

/// The whole table.
#[derive(Deserialize)]
pub(crate) struct Table {
    tools: Vec<KnownTool>,
    default_groups: Vec<String>,
    /// On in some releases and off in others where the config says nothing.
    optional_groups: Vec<String>,
    /// Parts of file names by which the group of a tool is told that isn't listed above.
    group_files: BTreeMap<String, Vec<String>>,
    registered_by: Registration,
    /// How an answer says that something went wrong.
    pub(crate) complaints: Complaints,
    /// Words in such an answer that tell of a release that can't do this yet. In lower case.
    pub(crate) unsupported: Vec<String>,
    /// A search for a sentence of an installed standard.
    pub(crate) search: Probe,
    /// The list of workflows.
    pub(crate) workflows: Probe,
    /// Our own session.
    pub(crate) session: Probe,
    /// A browser.
    pub(crate) browser: BrowserProbe,
    /// What in the log is an error.
    pub(crate) log: Patterns,
}

#[derive(Deserialize)]
struct KnownTool {
    name: String,
    group: Option<String>,
}

/// How code registers tools.
#[derive(Deserialize, Serialize)]
struct Registration {
    decorators: Vec<String>,
    calls: Vec<String>,
    keyword: String,
    not_in: Vec<String>,
}

/// How an answer says that something went wrong.
#[derive(Deserialize)]
pub(crate) struct Complaints {
    keys: Vec<String>,
    status: Vec<String>,
}

/// One capability.
#[derive(Deserialize)]
pub(crate) struct Probe {
    /// How long an answer may take.
    pub(crate) seconds: u64,
    /// How releases offer it, the newest first.
    pub(crate) ways: Vec<Way>,
    /// Keys under which an answer holds what was found.
    #[serde(default)]
    pub(crate) results: Vec<String>,
    /// How an answer says that it is too early to ask; none where no release says so.
    #[serde(default)]
    building: Option<Building>,
}

/// How an answer says that what it needs is being built in the background.
#[derive(Deserialize)]
struct Building {
    key: String,
    state: String,
    states: Vec<String>,
    percent: String,
    message: String,
}

/// How some releases offer a capability.
#[derive(Deserialize)]
pub(crate) struct Way {
    /// The names that its tool had.
    pub(crate) tools: Vec<String>,
    /// What it is called with; `{…}` is filled in.
    pub(crate) arguments: Value,
}

/// The browser's capability.
#[derive(Deserialize)]
pub(crate) struct BrowserProbe {
    /// How long an answer may take.
    pub(crate) seconds: u64,
    /// The names that its tool had.
    pub(crate) tools: Vec<String>,
    /// What opens a page.
    pub(crate) open: Value,
    /// What ends the session.
    pub(crate) close: Value,
    /// Words of a tool that has no browser to drive.
    pub(crate) not_there: Vec<String>,
}

/// The embedded table.
pub(crate) fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        // Embedded at build time and read by a test: it can't be broken by input.
        #[allow(clippy::expect_used)]
        serde_json::from_str(include_str!("../../../../assets/smoke-tests.json")).expect("smoke-tests.json is valid")
    });
    &TABLE
}

impl Complaints {
    /// What an answer complains about, if it does.
    pub(crate) fn of(&self, answer: &Value) -> Option<String> {
        let bad = answer["status"].as_str().is_some_and(|s| self.status.iter().any(|b| b == s));
        let said = self.keys.iter().find_map(|k| answer.get(k).filter(|v| !v.is_null()));
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        said.map(text).or_else(|| bad.then(|| text(answer)))
    }
}

impl Probe {
    /// How far what is searched is built, in percent and in the server's words, where an answer says that it is being
    /// built.
    pub(crate) fn building(&self, answer: &Value) -> Option<(u64, String)> {
        let how = self.building.as_ref()?;
        let told = answer.get(&how.key)?;
        how.states.iter().any(|state| told[&how.state] == **state).then(|| {
            let percent = told[&how.percent].as_f64().unwrap_or(0.0).clamp(0.0, 100.0);
            // Whole percents are what people read.
            (percent as u64, told[&how.message].as_str().unwrap_or_default().to_owned())
        })
    }

    /// What an answer found: how many, where it can be counted.
    pub(crate) fn found(&self, answer: &Value) -> Option<usize> {
        let under = self.results.iter().find_map(|k| answer.get(k)?.as_array());
        under.or_else(|| answer.as_array()).map(Vec::len)
    }
}

/// Fills in what stands in braces.
pub(crate) fn filled(arguments: &Value, values: &[(&str, &str)]) -> Value {
    match arguments {
        Value::String(text) => {
            Value::String(values.iter().fold(text.clone(), |text, (name, value)| text.replace(name, value)))
        }
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), filled(v, values))).collect(),
        other => other.clone(),
    }
}

/// The tool groups of an install.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    /// Their tools must be there.
    pub(crate) on: BTreeSet<String>,
    /// Their tools may be there: the release decides.
    pub(crate) optional: BTreeSet<String>,
}

/// The tool groups that `config.json` enables; where it says nothing, those that releases enable by themselves.
pub(crate) fn groups(install: &Path) -> Groups {
    let config = read::read_at_most(&install.join("config.json"), read::SETTINGS).unwrap_or_default();
    let config: Value = serde_json::from_slice(&config).unwrap_or_default();
    let set = |names: &[String]| names.iter().cloned().collect();
    match config["mcp"]["enabled_tool_groups"].as_array() {
        Some(list) => Groups {
            on: list.iter().filter_map(|g| g.as_str().map(str::to_owned)).collect(),
            optional: BTreeSet::new(),
        },
        None => Groups { on: set(&table().default_groups), optional: set(&table().optional_groups) },
    }
}

/// What the code registers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// For the enabled groups: all of these must be there.
    pub(crate) tools: BTreeSet<String>,
    /// For whatever group: what stands here and not above may be there or not.
    pub(crate) all: BTreeSet<String>,
}

/// The tools that the installed code registers; `shipped` tells the release's files, by their path in the install.
/// Reads the code, runs none of it.
///
/// # Errors
/// What Python says.
pub(crate) fn expected_tools(
    install: &Path,
    groups: &BTreeSet<String>,
    shipped: impl Fn(&str) -> bool,
) -> Result<Expected, String> {
    let table = table();
    let rules = json::compact(&table.registered_by).map_err(|e| e.to_string())?;
    let found = compile::registered_tools(install, &server::layout_of(install).package.under(install), &rules)?;
    let mut expected = Expected::default();
    for (name, file) in found {
        let by_file = || {
            let of = |(_, parts): &(&String, &Vec<String>)| parts.iter().any(|p| file.contains(p.as_str()));
            table.group_files.iter().find(of).map(|(group, _)| group.clone())
        };
        // Where nothing tells the group, nothing is demanded; nor of a user's own file, which may be imported nowhere.
        let wanted = shipped(&format!("{}/{file}", server::layout_of(install).package))
            && match table.tools.iter().find(|t| t.name == name) {
                Some(known) => known.group.as_ref().is_none_or(|g| groups.contains(g)),
                None => by_file().is_some_and(|g| groups.contains(&g)),
            };
        if wanted {
            expected.tools.insert(name.clone());
        }
        expected.all.insert(name);
    }
    Ok(expected)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expectations_follow_code_and_groups() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join("mcp_server").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a.py", "@mcp.tool()\nasync def pos_workflow(): ...\n@tool\ndef current_date(): ...\n# aos_workflow\n");
        write(
            "b.py",
            "x = 'list_standards'\nNAME = 'search_standards'\nadd(Tool(NAME, 1))\nmcp.add_tool(get_server_info)\n",
        );
        write(
            "tools/rag_more.py",
            "@mcp.tool(name='find_example')\ndef f(): ...\n@other('pos_browser')\ndef g(): ...\n",
        );
        write("c.py", "@mcp.tool('pos_browser')\ndef browser(): ...\nmcp.tool(plain)\ndef plain(): ...\n");
        write("tests/test_x.py", "@mcp.tool\ndef aos_browser(): ...\n");
        write("broken.py", "def f(:\n");
        write("old_search.py", "@mcp.tool\ndef list_workflows(): ...\n@mcp.tool\ndef start_workflow(): ...\n");
        let expected = |groups: &BTreeSet<String>| {
            expected_tools(dir.path(), groups, |path| path != "mcp_server/old_search.py").unwrap()
        };
        let found = groups(dir.path());
        assert_eq!(found.optional, ["browser".to_owned()].into(), "on in some releases, off in others");
        let all = expected(&found.on);
        let names: Vec<&str> = all.tools.iter().map(String::as_str).collect();
        assert_eq!(names, ["current_date", "find_example", "pos_workflow", "search_standards"]);
        assert!(all.all.contains("start_workflow"), "of a user's own file, which nothing may import");
        let expected = |groups: &[&str]| expected(&groups.iter().map(|g| (*g).to_owned()).collect());
        let all = expected(&["rag", "workflow"]);
        assert!(all.all.contains("plain") && all.all.contains("pos_browser"), "{all:?}");
        assert!(!all.tools.contains("pos_browser"), "{all:?}");
        assert!(!all.all.contains("list_standards") && !all.all.contains("aos_browser"), "{all:?}");
        assert!(!all.all.contains("get_server_info"), "a function that isn't there");
        write("config.json", "");
        std::fs::write(dir.path().join("config.json"), r#"{"mcp":{"enabled_tool_groups":["browser"]}}"#).unwrap();
        assert_eq!(groups(dir.path()), Groups { on: ["browser".to_owned()].into(), optional: BTreeSet::new() });
        assert_eq!(expected(&["browser"]).tools, ["current_date", "pos_browser"].map(str::to_owned).into());
    }

    #[test]
    fn answers_are_understood() {
        let complains = |answer: Value| table().complaints.of(&answer);
        assert_eq!(complains(json!({"status": "error", "error": "no session"})).as_deref(), Some("no session"));
        assert!(complains(json!({"status": "failed"})).is_some());
        assert_eq!(complains(json!({"status": "success", "error": null, "results": []})), None);
        assert_eq!(table().search.found(&json!({"results": [1, 2]})), Some(2));
        assert_eq!(table().search.found(&json!([])), Some(0));
        assert_eq!(table().search.found(&json!("text")), None);
        let filled = filled(&table().session.ways[0].arguments, &[("{session_id}", "s1")]);
        assert_eq!(filled, json!({"action": "get_session", "session_id": "s1"}));
    }
}
