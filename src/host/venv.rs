//! The install's virtual environment. The live one is never changed: pip works in a hard-link clone, `venvs/<name>`,
//! and `venv` is switched to it in one step; switching back needs no network.

use std::fs as stdfs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use walkdir::WalkDir;

use super::crash::{SWITCH, around};
use super::fs::{self, Doing, FsError};

/// Why dependencies could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// pip ended with an error.
    #[error("pip failed ({status}); its last lines:\n{last}")]
    Pip {
        /// How it ended.
        status: String,
        /// What it said last.
        last: String,
    },
    /// Asked to stop.
    #[error("stopped while pip was running")]
    Cancelled,
}

/// Where the live environment is.
pub fn live(install: &Path) -> PathBuf {
    install.join("venv")
}

fn generations(install: &Path) -> PathBuf {
    install.join("venvs")
}

/// The folder of a generation.
pub fn generation(install: &Path, name: &str) -> PathBuf {
    generations(install).join(name)
}

/// Where the folder that stood at `venv` is kept after the first switch, so that it can come back.
fn original(install: &Path, name: &str) -> PathBuf {
    generations(install).join(format!("before-{name}"))
}

/// `python -m pip` of an environment: no prompt, no look for newer pips, no user configuration of where to install.
fn pip(venv: &Path) -> Command {
    let mut command = Command::new(venv.join("bin/python"));
    command
        .args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color"])
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .env_remove("PIP_TARGET")
        .env_remove("PIP_PREFIX")
        .env_remove("PIP_USER")
        .stdin(Stdio::null());
    command
}

/// Installed packages as `name==version` lines.
///
/// # Errors
/// [`VenvError`].
pub fn freeze(install: &Path) -> Result<String, VenvError> {
    let venv = live(install);
    let out =
        pip(&venv).args(["freeze", "--all"]).env("PYTHONDONTWRITEBYTECODE", "1").output().doing("run pip in", &venv)?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(VenvError::Pip { status: out.status.to_string(), last: tail(&String::from_utf8_lossy(&out.stderr)) })
}

/// Whether what is installed satisfies a requirements file: pip's own dry run would install nothing.
///
/// # Errors
/// [`VenvError`], for instance where a requirement can't be found at all.
pub fn satisfied(install: &Path, requirements: &Path) -> Result<bool, VenvError> {
    let venv = live(install);
    let out = pip(&venv)
        .args(["install", "--dry-run", "--quiet", "--report", "-", "-r"])
        .arg(requirements)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .doing("run pip in", &venv)?;
    if !out.status.success() {
        return Err(VenvError::Pip {
            status: out.status.to_string(),
            last: tail(&String::from_utf8_lossy(&out.stderr)),
        });
    }
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
    Ok(report["install"].as_array().is_some_and(Vec::is_empty))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).rev().take(8).collect();
    lines.into_iter().rev().map(fs::visible).collect::<Vec<_>>().join("\n")
}

/// Who hears of pip while it works.
pub trait Listener {
    /// A process was started; should ours die, it would live on.
    fn started(&mut self, pid: u32);
    /// A line of output. False asks to stop.
    fn line(&mut self, text: &str) -> bool;
}

/// Builds generation `name`: a clone of the live environment by hard links, with the requirements installed into it.
///
/// # Errors
/// [`VenvError`]; the live environment is as it was, the unfinished generation is removed.
pub fn build(install: &Path, name: &str, requirements: &Path, listener: &mut dyn Listener) -> Result<(), VenvError> {
    let target = generation(install, name);
    discard(install, name)?;
    fs::create_folders(&generations(install))?;
    let result = clone_by_links(&stdfs::canonicalize(live(install)).doing("open", live(install))?, &target)
        .map_err(VenvError::from)
        .and_then(|()| run(pip(&target).args(["install", "-r"]).arg(requirements), listener))
        .and_then(|()| run(pip(&target).arg("check"), listener))
        .and_then(|()| Ok(point_scripts_at(&target, &live(install))?));
    if result.is_err() {
        discard(install, name)?;
    }
    result
}

