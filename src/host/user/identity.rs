//! Who runs this program, and whose project it is. Files that root makes in somebody else's project are of no use to
//! them, and what is started there (a server, pip, tests) would run as root: so the program becomes the owner.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{Access, access};
use rustix::process::{Gid, Uid};

use crate::host::platform::process::{become_user, own_program};
use crate::host::process::children;

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    /// Its number.
    pub(crate) uid: u32,
    /// Its own group.
    pub(crate) gid: u32,
    /// Where its home is.
    pub(crate) home: PathBuf,
}

/// Whether this process has root's rights.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The owner and group of a folder, by number; none if there is none.
pub(crate) fn owner_of(folder: &Path) -> Option<(u32, u32)> {
    fs::metadata(folder).ok().filter(fs::Metadata::is_dir).map(|meta| (meta.uid(), meta.gid()))
}

/// The account with this number, if the machine knows one: by its directory services too.
pub(crate) fn account(uid: u32) -> Option<Account> {
    let asked = children::helper("getent").args(["passwd", &uid.to_string()]).stdin(Stdio::null()).output();
    let said = asked.ok().filter(|out| out.status.success()).map(|out| out.stdout);
    let text = said.or_else(|| fs::read("/etc/passwd").ok())?;
    String::from_utf8_lossy(&text).lines().filter_map(entry).find(|account| account.uid == uid)
}

/// A line of `/etc/passwd`: `name:x:uid:gid:comment:home:shell`.
fn entry(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
    let sound = !name.is_empty() && home.starts_with('/');
    let account = Account { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.into() };
    sound.then_some(account)
}

impl Account {
    /// All groups that it is in.
    fn groups(&self) -> Vec<u32> {
        let asked = children::helper("id").args(["-G", "--", &self.name]).stdin(Stdio::null()).output();
        let said = asked.ok().filter(|out| out.status.success()).map(|out| out.stdout).unwrap_or_default();
        let mut groups: Vec<u32> =
            String::from_utf8_lossy(&said).split_whitespace().filter_map(|g| g.parse().ok()).collect();
        if !groups.contains(&self.gid) {
            groups.insert(0, self.gid);
        }
        groups
    }

    /// Gives up root's rights for this account's, for good. Only while this process has one thread: the kernel keeps them
    /// by thread.
    ///
    /// # Errors
    /// [`io::Error`], also where the rights could be had back.
    pub(crate) fn enter(&self) -> io::Result<()> {
        let groups: Vec<Gid> = self.groups().into_iter().map(Gid::from_raw).collect();
        become_user(Uid::from_raw(self.uid), Gid::from_raw(self.gid), &groups)
    }

    /// Starts this program anew in the place of this process, with the same arguments and open files: what it learnt as
    /// root (folders of settings, the name in the environment) is the account's then. Returns only if that fails.
    pub(crate) fn start_over(&self, arguments: impl Iterator<Item = OsString>) -> io::Error {
        let mut command = Command::new(own_program());
        command.args(arguments).arg0("pos-upgrade-tui").env("HOME", &self.home);
        command.env("USER", &self.name).env("LOGNAME", &self.name);
        for name in ["CONFIG", "DATA", "STATE", "CACHE"] {
            command.env_remove(format!("XDG_{name}_HOME"));
        }
        command.env_remove("XDG_RUNTIME_DIR").env_remove("MAIL");
        // Root's own folder for temporary files may be closed to others.
        if access(std::env::temp_dir(), Access::WRITE_OK | Access::EXEC_OK).is_err() {
            command.env_remove("TMPDIR");
        }
        command.exec()
    }
}

/// What in a tree belongs to somebody other than `uid` and is closed to this process: files that can't be written, folders
/// that can't be looked into or written. At most `limit` of them, and whether there are more.
pub(crate) fn closed(top: &Path, uid: u32, limit: usize) -> (Vec<PathBuf>, bool) {
    let mut found = Vec::new();
    let mut waiting = vec![top.to_owned()];
    while let Some(path) = waiting.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let needed = match meta.is_dir() {
            true => Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK,
            false => Access::READ_OK | Access::WRITE_OK,
        };
        if meta.uid() != uid && !meta.is_symlink() && access(&path, needed).is_err() {
            if found.len() == limit {
                return (found, true);
            }
            found.push(path.clone());
        }
        if meta.is_dir() {
            waiting.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    found.sort();
    (found, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read() {
        let ada = Account { name: "ada".into(), uid: 1000, gid: 100, home: "/home/ada".into() };
        assert_eq!(entry("ada:x:1000:100:Ada L.:/home/ada:/bin/sh"), Some(ada));
        for bad in ["", "ada", "ada:x:many:100::/home/ada:/bin/sh", ":x:1:1::/:/bin/sh", "ada:x:1:1::relative:/bin/sh"]
        {
            assert_eq!(entry(bad), None, "{bad}");
        }
        assert_eq!(account(0).map(|root| (root.name, root.gid)), Some(("root".into(), 0)));
        assert_eq!(account(u32::MAX - 7), None);
    }
}
