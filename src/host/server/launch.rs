//! How a server is started: as it was, or as the layout's table says. Whatever a file or a process says is checked first:
//! what runs is this install's Python with this install's package, for this project.

use std::ffi::OsStr;
use std::fs as stdfs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::core::layout::layouts;
use crate::core::os_text;
use crate::core::session::ServerBefore;
use crate::host::files::fs;
use crate::host::server::generation;
use crate::host::server::generation::layout_of;

/// Options of Python that change nothing about what is run, and those among them that take a value.
const HARMLESS: [&str; 12] = ["-u", "-B", "-O", "-OO", "-s", "-S", "-E", "-I", "-q", "-v", "-b", "-P"];
const WITH_VALUE: [&str; 2] = ["-X", "-W"];

/// The module that a command line of Python runs, and its arguments; none if it runs something else.
pub(crate) fn module(command: &[String]) -> Option<(&str, &[String])> {
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
pub(super) fn python(install: &Path) -> PathBuf {
    install.join("venv/bin/python")
}

/// Whether a program is the interpreter of the install's environment, by whatever way its folder is named.
pub(crate) fn is_own_python(install: &Path, cwd: &Path, program: &str) -> bool {
    let program = cwd.join(os_text::decode(program));
    let python = program.file_name().is_some_and(|n| n.to_string_lossy().starts_with("python"));
    let folder = |path: &Path| stdfs::canonicalize(path.parent()?).ok();
    // Not the program itself: that is a link to the machine's Python.
    python && folder(&program).is_some_and(|f| Some(f) == folder(&self::python(install)))
}

/// How a server is started of which nobody says anything.
pub(super) fn default_launch(install: &Path, project: &Path) -> ServerBefore {
    let layout = layout_of(install);
    let fill = |text: &String| {
        os_text::encode(os_text::filled(
            text,
            &[("{install}", install.as_os_str()), ("{project}", project.as_os_str())],
        ))
    };
    let mut command = vec![os_text::encode(python(install))];
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

/// What a command line of the server says of how it talks, as its parser reads it: the last word counts.
fn transport(command: &[String]) -> Option<&str> {
    let option = &layouts().server().transport_option;
    let (_, arguments) = module(command)?;
    let value = |at: usize| match arguments[at].strip_prefix(option.as_str())? {
        "" => Some(arguments.get(at + 1)?.as_str()),
        joined => joined.strip_prefix('='),
    };
    (0..arguments.len()).rev().find_map(value)
}

/// Whether a server of this command line reads its standard input, and ends with it. One that does not say that it talks
/// as ours do is held to do so.
pub(crate) fn reads_stdin(command: &[String]) -> bool {
    transport(command) != Some(layouts().server().own_transport.as_str())
}

/// The same command for a server that nobody talks to over its standard input, which would end at once otherwise; also
/// what is different then, in words. All that we start is started so: we hold no server's input, and outlive none.
pub(crate) fn without_stdin(mut launch: ServerBefore) -> (ServerBefore, Option<String>) {
    if !reads_stdin(&launch.command) {
        return (launch, None);
    }
    let (option, own) = (&layouts().server().transport_option, &layouts().server().own_transport);
    let was = match transport(&launch.command) {
        Some(was) => format!("{option} {own} instead of {}", fs::visible(was)),
        None => format!("{option} {own}"),
    };
    let joined = format!("{option}=");
    for at in 0..launch.command.len() {
        if launch.command[at] == *option && at + 1 < launch.command.len() {
            launch.command[at + 1].clone_from(own);
        } else if launch.command[at].starts_with(&joined) {
            launch.command[at] = format!("{joined}{own}");
        }
    }
    if reads_stdin(&launch.command) {
        launch.command.extend([option.clone(), own.clone()]);
    }
    (launch, Some(was))
}

/// The same command for the package that the install has now, where it ran that of another generation: the arguments are
/// the same.
pub(crate) fn of_this_package(install: &Path, told: &ServerBefore) -> ServerBefore {
    let now = layout_of(install).package.to_string();
    let mut told = told.clone();
    let other = module(&told.command).map(|(module, _)| module.to_owned());
    let is_server = other.as_deref().is_some_and(|other| other != now && generation::named(other).is_some());
    let named = told.command.iter().position(|word| word == "-m").filter(|_| is_server);
    if let Some(word) = named.and_then(|at| told.command.get_mut(at + 1)) {
        *word = now;
    }
    told
}

/// Checks a launch command that a file or a process told us, and returns it as it may be run: with the interpreter of
/// this install's environment, in this project, without variables that lead elsewhere.
///
/// It is always started in the project's folder, where an editor starts it: releases read `.praxis-os/workflows/` from
/// where they are. What was relative to another folder is made absolute. Python then must not look for code there, or a
/// `scripts` or `mcp_server` of the project's own would stand before the install's: `PYTHONSAFEPATH` sees to that, and
/// the install is always the first folder where it does look.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn checked(install: &Path, project: &Path, told: &ServerBefore) -> Result<ServerBefore, String> {
    let layout = layout_of(install);
    let program = told.command.first().ok_or("its command line is empty")?;
    if !is_own_python(install, &told.cwd, program) {
        return Err(format!("{} is not the Python of this install's environment", fs::visible(program)));
    }
    let package = layout.package.to_string();
    let Some((_, arguments)) = module(&told.command).filter(|(m, _)| *m == package) else {
        return Err(format!("its command line does not run {package}"));
    };
    let place = |text: &OsStr| -> Option<PathBuf> {
        let text = Path::new(text);
        let absolute = told.cwd.join(text);
        if text.is_absolute() { Some(absolute) } else { stdfs::canonicalize(absolute).ok() }
    };
    let within = |path: &Path| {
        let found = stdfs::canonicalize(path).ok();
        found.is_some_and(|p| stdfs::canonicalize(project).is_ok_and(|project| p.starts_with(project)))
    };
    let text = |path: &Path| os_text::encode(path);
    let mut env = default_launch(install, project).env;
    let named: Vec<_> = layout
        .project_environment
        .iter()
        .filter_map(|n| told.env.get_key_value(n))
        .filter(|(_, v)| !v.is_empty())
        .collect();
    if !named.is_empty() {
        env.retain(|name, _| !layout.project_environment.contains(name));
    }
    for (name, value) in named {
        let us = place(&os_text::decode(value)).filter(|place| [install, project].iter().any(|f| same(place, f)));
        let us = us.ok_or_else(|| format!("{name} names another project"))?;
        env.insert(name.clone(), text(&us));
    }
    for name in &layout.code_environment {
        let Some(told) = told.env.get(name) else { continue };
        let told = os_text::decode(told);
        let parts = told.as_bytes().split(|b| *b == b':').map(OsStr::from_bytes);
        let folders: Option<Vec<PathBuf>> =
            parts.map(|part| place(part).filter(|p| !part.is_empty() && within(p))).collect();
        let usual = env.entry(name.clone()).or_insert_with(|| text(install));
        let mut all = os_text::decode(usual);
        for folder in folders.unwrap_or_default().iter().filter(|f| !same(f, install)) {
            all.push(":");
            all.push(folder);
        }
        *usual = os_text::encode(all);
    }
    // Those two hide the environment, by which the package is found now.
    let options = &told.command[1..told.command.len() - arguments.len() - 2];
    let mut command = vec![text(&python(install))];
    command.extend(options.iter().filter(|o| !matches!(o.as_str(), "-E" | "-I")).cloned());
    command.extend(["-m".to_owned(), package]);
    command.extend_from_slice(arguments);
    Ok(ServerBefore { command, cwd: project.to_owned(), env, ..told.clone() })
}

fn same(a: &Path, b: &Path) -> bool {
    stdfs::canonicalize(a).is_ok_and(|a| stdfs::canonicalize(b).is_ok_and(|b| a == b))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    pub(in super::super) fn project() -> (tempfile::TempDir, PathBuf, PathBuf) {
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
        let mut safe = good.clone();
        safe.env.insert("PYTHONSAFEPATH".into(), "1".into());
        assert_eq!(checked(&install, &project, &good), Ok(safe.clone()));
        assert_eq!(checked(&install, &project, &safe), Ok(safe), "checked again, it stays as it is");

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
        assert_eq!(names, [("PROJECT_ROOT", &*project), ("PYTHONPATH", &*install), ("PYTHONSAFEPATH", Path::new("1"))]);
    }

    #[test]
    fn a_server_is_started_in_the_project_and_finds_all_that_it_found_elsewhere() {
        let (_dir, project, install) = project();
        let src = project.join("src/tools");
        stdfs::create_dir_all(&src).unwrap();
        let relative = |cwd: &Path, program: &str, env: &[(&str, &str)]| {
            let env: Vec<_> = env.iter().map(|(k, v)| (*k, Path::new(*v))).collect();
            let mut before = told(&install, "-E -u -m mcp_server --transport http", &env);
            (before.cwd, before.command[0]) = (cwd.to_owned(), program.to_owned());
            checked(&install, &project, &before)
        };
        let env = [("AGENT_OS_BASE_PATH", "../.."), ("PYTHONPATH", ".:../../.praxis-os")];
        let found = relative(&src, "../../.praxis-os/venv/bin/python", &env).unwrap();
        assert_eq!((found.cwd, found.command.join(" ")), {
            let python = install.join("venv/bin/python");
            (project.clone(), format!("{} -u -m mcp_server --transport http", python.display()))
        });
        let (python_path, here) = (format!("{}:{}", install.display(), src.display()), project.display().to_string());
        let values: Vec<_> = found.env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let first = ("AGENT_OS_BASE_PATH", here.as_str());
        assert_eq!(values, [first, ("PYTHONPATH", &python_path), ("PYTHONSAFEPATH", "1")]);

        // From the install's own folder, where Python found the package without being told.
        let found = relative(&install, "venv/bin/python", &[("PYTHONPATH", "../src")]).unwrap();
        let python_path = format!("{}:{}", install.display(), project.join("src").display());
        assert_eq!((&found.env["PYTHONPATH"], &found.env["PROJECT_ROOT"]), (&python_path, &here));
        // From outside of the project, too.
        let above = project.parent().unwrap();
        let program = format!("{}/.praxis-os/venv/bin/python", project.file_name().unwrap().to_str().unwrap());
        let named = project.file_name().unwrap().to_str().unwrap();
        assert_eq!(relative(above, &program, &[("PROJECT_ROOT", named)]).unwrap().env["PROJECT_ROOT"], here);
        assert!(relative(above, &program, &[("PROJECT_ROOT", ".")]).is_err());
    }

    #[test]
    fn what_we_start_talks_over_http_alone() {
        let (_dir, _, install) = project();
        let started = |arguments: &str| {
            let (launch, changed) = without_stdin(told(&install, &format!("-m mcp_server {arguments}"), &[]));
            (launch.command[3..].join(" "), changed)
        };
        let changed = |to: &str, was: &str| (to.to_owned(), Some(was.to_owned()));
        assert_eq!(
            started("--transport http --log-level INFO"),
            ("--transport http --log-level INFO".to_owned(), None)
        );
        let dual = started("--transport dual --log-level INFO");
        assert_eq!(dual, changed("--transport http --log-level INFO", "--transport http instead of dual"));
        assert_eq!(started("--transport=stdio"), changed("--transport=http", "--transport http instead of stdio"));
        assert_eq!(started(""), changed("--transport http", "--transport http"));
        let twice = started("--transport http --transport=dual -v");
        assert_eq!(twice, changed("--transport http --transport=http -v", "--transport http instead of dual"));
        assert_eq!(started("--trans dual"), changed("--trans dual --transport http", "--transport http"));
    }
}
