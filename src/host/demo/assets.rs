//! The embedded files: releases, wheels, the project, and what its user did.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, File, include_dir};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::core::layout::Generation;
use crate::core::path::RelPath;
use crate::host::demo::error::{At as _, DemoError};

static ASSETS: Dir = include_dir!("$CARGO_MANIFEST_DIR/assets/demo");

/// One commit of the source: the difference from the release before it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    pub(crate) version: String,
    pub(crate) date: String,
    pub(crate) message: String,
    /// The folder of its server.
    pub(crate) server: String,
    pub(crate) removed: Vec<String>,
    pub(crate) renamed: Vec<Rename>,
    /// Files of this release's tree that can be run.
    pub(crate) executable: Vec<String>,
    /// All the wheels that the server of this release needs.
    pub(crate) wheels: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// What the user did besides writing the files in `tree`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edits {
    pub(crate) deleted: Vec<String>,
}

impl Release {
    /// New and changed files.
    pub(super) fn tree(&self) -> Result<&'static Dir<'static>, DemoError> {
        folder(&format!("releases/{}/tree", self.version))
    }
}

/// The releases, oldest first.
pub(super) fn releases() -> Result<Vec<Release>, DemoError> {
    let mut releases = Vec::new();
    for dir in folder("releases")?.dirs() {
        releases.push(json::<Release>(&format!("{}/release.json", dir.path().to_string_lossy()))?);
    }
    releases.sort_by(|a, b| a.date.cmp(&b.date));
    Ok(releases)
}

/// The folder with what the user of a generation did to the install: `tree` and `edits.json`. Generations that are not
/// named there share one.
pub(super) fn user(generation: &Generation) -> String {
    let own = format!("user/{}", generation.name);
    if ASSETS.get_dir(&own).is_some() { own } else { "user".into() }
}

/// The other part of what the user did.
pub(super) fn edits(user: &str) -> Result<Edits, DemoError> {
    json(&format!("{user}/edits.json"))
}

pub(super) fn folder(path: &str) -> Result<&'static Dir<'static>, DemoError> {
    ASSETS.get_dir(path).ok_or_else(|| DemoError::Asset(format!("the folder {path} is missing")))
}

fn json<T: DeserializeOwned>(path: &str) -> Result<T, DemoError> {
    let file = ASSETS.get_file(path).ok_or_else(|| DemoError::Asset(format!("the file {path} is missing")))?;
    serde_json::from_slice(file.contents()).map_err(|error| DemoError::Asset(format!("{path}: {error}")))
}

/// Writes the files of `dir` into the folder `target`, over those that are there.
pub(super) fn write(dir: &Dir, target: &Path) -> Result<(), DemoError> {
    write_to(dir, |path| path.under(target))
}

/// Writes the files of `dir`, each to the place that is told for its path.
pub(super) fn write_to(dir: &Dir, place: impl Fn(&RelPath) -> PathBuf) -> Result<(), DemoError> {
    for file in files(dir) {
        let relative = file.path().strip_prefix(dir.path()).unwrap_or(file.path());
        let relative = RelPath::new(relative.as_os_str().as_encoded_bytes());
        let path = place(&relative.map_err(|e| DemoError::Asset(e.to_string()))?);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).at("create", parent)?;
        }
        fs::write(&path, file.contents()).at("write", &path)?;
    }
    Ok(())
}

/// All files of `dir`, however deep.
pub(super) fn files<'a>(dir: &'a Dir<'a>) -> Vec<&'a File<'a>> {
    let mut found = Vec::new();
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(inner) => found.extend(files(inner)),
            DirEntry::File(file) => found.push(file),
        }
    }
    found
}
