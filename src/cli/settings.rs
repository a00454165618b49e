//! Project, settings files and flags become one request.

use std::path::{Path, PathBuf};

use crate::cli::args::{Colours, Common, From, Look, Part};
use crate::cli::refusal::Refusal;
use crate::cli::source;
use crate::core::os_text::quoted;
use crate::core::settings::{self as core, FILE, Options, Settings};
use crate::core::visible::Shown as _;
use crate::engine::planning::inspect;
use crate::engine::planning::request::Request;
use crate::host::files::read;
use crate::host::git::{Repo, address};
use crate::host::install;
use crate::host::user::consent;
use crate::host::user::consent::Wish;

/// The project: `--project`, or the nearest parent that has an install.
///
/// # Errors
/// [`Refusal`] if there is none.
pub(crate) fn project(common: &Common) -> Result<PathBuf, Refusal> {
    let next = "name the project that has one: --project DIR";
    if let Some(named) = &common.project {
        let found = named.canonicalize().map_err(|e| {
            Refusal::refused(format!("{}: no such project folder ({e}); nothing was changed", named.shown()), next)
        })?;
        let inside = install::is_named_so(&found);
        return Ok(if inside { found.parent().map_or(found.clone(), Path::to_owned) } else { found });
    }
    let here = std::env::current_dir()
        .map_err(|e| Refusal::refused(format!("the current folder can't be read ({e}); nothing was changed"), next))?;
    let has_install = |dir: &&Path| install::folder_of(dir).is_dir();
    match here.ancestors().find(has_install) {
        Some(project) => Ok(project.to_owned()),
        None => {
            let name = install::name_of(&install::folder_of(&here));
            let what = format!("{}: no {name} folder here or above; nothing was changed", here.shown());
            Err(Refusal::refused(what, next))
        }
    }
}

/// The install of the project, which must be there.
///
/// # Errors
/// [`Refusal`] if it isn't.
pub(crate) fn install(common: &Common) -> Result<PathBuf, Refusal> {
    let install = install::folder_of(&project(common)?);
    if install.is_dir() {
        return Ok(install);
    }
    let what = format!("{}: no such install; nothing was changed", install.shown());
    Err(Refusal::refused(what, "name the project that has one: --project DIR"))
}

/// Flags over the project's file over the user's.
///
/// # Errors
/// [`Refusal`] naming the file and the key.
pub(crate) fn settings(project: &Path, from: &From) -> Result<Settings, Refusal> {
    layers(project, from).map(|layers| layers.flags.over(layers.project).over(layers.user))
}

/// The settings by who wrote them.
struct Layers {
    flags: Settings,
    project: Settings,
    user: Settings,
}

/// Whose word it is that code runs: what only the project's own file asks for is not the user's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// The test command is the user's own, or was allowed with this command line.
    pub(crate) tests: Option<Vec<String>>,
    /// The source that only the project's file names, if it was not used before.
    pub(crate) foreign_source: Option<PathBuf>,
}

/// Whose word the settings are.
///
/// # Errors
/// [`Refusal`] naming the file and the key.
pub(crate) fn word(project: &Path, from: &From) -> Result<Word, Refusal> {
    let Layers { flags, project: of_project, user } = layers(project, from)?;
    let tests = of_project.test_command.clone().or_else(|| user.test_command.clone());
    let own = from.allow_test_command || tests == user.test_command;
    let named = absolute(of_project.source_path.as_deref()).filter(|_| flags.source_path.is_none());
    let foreign = named.filter(|source| absolute(user.source_path.as_deref()).as_ref() != Some(source));
    let foreign_source = foreign.filter(|source| !consent::allows(project, &Wish::Source(source::place(source))));
    Ok(Word { tests: tests.filter(|_| own), foreign_source })
}

/// Notes what the user's own word is; called where an upgrade is approved, because nothing is written before.
pub(crate) fn remember(project: &Path, word: &Word, source: &Path) {
    if let Some(command) = &word.tests {
        consent::allow(project, &Wish::TestCommand(command.clone()));
    }
    consent::allow(project, &Wish::Source(source.to_owned()));
}

