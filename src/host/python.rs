//! Asks a Python interpreter whether a text compiles. Writes nothing, runs nothing of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::timing::{Who, waiting};

/// What is wrong with a Python text, in the interpreter's words; none if it compiles, or if there is nobody to ask.
pub fn compile_error(install: &Path, text: &[u8]) -> Option<String> {
    // Only the error's last line: the name of the file is the caller's to tell.
    const CODE: &str = "import sys; compile(sys.stdin.buffer.read(), 'merged', 'exec', dont_inherit=True)";
    let _program = waiting(Who::Programs);
    let mut child = Command::new(interpreter(install))
        .args(["-I", "-B", "-c", CODE])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    // An interpreter that dies early closes the pipe; its exit tells more than the failed write.
    let _ = child.stdin.take()?.write_all(text);
    let out = child.wait_with_output().ok()?;
    if out.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let word = said.lines().rev().find(|l| l.contains("Error"))?;
    Some(super::fs::visible(word.trim()))
}

/// The tools that a package registers, each with the file that does so, by rules that `assets/registered-tools.py`
/// explains. Python reads the code and runs none of it.
///
/// # Errors
/// Python's last line.
pub fn registered_tools(install: &Path, package: &Path, rules: &str) -> Result<Vec<(String, String)>, String> {
    let out = Command::new(interpreter(install))
        .args(["-I", "-S", "-B", "-c", include_str!("../../assets/registered-tools.py"), rules])
        .arg(package)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&out.stderr).lines().last().unwrap_or_default().to_owned();
    serde_json::from_slice(&out.stdout).map_err(|_| super::fs::visible(&said))
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
