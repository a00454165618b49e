//! pip in an environment: what it would do, what it does, and whether the result can be used.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::host::files::read::read_at_most;
use crate::host::install::locked::LockedInstall;
use crate::host::process::children;
use crate::host::process::program;
use crate::host::process::program::{Deaf, Limits, Listener, ProgramError};

/// How long pip may do nothing at all: neither speak, nor compute, nor read, nor write. `POS_PIP_SILENCE`, in seconds,
/// is for networks that are slower still.
const SILENCE: Duration = Duration::from_secs(180);
/// However busy it is.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// How long importing may take: some packages are large.
const IMPORTS: Duration = Duration::from_secs(300);
/// Listing what is installed needs no network; nobody can cancel it.
pub(super) const FREEZE: Limits = Limits { silent: Duration::from_secs(120), total: Duration::from_secs(600) };
/// Complaints of `pip check` that are listened to.
const COMPLAINTS: usize = 1_000;
/// A report of a dry run holds what each package says of itself.
const REPORT: u64 = 64 << 20;

/// How long pip may do nothing at all.
pub(crate) fn silence() -> Duration {
    static SILENT: LazyLock<Duration> = LazyLock::new(|| {
        let said = std::env::var("POS_PIP_SILENCE").ok().and_then(|text| text.parse().ok());
        said.filter(|seconds| *seconds > 0).map_or(SILENCE, Duration::from_secs)
    });
    *SILENT
}

pub(super) fn limits() -> Limits {
    Limits { silent: silence(), total: LONGEST }
}

/// Variables that lead an interpreter, or its pip, to somebody else's packages.
const OTHERS: [&str; 7] =
    ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"];

/// Takes those variables from a program.
pub(super) fn without_others(command: &mut Command) {
    for name in OTHERS {
        command.env_remove(name);
    }
}

/// An environment's interpreter, without the variables that lead it to somebody else's packages.
pub fn python(venv: &Path) -> Command {
    let mut command = children::command(venv.join("bin/python"));
    without_others(&mut command);
    // Otherwise its lines come in blocks, and late.
    command.env("PYTHONUNBUFFERED", "1");
    command
}

/// `python -m pip` of an environment: no prompt, no look for newer pips, plain lines. `by` is another Python whose pip works
/// there, where the environment has none.
fn pip(by: Option<&Path>, venv: &Path) -> Command {
    let mut command = match by {
        None => python(venv),
        Some(other) => {
            let mut command = children::command(other);
            without_others(&mut command);
            command.env("PYTHONUNBUFFERED", "1").current_dir("/");
            command
        }
    };
    command.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color"]);
    if by.is_some() {
        command.arg("--python").arg(venv.join("bin/python"));
    }
    command
}

/// One package that pip would install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from.
    pub url: String,
}

