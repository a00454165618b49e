//! Partial clones: what they left out when they were made, and bringing it when a person asks for that.
//!
//! git itself would fetch each missing object by itself as soon as it is looked at. Here nothing is fetched unasked, and all
//! of it at once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::host::git::command::{finish, finish_with};
use crate::host::git::error::GitError;
use crate::host::git::repo::{Lacks, Repo};

/// Whether a clone was made partial, by the packs that say of themselves that more is elsewhere.
pub(super) fn is_partial(objects: &Path) -> bool {
    let packs = fs::read_dir(objects.join("pack")).into_iter().flatten().flatten();
    packs.into_iter().any(|entry| entry.path().extension().is_some_and(|end| end == "promisor"))
}

/// The objects that the clone names and does not have.
fn missing(path: &Path, mut git: Command, only_folders: bool) -> Result<BTreeSet<String>, GitError> {
    git.args(["rev-list", "--objects", "--missing=print"]);
    if only_folders {
        git.arg("--filter=blob:none");
    }
    let out = finish(path, "rev-list", git.args(["--branches", "--tags", "--remotes", "HEAD", "--"]))?;
    let text = String::from_utf8_lossy(&out).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_prefix('?')).map(str::to_owned).collect())
}

impl Repo {
    /// Looks what a partial clone left out. Where that are folders, its history is read as if it began where they do: the
    /// list for that is our own, in the folder through which it is read.
    pub(super) fn look_for_missing(&mut self) -> Result<(), GitError> {
        let Some(parts) = &self.parts else { return Ok(()) };
        if !is_partial(&parts.common.join("objects")) {
            return Ok(());
        }
        let all = missing(&self.path, self.git(), false)?;
        let folders = if all.is_empty() { BTreeSet::new() } else { missing(&self.path, self.git(), true)? };
        self.lacks = Lacks { contents: all.len() - folders.len(), folders: folders.len() };
        if self.lacks.folders > 0 {
            let mut begins = self.whole_commits()?;
            let list = self.view.home().join("shallow");
            // One that is shallow, too, begins where it did on other branches.
            let had = fs::read_to_string(&list).unwrap_or_default();
            begins.extend(had.lines().map(str::to_owned));
            fs::write(&list, begins.join("\n") + "\n")
                .map_err(|e| GitError::NoView { path: list.clone(), why: e.to_string() })?;
            self.shallow = true;
        }
        Ok(())
    }

    /// The commits that have their folder, and a parent that has none.
    fn whole_commits(&self) -> Result<Vec<String>, GitError> {
        let args = ["log", "--format=%H %T %P", "--no-color", "--branches", "--tags", "--remotes", "HEAD", "--"];
        let out = finish(&self.path, "log", self.git().args(args))?;
        let text = String::from_utf8_lossy(&out).into_owned();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
        let trees: String = rows.iter().filter_map(|row| row.get(1)).map(|tree| format!("{tree}\n")).collect();
        let mut command = self.git();
        command.args(["cat-file", "--batch-check=%(objectname)"]);
        let said = finish_with(&self.path, "cat-file", &mut command, trees.as_bytes())?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let has = said.lines().map(|line| !line.ends_with("missing"));
        let whole: BTreeSet<&str> = rows.iter().zip(has).filter(|(_, has)| *has).map(|(row, _)| row[0]).collect();
        let begins = rows.iter().filter(|row| {
            whole.contains(row[0]) && row.iter().skip(2).any(|parent| !parent.is_empty() && !whole.contains(parent))
        });
        Ok(begins.map(|row| row[0].to_owned()).collect())
    }

    /// Brings all that a partial clone left out, in one batch; where folders are missing, in as many as these have levels.
    /// `fetch` is git, ready to reach the other machine; `url` is where the rest is.
    pub(super) fn fetch_missing(&mut self, fetch: impl Fn() -> Command, url: &str) -> Result<(), GitError> {
        // Folders that come may name more that is missing.
        const BATCHES: usize = 64;
        let failed = |path: &Path, e: std::io::Error| GitError::NoView { path: path.to_owned(), why: e.to_string() };
        let home = self.view.home().to_owned();
        // The list of where the history begins was ours: now it is the clone's own.
        let Some(parts) = &self.parts else { return Ok(()) };
        let (own, theirs) = (home.join("shallow"), parts.common.join("shallow"));
        let _ = fs::remove_file(&own);
        if theirs.is_file() {
            fs::copy(&theirs, &own).map_err(|e| failed(&own, e))?;
        }
        let config = home.join("config");
        let plain = fs::read_to_string(&config).map_err(|e| failed(&config, e))?;
        let quoted = url.replace('\\', "\\\\").replace('"', "\\\"");
        let partial = plain.replace("repositoryFormatVersion = 0", "repositoryFormatVersion = 1")
            + &format!(
                "[extensions]\n\tpartialClone = rest\n[remote \"rest\"]\n\tpromisor = true\n\turl = \"{quoted}\"\n"
            );
        fs::write(&config, partial).map_err(|e| failed(&config, e))?;
        let mut before = None;
        let fetched = (0..BATCHES).try_for_each(|_| {
            let wanted = missing(&self.path, self.git(), false)?;
            if wanted.is_empty() {
                return Ok(());
            }
            if before.as_ref() == Some(&wanted) {
                let why = format!("{} objects are not there to be fetched", wanted.len());
                return Err(GitError::NoFetch { path: self.path.clone(), why });
            }
            let list: String = wanted.iter().map(|id| format!("{id}\n")).collect();
            before = Some(wanted);
            let mut command = fetch();
            // As one pack, however little it is: loose objects would be packed with what is not there.
            command.args([
                "-c",
                "fetch.unpackLimit=1",
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--stdin",
                "--",
                "rest",
            ]);
            finish_with(&self.path, "fetch", &mut command, list.as_bytes()).map(drop)
        });
        fs::write(&config, plain).map_err(|e| failed(&config, e))?;
        fetched?;
        self.lacks = Lacks::default();
        self.shallow = own.is_file();
        Ok(())
    }
}
