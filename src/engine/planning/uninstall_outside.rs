//! What the project has of an install outside of its folder, and what is left of that in an uninstall: lines of `.gitignore`,
//! entries of editors, rules for assistants. Reads only.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::core::blob::sha256;
use crate::core::document;
use crate::core::editor_entry;
use crate::core::error_code::Code;
use crate::core::layout::layouts;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::references::Moves;
use crate::core::rules_file;
use crate::core::session::{GITIGNORE, Session};
use crate::engine::planning::{assistant_rules, editors};
use crate::engine::refusal::{Problem, problem};
use crate::engine::report::documents;
use crate::host::files::fs;

/// A file of the project's from which something goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Part {
    /// Within the project.
    pub(crate) path: RelPath,
    /// What goes: lines, entries by their names, or the words for a text.
    pub(crate) goes: Vec<String>,
    /// Why this program does not write it.
    pub(crate) problem: Option<String>,
    /// Its bytes now.
    #[serde(skip)]
    pub(crate) now: Vec<u8>,
    /// What is left of it; none where the file goes.
    #[serde(skip)]
    pub(crate) then: Option<Vec<u8>>,
}

/// Looks for them. Blocking.
pub(crate) fn find(project: &Path, install: &Path, sessions: &[Session]) -> Vec<Part> {
    let ignored = gitignore(project, install, sessions);
    let entries = layouts().outside.editors.iter().filter_map(|editor| entries(project, install, &editor.path));
    let rules = assistant_rules::files(project).into_iter().filter_map(|path| rules(project, path, sessions));
    ignored.into_iter().chain(entries).chain(rules).collect()
}

/// A part of which the bytes are known, or why they are not.
fn part(
    project: &Path,
    path: &RelPath,
    look: impl FnOnce(&[u8]) -> Result<Option<(Vec<String>, Option<Vec<u8>>)>, String>,
) -> Option<Part> {
    // What is no file of the project's, or can't be read, may be anybody's: it is not looked into.
    let now = editors::read(project, path)?.ok()?;
    match look(&now) {
        Ok(None) => None,
        Ok(Some((goes, then))) => Some(Part { path: path.clone(), goes, problem: None, now, then }),
        Err(why) => {
            let then = Some(now.clone());
            Some(Part { path: path.clone(), goes: Vec::new(), problem: Some(why), now, then })
        }
    }
}

fn gitignore(project: &Path, install: &Path, sessions: &[Session]) -> Option<Part> {
    let path = RelPath::new(GITIGNORE).ok()?;
    let ours = documents::lines_of_install(install, sessions);
    part(project, &path, |now| {
        let is_ours = |line: &[u8]| std::str::from_utf8(line).is_ok_and(|line| ours.contains(line));
        let (left, gone) = document::without_lines(now, is_ours);
        let lines = gone.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        // One that says nothing else was made for these lines.
        let then = Some(left).filter(|left| !left.trim_ascii().is_empty());
        Ok((!gone.is_empty()).then_some((lines, then)))
    })
}

fn entries(project: &Path, install: &Path, path: &RelPath) -> Option<Part> {
    let editor = layouts().outside.editors.iter().find(|editor| editor.path == *path)?;
    let moves = Moves { install: layouts().newest().folder.to_string(), ..Moves::default() };
    let starts = editors::starts(project, install, layouts().newest(), &moves);
    part(project, path, |now| {
        let named = || {
            let text = String::from_utf8_lossy(now);
            starts.folders.iter().chain(&starts.modules).any(|name| text.contains(name.as_str()))
        };
        match editor_entry::take_out(now, &editor.servers, &starts) {
            Ok((names, _)) if names.is_empty() => Ok(None),
            Ok((names, left)) => Ok(Some((names, Some(left)))),
            Err(_) if !named() => Ok(None),
            Err(e) => Err(e.to_string()),
        }
    })
}

fn rules(project: &Path, path: RelPath, sessions: &[Session]) -> Option<Part> {
    let texts = &layouts().outside.rule_texts;
    part(project, &path, |now| {
        let sum = sha256(now);
        let wrote = |session: &&Session| session.options().rules && !session.is_back();
        let written = sessions.iter().filter(wrote).filter_map(|session| session.rules_files.get(&path));
        if !rules_file::has_marks(now) && written.into_iter().any(|saved| saved.after == sum) {
            return Ok(Some((vec!["the whole file: a release's text".to_owned()], None)));
        }
        let pages: Vec<String> = texts.iter().map(|text| text.source.to_string()).collect();
        let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
        let left = rules_file::without_blocks(&path, now, &pages).map_err(|why| format!("it has a marker: {why}"))?;
        let said = || vec!["the release's text between markers".to_owned()];
        Ok(left.map(|left| (said(), Some(left).filter(|left| !left.trim_ascii().is_empty()))))
    })
}

/// What keeps this user from writing them.
pub(crate) fn unwritable(project: &Path, parts: &[Part]) -> Vec<Problem> {
    let written = parts.iter().filter(|part| part.problem.is_none());
    let folders: BTreeSet<_> =
        written.map(|part| part.path.parent().map_or(project.to_owned(), |parent| parent.under(project))).collect();
    let shut = folders.into_iter().filter_map(|folder| Some((fs::check_writable(&folder).err()?, folder)));
    shut.map(|(e, folder)| {
        let next = format!("make it writable for you: chmod u+w {}", quoted(&folder));
        problem(Code::NotPermitted, format!("{e}; something of the install is taken out there"), next)
    })
    .collect()
}
