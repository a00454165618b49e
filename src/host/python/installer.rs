//! Who installs packages into an environment, by what is there: uv for one that uv made, else the pip in it, else one that
//! Python unpacks (`ensurepip`, never into the live one), else the pip of another Python.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::host::files::error::FsError;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;
use crate::host::process::children;
use crate::host::process::program::{self, Deaf, Limits, Listener, ProgramError};
use crate::host::python::interpreters;
use crate::host::python::packages;
use crate::host::python::pip;
use crate::host::python::pip::Wanted;

/// Python's own `venv` unpacks pip, which takes a few seconds.
const MAKING: Limits = Limits { silent: Duration::from_secs(180), total: Duration::from_secs(600) };

/// Variables that lead uv to another environment, or keep it from doing anything.
const OTHERS: [&str; 8] = [
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_WORKING_DIR",
    "UV_TARGET",
    "VIRTUAL_ENV",
];

/// Who installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installer {
    /// The environment's own pip.
    Pip,
    /// The pip of another Python.
    Other(PathBuf),
    /// uv.
    Uv(PathBuf),
    /// Nobody yet: Python unpacks a pip into the environment that is built.
    Ensured,
}

impl Installer {
    /// Of an environment, as far as that can be seen without running anything of it; nothing is written. `project` is where
    /// no other Python is taken from.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(environment: &Path, project: &Path) -> Result<Self, String> {
        if made_by_uv(environment)
            && let Some(uv) = uv()
        {
            return Ok(Self::Uv(uv));
        }
        if has_pip(environment) {
            return Ok(Self::Pip);
        }
        let behind = std::fs::canonicalize(environment.join("bin/python")).ok();
        if behind.is_some_and(|python| can_unpack_pip(&python)) {
            return Ok(Self::Ensured);
        }
        // That pip is run by the environment's own Python: one of the same version is sure to fit.
        let own = interpreters::version_of(environment);
        let mut others = interpreters::found((3, 7), project);
        others.sort_by_key(|one| (Some(one.version) != own, std::cmp::Reverse(one.version)));
        match others.into_iter().map(|one| one.path).find(|python| has_able_pip(python)) {
            Some(python) => Ok(Self::Other(python)),
            None => Err("No module named pip".to_owned()),
        }
    }

    /// What makes a new environment with this Python, where another one is to be replaced.
    pub(crate) fn for_new(replaced: &Path) -> Self {
        match uv() {
            Some(uv) if made_by_uv(replaced) => Self::Uv(uv),
            _ => Self::Pip,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        if matches!(self, Self::Uv(_)) { "uv" } else { "pip" }
    }

    /// In a few words, for people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Pip => "its own pip".to_owned(),
            Self::Other(python) => format!("the pip of {}", crate::core::os_text::encode(python)),
            Self::Uv(_) => "uv, which made it".to_owned(),
            Self::Ensured => "a pip that Python unpacks, since there is none in it".to_owned(),
        }
    }

    /// A command of its as people would type it; `environment` is its path in the install.
    pub(crate) fn shown(&self, environment: &str, what: &str, with: &str) -> String {
        match self {
            Self::Pip | Self::Ensured => format!("{environment}/bin/python -m pip {what}{with}"),
            Self::Other(python) => {
                let python = crate::core::os_text::encode(python);
                format!("{python} -m pip --python {environment}/bin/python {what}{with}")
            }
            Self::Uv(_) => format!("uv pip {what} --python {environment}/bin/python{with}"),
        }
    }

    /// The Python whose pip works in other environments; none where it is the environment's own.
    pub(crate) fn other(&self) -> Option<&Path> {
        match self {
            Self::Other(python) => Some(python),
            _ => None,
        }
    }

    /// What would be installed, asked now; empty if all requirements are fulfilled. Nothing is written into the environment.
    ///
    /// # Errors
    /// [`ProgramError`], for instance where a requirement can't be found at all, or where there is nobody to ask.
    pub fn missing(
        &self,
        environment: &Path,
        requirements: &Path,
        listener: &mut dyn Listener,
    ) -> Result<Vec<Wanted>, ProgramError> {
        match self {
            Self::Uv(uv) => missing_for_uv(uv, environment, requirements, listener),
            Self::Ensured => {
                Err(ProgramError::Start { name: "pip".into(), error: std::io::ErrorKind::NotFound.into() })
            }
            Self::Pip | Self::Other(_) => pip::missing(self.other(), environment, requirements, listener),
        }
    }

    /// Installed packages as lines of a requirements file.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub(crate) fn freeze(&self, environment: &Path) -> Result<String, ProgramError> {
        let Self::Uv(uv) = self else { return pip::freeze(self.other(), environment) };
        let mut command = for_environment(uv, "freeze", environment);
        let said = program::run("uv pip freeze", &mut command, pip::FREEZE, &mut Deaf)?;
        Ok(said.lines.join("\n") + "\n")
    }

    /// Installs requirements into an environment of the install that is not live; if there is a folder of fetched wheels,
    /// from nowhere else.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub fn install(
        &self,
        install: &LockedInstall,
        environment: &Path,
        requirements: &Path,
        fetched: Option<&Path>,
        listener: &mut dyn Listener,
    ) -> Result<(), ProgramError> {
        let Self::Uv(uv) = self else {
            return pip::install(self.other(), install, environment, requirements, fetched, listener);
        };
        let mut command = for_environment(uv, "install", environment);
        program::run("uv", command.arg("-r").arg(requirements), pip::limits(), listener).map(drop)
    }

    /// What a check of all packages complains about: those whose own requirements are not fulfilled.
    ///
    /// # Errors
    /// [`ProgramError`] if it did not run.
    pub fn complaints(&self, environment: &Path, listener: &mut dyn Listener) -> Result<Vec<String>, ProgramError> {
        let Self::Uv(uv) = self else { return pip::complaints(self.other(), environment, listener) };
        let said = pip::complaints_of("uv pip check", &mut for_environment(uv, "check", environment), listener)?;
        Ok(told_by_uv(said))
    }

    /// Makes a generation ready to be installed into; who then installs there. The live environment stays as it is.
    ///
    /// # Errors
    /// [`ProgramError`] where no pip can be unpacked.
    pub fn ready(
        self,
        _: &LockedInstall,
        generation: &Path,
        listener: &mut dyn Listener,
    ) -> Result<Self, ProgramError> {
        if self != Self::Ensured {
            return Ok(self);
        }
        let mut command = pip::python(generation);
        command.args(["-I", "-m", "ensurepip", "--default-pip"]).current_dir("/");
        program::run("ensurepip", &mut command, pip::limits(), listener)?;
        Ok(Self::Pip)
    }

    /// Makes an environment in a folder that isn't there, with a Python.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub(crate) fn make(&self, python: &Path, folder: &Path, listener: &mut dyn Listener) -> Result<(), ProgramError> {
        let mut command = match self {
            Self::Uv(uv) => {
                let mut command = clean(uv);
                command.args(["venv", "--no-progress", "--color", "never", "--python"]).arg(python).arg(folder);
                command
            }
            _ => {
                let mut command = children::command(python);
                pip::without_others(&mut command);
                command.args(["-I", "-m", "venv"]).arg(folder).current_dir("/");
                command
            }
        };
        program::run("venv", &mut command, MAKING, listener).map(drop)
    }
}

