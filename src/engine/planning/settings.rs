//! The settings of an upgrade, by who wrote them, and whose word it is that code runs.

use std::path::{Path, PathBuf};

use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::settings::{FILE, Settings};
use crate::core::visible::Shown as _;
use crate::engine::refusal::{self, Problem};
use crate::host::files::read;
use crate::host::git::{address, cached};
use crate::host::install;
use crate::host::user::consent;
use crate::host::user::consent::Wish;
use crate::host::user::settings_file;

/// The project: the named one, or the nearest parent of the current folder that has an install.
///
/// # Errors
/// [`Problem`] if there is none.
pub(crate) fn project(named: Option<&Path>) -> Result<PathBuf, Problem> {
    let next = "name the project that has one: --project DIR";
    if let Some(named) = named {
        let found = named.canonicalize().map_err(|e| {
            refusal::problem(
                Code::NoInstall,
                format!("{}: no such project folder ({e}); nothing was changed", named.shown()),
                next,
            )
        })?;
        let inside = install::is_named_so(&found);
        return Ok(if inside { found.parent().map_or(found.clone(), Path::to_owned) } else { found });
    }
    let here = std::env::current_dir().map_err(|e| {
        refusal::problem(Code::Files, format!("the current folder can't be read ({e}); nothing was changed"), next)
    })?;
    let has_install = |dir: &&Path| install::folder_of(dir).is_dir();
    match here.ancestors().find(has_install) {
        Some(project) => Ok(project.to_owned()),
        None => {
            let name = install::name_of(&install::folder_of(&here));
            let what = format!("{}: no {name} folder here or above; nothing was changed", here.shown());
            Err(refusal::problem(Code::NoInstall, what, next))
        }
    }
}

/// The settings by who wrote them. Each file is read once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    /// What came with the command.
    pub(crate) flags: Settings,
    /// The project's file.
    pub(crate) project: Settings,
    /// The user's file.
    pub(crate) user: Settings,
}

impl Layers {
    /// Reads the files of a project and its user.
    ///
    /// # Errors
    /// [`Problem`] naming the file and the key.
    pub(crate) fn read(project: &Path, flags: Settings) -> Result<Self, Problem> {
        let mut of_project = read(&project_file(project))?;
        // In the project's file a relative path starts at the project, wherever the command is typed.
        let placed = |p: PathBuf| if address::is_address(&p) { p } else { project.join(p) };
        of_project.source_path = of_project.source_path.map(placed);
        let user = settings_file::path().map_or(Ok(Settings::default()), |path| read(&path))?;
        Ok(Self { flags, project: of_project, user })
    }

    /// Flags over the project's file over the user's.
    pub(crate) fn all(&self) -> Settings {
        self.flags.clone().over(self.project.clone()).over(self.user.clone())
    }

    /// Whose word the settings are; with `allow_test_command` the command line speaks for the test command.
    pub(crate) fn word(&self, project: &Path, allow_test_command: bool) -> Word {
        let tests = self.project.test_command.clone().or_else(|| self.user.test_command.clone());
        let own = allow_test_command || tests == self.user.test_command;
        let named = absolute(self.project.source_path.as_deref()).filter(|_| self.flags.source_path.is_none());
        let foreign = named.filter(|source| absolute(self.user.source_path.as_deref()).as_ref() != Some(source));
        let foreign_source =
            foreign.filter(|source| !consent::allows(project, &Wish::Source(cached::place_of(source))));
        Word { tests: tests.filter(|_| own), foreign_source }
    }
}

/// The project's settings file, whether it is there or not.
pub(crate) fn project_file(project: &Path) -> PathBuf {
    install::folder_of(project).join(FILE)
}

/// Whose word it is that code runs: what only the project's own file asks for is not the user's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// The test command is the user's own, or was allowed with this command line.
    pub(crate) tests: Option<Vec<String>>,
    /// The source that only the project's file names, if it was not used before.
    pub(crate) foreign_source: Option<PathBuf>,
}

/// Notes what the user's own word is; called where an upgrade is approved, because nothing is written before.
pub(crate) fn remember(project: &Path, word: &Word, source: &Path) {
    if let Some(command) = &word.tests {
        consent::allow(project, &Wish::TestCommand(command.clone()));
    }
    consent::allow(project, &Wish::Source(source.to_owned()));
}

fn read(path: &Path) -> Result<Settings, Problem> {
    let broken = |problem: String| {
        let what = format!("{}: {problem}; nothing was changed", path.shown());
        refusal::usage(
            Code::BadSettings,
            what,
            format!("mend the file, or move it aside: mv {0} {0}.old", quoted(path)),
        )
    };
    let Some(text) = read::read_settings(path).map_err(broken)? else {
        return Ok(Settings::default());
    };
    Settings::parse(&text).map_err(|e| broken(e.to_string()))
}

/// A source as an absolute path, for a session outlives the folder that it was typed in. One that isn't there stays
/// as it is; the checks say so.
pub(crate) fn absolute(source: Option<&Path>) -> Option<PathBuf> {
    let source = source?;
    if address::is_address(source) {
        return Some(source.to_owned());
    }
    Some(source.canonicalize().or_else(|_| std::path::absolute(source)).unwrap_or_else(|_| source.to_owned()))
}