/// Removes a generation that is not live.
///
/// # Errors
/// [`FsError`].
pub fn discard(install: &Path, name: &str) -> Result<(), FsError> {
    let target = generation(install, name);
    fs::remove_tree(&target)?;
    // Only when it was the last one.
    let _ = stdfs::remove_dir(generations(install));
    Ok(())
}

fn clone_by_links(from: &Path, to: &Path) -> Result<(), FsError> {
    for entry in WalkDir::new(from).follow_links(false) {
        let entry = entry.map_err(|e| FsError { doing: "clone", path: from.to_owned(), source: e.into() })?;
        let Ok(rest) = entry.path().strip_prefix(from) else { continue };
        let target = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
        let kind = entry.file_type();
        if kind.is_dir() {
            stdfs::create_dir(&target).doing("create folder", &target)?;
        } else if kind.is_symlink() {
            let leads = stdfs::read_link(entry.path()).doing("read link", entry.path())?;
            symlink(leads, &target).doing("link", &target)?;
        } else if stdfs::hard_link(entry.path(), &target).is_err() {
            // Across file systems, or where links are not allowed.
            stdfs::copy(entry.path(), &target).doing("copy to", &target)?;
        }
    }
    Ok(())
}

fn run(command: &mut Command, listener: &mut dyn Listener) -> Result<(), VenvError> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing("run", "pip")?;
    listener.started(child.id());
    let mut all = String::new();
    let errors = child.stderr.take().map(|mut pipe| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    });
    let mut cancelled = false;
    if let Some(out) = child.stdout.take() {
        for bytes in BufReader::new(out).split(b'\n') {
            let Ok(bytes) = bytes else { break };
            let text = fs::visible(String::from_utf8_lossy(&bytes).trim_end());
            if !text.is_empty() && !listener.line(&text) {
                cancelled = true;
                let _ = child.kill();
                break;
            }
            all.push_str(&text);
            all.push('\n');
        }
    }
    let status = child.wait().doing("wait for", "pip")?;
    if cancelled {
        return Err(VenvError::Cancelled);
    }
    if status.success() {
        return Ok(());
    }
    let said = errors.and_then(|t| t.join().ok()).filter(|t| !t.trim().is_empty()).unwrap_or(all);
    Err(VenvError::Pip { status: status.to_string(), last: tail(&said) })
}

/// Scripts carry the path of the interpreter that pip ran under; they must name the path that stays the same.
fn point_scripts_at(built: &Path, live: &Path) -> Result<(), FsError> {
    let bin = built.join("bin");
    let old = built.as_os_str().as_bytes().to_vec();
    let new = live.as_os_str().as_bytes();
    for entry in stdfs::read_dir(&bin).doing("read", &bin)?.flatten() {
        if !entry.file_type().is_ok_and(|t| t.is_file()) {
            continue;
        }
        let path = entry.path();
        let bytes = stdfs::read(&path).doing("read", &path)?;
        let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(0);
        let named = bytes[..end].windows(old.len()).position(|w| w == old);
        if let Some(at) = named.filter(|_| bytes.starts_with(b"#!")) {
            let text = [&bytes[..at], new, &bytes[at + old.len()..]].concat();
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&entry.metadata().doing("look at", &path)?.permissions());
            // Replaced, not rewritten: the old file may be shared with the live environment.
            fs::write_durable(&path, &text, mode & 0o7777)?;
        }
    }
    Ok(())
}

/// Makes generation `name` the live one, in one step. Can be repeated.
///
/// # Errors
/// [`FsError`].
pub fn switch(install: &Path, name: &str) -> Result<(), FsError> {
    let venv = live(install);
    let target = Path::new("venvs").join(name);
    if is_live(install, name) {
        return Ok(());
    }
    let link = original(install, name);
    if stdfs::symlink_metadata(&link).is_ok_and(|m| m.file_type().is_symlink()) {
        fs::remove_file(&link)?;
    }
    symlink(&target, &link).doing("link", &link)?;
    // The link takes the place of what is live, and that the place of the link, in one step.
    around(SWITCH, || renameat_with(CWD, &link, CWD, &venv, RenameFlags::EXCHANGE)).doing("switch", &venv)?;
    fs::sync_folder(install)
}

