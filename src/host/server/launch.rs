//! How a server is started: as it was, as the editor does, or as the layout's table says. Whatever a file says is
//! checked first: what runs is this install's Python with this install's package, for this project.

use std::collections::BTreeMap;
use std::fs as stdfs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::fs;
use crate::core::layout::layouts;
use crate::core::session::ServerBefore;

/// Options of Python that change nothing about what is run, and those among them that take a value.
const HARMLESS: [&str; 12] = ["-u", "-B", "-O", "-OO", "-s", "-S", "-E", "-I", "-q", "-v", "-b", "-P"];
const WITH_VALUE: [&str; 2] = ["-X", "-W"];

/// The module that a command line of Python runs, and its arguments; none if it runs something else.
pub fn module(command: &[String]) -> Option<(&str, &[String])> {
    let mut at = 1;
    loop {
        let word = command.get(at)?.as_str();
        if word == "-m" {
            return Some((command.get(at + 1)?.as_str(), command.get(at + 2..)?));
        }
        if WITH_VALUE.contains(&word) {
            at += 2;
        } else if HARMLESS.contains(&word) || WITH_VALUE.iter().any(|o| word.starts_with(o)) {
            at += 1;
        } else {
            return None;
        }
    }
}

/// The interpreter of the install's environment.
fn python(install: &Path) -> PathBuf {
    install.join("venv/bin/python")
}

/// Whether a program is the interpreter of the install's environment, by whatever way its folder is named.
pub fn is_own_python(install: &Path, cwd: &Path, program: &str) -> bool {
    let program = cwd.join(program);
    let python = program.file_name().is_some_and(|n| n.to_string_lossy().starts_with("python"));
    let folder = |path: &Path| stdfs::canonicalize(path.parent()?).ok();
    // Not the program itself: that is a link to the machine's Python.
    python && folder(&program).is_some_and(|f| Some(f) == folder(&self::python(install)))
}

/// The launch command for a server that was not running: what the editor's configuration says, else the layout's table.
/// None without an environment or server code.
pub fn planned(install: &Path, project: &Path) -> Option<ServerBefore> {
    if !python(install).exists() || !layouts().server.package.under(install).is_dir() {
        return None;
    }
    let by_editor = || {
        let mut configs = layouts().server.editor_configs.iter().map(|p| p.under(project));
        configs.find_map(|path| editor_command(&path, install, project))
    };
    Some(by_editor().unwrap_or_else(|| default_launch(install, project)))
}

fn default_launch(install: &Path, project: &Path) -> ServerBefore {
    let layout = &layouts().server;
    let fill = |text: &String| {
        text.replace("{install}", &install.to_string_lossy()).replace("{project}", &project.to_string_lossy())
    };
    let mut command = vec![python(install).to_string_lossy().into_owned()];
    command.extend(layout.arguments.iter().cloned());
    ServerBefore {
        was_running: false,
        pid: None,
        command,
        cwd: project.to_owned(),
        env: layout.environment.iter().map(|(k, v)| (k.clone(), fill(v))).collect(),
        tools: Vec::new(),
    }
}

