//! Files that tell an assistant what to do, and have a release's text or should: what they become. Reads only.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::core::error_code::Code;
use crate::core::layout::layouts;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::Only;
use crate::core::rules_file::{How, Shipped, changed, is_rules};
use crate::core::visible::Shown as _;
use crate::engine::planning::editors::read;
use crate::engine::planning::source::Source;
use crate::engine::refusal::{Problem, problem};
use crate::host::files::{fs, project, read};

/// A rules file that has something to become, or would if it could be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct RulesFile {
    /// Within the project.
    pub(crate) path: RelPath,
    /// How it has a release's text; none where it is not written.
    pub(crate) how: Option<How>,
    /// Why it is not for this program to write.
    pub(crate) problem: Option<String>,
    /// Its bytes now.
    #[serde(skip)]
    pub(crate) now: Vec<u8>,
    /// Its bytes then.
    #[serde(skip)]
    pub(crate) then: Vec<u8>,
}

impl RulesFile {
    /// In a sentence for people.
    pub(crate) fn describe(&self) -> String {
        match (&self.problem, self.how) {
            (Some(why), _) => format!("{}: it {why}: it is not changed for you", self.path),
            (None, Some(how)) => format!("{}: it {}", self.path, how.words()),
            (None, None) => self.path.to_string(),
        }
    }
}

/// The rules files of a project that could have a release's text, whether they do or not. Blocking.
pub(crate) fn files(project: &Path) -> BTreeSet<RelPath> {
    let data = &layouts().outside;
    let wanted = |path: &RelPath| !data.not_searched.iter().any(|name| name.as_bytes() == path.name());
    let mut found = BTreeSet::new();
    for rule in &data.rules {
        found.extend(project::below(project, Some(rule), wanted).0.into_iter().filter(is_rules));
    }
    found
}

/// What the rules files become. An upgrade of a part leaves them: they speak of all of it. Blocking.
pub(crate) fn find(project: &Path, source: &Source, only: Option<Only>) -> Vec<RulesFile> {
    let shipped: Vec<Shipped> = if only.is_none() { source.rules() } else { Vec::new() };
    if shipped.is_empty() {
        return Vec::new();
    }
    files(project).into_iter().filter_map(|path| one(project, path, &shipped)).collect()
}

fn one(project: &Path, path: RelPath, shipped: &[Shipped]) -> Option<RulesFile> {
    let refused = |why: String, now: Vec<u8>| {
        Some(RulesFile { path: path.clone(), how: None, problem: Some(why), then: now.clone(), now })
    };
    let now = match read(project, &path)? {
        Ok(now) => now,
        Err(_) => {
            // Behind a link, say: told only where there is something to do.
            let now = read::read_at_most(&path.under(project), project::LARGEST).ok()?;
            let would = changed(&path, &now, shipped, speaks(&now));
            return match would {
                Ok(None) => None,
                _ => refused("is a link, or can't be read as a file of the project".to_owned(), now),
            };
        }
    };
    match changed(&path, &now, shipped, speaks(&now)) {
        Ok(Some((how, then))) => Some(RulesFile { path, how: Some(how), problem: None, now, then }),
        Ok(None) => None,
        Err(why) => refused(why, now),
    }
}

/// Whether a text speaks of an install: by its folder, or by a tool of a server.
fn speaks(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let entries = || layouts().generations.iter().filter_map(|g| g.editor_entry.as_ref());
    let tools = entries().flat_map(|entry| entry.renamed_tools.iter().flat_map(|tool| [&tool.from, &tool.to]));
    let folders = layouts().folders().into_iter().filter_map(|folder| folder.to_str());
    tools.map(String::as_str).chain(folders).any(|name| text.contains(name))
}

/// What keeps this user from writing them.
pub(crate) fn unwritable(project: &Path, files: &[RulesFile]) -> Vec<Problem> {
    let written = files.iter().filter(|file| file.problem.is_none());
    let folders: BTreeSet<_> =
        written.map(|file| file.path.parent().map_or(project.to_owned(), |parent| parent.under(project))).collect();
    let shut = folders.into_iter().filter_map(|folder| Some((fs::check_writable(&folder).err()?, folder)));
    shut.map(|(e, folder)| {
        let next = format!("make it writable for you: chmod u+w {}, or leave it: --rules no", quoted(&folder));
        problem(Code::NotPermitted, format!("{e}; a rules file is changed in {}", folder.shown()), next)
    })
    .collect()
}
