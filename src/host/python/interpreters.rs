//! The Pythons of this machine, found by their names alone, and what one of them thinks of a package's files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::path::RelPath;
use crate::core::visible;
use crate::host::files::read;
use crate::host::process::children;
use crate::host::process::output::{SHORT, last_line, output};
use crate::host::process::timing::{Who, waiting};

/// A Python's version: major and minor.
pub type Version = (u8, u8);

/// An interpreter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interpreter {
    /// Its version, as its name or its environment says.
    pub version: Version,
    /// Its program.
    pub path: PathBuf,
}

/// The interpreters of a version or newer that a person would name, the oldest first, one of each version: on `PATH`, of
/// pyenv, of uv. None of them is run, and none lies in the project.
pub fn found(least: Version, project: &Path) -> Vec<Interpreter> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".pyenv")));
    let uv = std::env::var_os("UV_PYTHON_INSTALL_DIR").map(PathBuf::from);
    let uv = uv.or_else(|| Some(home?.join(".local/share/uv/python")));
    for versions in pyenv.map(|root| root.join("versions")).into_iter().chain(uv) {
        let entries = std::fs::read_dir(versions).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join("bin")));
    }
    let mut all = BTreeSet::new();
    for minor in least.1..=least.1.saturating_add(12) {
        let name = format!("python{}.{minor}", least.0);
        // A shim of pyenv's is a script that may lead nowhere.
        let is_program = |path: &PathBuf| path.is_file() && !path.parent().is_some_and(|p| p.ends_with("shims"));
        let place = folders.iter().filter(|f| f.is_absolute() && !f.starts_with(project)).map(|f| f.join(&name));
        all.extend(place.into_iter().find(is_program).map(|path| Interpreter { version: (least.0, minor), path }));
    }
    all.into_iter().collect()
}

/// The version of an environment's Python, as the environment says; none where it says nothing.
pub(crate) fn version_of(venv: &Path) -> Option<Version> {
    let config = read::read_own(&venv.join("pyvenv.cfg")).unwrap_or_default();
    named_version(&String::from_utf8_lossy(&config))
}

/// The version that a `pyvenv.cfg` names.
pub(crate) fn named_version(config: &str) -> Option<Version> {
    let lines = config.lines().filter_map(|line| line.split_once('='));
    let named = lines.filter(|(key, _)| matches!(key.trim(), "version" | "version_info"));
    let mut parts = named.flat_map(|(_, value)| value.trim().split('.').take(2).map(str::parse::<u8>));
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// The version that a program says it has. It is run, without anything of a project.
///
/// # Errors
/// Why it is no Python.
pub(crate) fn ask_version(python: &Path) -> Result<Version, String> {
    let mut command = children::helper(python);
    command.args(["-I", "-S", "-B", "-c", "import sys; print(*sys.version_info[:2])"]).current_dir("/");
    let out = output(&mut command, None, SHORT).map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut parts = said.split_whitespace().map(str::parse::<u8>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if out.status.success() => Ok((major, minor)),
        _ => Err("it does not answer as Python does".to_owned()),
    }
}

/// The program behind an environment's interpreter, if that is not the project's own: running it runs nothing of the
/// project.
pub fn behind(venv: &Path, project: &Path) -> Option<PathBuf> {
    let real = std::fs::canonicalize(venv.join("bin/python")).ok()?;
    let project = std::fs::canonicalize(project).ok()?;
    let name = real.file_name().and_then(OsStr::to_str).unwrap_or_default();
    (!real.starts_with(project) && name.starts_with("python")).then_some(real)
}

/// A file that an interpreter can't parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub path: RelPath,
    /// The interpreter's words, as the last line of its complaint has them.
    pub error: String,
    /// The line, from 1, where it says one.
    pub line: Option<u64>,
}

/// The files that an interpreter can't parse. Nothing of them is run.
///
/// # Errors
/// Why it can't be asked.
pub(crate) fn cannot_compile(python: &Path, files: &[(RelPath, Arc<[u8]>)]) -> Result<Vec<Broken>, String> {
    // Each file: its length in a line, then its bytes. The answer: for each that does not compile its number, the line or 0,
    // and the words.
    const CODE: &str = "\
import sys
data = sys.stdin.buffer
number = -1
while line := data.readline():
    number += 1
    text = data.read(int(line))
    try:
        compile(text, 'file', 'exec', dont_inherit=True)
    except Exception as error:
        said = str(getattr(error, 'msg', error)).replace('\\n', ' ')
        print(number, getattr(error, 'lineno', 0) or 0, type(error).__name__ + ': ' + said)
print('ok')
";
    let _program = waiting(Who::Programs);
    let mut input = Vec::new();
    for (_, bytes) in files {
        input.extend_from_slice(format!("{}\n", bytes.len()).as_bytes());
        input.extend_from_slice(bytes);
    }
    let mut command = children::helper(python);
    // One that is a script may look around where it is started.
    command.args(["-I", "-S", "-B", "-W", "ignore", "-c", CODE]).current_dir("/").env("PYTHONIOENCODING", "utf-8");
    let out = output(&mut command, Some(input), SHORT).map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() || said.lines().last() != Some("ok") {
        return Err(last_line(&out.stderr));
    }
    let told = said.lines().filter_map(|told| {
        let mut parts = told.splitn(3, ' ');
        let (number, line, words) = (parts.next()?, parts.next()?, parts.next()?);
        let (path, _) = files.get(number.parse::<usize>().ok()?)?;
        let line = line.parse().ok().filter(|line| *line > 0);
        Some(Broken { path: path.clone(), error: visible::start_of(words, 300), line })
    });
    Ok(told.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_names_a_version_and_nothing_else() {
        assert_eq!(named_version("home = /evil\nversion = 3.12.4\n"), Some((3, 12)));
        assert_eq!(named_version("version_info=3.9.final.0"), Some((3, 9)));
        for text in ["", "version = ../evil.1", "version = 3", "version = 3.x", "home = /usr/bin"] {
            assert_eq!(named_version(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_compile_is_named_and_nothing_runs() {
        let file = |name: &str, text: &str| (name.parse::<RelPath>().unwrap(), text.as_bytes().into());
        let files = [
            file("good.py", "raise SystemExit(1)\nx = 1\n"),
            file("broken.py", "def f(:\n"),
            file("zero.py", "x\0\n"),
            file("empty.py", ""),
        ];
        let found = cannot_compile(Path::new("python3"), &files).unwrap();
        let names: Vec<String> = found.iter().map(|broken| broken.path.to_string()).collect();
        assert_eq!(names, ["broken.py", "zero.py"]);
        assert!(found[0].error.starts_with("SyntaxError: ") && found[0].line == Some(1), "{found:?}");
        assert!(cannot_compile(Path::new("/nonexistent/python3"), &files).is_err());
    }

    #[test]
    fn interpreters_are_found_by_name() {
        let all = found((3, 0), Path::new("/nonexistent"));
        assert!(all.windows(2).all(|pair| pair[0].version < pair[1].version), "{all:?}");
        for one in all {
            assert_eq!(ask_version(&one.path).as_ref(), Ok(&one.version), "{one:?}");
        }
    }
}
