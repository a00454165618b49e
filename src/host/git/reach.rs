//! A git that fetches, when a person asks for that: how the user reaches other machines is his own affair, so his credentials,
//! proxies and ssh command count, from his own settings and environment, and nothing else of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::git::command::git_to_fetch;
use crate::host::git::error::GitError;
use crate::host::git::settings::Settings;
use crate::host::process::children;

/// What of the user's own settings is needed to reach another machine.
const TO_REACH: [&str; 9] =
    ["credential.", "http.", "url.", "ssh.", "protocol.", "safe.", "core.sshcommand", "core.askpass", "core.gitproxy"];

/// Such a git in a folder, without anything to do yet. `home` is a temporary folder of ours, `protocols` are those that are
/// spoken, as `GIT_ALLOW_PROTOCOL` has them.
///
/// # Errors
/// [`GitError::NoFetch`] where the settings can't be written down.
pub(super) fn ready(dir: &Path, home: &Path, url: &str, protocols: &str) -> Result<Command, GitError> {
    let user = Settings::of_user(home)?;
    // On this machine nothing has to be reached, and a git that gives reads these settings too.
    let wanted: &[&str] = if is_here(url) { &["safe."] } else { &TO_REACH };
    let settings = user.written(|key| wanted.iter().any(|wanted| key.starts_with(wanted)));
    let file: PathBuf = home.join("user-config");
    fs::write(&file, settings).map_err(|e| unwritten(dir, &file, &e))?;
    let mut fetch = git_to_fetch(dir);
    if !is_here(url) {
        for (key, value) in user.iter().filter(|(key, _)| key.starts_with("credential.")) {
            fetch.arg("-c").arg(format!("{key}={value}"));
        }
    }
    fetch.args(["-c", "fetch.recurseSubmodules=false", "-c", "fetch.writeCommitGraph=false"]);
    fetch.env("GIT_CONFIG_GLOBAL", &file).env("GIT_CONFIG_NOSYSTEM", "1");
    fetch.env("GIT_ALLOW_PROTOCOL", protocols).env_remove("GIT_NO_REPLACE_OBJECTS");
    let is_set = |name: &str| std::env::var_os(name).is_some();
    if !is_set("GIT_SSH_COMMAND") && !is_set("GIT_SSH") && user.get("core.sshcommand").is_none() {
        // A password asked for on the terminal would stand in the middle of the wizard.
        fetch.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
    Ok(fetch)
}

/// The error of a file of ours that can't be written.
pub(super) fn unwritten(dir: &Path, file: &Path, error: &io::Error) -> GitError {
    use crate::core::visible::Shown as _;
    GitError::NoFetch { path: dir.to_owned(), why: format!("{}: {error}", file.shown()) }
}

/// The same command once more, for another thing to do.
pub(super) fn again(command: &Command) -> Command {
    let mut same = children::helper(command.get_program());
    same.args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        same.current_dir(dir);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => same.env(name, value),
            None => same.env_remove(name),
        };
    }
    same
}

/// Whether an address is a path on this machine.
pub(super) fn is_here(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    // `host:path` is ssh, `./a:b` and `/a:b` are paths.
    let is_scp = url.find(':').is_some_and(|colon| !url[..colon].contains('/'));
    scheme.map_or(!is_scp, |scheme| scheme == "file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_on_this_machine_is_known() {
        for here in ["/srv/praxis", "../praxis", "file:///srv/praxis", "./a:b"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in ["https://example.invalid/x", "git@example.invalid:x", "host:/srv", "ssh://h/x"] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }
}
