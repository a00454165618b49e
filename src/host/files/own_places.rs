//! The places in an install that are this program's own. It writes and removes there by path, so none of them may be a
//! link: what stands behind one is somebody else's.

use std::fs as stdfs;
use std::path::{Path, PathBuf};

use crate::core::baseline;
use crate::core::os_text::quoted;
use crate::core::session::DOCUMENTS;
use crate::core::visible::Shown as _;

/// Folders of our own, each before what is in it.
const FOLDERS: [&str; 10] = [
    ".upgrade",
    ".upgrade/base",
    ".upgrade/outside",
    ".upgrade/parked",
    ".upgrade/restore",
    ".backups",
    ".cache",
    ".cache/state",
    "rescued",
    "venvs",
];
/// Those of them that hold what can't be made again, though releases never put files there.
pub(crate) const KEPT: [&str; 3] = [".upgrade", ".backups", "rescued"];
/// Those of them that hold nothing that can't be made again: a rollback sets aside what stands there instead.
pub(crate) const MADE_AGAIN: [&str; 2] = [".cache", ".cache/state"];
/// What a journal's folder holds.
const STAGES: [&str; 2] = ["stage", "stage.done"];

/// One of our places where something other stands than we put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    path: PathBuf,
    folder: bool,
    leads: Option<PathBuf>,
}

impl Odd {
    /// Whether it stands at one of [`MADE_AGAIN`].
    fn is_made_again(&self, install: &Path) -> bool {
        MADE_AGAIN.iter().any(|name| install.join(name) == self.path)
    }

    /// In a sentence for people.
    pub(crate) fn describe(&self) -> String {
        let kind = if self.folder { "folder" } else { "file" };
        match &self.leads {
            Some(target) => format!(
                "{}: is a link (to {}), not a {kind}; what is written there would land outside of the install",
                self.path.shown(),
                target.shown()
            ),
            None => format!("{}: something other than a {kind} stands there", self.path.shown()),
        }
    }

    /// What to do about it.
    pub(crate) fn next(&self) -> String {
        let path = quoted(&self.path);
        let behind = self.leads.as_ref().map(|leads| self.path.parent().unwrap_or(Path::new(".")).join(leads));
        match behind {
            Some(behind) if self.folder && behind.is_dir() => format!(
                "put a folder there: rm {path} && mkdir {path} (to keep it on another disk, mount that there: mount --bind {} {path})",
                quoted(behind)
            ),
            Some(behind) if !self.folder && behind.is_file() => {
                format!("put the file itself there: cp --remove-destination {} {path}", quoted(behind))
            }
            Some(_) => format!("remove the link: rm {path}"),
            None => format!("move it aside: mv {path} {path}.old"),
        }
    }
}

fn odd(path: PathBuf, folder: bool) -> Option<Odd> {
    let meta = stdfs::symlink_metadata(&path).ok()?;
    if if folder { meta.is_dir() } else { meta.is_file() } {
        return None;
    }
    let leads = stdfs::read_link(&path).ok();
    Some(Odd { path, folder, leads })
}

/// Those of our own folders that are there.
pub(crate) fn folders(install: &Path) -> Vec<PathBuf> {
    FOLDERS.iter().map(|name| install.join(name)).filter(|folder| folder.is_dir()).collect()
}

/// Which of the folders that everything is written to are none. Whoever takes the lock looks here first.
pub(crate) fn odd_folders(install: &Path) -> Vec<Odd> {
    let mut all: Vec<Odd> = FOLDERS.iter().filter_map(|name| odd(install.join(name), true)).collect();
    // Behind a link there is nothing more to look at.
    if all.iter().any(|o| o.path == install.join(".upgrade")) {
        return all;
    }
    all.extend(odd(install.join(".upgrade/lock"), false));
    // Where they can't be listed, whoever looks at the sessions next says so.
    for id in crate::host::session::store::ids(install).unwrap_or_default() {
        let session = crate::host::session::store::folder(install, &id);
        for journal in crate::host::files::journal::FOLDERS.map(|name| session.join(name)) {
            let stages = STAGES.map(|name| journal.join(name));
            match odd(journal, true) {
                Some(found) => all.push(found),
                None => all.extend(stages.into_iter().filter_map(|stage| odd(stage, true))),
            }
        }
    }
    all
}

/// The same without those at [`MADE_AGAIN`].
pub(crate) fn odd_folders_to_keep(install: &Path) -> Vec<Odd> {
    odd_folders(install).into_iter().filter(|odd| !odd.is_made_again(install)).collect()
}

/// Which of the documents that an upgrade writes are no files.
pub(crate) fn odd_documents(project: &Path, install: &Path) -> Vec<Odd> {
    let names = ["VERSION.txt", baseline::FILE].into_iter().chain(DOCUMENTS);
    let all = names.map(|name| install.join(name)).chain([project.join(".gitignore")]);
    all.filter_map(|path| odd(path, false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path().join("p/.praxis-os");
        stdfs::create_dir_all(install.join(".upgrade")).unwrap();
        assert_eq!((odd_folders(&install), odd_documents(&dir.path().join("p"), &install)), (vec![], vec![]));
        stdfs::create_dir(dir.path().join("disk")).unwrap();
        symlink("../../disk", install.join(".cache")).unwrap();
        symlink("nowhere", install.join("rescued")).unwrap();
        stdfs::create_dir(install.join("VERSION.txt")).unwrap();
        symlink("/dev/null", dir.path().join("p/.gitignore")).unwrap();
        let folders = odd_folders(&install);
        assert_eq!(folders.len(), 2);
        assert!(folders[0].describe().contains(".cache: is a link (to ../../disk)"), "{}", folders[0].describe());
        assert!(folders[0].next().contains("mount --bind"), "{}", folders[0].next());
        assert!(folders[1].next().starts_with("remove the link: rm "), "{}", folders[1].next());
        let documents = odd_documents(&dir.path().join("p"), &install);
        let next: Vec<String> = documents.iter().map(Odd::next).collect();
        assert!(next.len() == 2 && next[0].starts_with("move it aside") && next[1].starts_with("remove the link"));
    }
}
