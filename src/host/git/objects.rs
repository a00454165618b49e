//! The contents of a repository's objects. An object's name is the hash of its bytes: whatever is read here is hashed,
//! so that nothing can stand for something else, wherever the repository has its objects from.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::core::blob::{BlobId, LFS_POINTER_LIMIT, ObjectFormat};
use crate::core::layout::{layouts, pages};
use crate::core::path::RelPath;
use crate::core::release_history::{Shipped, Tree};
use crate::host::git::cat_file::{Found, Pipes};
use crate::host::git::command::finish_with;
use crate::host::git::error::GitError;
use crate::host::git::view::View;
use crate::host::process::timing::{Who, waiting};

/// What the manifest's paths are relative to, in the names of pages.
pub(crate) const MANIFEST_FOLDER: &str = "universal/";

/// Folders in folders; git itself follows no more of them.
const DEEPEST: usize = 2048;

/// Contents of a repository's objects, read through one long-lived `git cat-file --batch`.
#[derive(Debug)]
pub struct Blobs {
    path: PathBuf,
    format: ObjectFormat,
    view: Arc<View>,
    pipes: Mutex<Option<Pipes>>,
    damaged: Mutex<Vec<BlobId>>,
    /// Commits and folders that are what their names say, with all that they hold.
    sound: Mutex<HashSet<String>>,
}

/// Where a history ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// With its first commit.
    Whole,
    /// Where commits are not there.
    Shallow,
    /// Where commits are there, and their folders are not.
    WithoutFolders,
}

/// What a commit ships.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The files that an install can hold, by the names of their pages. Links and submodules are left out.
    pub(crate) tree: Tree,
    /// Where those stand that have another name than their path.
    pub(crate) elsewhere: BTreeMap<RelPath, RelPath>,
    /// Those of their blobs that are small enough for git-lfs pointers.
    pub(crate) small: HashSet<BlobId>,
    /// The folders at its top, and all in those that something is installed from.
    pub(crate) folders: BTreeSet<RelPath>,
    /// All files at its top and in the folders that something is installed from.
    seen: BTreeMap<RelPath, BlobId>,
}

impl Listing {
    /// The content of its manifest.
    pub(crate) fn manifest(&self) -> Option<&BlobId> {
        let page = format!("{MANIFEST_FOLDER}.universal-manifest.json").parse().ok()?;
        layouts().paths_of(&page).iter().find_map(|path| self.seen.get(path))
    }

    /// The content of a file at the commit's top or in a folder that something is installed from.
    pub(crate) fn blob(&self, path: &str) -> Option<&BlobId> {
        self.seen.get(&path.parse().ok()?)
    }
}

/// One entry of a tree object.
struct Entry<'a> {
    mode: &'a str,
    name: &'a [u8],
    id: String,
}

impl Blobs {
    pub(super) fn open(path: &Path, format: ObjectFormat, view: Arc<View>) -> Result<Self, GitError> {
        let pipes = Mutex::new(Some(Pipes::open(view.git())?));
        Ok(Self { path: path.to_owned(), format, view, pipes, damaged: Mutex::default(), sound: Mutex::default() })
    }

    /// The bytes of a blob; none if the repository doesn't have it, or has other bytes under this name, which
    /// [`Self::damaged`] tells.
    pub fn read(&self, id: &BlobId) -> Option<Arc<[u8]>> {
        // Of another format, as a baseline's may be: no name of anything here.
        if id.format() != self.format {
            return None;
        }
        match self.object("blob", &id.to_string()) {
            Ok(found) => found.map(Into::into),
            Err(_) => {
                self.damaged.lock().ok()?.push(id.clone());
                None
            }
        }
    }

    /// Whether this was asked for, and other bytes were found under its name.
    pub(crate) fn is_damaged(&self, id: &BlobId) -> bool {
        self.damaged.lock().is_ok_and(|ids| ids.contains(id))
    }

