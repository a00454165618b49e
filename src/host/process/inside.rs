//! Which processes work from within a folder, so that it must not get another name while they run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::core::os_text;
use crate::host::process::proc;
use crate::host::process::proc::Process;

/// A variable that says where Python looks for code.
const PYTHON_PATH: &str = "PYTHONPATH";

/// The processes whose code lies in a folder: a program or script in it, a library of it in memory, or Python that looks
/// for modules there. A shell that only stands in it is none. This process and those that it descends from are left out.
pub(crate) fn inside(folder: &Path) -> Vec<Process> {
    let own = proc::with_ancestors(std::process::id());
    let others = proc::all().filter(|pid| !own.contains(pid)).filter_map(proc::look);
    others.filter(|process| runs_from(process, folder)).collect()
}

fn runs_from(process: &Process, folder: &Path) -> bool {
    let is_in = |word: &str| process.cwd.join(os_text::decode(word)).starts_with(folder);
    // The program, and the script that an interpreter was given.
    if process.command.iter().take(2).any(|word| !word.starts_with('-') && is_in(word)) {
        return true;
    }
    let looks_there = |paths: &String| {
        let paths = os_text::decode(paths);
        let mut parts = paths.as_bytes().split(|b| *b == b':').filter(|part| !part.is_empty());
        parts.any(|part| process.cwd.join(OsStr::from_bytes(part)).starts_with(folder))
    };
    let is_python = |path: &Path| path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"python"));
    if is_python(&process.program) && process.env.get(PYTHON_PATH).is_some_and(looks_there) {
        return true;
    }
    let maps = std::fs::read(format!("/proc/{}/maps", process.pid)).unwrap_or_default();
    let mut prefix = folder.as_os_str().as_bytes().to_vec();
    prefix.push(b'/');
    maps.windows(prefix.len()).any(|window| window == prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_script_of_the_folder_is_found_and_a_shell_that_stands_in_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap().join("in");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("wait.sh"), "read line\n").unwrap();
        let started = |arguments: &[&str]| {
            let mut command = Command::new("/bin/sh");
            command.args(arguments).current_dir(&folder).stdin(Stdio::piped()).spawn().unwrap()
        };
        let (mut script, mut shell) = (started(&["wait.sh"]), started(&["-c", "read line"]));
        let found: Vec<u32> = inside(&folder).into_iter().map(|process| process.pid).collect();
        drop((script.stdin.take(), shell.stdin.take()));
        let (by_script, by_shell) = (script.id(), shell.id());
        script.wait().unwrap();
        shell.wait().unwrap();
        assert!(found.contains(&by_script) && !found.contains(&by_shell), "{found:?} {by_script} {by_shell}");
    }
}
