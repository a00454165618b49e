//! Entries of editors that start this install's server and would not start the new one: which values have to change. Reads
//! only.

use std::path::Path;

use serde::Serialize;

use crate::core::editor_entry::{ByHand, Edit, Looked, Starts, look};
use crate::core::error_code::Code;
use crate::core::layout::{Generation, layouts};
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::Only;
use crate::core::references::Moves;
use crate::core::visible::Shown as _;
use crate::engine::refusal::{Problem, problem};
use crate::host::files::folder::{Content, Folder};
use crate::host::files::fs;
use crate::host::files::project::{self, Held};
use crate::host::files::read;

/// A settings file with something to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct ProjectFile {
    /// Within the project.
    pub(crate) path: RelPath,
    /// The values that have to change.
    pub(crate) edits: Vec<Edit>,
    /// Entries that only a person can mend.
    pub(crate) by_hand: Vec<ByHand>,
    /// Why this program does not write the file, whatever anybody says.
    pub(crate) problem: Option<String>,
}

impl ProjectFile {
    /// Whether it is written where that is wanted.
    pub(crate) fn can_be_written(&self) -> bool {
        self.problem.is_none() && !self.edits.is_empty()
    }
}

/// What starts the server of an install, now and then.
pub(crate) fn starts(project: &Path, install: &Path, target: &Generation, moves: &Moves) -> Starts {
    let data = &layouts().outside;
    let own = install.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let folders = own.into_iter().chain(moves.folders.keys().cloned()).chain([moves.install.clone()]);
    let entries = || layouts().generations.iter().filter_map(|g| g.editor_entry.as_ref());
    let next = target.editor_entry.as_ref();
    Starts {
        project: project.to_str().map(str::to_owned),
        placeholders: data.project_placeholders.clone(),
        folders: folders.filter(|name| !name.is_empty()).collect(),
        modules: entries().flat_map(|e| &e.modules).cloned().collect(),
        next: next.map(|e| e.modules.clone()).unwrap_or_default(),
        scripts: entries().flat_map(|e| &e.scripts).map(ToString::to_string).collect(),
        approvals: data.approvals.clone(),
        moves: moves.clone(),
    }
}

/// The settings files in which something has to change. An upgrade of the content alone changes no server, so nothing that
/// starts one. Blocking.
pub(crate) fn find(
    project: &Path,
    install: &Path,
    target: &Generation,
    moves: &Moves,
    only: Option<Only>,
) -> Vec<ProjectFile> {
    if only == Some(Only::Content) {
        return Vec::new();
    }
    let starts = starts(project, install, target, moves);
    layouts()
        .outside
        .editors
        .iter()
        .filter_map(|editor| file(project, &editor.path, &editor.servers, &starts))
        .collect()
}

fn file(project: &Path, path: &RelPath, places: &[Vec<String>], starts: &Starts) -> Option<ProjectFile> {
    let (bytes, problem) = match read(project, path)? {
        Ok(bytes) => (bytes, None),
        // Whoever made it a link may look what would have to change behind it.
        Err(problem) => (read::read_at_most(&path.under(project), project::LARGEST).unwrap_or_default(), Some(problem)),
    };
    let named = || {
        let text = String::from_utf8_lossy(&bytes);
        starts.folders.iter().chain(&starts.modules).any(|name| text.contains(name.as_str()))
    };
    let (looked, unread) = match look(&bytes, places, starts) {
        Ok(looked) => (looked, None),
        Err(_) if !named() => return None,
        Err(e) => (Looked::default(), Some(e.to_string())),
    };
    let something = unread.is_some() || !looked.edits.is_empty() || !looked.by_hand.is_empty();
    something.then(|| ProjectFile {
        path: path.clone(),
        edits: looked.edits,
        by_hand: looked.by_hand,
        problem: problem.or(unread),
    })
}

/// The bytes of a settings file, or why they are not for this program to write; none where there is no such file.
pub(crate) fn read(project: &Path, path: &RelPath) -> Option<Result<Vec<u8>, String>> {
    match project::held(project, path) {
        Held::TooLarge(size) => return Some(Err(format!("it is larger than 1 MiB ({})", fs::human_size(size)))),
        Held::Unreadable(why) => return Some(Err(format!("it can't be read ({why})"))),
        _ => {}
    }
    match Folder::open(project).and_then(|folder| folder.read(path)) {
        Ok(Content::File { bytes, .. }) => Some(Ok(bytes)),
        Ok(Content::Absent | Content::Folder) => None,
        Ok(Content::Other) => Some(Err("it is a link, or in a folder that is one".to_owned())),
        Err(e) => Some(Err(e.to_string())),
    }
}

/// Whether an entry in a settings file starts this install's server, so that the file belongs into a backup.
pub(crate) fn concerns(project: &Path, install: &Path, path: &RelPath) -> bool {
    let folders = layouts().generations.iter().filter_map(|g| g.folder.to_str()).map(str::to_owned);
    let next = layouts().newest().folder.to_string();
    // As if all that can move had moved: then whatever is ours has to change.
    let moves =
        Moves { folders: folders.map(|folder| (folder, "?".to_owned())).collect(), install: next, ..Moves::default() };
    let editor = layouts().outside.editors.iter().find(|editor| editor.path == *path);
    editor.is_some_and(|editor| {
        file(project, path, &editor.servers, &starts(project, install, layouts().newest(), &moves)).is_some()
    })
}

/// What keeps this user from writing the files.
pub(crate) fn unwritable(project: &Path, files: &[ProjectFile]) -> Vec<Problem> {
    let folder = |file: &ProjectFile| file.path.parent().map_or(project.to_owned(), |parent| parent.under(project));
    let shut = files.iter().filter(|file| file.can_be_written()).map(folder);
    let shut = shut.filter_map(|folder| Some((fs::check_writable(&folder).err()?, folder)));
    shut.map(|(e, folder)| {
        let next = format!(
            "make it writable for you: chmod u+w {}, or leave the entry as it is: --editor-config no",
            quoted(&folder)
        );
        problem(Code::NotPermitted, format!("{e}; an editor's entry for the server is changed there"), next)
    })
    .collect()
}

/// What a person has to do in a file that is not written.
pub(crate) fn by_hand(project: &Path, file: &ProjectFile) -> Vec<String> {
    let shown = file.path.under(project);
    let mut lines = Vec::new();
    if let Some(problem) = &file.problem {
        lines.push(format!("{}: {problem}; it was not changed", shown.shown()));
        let values = file.edits.iter().map(|edit| format!("{}: {} should be {}", edit.pointer, edit.old, edit.new));
        lines.extend(values.map(|value| format!("{}: {value}", shown.shown())));
    }
    lines.extend(file.by_hand.iter().map(|entry| format!("{}: {}: {}", shown.shown(), entry.entry, entry.why)));
    lines
}
