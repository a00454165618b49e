//! The install's virtual environment. The live one is never changed: pip works in a hard-link clone, `venvs/<name>`,
//! and `venv` is switched to it in one step; switching back needs no network.

use std::fs as stdfs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::RenameFlags;
use rustix::io::Errno;
use walkdir::WalkDir;

use crate::core::blob::sha256;
use crate::host::files::crash_points::{LINK, SWITCH, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs;
use crate::host::files::rename;
use crate::host::files::tree::{copy_tree, mirror};
use crate::host::install::locked::LockedInstall;
use crate::host::process::program::{Listener, ProgramError};
use crate::host::python::installer::{Installer, no_folder};
use crate::host::python::relocate;

/// Where the live environment is.
pub fn live(install: &Path) -> PathBuf {
    install.join("venv")
}

/// Whether there is one, sound or not: a link that leads nowhere counts.
pub(crate) fn is_there(install: &Path) -> bool {
    stdfs::symlink_metadata(live(install)).is_ok()
}

/// Whether it is the install's own, rather than a link to one elsewhere, or to nothing.
pub(crate) fn is_own(install: &Path) -> bool {
    let real = stdfs::canonicalize(live(install)).ok().zip(stdfs::canonicalize(install).ok());
    real.is_some_and(|(venv, install)| venv.starts_with(install))
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

/// Makes generation `name`: a clone of the live environment by hard links, for pip to work in; its folder.
///
/// # Errors
/// [`FsError`]; the live environment is as it was.
pub(crate) fn clone_live(install: &LockedInstall, name: &str) -> Result<PathBuf, FsError> {
    discard(install, name)?;
    let made = install.make_folder(generations(install))?.join(name);
    let live = live(install);
    let real = stdfs::canonicalize(&live).doing("open", &live)?;
    // What is not the install's shares nothing with it, not even the count of its links.
    if is_own(install) {
        clone_by_links(&real, &made)?
    } else {
        copy_tree(&real, &made)?
    }
    Ok(made)
}

/// The same for who may write into files that are there already: nothing is shared with the live environment.
///
/// # Errors
/// [`FsError`]; the live environment is as it was.
pub(crate) fn copy_live(install: &LockedInstall, name: &str) -> Result<PathBuf, FsError> {
    discard(install, name)?;
    let made = install.make_folder(generations(install))?.join(name);
    let live = live(install);
    copy_tree(&stdfs::canonicalize(&live).doing("open", &live)?, &made)?;
    Ok(made)
}

/// Makes generation `name` anew with an interpreter, without any packages but its own pip; its folder.
///
/// # Errors
/// [`ProgramError`]; the live environment is as it was.
pub(crate) fn make_anew(
    install: &LockedInstall,
    name: &str,
    (python, by): (&Path, &Installer),
    listener: &mut dyn Listener,
) -> Result<PathBuf, ProgramError> {
    discard(install, name).map_err(|e| no_folder(&e))?;
    let made = install.make_folder(generations(install)).map_err(|e| no_folder(&e))?.join(name);
    by.make(python, &made, listener)?;
    Ok(made)
}

/// Makes generation `name` ready to be switched to, and durable: its scripts name the place where it will be. `goes_to` is
/// where the install will be by then.
///
/// # Errors
/// [`FsError`].
pub fn finish(install: &LockedInstall, name: &str, goes_to: &Path) -> Result<(), FsError> {
    let (built, future) = (generation(install, name), live(goes_to));
    relocate::plain_texts(install, &built, &built, &future)?;
    point_scripts_at(install, &built, &built, &future)?;
    if goes_to != &**install {
        point_scripts_at(install, &built, &live(install), &future)?;
        relocate::plain_texts(install, &built, install, goes_to)?;
    }
    fs::sync_all_of(&built)
}

/// Every entry of the live environment with kind, size, time and number, as one sum: another one if anything in it was
/// replaced or written to. Bytecode doesn't count, a running server makes that. With it, how many entries there are.
///
/// # Errors
/// [`FsError`].
pub fn fingerprint(install: &Path) -> Result<(String, u64), FsError> {
    let root = live(install);
    let Ok(root) = stdfs::canonicalize(&root) else {
        // A link that leads nowhere is all that there is.
        let leads = stdfs::read_link(&root).doing("read link", &root)?;
        return Ok((sha256(leads.as_os_str().as_bytes()), 1));
    };
    let mut text = Vec::new();
    let mut count = 0;
    let walk = WalkDir::new(&root).follow_links(false).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|e| e.file_name() != "__pycache__") {
        let entry = entry.map_err(|e| FsError { doing: "look at", path: root.clone(), source: e.into() })?;
        let meta = entry.metadata().map_err(|e| FsError { doing: "look at", path: root.clone(), source: e.into() })?;
        // A folder's own time changes with the bytecode in it; what it holds is listed anyway.
        let time = if meta.is_dir() { (0, 0, 0) } else { (meta.mtime(), meta.mtime_nsec(), meta.len()) };
        text.extend_from_slice(entry.path().as_os_str().as_bytes());
        text.extend_from_slice(format!(" {:o} {} {time:?}\n", meta.mode(), meta.ino()).as_bytes());
        count += 1;
    }
    Ok((sha256(&text), count))
}

/// Removes a generation that is not live.
///
/// # Errors
/// [`FsError`].
pub fn discard(install: &LockedInstall, name: &str) -> Result<(), FsError> {
    let target = generation(install, name);
    fs::remove_tree(&target)?;
    // Only when it was the last one.
    let all = generations(install);
    match stdfs::remove_dir(&all) {
        Err(e) if !matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => {
            Err(e).doing("remove folder", &all)
        }
        _ => Ok(()),
    }
}

fn clone_by_links(from: &Path, to: &Path) -> Result<(), FsError> {
    mirror(from, to, "clone", |entry, target| {
        if !entry.file_type().is_symlink() && stdfs::hard_link(entry.path(), target).is_err() {
            // Across file systems, or where links are not allowed.
            stdfs::copy(entry.path(), target).doing("copy to", target)?;
        }
        Ok(())
    })
}

/// Scripts carry the path of the interpreter that pip ran under; they must name the path that stays the same.
fn point_scripts_at(_: &LockedInstall, built: &Path, named: &Path, live: &Path) -> Result<(), FsError> {
    let bin = built.join("bin");
    let old = named.as_os_str().as_bytes().to_vec();
    let new = live.as_os_str().as_bytes();
    for entry in stdfs::read_dir(&bin).doing("read", &bin)?.flatten() {
        if !entry.file_type().is_ok_and(|t| t.is_file()) {
            continue;
        }
        let path = entry.path();
        let bytes = stdfs::read(&path).doing("read", &path)?;
        // A path that is too long for the first line, or has a space, stands in the second; it may have lines itself.
        let before = usize::from(bytes.starts_with(b"#!/bin/sh"));
        let lines = before + old.iter().filter(|b| **b == b'\n').count();
        let mut ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at);
        let end = ends.nth(lines).unwrap_or(0);
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
pub fn switch(install: &LockedInstall, name: &str) -> Result<(), FsError> {
    let venv = live(install);
    let target = Path::new("venvs").join(name);
    if is_live(install, name) {
        return Ok(());
    }
    let link = original(install, name);
    match stdfs::symlink_metadata(&link) {
        // What a switch in two steps kept before it was cut off.
        Ok(meta) if meta.is_dir() => {
            in_two_steps(&venv, &target, &link)?;
            return both_durable(install);
        }
        Ok(_) => fs::remove_file(&link)?,
        Err(_) => {}
    }
    around(LINK, || symlink(&target, &link)).doing("link", &link)?;
    // The link takes the place of what is live, and that the place of the link, in one step.
    match around(SWITCH, || rename::paths(&link, &venv, RenameFlags::EXCHANGE)) {
        Ok(()) => {}
        Err(errno) if cannot_exchange(errno) => in_two_steps(&venv, &target, &link)?,
        other => other.doing("switch", &venv)?,
    }
    both_durable(install)
}

/// What changed places between the install and its generations is durable when both folders are.
fn both_durable(install: &Path) -> Result<(), FsError> {
    fs::sync_folder(&generations(install))?;
    fs::sync_folder(install)
}

/// Errors of file systems that can't exchange, or can't move this folder: overlays have it in a lower layer.
fn cannot_exchange(errno: Errno) -> bool {
    matches!(errno, Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// Puts a link to `target` at `venv` where the two can't be exchanged, and what stood there at `kept`: moved if that
/// works, otherwise copied, whole and durable before anything goes. A crash between leaves `kept`, a repetition goes on.
fn in_two_steps(venv: &Path, target: &Path, kept: &Path) -> Result<(), FsError> {
    let kind = |path: &Path| stdfs::symlink_metadata(path).map(|m| m.file_type());
    if !kind(kept).is_ok_and(|k| k.is_dir()) {
        if kind(venv).is_ok_and(|k| k.is_symlink()) {
            // From one generation to the next: only links change places, and the new one replaces the old.
            let before = stdfs::read_link(venv).doing("read link", venv)?;
            fs::remove_file(kept)?;
            symlink(before, kept).doing("link", kept)?;
            let new = kept.with_extension("new");
            fs::remove_file(&new)?;
            symlink(target, &new).doing("link", &new)?;
            return around(SWITCH, || stdfs::rename(&new, venv)).doing("switch", venv);
        }
        fs::remove_file(kept)?;
        if around(SWITCH, || stdfs::rename(venv, kept)).is_err() {
            let half = kept.with_extension("half");
            fs::remove_tree(&half)?;
            copy_tree(venv, &half)?;
            stdfs::rename(&half, kept).doing("keep", kept)?;
        }
        if let Some(parent) = kept.parent() {
            fs::sync_folder(parent)?;
        }
    }
    match kind(venv) {
        Ok(kind) if kind.is_dir() => around(SWITCH, || fs::remove_tree(venv))?,
        Ok(_) => fs::remove_file(venv)?,
        Err(_) => {}
    }
    around(SWITCH, || symlink(target, venv)).doing("link", venv)
}

/// Takes what stands at `venv` out of the way, to where [`switch_back`] of `name` has it from. Can be repeated.
///
/// # Errors
/// [`FsError`].
pub(crate) fn put_aside(install: &LockedInstall, name: &str) -> Result<(), FsError> {
    let (venv, kept) = (live(install), original(install, name));
    if !fs::is_there(&venv)? || fs::is_there(&kept)? {
        return Ok(());
    }
    install.make_folder(generations(install))?;
    around(SWITCH, || rename::path_over_nothing(&venv, &kept)).doing("set aside", &venv)?;
    both_durable(install)
}

/// Whether generation `name` is the live one.
pub(crate) fn is_live(install: &Path, name: &str) -> bool {
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
pub(crate) fn switch_back(install: &LockedInstall, name: &str) -> Result<(), FsError> {
    let venv = live(install);
    let kept = original(install, name);
    let kind = |path: &Path| stdfs::symlink_metadata(path).map(|m| m.file_type()).ok();
    let mut back = false;
    if is_live(install, name) && kind(&kept).is_some() {
        match around(SWITCH, || rename::paths(&kept, &venv, RenameFlags::EXCHANGE)) {
            // A link may simply be renamed over ours.
            Err(errno) if cannot_exchange(errno) && kind(&kept).is_some_and(|k| k.is_symlink()) => {
                stdfs::rename(&kept, &venv).doing("switch back", &venv)?;
                back = true;
            }
            Err(errno) if !cannot_exchange(errno) => return Err(errno).doing("switch back", &venv),
            exchanged => back = exchanged.is_ok(),
        }
    }
    // Put aside, and nothing came in its place.
    if !back && kind(&venv).is_none() && kind(&kept).is_some_and(|k| k.is_symlink()) {
        around(SWITCH, || rename::path_over_nothing(&kept, &venv)).doing("switch back", &venv)?;
        back = true;
    }
    // Kept by a switch in two steps: whatever stands at `venv` is our link, or what a crash left of the folder.
    if !back && kind(&kept).is_some_and(|k| k.is_dir()) {
        match kind(&venv) {
            Some(kind) if kind.is_dir() => fs::remove_tree(&venv)?,
            Some(_) => fs::remove_file(&venv)?,
            None => {}
        }
        rename::path_over_nothing(&kept, &venv).doing("switch back", &venv)?;
        back = true;
    }
    // Also where a run before did it: nothing of the generation may go before that is durable.
    if back || kind(&generations(install)).is_some_and(|k| k.is_dir()) {
        both_durable(install)?;
    }
    fs::remove_tree(&kept.with_extension("half"))?;
    fs::remove_file(&kept.with_extension("new"))?;
    if stdfs::symlink_metadata(&kept).is_ok_and(|m| m.file_type().is_symlink()) {
        fs::remove_file(&kept)?;
    }
    discard(install, name)
}

/// Removes what is only kept for rolling `name` back (its backup is gone too).
///
/// # Errors
/// [`FsError`].
pub(crate) fn forget_original(install: &LockedInstall, name: &str) -> Result<(), FsError> {
    let kept = original(install, name);
    match stdfs::symlink_metadata(&kept) {
        Ok(meta) if meta.is_dir() => fs::remove_tree(&kept),
        Ok(_) => {
            // A link leads to the generation before: with the way back to it, that goes too.
            let leads = stdfs::read_link(&kept).ok().filter(|leads| leads.parent() == Some(Path::new("venvs")));
            let before = leads.and_then(|leads| leads.file_name().map(ToOwned::to_owned));
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
        let install = &LockedInstall::of_test(dir.path());
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
    fn what_was_put_aside_comes_back_as_it_was() {
        for is_link in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let install = &LockedInstall::of_test(dir.path());
            let elsewhere = dir.path().join("elsewhere");
            stdfs::create_dir_all(elsewhere.join("bin")).unwrap();
            match is_link {
                true => symlink(&elsewhere, live(install)).unwrap(),
                false => stdfs::create_dir_all(live(install).join("bin")).unwrap(),
            }
            put_aside(install, "u1").unwrap();
            put_aside(install, "u1").unwrap();
            assert!(!is_there(install) && stdfs::symlink_metadata(original(install, "u1")).is_ok());
            switch_back(install, "u1").unwrap();
            switch_back(install, "u1").unwrap();
            assert_eq!(stdfs::symlink_metadata(live(install)).unwrap().is_symlink(), is_link);
            assert!(live(install).join("bin").is_dir() && !install.join("venvs").exists());
        }
    }

    #[test]
    fn a_switch_in_two_steps_can_be_cut_off_anywhere() {
        // 0: nothing done; 1: kept, by a copy; 2: half of the folder removed; 3: all of it; 4: done.
        for (at, back) in (0..5).flat_map(|at| [(at, true), (at, false)]) {
            let dir = tempfile::tempdir().unwrap();
            let install = &LockedInstall::of_test(dir.path());
            let (venv, kept) = (live(install), original(install, "g1"));
            stdfs::create_dir_all(venv.join("bin")).unwrap();
            stdfs::create_dir_all(generation(install, "g1")).unwrap();
            for name in ["a", "b"] {
                stdfs::write(venv.join("bin").join(name), name).unwrap();
            }
            let target = Path::new("venvs/g1");
            if at > 0 {
                copy_tree(&venv, &kept).unwrap();
            }
            match at {
                0 | 1 => {}
                2 => stdfs::remove_file(venv.join("bin/a")).unwrap(),
                3 => stdfs::remove_dir_all(&venv).unwrap(),
                _ => in_two_steps(&venv, target, &kept).unwrap(),
            }
            if !back {
                in_two_steps(&venv, target, &kept).unwrap();
                assert!(is_live(install, "g1") && kept.join("bin/a").is_file(), "{at}");
            }
            if at > 0 || !back {
                switch_back(install, "g1").unwrap();
            }
            let all: Vec<_> = ["a", "b"].iter().filter(|n| venv.join("bin").join(n).is_file()).collect();
            assert_eq!(all.len(), 2, "{at} {back}");
            assert!(stdfs::symlink_metadata(&venv).unwrap().is_dir() && !kept.exists(), "{at}");
        }
    }

    #[test]
    fn the_fingerprint_sees_what_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("venv/lib/x.py");
        stdfs::create_dir_all(dir.path().join("venv/lib/__pycache__")).unwrap();
        stdfs::write(&file, "one").unwrap();
        let before = fingerprint(dir.path()).unwrap();
        stdfs::write(dir.path().join("venv/lib/__pycache__/x.pyc"), "").unwrap();
        assert_eq!(fingerprint(dir.path()).unwrap(), before);
        stdfs::write(&file, "two").unwrap();
        assert_ne!(fingerprint(dir.path()).unwrap().0, before.0);
    }

    #[test]
    fn old_generations_go_with_their_way_back() {
        let dir = tempfile::tempdir().unwrap();
        let install = &LockedInstall::of_test(dir.path());
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
        let install = &LockedInstall::of_test(dir.path());
        let bin = dir.path().join("venvs/g/bin");
        stdfs::create_dir_all(&bin).unwrap();
        let built = dir.path().join("venvs/g");
        stdfs::write(bin.join("tool"), format!("#!{}/bin/python\nprint(1)\n", built.display())).unwrap();
        point_scripts_at(install, &built, &built, &dir.path().join("venv")).unwrap();
        let text = stdfs::read_to_string(bin.join("tool")).unwrap();
        assert_eq!(text, format!("#!{}/venv/bin/python\nprint(1)\n", dir.path().display()));
        // As pip writes it where the path has a space, or is too long for the kernel.
        let long =
            |at: &Path| format!("#!/bin/sh\n'''exec' \"{}/bin/python\" \"$0\" \"$@\"\n' '''\nimport x\n", at.display());
        stdfs::write(bin.join("tool"), long(&built)).unwrap();
        point_scripts_at(install, &built, &built, &dir.path().join("venv")).unwrap();
        assert_eq!(stdfs::read_to_string(bin.join("tool")).unwrap(), long(&dir.path().join("venv")));
    }
}