/// The command of a dry run that writes its report to a file; it changes nothing in the environment.
pub fn dry_run(by: Option<&Path>, venv: &Path, requirements: &Path, report: &Path) -> Command {
    let mut command = pip(by, venv);
    command.args(["install", "--dry-run", "--report"]).arg(report).arg("-r").arg(requirements);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The report that a dry run wrote.
///
/// # Errors
/// [`std::io::Error`], also for one that is larger than any.
pub(crate) fn read_report(path: &Path) -> std::io::Result<Vec<u8>> {
    read_at_most(path, REPORT)
}

/// What a report of a dry run says would be installed; none if it is no report.
pub fn wanted(report: &[u8]) -> Option<Vec<Wanted>> {
    let report: serde_json::Value = serde_json::from_slice(report).ok()?;
    let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
    let one = |item: &serde_json::Value| {
        Some(Wanted {
            name: text(&item["metadata"]["name"])?,
            version: text(&item["metadata"]["version"])?,
            url: text(&item["download_info"]["url"]).unwrap_or_default(),
        })
    };
    report["install"].as_array()?.iter().map(one).collect()
}

/// What pip would install, asked now; empty if all requirements are fulfilled.
///
/// # Errors
/// [`ProgramError`], for instance where a requirement can't be found at all.
pub fn missing(
    by: Option<&Path>,
    venv: &Path,
    requirements: &Path,
    listener: &mut dyn Listener,
) -> Result<Vec<Wanted>, ProgramError> {
    let failed = |error| ProgramError::Start { name: "pip".into(), error };
    let report = tempfile::NamedTempFile::new().map_err(failed)?;
    program::run("pip", &mut dry_run(by, venv, requirements, report.path()), limits(), listener)?;
    let bytes = read_report(report.path()).map_err(failed)?;
    wanted(&bytes).ok_or_else(|| failed(std::io::Error::other("its report can't be read")))
}

/// Installed packages as lines of a requirements file.
///
/// # Errors
/// [`ProgramError`].
pub(crate) fn freeze(by: Option<&Path>, venv: &Path) -> Result<String, ProgramError> {
    let mut command = pip(by, venv);
    command.args(["freeze", "--all"]).env("PYTHONDONTWRITEBYTECODE", "1");
    let said = program::run("pip freeze", &mut command, FREEZE, &mut Deaf)?;
    if !said.whole {
        let error = std::io::Error::other("it lists more than any environment has");
        return Err(ProgramError::Start { name: "pip freeze".into(), error });
    }
    Ok(said.lines.join("\n") + "\n")
}

/// The command that fetches exactly these packages into a folder.
pub fn download(by: Option<&Path>, venv: &Path, exactly: &Path, folder: &Path) -> Command {
    let mut command = pip(by, venv);
    command.args(["download", "--no-deps", "--dest"]).arg(folder).arg("-r").arg(exactly);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Installs requirements into an environment of the install that is not live; if there is a folder of fetched wheels, from
/// nowhere else.
///
/// # Errors
/// [`ProgramError`].
pub fn install(
    by: Option<&Path>,
    _: &LockedInstall,
    venv: &Path,
    requirements: &Path,
    fetched: Option<&Path>,
    listener: &mut dyn Listener,
) -> Result<(), ProgramError> {
    let mut command = pip(by, venv);
    command.arg("install");
    if let Some(folder) = fetched {
        command.arg("--no-index").arg("--find-links").arg(folder);
    }
    program::run("pip", command.arg("-r").arg(requirements), limits(), listener).map(drop)
}

/// What `pip check` complains about: packages whose own requirements are not fulfilled.
///
/// # Errors
/// [`ProgramError`] if it did not run.
pub fn complaints(by: Option<&Path>, venv: &Path, listener: &mut dyn Listener) -> Result<Vec<String>, ProgramError> {
    complaints_of("pip check", pip(by, venv).arg("check"), listener)
}

/// What a program that fails where something does not fit together says then.
///
/// # Errors
/// [`ProgramError`] if it did not run.
pub(super) fn complaints_of(
    name: &str,
    command: &mut Command,
    listener: &mut dyn Listener,
) -> Result<Vec<String>, ProgramError> {
    struct Ear<'a>(&'a mut dyn Listener, Vec<String>);
    impl Listener for Ear<'_> {
        fn started(&mut self, pid: u32) {
            self.0.started(pid);
        }
        fn line(&mut self, text: &str) {
            self.0.line(text);
            if self.1.len() < COMPLAINTS {
                self.1.push(text.to_owned());
            }
        }
        fn go_on(&mut self) -> bool {
            self.0.go_on()
        }
    }
    let mut ear = Ear(listener, Vec::new());
    match program::run(name, command, limits(), &mut ear) {
        Ok(_) => Ok(Vec::new()),
        Err(ProgramError::Failed { .. }) if !ear.1.is_empty() => Ok(ear.1),
        Err(other) => Err(other),
    }
}

/// Which of these packages can't be imported, each with the reason.
///
/// # Errors
/// [`ProgramError`] if that can't be found out.
pub fn not_importable(venv: &Path, names: &[String], listener: &mut dyn Listener) -> Result<Vec<String>, ProgramError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = python(venv);
    command.args(["-I", "-B", "-c", include_str!("imports.py")]).args(names);
    let limits = Limits { silent: IMPORTS, total: IMPORTS };
    let mut ear = Imports { listener, names, failed: Vec::new() };
    program::run("importing the required packages", &mut command, limits, &mut ear)?;
    Ok(ear.failed.into_iter().map(|(name, why)| format!("{name}: {why}")).collect())
}

/// Hears which packages can't be imported. They may print what they like, and as much as they like: only lines that begin
/// with a name that was asked for count, and of those the first.
struct Imports<'a> {
    listener: &'a mut dyn Listener,
    names: &'a [String],
    failed: Vec<(String, String)>,
}

impl Listener for Imports<'_> {
    fn started(&mut self, pid: u32) {
        self.listener.started(pid);
    }

    fn line(&mut self, text: &str) {
        self.listener.line(text);
        if let Some((name, why)) = text.split_once(" !! ")
            && self.names.iter().any(|n| n == name)
            && !self.failed.iter().any(|(known, _)| known == name)
        {
            self.failed.push((name.to_owned(), why.to_owned()));
        }
    }

    fn go_on(&mut self) -> bool {
        self.listener.go_on()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let report = br#"{"version":"1","install":[{"download_info":{"url":"https://x.invalid/a.whl"},
            "metadata":{"name":"a","version":"1.0"}}]}"#;
        let one = Wanted { name: "a".into(), version: "1.0".into(), url: "https://x.invalid/a.whl".into() };
        assert_eq!(wanted(report), Some(vec![one]));
        assert_eq!(wanted(br#"{"install":[]}"#), Some(vec![]));
        assert_eq!(wanted(b"{}"), None);
    }
}
