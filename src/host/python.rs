//! Asks a Python interpreter whether a text compiles. Writes nothing, runs nothing of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::timing::{Who, waiting};

/// What is wrong with a Python text, in the interpreter's words; none if it compiles, or if there is nobody to ask.
pub fn compile_error(install: &Path, text: &[u8]) -> Option<String> {
    // Only the error's last line: the name of the file is the caller's to tell.
    const CODE: &str = "import sys; compile(sys.stdin.buffer.read(), 'merged', 'exec', dont_inherit=True)";
    let own = install.join("venv/bin/python");
    let program = if own.exists() { own } else { PathBuf::from("python3") };
    let _program = waiting(Who::Programs);
    let mut child = Command::new(program)
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