/// What a failed check of uv's complains about. The rest says how long it took; where nothing else is known, all that was said
/// is a complaint.
fn told_by_uv(said: Vec<String>) -> Vec<String> {
    let told: Vec<String> = said.iter().filter(|line| line.starts_with("The package ")).cloned().collect();
    if told.is_empty() { said } else { told }
}

/// Whether uv made an environment, as its settings say.
pub(crate) fn made_by_uv(environment: &Path) -> bool {
    let config = read::read_own(&environment.join("pyvenv.cfg")).unwrap_or_default();
    String::from_utf8_lossy(&config).lines().filter_map(|l| l.split_once('=')).any(|(key, _)| key.trim() == "uv")
}

/// Whether an environment has a pip, as far as that can be seen without running anything of it.
pub(crate) fn has_pip(venv: &Path) -> bool {
    let config = read::read_own(&venv.join("pyvenv.cfg")).unwrap_or_default();
    let config = String::from_utf8_lossy(&config).to_lowercase();
    let shared = config
        .lines()
        .filter_map(|l| l.split_once('='))
        .any(|(key, value)| (key.trim(), value.trim()) == ("include-system-site-packages", "true"));
    let libraries = ["lib", "lib64"].iter().flat_map(|lib| std::fs::read_dir(venv.join(lib))).flatten().flatten();
    let mut packages = libraries.map(|entry| entry.path().join("site-packages/pip"));
    // One that shares the machine's packages may have that one's pip.
    shared || packages.any(|pip| pip.is_dir())
}

/// uv on `PATH`.
fn uv() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&folders).filter(|folder| folder.is_absolute()).map(|f| f.join("uv"));
    places.find(|path| path.is_file())
}

/// Whether a Python brings a pip that it can unpack, seen without running it. Debian keeps both in packages of their own.
pub(crate) fn can_unpack_pip(python: &Path) -> bool {
    let Some((library, _)) = library(python) else { return false };
    library.join("ensurepip/__init__.py").is_file()
        && (library.join("ensurepip/_bundled").is_dir() || Path::new("/usr/share/python-wheels").is_dir())
}