/// Whether generation `name` is the live one.
pub fn is_live(install: &Path, name: &str) -> bool {
    stdfs::read_link(live(install)).is_ok_and(|leads| leads == Path::new("venvs").join(name))
}

/// Whether anything of generation `name` is there: itself, or what it replaced.
pub fn has_generation(install: &Path, name: &str) -> bool {
    [generation(install, name), original(install, name)].iter().any(|path| stdfs::symlink_metadata(path).is_ok())
}

/// Undoes [`switch`] and removes the generation. Can be repeated; does nothing where the switch never happened.
///
/// # Errors
/// [`FsError`].
pub fn switch_back(install: &Path, name: &str) -> Result<(), FsError> {
    let venv = live(install);
    let kept = original(install, name);
    if is_live(install, name) && stdfs::symlink_metadata(&kept).is_ok() {
        around(SWITCH, || renameat_with(CWD, &kept, CWD, &venv, RenameFlags::EXCHANGE)).doing("switch back", &venv)?;
        fs::sync_folder(install)?;
    }
    if stdfs::symlink_metadata(&kept).is_ok_and(|m| m.file_type().is_symlink()) {
        fs::remove_file(&kept)?;
    }
    discard(install, name)
}

/// Removes what is only kept for rolling `name` back (its backup is gone too).
///
/// # Errors
/// [`FsError`].
pub fn forget_original(install: &Path, name: &str) -> Result<(), FsError> {
    let kept = original(install, name);
    match stdfs::symlink_metadata(&kept) {
        Ok(meta) if meta.is_dir() => fs::remove_tree(&kept),
        Ok(_) => {
            // A link leads to the generation before: with the way back to it, that goes too.
            let before = stdfs::read_link(&kept).ok().and_then(|leads| leads.file_name().map(ToOwned::to_owned));
            fs::remove_file(&kept)?;
            match before.as_ref().and_then(|name| name.to_str()) {
                Some(before) if !is_live(install, before) => discard(install, before),
                _ => Ok(()),
            }
        }
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switching_and_back_leaves_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path();
        stdfs::create_dir_all(install.join("venv/bin")).unwrap();
        stdfs::write(install.join("venv/bin/x"), "old").unwrap();
        clone_by_links(&install.join("venv"), &{
            stdfs::create_dir(install.join("venvs")).unwrap();
            generation(install, "g1")
        })
        .unwrap();
        switch(install, "g1").unwrap();
        switch(install, "g1").unwrap();
        assert!(stdfs::symlink_metadata(install.join("venv")).unwrap().file_type().is_symlink());
        assert!(original(install, "g1").join("bin/x").is_file());
        switch_back(install, "g1").unwrap();
        switch_back(install, "g1").unwrap();
        assert!(stdfs::symlink_metadata(install.join("venv")).unwrap().is_dir());
        assert!(!install.join("venvs").exists());
    }

    #[test]
    fn old_generations_go_with_their_way_back() {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path();
        stdfs::create_dir_all(install.join("venv/bin")).unwrap();
        for name in ["g1", "g2"] {
            stdfs::create_dir_all(generation(install, name)).unwrap();
            switch(install, name).unwrap();
        }
        forget_original(install, "g1").unwrap();
        assert!(generation(install, "g1").exists(), "g2 can still be rolled back to it");
        forget_original(install, "g2").unwrap();
        assert!(!generation(install, "g1").exists() && is_live(install, "g2"));
        let left: Vec<_> = stdfs::read_dir(generations(install)).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["g2"]);
    }

    #[test]
    fn scripts_name_the_path_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("venvs/g/bin");
        stdfs::create_dir_all(&bin).unwrap();
        let built = dir.path().join("venvs/g");
        stdfs::write(bin.join("tool"), format!("#!{}/bin/python\nprint(1)\n", built.display())).unwrap();
        point_scripts_at(&built, &dir.path().join("venv")).unwrap();
        let text = stdfs::read_to_string(bin.join("tool")).unwrap();
        assert_eq!(text, format!("#!{}/venv/bin/python\nprint(1)\n", dir.path().display()));
    }
}