    /// The bytes of an object; none if the repository has none of this name and kind.
    fn object(&self, kind: &'static str, id: &str) -> Result<Option<Vec<u8>>, GitError> {
        let damaged = || self.damaged(kind, id);
        let _git = waiting(Who::Git);
        let mut guard = self.pipes.lock().map_err(|_| damaged())?;
        if guard.is_none() {
            *guard = Some(Pipes::open(self.view.git())?);
        }
        let Some(pipes) = guard.as_mut() else { return Err(damaged()) };
        let Ok(found) = pipes.ask(id) else {
            // It gave up over this object, and is out of step with us: another one answers the next question.
            *guard = None;
            return Err(damaged());
        };
        self.checked(kind, id, found)
    }

    /// The bytes of an object that was found under a name, if it is of this kind and what its name says.
    fn checked(&self, kind: &'static str, id: &str, found: Found) -> Result<Option<Vec<u8>>, GitError> {
        let Some((_, bytes)) = found.filter(|(found_kind, _)| found_kind == kind) else { return Ok(None) };
        match BlobId::from_hex(id) == Some(BlobId::of_object(kind, &bytes, self.format)) {
            true => Ok(Some(bytes)),
            false => Err(self.damaged(kind, id)),
        }
    }

    /// The same for many, in their order: git reads on while what it read before is looked at. `each` reads nothing here.
    ///
    /// # Errors
    /// The first that `each` returns.
    fn objects(
        &self,
        kind: &'static str,
        ids: &[impl AsRef<str> + Sync],
        mut each: impl FnMut(usize, Result<Option<Vec<u8>>, GitError>) -> Result<(), GitError>,
    ) -> Result<(), GitError> {
        let mut done = 0;
        if let Ok(mut guard) = self.pipes.lock()
            && let Some(mut pipes) = guard.take()
        {
            let _git = waiting(Who::Git);
            let in_step = pipes.ask_all(ids, |found| {
                done += 1;
                each(done - 1, self.checked(kind, ids[done - 1].as_ref(), found))
            })?;
            *guard = Some(pipes).filter(|_| in_step);
        }
        // Over one of them it gave up: those that are left are asked for one by one, by another one.
        for (at, id) in ids.iter().enumerate().skip(done) {
            each(at, self.object(kind, id.as_ref()))?;
        }
        Ok(())
    }

    /// Reads many blobs, in their order, as [`Self::read`] does each.
    pub(crate) fn read_each(&self, ids: &[&BlobId], mut each: impl FnMut(usize, Option<Arc<[u8]>>)) {
        let of_format: Vec<(usize, &BlobId)> =
            ids.iter().enumerate().filter(|(_, id)| id.format() == self.format).map(|(at, id)| (at, *id)).collect();
        let names: Vec<String> = of_format.iter().map(|(_, id)| id.to_string()).collect();
        let all = self.objects("blob", &names, |nth, found| {
            if found.is_err()
                && let Ok(mut damaged) = self.damaged.lock()
            {
                damaged.push(of_format[nth].1.clone());
            }
            each(of_format[nth].0, found.ok().flatten().map(Into::into));
            Ok(())
        });
        debug_assert!(all.is_ok(), "nothing here returns an error");
    }

    /// Looks at commits, at all that they come from and at all folders in them, so that what git tells of them without hashing
    /// them is what they are. What was looked at once is not looked at again. Where the history is cut off it ends.
    ///
    /// # Errors
    /// [`GitError::Damaged`], by the first that can't be read or is not what its name says.
    pub(super) fn check_history(&self, commits: Vec<String>, ends: Ends) -> Result<(), GitError> {
        let mut sound = self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = self.check_from(commits, ends, &mut sound);
        if checked.is_err() {
            // Some of it was not looked at.
            sound.clear();
        }
        checked
    }

