//! Project, settings files and flags become one request.

use std::path::{Path, PathBuf};

use crate::cli::args::{Colours, Common, From, Look, Part};
use crate::cli::refusal::Refusal;
use crate::cli::source;
use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::settings::{self as core, Options, Settings};
use crate::core::visible::Shown as _;
use crate::engine::planning::inspect;
use crate::engine::planning::request::Request;
use crate::engine::planning::settings;
pub(crate) use crate::engine::planning::settings::{Layers, absolute, remember};
use crate::host::git::{Repo, address};
use crate::host::install;

/// The project: `--project`, or the nearest parent that has an install.
///
/// # Errors
/// [`Refusal`] if there is none.
pub(crate) fn project(common: &Common) -> Result<PathBuf, Refusal> {
    Ok(settings::project(common.project.as_deref())?)
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
    Err(Refusal::refused(Code::NoInstall, what, "name the project that has one: --project DIR"))
}

/// The settings by who wrote them: flags, the project's file, the user's. Each file is read once.
///
/// # Errors
/// [`Refusal`] naming the file and the key.
pub(crate) fn layers(project: &Path, from: &From) -> Result<Layers, Refusal> {
    let flags = Settings {
        source_path: from.source.clone(),
        dry_run: from.dry_run.then_some(true),
        auto_restart: from.no_restart.then_some(false),
        skip_tests: from.skip_tests.then_some(true),
        keep_backups: from.keep_backups,
        git_commit_after: from.git_commit.then_some(true),
        ..Settings::default()
    };
    Ok(Layers::read(project, flags)?)
}

/// Flags over the project's file over the user's.
///
/// # Errors
/// [`Refusal`] naming the file and the key.
pub(crate) fn settings(project: &Path, from: &From) -> Result<Settings, Refusal> {
    layers(project, from).map(|layers| layers.all())
}

/// A program as it was named: by a path, or by a name that is looked for on `PATH`. A link stays a link, because Python tells
/// by it which environment it is.
fn program(named: &Path) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let by_name = || std::env::split_paths(&folders).map(|f| f.join(named)).find(|path| path.is_file());
    let found = if named.components().count() == 1 { by_name() } else { None };
    found.unwrap_or_else(|| std::path::absolute(named).unwrap_or_else(|_| named.to_owned()))
}

/// The folder that the settings name, an address fetched; none where none is named.
///
/// # Errors
/// [`Refusal`]; also where only the project's own file names an address: nothing is fetched by its word.
pub(crate) fn source_of(project: &Path, layers: &Layers, from: &From) -> Result<Option<PathBuf>, Refusal> {
    let Some(named) = &layers.all().source_path else { return Ok(None) };
    if address::is_address(named) && layers.word(project, from.allow_test_command).foreign_source.is_some() {
        let name = install::name_of(&install::folder_of(project));
        let shown = address::shown(&named.to_string_lossy());
        return Err(Refusal::usage(
            Code::SourceNotNamedByYou,
            format!(
                "{shown}: only the project's own {name}/upgrade.json names this address; nothing was fetched, and nothing was changed"
            ),
            format!("if you trust it, name it yourself: --source {}", quoted(&shown)),
        ));
    }
    source::folder(&absolute(Some(named)).unwrap_or_else(|| named.clone()), from.offline).map(Some)
}

/// The clone that `--source` or the settings name, for commands that only read its releases; an address as it was last fetched.
///
/// # Errors
/// [`Refusal`] with these words where none is named, and for an address that can't be reached.
pub(crate) fn releases(
    project: &Path,
    named: Option<&Path>,
    missing: &str,
    next: impl Into<String>,
) -> Result<PathBuf, Refusal> {
    let from = From { source: named.map(Path::to_owned), ..From::default() };
    let path = absolute(settings(project, &from)?.source_path.as_deref());
    let none = || Refusal::usage(Code::NoSource, format!("{missing} nothing was changed"), next);
    source::seen(&path.ok_or_else(none)?, named.is_some())
}

/// The request that these arguments make, for commands that can't ask for a source.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn request(common: &Common, from: &From) -> Result<Request, Refusal> {
    let project = project(common)?;
    let layers = layers(&project, from)?;
    request_of(project, &layers, from)
}

/// The same where the settings are read already.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn request_of(project: PathBuf, layers: &Layers, from: &From) -> Result<Request, Refusal> {
    let settings = layers.all();
    let options = options(&settings, from);
    let source = match source_of(&project, layers, from)? {
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
        plain: flags.plain.then_some(true),
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
        Refusal::refused(Code::FetchFailed, format!("{e}; nothing was changed in the install"), next)
    })
}
