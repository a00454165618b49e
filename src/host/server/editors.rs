//! How the project's editors start the server, as their settings files say.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::core::os_text;
use crate::core::session::ServerBefore;
use crate::host::files::read;
use crate::host::server::generation::layout_of;
use crate::host::server::launch::{checked, default_launch, python};

/// The launch command for a server that was not running: what the editor's settings say, else the layout's table.
/// None without an environment or server code.
pub(crate) fn planned(install: &Path, project: &Path) -> Option<ServerBefore> {
    if !python(install).exists() || !layout_of(install).package.under(install).is_dir() {
        return None;
    }
    Some(of_editor(install, project).map_or_else(|| default_launch(install, project), |(launch, _)| launch))
}

/// What the first settings file of an editor says that starts this install's server: the command, checked, and the whole
/// environment, as it stands there.
pub(super) fn of_editor(install: &Path, project: &Path) -> Option<(ServerBefore, BTreeMap<String, String>)> {
    let mut files = layout_of(install).editor_configs.iter().map(|p| p.under(project));
    files.find_map(|path| command_in(&path, install, project))
}

fn command_in(path: &Path, install: &Path, project: &Path) -> Option<(ServerBefore, BTreeMap<String, String>)> {
    let text = String::from_utf8(read::read_small(path).ok()?).ok()?;
    let config: Value = serde_json::from_str(&without_comments(&text)).ok()?;
    let servers = ["mcpServers", "servers"].iter().find_map(|key| config[key].as_object())?;
    servers.values().find_map(|server| {
        let folder = [("${workspaceFolder}", project.as_os_str())];
        let fill = |value: &Value| Some(os_text::encode(os_text::filled(value.as_str()?, &folder)));
        let arguments = server["args"].as_array().into_iter().flatten();
        let command = [&server["command"]].into_iter().chain(arguments).map(fill).collect::<Option<Vec<String>>>()?;
        let env = server["env"].as_object().into_iter().flatten();
        let env: BTreeMap<_, _> = env.filter_map(|(name, value)| Some((name.clone(), fill(value)?))).collect();
        let cwd = project.to_owned();
        let told = ServerBefore { was_running: false, pid: None, command, cwd, env: env.clone(), tools: Vec::new() };
        Some((checked(install, project, &told).ok()?, env))
    })
}

/// Editors accept comments and commas at the end of lists in these files.
fn without_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(c) = rest.chars().next() {
        let taken = if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            let length = end.map_or(rest.len(), |end| end + 2);
            out.push_str(&rest[..length]);
            length
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            if matches!(c, ']' | '}') {
                let kept = out.trim_end().trim_end_matches(',').len();
                out.truncate(kept);
            }
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::launch::tests::{project, words};
    use super::super::launch::without_stdin;
    use super::super::settings::Settings;
    use super::*;
    use crate::core::layout::layouts;

    #[test]
    fn an_editors_command_is_taken_where_it_starts_this_server() {
        let (_dir, project, install) = project();
        assert_eq!(planned(&install, &project).unwrap().command[1..], layouts().server().arguments);
        std::fs::create_dir(project.join(".cursor")).unwrap();
        let config = r#"{
            // two of them, with commas as people leave them
            "mcpServers": {
                "search": {"command": "npx", "args": ["-y", "https://x.example//a"]}, /* not ours */
                "praxis-os": {
                    "command": "${workspaceFolder}/.praxis-os/venv/bin/python",
                    "args": ["-m", "mcp_server", "--transport", "dual", "--log-level", "DEBUG",],
                    "env": {
                        "AGENT_OS_BASE_PATH": "${workspaceFolder}", "SECRET": "x", "OPENAI_API_KEY": "k",
                        "HF_HOME": "${workspaceFolder}/models", "HF_TOKEN": "${env:HF_TOKEN}", "LD_PRELOAD": "x.so",
                    },
                },
            }
        }"#;
        std::fs::write(project.join(".cursor/mcp.json"), config).unwrap();
        let found = planned(&install, &project).unwrap();
        assert_eq!(found.command[1..], words("-m mcp_server --transport dual --log-level DEBUG"));
        assert_eq!(found.env["AGENT_OS_BASE_PATH"], project.display().to_string());
        let names: Vec<_> = found.env.keys().map(String::as_str).collect();
        assert_eq!(names, ["AGENT_OS_BASE_PATH", "PYTHONPATH", "PYTHONSAFEPATH"], "what is saved");
        // A placeholder that only the editor can fill would stand in the way of what we have ourselves.
        assert_eq!(Settings::of_editor(&install, &project).names(), ["HF_HOME", "OPENAI_API_KEY"]);
        let (own, _) = without_stdin(found);
        assert_eq!(own.command[1..], words("-m mcp_server --transport http --log-level DEBUG"));
        std::fs::write(project.join(".cursor/mcp.json"), "{ not json").unwrap();
        assert_eq!(planned(&install, &project).unwrap().command[1..], layouts().server().arguments);
        assert!(Settings::of_editor(&install, &project).names().is_empty());
    }
}