    fn check_from(&self, commits: Vec<String>, ends: Ends, sound: &mut HashSet<String>) -> Result<(), GitError> {
        let mut folders = Vec::new();
        let mut open = commits;
        while !open.is_empty() {
            open.retain(|commit| sound.insert(commit.clone()));
            let mut next = Vec::new();
            self.objects("commit", &open, |at, found| {
                let commit = &open[at];
                let bytes = match found? {
                    None if ends == Ends::Shallow => return Ok(()),
                    found => found.ok_or_else(|| self.damaged("commit", commit))?,
                };
                let lines = bytes.split(|b| *b == b'\n').take_while(|line| !line.is_empty());
                let named = lines.filter_map(|line| line.strip_prefix(b"parent "));
                // Behind one whose parents' folders were left out, nothing was read.
                let named = named.filter(|_| ends != Ends::WithoutFolders);
                next.extend(named.map(|id| String::from_utf8_lossy(id).into_owned()));
                folders.push((String::new(), root_in(commit, &bytes)?));
                Ok(())
            })?;
            open = next;
        }
        // Level by level: each is asked for at once.
        while !folders.is_empty() {
            folders.retain(|(_, id): &(String, String)| sound.insert(id.clone()));
            let mut next = Vec::new();
            let ids: Vec<&str> = folders.iter().map(|(_, id)| id.as_str()).collect();
            self.objects("tree", &ids, |at, found| {
                let (folder, id) = &folders[at];
                let found = found.map_err(|e| e.of_file(folder))?;
                let bytes = found.ok_or_else(|| self.damaged("tree", id).of_file(folder))?;
                for entry in entries(&bytes, self.format).filter(|e| e.mode == "40000" && !sound.contains(&e.id)) {
                    let name = String::from_utf8_lossy(entry.name);
                    let path = if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") };
                    next.push((path, entry.id));
                }
                Ok(())
            })?;
            folders = next;
        }
        Ok(())
    }

    fn damaged(&self, kind: &'static str, id: &str) -> GitError {
        GitError::Damaged { path: self.path.clone(), kind, id: id.to_owned(), file: None }
    }

    /// Looks at blobs that git has compared with others, by id and name; one that the repository doesn't have was not compared.
    ///
    /// # Errors
    /// [`GitError::Damaged`].
    pub(super) fn check_blobs(&self, named: &BTreeMap<String, String>) -> Result<(), GitError> {
        let (ids, files): (Vec<&String>, Vec<&String>) = named.iter().unzip();
        self.objects("blob", &ids, |at, found| found.map(drop).map_err(|e| e.of_file(files[at])))
    }

    fn needed(&self, kind: &'static str, id: &str, file: &str) -> Result<Vec<u8>, GitError> {
        let found = self.object(kind, id).map_err(|e| e.of_file(file))?;
        found.ok_or_else(|| self.damaged(kind, id).of_file(file))
    }

    /// The tree of a commit, by its id.
    fn root_of(&self, commit: &str) -> Result<String, GitError> {
        root_in(commit, &self.needed("commit", commit, "")?)
    }

