//! An environment that can't be used as it stands: another one is made from scratch beside it, with a Python of this machine
//! that fits. What stands at `venv` stays for a rollback, whatever it is.

use std::path::{Path, PathBuf};

use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::question::{Question, Way};
use crate::core::visible::{self, Shown as _};
use crate::engine::refusal::{Problem, problem};
use crate::host::python::condition::{self, Condition};
use crate::host::python::installer::{self, Installer};
use crate::host::python::interpreters::{self, Version};
use crate::host::python::venv;

/// What an environment that is made anew is made with, and why that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anew {
    /// The Python.
    pub(crate) python: PathBuf,
    /// What makes it, and installs into it.
    pub(crate) by: Installer,
    /// Why, in a sentence that begins with the environment's path.
    why: String,
    /// Nothing is wrong with what stands there, as long as nothing has to be installed.
    only_if_needed: bool,
}

/// What an upgrade does about the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Environment {
    /// Works with a copy of what is there.
    Copy(Installer),
    /// Makes one from scratch.
    Anew(Anew),
}

/// Looks at the environment; none where there is none. `least` is the oldest Python that the release wants, `named` one that
/// the user named. Runs nothing.
///
/// # Errors
/// The refusal where it can't be used, and no Python of this machine can replace it.
pub(crate) fn look(
    install: &Path,
    project: &Path,
    least: Option<Version>,
    named: Option<&Path>,
) -> Result<Option<Environment>, Problem> {
    let live = venv::live(install);
    let condition = condition::of(install, project);
    if condition == Condition::Missing {
        return Ok(None);
    }
    let by = Installer::for_new(&live);
    if let Some(python) = named {
        let why = format!("{}: it is made anew with the Python that you named", live.shown());
        return Ok(Some(Environment::Anew(Anew { python: python.to_owned(), by, why, only_if_needed: true })));
    }
    let (why, only_if_needed, behind) = match condition {
        Condition::Missing => return Ok(None),
        Condition::Sound(installer) => return Ok(Some(Environment::Copy(installer))),
        Condition::NoPython(why) => (format!("its Python, bin/python, is gone ({})", visible::line(&why)), false, None),
        Condition::NoInstaller(why) => {
            let why = format!("nothing can be installed into it ({why}, and neither uv nor another pip is here)");
            (why, true, None)
        }
        Condition::Elsewhere(real, conda) => {
            let kind = if conda { "a conda environment" } else { "one that is not the install's" };
            let why = format!("it is a link to {kind}, {}, which is not written to", real.shown());
            let behind = if conda { None } else { interpreters::behind(&live, project) };
            (why, true, behind)
        }
    };
    let why = format!("{}: {why}", live.shown());
    match behind.filter(|python| is_able(python, &by)).or_else(|| fitting(&live, project, least, &by)) {
        Some(python) => Ok(Some(Environment::Anew(Anew { python, by, why, only_if_needed }))),
        None => Err(none_fits(&live, &why, least)),
    }
}

/// The Python of this machine that is most like the one that is gone: of its version, else the next newer one.
fn fitting(live: &Path, project: &Path, least: Option<Version>, by: &Installer) -> Option<PathBuf> {
    let own = interpreters::version_of(live).unwrap_or((3, 10));
    let all = interpreters::found(least.unwrap_or((3, 8)), project);
    let able = all.iter().filter(|one| is_able(&one.path, by));
    let (older, newer): (Vec<_>, Vec<_>) = able.partition(|one| one.version < own);
    newer.first().or_else(|| older.last()).map(|one| one.path.clone())
}

/// Whether an environment with a way to install can be made with a Python.
fn is_able(python: &Path, by: &Installer) -> bool {
    matches!(by, Installer::Uv(_)) || installer::can_unpack_pip(python)
}

fn none_fits(live: &Path, why: &str, least: Option<Version>) -> Problem {
    let wants = least.map(|(major, minor)| format!(" {major}.{minor} or newer")).unwrap_or_default();
    let what = format!("{why}, and no Python{wants} with venv is on this machine to make it anew");
    // What is there may still be wanted: it is moved, not cleared.
    let next = format!(
        "install python3 with venv (Debian: apt install python3-venv), then try again; or make it anew by hand: \
         mv {0} {0}.old && python3 -m venv {0}",
        quoted(live)
    );
    problem(Code::NoPython, what, next)
}

impl Anew {
    /// For the preview: what is going to happen, in a sentence.
    pub(crate) fn describe(&self) -> String {
        let when = if self.only_if_needed { " where packages have to be installed" } else { "" };
        format!(
            "{}; another one is made from scratch with {}{when}, and what stands there is kept for a rollback",
            self.why,
            self.python.shown()
        )
    }

    /// Whether it is made even where the requirements are those that the install has.
    pub(crate) fn is_needed(&self) -> bool {
        !self.only_if_needed
    }

    /// The question, once it has to be made.
    pub(crate) fn question(&self) -> Question {
        Question::new("environment_anew", "The environment has to be made from scratch", Way::GoOn)
            .saying([
                visible::line(&self.why),
                format!("A new one is made beside it with {}.", visible::line(&self.python.shown().to_string())),
                "It gets what the release requires, and no other packages.".to_owned(),
            ])
            .offering(Way::GoOn, "Make it", "what stands there comes back with a rollback")
            .offering(Way::RollBack, "Give up", "nothing in the install was changed")
    }
}
