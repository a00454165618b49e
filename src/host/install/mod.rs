//! Where a project's install is. Generations keep it in folders of different names (`assets/generations.json`), so nobody but
//! this file joins such a name to a project: an upgrade may rename the folder while others look for it.

pub(crate) mod locked;
pub(crate) mod rename;

use std::fs as stdfs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::core::baseline;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::host::files::{fs, own_places};

/// The folders of a project that are, or could be, its install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Install {
    /// The project's folder.
    pub(crate) project: PathBuf,
    /// The install's folder; where the project has none, the one where it would be.
    pub(crate) path: PathBuf,
    /// What else stands beside it under a name that installs have.
    pub(crate) beside: Beside,
}

/// What stands beside an install under the name of another generation's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Nothing.
    Nothing,
    /// The folder of an earlier generation, which is left as it is.
    Earlier(PathBuf),
    /// At the place where the install has to go: nothing but what can be made again.
    Remains(PathBuf),
    /// At the place where the install has to go: something that is somebody's.
    InTheWay(PathBuf),
}

impl Install {
    /// Looks for the install of a project. Only names and kinds are looked at; whether a folder holds a release's bytes
    /// is for planning to tell.
    pub(crate) fn find(project: &Path) -> Self {
        let at = |name: &RelPath| name.under(project);
        let is_there = |path: &PathBuf| stdfs::symlink_metadata(path).is_ok();
        let newest = at(&layouts().newest().folder);
        let earlier = layouts().folders().into_iter().map(at).find(|path| *path != newest && path.is_dir());
        let found = |path: PathBuf, beside| Self { project: project.to_owned(), path, beside };
        match (earlier, is_there(&newest)) {
            (None, _) => found(newest, Beside::Nothing),
            // What an uninstall leaves is where the way back to it is.
            (Some(earlier), false) => match looks_installed(&earlier) || earlier.join(".upgrade").is_dir() {
                true => found(earlier, Beside::Nothing),
                // Other programs use such names, too.
                false => found(newest, Beside::Nothing),
            },
            (Some(earlier), true) if looks_installed(&newest) => found(newest, Beside::Earlier(earlier)),
            (Some(earlier), true) if !looks_installed(&earlier) => found(newest, Beside::Nothing),
            (Some(earlier), true) if is_remains(&newest) => found(earlier, Beside::Remains(newest)),
            (Some(earlier), true) => found(earlier, Beside::InTheWay(newest)),
        }
    }

    /// Where the install is after an upgrade to the newest generation.
    pub(crate) fn target(&self) -> PathBuf {
        layouts().newest().folder.under(&self.project)
    }
}

/// The folder of a project's install.
pub(crate) fn folder_of(project: &Path) -> PathBuf {
    Install::find(project).path
}

/// The name of an install's folder, for sentences.
pub(crate) fn name_of(install: &Path) -> String {
    match install.file_name() {
        Some(name) => fs::visible(&name.to_string_lossy()),
        None => layouts().newest().folder.to_string(),
    }
}

/// Whether a folder has a name that installs have.
pub(crate) fn is_named_so(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    layouts().folders().into_iter().any(|known| known.as_bytes() == name.as_bytes())
}

/// Whether a folder has what installs have: a folder that releases put files into, or our record of one.
pub(crate) fn looks_installed(folder: &Path) -> bool {
    let is_folder = |path: &RelPath| path.under(folder).is_dir();
    layouts().managed_folders().any(is_folder) || folder.join(baseline::FILE).exists()
}

/// Whether all that a folder holds can be made again.
fn is_remains(folder: &Path) -> bool {
    let Ok(mut entries) = stdfs::read_dir(folder) else { return false };
    entries.all(|entry| {
        let path = entry.ok().and_then(|e| RelPath::new(e.file_name().as_bytes()).ok());
        let is_kept = |path: &RelPath| own_places::KEPT.iter().any(|kept| path.as_bytes() == kept.as_bytes());
        path.is_some_and(|path| layouts().is_ephemeral(&path) && !is_kept(&path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folders: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        folders.iter().for_each(|folder| stdfs::create_dir_all(dir.path().join(folder)).unwrap());
        dir
    }

    fn found(folders: &[&str]) -> (String, String) {
        let dir = project(folders);
        let install = Install::find(dir.path());
        let beside = match install.beside {
            Beside::Nothing => "nothing",
            Beside::Earlier(_) => "earlier",
            Beside::Remains(_) => "remains",
            Beside::InTheWay(_) => "in the way",
        };
        (name_of(&install.path), beside.to_owned())
    }

    #[test]
    fn an_install_is_found_under_the_name_of_any_generation() {
        let (old, new) = (".agent-os".to_owned(), ".praxis-os".to_owned());
        let is = |name: &String, beside: &str| (name.clone(), beside.to_owned());
        assert_eq!(found(&[]), is(&new, "nothing"));
        assert_eq!(found(&[".praxis-os/standards"]), is(&new, "nothing"));
        assert_eq!(found(&[".agent-os/standards"]), is(&old, "nothing"));
        assert_eq!(found(&[".agent-os/product"]), is(&new, "nothing"), "another program's");
        assert_eq!(found(&[".agent-os/standards", ".praxis-os/workflows"]), is(&new, "earlier"));
        assert_eq!(found(&[".agent-os/standards", ".praxis-os/.cache"]), is(&old, "remains"));
        assert_eq!(found(&[".agent-os/standards", ".praxis-os/notes"]), is(&old, "in the way"));
        assert_eq!(found(&[".agent-os/standards", ".praxis-os/.backups"]), is(&old, "in the way"));
    }
}
