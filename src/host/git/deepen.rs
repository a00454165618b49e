//! Fetches what a shallow or a partial clone lacks, when a person asks for it. The one thing that writes to a source and
//! uses the network.
//!
//! Where the clone came from is read from its settings, and nothing else: it is fetched through a git folder of our own.
//! How the user reaches other machines is his own affair, so his credentials, proxies and ssh command count, from his
//! own settings and environment. Only usual protocols are spoken: an address such as `ext::` would start any program.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::host::git::command::finish;
use crate::host::git::error::GitError;
use crate::host::git::reach::{self, again, unwritten};
use crate::host::git::repo::Repo;
use crate::host::git::settings::Settings;
use crate::host::git::view::Parts;

/// The protocols that are spoken, as `GIT_ALLOW_PROTOCOL` has them.
const PROTOCOLS: &str = "file:git:http:https:ssh";

impl Repo {
    /// Fetches what a shallow or a partial clone lacks. The one thing here that writes to the source and uses the
    /// network; only done when asked for.
    ///
    /// # Errors
    /// [`GitError::Failed`] with git's words.
    pub(crate) fn deepen(&mut self) -> Result<(), GitError> {
        let Some(parts) = &self.parts else {
            let said = "it is a folder without git, so there is nothing to fetch from; name a clone".to_owned();
            return Err(GitError::NotARepository { path: self.path.clone(), said });
        };
        let url = self.origin(&Settings::of_repository(&self.path)?, parts)?;
        let lacks = self.lacks;
        if lacks.folders > 0 {
            // Its own list, and not ours that begins where folders are missing.
            self.shallow = parts.common.join("shallow").is_file();
        }
        // Of the source's own settings nothing is read.
        let mut reach = reach::ready(&self.path, self.view.home(), &url, PROTOCOLS)?;
        self.view.lead(&mut reach);
        if lacks.any() {
            let parts_shallow = self.shallow;
            self.fetch_missing(|| again(&reach), &url)?;
            if !parts_shallow {
                return Ok(());
            }
        }
        let Some(parts) = &self.parts else { return Ok(()) };
        let mut fetch = again(&reach);
        fetch.args(["fetch", "--unshallow", "--quiet", "--no-tags", "--", &url]);
        let own_list = self.view.home().join("shallow");
        let before = read(&own_list).map_err(|e| unwritten(&self.path, &own_list, &e))?;
        finish(&self.path, "fetch", &mut fetch)?;
        let now = read(&own_list).map_err(|e| unwritten(&self.path, &own_list, &e))?;
        hand_over(&parts.common, before.as_deref(), now.as_deref())
            .map_err(|e| unwritten(&self.path, &parts.common.join("shallow"), &e))?;
        self.shallow = now.is_some_and(|list| !list.is_empty());
        Ok(())
    }

    /// The address that the clone came from.
    fn origin(&self, settings: &Settings, parts: &Parts) -> Result<String, GitError> {
        let refused = |why: String| GitError::NoFetch { path: self.path.clone(), why };
        let head = fs::read_to_string(parts.git_dir.join("HEAD")).unwrap_or_default();
        let of_branch = head.trim().strip_prefix("ref: refs/heads/").map(|b| format!("branch.{b}.remote"));
        let named = of_branch.and_then(|key| settings.get(&key)).filter(|name| *name != ".").unwrap_or("origin");
        let address = |name: &str| {
            let key = format!("remote.{name}.url");
            settings.iter().find(|(known, _)| *known == key).map(|(_, url)| url.to_owned())
        };
        let only = || {
            settings
                .iter()
                .find_map(|(key, url)| (key.starts_with("remote.") && key.ends_with(".url")).then(|| url.to_owned()))
        };
        let url = address(named).or_else(only);
        let url = url.ok_or_else(|| refused("it names no remote that its history could be fetched from".to_owned()))?;
        // `helper::address` starts a program of that name.
        if url.split_once("::").is_some_and(|(helper, _)| helper.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        {
            return Err(refused(format!("history is not fetched from {url:?}, which would start a program")));
        }
        Ok(url)
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Lets the clone know where its history ends now, under git's own lock, unless another git told it meanwhile.
fn hand_over(common: &Path, before: Option<&[u8]>, now: Option<&[u8]>) -> io::Result<()> {
    let (file, lock) = (common.join("shallow"), common.join("shallow.lock"));
    let mut written = OpenOptions::new().write(true).create_new(true).open(&lock)?;
    let result = (|| {
        if read(&file)?.as_deref() != before {
            return Err(io::Error::other("another git changed it meanwhile; try again"));
        }
        match now.filter(|list| !list.is_empty()) {
            Some(list) => {
                written.write_all(list)?;
                written.sync_all()?;
                fs::rename(&lock, &file)
            }
            None => match fs::remove_file(&file) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => fs::remove_file(&lock),
            },
        }
    })();
    if result.is_err() {
        let _ = fs::remove_file(&lock);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_that_another_git_works_on_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let shallow = dir.path().join("shallow");
        fs::write(&shallow, "other\n").unwrap();
        assert!(hand_over(dir.path(), Some(b"id\n"), None).is_err());
        assert_eq!(fs::read(&shallow).unwrap(), b"other\n");
        fs::write(dir.path().join("shallow.lock"), "").unwrap();
        assert!(hand_over(dir.path(), Some(b"other\n"), None).is_err());
        assert!(dir.path().join("shallow.lock").exists() && shallow.exists());
        fs::remove_file(dir.path().join("shallow.lock")).unwrap();
        hand_over(dir.path(), Some(b"other\n"), None).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
