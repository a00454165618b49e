//! The source repository: one commit and one tag for each embedded release.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::host::demo::assets;
use crate::host::demo::assets::Release;
use crate::host::demo::command::{git, python, run, run_git};
use crate::host::demo::error::{At as _, DemoError};

/// Builds the source repository in the folder `source`; gives back its commits, oldest first.
///
/// The ids are the same on every run and machine: authors, dates and bytes are fixed.
///
/// # Errors
/// [`DemoError`] if git or python fails or the folder can't be written.
pub fn prepare_source(source: &Path) -> Result<Vec<String>, DemoError> {
    fs::create_dir_all(source).at("create", source)?;
    run_git(git(source, "").args(["init", "--quiet", "--template="]))?;
    assets::releases()?.iter().map(|release| add_release(source, release)).collect()
}

fn add_release(source: &Path, release: &Release) -> Result<String, DemoError> {
    for path in &release.removed {
        let path = source.join(path);
        fs::remove_file(&path).at("remove", &path)?;
        remove_empty_parents(&path, source);
    }
    for rename in &release.renamed {
        let (from, to) = (source.join(&rename.from), source.join(&rename.to));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at("create", parent)?;
        }
        fs::rename(&from, &to).at("move", &from)?;
        remove_empty_parents(&from, source);
    }
    assets::write(release.tree()?, source)?;
    for path in &release.executable {
        let path = source.join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).at("make executable", &path)?;
    }
    build_wheels(release, &source.join("mcp_server/wheels"))?;

    let git = || git(source, &release.date);
    // An empty index, so that git looks into every file: two releases may differ in bytes alone, not in size or time.
    run_git(git().args(["read-tree", "--empty"]))?;
    run_git(git().args(["add", "--all"]))?;
    run_git(git().args(["commit", "--quiet", "--no-verify", "--message", &release.message]))?;
    run_git(git().args(["tag", &format!("v{}", release.version)]))?;
    run_git(git().args(["rev-parse", "HEAD"]))
}

/// Makes exactly the wheels of this release in `target`.
fn build_wheels(release: &Release, target: &Path) -> Result<(), DemoError> {
    if target.exists() {
        fs::remove_dir_all(target).at("remove", target)?;
    }
    let workshop = tempfile::tempdir().at("create a folder in", &std::env::temp_dir())?;
    assets::write(assets::folder("wheels")?, workshop.path())?;
    let script = workshop.path().join("build_wheels.py");
    run(python().arg("-B").arg(script).arg(target).args(&release.wheels), |command, output| DemoError::Python {
        command,
        output,
    })?;
    Ok(())
}

fn remove_empty_parents(path: &Path, root: &Path) {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != root) {
        if fs::remove_dir(parent).is_err() {
            return;
        }
    }
}
