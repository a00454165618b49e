//! What the user allowed for a project whose own file asks for it: code runs by the user's word alone, and the project's
//! file is written by everybody who can write the project.
//!
//! The list lies in the user's state folder. An allowance holds for exactly this command or source of exactly this
//! project: with another one it falls.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::core::json;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::user::{own_lock, recent_sources};

const FILE: &str = "allowed.json";

/// Something that runs code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// A test command, word by word.
    TestCommand(Vec<String>),
    /// A folder to upgrade from: its server runs, and what it requires is installed.
    Source(PathBuf),
}

impl Wish {
    fn is_like(&self, other: &Wish) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// `allowed.json`: `{"schema":1,"allowed":[{"project":"/p","wish":{"test_command":["make","test"]}}]}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct List {
    schema: u32,
    allowed: Vec<Allowed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Allowed {
    project: PathBuf,
    wish: Wish,
}

/// What was allowed while this process runs: all there is where no folder can hold the list.
static NOW: Mutex<Vec<Allowed>> = Mutex::new(Vec::new());

/// Whether the user allowed exactly this for this project.
pub(crate) fn allows(project: &Path, wish: &Wish) -> bool {
    let asked = Allowed { project: project.to_owned(), wish: wish.clone() };
    NOW.lock().unwrap_or_else(PoisonError::into_inner).contains(&asked)
        || recent_sources::folder().is_some_and(|folder| read(&folder).allowed.contains(&asked))
}

/// Notes that the user allows this; what was allowed of this kind for the project before no longer is.
pub(crate) fn allow(project: &Path, wish: &Wish) {
    let one = Allowed { project: project.to_owned(), wish: wish.clone() };
    put(&mut NOW.lock().unwrap_or_else(PoisonError::into_inner), &one);
    if let Some(folder) = recent_sources::folder() {
        note(&folder, &one);
    }
}

/// A list that can't be written is no error: the allowance holds for this run.
fn note(folder: &Path, one: &Allowed) {
    if read(folder).allowed.contains(one) {
        return;
    }
    // Where it can't be had, two at the same moment may forget one of two, which is asked again.
    let _alone = own_lock::alone(folder, "allowed.lock").ok();
    let mut list = read(folder);
    put(&mut list.allowed, one);
    let Ok(text) = json::pretty(&List { schema: 1, ..list }) else { return };
    if std::fs::create_dir_all(folder).is_ok() {
        let _ = fs::write_durable(&folder.join(FILE), text.as_bytes(), 0o600);
    }
}

fn put(list: &mut Vec<Allowed>, one: &Allowed) {
    list.retain(|other| other.project != one.project || !other.wish.is_like(&one.wish));
    list.push(one.clone());
}

fn read(folder: &Path) -> List {
    let bytes = read::read_own(&folder.join(FILE)).unwrap_or_default();
    serde_json::from_slice::<List>(&bytes).ok().filter(|l| l.schema == 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_for_one_command_of_one_project() {
        let dir = tempfile::tempdir().unwrap();
        let tests = |words: &[&str]| Wish::TestCommand(words.iter().map(|w| (*w).to_owned()).collect());
        let one = |project: &str, wish: Wish| Allowed { project: project.into(), wish };
        let holds = |one: &Allowed| read(dir.path()).allowed.contains(one);
        let (make, source) = (one("/p", tests(&["make", "test"])), one("/p", Wish::Source("/src".into())));
        assert!(!holds(&make));
        note(dir.path(), &make);
        note(dir.path(), &source);
        note(dir.path(), &make);
        assert!(holds(&make) && holds(&source));
        assert!(!holds(&one("/p", tests(&["make test"]))) && !holds(&one("/q", tests(&["make", "test"]))));
        note(dir.path(), &one("/p", tests(&["make", "evil"])));
        assert!(!holds(&make) && holds(&source), "another command takes its place, and nothing else's");
        for text in ["", "{", "{\"schema\":2,\"allowed\":[]}"] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            assert!(!holds(&source), "a damaged list allows nothing");
        }
    }
}