/// The first command in an editor's file that starts this install's server.
fn editor_command(path: &Path, install: &Path, project: &Path) -> Option<ServerBefore> {
    let text = String::from_utf8(fs::read_own(path).ok()?).ok()?;
    let config: Value = serde_json::from_str(&without_comments(&text)).ok()?;
    let servers = ["mcpServers", "servers"].iter().find_map(|key| config[key].as_object())?;
    servers.values().find_map(|server| {
        let fill = |value: &Value| Some(value.as_str()?.replace("${workspaceFolder}", &project.to_string_lossy()));
        let arguments = server["args"].as_array().into_iter().flatten();
        let command = [&server["command"]].into_iter().chain(arguments).map(fill).collect::<Option<Vec<String>>>()?;
        let env = server["env"].as_object().into_iter().flatten();
        let env = env.filter_map(|(name, value)| Some((name.clone(), fill(value)?))).collect();
        let found =
            ServerBefore { was_running: false, pid: None, command, cwd: project.to_owned(), env, tools: Vec::new() };
        checked(install, project, &found).ok()
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

/// Checks a launch command that a file or a process told us, and returns it as it may be run: with the interpreter of
/// this install's environment, in this project, without variables that lead elsewhere.
///
/// # Errors
/// What is wrong with it.
pub fn checked(install: &Path, project: &Path, told: &ServerBefore) -> Result<ServerBefore, String> {
    let layout = &layouts().server;
    let program = told.command.first().ok_or("its command line is empty")?;
    if !is_own_python(install, &told.cwd, program) {
        return Err(format!("{} is not the Python of this install's environment", fs::visible(program)));
    }
    let package = layout.package.to_string();
    if module(&told.command).is_none_or(|(m, _)| m != package) {
        return Err(format!("its command line does not run {package}"));
    }
    let within = |path: &Path| {
        let found = stdfs::canonicalize(told.cwd.join(path)).ok();
        found.is_some_and(|p| stdfs::canonicalize(project).is_ok_and(|project| p.starts_with(project)))
    };
    let mut env: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &told.env {
        let names_us = || within(Path::new(value)) && [install, project].iter().any(|f| same(&told.cwd.join(value), f));
        let leads_here = || value.split(':').all(|part| !part.is_empty() && within(Path::new(part)));
        let project_wrong = layout.project_environment.contains(name) && !names_us();
        if project_wrong {
            return Err(format!("{name} names another project"));
        }
        if layout.project_environment.contains(name) || (layout.code_environment.contains(name) && leads_here()) {
            env.insert(name.clone(), value.clone());
        }
    }
    // What a relative path meant there would be something else elsewhere, and Python looks for code where it is started.
    let relative = env.values().any(|v| v.split(':').any(|p| !p.starts_with('/')));
    let cwd = if within(Path::new("")) { told.cwd.clone() } else { project.to_owned() };
    if relative && cwd != told.cwd {
        return Err("its environment counts on a folder outside of the project".into());
    }
    let usual = default_launch(install, project);
    let names_project = layout.project_environment.iter().any(|n| env.contains_key(n));
    for (name, value) in usual.env {
        if layout.code_environment.contains(&name) || !names_project {
            env.entry(name).or_insert(value);
        }
    }
    let mut command = told.command.clone();
    command[0] = python(install).to_string_lossy().into_owned();
    Ok(ServerBefore { command, cwd, env, ..told.clone() })
}

fn same(a: &Path, b: &Path) -> bool {
    stdfs::canonicalize(a).is_ok_and(|a| stdfs::canonicalize(b).is_ok_and(|b| a == b))
}

/// The same command for a server whose standard input nobody holds: over HTTP alone.
pub fn for_a_proof(mut launch: ServerBefore) -> ServerBefore {
    let layout = &layouts().server;
    let option = launch.command.iter().position(|a| *a == layout.transport_option);
    match option.and_then(|at| launch.command.get_mut(at + 1)) {
        Some(value) => value.clone_from(&layout.own_transport),
        None => {
            let joined = format!("{}=", layout.transport_option);
            launch.command.retain(|a| !a.starts_with(&joined));
            launch.command.extend([layout.transport_option.clone(), layout.own_transport.clone()]);
        }
    }
    launch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn project() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().canonicalize().unwrap();
        let install = project.join(".praxis-os");
        stdfs::create_dir_all(install.join("venv/bin")).unwrap();
        stdfs::create_dir(install.join("mcp_server")).unwrap();
        std::os::unix::fs::symlink("/usr/bin/python3", install.join("venv/bin/python")).unwrap();
        (dir, project, install)
    }

    fn told(install: &Path, arguments: &str, env: &[(&str, &Path)]) -> ServerBefore {
        let mut command = vec![install.join("venv/bin/python").display().to_string()];
        command.extend(words(arguments));
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), v.display().to_string())).collect();
        let cwd = install.parent().unwrap().to_owned();
        ServerBefore { was_running: true, pid: Some(1), command, cwd, env, tools: vec![] }
    }

    #[test]
    fn what_python_runs_is_read_as_python_does() {
        let server = words("python -u -X dev -Wignore -m mcp_server --transport http");
        assert_eq!(module(&server).map(|(m, rest)| (m, rest.len())), Some(("mcp_server", 2)));
        for other in ["python -c evil -m mcp_server", "python evil.py -m mcp_server", "python", "python -m", "sh -c -m"]
        {
            assert_eq!(module(&words(other)), None, "{other}");
        }
    }

    #[test]
    fn a_recorded_command_must_be_this_installs_server() {
        let (_dir, project, install) = project();
        let server = "-m mcp_server --transport dual";
        let good = told(&install, server, &[("PROJECT_ROOT", &project), ("PYTHONPATH", &install)]);
        assert_eq!(checked(&install, &project, &good), Ok(good.clone()));

        let elsewhere = tempfile::tempdir().unwrap();
        let refused = |bad: ServerBefore| checked(&install, &project, &bad).unwrap_err();
        refused(ServerBefore { command: words("/bin/sh -m mcp_server"), ..good.clone() });
        refused(ServerBefore { command: vec![], ..good.clone() });
        refused(told(&install, "-c evil -m mcp_server", &[]));
        refused(told(&install, "-m http.server", &[]));
        refused(told(&install, server, &[("PROJECT_ROOT", elsewhere.path())]));
        let planted = elsewhere.path().join("python");
        stdfs::write(&planted, "").unwrap();
        let mut command = good.command.clone();
        command[0] = planted.display().to_string();
        refused(ServerBefore { command, ..good.clone() });

        // What only leads elsewhere is put right.
        let lured = told(&install, server, &[("PYTHONPATH", elsewhere.path()), ("LD_PRELOAD", elsewhere.path())]);
        let safe = checked(&install, &project, &ServerBefore { cwd: elsewhere.path().into(), ..lured }).unwrap();
        assert_eq!(safe.cwd, project);
        let names: Vec<_> = safe.env.iter().map(|(k, v)| (k.as_str(), Path::new(v))).collect();
        assert_eq!(names, [("PROJECT_ROOT", &*project), ("PYTHONPATH", &*install)]);
    }

    #[test]
    fn an_editors_command_is_taken_where_it_starts_this_server() {
        let (_dir, project, install) = project();
        assert_eq!(planned(&install, &project).unwrap().command[1..], layouts().server.arguments);
        stdfs::create_dir(project.join(".cursor")).unwrap();
        let config = r#"{
            // two of them, with commas as people leave them
            "mcpServers": {
                "search": {"command": "npx", "args": ["-y", "https://x.example//a"]}, /* not ours */
                "praxis-os": {
                    "command": "${workspaceFolder}/.praxis-os/venv/bin/python",
                    "args": ["-m", "mcp_server", "--transport", "dual", "--log-level", "DEBUG",],
                    "env": {"AGENT_OS_BASE_PATH": "${workspaceFolder}", "SECRET": "x"},
                },
            }
        }"#;
        stdfs::write(project.join(".cursor/mcp.json"), config).unwrap();
        let found = planned(&install, &project).unwrap();
        assert_eq!(found.command[1..], words("-m mcp_server --transport dual --log-level DEBUG"));
        assert_eq!(found.env["AGENT_OS_BASE_PATH"], project.display().to_string());
        assert!(!found.env.contains_key("SECRET") && !found.env.contains_key("PROJECT_ROOT"), "{:?}", found.env);
        let proof = for_a_proof(found);
        assert_eq!(proof.command[1..], words("-m mcp_server --transport http --log-level DEBUG"));
        assert_eq!(for_a_proof(told(&install, "-m mcp_server", &[])).command[3..], words("--transport http"));
        stdfs::write(project.join(".cursor/mcp.json"), "{ not json").unwrap();
        assert_eq!(planned(&install, &project).unwrap().command[1..], layouts().server.arguments);
    }
}
