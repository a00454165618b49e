//! Git and Python, run so that nothing of this machine's settings changes the result.

use std::env;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::host::demo::error::{At as _, DemoError};
use crate::host::process::children;
use crate::host::process::output::{Bounds, OutputError, SHORT, output};
use crate::host::python::interpreters::{self, Interpreter, Version};

const NO_GIT: DemoError = DemoError::MissingTool {
    tool: "git",
    how: "on Debian and Ubuntu: apt install git; on Fedora: dnf install git; on macOS: xcode-select --install; \
          elsewhere: https://git-scm.com/downloads",
};
const NO_PYTHON: DemoError = DemoError::MissingTool {
    tool: "python3, version 3.9 or newer",
    how: "on Debian and Ubuntu: apt install python3 python3-venv; on Fedora: dnf install python3; \
          on macOS: brew install python3; elsewhere: https://www.python.org/downloads",
};
const NO_VENV: DemoError = DemoError::MissingTool {
    tool: "python3-venv (the Python modules venv and ensurepip)",
    how: "on Debian and Ubuntu: apt install python3-venv; elsewhere they belong to Python itself: install it from \
          your package manager or https://www.python.org/downloads",
};

/// The tools that the demo needs, before anything is written.
pub(super) fn check_tools() -> Result<(), DemoError> {
    if !answers(children::command("git").arg("--version")) {
        return Err(NO_GIT);
    }
    if !answers(python().args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"])) {
        return Err(NO_PYTHON);
    }
    if !answers(python().args(["-c", "import ensurepip, venv"])) {
        return Err(NO_VENV);
    }
    Ok(())
}

/// Git in `folder`: no hooks, no signing, no settings of the user, always the same author and date.
pub(super) fn git(folder: &Path, date: &str) -> Command {
    let mut command = children::command("git");
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    for setting in [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.autocrlf=false",
        "commit.gpgsign=false",
        "tag.gpgsign=false",
        "init.defaultBranch=main",
        "gc.auto=0",
        "maintenance.auto=false",
    ] {
        command.args(["-c", setting]);
    }
    command.arg("-C").arg(folder);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_DEFAULT_HASH", "sha1")
        .env("LC_ALL", "C");
    for person in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{person}_NAME"), "praxis-os demo")
            .env(format!("GIT_{person}_EMAIL"), "demo@example.invalid")
            .env(format!("GIT_{person}_DATE"), date);
    }
    command
}

pub(super) fn python() -> Command {
    clean_python(children::command("python3"))
}

/// A Python of at least this version, if this machine has one that can make environments; else whichever there is.
pub(super) fn python_from(minimum: Option<Version>, project: &Path) -> Command {
    let Some(minimum) = minimum else { return python() };
    let (major, minor) = minimum;
    let test = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
    if answers(python().args(["-c", &test])) {
        return python();
    }
    let program = |found: &Interpreter| clean_python(children::command(&found.path));
    let mut others = interpreters::found(minimum, project).into_iter();
    let able = others.find(|found| answers(program(found).args(["-c", "import ensurepip, venv"])));
    able.as_ref().map_or_else(python, program)
}

fn answers(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Without the variables that lead an interpreter to somebody else's packages.
pub(super) fn clean_python(mut command: Command) -> Command {
    for name in ["PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end; gives back what it printed, without the last line break. `failed` makes an error of
/// the command line and its last lines.
pub(super) fn run(
    command: &mut Command,
    failed: impl FnOnce(String, String) -> DemoError,
) -> Result<String, DemoError> {
    let bounds = Bounds { time: None, ..SHORT };
    let output = match output(command, None, bounds).map_err(|e| match e {
        OutputError::Start(e) => e,
        ended @ OutputError::Ended(_) => io::Error::other(ended.to_string()),
    }) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && command.get_program() == "git" => return Err(NO_GIT),
        Err(error) if error.kind() == io::ErrorKind::NotFound && command.get_program() == "python3" => {
            return Err(NO_PYTHON);
        }
        other => other.at("run", Path::new(command.get_program()))?,
    };
    let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if output.status.success() {
        return Ok(said);
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    Err(failed(line, last_lines(&format!("{said}\n{}", String::from_utf8_lossy(&output.stderr)))))
}

/// [`run`] for git.
pub(super) fn run_git(command: &mut Command) -> Result<String, DemoError> {
    run(command, |command, output| DemoError::Git { command, output })
}

/// The end of a tool's output, which is where it says what went wrong.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
