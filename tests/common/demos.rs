//! Demos whose environment is made once and then copied: `python -m venv` takes five seconds of a processor, and dozens of
//! tests begin with one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::core::layout::{Generation, layouts};
use pos_upgrade_tui::core::path::RelPath;
use pos_upgrade_tui::host::demo::{self, Demo, DemoError, Releases};

/// [`demo::prepare`] with a copied environment.
pub fn prepare(dir: &Path) -> Demo {
    prepare_from(&layouts().newest().folder, dir)
}

/// [`demo::prepare_from`] with a copied environment.
pub fn prepare_from(folder: &RelPath, dir: &Path) -> Demo {
    let first = layouts().generations.iter().find(|generation| generation.folder == *folder);
    prepare_generation(first.unwrap_or_else(|| layouts().first_target()), Releases::OfFirstServer, dir)
}

/// [`demo::prepare_generation`] with a copied environment.
pub fn prepare_generation(generation: &Generation, releases: Releases, dir: &Path) -> Demo {
    demo::prepare_with(generation, releases, dir, &copied, &mut |_| {}).expect("the demo can be built")
}

/// Puts a copy of the environment into an install that has everything else.
fn copied(install: &Path) -> Result<(), DemoError> {
    // A script's first line can name neither blanks nor a long path: there pip writes another kind of script.
    if install.to_str().is_none_or(|path| path.contains(' ') || path.len() > 100) {
        return demo::create_venv(install);
    }
    let built = built_for(install)?;
    let (from, to) = (built.join("venv"), install.join("venv"));
    let done = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&from).arg(&to).status().unwrap();
    assert!(done.success(), "{} can't be copied to {}", from.display(), to.display());
    // What names its own place: scripts, and the settings.
    let texts = fs::read_dir(to.join("bin")).unwrap().map(|entry| entry.unwrap().path());
    for path in texts.chain([to.join("pyvenv.cfg")]) {
        let meta = path.symlink_metadata().unwrap();
        let Some(text) = meta.is_file().then(|| fs::read(&path).unwrap()).and_then(|b| String::from_utf8(b).ok())
        else {
            continue;
        };
        let named = text.replace(from.to_str().unwrap(), to.to_str().unwrap());
        if named != text {
            fs::write(&path, named).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(meta.permissions().mode())).unwrap();
        }
    }
    Ok(())
}

/// The install among those kept for copies that has the environment which this one would get; it is made if there is none.
fn built_for(install: &Path) -> Result<PathBuf, DemoError> {
    let top = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("demo-environments");
    fs::create_dir_all(&top).unwrap();
    let top = top.canonicalize().unwrap();
    // Another test may be at it, in another process too.
    let lock = fs::File::create(top.join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let place = top.join(key(install));
    let whole = place.join("whole");
    if !whole.is_file() {
        // Half of one, of a test that was killed.
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        mirror(install, &place);
        // The scripts in it name the place that they are made at.
        demo::create_venv(&place)?;
        fs::write(&whole, "").unwrap();
    }
    Ok(place)
}

/// Copies all that the environment is made from.
fn mirror(install: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(install.join(".")).arg(to).status().unwrap();
    assert!(done.success(), "{} can't be copied to {}", install.display(), to.display());
}

/// Names what an environment depends on: the interpreter, and each file that pip is given.
fn key(install: &Path) -> String {
    let mut all = Command::new("python3").arg("-VV").output().unwrap().stdout;
    let entries = walkdir::WalkDir::new(install).sort_by_file_name().into_iter().map(Result::unwrap);
    for entry in entries.filter(|entry| entry.file_type().is_file()) {
        let path = entry.path().strip_prefix(install).unwrap();
        if path.extension().is_some_and(|end| end == "whl") || path.ends_with("requirements.txt") {
            all.extend(path.to_str().unwrap().as_bytes());
            all.extend(sha256(&fs::read(entry.path()).unwrap()).as_bytes());
        }
    }
    sha256(&all)[..16].to_owned()
}