/// The folder of a Python's own library, and the last part of its name.
fn library(python: &Path) -> Option<(PathBuf, String)> {
    let real = std::fs::canonicalize(python).ok()?;
    let name = real.file_name()?.to_str()?.to_owned();
    let name = name.strip_prefix("python").filter(|version| version.contains('.')).map(|_| name.clone())?;
    let root = real.parent()?.parent()?.to_owned();
    ["lib", "lib64"].iter().map(|lib| root.join(lib).join(&name)).find(|path| path.is_dir()).map(|path| (path, name))
}

/// Whether a Python has a pip that can work in other environments: 22.3 or newer.
fn has_able_pip(python: &Path) -> bool {
    let Some((library, _)) = library(python) else { return false };
    let mut folders = vec![library.join("site-packages"), library.join("dist-packages")];
    if library.starts_with("/usr/lib") {
        // Debian's Pythons share one.
        folders.push("/usr/lib/python3/dist-packages".into());
    }
    let names = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    names.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy().into_owned();
        let version = name.strip_prefix("pip-").and_then(|rest| rest.split('-').next().map(str::to_owned));
        let parts: Vec<u32> = version.iter().flat_map(|v| v.split('.')).filter_map(|part| part.parse().ok()).collect();
        name.contains(".dist-info") && matches!(parts[..], [major, minor, ..] if (major, minor) >= (22, 3))
    })
}

/// uv as it is on this machine: the user's settings and index count, a project's do not.
fn clean(uv: &Path) -> Command {
    let mut command = children::command(uv);
    pip::without_others(&mut command);
    for name in OTHERS {
        command.env_remove(name);
    }
    command.current_dir("/");
    command
}

/// `uv pip ...` of an environment: plain lines.
fn for_environment(uv: &Path, what: &str, environment: &Path) -> Command {
    let mut command = clean(uv);
    command.args(["pip", what, "--no-progress", "--color", "never", "--python"]);
    command.arg(environment.join("bin/python"));
    command
}

/// uv's own dry run leaves a lock in the environment. Its resolver writes nowhere but where it is told, and prefers what
/// stands there already: what differs from what is installed is what is missing.
fn missing_for_uv(
    uv: &Path,
    environment: &Path,
    requirements: &Path,
    listener: &mut dyn Listener,
) -> Result<Vec<Wanted>, ProgramError> {
    let failed = |error| ProgramError::Start { name: "uv".into(), error };
    let folder = tempfile::tempdir().map_err(failed)?;
    let resolved = folder.path().join("resolved.txt");
    let installed = packages::installed(environment);
    let now = installed.as_ref().map(packages::Installed::snapshot).unwrap_or_default();
    std::fs::write(&resolved, &now).map_err(failed)?;
    let mut command = for_environment(uv, "compile", environment);
    command.args(["--no-header", "--no-annotate", "--output-file"]).arg(&resolved).arg(requirements);
    program::run("uv", &mut command, pip::limits(), listener)?;
    let text = read::read_at_most(&resolved, read::NOTE).map_err(failed)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let have: BTreeMap<String, String> = pins(&now).collect();
    let asked = pins(&text).filter(|(name, version)| have.get(name) != Some(version));
    Ok(asked.map(|(name, version)| Wanted { name, version, url: String::new() }).collect())
}

/// The packages of a list, by normal names: those with a version, and those with an address.
fn pins(text: &str) -> impl Iterator<Item = (String, String)> {
    let plain = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    plain.filter_map(|line| {
        let line = line.split(" ;").next()?.trim();
        let (name, version) = line.split_once("==").or_else(|| line.split_once(" @ "))?;
        Some((crate::core::requirements::normal(name.trim()), version.trim().to_owned()))
    })
}

/// The error of a folder that a program needs.
pub(crate) fn no_folder(error: &FsError) -> ProgramError {
    ProgramError::Start { name: "venv".into(), error: std::io::Error::other(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_packages_is_read() {
        let text = "--no-index\n# x\nAa_b==1.0\nc @ file:///x\nd==2 ; python_version > '3'\n";
        let found: Vec<_> = pins(text).collect();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found, [pair("aa-b", "1.0"), pair("c", "file:///x"), pair("d", "2")]);
    }

    #[test]
    fn a_failed_check_is_never_all_well() {
        let lines = |all: &[&str]| all.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let known = lines(&["Checked 3 packages in 1ms", "The package `a` requires `b`, but it's not installed"]);
        assert_eq!(told_by_uv(known.clone()), known[1..]);
        let other = lines(&["error: no such thing"]);
        assert_eq!(told_by_uv(other.clone()), other);
        assert!(told_by_uv(Vec::new()).is_empty());
    }

    #[test]
    fn who_made_an_environment_stands_in_its_settings() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("pyvenv.cfg");
        for (text, uv) in [("home = /uv\nversion = 3.12", false), ("uv = 0.4.1\n", true), ("", false)] {
            std::fs::write(&config, text).unwrap();
            assert_eq!(made_by_uv(dir.path()), uv, "{text}");
        }
    }
}
