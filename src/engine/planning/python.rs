//! Whether the Python that will run the new server can: each of its files is parsed by it before anything changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::Only;
use crate::core::visible::Shown as _;
use crate::engine::planning::environment_anew;
use crate::engine::planning::environment_anew::Environment;
use crate::engine::planning::request::Request;
use crate::engine::planning::source::Source;
use crate::engine::refusal::{Problem, problem};
use crate::host::python::interpreters::{Broken, Version};
use crate::host::python::{interpreters, venv};
use crate::host::server;

/// How many files a refusal names.
const SHOWN: usize = 3;

/// What the check of the server's files came to.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The Python that can't run the new server, and what to do.
    pub(crate) problem: Option<Problem>,
    /// What a person should know otherwise.
    pub(crate) warning: Option<String>,
}

impl Checked {
    fn refused(problem: Problem) -> Self {
        Self { problem: Some(problem), warning: None }
    }

    fn warned(warning: String) -> Self {
        Self { problem: None, warning: Some(warning) }
    }
}

/// Parses the new server's files with the interpreter that the environment will have, where that is a question: the
/// package is another one, the environment's Python is older than the release wants, or another Python was named.
pub(crate) fn check(request: &Request, install: &Path, source: &Source) -> Checked {
    let (target, venv) = (source.generation().server(), venv::live(install));
    if request.only == Some(Only::Content) || std::fs::symlink_metadata(&venv).is_err() {
        return Checked::default();
    }
    let own = interpreters::version_of(&venv);
    let is_old = target.minimum_python.zip(own).is_some_and(|(least, own)| own < least);
    let other = server::layout_of(install).package != target.package;
    let named = request.options.python.as_deref();
    // One that is made from scratch gets another Python.
    let anew = match environment_anew::look(install, &request.project, target.minimum_python, named) {
        Ok(Some(Environment::Anew(anew))) if named.is_none() => Some(anew.python),
        _ => None,
    };
    if !is_old && !other && named.is_none() && anew.is_none() {
        return Checked::default();
    }
    let (python, version) = match named {
        Some(python) => match interpreters::ask_version(python) {
            Ok(version) => (python.to_owned(), Some(version)),
            Err(why) => {
                let what = format!("--python {}: {why}", python.shown());
                return Checked::refused(problem(
                    Code::NoPython,
                    what,
                    "name a Python program, such as --python python3.12",
                ));
            }
        },
        None => match anew.clone().or_else(|| interpreters::behind(&venv, &request.project)) {
            Some(python) if anew.is_some() => {
                let version = interpreters::ask_version(&python).ok();
                (python, version)
            }
            Some(python) => (python, own),
            None => return Checked::warned(not_checked(&venv)),
        },
    };
    let files = files(source);
    match interpreters::cannot_compile(&python, &files) {
        Err(why) => Checked::warned(format!("{} ({why})", not_checked(&venv))),
        Ok(broken) if broken.is_empty() => match target.minimum_python.zip(version) {
            Some((least, own)) if own < least => Checked::warned(format!(
                "the new server wants Python {}; {} can parse all of it",
                words(least),
                words(own)
            )),
            _ => Checked::default(),
        },
        Ok(broken) => Checked::refused(cannot_run(request, install, &python, version, target.minimum_python, &broken)),
    }
}

fn not_checked(venv: &Path) -> String {
    let python = venv.join("bin/python");
    format!(
        "{}: not known whether it can run the new server: no Python of this machine stands behind it",
        python.shown()
    )
}

/// The release's server files, by the path that they will have.
fn files(source: &Source) -> Vec<(RelPath, Arc<[u8]>)> {
    let package = &source.generation().server().package;
    let placed = source.tree.iter().filter_map(|(path, file)| {
        let place = source.generation().newest().install_path(path, |_| false)?;
        let is_code = place.is_within(package) && place.as_bytes().ends_with(b".py");
        let bytes = if is_code { source.read(&file.blob) } else { None };
        Some((place, bytes?))
    });
    placed.collect()
}

fn words((major, minor): Version) -> String {
    format!("{major}.{minor}")
}

fn cannot_run(
    request: &Request,
    install: &Path,
    python: &Path,
    version: Option<Version>,
    least: Option<Version>,
    broken: &[Broken],
) -> Problem {
    let mut what = format!(
        "{}: the Python {} behind this install's environment can't run the new server:",
        install.shown(),
        python.shown()
    );
    if request.options.python.is_some() {
        what = format!("--python {}: it can't run the new server:", python.shown());
    }
    if let Some(version) = version {
        let wants = least.map(|least| format!(", and the release wants {} or newer", words(least))).unwrap_or_default();
        what =
            format!("{} it is Python {}{wants}, and can't parse {} of its files", what, words(version), broken.len());
    }
    for Broken { path, error, line } in broken.iter().take(SHOWN) {
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        what.push_str(&format!("\n  {path}{line}: {error}"));
    }
    let found = interpreters::found(least.unwrap_or((3, 10)), &request.project);
    let other: Option<PathBuf> = found.into_iter().map(|one| one.path).find(|path| path != python);
    let next = match other {
        Some(other) => format!("let the environment be made anew with another one: --python {}", quoted(&other)),
        None => "install a newer Python, then let the environment be made anew with it: --python PROGRAM".to_owned(),
    };
    problem(Code::PythonTooOld, what, next)
}
