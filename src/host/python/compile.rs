//! Asks a Python interpreter whether a text compiles. Writes nothing, runs nothing of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::path::RelPath;
use crate::host::process::children;
use crate::host::process::output::{SHORT, last_line, output};
use crate::host::python::{interpreters, venv};

/// What is wrong with a Python text, as [`compile_errors`] has it.
pub fn compile_error(install: &Path, text: &[u8]) -> Option<String> {
    let only = RelPath::new("merged").ok()?;
    compile_errors(install, &[(only, text.into())]).into_values().next()
}

/// What is wrong with Python texts, in the words of this machine's interpreter, which is started once for all of them; nothing
/// of those that compile, or if there is nobody to ask ([`can_compile`]). No interpreter of the project's is asked, and none
/// runs anything at its start that lies where it looks for packages.
pub(crate) fn compile_errors(install: &Path, texts: &[(RelPath, Arc<[u8]>)]) -> BTreeMap<RelPath, String> {
    if texts.is_empty() {
        return BTreeMap::new();
    }
    // One that can't answer is none, as a shim for a version that is not there.
    let told = of_machine(install).iter().find_map(|python| interpreters::cannot_compile(python, texts).ok());
    told.unwrap_or_default().into_iter().map(|broken| (broken.path, broken.error)).collect()
}

/// Whether there is an interpreter that can be asked for an install without running anything of its project.
pub(crate) fn can_compile(install: &Path) -> bool {
    !of_machine(install).is_empty()
}

/// Interpreters on `PATH` that are not the project's own, as one of an active environment would be; first those of the
/// version that the install's environment has.
fn of_machine(install: &Path) -> Vec<PathBuf> {
    let project = std::fs::canonicalize(install).ok().and_then(|real| Some(real.parent()?.to_owned()));
    let foreign = |path: &Path| {
        let real = std::fs::canonicalize(path).ok();
        real.is_some_and(|real| project.as_ref().is_none_or(|project| !real.starts_with(project)))
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|f| f.is_absolute() && foreign(f)).collect();
    // The environment's own file is only read for a number, which chooses among this machine's interpreters.
    let same = interpreters::version_of(&venv::live(install)).map(|(major, minor)| format!("python{major}.{minor}"));
    let names = same.into_iter().chain(["python3".to_owned()]);
    let places = names.flat_map(|name| folders.iter().map(move |folder| folder.join(&name)));
    places.filter(|path| path.is_file() && foreign(path)).collect()
}

/// The tools that a package registers, each with the file that does so, by rules that `assets/registered-tools.py`
/// explains. Python reads the code and runs none of it.
///
/// # Errors
/// Python's last line.
pub fn registered_tools(install: &Path, package: &Path, rules: &str) -> Result<Vec<(String, String)>, String> {
    let mut command = children::helper(interpreter(install));
    command.args(["-I", "-S", "-B", "-c", include_str!("../../../assets/registered-tools.py"), rules]).arg(package);
    let out = output(&mut command, None, SHORT).map_err(|e| e.to_string())?;
    serde_json::from_slice(&out.stdout).map_err(|_| last_line(&out.stderr))
}

/// The install's own interpreter, else any.
fn interpreter(install: &Path) -> PathBuf {
    let own = install.join("venv/bin/python");
    if own.exists() { own } else { PathBuf::from("python3") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_python_is_told_and_nothing_runs() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(compile_error(dir.path(), b"raise SystemExit(1)\n"), None);
        let error = compile_error(dir.path(), b"def f(:\n").unwrap();
        assert!(error.starts_with("SyntaxError"), "{error}");
    }
}
