//! In what state an install's environment is, as far as that can be seen without running anything of it.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::host::python::installer::Installer;
use crate::host::python::interpreters;
use crate::host::python::venv;

/// How an environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// There is none.
    Missing,
    /// It has a Python, and somebody can install into a copy of it.
    Sound(Installer),
    /// Its Python is gone, or no program.
    NoPython(String),
    /// Nobody can install into it.
    NoInstaller(String),
    /// It is a link to one that is not the install's: the folder, and whether conda made it.
    Elsewhere(PathBuf, bool),
}

/// How the environment of an install stands. Reads only.
pub(crate) fn of(install: &Path, project: &Path) -> Condition {
    let live = venv::live(install);
    let Ok(meta) = std::fs::symlink_metadata(&live) else { return Condition::Missing };
    if meta.is_symlink() {
        match (std::fs::canonicalize(&live), std::fs::canonicalize(install)) {
            (Ok(real), Ok(install)) if !real.starts_with(&install) && real.is_dir() => {
                let conda = real.join("conda-meta").is_dir();
                return Condition::Elsewhere(real, conda);
            }
            (Err(e), _) => {
                let leads = std::fs::read_link(&live).unwrap_or_default();
                return Condition::NoPython(format!("the link leads to {}: {e}", crate::core::os_text::encode(&leads)));
            }
            _ => {}
        }
    }
    if let Err(e) = is_program(&live.join("bin/python")) {
        return Condition::NoPython(e.to_string());
    }
    // What the system brought with an upgrade of its own doesn't see the packages that are there.
    if let (Some(made), Some(now)) = (interpreters::version_of(&live), real_version(&live.join("bin/python")))
        && made != now
    {
        return Condition::NoPython(format!(
            "it was made with {}.{}, its python is {}.{} now",
            made.0, made.1, now.0, now.1
        ));
    }
    match Installer::of(&live, project) {
        Ok(installer) => Condition::Sound(installer),
        Err(why) => Condition::NoInstaller(why),
    }
}

/// The version in the name of the program that a link leads to, such as `python3.12`.
fn real_version(python: &Path) -> Option<(u8, u8)> {
    let real = std::fs::canonicalize(python).ok()?;
    let (major, minor) = real.file_name()?.to_str()?.strip_prefix("python")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn is_program(python: &Path) -> io::Result<()> {
    let meta = std::fs::metadata(python)?;
    let runs = meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    if runs { Ok(()) } else { Err(io::Error::other("it is no program")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_state_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path().join("install");
        let look = || of(&install, dir.path());
        std::fs::create_dir(&install).unwrap();
        assert_eq!(look(), Condition::Missing);
        let venv = install.join("venv");
        symlink("../gone", &venv).unwrap();
        assert!(matches!(look(), Condition::NoPython(why) if why.contains("../gone")));
        std::fs::create_dir_all(dir.path().join("gone/conda-meta")).unwrap();
        assert!(matches!(look(), Condition::Elsewhere(_, true)));
        std::fs::remove_file(&venv).unwrap();
        std::fs::create_dir_all(venv.join("bin")).unwrap();
        symlink("/no/such/python3.9", venv.join("bin/python")).unwrap();
        assert!(matches!(look(), Condition::NoPython(_)));
        std::fs::remove_file(venv.join("bin/python")).unwrap();
        symlink(std::env::current_exe().unwrap(), venv.join("bin/python")).unwrap();
        std::fs::create_dir_all(venv.join("lib/python3.9/site-packages/pip")).unwrap();
        assert_eq!(look(), Condition::Sound(Installer::Pip));
        // The system's python3 is another one than before.
        std::fs::remove_file(venv.join("bin/python")).unwrap();
        std::fs::copy("/bin/true", dir.path().join("python3.13")).unwrap();
        symlink(dir.path().join("python3.13"), venv.join("bin/python")).unwrap();
        assert_eq!(look(), Condition::Sound(Installer::Pip), "its version is not known");
        std::fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\nversion = 3.13.1\n").unwrap();
        assert_eq!(look(), Condition::Sound(Installer::Pip));
        std::fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\nversion = 3.10.4\n").unwrap();
        assert_eq!(look(), Condition::NoPython("it was made with 3.10, its python is 3.13 now".to_owned()));
    }
}
