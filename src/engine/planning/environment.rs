//! Whether the install's environment holds what its server requires, without asking pip where that is known.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::core::blob::sha256;
use crate::core::json;
use crate::core::requirements::of_file;
use crate::host::files::error::Doing as _;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;
use crate::host::process::program::Deaf;
use crate::host::python::condition::{self, Condition};
use crate::host::python::{packages, venv};
use crate::host::server;

/// The name of the note in `.upgrade`.
const NOTE: &str = "environment.json";

/// When pip last found nothing to do: for which requirements, in which environment. In `.upgrade/environment.json`:
///
/// ```json
/// {"schema":1,"requirements":"<sha256>","environment":"<sha256>"}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    schema: u32,
    /// Of the file's bytes.
    requirements: String,
    /// See [`packages::Installed::digest`].
    environment: String,
}

/// Why nothing has to be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Satisfied {
    /// Requirements and environment are those for which pip had nothing to do last time.
    Known,
    /// The requirements did not change, and what they ask for is installed.
    Unchanged,
    /// pip's dry run would install nothing.
    Asked,
}

impl Satisfied {
    /// In a few words, for the task's result.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Satisfied::Known => "requirements and environment as they were when last satisfied",
            Satisfied::Unchanged => "requirements unchanged, all of them installed",
            Satisfied::Asked => "asked: nothing would be installed",
        }
    }
}

/// Whether nothing has to be installed for these requirements, as far as that is known without pip. `unchanged` says
/// that the install has the same ones already.
pub(crate) fn without_pip(install: &Path, requirements: &[u8], unchanged: bool) -> Option<Satisfied> {
    let (all, complete) = of_file(&String::from_utf8_lossy(requirements));
    // What is asked for elsewhere may have changed there.
    if !complete {
        return None;
    }
    let installed = packages::installed(&venv::live(install))?;
    let note = read::read_note(&install.join(".upgrade").join(NOTE)).ok();
    let note: Option<Note> = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if note.is_some_and(|n| n.requirements == sha256(requirements) && n.environment == installed.digest) {
        return Some(Satisfied::Known);
    }
    (unchanged && installed.fulfil(&all)).then_some(Satisfied::Unchanged)
}

/// Notes that the live environment satisfies these requirements.
///
/// # Errors
/// [`FsError`]; without the note pip is asked next time.
pub(crate) fn note(install: &LockedInstall, requirements: &[u8]) -> Result<(), FsError> {
    let Some(installed) = packages::installed(&venv::live(install)) else { return Ok(()) };
    let note = Note { schema: 1, requirements: sha256(requirements), environment: installed.digest };
    let path = install.join(".upgrade").join(NOTE);
    let text = json::compact(&note).doing("write", &path)? + "\n";
    fs::write_durable(&path, text.as_bytes(), 0o644)
}

/// Whether the environment satisfies the requirements that the install has now; pip is asked if need be.
pub(crate) fn is_current(install: &Path, project: &Path) -> bool {
    let path = server::layout_of(install).requirements.under(install);
    if !venv::is_there(install) || !path.is_file() {
        return true;
    }
    let bytes = read::read_if_there(&path).ok().flatten().unwrap_or_default();
    if without_pip(install, &bytes, true).is_some() {
        return true;
    }
    let missing = match condition::of(install, project) {
        Condition::Missing => return true,
        Condition::Sound(by) => by.missing(&venv::live(install), &path, &mut Deaf),
        // Of one that is not ours nothing is run. What it lacks it lacked before.
        Condition::Elsewhere(..) | Condition::NoInstaller(_) | Condition::NoPython(_) => return false,
    };
    missing.is_ok_and(|missing| missing.is_empty())
}
