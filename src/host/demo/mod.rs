//! The demo: a small praxis-os with history and a customised install of it, built from the assets in this binary.
//!
//! `prepare` makes real things: a git repository with tagged releases, a project with the oldest of them installed and
//! edited, a virtual environment filled by pip without a network, and a running MCP server.

mod assets;
mod command;
mod error;
mod install;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use crate::core::layout::{Generation, layouts};
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::host::git::cached;
use error::At as _;
pub use error::DemoError;
pub use install::{add_user_edits, commit_project, create_venv, install_release, start_server};
pub use source::{prepare_source, prepare_source_up_to};

/// What was built, with absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// The folder that holds everything.
    pub dir: PathBuf,
    /// The clone to upgrade from.
    pub source: PathBuf,
    /// The project that uses it; a git repository with one commit.
    pub project: PathBuf,
    /// The project's install.
    pub install: PathBuf,
    /// The install's running server.
    pub server_pid: Option<u32>,
    /// The releases of the source, oldest first. The first one of the install's generation is installed.
    pub commits: Vec<String>,
}

/// Which releases a demo's source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Releases {
    /// Those with the first one's server.
    OfFirstServer,
    /// All.
    All,
}

/// Builds `dir/source` and `dir/project` and starts the project's server. `progress` gets one line per step.
///
/// # Errors
/// [`DemoError`]; what was built until then is removed again.
pub fn prepare(dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Demo, DemoError> {
    prepare_from(&layouts().newest().folder, dir, progress)
}

/// The same with an install in a folder of this name, as the first generation that has it lays it out.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_from(folder: &RelPath, dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Demo, DemoError> {
    let first = layouts().generations.iter().find(|generation| generation.folder == *folder);
    prepare_generation(first.unwrap_or_else(|| layouts().first_target()), Releases::OfFirstServer, dir, progress)
}

/// The same with an install of a generation, and the releases of the source that are wanted. A source that would have
/// none of the generation has all.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_generation(
    generation: &Generation,
    releases: Releases,
    dir: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Demo, DemoError> {
    prepare_with(generation, releases, dir, &create_venv, progress)
}

/// The same with an environment that `environment` puts into an install whose files are all there.
///
/// # Errors
/// As [`prepare`], and those of `environment`.
pub fn prepare_with(
    generation: &Generation,
    releases: Releases,
    dir: &Path,
    environment: &dyn Fn(&Path) -> Result<(), DemoError>,
    progress: &mut dyn FnMut(&str),
) -> Result<Demo, DemoError> {
    command::check_tools()?;
    let dir = empty_folder(dir)?;
    let built = build(generation, releases, &dir, environment, progress);
    if built.is_err() {
        // The folder was empty before, so all of this is ours.
        for part in ["source", "project"] {
            let _ = fs::remove_dir_all(dir.join(part));
        }
    }
    built
}

/// Tells the source of a demo from a real one.
const MARK: &str = ".git/pos-upgrade-tui-demo";

/// Whether a source was made by [`prepare`]: its folder, its address on this machine, or the clone that was fetched from there.
pub fn is_demo(source: &Path) -> bool {
    let address = cached::address_of(source);
    let named = address.as_deref().or(source.to_str());
    let folder = named.and_then(|text| text.strip_prefix("file://")).map_or(source, Path::new);
    folder.join(MARK).exists()
}

fn build(
    generation: &Generation,
    releases: Releases,
    dir: &Path,
    environment: &dyn Fn(&Path) -> Result<(), DemoError>,
    progress: &mut dyn FnMut(&str),
) -> Result<Demo, DemoError> {
    let (source, project) = (dir.join("source"), dir.join("project"));
    let install = generation.folder.under(&project);

    let commits = match releases {
        Releases::OfFirstServer if !layouts().first_target().is_before(generation) => prepare_source(&source)?,
        _ => prepare_source_up_to(&source, None)?,
    };
    let mark = source.join(MARK);
    fs::write(&mark, "Made by pos-upgrade-tui demo: no clone of praxis-os.\n").at("write", &mark)?;
    progress(&format!("built a source with {} releases in {}", commits.len(), source.shown()));
    let oldest = oldest_of(generation, &source, &commits)?;
    install_release(&source, oldest, &install)?;
    progress(&format!("installed the oldest release, {}, in {}", short(oldest), install.shown()));
    environment(&install)?;
    progress("created the virtual environment and installed the server's packages");
    add_user_edits(&install)?;
    progress("edited, added and deleted files, as a user would");
    commit_project(&project, &install)?;
    progress("committed the project");
    let pid = start_server(&project, &install)?;
    progress(&format!("started the MCP server, process {pid}"));
    Ok(Demo { dir: dir.into(), source, project, install, server_pid: Some(pid), commits })
}

/// The oldest release that an install of a generation can be of.
fn oldest_of<'a>(generation: &Generation, source: &Path, commits: &'a [String]) -> Result<&'a String, DemoError> {
    for commit in commits {
        if !install::released(source, commit)?.is_before(generation) {
            return Ok(commit);
        }
    }
    Err(DemoError::Asset(format!("there is no release of the generation {}", generation.name)))
}

/// Creates `dir` if need be and refuses one that holds anything.
fn empty_folder(dir: &Path) -> Result<PathBuf, DemoError> {
    fs::create_dir_all(dir).at("create", dir)?;
    if fs::read_dir(dir).at("read", dir)?.next().is_some() {
        return Err(DemoError::DirNotEmpty(dir.into()));
    }
    fs::canonicalize(dir).at("resolve", dir)
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

#[cfg(test)]
mod tests;