    /// What a commit ships, read folder by folder.
    ///
    /// # Errors
    /// [`GitError::Damaged`] for a commit or folder that can't be read, or is not what its name says.
    pub(crate) fn listing(&self, commit: &str) -> Result<Listing, GitError> {
        let mut listing = Listing::default();
        let tops = layouts().source_tops();
        // Texts that are no part of an install, and are read all the same.
        let texts = &layouts().outside.rule_texts;
        let leads = |path: &RelPath| texts.iter().any(|text| text.source.is_within(path));
        // The folders that are still to be read.
        let mut open = vec![(None::<RelPath>, self.root_of(commit)?, 0)];
        while let Some((folder, id, depth)) = open.pop() {
            let named = folder.as_ref().map(ToString::to_string).unwrap_or_default();
            let bytes = self.needed("tree", &id, &named)?;
            for entry in entries(&bytes, self.format) {
                let path = match &folder {
                    Some(folder) => folder.join(entry.name).ok(),
                    None => RelPath::new(entry.name).ok(),
                };
                // A name that no file can have, or that leads elsewhere.
                let Some(path) = path.filter(|_| !entry.name.contains(&b'/')) else { continue };
                if entry.mode == "40000" {
                    listing.folders.insert(path.clone());
                    if depth < DEEPEST && (tops.iter().any(|top| path.is_within(top)) || leads(&path)) {
                        open.push((Some(path), entry.id, depth + 1));
                    }
                    continue;
                }
                let Some(blob) = BlobId::from_hex(&entry.id).filter(|_| is_file(entry.mode)) else { continue };
                if layouts().is_installable(&path) {
                    let shipped = Shipped { blob: blob.clone(), executable: entry.mode == "100755" };
                    listing.tree.insert(path.clone(), shipped);
                }
                listing.seen.insert(path, blob);
            }
        }
        (listing.tree, listing.elsewhere) = pages::pages(listing.tree);
        listing.small = self.small(listing.tree.values().map(|shipped| &shipped.blob))?;
        Ok(listing)
    }

    /// Those that are small enough for git-lfs pointers, by what git says of their sizes.
    fn small<'a>(&self, blobs: impl Iterator<Item = &'a BlobId>) -> Result<HashSet<BlobId>, GitError> {
        let asked = blobs.fold(String::new(), |all, id| all + &id.to_string() + "\n");
        let mut command = self.view.git();
        command.args(["cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer"]);
        let said = finish_with(&self.path, "cat-file", &mut command, asked.as_bytes())?;
        let small = |line: &str| {
            let (id, size) = line.split_once(' ')?;
            let size: usize = size.parse().ok()?;
            BlobId::from_hex(id).filter(|_| size < LFS_POINTER_LIMIT)
        };
        Ok(String::from_utf8_lossy(&said).lines().filter_map(small).collect())
    }
}

/// The tree of a commit, by its id and bytes.
fn root_in(commit: &str, bytes: &[u8]) -> Result<String, GitError> {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let id = line.strip_prefix(b"tree ").and_then(|id| std::str::from_utf8(id).ok());
    id.map(str::to_owned).ok_or(GitError::Unexpected { command: "cat-file", what: format!("commit {commit}") })
}

/// The entries of a tree object, as far as it is one.
fn entries(bytes: &[u8], format: ObjectFormat) -> impl Iterator<Item = Entry<'_>> {
    let length = match format {
        ObjectFormat::Sha1 => 20,
        ObjectFormat::Sha256 => 32,
    };
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let blank = rest.iter().position(|b| *b == b' ')?;
        let end = blank + rest[blank..].iter().position(|b| *b == 0)?;
        let id = rest.get(end + 1..end + 1 + length)?;
        let mode = std::str::from_utf8(&rest[..blank]).ok()?;
        let entry = Entry { mode, name: &rest[blank + 1..end], id: crate::core::blob::hex(id) };
        rest = &rest[end + 1 + length..];
        Some(entry)
    })
}

/// Regular files, executable or not; not links (120000) and submodules (160000).
pub(super) fn is_file(mode: &str) -> bool {
    matches!(mode, "100644" | "100755" | "100664")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_as_far_as_it_is_one() {
        let mut bytes = b"100644 a b\n\0".to_vec();
        bytes.extend([7; 20]);
        bytes.extend(b"40000 c\0");
        bytes.extend([1; 20]);
        let read = |bytes: &[u8]| {
            let entries = entries(bytes, ObjectFormat::Sha1);
            entries.map(|e| (e.mode.to_owned(), e.name.to_vec(), e.id)).collect::<Vec<_>>()
        };
        let all = read(&bytes);
        assert_eq!(all[0], ("100644".into(), b"a b\n".to_vec(), "07".repeat(20)));
        assert_eq!(all[1], ("40000".into(), b"c".to_vec(), "01".repeat(20)));
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).len() < 2);
        }
    }
}
