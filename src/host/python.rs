//! Asks a Python interpreter whether a text compiles. Writes nothing, runs nothing of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::output::{SHORT, last_line, output};
use super::timing::{Who, waiting};
use crate::core::visible;

/// What is wrong with a Python text, in the interpreter's words; none if it compiles, or if there is nobody to ask.
pub fn compile_error(install: &Path, text: &[u8]) -> Option<String> {
    // Only the error's last line: the name of the file is the caller's to tell.
    const CODE: &str = "import sys; compile(sys.stdin.buffer.read(), 'merged', 'exec', dont_inherit=True)";
    let _program = waiting(Who::Programs);
    let mut command = Command::new(interpreter(install));
    command.args(["-I", "-B", "-c", CODE]);
    let out = output(&mut command, Some(text.to_vec()), SHORT).ok()?;
    if out.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let word = said.lines().rev().find(|l| l.contains("Error"))?;
    Some(visible::start_of(word.trim(), 300))
}

/// The tools that a package registers, each with the file that does so, by rules that `assets/registered-tools.py`
/// explains. Python reads the code and runs none of it.
///
/// # Errors
/// Python's last line.
pub fn registered_tools(install: &Path, package: &Path, rules: &str) -> Result<Vec<(String, String)>, String> {
    let mut command = Command::new(interpreter(install));
    command.args(["-I", "-S", "-B", "-c", include_str!("../../assets/registered-tools.py"), rules]).arg(package);
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