fn layers(project: &Path, from: &From) -> Result<Layers, Refusal> {
    let flags = Settings {
        source_path: from.source.clone(),
        dry_run: from.dry_run.then_some(true),
        auto_restart: from.no_restart.then_some(false),
        skip_tests: from.skip_tests.then_some(true),
        test_command: None,
        test_timeout: None,
        keep_backups: from.keep_backups,
        interactive_conflicts: None,
        git_commit_after: from.git_commit.then_some(true),
        always_keep: None,
        always_take: None,
        theme: None,
        ascii: None,
        mouse: None,
    };
    let mut of_project = read(&install::folder_of(project).join(FILE))?;
    // In the project's file a relative path starts at the project, wherever the command is typed.
    let placed = |p: PathBuf| if source::is_address(&p) { p } else { project.join(p) };
    of_project.source_path = of_project.source_path.map(placed);
    let user = directories::ProjectDirs::from("", "", "pos-upgrade-tui");
    let of_user = user.map_or(Ok(Settings::default()), |dirs| read(&dirs.config_dir().join(FILE)))?;
    Ok(Layers { flags, project: of_project, user: of_user })
}

fn read(path: &Path) -> Result<Settings, Refusal> {
    let broken = |problem: String| {
        let what = format!("{}: {problem}; nothing was changed", path.shown());
        Refusal::usage(what, format!("mend the file, or move it aside: mv {0} {0}.old", quoted(path)))
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
    if source::is_address(source) {
        return Some(source.to_owned());
    }
    Some(source.canonicalize().or_else(|_| std::path::absolute(source)).unwrap_or_else(|_| source.to_owned()))
}

/// A program as it was named: by a path, or by a name that is looked for on `PATH`. A link stays a link, because Python tells
/// by it which environment it is.
fn program(named: &Path) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let by_name = || std::env::split_paths(&folders).map(|f| f.join(named)).find(|path| path.is_file());
    let found = if named.components().count() == 1 { by_name() } else { None };
    found.unwrap_or_else(|| std::path::absolute(named).unwrap_or_else(|_| named.to_owned()))
}

/// The folder that this command line and these settings name, an address fetched; none where none is named.
///
/// # Errors
/// [`Refusal`]; also where only the project's own file names an address: nothing is fetched by its word.
pub(crate) fn source_of(project: &Path, from: &From, named: Option<&Path>) -> Result<Option<PathBuf>, Refusal> {
    let Some(named) = named else { return Ok(None) };
    if source::is_address(named) && word(project, from)?.foreign_source.is_some() {
        let name = install::name_of(&install::folder_of(project));
        let shown = address::shown(&named.to_string_lossy());
        return Err(Refusal::usage(
            format!(
                "{shown}: only the project's own {name}/upgrade.json names this address; nothing was fetched, and nothing was changed"
            ),
            format!("if you trust it, name it yourself: --source {}", quoted(&shown)),
        ));
    }
    source::folder(&absolute(Some(named)).unwrap_or_else(|| named.to_owned()), from.offline).map(Some)
}

/// The request that these arguments make, for commands that can't ask for a source.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn request(common: &Common, from: &From) -> Result<Request, Refusal> {
    let project = project(common)?;
    let settings = settings(&project, from)?;
    let options = options(&settings, from);
    let source = match source_of(&project, from, settings.source_path.as_deref())? {
        Some(source) => source,
        None => source::offered(&project, from)?,
    };
    deepen(&source, from)?;
    let only = from.only.map(Part::only);
    Ok(Request { project, source, to: from.to.clone(), only, options })
}

/// The options, with those that only flags can set.
pub(crate) fn options(settings: &Settings, from: &From) -> Options {
    Options {
        allow_downgrade: from.allow_downgrade,
        python: from.python.as_deref().map(program),
        unrelated_source: from.unrelated_source,
        restart_by_hand: from.restart,
        ask_again: from.ask_again,
        ..settings.options()
    }
}

/// How the wizard looks: as the flags say, else as the files do.
pub(crate) fn look(settings: Settings, flags: &Look) -> core::Look {
    let theme = flags.theme.map(Colours::scheme);
    let flags = Settings {
        theme,
        ascii: flags.ascii.then_some(true),
        mouse: flags.mouse.then_some(true),
        ..Settings::default()
    };
    flags.over(settings).look()
}

/// `--deepen`: brings the rest of a shallow clone's history, before anything is looked at.
///
/// # Errors
/// [`Refusal`] with git's words.
pub(crate) fn deepen(source: &Path, from: &From) -> Result<(), Refusal> {
    if !from.deepen {
        return Ok(());
    }
    // A folder that is no repository is told by the checks, in their words.
    if Repo::open(source).is_err() {
        return Ok(());
    }
    inspect::deepen(source).map_err(|e| {
        let next = "go on without its history: leave --deepen out";
        Refusal::refused(format!("{e}; nothing was changed in the install"), next)
    })
}
