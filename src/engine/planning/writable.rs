//! Whether this user may write wherever an upgrade, and the way back from it, will write. Said before anything begins: a
//! rollback that finds a folder shut can't end.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::{Kind, Plan};
use crate::engine::planning::source::Source;
use crate::engine::planning::unchangeable;
use crate::engine::refusal::Problem;
use crate::engine::refusal::problem;
use crate::engine::report::documents;
use crate::engine::session::remedy::remedy;
use crate::host::files::{fixed, fs, own_places};

fn refused(folder: &Path, what: &str) -> Option<Problem> {
    let error = fs::check_writable(folder).err()?;
    let chmod = || format!("make it writable for you: chmod u+w {}", quoted(folder));
    // A read-only file system is another thing than a mode.
    let next = match error.source.kind() {
        ErrorKind::ReadOnlyFilesystem => remedy(&error).unwrap_or_else(chmod),
        _ => chmod(),
    };
    Some(problem(Code::InstallReadOnly, format!("{error}; {what}"), next))
}

/// Why this user may not write in a folder, and what to do about it: its mode, a file system, an attribute.
pub(crate) fn shut(folder: &Path, what: &str) -> Option<Problem> {
    unchangeable::held(folder).or_else(|| refused(folder, what))
}

/// Folders beside those that releases fill: this program's own, and the project's, where a `.gitignore` that lacks lines is
/// replaced by a file that is written beside it.
pub(crate) fn around(project: &Path, install: &Path, source: Option<&Source>) -> Vec<Problem> {
    if !install.is_dir() {
        return Vec::new();
    }
    let own = own_places::folders(install).into_iter();
    let mut all: Vec<Problem> = own.filter_map(|folder| shut(&folder, "this program keeps its notes there")).collect();
    let shipped = source.and_then(|source| {
        let (_, file) = source.tree.iter().find(|(path, _)| documents::is_list(path))?;
        source.read(&file.blob)
    });
    if documents::writes_gitignore(project, install, shipped.as_deref()) {
        all.extend(shut(project, "an upgrade adds lines to .gitignore there"));
        all.extend(unchangeable::document(&project.join(".gitignore")));
    }
    all
}

/// Folders that a plan writes to and this user may not write in, deep inside the install.
pub(crate) fn unwritable(install: &Path, plan: &Plan) -> Vec<Problem> {
    let changed = || plan.files.iter().filter(|f| f.kind.changes_install());
    let paths = changed().flat_map(|f| f.from.iter().chain([&f.path]));
    let exists = |folder: &PathBuf| folder.is_dir();
    let nearest = |path: &RelPath| path.under(install).ancestors().skip(1).map(Path::to_owned).find(exists);
    let mut folders: BTreeSet<PathBuf> = paths.filter_map(nearest).collect();
    folders.extend(above_what_goes(install, plan));
    let shut = folders.iter().filter(|folder| fixed::attribute(folder).is_none());
    let shut = shut.filter_map(|folder| refused(folder, "the install can't be written"));
    shut.chain(unchangeable::problems(install, plan, &folders)).collect()
}

/// The folders that hold a folder which goes, because all that is in it goes.
fn above_what_goes(install: &Path, plan: &Plan) -> BTreeSet<PathBuf> {
    let removed = plan.files.iter().filter(|f| f.kind == Kind::Remove).map(|f| &f.path);
    let moved = plan.files.iter().filter_map(|f| f.from.as_ref());
    let mut going: BTreeSet<PathBuf> = removed.chain(moved).map(|path| path.under(install)).collect();
    let mut holders = BTreeSet::new();
    let mut look_at: Vec<PathBuf> = going.iter().filter_map(|path| path.parent().map(Path::to_owned)).collect();
    while let Some(folder) = look_at.pop() {
        // Top folders stay, even when empty.
        let Some(holder) = folder.parent().filter(|holder| holder.starts_with(install) && *holder != install) else {
            continue;
        };
        let Ok(mut entries) = std::fs::read_dir(&folder) else { continue };
        let goes = entries.all(|entry| entry.is_ok_and(|entry| going.contains(&entry.path())));
        if goes && going.insert(folder.clone()) {
            holders.insert(holder.to_owned());
            look_at.push(holder.to_owned());
        }
    }
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path();
        for path in ["s/u/gone/deep/x.md", "s/u/gone/y.md", "s/u/stays/z.md", "s/u/stays/mine.md"] {
            std::fs::create_dir_all(install.join(path).parent().unwrap()).unwrap();
            std::fs::write(install.join(path), "").unwrap();
        }
        let mut plan = crate::core::session::example().plan().clone();
        let file = |path: &str| -> crate::core::plan::FileEntry {
            serde_json::from_value(serde_json::json!({
                "path": path, "kind": "remove", "from": null, "source_path": path, "base": null, "mine": null,
                "theirs": null, "conflict_hunks": 0, "reason": "",
            }))
            .unwrap()
        };
        plan.files = ["s/u/gone/deep/x.md", "s/u/gone/y.md", "s/u/stays/z.md"].map(file).into();
        let holders = above_what_goes(install, &plan);
        assert_eq!(holders, [install.join("s/u"), install.join("s/u/gone")].into());
    }
}
